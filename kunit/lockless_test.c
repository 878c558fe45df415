// SPDX-License-Identifier: GPL-2.0
/*
 * hak_free() takes no lock. lockdep tells of each lock that is acquired, by a trace
 * event, so this listens to it while objects of all kinds are freed. Objects that SLUB
 * served go to kfree(), whose locks are SLUB's; of these frees only hakmem's locks count.
 * A kernel without lockdep skips it; the suite magazine has what lock_stats says of
 * hakmem's own locks.
 */
#include <linux/array_size.h>
#include <linux/bitops.h>
#include <linux/irqflags.h>
#include <linux/kallsyms.h>
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "hak_test.h"

#define NR	3000

/* Places that are kept. They repeat; kmemleak adds some to SLUB's. */
#define PLACES	100

/**
 * struct heard - locks that this task has acquired since it began to listen
 * @task: the task, while it listens
 * @nr: how many
 * @name: the last one's
 * @place: where they were acquired, each place once
 * @places: how many
 */
static struct heard {
	struct task_struct *task;
	unsigned int nr;
	const char *name;
	unsigned long place[PLACES];
	unsigned int places;
} heard;

#ifdef CONFIG_LOCKDEP
/* RCU's read side is no lock, but lockdep keeps its books of it. */
static void on_acquire(void *data, struct lockdep_map *lock, unsigned int subclass,
		       int trylock, int read, int check, struct lockdep_map *next,
		       unsigned long ip)
{
	unsigned int i;

	if (READ_ONCE(heard.task) != current || in_hardirq() || in_nmi() ||
	    !lock->name || strstarts(lock->name, "rcu_read_lock"))
		return;
	heard.nr++;
	heard.name = lock->name;
	for (i = 0; i < heard.places; i++)
		if (heard.place[i] == ip)
			return;
	if (i < PLACES)
		heard.place[heard.places++] = ip;
}
#else
static void on_acquire(void)
{
}
#endif

static struct tracepoint *acquire;

static void look_for_acquire(struct tracepoint *tp, void *unused)
{
	if (!strcmp(tp->name, "lock_acquire"))
		acquire = tp;
}

static int lockless_init(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_LOCKDEP))
		kunit_skip(test, "needs lockdep");
	for_each_kernel_tracepoint(look_for_acquire, NULL);
	if (!acquire || tracepoint_probe_register(acquire, on_acquire, NULL))
		return -ENODEV;
	return hak_test_init(test);
}

static void lockless_exit(struct kunit *test)
{
	if (!test->priv)
		return;
	tracepoint_probe_unregister(acquire, on_acquire, NULL);
	tracepoint_synchronize_unregister();
	hak_test_exit(test);
}

/* Interrupts are off meanwhile, so that what is heard is the caller's. */
static unsigned long listen(void)
{
	unsigned long flags;

	local_irq_save(flags);
	heard.nr = 0;
	heard.places = 0;
	heard.name = NULL;
	WRITE_ONCE(heard.task, current);
	return flags;
}

static void stop(unsigned long flags)
{
	WRITE_ONCE(heard.task, NULL);
	local_irq_restore(flags);
}

/* In how many places has hakmem acquired a lock? If there are too many to tell, in all. */
static unsigned int places_in_hakmem(struct kunit *test)
{
	char text[KSYM_SYMBOL_LEN];
	unsigned int i, n = 0;

	for (i = 0; i < heard.places; i++) {
		snprintf(text, sizeof(text), "%pS", (void *)heard.place[i]);
		if (!strstr(text, "[hakmem]"))
			continue;
		kunit_info(test, "a lock is taken by %s\n", text);
		n++;
	}
	return heard.places < PLACES ? n : PLACES;
}

static void hear_nothing(struct kunit *test, unsigned long flags, const char *what)
{
	stop(flags);
	if (heard.nr)
		kunit_info(test, "%s: %u locks taken, the last one %s\n", what, heard.nr,
			   heard.name);
	KUNIT_EXPECT_EQ(test, heard.nr, 0U);
}

/* Or else the others could not fail. */
static void a_lock_is_heard(struct kunit *test)
{
	static DEFINE_RAW_SPINLOCK(lock);
	unsigned long flags;

	flags = listen();
	raw_spin_lock(&lock);
	raw_spin_unlock(&lock);
	stop(flags);
	KUNIT_EXPECT_EQ(test, heard.nr, 1U);
	KUNIT_EXPECT_EQ(test, places_in_hakmem(test), 0U);
}

/* The first object of a cache needs a slab, and that takes a lock of hakmem. */
static void a_lock_of_hakmem_is_heard(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_cap(test, 256, 64);
	unsigned long flags;
	void *p;

	/* So that there is a superslab. */
	hak_free(hak_alloc(64, GFP_KERNEL));
	flags = listen();
	p = hak_cache_alloc(c, GFP_ATOMIC);
	stop(flags);
	KUNIT_EXPECT_NOT_NULL(test, p);
	KUNIT_EXPECT_GT(test, places_in_hakmem(test), 0U);
	hak_free(p);
}

/* Functions that free. */
enum how { FREE, OF_CACHE, SIZED, BULK, CACHE_BULK, NR_HOW };

static const char *const how_name[NR_HOW] = {
	[FREE] = "hak_free()",
	[OF_CACHE] = "hak_cache_free()",
	[SIZED] = "hak_free_sized()",
	[BULK] = "hak_free_bulk()",
	[CACHE_BULK] = "hak_cache_free_bulk()",
};

static void **make_room(struct kunit *test)
{
	void **obj = kunit_kcalloc(test, NR, sizeof(*obj), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, obj);
	return obj;
}

static void allocate(struct kunit *test, struct hak_cache *c, void **obj, gfp_t gfp,
		     int nid)
{
	unsigned int i;

	for (i = 0; i < NR; i++) {
		obj[i] = hak_cache_alloc_node(c, gfp, nid);
		KUNIT_ASSERT_NOT_NULL(test, obj[i]);
	}
}

/* Objects of slabs that the pretended CPU @cc owns. With hardened=1 they are marked. */
static void allocate_elsewhere(struct kunit *test, struct hak_cache *c, void **obj,
			       struct hak_cpu_cache *cc)
{
	unsigned int i;

	for (i = 0; i < NR; i++) {
		obj[i] = hak_test_alloc(test, c, cc);
		if (c->map)
			set_bit(hak_live_index(c, obj[i]), hak_live_map(c, obj[i]));
	}
}

static void free_some(struct hak_cache *c, void **obj, unsigned int n, enum how how)
{
	unsigned int i;

	if (how == BULK) {
		hak_free_bulk(n, obj);
		return;
	}
	if (how == CACHE_BULK) {
		hak_cache_free_bulk(c, n, obj);
		return;
	}
	for (i = 0; i < n; i++) {
		if (how == SIZED)
			hak_free_sized(obj[i], c->usable);
		else if (how == OF_CACHE)
			hak_cache_free(c, obj[i]);
		else
			hak_free(obj[i]);
	}
}

/* In small portions, as interrupts are off. */
static void free_and_listen(struct kunit *test, struct hak_cache *c, void **obj,
			    enum how how)
{
	unsigned int i, step = 60;

	BUILD_BUG_ON(NR % 60);
	for (i = 0; i < NR; i += step) {
		unsigned long flags = listen();

		free_some(c, obj + i, step, how);
		hear_nothing(test, flags, how_name[how]);
	}
}

/* Of slabs of this CPU: objects are cached, and spilled. */
static void frees_of_own(struct kunit *test, struct hak_cache *c, void **obj)
{
	enum how how;

	for (how = 0; how < NR_HOW; how++) {
		allocate(test, c, obj, GFP_KERNEL, NUMA_NO_NODE);
		free_and_listen(test, c, obj, how);
	}
}

static void frees_with(struct kunit *test, unsigned int cap)
{
	struct hak_cache *c = hak_test_cache_cap(test, 256, cap);
	void **obj = make_room(test);
	enum how how;

	frees_of_own(test, c, obj);
	/*
	 * Of slabs of another CPU: they are sent, and pushed; slabs that are parked are
	 * published, and those that are whole are queued for the reaper.
	 */
	for (how = 0; how < NR_HOW; how++) {
		allocate_elsewhere(test, c, obj, hak_test_cpu(test, c, 8));
		free_and_listen(test, c, obj, how);
	}
}

static void frees(struct kunit *test)
{
	frees_with(test, 64);
}

static void frees_with_the_cache_off(struct kunit *test)
{
	frees_with(test, 0);
}

static void size_classes(struct kunit *test)
{
	static const size_t size[] = { 8, 48, 320, HAK_MAX_SIZE };
	void **obj = make_room(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(size); i++)
		frees_of_own(test, hak_size_class(size[i]), obj);
}

static void construct(void *p)
{
	memset(p, 0x11, 200);
}

/* Objects that are checked, and those that keep what they hold while they are free. */
static void other_caches(struct kunit *test)
{
	static const struct {
		slab_flags_t flags;
		struct hak_cache_args args;
	} kind[] = {
		{ SLAB_CONSISTENCY_CHECKS },
		{ SLAB_RED_ZONE },
		{ SLAB_POISON },
		{ SLAB_STORE_USER },
		{ SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER },
		{ SLAB_TYPESAFE_BY_RCU },
		{ 0, { .ctor = construct } },
	};
	void **obj = make_room(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kind); i++)
		frees_of_own(test, hak_test_cache_args(test, 200, &kind[i].args,
						       kind[i].flags), obj);
}

/* They go into the outbox, and from there to the other node. */
static void of_another_node(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_cap(test, 256, 64);
	void **obj = make_room(test);
	int nid, here;
	enum how how;

	if (num_node_state(N_MEMORY) < 2)
		kunit_skip(test, "needs two nodes");
	migrate_disable();
	here = hak_node_near(numa_mem_id());
	for_each_node_state(nid, N_MEMORY) {
		for (how = 0; nid != here && how < NR_HOW; how++) {
			allocate(test, c, obj, GFP_KERNEL | __GFP_THISNODE, nid);
			KUNIT_EXPECT_EQ(test, hak_test_slab_of(obj[NR - 1])->nid, nid);
			free_and_listen(test, c, obj, how);
		}
	}
	migrate_enable();
}

/* hakmem takes no lock for them either. */
static void served_by_slub(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_cap(test, 256, 64);
	void **obj = make_room(test);
	unsigned long flags;
	unsigned int i;
	enum how how;

	for (how = 0; how < 2 * NR_HOW; how++) {
		/* Of a typed cache, and from kmalloc(). */
		bool typed = how < NR_HOW;

		allocate(test, typed ? c : hak_size_class(256), obj, GFP_KERNEL_ACCOUNT,
			 NUMA_NO_NODE);
		KUNIT_ASSERT_NULL(test, hak_test_slab_of(obj[0]));
		for (i = 0; i < NR; i += 60) {
			flags = listen();
			free_some(typed ? c : hak_size_class(256), obj + i, 60,
				  how % NR_HOW);
			stop(flags);
			KUNIT_EXPECT_EQ(test, places_in_hakmem(test), 0U);
		}
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_lock_is_heard),
	KUNIT_CASE(a_lock_of_hakmem_is_heard),
	KUNIT_CASE(frees),
	KUNIT_CASE(frees_with_the_cache_off),
	KUNIT_CASE(size_classes),
	KUNIT_CASE(other_caches),
	KUNIT_CASE(of_another_node),
	KUNIT_CASE(served_by_slub),
	{}
};

static struct kunit_suite hak_lockless_suite = {
	.name = "hak_lockless",
	.init = lockless_init,
	.exit = lockless_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_lockless_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: no lock in hak_free()");
MODULE_LICENSE("GPL");
