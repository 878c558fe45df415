// SPDX-License-Identifier: GPL-2.0
/*
 * Make hakmem hold unused memory: allocate objects of every size class on all
 * CPUs and free them in random order, so that the last ones, in the per-CPU
 * caches, each keep a slab from becoming whole. Public API only.
 *
 * With busy=N every CPU goes on allocating and freeing objects of the N smallest
 * size classes, so those do not look idle to hakmem. With keep=N each CPU keeps N
 * of the objects, at random, and thereby as many slabs, far apart.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/sched.h>

#include <hakmem.h>

#include "hak_test_threads.h"

static unsigned int mb = 24;
module_param(mb, uint, 0444);
MODULE_PARM_DESC(mb, "MiB of objects to allocate and free");

static unsigned int busy;
module_param(busy, uint, 0444);
MODULE_PARM_DESC(busy, "size classes to keep from looking idle while loaded");

#define MAX_KEEP	64

static unsigned int keep;
module_param(keep, uint, 0444);
MODULE_PARM_DESC(keep, "objects each CPU keeps until the module goes");

#define BUSY_OBJECTS	200

static struct task_struct *task[HAK_TEST_MAX_THREADS];
static void *kept[HAK_TEST_MAX_THREADS][MAX_KEEP];

static int hold_thread(void *arg, unsigned int id)
{
	unsigned int nr = (mb << 20) / num_online_cpus() / 516, i, j;
	void **obj = kvcalloc(nr, sizeof(*obj), GFP_KERNEL);

	if (!obj)
		return 1;
	for (i = 0; i < nr; i++)
		obj[i] = hak_alloc(1 + get_random_u32_below(HAK_MAX_SIZE),
				   GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN);
	for (i = nr; i > 1; i--) {
		j = get_random_u32_below(i);
		swap(obj[i - 1], obj[j]);
	}
	for (i = 0; i < nr; i++) {
		if (i < keep)
			kept[id][i] = obj[i];
		else
			hak_free(obj[i]);
		cond_resched();
	}
	kvfree(obj);
	return 0;
}

/* Use the class of @size; returns the size of its objects. */
static size_t use_class(void **obj, size_t size)
{
	size_t usable;
	unsigned int i;

	for (i = 0; i < BUSY_OBJECTS; i++)
		obj[i] = hak_alloc(size, GFP_KERNEL | __GFP_NOWARN);
	usable = hak_usable_size(obj[0]);
	for (i = 0; i < BUSY_OBJECTS; i++)
		hak_free(obj[i]);
	return usable;
}

static int stay_busy(void *arg)
{
	void *obj[BUSY_OBJECTS];
	unsigned int i;

	while (!kthread_should_stop()) {
		size_t size = 0;

		for (i = 0; i < busy && size < HAK_MAX_SIZE; i++)
			size = use_class(obj, size + 1);
		msleep_interruptible(100);
	}
	return 0;
}

static void give_back(void)
{
	unsigned int i, j;

	for (i = 0; i < HAK_TEST_MAX_THREADS; i++) {
		if (!IS_ERR_OR_NULL(task[i]))
			kthread_stop(task[i]);
		for (j = 0; j < MAX_KEEP; j++)
			hak_free(kept[i][j]);
	}
}

static int start_busy(void)
{
	unsigned int i;

	for (i = 0; i < min(num_online_cpus(), HAK_TEST_MAX_THREADS); i++) {
		task[i] = kthread_create(stay_busy, NULL, "hak_hold/%u", i);
		if (IS_ERR(task[i]))
			return -ENOMEM;
		kthread_bind(task[i], hak_test_nth_cpu(i));
		wake_up_process(task[i]);
	}
	return 0;
}

static int __init hak_hold_init(void)
{
	struct hak_test_gang *g = kzalloc(sizeof(*g), GFP_KERNEL);
	int err;

	if (!g)
		return -ENOMEM;
	keep = min(keep, MAX_KEEP);
	err = hak_test_gang_start(g, min(num_online_cpus(), HAK_TEST_MAX_THREADS),
				  hold_thread, NULL);
	if (hak_test_gang_join(g))
		err = -ENOMEM;
	kfree(g);
	if (!err && busy)
		err = start_busy();
	if (err)
		give_back();
	return err;
}

static void __exit hak_hold_exit(void)
{
	give_back();
}

module_init(hak_hold_init);
module_exit(hak_hold_exit);

MODULE_DESCRIPTION("Makes hakmem hold memory nobody uses, for testing");
MODULE_LICENSE("GPL");
