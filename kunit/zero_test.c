// SPDX-License-Identifier: GPL-2.0
/*
 * The contents of allocated memory: zeroes if the caller or the system
 * (init_on_alloc, init_on_free) wants that, in whichever way the memory was
 * freed.
 */
#include <linux/module.h>
#include <linux/string.h>

#include "hak_test.h"

#define NR	3000

static bool is_filled(const void *p, u8 c, size_t n)
{
	const u8 *b = p;

	while (n--)
		if (*b++ != c)
			return false;
	return true;
}

/* Sizes below, at and above those of the classes, and above HAK_MAX_SIZE. */
static const size_t sizes[] = {
	1, 8, 9, 24, 33, 64, 65, 96, 112, 128, 255, 256, 320, 448, 512, 640, 1000,
	1024, 1025, 2048, 4096, 8192, 65536,
};

/* Of kmalloc()'s memory only what was asked for may be used. */
static size_t may_use(const void *p, size_t size)
{
	return size <= HAK_MAX_SIZE ? hak_usable_size(p) : size;
}

/* Fill the memory with rubbish and free it, for the next allocation to find. */
static void dirty(void *p, size_t size)
{
	memset(p, 0xa5, size);
	hak_free(p);
}

static void zeroing(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t size = sizes[i];
		void *p = hak_alloc(size, GFP_KERNEL), *q;

		KUNIT_ASSERT_NOT_NULL(test, p);
		dirty(p, may_use(p, size));
		q = hak_zalloc(size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, q);
		/* The whole object is zeroed, as by kmalloc(). */
		KUNIT_EXPECT_TRUE(test, is_filled(q, 0, may_use(q, size)));
		dirty(q, size);
		q = hak_calloc(1, size, GFP_KERNEL);
		KUNIT_EXPECT_TRUE(test, is_filled(q, 0, size));
		dirty(q, size);
		q = hak_alloc_node(size, GFP_KERNEL | __GFP_ZERO, NUMA_NO_NODE);
		KUNIT_EXPECT_TRUE(test, is_filled(q, 0, size));
		dirty(q, size);
		q = hak_alloc_node(size, GFP_KERNEL | __GFP_ZERO, numa_mem_id());
		KUNIT_EXPECT_TRUE(test, is_filled(q, 0, size));
		hak_free(q);
	}
}

static void cache_zeroing(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 200, 0);
	void *p = hak_cache_alloc(c, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	memset(p, 0xa5, 200);
	hak_cache_free(c, p);
	p = hak_cache_alloc(c, GFP_KERNEL | __GFP_ZERO);
	KUNIT_EXPECT_TRUE(test, is_filled(p, 0, 200));
	memset(p, 0xa5, 200);
	hak_cache_free(c, p);
	p = hak_cache_alloc_node(c, GFP_KERNEL | __GFP_ZERO, numa_mem_id());
	KUNIT_EXPECT_TRUE(test, is_filled(p, 0, 200));
	hak_cache_free(c, p);
}

static bool all_is_zero(void)
{
	return want_init_on_alloc(GFP_KERNEL) || want_init_on_free();
}

/* Each free goes to the slab, and each allocation comes from there. */
static void zero_with_the_cache_off(struct kunit *test)
{
	bool all = want_init_on_free() || want_init_on_alloc(GFP_KERNEL);
	struct hak_cache *c = hak_test_cache_cap(test, 200, 0);
	unsigned int i;
	void *p, *q;

	migrate_disable();
	for (i = 0; i < 4; i++) {
		p = hak_cache_alloc(c, i & 1 ? GFP_KERNEL | __GFP_ZERO : GFP_KERNEL);
		q = hak_cache_alloc(c, GFP_KERNEL);
		KUNIT_EXPECT_TRUE(test, is_filled(p, 0, 200) || !(all || i & 1));
		KUNIT_EXPECT_TRUE(test, is_filled(q, 0, 200) || !all);
		memset(p, 0xa5, 200);
		memset(q, 0xa5, 200);
		hak_free(p);
		hak_cache_free(c, q);
	}
	migrate_enable();
}

/*
 * Without __GFP_ZERO memory is not zeroed, unless the system wants that. Sizes and flags
 * that the compiler knows have entry points of their own.
 */
static void no_zeroing_unasked(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 64, 0);
	gfp_t atomic = GFP_ATOMIC;
	size_t size = 64;
	unsigned int way;
	u8 *p, *q;

	OPTIMIZER_HIDE_VAR(atomic);
	OPTIMIZER_HIDE_VAR(size);
	for (way = 0; way < 6; way++) {
		p = way < 4 ? hak_alloc(64, GFP_KERNEL) : hak_cache_alloc(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		preempt_disable();
		p[32] = 0xa5;
		hak_free(p);
		q = way == 0 ? hak_alloc(64, GFP_ATOMIC) :
		    way == 1 ? hak_alloc(64, atomic) :
		    way == 2 ? hak_alloc(size, GFP_ATOMIC) :
		    way == 3 ? hak_alloc(size, atomic) :
		    way == 4 ? hak_cache_alloc(c, GFP_ATOMIC) :
			       hak_cache_alloc(c, atomic);
		preempt_enable();
		KUNIT_ASSERT_NOT_NULL(test, q);
		KUNIT_EXPECT_PTR_EQ(test, q, p);
		KUNIT_EXPECT_EQ(test, q[32], all_is_zero() ? 0 : 0xa5);
		hak_free(q);
	}
}

/* __GFP_ZERO, unless the system zeroes anyway. */
static gfp_t zero(gfp_t gfp)
{
	return all_is_zero() ? gfp : gfp | __GFP_ZERO;
}

/* Fill all objects with rubbish. Returns how many were not all zeroes before. */
static unsigned int nr_dirty(void **obj, unsigned int n, size_t size)
{
	unsigned int i, dirty = 0;

	for (i = 0; i < n; i++) {
		dirty += !is_filled(obj[i], 0, size);
		memset(obj[i], 0xa5, size);
	}
	return dirty;
}

static void alloc_all(struct kunit *test, struct hak_cache *c, void **obj)
{
	unsigned int i;

	for (i = 0; i < NR; i++) {
		obj[i] = hak_cache_alloc(c, zero(GFP_KERNEL));
		KUNIT_ASSERT_NOT_NULL(test, obj[i]);
	}
}

static void free_all(struct hak_cache *c, void **obj)
{
	unsigned int i;

	for (i = 0; i < NR; i++)
		hak_cache_free(c, obj[i]);
}

/* Many objects go back to the slab by a spill, and with the cache off one by one. */
static void zero_after_spills(struct kunit *test)
{
	static const unsigned int cap[] = { 0, 1, 64 }, size[] = { 8, 40, 1024 };
	void **obj = kunit_kcalloc(test, NR, sizeof(*obj), GFP_KERNEL);
	unsigned int i, j, k;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	for (i = 0; i < ARRAY_SIZE(cap); i++) {
		for (j = 0; j < ARRAY_SIZE(size); j++) {
			struct hak_cache *c;

			c = hak_test_cache_cap(test, size[j], cap[i]);
			for (k = 0; k < 3; k++) {
				alloc_all(test, c, obj);
				KUNIT_EXPECT_EQ(test, nr_dirty(obj, NR, size[j]), 0);
				free_all(c, obj);
			}
		}
	}
}

/* An interrupt of the owner pushes, and so does an NMI. */
static void zero_after_pushes(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 48, 0);
	void **obj = kunit_kcalloc(test, NR, sizeof(*obj), GFP_KERNEL);
	struct hak_cpu_cache *cc;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	alloc_all(test, c, obj);
	KUNIT_EXPECT_EQ(test, nr_dirty(obj, NR, 48), 0);
	preempt_disable();
	cc = this_cpu_ptr(c->cpu);
	hak_cpu_enter(cc);
	free_all(c, obj);
	hak_cpu_leave(cc);
	preempt_enable();
	HAK_EXPECT_EVENT(test, HAK_EV_PUSHED, NR);
	alloc_all(test, c, obj);
	KUNIT_EXPECT_EQ(test, nr_dirty(obj, NR, 48), 0);
	free_all(c, obj);
}

static void zero_in_bulk(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 16, 0);
	void **obj = kunit_kcalloc(test, NR, sizeof(*obj), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	for (i = 0; i < 3; i++) {
		KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, zero(GFP_KERNEL),
							   NR, obj), NR);
		KUNIT_EXPECT_EQ(test, nr_dirty(obj, NR, 16), 0);
		hak_cache_free_bulk(c, NR, obj);
	}
	for (i = 0; i < 3; i++) {
		KUNIT_ASSERT_EQ(test, hak_alloc_bulk(16, zero(GFP_KERNEL), NR,
						     obj), NR);
		KUNIT_EXPECT_EQ(test, nr_dirty(obj, NR, 16), 0);
		hak_free_bulk(NR, obj);
	}
}

static void zero_by_node_and_size(struct kunit *test)
{
	void **obj = kunit_kcalloc(test, NR, sizeof(*obj), GFP_KERNEL);
	unsigned int i, j;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	for (i = 0; i < 3; i++) {
		for (j = 0; j < NR; j++) {
			obj[j] = hak_alloc_node(32, zero(GFP_KERNEL | __GFP_THISNODE),
						hak_node_near(numa_mem_id()));
			KUNIT_ASSERT_NOT_NULL(test, obj[j]);
		}
		KUNIT_EXPECT_EQ(test, nr_dirty(obj, NR, 32), 0);
		for (j = 0; j < NR; j++)
			hak_free_sized(obj[j], 32);
	}
}

/*
 * A reader under RCU may look at an object of a SLAB_TYPESAFE_BY_RCU cache at any time, so
 * nothing but __GFP_ZERO clears it, in place or as it is allocated.
 */
static void typesafe_only_if_asked(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_args(test, 64, NULL, SLAB_TYPESAFE_BY_RCU);
	u8 *p = hak_cache_alloc(c, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	memset(p, 0xa5, 64);
	KUNIT_EXPECT_PTR_EQ(test, (u8 *)hak_realloc(p, 16, GFP_KERNEL), p);
	KUNIT_EXPECT_TRUE(test, is_filled(p, 0xa5, 64));
	KUNIT_EXPECT_PTR_EQ(test, (u8 *)hak_realloc(p, 16, GFP_KERNEL | __GFP_ZERO), p);
	KUNIT_EXPECT_TRUE(test, is_filled(p, 0xa5, 16));
	KUNIT_EXPECT_TRUE(test, is_filled(p + 16, 0, 48));
	hak_cache_free(c, p);
}

/* Slabs go from cache to cache with the contents of their free objects. */
static void zero_in_a_reused_slab(struct kunit *test)
{
	void **obj = kunit_kcalloc(test, NR, sizeof(*obj), GFP_KERNEL);
	struct hak_cache *c;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	c = hak_cache_create("hak_test", 32, 0, 0, NULL);
	KUNIT_ASSERT_NOT_NULL(test, c);
	alloc_all(test, c, obj);
	KUNIT_EXPECT_EQ(test, nr_dirty(obj, NR, 32), 0);
	free_all(c, obj);
	/*
	 * Its slabs become unused slots, and those of the superslab in stock do,
	 * too.
	 */
	hak_cache_destroy(c);
	c = hak_test_cache_shown(test, 96, 0);
	alloc_all(test, c, obj);
	KUNIT_EXPECT_EQ(test, nr_dirty(obj, NR, 96), 0);
	free_all(c, obj);
}

static void fill(void *p)
{
	memset(p, 0xcc, 32);
}

/* Objects that were constructed, and never allocated, leave nothing to the slot's next cache. */
static void zero_after_constructed(struct kunit *test)
{
	void **obj = kunit_kcalloc(test, NR, sizeof(*obj), GFP_KERNEL);
	struct hak_cache *c;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	c = hak_cache_create("hak_test", 32, 0, 0, fill);
	KUNIT_ASSERT_NOT_NULL(test, c);
	obj[0] = hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, obj[0]);
	KUNIT_EXPECT_TRUE(test, is_filled(obj[0], 0xcc, 32));
	hak_cache_free(c, obj[0]);
	hak_cache_destroy(c);
	c = hak_test_cache_shown(test, 96, 0);
	alloc_all(test, c, obj);
	KUNIT_EXPECT_EQ(test, nr_dirty(obj, NR, 96), 0);
	free_all(c, obj);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(zeroing),
	KUNIT_CASE(cache_zeroing),
	KUNIT_CASE(zero_with_the_cache_off),
	KUNIT_CASE(no_zeroing_unasked),
	KUNIT_CASE(zero_after_spills),
	KUNIT_CASE(zero_after_pushes),
	KUNIT_CASE(zero_in_bulk),
	KUNIT_CASE(zero_by_node_and_size),
	KUNIT_CASE(typesafe_only_if_asked),
	KUNIT_CASE(zero_in_a_reused_slab),
	KUNIT_CASE(zero_after_constructed),
	{}
};

static struct kunit_suite hak_zero_suite = {
	.name = "hak_zero",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_zero_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: what memory holds when it is handed out");
MODULE_LICENSE("GPL");
