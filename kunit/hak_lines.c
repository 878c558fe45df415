// SPDX-License-Identifier: GPL-2.0
/*
 * Objects allocated in each way there is, by a function of its own, so that
 * /proc/allocinfo tells the ways apart. Public API only.
 *
 * A number that is written to the parameter "hold" makes that many objects live in each
 * way. A word that is written to "free" frees them all: "here", "away" (on another
 * CPU), "bulk", or "rcu".
 */
#define pr_fmt(fmt) "hak_lines: " fmt

#include <linux/cpumask.h>
#include <linux/mempool.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#define HAKMEM_REPLACE_KMALLOC
#include <hakmem_replace.h>

#define MAX_LIVE	1000

static struct hak_cache *cache;
static mempool_t *pool;

#ifndef krealloc_node
#define krealloc_node(p, size, gfp, node)	krealloc(p, size, gfp)
#endif

/* A line of its own for each way to allocate one object of at least 16 bytes. */
#define LINE(name, expr)						\
	static noinline void *line_##name(unsigned int size) { return expr; }

LINE(alloc, hak_alloc(64, GFP_KERNEL))
LINE(alloc_var, hak_alloc(size, GFP_KERNEL))
LINE(zalloc, hak_zalloc(48, GFP_KERNEL))
LINE(node, hak_alloc_node(64, GFP_KERNEL, numa_mem_id()))
LINE(this_node, hak_alloc_node(64, GFP_KERNEL | __GFP_THISNODE, 0))
LINE(zalloc_node, hak_zalloc_node(64, GFP_KERNEL, 0))
LINE(array, hak_alloc_array(4, 16, GFP_KERNEL))
LINE(calloc, hak_calloc(3, 8, GFP_KERNEL))
LINE(calloc_node, hak_calloc_node(3, 8, GFP_KERNEL, 0))
LINE(realloc, hak_realloc(NULL, size, GFP_KERNEL))
LINE(realloc_array, hak_realloc_array(NULL, 4, 16, GFP_KERNEL))
LINE(grown, hak_realloc(hak_alloc(32, GFP_KERNEL), 64, GFP_KERNEL))
LINE(strdup, hak_strdup("fifteen letters", GFP_KERNEL))
LINE(memdup, hak_memdup(&cache, 32 + 0 * size, GFP_KERNEL))
LINE(cache, hak_cache_alloc(cache, GFP_KERNEL))
LINE(cache_zalloc, hak_cache_zalloc(cache, GFP_KERNEL))
LINE(cache_node, hak_cache_alloc_node(cache, GFP_KERNEL, 0))
LINE(cache_lru, hak_cache_alloc_lru(cache, NULL, GFP_KERNEL))
LINE(mempool, mempool_alloc(pool, GFP_KERNEL))
LINE(kmalloc, kmalloc(64, GFP_KERNEL))
LINE(kvmalloc, kvmalloc(size, GFP_KERNEL))
LINE(krealloc_node, krealloc_node(kmalloc(32, GFP_KERNEL), 64,
				  GFP_KERNEL | __GFP_THISNODE, 0))
LINE(kmem_cache, kmem_cache_alloc(cache, GFP_KERNEL))
LINE(slub_large, hak_alloc(4096, GFP_KERNEL))
LINE(slub_typed, hak_cache_alloc(cache, GFP_KERNEL_ACCOUNT))
LINE(slub_class, hak_alloc(64, GFP_KERNEL_ACCOUNT))
LINE(slub_kvmalloc, kvmalloc(8192, GFP_KERNEL))
LINE(slub_kvrealloc, kvrealloc(kmalloc(2048, GFP_KERNEL), 4096, GFP_KERNEL))

static noinline unsigned int line_bulk(unsigned int n, void **obj)
{
	return hak_alloc_bulk(64, GFP_KERNEL, n, obj);
}

static noinline unsigned int line_cache_bulk(unsigned int n, void **obj)
{
	return hak_cache_alloc_bulk(cache, GFP_KERNEL, n, obj);
}

static void *(*const lines[])(unsigned int size) = {
	line_alloc, line_alloc_var, line_zalloc, line_node, line_this_node,
	line_zalloc_node, line_array, line_calloc, line_calloc_node, line_realloc,
	line_realloc_array, line_grown, line_strdup, line_memdup, line_cache,
	line_cache_zalloc, line_cache_node, line_cache_lru, line_mempool, line_kmalloc,
	line_kvmalloc, line_krealloc_node, line_kmem_cache, line_slub_large, line_slub_typed,
	line_slub_class, line_slub_kvmalloc, line_slub_kvrealloc,
};

static DEFINE_MUTEX(live_mutex);
static void *live[(ARRAY_SIZE(lines) + 2) * MAX_LIVE];
static unsigned int nr;

static int hold(unsigned int n)
{
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(lines); i++) {
		for (j = 0; j < n; j++) {
			live[nr] = lines[i](100);
			if (!live[nr++])
				return -ENOMEM;
		}
	}
	if (line_bulk(n, live + nr) != n)
		return -ENOMEM;
	nr += n;
	if (line_cache_bulk(n, live + nr) != n)
		return -ENOMEM;
	nr += n;
	return 0;
}

static long free_here(void *unused)
{
	while (nr)
		hak_free(live[--nr]);
	return 0;
}

static void free_by_rcu(void)
{
	while (nr) {
		struct rcu_head *p = live[--nr];

		if (nr % 2)
			__hak_free_rcu(p, p);
		else
			hak_free_rcu_mightsleep(p);
	}
	hak_free_rcu_barrier();
}

static int set_hold(const char *val, const struct kernel_param *kp)
{
	unsigned int n;
	int err = kstrtouint(val, 0, &n);

	if (err || n > MAX_LIVE)
		return err ?: -EINVAL;
	mutex_lock(&live_mutex);
	err = nr ? -EBUSY : hold(n);
	mutex_unlock(&live_mutex);
	return err;
}

static int set_free(const char *val, const struct kernel_param *kp)
{
	unsigned int cpu;
	int err = 0;

	mutex_lock(&live_mutex);
	cpu = cpumask_any_but(cpu_online_mask, raw_smp_processor_id());
	if (sysfs_streq(val, "here")) {
		free_here(NULL);
	} else if (sysfs_streq(val, "away") && cpu < nr_cpu_ids) {
		work_on_cpu(cpu, free_here, NULL);
	} else if (sysfs_streq(val, "bulk")) {
		hak_free_bulk(nr, live);
		nr = 0;
	} else if (sysfs_streq(val, "rcu")) {
		free_by_rcu();
	} else {
		err = -EINVAL;
	}
	mutex_unlock(&live_mutex);
	return err;
}

static const struct kernel_param_ops hold_ops = { .set = set_hold };
static const struct kernel_param_ops free_ops = { .set = set_free };
module_param_cb(hold, &hold_ops, NULL, 0200);
module_param_cb(free, &free_ops, NULL, 0200);

static int __init hak_lines_init(void)
{
	cache = hak_cache_create("hak_lines", 60, 0, 0, NULL);
	if (!cache)
		return -ENOMEM;
	pool = mempool_create(1, hak_mempool_alloc, hak_mempool_free, cache);
	if (pool)
		return 0;
	hak_cache_destroy(cache);
	return -ENOMEM;
}

static void __exit hak_lines_exit(void)
{
	free_here(NULL);
	mempool_destroy(pool);
	hak_cache_destroy(cache);
}

module_init(hak_lines_init);
module_exit(hak_lines_exit);

MODULE_DESCRIPTION("Objects by the lines that allocate them, for testing");
MODULE_LICENSE("GPL");
