// SPDX-License-Identifier: GPL-2.0
/*
 * Churn. While this module is loaded, threads that hop from CPU to CPU allocate
 * and free each other's objects, and check the contents. Now and then all threads
 * only free for a while, so superslabs come and go. The module's parameters show
 * what the threads did. Unloading frees everything. Public API only.
 */
#define pr_fmt(fmt) "hak_churn: " fmt

#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/hash.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/sched.h>

#include <hakmem.h>

#define MAX_THREADS	64
#define OPS_A_HOP	512

static unsigned int threads;
module_param(threads, uint, 0444);
MODULE_PARM_DESC(threads, "how many (default: two a CPU)");

static unsigned int slots = 16384;
module_param(slots, uint, 0444);
MODULE_PARM_DESC(slots, "objects live at most");

static unsigned int rest;
module_param(rest, uint, 0644);
MODULE_PARM_DESC(rest, "milliseconds to sleep after each hop");

static bool ebb;
module_param(ebb, bool, 0644);
MODULE_PARM_DESC(ebb, "free only, until there is nothing left and after");

static unsigned long ops;
module_param(ops, ulong, 0444);
MODULE_PARM_DESC(ops, "objects taken or put so far");

static unsigned long errors;
module_param(errors, ulong, 0444);
MODULE_PARM_DESC(errors, "objects found changed by somebody else, so far");

static unsigned long failures;
module_param(failures, ulong, 0444);
MODULE_PARM_DESC(failures, "allocations that failed, so far");

struct churn_thread {
	struct task_struct *task;
	unsigned long ops, errors, failures;
};

static struct churn_thread thread[MAX_THREADS];
static struct hak_cache *cache;
static void **slot;

/* Each slot has objects of one size; every eighth slot uses the typed cache. */
static bool slot_typed(unsigned int i)
{
	return i % 8 == 7;
}

static unsigned int slot_size(unsigned int i)
{
	return slot_typed(i) ? 200 : 8 * (1 + hash_32(i, 7) % 128);
}

/* The pattern depends on the object and on the slot, so neither can be confused. */
static u64 pattern(const void *p, unsigned int i)
{
	return (unsigned long)p ^ (u64)(i + 1) << 44;
}

static void put_pattern(u64 *p, unsigned int i, u64 value)
{
	unsigned int n = slot_size(i) / 8;

	while (n--)
		*p++ = value;
}

static void *slot_alloc(unsigned int i)
{
	void *p;

	if (slot_typed(i))
		p = hak_cache_alloc(cache, GFP_KERNEL);
	else
		p = hak_alloc(slot_size(i), GFP_KERNEL);
	if (p)
		put_pattern(p, i, pattern(p, i));
	return p;
}

static unsigned int slot_free(void *p, unsigned int i)
{
	u64 want = pattern(p, i), *word = p;
	unsigned int n = slot_size(i) / 8, bad = 0;

	while (n--)
		bad |= *word++ != want;
	/* If another thread has the same object, it finds this. */
	put_pattern(p, i, ~want);
	if (slot_typed(i))
		hak_cache_free(cache, p);
	else
		hak_free(p);
	return bad;
}

/* In a quarter of each second threads only free. */
static bool at_ebb(void)
{
	return READ_ONCE(ebb) || jiffies / (HZ / 4) % 4 == 3;
}

static void turn(struct churn_thread *t, bool fill)
{
	unsigned int i = get_random_u32_below(slots);
	void *p = NULL;

	if (fill && !READ_ONCE(slot[i])) {
		p = slot_alloc(i);
		if (!p)
			t->failures++;
	}
	p = xchg(&slot[i], p);
	if (p)
		t->errors += slot_free(p, i);
	t->ops++;
}

/* Move to a random CPU, if that is online. */
static void hop(void)
{
	unsigned int cpu = get_random_u32_below(nr_cpu_ids);

	if (cpu_online(cpu))
		set_cpus_allowed_ptr(current, cpumask_of(cpu));
}

static int churn(void *arg)
{
	struct churn_thread *t = arg;
	unsigned int i;
	bool fill;

	while (!kthread_should_stop()) {
		hop();
		fill = !at_ebb();
		for (i = 0; i < OPS_A_HOP; i++)
			turn(t, fill);
		/* Exact enough for a user who reads it meanwhile. */
		WRITE_ONCE(ops, READ_ONCE(ops) + OPS_A_HOP);
		if (t->errors)
			WRITE_ONCE(errors, t->errors);
		if (t->failures)
			WRITE_ONCE(failures, t->failures);
		if (rest)
			msleep_interruptible(rest);
		cond_resched();
	}
	return 0;
}

static void stop(void)
{
	unsigned int i;

	ops = 0;
	errors = 0;
	failures = 0;
	for (i = 0; i < threads; i++) {
		if (!IS_ERR_OR_NULL(thread[i].task))
			kthread_stop(thread[i].task);
		ops += thread[i].ops;
		errors += thread[i].errors;
		failures += thread[i].failures;
	}
	for (i = 0; i < slots; i++)
		if (slot[i])
			errors += slot_free(slot[i], i);
	hak_cache_destroy(cache);
	kvfree(slot);
}

static int __init hak_churn_init(void)
{
	unsigned int i;
	int err;

	if (!threads)
		threads = 2 * num_online_cpus();
	threads = min(threads, MAX_THREADS);
	if (!slots)
		return -EINVAL;
	slot = kvcalloc(slots, sizeof(*slot), GFP_KERNEL);
	cache = hak_cache_create("hak_churn", 200, 0, 0, NULL);
	if (!slot || !cache) {
		hak_cache_destroy(cache);
		kvfree(slot);
		return -ENOMEM;
	}
	for (i = 0; i < threads; i++) {
		thread[i].task = kthread_run(churn, &thread[i], "hak_churn/%u", i);
		if (IS_ERR(thread[i].task)) {
			err = PTR_ERR(thread[i].task);
			stop();
			return err;
		}
	}
	return 0;
}

static void __exit hak_churn_exit(void)
{
	stop();
	pr_info("%s: %lu operations, %lu errors, %lu failures\n",
		errors ? "FAIL" : "PASS", ops, errors, failures);
}

module_init(hak_churn_init);
module_exit(hak_churn_exit);

MODULE_DESCRIPTION("hakmem objects passed between all CPUs until told to stop");
MODULE_LICENSE("GPL");
