// SPDX-License-Identifier: GPL-2.0
/*
 * Churn. While this module is loaded, threads that hop from CPU to CPU allocate
 * and free each other's objects, and check the contents. Now and then all threads
 * only free for a while, so superslabs come and go. With more=1 they also use bulk
 * calls, hak_free_rcu(), nodes, requests that may not wait, and caches with flags.
 * The module's parameters show what the threads did. Unloading frees everything.
 * Public API only.
 */
#define pr_fmt(fmt) "hak_churn: " fmt

#include <linux/array_size.h>
#include <linux/atomic.h>
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
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/topology.h>

#include <hakmem.h>

#define MAX_THREADS	64
#define OPS_A_HOP	512
#define TYPED_SIZE	200
#define MANY		48	/* most objects of a bulk call */
#define STAMP		0xc7c7c7c7c7c7c7c7ULL	/* what the constructor writes */

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

static bool more;
module_param(more, bool, 0444);
MODULE_PARM_DESC(more, "use bulk calls, hak_free_rcu(), nodes, GFP_ATOMIC and flags, too");

static bool hold;
module_param(hold, bool, 0644);
MODULE_PARM_DESC(hold, "do nothing, for as long as this is set");

static atomic_t held;

static int held_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%d\n", atomic_read(&held));
}

static const struct kernel_param_ops held_ops = { .get = held_get };
module_param_cb(held, &held_ops, NULL, 0444);
MODULE_PARM_DESC(held, "threads that do nothing, because of hold");

static unsigned long ops;
module_param(ops, ulong, 0444);
MODULE_PARM_DESC(ops, "objects taken or put so far");

static unsigned long errors;
module_param(errors, ulong, 0444);
MODULE_PARM_DESC(errors, "objects found changed by somebody else, so far");

static unsigned long failures;
module_param(failures, ulong, 0444);
MODULE_PARM_DESC(failures, "allocations that failed, so far");

/* Requests with GFP_ATOMIC that failed, which they may. */
static unsigned long refused;
module_param(refused, ulong, 0444);
MODULE_PARM_DESC(refused, "allocations that might not wait and failed");

struct churn_thread {
	struct task_struct *task;
	unsigned long ops, errors, failures, refused;
};

static struct churn_thread thread[MAX_THREADS];
static void **slot;

static void construct(void *p)
{
	*(u64 *)p = STAMP;
}

/* The first is the only one without more=1. */
static struct churn_cache {
	const char *name;
	slab_flags_t flags;
	void (*ctor)(void *p);
	struct hak_cache *c;
} cache[] = {
	{ "hak_churn" },
	{ "hak_churn-rcu", SLAB_TYPESAFE_BY_RCU },
	{ "hak_churn-line", SLAB_HWCACHE_ALIGN },
	{ "hak_churn-account", SLAB_ACCOUNT },
	{ "hak_churn-check", SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE | SLAB_POISON |
			     SLAB_STORE_USER },
	{ "hak_churn-ctor", 0, construct },
};

struct with_head {
	u64 number;
	struct rcu_head rcu;
};

/* Each slot has objects of one size; every eighth slot uses a typed cache. */
static struct churn_cache *slot_cache(unsigned int i)
{
	if (i % 8 != 7)
		return NULL;
	return &cache[more ? i / 8 % ARRAY_SIZE(cache) : 0];
}

static bool slot_built(unsigned int i)
{
	struct churn_cache *cc = slot_cache(i);

	return cc && cc->ctor;
}

static unsigned int slot_size(unsigned int i)
{
	return slot_cache(i) ? TYPED_SIZE : 8 * (1 + hash_32(i, 7) % 128);
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

/* A node of the machine, so that some requests are for another than the CPU's. */
static int some_node(u32 r)
{
	return cpu_to_mem(r % nr_cpu_ids);
}

static void *request(unsigned int i, gfp_t gfp, u32 r)
{
	struct churn_cache *cc = slot_cache(i);
	bool node = more && r % 32 == 1;

	if (node && cpu_possible(r % nr_cpu_ids))
		return cc ? hak_cache_alloc_node(cc->c, gfp, some_node(r)) :
			    hak_alloc_node(slot_size(i), gfp, some_node(r));
	return cc ? hak_cache_alloc(cc->c, gfp) : hak_alloc(slot_size(i), gfp);
}

/* From now on @p is in use for slot @i; it has to be as @gfp and its cache promise. */
static void begin(struct churn_thread *t, void *p, unsigned int i, gfp_t gfp)
{
	if (slot_built(i))
		t->errors += *(u64 *)p != STAMP;
	else if (gfp & __GFP_ZERO)
		t->errors += !!memchr_inv(p, 0, slot_size(i));
	put_pattern(p, i, pattern(p, i));
}

static void *slot_alloc(struct churn_thread *t, unsigned int i)
{
	u32 r = more ? get_random_u32() : 0;
	gfp_t gfp = GFP_KERNEL;
	void *p;

	if (more && r % 16 == 2)
		gfp = GFP_ATOMIC | __GFP_NOWARN;
	if (more && r % 16 == 3 && !slot_built(i))
		gfp |= __GFP_ZERO;
	p = request(i, gfp, r >> 4);
	if (p)
		begin(t, p, i, gfp);
	else if (gfpflags_allow_blocking(gfp))
		t->failures++;
	else
		t->refused++;
	return p;
}

/* Check that @p is as it was, and make it ready to be freed. */
static void finish(struct churn_thread *t, void *p, unsigned int i)
{
	u64 want = pattern(p, i), *word = p;
	unsigned int n = slot_size(i) / 8, bad = 0;

	while (n--)
		bad |= *word++ != want;
	t->errors += bad;
	/* If another thread has the same object, it finds this. */
	put_pattern(p, i, ~want);
	if (slot_built(i))
		construct(p);
}

static void slot_free(struct churn_thread *t, void *p, unsigned int i)
{
	struct churn_cache *cc = slot_cache(i);
	u32 r = more ? get_random_u32() % 128 : 0;

	finish(t, p, i);
	if (r == 1)
		hak_free_rcu_mightsleep(p);
	else if (r == 2 && slot_size(i) >= sizeof(struct with_head) && !slot_built(i))
		hak_free_rcu((struct with_head *)p, rcu);
	else if (r % 8 == 3)
		hak_free_sized(p, slot_size(i));
	else if (cc && r % 8 != 4)
		hak_cache_free(cc->c, p);
	else
		hak_free(p);
}

/* Objects of one size, all of which go at once. */
static void bulk_turn(struct churn_thread *t)
{
	unsigned int i = get_random_u32_below(slots), n = 1 + get_random_u32_below(MANY), k;
	struct churn_cache *cc = slot_cache(i);
	void *p[MANY];

	if (cc)
		k = hak_cache_alloc_bulk(cc->c, GFP_KERNEL, n, p);
	else
		k = hak_alloc_bulk(slot_size(i), GFP_KERNEL, n, p);
	t->failures += k != n;
	n = k;
	for (k = 0; k < n; k++)
		begin(t, p[k], i, 0);
	for (k = 0; k < n; k++)
		finish(t, p[k], i);
	if (cc && n % 2)
		hak_cache_free_bulk(cc->c, n, p);
	else
		hak_free_bulk(n, p);
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

	if (more && fill && i % 64 == 0)
		bulk_turn(t);
	if (fill && !READ_ONCE(slot[i]))
		p = slot_alloc(t, i);
	p = xchg(&slot[i], p);
	if (p)
		slot_free(t, p, i);
	t->ops++;
}

/* Move to a random CPU, if that is online. */
static void hop(void)
{
	unsigned int cpu = get_random_u32_below(nr_cpu_ids);

	if (cpu_online(cpu))
		set_cpus_allowed_ptr(current, cpumask_of(cpu));
}

/* Wait while hold is set. */
static void wait_if_held(void)
{
	if (!READ_ONCE(hold))
		return;
	atomic_inc(&held);
	while (READ_ONCE(hold) && !kthread_should_stop())
		msleep_interruptible(10);
	atomic_dec(&held);
}

static int churn(void *arg)
{
	struct churn_thread *t = arg;
	unsigned int i;
	bool fill;

	while (!kthread_should_stop()) {
		wait_if_held();
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
		if (t->refused)
			WRITE_ONCE(refused, t->refused);
		if (rest)
			msleep_interruptible(rest);
		cond_resched();
	}
	return 0;
}

static void add_up(const struct churn_thread *t)
{
	ops += t->ops;
	errors += t->errors;
	failures += t->failures;
	refused += t->refused;
}

static void destroy_caches(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cache); i++)
		hak_cache_destroy(cache[i].c);
}

static void stop(void)
{
	struct churn_thread last = { 0 };
	unsigned int i;

	ops = 0;
	errors = 0;
	failures = 0;
	refused = 0;
	for (i = 0; i < threads; i++) {
		if (!IS_ERR_OR_NULL(thread[i].task))
			kthread_stop(thread[i].task);
		add_up(&thread[i]);
	}
	for (i = 0; i < slots; i++)
		if (slot[i])
			slot_free(&last, slot[i], i);
	add_up(&last);
	hak_free_rcu_barrier();
	destroy_caches();
	kvfree(slot);
}

static bool make_caches(void)
{
	unsigned int i, n = more ? ARRAY_SIZE(cache) : 1;

	for (i = 0; i < n; i++) {
		cache[i].c = hak_cache_create(cache[i].name, TYPED_SIZE, 0, cache[i].flags,
					      cache[i].ctor);
		if (!cache[i].c)
			return false;
	}
	return true;
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
	if (!slot || !make_caches()) {
		destroy_caches();
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
	pr_info("%s: %lu operations, %lu errors, %lu failures, %lu refused\n",
		errors ? "FAIL" : "PASS", ops, errors, failures, refused);
}

module_init(hak_churn_init);
module_exit(hak_churn_exit);

MODULE_DESCRIPTION("hakmem objects passed between all CPUs until told to stop");
MODULE_LICENSE("GPL");
