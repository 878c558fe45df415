// SPDX-License-Identifier: GPL-2.0
/*
 * Spills: each object goes back to its slab, and each slab gets all of its objects at once.
 * CPUs A and B are pretended; see hak_test.h.
 */
#include <linux/module.h>
#include <linux/string.h>

#include "hak_test.h"

#define FULL	16	/* capacity of the slabs used here */
#define SIZE	(HAK_SLAB_SIZE / FULL)

static void full_cache_spills_its_older_half(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 64, 0);
	struct hak_cpu_cache *a = hak_test_cpu(test, c, 8);
	struct hak_slab *s;
	unsigned int i;
	void *obj[16];

	hak_test_alloc_many(test, c, a, obj, 16);
	KUNIT_ASSERT_EQ(test, a->nr, 0);
	s = a->cur;
	for (i = 0; i < 8; i++)
		hak_test_free(c, a, obj[i]);
	KUNIT_EXPECT_EQ(test, a->nr, 8);
	KUNIT_EXPECT_EQ(test, a->spills, 0UL);
	hak_test_free(c, a, obj[8]);
	KUNIT_EXPECT_EQ(test, a->spills, 1UL);
	KUNIT_EXPECT_EQ(test, a->nr, 5);
	KUNIT_EXPECT_PTR_EQ(test, a->obj[0], obj[4]);
	KUNIT_EXPECT_PTR_EQ(test, a->obj[4], obj[8]);
	/*
	 * They are of its own slab, so they go to the freelist and nothing is
	 * pushed.
	 */
	KUNIT_EXPECT_EQ(test, a->pushes, 0UL);
	KUNIT_EXPECT_EQ(test, hak_test_chain_len(s->freelist), 4);
	KUNIT_EXPECT_EQ(test, s->taken, 12);
	KUNIT_EXPECT_TRUE(test, llist_empty(&s->remote));
	KUNIT_EXPECT_TRUE(test, hak_slab_validate(s));
	for (i = 9; i < 16; i++)
		hak_test_free(c, a, obj[i]);
}

/* The table in which a spill gathers the objects of slabs. */
#define SPILL_GROUPS	16

/* A slab that does not have the place of @s in the table of a spill. */
static struct hak_slab *slab_apart(struct kunit *test, struct hak_cache *c,
				   const struct hak_slab *s)
{
	struct hak_slab *t, *same[2 * SPILL_GROUPS];
	unsigned int n = 0;

	for (;;) {
		t = hak_test_slab(test, c);
		if ((t->addr ^ s->addr) / HAK_SLAB_SIZE % SPILL_GROUPS)
			break;
		KUNIT_ASSERT_LT(test, n, ARRAY_SIZE(same));
		same[n++] = t;
	}
	while (n)
		hak_slab_release(same[--n]);
	return t;
}

/*
 * The half that leaves is of one slab, but for its objects from @from on and before @to,
 * which are of another. The first, middle and last objects are of the one slab in any case.
 * Neither slab is this CPU's own, so each gets one push.
 */
static void half_of_other_slabs(struct kunit *test, unsigned int cap, unsigned int from,
				unsigned int to)
{
	struct hak_cache *c = hak_test_cache(test, 64, 0);
	struct hak_cpu_cache *a = hak_test_cpu(test, c, cap);
	struct hak_slab *s[2] = { hak_test_slab(test, c) };
	unsigned int i, n = (cap + 1) / 2, of_first = 0;
	void *p;

	s[1] = slab_apart(test, c, s[0]);
	for (i = 0; i <= cap; i++) {
		bool first = i < n && (i < from || i >= to || i == 0 || i == n / 2 ||
				       i == n - 1);

		of_first += first;
		KUNIT_ASSERT_EQ(test, hak_slab_take(c, s[!first], &p, 1), 1);
		hak_test_free(c, a, p);
	}
	KUNIT_EXPECT_EQ(test, a->nr, cap + 1 - n);
	KUNIT_EXPECT_EQ(test, a->spills, 1UL);
	KUNIT_EXPECT_EQ(test, a->pushes, of_first < n ? 2UL : 1UL);
	KUNIT_EXPECT_EQ(test, hak_slab_used(s[0]), 0);
	KUNIT_EXPECT_EQ(test, hak_slab_used(s[1]), cap + 1 - n);
	KUNIT_EXPECT_EQ(test, hak_test_chain_len(s[0]->remote.first), of_first);
	KUNIT_EXPECT_EQ(test, hak_test_chain_len(s[1]->remote.first), n - of_first);
	KUNIT_EXPECT_TRUE(test, hak_slab_validate(s[0]));
	KUNIT_EXPECT_TRUE(test, hak_slab_validate(s[1]));
	hak_cpu_flush(c, a);
	hak_pool_put(s[0], HAK_OWNED);
	hak_pool_put(s[1], HAK_OWNED);
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), 2);
}

static void spill_of_half_a_cache(struct kunit *test)
{
	static const unsigned int cap[] = { 8, 31, 32, 46 };
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(cap); i++) {
		n = (cap[i] + 1) / 2;
		half_of_other_slabs(test, cap[i], n, n);
		half_of_other_slabs(test, cap[i], 0, n);
		/* Those that are left when eight at a time have been looked at. */
		half_of_other_slabs(test, cap[i], n / 8 * 8, n);
	}
}

/* A single object of another slab, at each place, is not taken for one of the first. */
static void spill_with_one_of_another_slab(struct kunit *test)
{
	unsigned int i;

	for (i = 1; i < 11; i++)
		half_of_other_slabs(test, 22, i, i + 1);
}

/* A CPU spills objects that it allocated, but whose slabs it no longer owns. */
static void spill_of_foreign_objects(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu(test, c, 8);
	struct hak_cpu_cache *b = hak_test_cpu(test, c, 0);
	struct hak_slab *parked, *pooled, *owned, *own;
	void *obj[4], *rest[4 * FULL];
	void *spill[4];

	/* B owns a slab, another is in the pool, one is parked, and one is A's. */
	hak_test_alloc_many(test, c, b, obj + 2, 1);
	owned = b->cur;
	pooled = hak_test_slab(test, c);
	KUNIT_ASSERT_EQ(test, hak_slab_take(c, pooled, obj + 1, 1), 1);
	parked = hak_test_slab(test, c);
	KUNIT_ASSERT_EQ(test, hak_slab_take(c, parked, rest, FULL), FULL);
	KUNIT_ASSERT_TRUE(test, hak_slab_park(parked));
	obj[0] = rest[0];
	hak_test_alloc_many(test, c, a, obj + 3, 1);
	own = a->cur;
	hak_pool_put(pooled, HAK_OWNED);
	KUNIT_ASSERT_EQ(test, a->nr, 3);
	KUNIT_ASSERT_EQ(test, own->taken, 4);

	memcpy(spill, obj, sizeof(spill));
	hak_cpu_spill(c, a, spill, 4);
	KUNIT_EXPECT_EQ(test, a->pushes, 3UL);
	KUNIT_EXPECT_NULL(test, parked->freelist);
	KUNIT_EXPECT_NULL(test, pooled->freelist);
	KUNIT_EXPECT_NULL(test, owned->freelist);
	KUNIT_EXPECT_EQ(test, parked->taken, FULL);
	KUNIT_EXPECT_EQ(test, pooled->taken, 1);
	KUNIT_EXPECT_EQ(test, owned->taken, 1);
	KUNIT_EXPECT_EQ(test, hak_test_chain_len(parked->remote.first), 1);
	KUNIT_EXPECT_EQ(test, hak_test_chain_len(pooled->remote.first), 1);
	KUNIT_EXPECT_EQ(test, hak_test_chain_len(owned->remote.first), 1);
	KUNIT_EXPECT_EQ(test, hak_test_state(parked), HAK_POOLED);
	KUNIT_EXPECT_EQ(test, hak_test_state(owned), HAK_OWNED);
	/* The object of A's own slab went to the freelist. */
	KUNIT_EXPECT_EQ(test, hak_test_chain_len(own->freelist), 1);
	KUNIT_EXPECT_EQ(test, own->taken, 3);
	KUNIT_EXPECT_TRUE(test, llist_empty(&own->remote));
	KUNIT_EXPECT_TRUE(test, hak_slab_validate(parked));
	KUNIT_EXPECT_TRUE(test, hak_slab_validate(pooled));
	KUNIT_EXPECT_TRUE(test, hak_slab_validate(owned));
	KUNIT_EXPECT_TRUE(test, hak_slab_validate(own));
	hak_test_free_many(c, a, rest + 1, FULL - 1);
}

/* All objects of one slab go in one push, in whatever order they come. */
static void spill_pushes_once_a_slab(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu(test, c, 64);
	struct hak_slab *s[2];
	void *obj[2 * FULL], *spill[2 * FULL];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		s[i] = i ? slab_apart(test, c, s[0]) : hak_test_slab(test, c);
		KUNIT_ASSERT_EQ(test, hak_slab_take(c, s[i], obj + i * FULL,
						    FULL), FULL);
		KUNIT_ASSERT_TRUE(test, hak_slab_park(s[i]));
	}
	for (i = 0; i < 2 * FULL; i++)
		spill[i] = obj[i % 2 * FULL + i / 2];
	hak_cpu_spill(c, a, spill, 2 * FULL);
	KUNIT_EXPECT_EQ(test, a->pushes, 2UL);
	KUNIT_EXPECT_EQ(test, hak_slab_used(s[0]), 0);
	KUNIT_EXPECT_EQ(test, hak_slab_used(s[1]), 0);
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), 2);
}

/* More slabs than the spill's table has entries. */
static void spill_of_many_slabs(struct kunit *test)
{
	enum { NR = 40 };
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu(test, c, 64);
	struct hak_slab **s = kunit_kcalloc(test, NR, sizeof(*s), GFP_KERNEL);
	void **obj = kunit_kcalloc(test, 2 * NR, sizeof(*obj), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	for (i = 0; i < NR; i++) {
		s[i] = hak_test_slab(test, c);
		KUNIT_ASSERT_EQ(test, hak_slab_take(c, s[i], obj + i, 1), 1);
		KUNIT_ASSERT_EQ(test, hak_slab_take(c, s[i], obj + NR + i, 1), 1);
	}
	hak_cpu_spill(c, a, obj, 2 * NR);
	for (i = 0; i < NR; i++) {
		KUNIT_EXPECT_EQ(test, hak_slab_used(s[i]), 0);
		KUNIT_EXPECT_TRUE(test, hak_slab_validate(s[i]));
		hak_pool_put(s[i], HAK_OWNED);
	}
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), NR);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(full_cache_spills_its_older_half),
	KUNIT_CASE(spill_of_half_a_cache),
	KUNIT_CASE(spill_with_one_of_another_slab),
	KUNIT_CASE(spill_of_foreign_objects),
	KUNIT_CASE(spill_pushes_once_a_slab),
	KUNIT_CASE(spill_of_many_slabs),
	{}
};

static struct kunit_suite hak_spill_suite = {
	.name = "hak_spill",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_spill_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: spills of per-CPU caches");
MODULE_LICENSE("GPL");
