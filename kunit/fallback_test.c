// SPDX-License-Identifier: GPL-2.0
/*
 * Objects of a cache that SLUB had to serve. All promises of the API hold for
 * them, too. Accounted allocations always go to SLUB, so the tests use them to
 * get such an object.
 */
#include <linux/array_size.h>
#include <linux/hash.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "hak_test.h"

static bool is_filled(const void *p, u8 c, size_t n)
{
	const u8 *b = p;

	while (n--)
		if (*b++ != c)
			return false;
	return true;
}

/* Allocate an object of @c from SLUB. */
static void *slubs(struct kunit *test, struct hak_cache *c)
{
	void *p = hak_cache_alloc(c, GFP_KERNEL_ACCOUNT);

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_NULL(test, hak_test_slab_of(p));
	return p;
}

/* Each function refuses to free @p as an object of @c. */
static void refused(struct kunit *test, struct hak_cache *c, void *p)
{
	unsigned long before = hak_test_event(test, HAK_EV_BAD_FREE);
	void *bulk[1] = { p };

	hak_cache_free(c, p);
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, before + 1);
	hak_cache_free_bulk(c, 1, bulk);
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, before + 2);
	hak_test_provoke(test, HAK_EV_BAD_FREE, 2);
}

static void every_free(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 72, 0);
	void *bulk[3] = { slubs(test, c), NULL, slubs(test, c) };

	hak_cache_free_bulk(c, 3, bulk);
	bulk[0] = slubs(test, c);
	hak_free_bulk(1, bulk);
	hak_free(slubs(test, c));
	hak_cache_free(c, slubs(test, c));
	hak_free_sized(slubs(test, c), 72);
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, 0);
	KUNIT_EXPECT_EQ(test, hak_fallback_live(c), 0L);
}

/* They are objects of the cache, and kmem_cache_shrink() of theirs would say so. */
static void counted_by_shrink(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 72, 0);
	void *p = slubs(test, c);

	KUNIT_EXPECT_EQ(test, hak_cache_shrink(c), 1);
	hak_cache_free(c, p);
	KUNIT_EXPECT_EQ(test, hak_cache_shrink(c), 0);
}

static void wrong_cache(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 72, 0);
	struct hak_cache *d = hak_test_cache(test, 72, 0);
	void *p = slubs(test, c), *q = slubs(test, d);

	refused(test, d, p);
	refused(test, c, q);
	/* Likewise for a size class as the cache. */
	refused(test, hak_size_class(72), p);
	KUNIT_EXPECT_EQ(test, hak_usable_size(p), (size_t)72);
	memset(p, 0x5a, 72);
	hak_cache_free(c, p);
	hak_cache_free(d, q);
}

/* Memory from SLUB that is no object of a typed cache. */
static void object_of_no_cache(struct kunit *test)
{
	static const size_t size[] = { 8, 64, 88, 96, 1024, 8192, 8208, 1 << 16 };
	struct hak_cache *c = hak_test_cache(test, 72, 0);
	void *live = slubs(test, c);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(size); i++) {
		void *p = kmalloc(size[i], GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, p);
		memset(p, 0xff, size[i]);
		refused(test, c, p);
		KUNIT_EXPECT_TRUE(test, is_filled(p, 0xff, size[i]));
		hak_free(p);
	}
	/* Likewise memory that a size class got from kmalloc(). */
	for (i = 0; i < 2; i++) {
		void *p = hak_alloc(72, GFP_KERNEL_ACCOUNT);

		KUNIT_ASSERT_NOT_NULL(test, p);
		refused(test, c, p);
		hak_free(p);
	}
	hak_cache_free(c, live);
}

/* Before SLUB has served an object of any cache, a free looks for no tail. */
static void kmalloc_object(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 64, 0);
	void *p = kmalloc(64, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	refused(test, c, p);
	kfree(p);
}

/*
 * SLUB has served objects of caches of many sizes, so their tails are at many offsets. Each
 * object is known by its own, and no other memory of SLUB's is taken for an object, even if
 * it has a copy of a tail.
 */
static void many_sizes(struct kunit *test)
{
	struct hak_cache *c[HAK_TEST_MAX];
	void *p[HAK_TEST_MAX];
	unsigned int i, n;
	u8 *q;

	for (i = 0; i < ARRAY_SIZE(c); i++) {
		n = 8 + i * 72;
		c[i] = hak_test_cache(test, n, 0);
		p[i] = slubs(test, c[i]);
		memset(p[i], 0xa5, n);
	}
	for (i = 0; i < ARRAY_SIZE(c); i++) {
		KUNIT_EXPECT_PTR_EQ(test, hak_fallback_cache(p[i]), c[i]);
		/* A tail has 16 bytes. */
		n = hak_cache_size(c[i]) + 16;
		q = kmalloc(n, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, q);
		memcpy(q, p[i], n);
		KUNIT_EXPECT_NULL(test, hak_fallback_cache(q));
		hak_free(q);
		if (i & 1)
			hak_cache_free(c[i], p[i]);
		else
			hak_free(p[i]);
		KUNIT_EXPECT_EQ(test, hak_fallback_live(c[i]), 0L);
	}
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, 0);
}

/* A reader under RCU may look at an object that was freed, also if SLUB served it. */
static void typesafe_after_a_free(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_args(test, 72, NULL, SLAB_TYPESAFE_BY_RCU);
	void *p = slubs(test, c);

	memset(p, 0xa5, 72);
	rcu_read_lock();
	hak_cache_free(c, p);
	KUNIT_EXPECT_TRUE(test, is_filled(p, 0xa5, 72));
	rcu_read_unlock();
}

static void wrong_size(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 100, 0);
	struct hak_cache *d = hak_test_cache(test, 100, 64);
	static const size_t wrong[] = { 0, 1, 96, 105, 128, 1024, 1 << 20, SIZE_MAX };
	void *obj[4];
	unsigned int i, j;

	obj[0] = slubs(test, c);
	obj[1] = hak_cache_alloc(c, GFP_KERNEL);
	obj[2] = slubs(test, d);
	obj[3] = hak_cache_alloc(d, GFP_KERNEL);
	for (i = 0; i < ARRAY_SIZE(obj); i++) {
		KUNIT_ASSERT_NOT_NULL(test, obj[i]);
		for (j = 0; j < ARRAY_SIZE(wrong); j++) {
			/* Any size that gives an object of this size is accepted. */
			if (i > 1 && wrong[j] > 64 && wrong[j] <= 128)
				continue;
			hak_free_sized(obj[i], wrong[j]);
			hak_test_provoke(test, HAK_EV_BAD_FREE, 1);
		}
	}
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, 4 * ARRAY_SIZE(wrong) - 2 * 3);
	hak_free_sized(obj[0], 97);
	hak_free_sized(obj[1], 104);
	hak_free_sized(obj[2], 65);
	hak_free_sized(obj[3], 128);
	KUNIT_EXPECT_EQ(test, hak_fallback_live(c), 0L);
	KUNIT_EXPECT_EQ(test, hak_fallback_live(d), 0L);
}

/*
 * An object that keeps its contents while it is free is as large as was asked for, to a
 * multiple of 8, whatever its alignment. So no other size frees it.
 */
static void wrong_size_of_a_kept_object(struct kunit *test)
{
	static const struct hak_cache_args args = { .align = 64 };
	static const size_t wrong[] = { 0, 1, 8, 64, 96, 105, 128 };
	struct hak_cache *c = hak_test_cache_args(test, 100, &args, SLAB_TYPESAFE_BY_RCU);
	void *obj[2] = { slubs(test, c), hak_cache_alloc(c, GFP_KERNEL) };
	unsigned int i, j;

	KUNIT_ASSERT_NOT_NULL(test, obj[1]);
	for (i = 0; i < ARRAY_SIZE(obj); i++)
		for (j = 0; j < ARRAY_SIZE(wrong); j++)
			hak_free_sized(obj[i], wrong[j]);
	hak_test_provoke(test, HAK_EV_BAD_FREE, 2 * ARRAY_SIZE(wrong));
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, 2 * ARRAY_SIZE(wrong));
	hak_free_sized(obj[0], 97);
	hak_free_sized(obj[1], 104);
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, 2 * ARRAY_SIZE(wrong));
}

/*
 * hak_usable_size() is no less than the size asked for, and no more than the
 * caller may use.
 */
static void usable_size(struct kunit *test)
{
	static const unsigned int size[] = { 1, 8, 9, 72, 500, 1024, 4096, 8192 };
	unsigned int i, align;

	for (i = 0; i < 2 * ARRAY_SIZE(size); i++) {
		struct hak_cache *c;
		size_t n;
		u8 *p;

		align = i & 1 ? 256 : 0;
		c = hak_test_cache_shown(test, size[i / 2], align);
		n = hak_cache_size(c);
		p = slubs(test, c);
		KUNIT_EXPECT_EQ(test, (unsigned long)p & (max(align, 8U) - 1), 0UL);
		KUNIT_EXPECT_EQ(test, hak_usable_size(p), n);
		memset(p, 0xa5, n);
		hak_cache_free(c, p);
		p = hak_cache_alloc(c, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_TRUE(test, is_filled(p, 0, n));
		hak_cache_free(c, p);
	}
}

/* SLUB serves one object of each kind of cache with alignment @align. */
static void one_of_each(struct kunit *test, unsigned int align)
{
	static const unsigned int size[] = { 64, 1024, HAK_CACHE_MAX_SIZE };
	struct hak_cache_args args = { .align = align };
	unsigned int i;

	for (i = 0; i < 2 * ARRAY_SIZE(size); i++) {
		slab_flags_t flags = i & 1 ? SLAB_TYPESAFE_BY_RCU : 0;
		struct hak_cache *c;
		u8 *p;

		c = hak_cache_create_args("hak_test_aligned", size[i / 2], &args, flags);
		KUNIT_ASSERT_NOT_NULL(test, c);
		p = hak_cache_alloc(c, GFP_KERNEL_ACCOUNT);
		KUNIT_EXPECT_NOT_NULL(test, p);
		if (p) {
			KUNIT_EXPECT_EQ(test, (unsigned long)p & (align - 1), 0UL);
			KUNIT_EXPECT_PTR_EQ(test, hak_fallback_cache(p), c);
			memset(p, 0xa5, hak_cache_size(c));
			hak_cache_free(c, p);
		}
		KUNIT_EXPECT_EQ(test, hak_fallback_live(c), 0L);
		hak_cache_destroy(c);
	}
}

/*
 * Each alignment that hak_cache_create() accepts works if SLUB serves the object. Where
 * pages are larger than 4 KiB, an object with its tail has up to 32 KiB.
 */
static void every_alignment(struct kunit *test)
{
	unsigned long most = min_t(unsigned long, PAGE_SIZE, HAK_MAX_STRIDE);
	unsigned long align;

	for (align = 8; align <= most; align *= 2)
		one_of_each(test, align);
}

static void resized(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 72, 0);
	u8 *p = slubs(test, c), *q;

	memset(p, 0x77, 72);
	q = hak_realloc(p, 10, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, q, p);
	q = hak_realloc(q, 72, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, q, p);
	/* The bytes between the two sizes are zeroed with init_on_alloc. */
	KUNIT_EXPECT_TRUE(test, is_filled(q, 0x77, 10));
	memset(q, 0x77, 72);
	/* The object has no room for this size, so it moves. */
	q = hak_realloc(q, 80, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_EXPECT_PTR_NE(test, q, p);
	KUNIT_EXPECT_TRUE(test, is_filled(q, 0x77, 72));
	KUNIT_EXPECT_EQ(test, hak_fallback_live(c), 0L);
	hak_free(q);
}

static void counted(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 72, 0);
	struct hak_class_stats cs;
	void *obj[20];
	unsigned int i;

	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL_ACCOUNT, 20, obj), 20);
	KUNIT_EXPECT_EQ(test, hak_fallback_live(c), 20L);
	hak_class_stats_read(c, &cs);
	KUNIT_EXPECT_EQ(test, cs.fallback, 20L);
	for (i = 0; i < 7; i++)
		hak_cache_free(c, obj[i]);
	KUNIT_EXPECT_EQ(test, hak_fallback_live(c), 13L);
	hak_cache_free_bulk(c, 13, obj + 7);
	KUNIT_EXPECT_EQ(test, hak_fallback_live(c), 0L);
}

/*
 * This CPU's cache is in use and holds an object. If the flags of a bulk call, or of a call
 * that names a node, are SLUB's, it leaves that object alone, since hakmem charges nobody.
 */
static void charged_despite_cached(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 72, 0);
	void *obj[3];
	unsigned int i;

	hak_cache_free(c, hak_cache_alloc(c, GFP_KERNEL));
	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL_ACCOUNT, 3, obj), 3);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_NULL(test, hak_test_slab_of(obj[i]));
	KUNIT_EXPECT_EQ(test, hak_fallback_live(c), 3L);
	hak_cache_free_bulk(c, 3, obj);
	obj[0] = hak_cache_alloc_node(c, GFP_KERNEL_ACCOUNT, numa_mem_id());
	KUNIT_ASSERT_NOT_NULL(test, obj[0]);
	KUNIT_EXPECT_EQ(test, hak_fallback_live(c), 1L);
	hak_cache_free(c, obj[0]);
}

/* If a user writes past the end of an object, the free reports it. */
static void written_past_the_end(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 72, 0);
	u8 *p = slubs(test, c), saved;

	/* Otherwise the compiler, which knows the size, would warn. */
	OPTIMIZER_HIDE_VAR(p);
	saved = p[72];
	p[72] ^= 1;
	refused(test, c, p);
	p[72] = saved;
	hak_cache_free(c, p);
}

/* What lies behind an object that SLUB served; see kernel/fallback.c. */
struct tail {
	struct hak_cache *cache;
	unsigned long key;
};

/* A tail whose cache was written, or that somebody made up, makes no object of the cache. */
static void forged(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 72, 0), *d = hak_test_cache(test, 72, 0);
	const size_t at = round_up(c->usable, HAK_MIN_SIZE);
	u8 *p = slubs(test, c), *q = kmalloc(512, GFP_KERNEL);
	struct tail *t = (void *)(p + at), *u = (void *)(q + at);

	KUNIT_ASSERT_NOT_NULL(test, q);
	OPTIMIZER_HIDE_VAR(t);
	KUNIT_ASSERT_PTR_EQ(test, t->cache, c);
	t->cache = d;
	refused(test, d, p);
	t->cache = c;
	hak_cache_free(c, p);

	u->cache = c;
	u->key = ((unsigned long)q ^ (unsigned long)c) * GOLDEN_RATIO_64;
	refused(test, c, q);
	kfree(q);
}

/*
 * Behind the tail of an object the name of its cache is left from earlier. Read one word
 * further on, where another cache has its tails, this is no tail. No other test has tails at
 * these offsets, so that of the other cache is looked for first.
 */
static void one_word_further(struct kunit *test)
{
	/* The alignment leaves room behind the tail. */
	struct hak_cache *c = hak_test_cache(test, 5000, 64);
	struct hak_cache *next = hak_test_cache(test, c->usable + HAK_MIN_SIZE, 0);
	void *q = slubs(test, next);
	char *p = slubs(test, c);
	struct tail *t = (void *)(p + c->usable);

	OPTIMIZER_HIDE_VAR(t);
	KUNIT_ASSERT_PTR_EQ(test, t->cache, c);
	t[1].cache = c;
	KUNIT_EXPECT_PTR_EQ(test, hak_fallback_cache(p), c);
	KUNIT_EXPECT_PTR_EQ(test, hak_fallback_cache(q), next);
	hak_cache_free(c, p);
	hak_cache_free(next, q);
}

/* The word that @x * GOLDEN_RATIO_64 was made of. */
static unsigned long unmultiplied(unsigned long x)
{
	unsigned long inverse = GOLDEN_RATIO_64;
	unsigned int i;

	/* Each step doubles the number of low bits that are right, which is 3 at first. */
	for (i = 0; i < 5; i++)
		inverse *= 2 - GOLDEN_RATIO_64 * inverse;
	return x * inverse;
}

/* The one of @nr objects of @size bytes that has room for a tail at @at, or NULL. */
static char *around(char **obj, unsigned int nr, size_t size, const char *at)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		size_t off = at - (char *)kasan_reset_tag(obj[i]);

		if (off <= size - sizeof(struct tail))
			return obj[i];
	}
	return NULL;
}

/*
 * What lies behind SLUB's slab may be unmapped, so it is not looked at. Here it is an object
 * of the next slab, with a tail that would do.
 */
static void tail_behind_the_slab(struct kunit *test)
{
	const unsigned int nr = 1000, size = 64, at = 4096;
	char **obj = kunit_kcalloc(test, nr, sizeof(*obj), GFP_KERNEL), *x = NULL, *y = NULL;
	struct hak_cache *c = hak_test_cache(test, at, 0);
	char *p = slubs(test, c), *q = kmalloc(2 * at, GFP_KERNEL);
	struct tail *t = (void *)(p + at), *u = (void *)(q + at);
	unsigned long cookie;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_ASSERT_EQ(test, c->usable, at);
	OPTIMIZER_HIDE_VAR(t);
	cookie = unmultiplied(t->key) ^ (unsigned long)p ^ (unsigned long)c;
	u->cache = c;
	u->key = (cookie ^ (unsigned long)q ^ (unsigned long)c) * GOLDEN_RATIO_64;
	KUNIT_EXPECT_PTR_EQ(test, hak_fallback_cache(q), c);
	u->key = 0;

	for (i = 0; i < nr; i++)
		obj[i] = kmalloc(size, GFP_KERNEL);
	for (i = 0; i < nr && !y; i++) {
		x = obj[i];
		if (x && hak_slab_rest(x) < at)
			y = around(obj, nr, size, (char *)kasan_reset_tag(x) + at);
	}
	if (y) {
		u = (void *)(y + ((char *)kasan_reset_tag(x) + at - (char *)kasan_reset_tag(y)));
		u->cache = c;
		u->key = (cookie ^ (unsigned long)x ^ (unsigned long)c) * GOLDEN_RATIO_64;
		KUNIT_EXPECT_NULL(test, hak_fallback_cache(x));
	}
	for (i = 0; i < nr; i++)
		kfree(obj[i]);
	kfree(q);
	hak_cache_free(c, p);
	if (!y)
		kunit_skip(test, "no two slabs of SLUB's lie side by side");
}

/*
 * hak_cache_destroy() warns and keeps the cache, and the object can still be
 * freed.
 */
static void destroy_with_a_live_object(struct kunit *test)
{
#ifdef kunit_warning_suppress
	struct hak_cache *c = hak_cache_create("hak_test_live", 64, 0, 0, NULL);
	void *p, *q;

	KUNIT_ASSERT_NOT_NULL(test, c);
	p = slubs(test, c);
	kunit_warning_suppress(test) {
		hak_cache_destroy(c);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	KUNIT_EXPECT_EQ(test, hak_usable_size(p), (size_t)64);
	q = slubs(test, c);
	hak_cache_free(c, q);
	hak_cache_free(c, p);
	/* SLUB warns of objects that are still live. */
	hak_cache_destroy(c);
#else
	kunit_skip(test, "this kernel's KUnit cannot expect a warning");
#endif
}

static struct kunit_case cases[] = {
	KUNIT_CASE(kmalloc_object),
	KUNIT_CASE(every_free),
	KUNIT_CASE(counted_by_shrink),
	KUNIT_CASE(wrong_cache),
	KUNIT_CASE(object_of_no_cache),
	KUNIT_CASE(many_sizes),
	KUNIT_CASE(typesafe_after_a_free),
	KUNIT_CASE(wrong_size),
	KUNIT_CASE(wrong_size_of_a_kept_object),
	KUNIT_CASE(usable_size),
	KUNIT_CASE(every_alignment),
	KUNIT_CASE(resized),
	KUNIT_CASE(counted),
	KUNIT_CASE(charged_despite_cached),
	KUNIT_CASE(written_past_the_end),
	KUNIT_CASE(forged),
	KUNIT_CASE(one_word_further),
	KUNIT_CASE(tail_behind_the_slab),
	KUNIT_CASE(destroy_with_a_live_object),
	{}
};

static struct kunit_suite hak_fallback_suite = {
	.name = "hak_fallback",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_fallback_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: objects of a cache that SLUB served");
MODULE_LICENSE("GPL");
