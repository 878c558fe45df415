// SPDX-License-Identifier: GPL-2.0
/*
 * The helpers around the API: arrays, copies, wiping, scopes and mempools.
 */
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/mempool.h>
#include <linux/module.h>
#include <linux/string.h>

#include "hak_test.h"

static bool is_filled(const void *p, u8 c, size_t n)
{
	return !memchr_inv(p, c, n);
}

/*
 * Fill the object that the next allocation of this class gets, so that it is not
 * zero by chance.
 */
static void dirty(struct kunit *test, size_t size)
{
	void *p = hak_alloc(size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	memset(p, 0x5a, size);
	hak_free(p);
}

static void zeroed_by_node(struct kunit *test)
{
	int node = hak_node_near(numa_mem_id());
	void *p;

	dirty(test, 100);
	p = hak_zalloc_node(100, GFP_KERNEL, node);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_TRUE(test, is_filled(p, 0, hak_usable_size(p)));
	hak_free(p);
	dirty(test, 100);
	p = hak_calloc_node(25, 4, GFP_KERNEL, NUMA_NO_NODE);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_TRUE(test, is_filled(p, 0, hak_usable_size(p)));
	hak_free(p);
	KUNIT_EXPECT_PTR_EQ(test, hak_zalloc_node(0, GFP_KERNEL, node),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, hak_calloc_node(4, 0, GFP_KERNEL, node),
			    ZERO_SIZE_PTR);
}

static void arrays_do_not_overflow(struct kunit *test)
{
	/*
	 * Twice this is 2, and four times this is 4, which there would be room
	 * for.
	 */
	size_t n = SIZE_MAX / 2 + 2;
	void *p;

	/* Otherwise the compiler would refuse the constant size. */
	OPTIMIZER_HIDE_VAR(n);
	p = hak_calloc_node(n, 2, GFP_KERNEL | __GFP_NOWARN, NUMA_NO_NODE);
	KUNIT_EXPECT_NULL(test, p);
	p = hak_alloc_array(2, n, GFP_KERNEL | __GFP_NOWARN);
	KUNIT_EXPECT_NULL(test, p);
	p = hak_alloc_array(n, 2, GFP_KERNEL | __GFP_NOWARN);
	KUNIT_EXPECT_NULL(test, p);
	p = hak_alloc_array(6, 10, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, hak_usable_size(p), (size_t)64);
	hak_free(p);
}

static void array_is_resized(struct kunit *test)
{
	size_t n = SIZE_MAX / 2 + 2;
	u32 *p = hak_realloc_array(NULL, 10, sizeof(*p), GFP_KERNEL), *q;
	u32 i, lost = 0;

	KUNIT_ASSERT_NOT_NULL(test, p);
	for (i = 0; i < 10; i++)
		p[i] = i;
	q = hak_realloc_array(p, 1000, sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, q);
	for (i = 0; i < 10; i++)
		lost += q[i] != i;
	OPTIMIZER_HIDE_VAR(n);
	KUNIT_EXPECT_NULL(test, hak_realloc_array(q, n, 2, GFP_KERNEL | __GFP_NOWARN));
	for (i = 0; i < 10; i++)
		lost += q[i] != i;
	KUNIT_EXPECT_EQ(test, lost, 0);
	KUNIT_EXPECT_PTR_EQ(test, hak_realloc_array(q, 0, sizeof(*q), GFP_KERNEL),
			    ZERO_SIZE_PTR);
}

static void copies(struct kunit *test)
{
	static const char text[] = "a tiny object";
	static const char sixty_four[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	char *s = hak_strdup(text, GFP_KERNEL);
	char *m = hak_memdup(text, 6, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_ASSERT_NOT_NULL(test, m);
	KUNIT_EXPECT_STREQ(test, s, text);
	KUNIT_EXPECT_EQ(test, memcmp(m, text, 6), 0);
	KUNIT_EXPECT_NOT_NULL(test, hak_test_slab_of(s));
	hak_free(s);
	hak_free(m);
	/* With its end, this one is larger than an object of 64 bytes. */
	s = hak_strdup(sixty_four, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_EXPECT_GT(test, hak_usable_size(s), (size_t)64);
	KUNIT_EXPECT_STREQ(test, s, sixty_four);
	hak_free(s);
	KUNIT_EXPECT_NULL(test, hak_strdup(NULL, GFP_KERNEL));
	KUNIT_EXPECT_PTR_EQ(test, (void *)hak_memdup(text, 0, GFP_KERNEL),
			    ZERO_SIZE_PTR);
}

/* The slab is owned, so the memory of a freed object may be read. */
static void sensitive_is_wiped(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 96, 0);
	u8 *p = hak_cache_alloc(c, GFP_KERNEL);
	void *large;

	KUNIT_ASSERT_NOT_NULL(test, p);
	OPTIMIZER_HIDE_VAR(p);
	memset(p, 0x5a, 96);
	hak_free_sensitive(p);
	KUNIT_EXPECT_TRUE(test, is_filled(p, 0, 96));
	hak_free_sensitive(NULL);
	hak_free_sensitive(ZERO_SIZE_PTR);

	/* Likewise objects from SLUB, of a cache and of kmalloc(). */
	p = hak_cache_alloc(c, GFP_KERNEL_ACCOUNT);
	KUNIT_ASSERT_NOT_NULL(test, p);
	memset(p, 0x5a, 96);
	hak_free_sensitive(p);
	KUNIT_EXPECT_EQ(test, hak_fallback_live(c), 0L);
	large = hak_alloc(10000, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, large);
	hak_free_sensitive(large);
}

static void sensitive_refuses_bad_addresses(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 96, 0);
	u8 *p = hak_cache_alloc(c, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	memset(p, 0x5a, 96);
	hak_free_sensitive(p + 8);
	hak_test_provoke(test, HAK_EV_BAD_FREE, 1);
	KUNIT_EXPECT_TRUE(test, is_filled(p, 0x5a, 96));
	hak_cache_free(c, p);
}

static void zeroed_object(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 96, 0);
	void *p = hak_cache_alloc(c, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	memset(p, 0x5a, 96);
	hak_cache_free(c, p);
	p = hak_cache_zalloc(c, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_TRUE(test, is_filled(p, 0, 96));
	hak_cache_free(c, p);
}

/*
 * A scope frees the memory that it does not return; the statistics show whether
 * it did.
 */
static void *leave_scope(size_t size, bool keep)
{
	void *p __free(hak_free) = hak_alloc(size, GFP_KERNEL);

	if (keep)
		return_ptr(p);
	return NULL;
}

static void scope_frees(struct kunit *test)
{
	unsigned long live = hak_test_live();
	void *p;

	KUNIT_EXPECT_NULL(test, leave_scope(64, false));
	KUNIT_EXPECT_EQ(test, hak_test_live(), live);
	p = leave_scope(64, true);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, hak_test_live(), live + 1);
	hak_free(p);
	{
		void *err __free(hak_free) = ERR_PTR(-ENOMEM);
		void *none __free(hak_free) = NULL;

		KUNIT_EXPECT_TRUE(test, IS_ERR(err));
		KUNIT_EXPECT_NULL(test, none);
	}
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, 0);
}

static void mempool_of_objects(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 120, 0);
	struct hak_class_stats cs;
	mempool_t *pool;
	void *obj[40];
	unsigned int i;

	pool = mempool_create(8, hak_mempool_alloc, hak_mempool_free, c);
	KUNIT_ASSERT_NOT_NULL(test, pool);
	for (i = 0; i < ARRAY_SIZE(obj); i++) {
		obj[i] = mempool_alloc(pool, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, obj[i]);
		memset(obj[i], i, 120);
	}
	hak_class_stats_read(c, &cs);
	KUNIT_EXPECT_EQ(test, cs.live + cs.fallback, (long)ARRAY_SIZE(obj) + 8);
	for (i = 0; i < ARRAY_SIZE(obj); i++) {
		KUNIT_EXPECT_TRUE(test, is_filled(obj[i], i, 120));
		mempool_free(obj[i], pool);
	}
	mempool_destroy(pool);
	hak_class_stats_read(c, &cs);
	KUNIT_EXPECT_EQ(test, cs.live + cs.fallback, 0L);
}

/* A mempool gives an element back to its own cache, so another cache's is refused. */
static void mempool_of_another_cache(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 72, 0), *other = hak_test_cache(test, 72, 0);
	void *p = hak_cache_alloc(other, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	hak_mempool_free(p, c);
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, 1);
	hak_test_provoke(test, HAK_EV_BAD_FREE, 1);
	hak_mempool_free(p, other);
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, 1);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(zeroed_by_node),
	KUNIT_CASE(arrays_do_not_overflow),
	KUNIT_CASE(array_is_resized),
	KUNIT_CASE(copies),
	KUNIT_CASE(sensitive_is_wiped),
	KUNIT_CASE(sensitive_refuses_bad_addresses),
	KUNIT_CASE(zeroed_object),
	KUNIT_CASE(scope_frees),
	KUNIT_CASE(mempool_of_objects),
	KUNIT_CASE(mempool_of_another_cache),
	{}
};

static struct kunit_suite hak_helpers_suite = {
	.name = "hak_helpers",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_helpers_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: the helpers around the API");
MODULE_LICENSE("GPL");
