// SPDX-License-Identifier: GPL-2.0
/*
 * Smoke test. Threads on every CPU allocate objects of all sizes, and free those
 * of the thread before. Loading the module runs the test; it stays loaded only if
 * the test passed. It uses the public API only, so it works on a kernel without
 * KUnit.
 */
#define pr_fmt(fmt) "hak_smoke: " fmt

#include <linux/module.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <hakmem.h>

#include "hak_test_threads.h"

static unsigned int rounds = 20;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "how often every CPU does its turn");

#define NR	HAK_MAX_SIZE	/* one object of every size */

struct smoke {
	unsigned int nr;
	void **obj[HAK_TEST_MAX_THREADS];
	atomic_long_t full[HAK_TEST_MAX_THREADS];
	atomic_long_t done;
};

static int smoke_fill(void **obj)
{
	unsigned int size;

	for (size = 1; size <= NR; size++) {
		u8 *p = hak_alloc(size, GFP_KERNEL);

		obj[size - 1] = p;
		if (!p || hak_usable_size(p) < size)
			return 1;
		memset(p, size, size);
	}
	return 0;
}

static int smoke_empty(void **obj)
{
	unsigned int size, bad = 0;

	for (size = 1; size <= NR; size++) {
		u8 *p = obj[size - 1];

		if (!p || p[0] != (u8)size || p[size - 1] != (u8)size)
			bad++;
		hak_free(p);
	}
	return bad;
}

/* Fill this thread's array, wait for the thread before, and free its objects. */
static int smoke_thread(void *arg, unsigned int id)
{
	unsigned int round, before, bad = 0;
	struct smoke *s = arg;

	before = (id + s->nr - 1) % s->nr;
	for (round = 0; round < rounds; round++) {
		while (atomic_long_read(&s->full[id]))
			cond_resched();
		bad += smoke_fill(s->obj[id]);
		atomic_long_set_release(&s->full[id], 1);
		while (!atomic_long_read_acquire(&s->full[before]))
			cond_resched();
		bad += smoke_empty(s->obj[before]);
		atomic_long_set_release(&s->full[before], 0);
		atomic_long_add(NR, &s->done);
	}
	return bad;
}

static int smoke_run(struct smoke *s, struct hak_test_gang *g)
{
	unsigned int i;
	int err;

	s->nr = min_t(unsigned int, num_online_cpus(), HAK_TEST_MAX_THREADS);
	for (i = 0; i < s->nr; i++) {
		s->obj[i] = kcalloc(NR, sizeof(void *), GFP_KERNEL);
		if (!s->obj[i])
			return -ENOMEM;
	}
	err = hak_test_gang_start(g, s->nr, smoke_thread, s);
	if (err)
		pr_err("cannot start threads: error %d\n", err);
	return hak_test_gang_join(g) ? -EINVAL : err;
}

/*
 * The whole object may be copied to user space: the kernel's check finds no
 * fault.
 */
static int smoke_usercopy(struct hak_cache *c, gfp_t gfp)
{
	u8 *p = hak_cache_alloc(c, gfp);
	unsigned long n = 100;

	if (!p)
		return -ENOMEM;
	/* The kernel does not check a constant size. */
	OPTIMIZER_HIDE_VAR(n);
	check_object_size(p, 2 * n, true);
	check_object_size(p + 100, n, false);
	hak_cache_free(c, p);
	return 0;
}

static int smoke_cache(void)
{
	struct hak_cache *c = hak_cache_create("hak_smoke", 200, 64, 0, NULL);
	int err = 0;
	void *p;

	if (!c)
		return -ENOMEM;
	p = hak_cache_alloc(c, GFP_KERNEL | __GFP_ZERO);
	if (!p || memchr_inv(p, 0, 200) || (unsigned long)p % 64)
		err = -EINVAL;
	hak_cache_free(c, p);
	err = err ?: smoke_usercopy(c, GFP_KERNEL);
	/* SLUB serves accounted objects. */
	err = err ?: smoke_usercopy(c, GFP_KERNEL_ACCOUNT);
	hak_cache_destroy(c);
	return err;
}

static int __init hak_smoke_init(void)
{
	struct hak_test_gang *g = kzalloc(sizeof(*g), GFP_KERNEL);
	struct smoke *s = kzalloc(sizeof(*s), GFP_KERNEL);
	unsigned int i;
	int err = -ENOMEM;

	if (g && s) {
		err = smoke_run(s, g);
		if (!err)
			err = smoke_cache();
		if (err)
			pr_err("FAIL: error %d\n", err);
		else
			pr_info("PASS: %ld objects passed from CPU to CPU over %u CPUs\n",
				atomic_long_read(&s->done), s->nr);
		for (i = 0; i < HAK_TEST_MAX_THREADS; i++)
			kfree(s->obj[i]);
	}
	kfree(s);
	kfree(g);
	return err;
}

static void __exit hak_smoke_exit(void)
{
}

module_init(hak_smoke_init);
module_exit(hak_smoke_exit);

MODULE_DESCRIPTION("hakmem smoke test");
MODULE_LICENSE("GPL");
