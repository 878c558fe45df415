// SPDX-License-Identifier: GPL-2.0
/*
 * Per-CPU caches: refill, flush, and which CPU may touch which freelist. CPUs A
 * and B are pretended; see hak_test.h.
 */
#include <linux/module.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "hak_test.h"

#define FULL	16	/* capacity of the slabs used here */
#define SIZE	(HAK_SLAB_SIZE / FULL)

static int cmp_ptr(const void *a, const void *b)
{
	const unsigned long *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Do both arrays have the same @n objects? Sorts the arrays. */
static bool same_objects(void **a, void **b, unsigned int n)
{
	sort(a, n, sizeof(*a), cmp_ptr, NULL);
	sort(b, n, sizeof(*b), cmp_ptr, NULL);
	return !memcmp(a, b, n * sizeof(*a));
}

static bool all_distinct(void **a, unsigned int n)
{
	unsigned int i;

	sort(a, n, sizeof(*a), cmp_ptr, NULL);
	for (i = 1; i < n; i++)
		if (a[i] == a[i - 1])
			return false;
	return true;
}

static void refill_takes_half_a_cache(struct kunit *test)
{
	static const unsigned int cap[] = { 0, 1, 2, 7, 8, 64 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cap); i++) {
		struct hak_cache *c = hak_test_cache(test, 64, 0);
		struct hak_cpu_cache *a = hak_test_cpu(test, c, cap[i]);
		unsigned int batch = cap[i] ? (cap[i] + 1) / 2 : 1;
		void *p = hak_test_alloc(test, c, a);

		KUNIT_EXPECT_EQ(test, a->nr, batch - 1);
		KUNIT_EXPECT_EQ(test, a->cur->taken, batch);
		KUNIT_EXPECT_EQ(test, a->refills, 1UL);
		/* New objects come in the order of their addresses. */
		KUNIT_EXPECT_EQ(test, (unsigned long)p, a->cur->addr);
		hak_test_free(c, a, p);
	}
}

static void last_in_first_out(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 64, 0);
	struct hak_cpu_cache *a = hak_test_cpu(test, c, 8);
	void *obj[4], *again[4];

	hak_test_alloc_many(test, c, a, obj, 4);
	hak_test_free_many(c, a, obj, 4);
	hak_test_alloc_many(test, c, a, again, 4);
	KUNIT_EXPECT_PTR_EQ(test, again[0], obj[3]);
	KUNIT_EXPECT_PTR_EQ(test, again[3], obj[0]);
	KUNIT_EXPECT_EQ(test, a->refills, 1UL);
	hak_test_free_many(c, a, obj, 4);
}

/* With the cache off every operation goes to the slab. */
static void cache_off(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 64, 0);
	struct hak_cpu_cache *a = hak_test_cpu(test, c, 0);
	struct hak_cpu_cache *b = hak_test_cpu(test, c, 0);
	void *p = hak_test_alloc(test, c, a), *q, *r;
	struct hak_slab *s = a->cur;

	KUNIT_EXPECT_EQ(test, a->nr, 0);
	KUNIT_EXPECT_EQ(test, hak_slab_used(s), 1);
	hak_test_free(c, a, p);
	KUNIT_EXPECT_EQ(test, a->nr, 0);
	KUNIT_EXPECT_EQ(test, hak_slab_used(s), 0);
	KUNIT_EXPECT_EQ(test, hak_test_chain_len(s->freelist), 1);

	/* The next allocation gets the object that another CPU freed. */
	p = hak_test_alloc(test, c, a);
	q = hak_test_alloc(test, c, a);
	hak_test_free(c, b, p);
	KUNIT_EXPECT_EQ(test, b->nr, 0);
	KUNIT_EXPECT_NULL(test, s->freelist);
	KUNIT_EXPECT_EQ(test, hak_test_chain_len(s->remote.first), 1);
	r = hak_test_alloc(test, c, a);
	KUNIT_EXPECT_PTR_EQ(test, r, p);
	hak_test_free(c, a, q);
	hak_test_free(c, a, r);
}

/* Likewise by the calls of hakmem.h, on the CPU that the test runs on. */
static void cache_off_in_a_row(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_cap(test, 64, 0);
	struct hak_cpu_cache *cc;
	struct hak_slab *s, *other;
	void *p, *q, *foreign;

	migrate_disable();
	p = hak_cache_alloc(c, GFP_KERNEL);
	q = hak_cache_alloc(c, GFP_KERNEL);
	cc = raw_cpu_ptr(c->cpu);
	s = cc->cur;
	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_ASSERT_PTR_EQ(test, hak_test_slab_of(p), s);
	KUNIT_EXPECT_EQ(test, s->entry->bound, s->bump * c->step);
	KUNIT_EXPECT_EQ(test, hak_usable_size(q), (size_t)64);
	hak_free(p);
	hak_free(q);
	KUNIT_EXPECT_EQ(test, hak_test_chain_len(s->freelist), 2);
	KUNIT_EXPECT_EQ(test, s->taken, 0);
	KUNIT_EXPECT_EQ(test, cc->nr, 0);
	KUNIT_EXPECT_PTR_EQ(test, hak_cache_alloc(c, GFP_KERNEL), q);
	KUNIT_EXPECT_PTR_EQ(test, hak_cache_alloc(c, GFP_KERNEL), p);
	KUNIT_EXPECT_EQ(test, s->taken, 2);
	KUNIT_EXPECT_EQ(test, cc->refills, 4UL);

	/* What other CPUs freed is drained as a whole, and then handed out. */
	hak_test_push(s, p);
	hak_test_push(s, q);
	KUNIT_EXPECT_PTR_EQ(test, hak_cache_alloc(c, GFP_KERNEL), q);
	KUNIT_EXPECT_TRUE(test, llist_empty(&s->remote));
	KUNIT_EXPECT_PTR_EQ(test, cc->direct ? s->freelist : s->drained, hak_to_link(c, p));
	KUNIT_EXPECT_PTR_EQ(test, hak_cache_alloc(c, GFP_KERNEL), p);
	KUNIT_EXPECT_NULL(test, s->drained);
	KUNIT_EXPECT_EQ(test, hak_slab_used(s), 2);

	/* An object of a slab that this CPU does not own is pushed. */
	other = hak_test_slab(test, c);
	KUNIT_ASSERT_EQ(test, hak_slab_take(c, other, &foreign, 1), 1);
	hak_free(foreign);
	KUNIT_EXPECT_NULL(test, other->freelist);
	KUNIT_EXPECT_EQ(test, hak_test_chain_len(other->remote.first), 1);
	KUNIT_EXPECT_EQ(test, cc->pushes, 1UL);
	KUNIT_EXPECT_EQ(test, hak_slab_used(other), 0);

	/* So is each object that an interrupt frees while the owner is inside. */
	hak_cpu_enter(cc);
	hak_free(p);
	hak_cpu_leave(cc);
	KUNIT_EXPECT_EQ(test, hak_test_chain_len(s->remote.first), 1);
	hak_free(q);
	migrate_enable();
	KUNIT_EXPECT_TRUE(test, hak_slab_validate(s));
	HAK_EXPECT_EVENT(test, HAK_EV_PUSHED, 1);
	hak_test_provoke(test, HAK_EV_PUSHED, 1);
	hak_slab_release(other);
}

/*
 * A free link of this CPU's slab is overwritten while the cache is off: it leads behind the
 * objects carved, or before the slab, or between two objects, or to where an offset of 32
 * bits would be one of the slab.
 */
static void cache_off_and_a_broken_link(struct kunit *test)
{
	static const long wrong[] = { 2 * 64, -64, 1, 1L << 32 };
	void *p, *q, *r;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct hak_cache *c = hak_test_cache_cap(test, 64, 0);
		struct hak_slab *s;

		migrate_disable();
		p = hak_cache_alloc(c, GFP_KERNEL);
		q = hak_cache_alloc(c, GFP_KERNEL);
		s = hak_test_slab_of(q);
		hak_free(p);
		hak_free(q);
		hak_to_link(c, q)->next = (void *)(s->addr + wrong[i]);
		KUNIT_EXPECT_PTR_EQ(test, hak_cache_alloc(c, GFP_KERNEL), q);
		HAK_EXPECT_EVENT(test, HAK_EV_CORRUPT, i);
		r = hak_cache_alloc(c, GFP_KERNEL);
		migrate_enable();
		HAK_EXPECT_EVENT(test, HAK_EV_CORRUPT, i + 1);
		KUNIT_EXPECT_PTR_EQ(test, hak_test_slab_of(r), s);
		KUNIT_EXPECT_PTR_NE(test, r, p);
		hak_free(q);
		hak_free(r);
		/* The books count the lost object as live. */
		hak_free(p);
	}
	hak_test_provoke(test, HAK_EV_CORRUPT, ARRAY_SIZE(wrong));
}

/*
 * B frees the objects of slab 0 after A has moved on to slab 7. An earlier
 * allocator crashed here: its A looked for the objects in slab 7's queue only,
 * and its B put them on a freelist that A owned. The 13 steps:
 */
#define SLABS	8

static void thirteen_steps(struct kunit *test, unsigned int cap_a,
			   unsigned int cap_b)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu(test, c, cap_a);
	struct hak_cpu_cache *b = hak_test_cpu(test, c, cap_b);
	void **obj = kunit_kcalloc(test, SLABS * FULL, sizeof(*obj), GFP_KERNEL);
	void **again = kunit_kcalloc(test, FULL, sizeof(*obj), GFP_KERNEL);
	struct hak_slab *slab0, *slab7;
	struct llist_node *freelist;
	unsigned long claimed;
	unsigned int i, taken;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_ASSERT_NOT_NULL(test, again);

	/*
	 * 1: A allocates the first object of slab 0, 2: all of slab 0, 3: and
	 * goes on to slab 7.
	 */
	hak_test_alloc_many(test, c, a, obj, 1);
	slab0 = a->cur;
	hak_test_alloc_many(test, c, a, obj + 1, FULL - 1);
	hak_test_alloc_many(test, c, a, obj + FULL, (SLABS - 1) * FULL);
	slab7 = a->cur;
	KUNIT_ASSERT_PTR_NE(test, slab0, slab7);
	KUNIT_ASSERT_EQ(test, hak_test_state(slab0), HAK_PARKED);
	for (i = 0; i < FULL; i++)
		KUNIT_ASSERT_PTR_EQ(test, hak_test_slab_of(obj[i]), slab0);

	/* 4: B frees slab 0's objects, 5: its cache overflows, 6: it spills. */
	freelist = slab7->freelist;
	taken = slab7->taken;
	hak_test_free_many(c, b, obj, FULL);
	/* 7: B goes offline and flushes the rest. 8: No freelist was touched. */
	hak_cpu_flush(c, b);
	KUNIT_EXPECT_NULL(test, slab0->freelist);
	KUNIT_EXPECT_PTR_EQ(test, slab7->freelist, freelist);
	KUNIT_EXPECT_EQ(test, slab7->taken, taken);
	KUNIT_EXPECT_EQ(test, slab0->taken, FULL);
	/*
	 * 9: All objects wait in slab 0's remote list, 10: and slab 0 is in the
	 * pool.
	 */
	KUNIT_EXPECT_EQ(test, hak_test_chain_len(slab0->remote.first), FULL);
	KUNIT_EXPECT_EQ(test, hak_test_state(slab0), HAK_POOLED);
	KUNIT_EXPECT_EQ(test, hak_slab_used(slab0), 0);

	/*
	 * 11: A allocates again, 12: from slab 0, 13: and gets all of the
	 * objects.
	 */
	claimed = hak_test_event(test, HAK_EV_CLAIMED);
	hak_test_alloc_many(test, c, a, again, FULL);
	HAK_EXPECT_EVENT(test, HAK_EV_CLAIMED, claimed);
	KUNIT_EXPECT_PTR_EQ(test, a->cur, slab0);
	KUNIT_EXPECT_TRUE(test, same_objects(obj, again, FULL));

	KUNIT_EXPECT_TRUE(test, all_distinct(obj, SLABS * FULL));
	hak_test_free_many(c, a, obj, SLABS * FULL);
}

static void frees_after_the_owner_moved_on(struct kunit *test)
{
	thirteen_steps(test, 8, 8);
}

static void frees_after_the_owner_moved_on_with_the_cache_off(struct kunit *test)
{
	thirteen_steps(test, 0, 0);
}

static void frees_after_the_owner_moved_on_with_other_caches(struct kunit *test)
{
	thirteen_steps(test, 2, 8);
	thirteen_steps(test, 8, 0);
	thirteen_steps(test, 1, 1);
	thirteen_steps(test, 16, 64);
}

/* If B frees all objects of A's parked slabs at once, A finds every slab again. */
static void every_slab_is_found_again(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu(test, c, 8);
	struct hak_cpu_cache *b = hak_test_cpu(test, c, 8);
	unsigned int n = SLABS * FULL;
	void **obj = kunit_kcalloc(test, n, sizeof(*obj), GFP_KERNEL);
	void **again = kunit_kcalloc(test, n, sizeof(*obj), GFP_KERNEL);
	unsigned long claimed;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_ASSERT_NOT_NULL(test, again);
	hak_test_alloc_many(test, c, a, obj, n);
	/* Across all slabs, so that each spill has groups of one or two objects. */
	for (i = 0; i < n; i++)
		hak_test_free(c, b, obj[i * 37 % n]);
	hak_cpu_flush(c, b);
	claimed = hak_test_event(test, HAK_EV_CLAIMED);
	hak_test_alloc_many(test, c, a, again, n);
	HAK_EXPECT_EVENT(test, HAK_EV_CLAIMED, claimed);
	KUNIT_EXPECT_TRUE(test, same_objects(obj, again, n));
	hak_test_free_many(c, a, again, n);
}

/* The slab with waiting frees is in another superslab than the current one. */
static void waiting_free_in_another_superslab(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu(test, c, 8);
	struct hak_cpu_cache *b = hak_test_cpu(test, c, 8);
	unsigned int n = 0, max = 2 * HAK_MAX_SLOTS * FULL;
	void **obj = kunit_kcalloc(test, max, sizeof(*obj), GFP_KERNEL);
	struct hak_superslab *first;
	unsigned long claimed;
	void *p;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	obj[n++] = hak_test_alloc(test, c, a);
	first = a->cur->ss;
	while (n < max && a->cur->ss == first)
		obj[n++] = hak_test_alloc(test, c, a);
	KUNIT_ASSERT_PTR_NE(test, a->cur->ss, first);

	hak_test_free(c, b, obj[0]);
	hak_cpu_flush(c, b);
	claimed = hak_test_event(test, HAK_EV_CLAIMED);
	do {
		p = hak_test_alloc(test, c, a);
		KUNIT_ASSERT_EQ(test, hak_test_event(test, HAK_EV_CLAIMED),
				claimed);
		if (p != obj[0])
			obj[n++] = p;
	} while (p != obj[0]);
	hak_test_free_many(c, a, obj, n);
}

/* The owner takes in the frees to its current slab before it would park it. */
static void waiting_free_in_the_current_slab(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu(test, c, 0);
	void *obj[FULL + 1];
	struct hak_slab *s;

	hak_test_alloc_many(test, c, a, obj, FULL);
	s = a->cur;
	hak_test_push(s, obj[3]);
	KUNIT_EXPECT_PTR_EQ(test, hak_test_alloc(test, c, a), obj[3]);
	KUNIT_EXPECT_PTR_EQ(test, a->cur, s);
	KUNIT_EXPECT_EQ(test, a->drains, 1UL);
	HAK_EXPECT_EVENT(test, HAK_EV_PARKED, 0);
	obj[FULL] = hak_test_alloc(test, c, a);
	KUNIT_EXPECT_PTR_NE(test, a->cur, s);
	HAK_EXPECT_EVENT(test, HAK_EV_PARKED, 1);
	hak_test_free_many(c, a, obj, FULL + 1);
}

static void flush_pools_a_slab_with_objects(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu(test, c, 8);
	struct hak_slab *s;
	void *p;

	p = hak_test_alloc(test, c, a);
	s = a->cur;
	hak_cpu_flush(c, a);
	KUNIT_EXPECT_EQ(test, a->nr, 0);
	KUNIT_EXPECT_NULL(test, a->cur);
	KUNIT_EXPECT_EQ(test, hak_slab_used(s), 1);
	KUNIT_EXPECT_EQ(test, hak_test_state(s), HAK_POOLED);
	hak_test_free(c, a, p);
	hak_cpu_flush(c, a);
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), 1);
}

static void flush_parks_a_full_slab(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu(test, c, 0);
	struct hak_slab *s;
	void *obj[FULL];

	hak_test_alloc_many(test, c, a, obj, FULL);
	s = a->cur;
	hak_cpu_flush(c, a);
	KUNIT_EXPECT_EQ(test, hak_test_state(s), HAK_PARKED);
	KUNIT_EXPECT_NULL(test, a->cur);
	hak_test_free_many(c, a, obj, FULL);
	KUNIT_EXPECT_EQ(test, hak_test_state(s), HAK_POOLED);
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), 1);
}

/* But if frees wait in a slab the flush does not park it. */
static void flush_with_frees_waiting(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu(test, c, 0);
	struct hak_slab *s;
	void *obj[FULL];

	hak_test_alloc_many(test, c, a, obj, FULL);
	s = a->cur;
	hak_test_push(s, obj[0]);
	hak_cpu_flush(c, a);
	KUNIT_EXPECT_EQ(test, hak_test_state(s), HAK_POOLED);
	hak_test_free_many(c, a, obj + 1, FULL - 1);
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), 1);
}

/*
 * A slab that a stalled pusher published has no object, so the refill has to go
 * on.
 */
static void refill_past_a_slab_without_objects(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu(test, c, 0);
	struct llist_node *link;
	void *obj[FULL], *p;
	struct hak_slab *s;

	hak_test_alloc_many(test, c, a, obj, FULL);
	s = a->cur;
	link = hak_to_link(c, obj[0]);
	hak_slab_link(s, link, link);
	KUNIT_ASSERT_PTR_EQ(test, hak_test_alloc(test, c, a), obj[0]);
	hak_cpu_flush(c, a);
	KUNIT_ASSERT_EQ(test, hak_test_state(s), HAK_PARKED);
	hak_slab_count(s, 1);
	KUNIT_ASSERT_EQ(test, hak_test_state(s), HAK_POOLED);
	p = hak_test_alloc(test, c, a);
	KUNIT_EXPECT_PTR_NE(test, hak_test_slab_of(p), s);
	KUNIT_EXPECT_EQ(test, hak_test_state(s), HAK_PARKED);
	hak_test_free(c, a, p);
	hak_test_free_many(c, a, obj, FULL);
}

/* --- this CPU's own cache, through the API --- */

/* An interrupt of the owner gets its memory from SLUB, and only pushes. */
static void inside_the_busy_section(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 64, 0);
	void *p = hak_cache_alloc(c, GFP_KERNEL), *q;
	struct hak_slab *s = hak_test_slab_of(p);
	struct hak_cpu_cache *cc;
	unsigned int nr, freed;

	KUNIT_ASSERT_NOT_NULL(test, s);
	preempt_disable();
	cc = this_cpu_ptr(c->cpu);
	nr = cc->nr;
	freed = hak_test_freed(s);
	hak_cpu_enter(cc);
	q = hak_cache_alloc(c, GFP_ATOMIC);
	hak_free(p);
	nr -= cc->nr;
	freed = hak_test_freed(s) - freed;
	hak_cpu_leave(cc);
	preempt_enable();

	KUNIT_EXPECT_EQ(test, nr, 0);
	KUNIT_EXPECT_EQ(test, freed, 1);
	KUNIT_EXPECT_EQ(test, hak_test_chain_len(s->remote.first), 1);
	HAK_EXPECT_EVENT(test, HAK_EV_PUSHED, 1);
	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		KUNIT_EXPECT_NULL(test, q);
		HAK_EXPECT_EVENT(test, HAK_EV_ATOMIC, 1);
	} else {
		KUNIT_EXPECT_NOT_NULL(test, q);
		KUNIT_EXPECT_NULL(test, hak_test_slab_of(q));
		HAK_EXPECT_EVENT(test, HAK_EV_NESTED, 1);
	}
	hak_free(q);
}

/* Likewise for a size class, whose fallback is kmalloc(). */
static void inside_the_busy_section_of_a_class(struct kunit *test)
{
	struct hak_cache *c = hak_size_class(448);
	void *p = hak_alloc(448, GFP_KERNEL), *q;
	struct hak_cpu_cache *cc;

	KUNIT_ASSERT_NOT_NULL(test, p);
	preempt_disable();
	cc = this_cpu_ptr(c->cpu);
	hak_cpu_enter(cc);
	q = hak_alloc(448, GFP_ATOMIC);
	hak_free(p);
	hak_cpu_leave(cc);
	preempt_enable();

	HAK_EXPECT_EVENT(test, HAK_EV_PUSHED, 1);
	KUNIT_EXPECT_NULL(test, hak_test_slab_of(q));
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		KUNIT_EXPECT_GE(test, hak_usable_size(q), (size_t)448);
	hak_free(q);
}

static void cache_sizes_through_the_api(struct kunit *test)
{
	static const unsigned int cap[] = { 0, 1, 2, 63, 1024 };
	unsigned int saved = hak_fast_cap, i, j;
	void **obj = kunit_kcalloc(test, 3000, sizeof(*obj), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, obj);
	for (i = 0; i < ARRAY_SIZE(cap); i++) {
		struct hak_class_stats cs;
		struct hak_cache *c;

		hak_fast_cap = cap[i];
		c = hak_test_cache_shown(test, 40, 0);
		hak_fast_cap = saved;
		for (j = 0; j < 3000; j++)
			obj[j] = hak_cache_alloc(c, GFP_KERNEL);
		hak_class_stats_read(c, &cs);
		KUNIT_EXPECT_EQ(test, cs.live, 3000UL);
		KUNIT_EXPECT_TRUE(test, all_distinct(obj, 3000));
		for (j = 0; j < 3000; j++)
			hak_cache_free(c, obj[j]);
		hak_class_stats_read(c, &cs);
		KUNIT_EXPECT_EQ(test, cs.live, 0UL);
		KUNIT_EXPECT_LE(test, cs.cached,
				(unsigned long)cap[i] * num_online_cpus());
	}
}

/* Fast paths that try to enter an empty cache, one interrupting the other, are no objects. */
static void tries_are_no_objects(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 64, 0);
	struct hak_cpu_cache *cc = hak_test_cpu(test, c, 64);
	unsigned int i;

	KUNIT_EXPECT_EQ(test, hak_cpu_objects(cc), 0);
	for (i = 1; i <= 4; i++) {
		WRITE_ONCE(cc->nr, (u16)-i);
		KUNIT_EXPECT_EQ(test, hak_cpu_objects(cc), 0);
	}
	hak_cpu_set_nr(cc, 0);
}

/* What waits in the remote list is counted when it is taken, and not before. */
static void drains_are_counted_once(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 64, 0);
	struct hak_cpu_cache *cc = hak_test_cpu(test, c, 2);
	void *obj[8], *again[3];

	hak_test_alloc_many(test, c, cc, obj, 8);
	hak_test_free_many(c, cc, obj, 6);
	hak_test_push(hak_test_slab_of(obj[6]), obj[6]);
	/* Two come from the cache, and one from the freelist. */
	hak_test_alloc_many(test, c, cc, again, 3);
	KUNIT_EXPECT_FALSE(test, llist_empty(&cc->cur->remote));
	KUNIT_EXPECT_EQ(test, cc->drains, 0UL);
	hak_test_free_many(c, cc, again, 3);
	hak_test_free(c, cc, obj[7]);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(tries_are_no_objects),
	KUNIT_CASE(drains_are_counted_once),
	KUNIT_CASE(refill_takes_half_a_cache),
	KUNIT_CASE(last_in_first_out),
	KUNIT_CASE(cache_off),
	KUNIT_CASE(cache_off_in_a_row),
	KUNIT_CASE(cache_off_and_a_broken_link),
	KUNIT_CASE(frees_after_the_owner_moved_on),
	KUNIT_CASE(frees_after_the_owner_moved_on_with_the_cache_off),
	KUNIT_CASE(frees_after_the_owner_moved_on_with_other_caches),
	KUNIT_CASE(every_slab_is_found_again),
	KUNIT_CASE(waiting_free_in_another_superslab),
	KUNIT_CASE(waiting_free_in_the_current_slab),
	KUNIT_CASE(flush_pools_a_slab_with_objects),
	KUNIT_CASE(flush_parks_a_full_slab),
	KUNIT_CASE(flush_with_frees_waiting),
	KUNIT_CASE(refill_past_a_slab_without_objects),
	KUNIT_CASE(inside_the_busy_section),
	KUNIT_CASE(inside_the_busy_section_of_a_class),
	KUNIT_CASE(cache_sizes_through_the_api),
	{}
};

static struct kunit_suite hak_pcpu_cache_suite = {
	.name = "hak_pcpu_cache",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_pcpu_cache_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: per-CPU caches");
MODULE_LICENSE("GPL");
