// SPDX-License-Identifier: GPL-2.0
/*
 * Caches: what a size class and a hak_cache_create() cache have in common, and
 * how the latter come and go.
 */
#define pr_fmt(fmt) "hakmem: " fmt

#include <linux/bug.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/nodemask.h>
#include <linux/printk.h>
#include <linux/rculist.h>

#include "core.h"

LIST_HEAD(hak_caches);

/* Protects hak_caches and serialises what walks it; see core.h. */
DEFINE_MUTEX(hak_cache_mutex);

/*
 * Have whoever looks at all caches look at @c, too, or no longer. Those who hold
 * no mutex, but have preemption off, may still do so until a grace period later.
 */
void hak_cache_list(struct hak_cache *c, bool listed)
{
	lockdep_assert_held(&hak_cache_mutex);

	if (c->listed == listed)
		return;
	c->listed = listed;
	if (listed)
		list_add_tail_rcu(&c->list, &hak_caches);
	else
		list_del_rcu(&c->list);
}

/*
 * Let the CPUs that are up use their per-CPU caches, and those that come and go
 * know of them. None does so between being looked at and being listed.
 */
static void hak_cache_publish(struct hak_cache *c)
{
	unsigned int cpu;

	mutex_lock(&hak_cache_mutex);
	for_each_possible_cpu(cpu)
		if (hak_cpu_is_up(cpu))
			WRITE_ONCE(per_cpu_ptr(c->cpu, cpu)->busy, HAK_CPU_READY);
	hak_cache_list(c, true);
	mutex_unlock(&hak_cache_mutex);
}

/**
 * hak_cache_setup() - fill in a cache and make it known
 * @c: zeroed memory
 * @name: kept, not copied
 * @size: object size and stride, a multiple of 8, at most HAK_CACHE_MAX_SIZE
 *
 * Context: task.
 * Return: 0 or -ENOMEM, with nothing left behind.
 */
int hak_cache_setup(struct hak_cache *c, const char *name, u32 size)
{
	unsigned int cpu;
	int err;

	c->name = name;
	c->size = size;
	c->recip = DIV_ROUND_UP_ULL(1ULL << 32, size);
	c->capacity = HAK_SLAB_SIZE / size;
	c->cap = hak_cpu_cap(size);
	c->link = 0;

	err = hak_pool_create(c);
	if (err)
		return err;
	c->cpu = __alloc_percpu(hak_cpu_cache_bytes(c->cap),
				__alignof__(struct hak_cpu_cache));
	if (!c->cpu) {
		hak_pool_destroy(c);
		return -ENOMEM;
	}
	for_each_possible_cpu(cpu)
		hak_cpu_cache_init(per_cpu_ptr(c->cpu, cpu), c->cap,
				   HAK_MAGAZINES);

	hak_cache_publish(c);
	return 0;
}

/*
 * Nobody uses @c any more: empty every CPU's cache of it and reap its pools.
 * CPUs that come or go from here on do not know it.
 */
static void hak_cache_quiesce(struct hak_cache *c)
{
	unsigned int cpu;
	int nid;

	cpus_read_lock();
	mutex_lock(&hak_cache_mutex);
	for_each_possible_cpu(cpu) {
		struct hak_cpu_cache *cc = per_cpu_ptr(c->cpu, cpu);

		preempt_disable();
		WRITE_ONCE(cc->busy, HAK_CPU_INSIDE);
		hak_cpu_flush(c, cc);
		preempt_enable();
	}
	for_each_node(nid) {
		hak_depot_flush(c, nid);
		hak_pool_reap(c->pool[nid]);
	}
	hak_cache_list(c, false);
	mutex_unlock(&hak_cache_mutex);
	cpus_read_unlock();
}

/* Undo hak_cache_setup(); what is still in its slabs was reported. */
void hak_cache_teardown(struct hak_cache *c)
{
	mutex_lock(&hak_cache_mutex);
	hak_cache_list(c, false);
	mutex_unlock(&hak_cache_mutex);
	free_percpu(c->cpu);
	c->cpu = NULL;
	hak_pool_destroy(c);
}

static bool hak_cache_args_ok(const char *name, unsigned int size,
			      unsigned int align, slab_flags_t flags,
			      void (*ctor)(void *))
{
	if (!name || !*name) {
		pr_err("hak_cache_create: name is missing\n");
		return false;
	}
	if (!size || size > HAK_CACHE_MAX_SIZE) {
		pr_err("hak_cache_create(%s): size %u is out of range; it takes 1..%u\n",
		       name, size, HAK_CACHE_MAX_SIZE);
		return false;
	}
	if (align > PAGE_SIZE || (align && !is_power_of_2(align))) {
		pr_err("hak_cache_create(%s): align %u is not 0 or a power of two up to %lu\n",
		       name, align, PAGE_SIZE);
		return false;
	}
	if (round_up(size, max(align, HAK_MIN_SIZE)) > HAK_CACHE_MAX_SIZE) {
		pr_err("hak_cache_create(%s): size %u aligned to %u is above %u\n",
		       name, size, align, HAK_CACHE_MAX_SIZE);
		return false;
	}
	if (flags || ctor) {
		pr_err("hak_cache_create(%s): takes neither flags nor a constructor\n",
		       name);
		return false;
	}
	return true;
}

/**
 * hak_cache_create() - make a cache of objects of one size
 * @name: for people; copied
 * @size: object size in bytes, 1..HAK_CACHE_MAX_SIZE
 * @align: alignment in bytes, 0 for 8, else a power of two up to PAGE_SIZE
 * @flags: must be 0
 * @ctor: must be NULL
 *
 * Objects come from slabs that hold nothing else. They begin @align bytes apart
 * or a multiple of that, so that with @align a multiple of the cache line no
 * two share one; see hak_alloc() for what that is good for.
 *
 * Context: task, may sleep.
 * Return: the cache, or NULL; bad arguments are reported.
 */
struct hak_cache *hak_cache_create(const char *name, unsigned int size,
				   unsigned int align, slab_flags_t flags,
				   void (*ctor)(void *))
{
	struct hak_cache *c;

	if (!hak_cache_args_ok(name, size, align, flags, ctor))
		return NULL;

	size = round_up(size, max(align, HAK_MIN_SIZE));
	c = kzalloc(sizeof(*c), GFP_KERNEL);
	if (!c)
		return NULL;
	c->name = kstrdup(name, GFP_KERNEL);
	if (!c->name)
		goto free_cache;
	c->fallback = kmem_cache_create(name, size, max(align, HAK_MIN_SIZE),
					0, NULL);
	if (!c->fallback)
		goto free_name;
	if (hak_cache_setup(c, c->name, size))
		goto free_fallback;
	pr_debug("cache %s: %u bytes, %u to a slab\n", name, size, c->capacity);
	return c;

free_fallback:
	kmem_cache_destroy(c->fallback);
free_name:
	kfree(c->name);
free_cache:
	kfree(c);
	return NULL;
}
EXPORT_SYMBOL_GPL(hak_cache_create);

/**
 * hak_cache_destroy() - destroy a cache
 * @c: the cache, or NULL
 *
 * All its objects must have been freed, and nobody may be using it. With
 * objects live it warns and leaves the cache as it is, so that they can still
 * be freed; likewise if there were more frees than allocations.
 *
 * Context: task, may sleep.
 */
void hak_cache_destroy(struct hak_cache *c)
{
	struct hak_class_stats cs;

	if (!c)
		return;

	hak_cache_quiesce(c);
	hak_class_stats_read(c, &cs);
	WARN(cs.excess, "%s(%s): %lu more frees than allocations\n",
	     __func__, c->name, cs.excess);
	WARN(cs.live, "%s(%s): %ld objects in %lu slabs are live\n",
	     __func__, c->name, cs.live, cs.slabs);
	WARN(cs.slabs && !cs.live && !cs.excess,
	     "%s(%s): %lu slabs with broken books are kept\n",
	     __func__, c->name, cs.slabs);
	if (cs.slabs) {
		hak_cache_publish(c);
		/* What the reaper was told of it meanwhile it forgot. */
		hak_reap_all();
		return;
	}
	pr_debug("cache %s destroyed\n", c->name);
	/*
	 * A free of a stale pointer may have found @c through a slab, and goes on
	 * to its per-CPU caches and pools with preemption off: they stay until
	 * no such free is under way, and from here on none finds @c.
	 */
	synchronize_rcu();
	hak_cache_teardown(c);
	hak_fallback_sync();
	kmem_cache_destroy(c->fallback);
	kfree(c->name);
	kfree(c);
}
EXPORT_SYMBOL_GPL(hak_cache_destroy);

/**
 * hak_cache_size() - the size of a cache's objects
 * @c: the cache
 *
 * Return: bytes, alignment included.
 */
unsigned int hak_cache_size(const struct hak_cache *c)
{
	return c->size;
}
EXPORT_SYMBOL_GPL(hak_cache_size);
