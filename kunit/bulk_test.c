// SPDX-License-Identifier: GPL-2.0
/*
 * Bulk calls: each has to do what as many single calls would do, for any mix of
 * objects.
 */
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "hak_test.h"

#define MANY	3000

static void **room_for(struct kunit *test, unsigned int n)
{
	void **obj = kunit_kcalloc(test, n, sizeof(*obj), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, obj);
	return obj;
}

/* Count the objects that are not of @c, or that are in the array twice. */
static unsigned int not_distinct(const struct hak_cache *c, void **obj, unsigned int n)
{
	unsigned int i, bad = 0;

	for (i = 0; i < n; i++) {
		bad += hak_usable_size(obj[i]) != c->size;
		memset(obj[i], 0, c->size);
		*(unsigned long *)obj[i] = i;
	}
	for (i = 0; i < n; i++)
		bad += *(unsigned long *)obj[i] != i;
	return bad;
}

/* More objects than the per-CPU cache, a slab, or one turn of the loop holds. */
static void across_slabs(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 96, 0);
	void **obj = room_for(test, MANY);
	struct hak_class_stats cs;

	KUNIT_ASSERT_GT(test, MANY, c->capacity * 2);
	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, MANY, obj), MANY);
	KUNIT_EXPECT_EQ(test, not_distinct(c, obj, MANY), 0);
	hak_class_stats_read(c, &cs);
	KUNIT_EXPECT_EQ(test, cs.live, (long)MANY);
	hak_cache_free_bulk(c, MANY, obj);
	hak_class_stats_read(c, &cs);
	KUNIT_EXPECT_EQ(test, cs.live, 0L);
	KUNIT_EXPECT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, 0, obj), 0);
	hak_cache_free_bulk(c, 0, obj);
}

/* Preemption is off for a few objects at a time, so these come from the slab in many steps. */
static void in_steps(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_cap(test, 96, 16);
	void **obj = room_for(test, MANY);
	struct hak_class_stats cs;

	KUNIT_ASSERT_GT(test, c->capacity, 4 * HAK_BULK_BATCH);
	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, MANY, obj), MANY);
	hak_class_stats_read(c, &cs);
	KUNIT_EXPECT_GE(test, cs.refills, MANY / HAK_BULK_BATCH / 2UL);
	hak_cache_free_bulk(c, MANY, obj);
}

/* Calls of every size, with frees in another order than the allocations. */
static void in_pieces(struct kunit *test)
{
	struct hak_cache *c = hak_size_class(64);
	void **obj = room_for(test, MANY);
	unsigned int i, n, at = 0;

	for (n = 1; at < MANY; at += n++) {
		n = min(n, MANY - at);
		KUNIT_ASSERT_EQ(test, hak_alloc_bulk(64, GFP_KERNEL, n, obj + at), n);
	}
	KUNIT_EXPECT_EQ(test, not_distinct(c, obj, MANY), 0);
	/* 1,999 and 3,000 have no common divisor. */
	for (i = 0; i < MANY; i++)
		swap(obj[i], obj[i * 1999UL % MANY]);
	for (n = 1, at = 0; at < MANY; at += n++) {
		n = min(n, MANY - at);
		hak_free_bulk(n, obj + at);
	}
}

/* The objects in the CPU's cache come first. */
static void cached_objects_first(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 256, 0);
	void *obj[16], *again[16];
	unsigned int i, j, same = 0;

	if (hak_fast_cap < ARRAY_SIZE(obj))
		kunit_skip(test, "the per-CPU cache is smaller than the test");
	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, 16, obj), 16);
	/*
	 * With preemption on, the test might move to another CPU with another
	 * cache.
	 */
	preempt_disable();
	hak_cache_free_bulk(c, 16, obj);
	KUNIT_EXPECT_EQ(test, hak_cache_alloc_bulk(c, GFP_NOWAIT, 16, again), 16);
	preempt_enable();
	for (i = 0; i < 16; i++)
		for (j = 0; j < 16; j++)
			same += obj[i] == again[j];
	KUNIT_EXPECT_EQ(test, same, 16);
	hak_cache_free_bulk(c, 16, again);
}

/* One object more than the CPU's empty cache holds. */
static void no_more_than_fit(struct kunit *test)
{
	enum { CAP = 16 };
	struct hak_cache *c = hak_test_cache_cap(test, 256, CAP);
	struct hak_cpu_cache *cc;
	unsigned int n = 0;
	void *obj[4 * CAP];

	migrate_disable();
	cc = per_cpu_ptr(c->cpu, smp_processor_id());
	do {
		obj[n++] = hak_cache_alloc(c, GFP_KERNEL);
	} while (n < ARRAY_SIZE(obj) && (n <= CAP || READ_ONCE(cc->nr)));
	KUNIT_ASSERT_EQ(test, cc->nr, 0);
	hak_cache_free_bulk(c, CAP + 1, obj);
	KUNIT_EXPECT_GT(test, cc->nr, 0);
	KUNIT_EXPECT_LE(test, cc->nr, CAP);
	hak_cache_free_bulk(c, n - CAP - 1, obj + CAP + 1);
	migrate_enable();
}

static bool is_zero(const void *p, size_t n)
{
	return !memchr_inv(p, 0, n);
}

/* Objects from the cache, from the slab, and from the slow path. */
static void zeroed(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 320, 0);
	void **obj = room_for(test, MANY);
	unsigned int i, round, dirty = 0;

	for (round = 0; round < 2; round++) {
		KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL | __GFP_ZERO,
							   MANY, obj), MANY);
		for (i = 0; i < MANY; i++) {
			dirty += !is_zero(obj[i], c->size);
			memset(obj[i], 0xa5, c->size);
		}
		hak_cache_free_bulk(c, MANY, obj);
	}
	KUNIT_EXPECT_EQ(test, dirty, 0);
}

/* Objects of size classes, of caches and of SLUB, and NULL, in turn. */
static void mixed_owners(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 200, 0);
	void **obj = room_for(test, MANY);
	unsigned int i;

	for (i = 0; i < MANY; i++) {
		switch (i / 3 % 6) {
		case 0:
			obj[i] = hak_alloc(40, GFP_KERNEL);
			break;
		case 1:
			obj[i] = hak_cache_alloc(c, GFP_KERNEL);
			break;
		case 2:
			obj[i] = kmalloc(40, GFP_KERNEL);
			break;
		case 3:
			obj[i] = NULL;
			continue;
		case 4:
			obj[i] = hak_alloc(0, GFP_KERNEL);
			break;
		default:
			obj[i] = hak_alloc(500 + i % 400, GFP_KERNEL);
		}
		KUNIT_ASSERT_NOT_NULL(test, obj[i]);
	}
	hak_free_bulk(MANY, obj);
}

/* Bad entries are refused and stay; the objects before and after are freed. */
static void bad_ones_among_good(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 128, 0);
	struct hak_cache *d = hak_test_cache(test, 128, 0);
	void *obj[9], *stray;

	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, 9, obj), 9);
	stray = hak_cache_alloc(d, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, stray);
	swap(obj[4], stray);
	hak_cache_free_bulk(c, 9, obj);
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, 1);
	hak_free(stray);

	stray = (char *)obj[4] + 1;
	hak_free_bulk(1, &stray);
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, 2);
	hak_test_provoke(test, HAK_EV_BAD_FREE, 2);
	/* It was refused both times, so it can still be freed the right way. */
	hak_free(obj[4]);
}

/* An address in slab @s where an object could be, but none of @obj is. */
static void *none_of(const struct hak_cache *c, const struct hak_slab *s, void **obj,
		     unsigned int n)
{
	char *p = (char *)s->addr + (unsigned long)c->capacity * c->size;
	unsigned int i;

	do {
		p -= c->size;
		for (i = 0; i < n && obj[i] != p; i++)
			;
	} while (i < n);
	return p;
}

/* Likewise, of the slab whose objects come before and after. */
static void bad_ones_within_a_slab(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 128, 0);
	void *obj[9], *bad[9];
	struct hak_slab *s;

	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, 9, obj), 9);
	s = hak_test_slab_of(obj[0]);
	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_ASSERT_PTR_EQ(test, hak_test_slab_of(obj[8]), s);
	memcpy(bad, obj, sizeof(bad));
	/* In the middle of an object, and where none was allocated yet. */
	bad[3] = (char *)obj[3] + 8;
	bad[6] = none_of(c, s, obj, 9);
	hak_cache_free_bulk(c, 9, bad);
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, 2);
	hak_test_provoke(test, HAK_EV_BAD_FREE, 2);
	hak_cache_free(c, obj[3]);
	hak_cache_free(c, obj[6]);
}

/* All objects of the first slab have been allocated, but not all of the second. */
static void bad_one_of_the_next_slab(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 128, 0);
	unsigned int n = c->capacity + 1;
	void **obj = room_for(test, n), *some[3];
	struct hak_slab *s;

	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, n, obj), n);
	s = hak_test_slab_of(obj[n - 1]);
	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_EXPECT_PTR_NE(test, hak_test_slab_of(obj[0]), s);
	some[0] = obj[0];
	some[1] = obj[n - 1];
	some[2] = none_of(c, s, obj, n);
	hak_cache_free_bulk(c, 3, some);
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, 1);
	hak_test_provoke(test, HAK_EV_BAD_FREE, 1);
	hak_cache_free_bulk(c, n - 2, obj + 1);
}

/*
 * With hardened=1: an object that is live lies in the CPU's cache, because somebody has
 * written to a list. A bulk call leaves it out, and hands out the others.
 */
static void live_one_in_the_cache(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 128, 0);
	struct hak_cpu_cache *cc;
	void *obj[4], *p;
	unsigned int i, n;

	if (!hak_is_hardened() || !c->cap)
		kunit_skip(test, "hardened=1 and a cache are needed");
	/* On another CPU the cache might be asleep, and nobody would look into it. */
	migrate_disable();
	p = hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, p);
	preempt_disable();
	cc = this_cpu_ptr(c->cpu);
	KUNIT_EXPECT_LT(test, cc->nr, cc->cap);
	hak_cpu_push_last(cc, p);
	n = hak_cache_alloc_bulk(c, GFP_ATOMIC, 4, obj);
	preempt_enable();
	migrate_enable();
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_PTR_NE(test, obj[i], p);
	HAK_EXPECT_EVENT(test, HAK_EV_CORRUPT, 1);
	hak_test_provoke(test, HAK_EV_CORRUPT, 1);
	hak_cache_free_bulk(c, n, obj);
	hak_cache_free(c, p);
}

/* Bulk calls as from an interrupt inside the owner's busy section. */
static void inside_the_busy_section(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	struct hak_cpu_cache *cc;
	unsigned long pushed;
	void *obj[8], *slub[4];
	unsigned int n;

	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, 8, obj), 8);
	preempt_disable();
	cc = this_cpu_ptr(c->cpu);
	hak_cpu_enter(cc);
	hak_cache_free_bulk(c, 8, obj);
	n = hak_cache_alloc_bulk(c, GFP_ATOMIC, 4, slub);
	hak_cpu_leave(cc);
	preempt_enable();

	pushed = hak_test_event(test, HAK_EV_PUSHED);
	KUNIT_EXPECT_EQ(test, pushed, 8UL);
	/*
	 * In atomic context on PREEMPT_RT only cached objects can be had, and
	 * there is none.
	 */
	KUNIT_EXPECT_EQ(test, n, IS_ENABLED(CONFIG_PREEMPT_RT) ? 0 : 4);
	KUNIT_EXPECT_EQ(test, hak_test_event(test, HAK_EV_NESTED), (unsigned long)n);
	hak_free_bulk(n, slub);
}

/* A size above HAK_MAX_SIZE goes to kmalloc(), all objects or none. */
static void served_by_kmalloc(struct kunit *test)
{
	void *obj[5];
	unsigned int i;

	KUNIT_ASSERT_EQ(test, hak_alloc_bulk(5000, GFP_KERNEL, 5, obj), 5);
	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_GE(test, hak_usable_size(obj[i]), (size_t)5000);
	HAK_EXPECT_EVENT(test, HAK_EV_LARGE, 5);
	hak_free_bulk(5, obj);
	KUNIT_EXPECT_EQ(test, hak_alloc_bulk(0, GFP_KERNEL, 5, obj), 5);
	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_PTR_EQ(test, obj[i], ZERO_SIZE_PTR);
	hak_free_bulk(5, obj);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(across_slabs),
	KUNIT_CASE(in_steps),
	KUNIT_CASE(in_pieces),
	KUNIT_CASE(cached_objects_first),
	KUNIT_CASE(no_more_than_fit),
	KUNIT_CASE(zeroed),
	KUNIT_CASE(mixed_owners),
	KUNIT_CASE(bad_ones_among_good),
	KUNIT_CASE(bad_ones_within_a_slab),
	KUNIT_CASE(bad_one_of_the_next_slab),
	KUNIT_CASE(live_one_in_the_cache),
	KUNIT_CASE(inside_the_busy_section),
	KUNIT_CASE(served_by_kmalloc),
	{}
};

static struct kunit_suite hak_bulk_suite = {
	.name = "hak_bulk",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_bulk_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: bulk allocation and free");
MODULE_LICENSE("GPL");
