// SPDX-License-Identifier: GPL-2.0
/*
 * hak_free_rcu(): every object given to it is freed once, and not before a grace
 * period has passed.
 */
#include <linux/debug_locks.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "hak_test.h"
#include "hak_test_threads.h"

#define NR	2000

struct node {
	u64 first;
	struct rcu_head rcu;
	u64 last;
};

static long live(struct hak_cache *c)
{
	struct hak_class_stats cs;

	hak_class_stats_read(c, &cs);
	return cs.live + cs.fallback;
}

/* Numbers below and above a batch; some of the objects are SLUB's. */
static void all_are_freed(struct kunit *test)
{
	static const unsigned int nr[] = { 0, 1, 2, 124, 125, 126, 250, 1000 };
	struct hak_cache *c = hak_test_cache_shown(test, sizeof(struct node), 0);
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(nr); i++) {
		for (j = 0; j < nr[i]; j++) {
			struct node *n = hak_cache_alloc(c, j % 7 ? GFP_KERNEL :
							 GFP_KERNEL_ACCOUNT);

			KUNIT_ASSERT_NOT_NULL(test, n);
			if (j % 3)
				hak_free_rcu(n, rcu);
			else if (j % 2)
				hak_free_rcu(n);
			else
				hak_free_rcu_mightsleep(n);
		}
		hak_free_rcu_barrier();
		KUNIT_EXPECT_EQ(test, live(c), 0L);
	}
}

/* If nobody calls the barrier, the work items free the objects. */
static void freed_without_a_barrier(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, sizeof(struct node), 0);
	unsigned int i;

	for (i = 0; i < 300; i++) {
		struct node *n = hak_cache_alloc(c, GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, n);
		hak_free_rcu(n, rcu);
	}
	for (i = 0; i < 1000 && live(c); i++)
		hak_test_sleep(10);
	KUNIT_EXPECT_EQ(test, live(c), 0L);
}

static void nothing(struct kunit *test)
{
	struct node *none = NULL;

	hak_free_rcu(none, rcu);
	hak_free_rcu(none);
	hak_free_rcu_barrier();
	hak_free_rcu_barrier();
}

/* Memory from kmalloc() and objects of size classes are freed likewise. */
static void memory_of_any_origin(struct kunit *test)
{
	struct node *n;
	unsigned int i;

	for (i = 0; i < 50; i++) {
		n = kmalloc(sizeof(*n), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, n);
		hak_free_rcu(n, rcu);
		n = hak_alloc(sizeof(*n), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, n);
		hak_free_rcu(n, rcu);
		n = hak_alloc(5000, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, n);
		hak_free_rcu(n);
	}
	hak_free_rcu_barrier();
}

/*
 * The destruction of a cache waits for these objects; otherwise it would warn and
 * keep the cache.
 */
static void destroy_waits(struct kunit *test)
{
	unsigned int round, i;

	for (round = 0; round < 5; round++) {
		struct hak_cache *c = hak_cache_create("hak_rcu", 64, 0, 0, NULL);

		KUNIT_ASSERT_NOT_NULL(test, c);
		for (i = 0; i < 20 + 100 * round; i++) {
			struct node *n = hak_cache_alloc(c, GFP_KERNEL);

			KUNIT_ASSERT_NOT_NULL(test, n);
			hak_free_rcu(n, rcu);
		}
		hak_cache_destroy(c);
	}
}

/* --- callers that hold a raw spinlock --- */

static DEFINE_RAW_SPINLOCK(outer);

/*
 * Under a raw spinlock neither the page allocator nor SLUB may be called, nor be asked to
 * free. With PROVE_RAW_LOCK_NESTING lockdep reports it if hak_free_rcu() does, and then
 * lockdep is off. All of the objects come at once, and then as many again, for which
 * there may be batches.
 */
static void freed_under_a_raw_lock(struct kunit *test, bool irqs_off)
{
	struct hak_cache *c = hak_test_cache_shown(test, sizeof(struct node), 0);
	struct node **n = kunit_kcalloc(test, NR, sizeof(*n), GFP_KERNEL);
	bool lockdep = debug_locks;
	unsigned long flags = 0;
	unsigned int round, i;

	KUNIT_ASSERT_NOT_NULL(test, n);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < NR; i++) {
			n[i] = hak_cache_alloc(c, i % 7 ? GFP_KERNEL :
						  GFP_KERNEL_ACCOUNT);
			KUNIT_ASSERT_NOT_NULL(test, n[i]);
		}
		if (irqs_off)
			raw_spin_lock_irqsave(&outer, flags);
		else
			raw_spin_lock(&outer);
		for (i = 0; i < NR; i++)
			hak_free_rcu(n[i], rcu);
		if (irqs_off)
			raw_spin_unlock_irqrestore(&outer, flags);
		else
			raw_spin_unlock(&outer);
		/* In the last round the barrier follows at once. */
		if (round < 2)
			hak_test_sleep(20);
	}
	hak_free_rcu_barrier();
	KUNIT_EXPECT_EQ(test, live(c), 0L);
	KUNIT_EXPECT_EQ(test, debug_locks, lockdep);
}

static void freed_with_interrupts_off(struct kunit *test)
{
	freed_under_a_raw_lock(test, true);
}

static void freed_with_preemption_off(struct kunit *test)
{
	freed_under_a_raw_lock(test, false);
}

struct freers {
	struct hak_cache *c;
	atomic_t errors;
};

static int free_many(void *arg, unsigned int id)
{
	struct freers *f = arg;
	unsigned int i;

	for (i = 0; i < 10 * NR; i++) {
		struct node *n = hak_cache_alloc(f->c, GFP_KERNEL);

		if (!n) {
			atomic_inc(&f->errors);
			break;
		}
		n->first = 1;
		n->last = 2;
		hak_free_rcu(n, rcu);
		if (i % 5000 == id)
			hak_free_rcu_barrier();
		cond_resched();
	}
	return 0;
}

static void from_all_cpus(struct kunit *test)
{
	struct hak_test_gang *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	struct freers f = { .errors = ATOMIC_INIT(0) };

	KUNIT_ASSERT_NOT_NULL(test, g);
	f.c = hak_test_cache_shown(test, sizeof(struct node), 0);
	KUNIT_ASSERT_EQ(test, hak_test_gang_start(g, hak_test_nr_threads(),
						  free_many, &f), 0);
	hak_test_gang_join(g);
	KUNIT_EXPECT_EQ(test, atomic_read(&f.errors), 0);
	hak_free_rcu_barrier();
	KUNIT_EXPECT_EQ(test, live(f.c), 0L);
}

static void dumped(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 64, 0);
	char *p = hak_cache_alloc(c, GFP_KERNEL);
	char *q = hak_cache_alloc(c, GFP_KERNEL_ACCOUNT);
	char *other = kmalloc(64, GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, p && q && other);
	KUNIT_EXPECT_TRUE(test, hak_dump_obj(p));
	KUNIT_EXPECT_TRUE(test, hak_dump_obj(p + 5));
	KUNIT_EXPECT_TRUE(test, hak_dump_obj(q));
	KUNIT_EXPECT_FALSE(test, hak_dump_obj(other));
	KUNIT_EXPECT_FALSE(test, hak_dump_obj(NULL));
	KUNIT_EXPECT_FALSE(test, hak_dump_obj(ZERO_SIZE_PTR));
	hak_cache_free(c, p);
	KUNIT_EXPECT_TRUE(test, hak_dump_obj(p));
	hak_cache_free(c, q);
	kfree(other);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(all_are_freed),
	KUNIT_CASE(freed_without_a_barrier),
	KUNIT_CASE(nothing),
	KUNIT_CASE(memory_of_any_origin),
	KUNIT_CASE(destroy_waits),
	KUNIT_CASE(freed_with_interrupts_off),
	KUNIT_CASE(freed_with_preemption_off),
	KUNIT_CASE(from_all_cpus),
	KUNIT_CASE(dumped),
	{}
};

static struct kunit_suite hak_rcu_suite = {
	.name = "hak_rcu",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_rcu_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: frees that wait for a grace period");
MODULE_LICENSE("GPL");
