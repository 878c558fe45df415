// SPDX-License-Identifier: GPL-2.0
/*
 * The most common slow cases, which have functions of their own: an allocation that
 * finds the cache of its CPU empty, and a free that finds it full. Through the API and
 * on a real CPU, because pretended CPUs do not get there.
 */
#include <linux/module.h>
#include <linux/smp.h>

#include "hak_test.h"

#define CAP	16	/* objects a CPU keeps */
#define SIZE	256
#define MOST	(8 * CAP)

/* This CPU's cache of @c. The caller stays on the CPU. */
static struct hak_cpu_cache *this_cache(struct hak_cache *c)
{
	return per_cpu_ptr(c->cpu, smp_processor_id());
}

/* A free that makes room leaves the cache, so the next operation may enter it. */
static void room_is_made(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_cap(test, SIZE, CAP);
	unsigned int i, inside = 0;
	struct hak_cpu_cache *cc;
	void *obj[MOST];

	migrate_disable();
	cc = this_cache(c);
	for (i = 0; i < MOST; i++)
		obj[i] = hak_cache_alloc(c, GFP_KERNEL);
	for (i = 0; i < MOST; i++) {
		hak_cache_free(c, obj[i]);
		inside += READ_ONCE(cc->mark) != hak_cpu_awake_mark;
	}
	KUNIT_EXPECT_EQ(test, inside, 0);
	KUNIT_EXPECT_GT(test, cc->spills, 0UL);
	migrate_enable();
}

/* Objects that another CPU has sent come before those of the CPU's own slab. */
static void what_was_sent_comes_first(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_cap(test, SIZE, CAP);
	struct hak_cpu_cache *b = hak_test_cpu_sending(test, c, CAP);
	struct hak_depot *d;
	struct hak_cpu_cache *cc;
	unsigned int i, n = 0;
	void *obj[MOST];

	migrate_disable();
	cc = this_cache(c);
	d = &c->pool[hak_node_near(numa_mem_id())]->depot;
	for (i = 0; i <= CAP; i++)
		obj[i] = hak_cache_alloc(c, GFP_KERNEL);
	for (i = 0; i <= CAP; i++)
		hak_test_free(c, b, obj[i]);
	KUNIT_ASSERT_EQ(test, b->sends, 1);
	while (n < MOST - 1 && READ_ONCE(cc->nr))
		obj[n++] = hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_ASSERT_EQ(test, cc->nr, 0);
	KUNIT_ASSERT_NOT_NULL(test, cc->cur);
	KUNIT_ASSERT_EQ(test, d->received, 0);
	obj[n++] = hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, d->received, 1);
	for (i = 0; i < n; i++)
		hak_cache_free(c, obj[i]);
	migrate_enable();
}

/*
 * The fast path finds the cache of one CPU empty. Before the slow path begins, the task
 * is moved to a CPU whose cache has objects.
 */
static void cached_objects_stay(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_cap(test, SIZE, CAP);
	struct hak_cpu_cache *cc;
	unsigned int nr;
	void *p, *q;

	migrate_disable();
	cc = this_cache(c);
	p = hak_cache_alloc(c, GFP_KERNEL);
	hak_cache_free(c, p);
	nr = cc->nr;
	KUNIT_EXPECT_GT(test, nr, 1);
	q = hak_cpu_alloc_slow(c, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, q, p);
	KUNIT_EXPECT_EQ(test, cc->nr, nr - 1);
	hak_cache_free(c, q);
	migrate_enable();
}

static struct kunit_case cases[] = {
	KUNIT_CASE(room_is_made),
	KUNIT_CASE(what_was_sent_comes_first),
	KUNIT_CASE(cached_objects_stay),
	{}
};

static struct kunit_suite hak_quick_suite = {
	.name = "hak_quick",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_quick_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: quick refill, and a free that makes room");
MODULE_LICENSE("GPL");
