// SPDX-License-Identifier: GPL-2.0
/*
 * Magazines of every size, flushes of depots in use, and a check that no free
 * takes a lock. CPUs are pretended; see hak_test.h.
 */
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/string.h>

#include "hak_test.h"

#define MOST	64	/* objects a pretended CPU keeps at most */

static void flush_depots(struct hak_cache *c)
{
	int nid;

	for_each_node(nid)
		hak_depot_flush(c, nid);
}

static unsigned int nr_missing(void **obj, void **again, unsigned int n)
{
	unsigned int i, j, missing = 0;

	for (i = 0; i < n; i++) {
		for (j = 0; j < n && again[j] != obj[i]; j++)
			;
		missing += j == n;
	}
	return missing;
}

/*
 * The two magazines lie behind each other in per-CPU memory. Each holds a batch,
 * which for an odd size is the larger half.
 */
static void both_magazines_hold_a_batch(struct kunit *test)
{
	static const unsigned int cap[] = { 1, 2, 3, 13, 29, MOST };
	void **obj = kunit_kcalloc(test, 2 * MOST, sizeof(*obj), GFP_KERNEL);
	void **again = kunit_kcalloc(test, 2 * MOST, sizeof(*obj), GFP_KERNEL);
	unsigned int i, j, n, batch;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_ASSERT_NOT_NULL(test, again);
	for (i = 0; i < ARRAY_SIZE(cap); i++) {
		struct hak_cache *c = hak_test_cache(test, 256, 0);
		struct hak_cpu_cache *a = hak_test_cpu_sending(test, c, cap[i]);
		struct hak_cpu_cache *b = hak_test_cpu_sending(test, c, cap[i]);

		batch = hak_cpu_batch(b);
		n = cap[i] + 2 * batch;
		for (j = 0; j < n; j++)
			obj[j] = hak_test_alloc(test, c, a);
		hak_cpu_flush(c, a);
		for (j = 0; j < n; j++)
			hak_test_free(c, b, obj[j]);
		KUNIT_ASSERT_EQ(test, b->sends, 2);
		KUNIT_EXPECT_EQ(test, hak_magazine_objects(b), 2 * batch);
		for (j = 0; j < 2 * batch; j++)
			again[j] = hak_test_alloc(test, c, a);
		KUNIT_EXPECT_EQ(test, hak_magazine_objects(b), 0);
		KUNIT_EXPECT_EQ(test, nr_missing(obj, again, 2 * batch), 0);
		for (j = 0; j < 2 * batch; j++)
			hak_test_free(c, a, again[j]);
	}
}

/* Have @b send one magazine. */
static void *send_one(struct kunit *test, struct hak_cache *c,
		      struct hak_cpu_cache *a, struct hak_cpu_cache *b)
{
	unsigned int i;
	void *obj[9];

	for (i = 0; i < 9; i++)
		obj[i] = hak_test_alloc(test, c, a);
	hak_cpu_flush(c, a);
	for (i = 0; i < 9; i++)
		hak_test_free(c, b, obj[i]);
	KUNIT_ASSERT_EQ(test, hak_magazine_objects(b), 4);
	return obj[0];
}

/* A shrink also flushes depots from which a CPU has received a moment ago. */
static void all_depots_are_trimmed(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 256, 0);
	struct hak_cpu_cache *a = hak_test_cpu_sending(test, c, 8);
	struct hak_cpu_cache *b = hak_test_cpu_sending(test, c, 8);
	void *p;

	send_one(test, c, a, b);
	p = hak_test_alloc(test, c, a);
	KUNIT_ASSERT_EQ(test, hak_magazine_objects(b), 0);
	hak_cpu_flush(c, b);
	send_one(test, c, a, b);
	KUNIT_EXPECT_TRUE(test, hak_depot_trim(true));
	KUNIT_EXPECT_EQ(test, hak_magazine_objects(b), 0);
	hak_test_free(c, a, p);
}

static u64 locks_taken(void)
{
	struct hak_stats st;
	unsigned int i;
	u64 n = 0;

	hak_stats_read(&st);
	for (i = 0; i < HAK_NR_LOCKS; i++)
		n += st.locked[i] + st.contended[i];
	return n;
}

#define NR	1500	/* objects: more than one slab of them */

/* Free objects of @c in every way there is. */
static void free_all_ways(struct hak_cache *c, struct hak_cpu_cache *b, void **obj)
{
	unsigned int i = 0;

	/* Into this CPU's cache, which spills to parked, pooled and owned slabs. */
	for (; i < NR / 3; i++)
		hak_cache_free(c, obj[i]);
	hak_free_bulk(NR / 6, obj + i);
	i += NR / 6;
	/* As another CPU, which sends, and spills if it cannot send. */
	for (; i < 2 * NR / 3; i++)
		hak_test_free(c, b, obj[i]);
	/* As a CPU of another node. */
	for (; i < 5 * NR / 6; i++)
		hak_outbox_put(c, b, obj[i]);
	for (; i < NR - 1; i++)
		hak_test_push(hak_test_slab_of(obj[i]), obj[i]);
	hak_free_sized(obj[i], 64);
}

/* With lock_stats each raw lock that a CPU takes or tries is counted. */
static void no_free_takes_a_lock(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 64, 0);
	struct hak_cpu_cache *b = hak_test_cpu_outbox(test, c, 8);
	void **obj = kunit_kcalloc(test, NR, sizeof(*obj), GFP_KERNEL);
	u64 before, allocated, freed;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	static_branch_enable(&hak_lock_stats_on);
	before = locks_taken();
	for (i = 0; i < NR; i++) {
		obj[i] = hak_cache_alloc(c, GFP_KERNEL);
		KUNIT_EXPECT_NOT_NULL(test, obj[i]);
	}
	/* This keeps the reaper out, which takes raw locks. */
	mutex_lock(&hak_cache_mutex);
	allocated = locks_taken();
	migrate_disable();
	free_all_ways(c, b, obj);
	migrate_enable();
	freed = locks_taken();
	mutex_unlock(&hak_cache_mutex);
	static_branch_disable(&hak_lock_stats_on);
	KUNIT_EXPECT_GT(test, allocated, before);
	KUNIT_EXPECT_EQ(test, freed, allocated);
	flush_depots(c);
}

/*
 * Each kind of lock has its own counter, and a lock that is held counts as a
 * wait.
 */
static void locks_are_counted(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 64, 0);
	struct hak_cpu_cache *a = hak_test_cpu_sending(test, c, 8);
	struct hak_cpu_cache *b = hak_test_cpu_sending(test, c, 8);
	struct hak_stats before, after;
	struct hak_depot *d;
	void *p;

	send_one(test, c, a, b);
	d = &c->pool[hak_node_near(numa_mem_id())]->depot;
	static_branch_enable(&hak_lock_stats_on);
	/* No other task takes a lock meanwhile. */
	mutex_lock(&hak_cache_mutex);
	hak_stats_read(&before);
	raw_spin_lock(&d->lock);
	p = hak_cpu_take(c, a, hak_node_near(numa_mem_id()));
	raw_spin_unlock(&d->lock);
	hak_stats_read(&after);
	mutex_unlock(&hak_cache_mutex);
	static_branch_disable(&hak_lock_stats_on);
	KUNIT_EXPECT_GT(test, after.contended[HAK_LOCK_DEPOT],
			before.contended[HAK_LOCK_DEPOT]);
	KUNIT_EXPECT_EQ(test, after.locked[HAK_LOCK_DEPOT], before.locked[HAK_LOCK_DEPOT]);
	/* For the slab that the CPU adopts instead. */
	KUNIT_EXPECT_EQ(test, after.locked[HAK_LOCK_POOL], before.locked[HAK_LOCK_POOL] + 1);
	KUNIT_EXPECT_EQ(test, after.contended[HAK_LOCK_POOL], before.contended[HAK_LOCK_POOL]);
	KUNIT_ASSERT_NOT_NULL(test, p);
	hak_test_free(c, a, p);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(both_magazines_hold_a_batch),
	KUNIT_CASE(all_depots_are_trimmed),
	KUNIT_CASE(no_free_takes_a_lock),
	KUNIT_CASE(locks_are_counted),
	{}
};

static struct kunit_suite hak_magazine_suite = {
	.name = "hak_magazine",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_magazine_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: magazines, and who takes locks");
MODULE_LICENSE("GPL");
