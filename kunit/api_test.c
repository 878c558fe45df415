// SPDX-License-Identifier: GPL-2.0
/* The API keeps the contracts of kmalloc() and kmem_cache_alloc(). */
#include <linux/kasan.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/string.h>

#include "hak_test.h"
#include "hak_test_log.h"

static bool is_filled(const void *p, u8 c, size_t n)
{
	const u8 *b = p;

	while (n--)
		if (*b++ != c)
			return false;
	return true;
}

/* Sizes on both sides of every class boundary, and above. */
static const size_t sizes[] = {
	1, 7, 8, 9, 16, 17, 24, 32, 33, 48, 63, 64, 65, 80, 96, 97, 112, 128,
	129, 160, 192, 224, 255, 256, 257, 320, 384, 448, 511, 512, 513, 640,
	768, 896, 1000, 1023, 1024, 1025, 2048, 4096, 8192, 65536,
};

static void every_size(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		void *p = hak_alloc(sizes[i], GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_EQ(test, !!hak_test_slab_of(p),
				sizes[i] <= HAK_MAX_SIZE);
		KUNIT_EXPECT_GE(test, hak_usable_size(p), sizes[i]);
		memset(p, 0x5a, sizes[i]);
		hak_free(p);
	}
}

#if __has_builtin(__builtin_dynamic_object_size)
#define KNOWN(p)	__builtin_dynamic_object_size(p, 1)
#else
#define KNOWN(p)	__builtin_object_size(p, 1)
#endif

/* The compiler knows as many bytes as were asked for behind what @call returns. */
#define EXPECT_KNOWN(test, call, bytes)						\
do {										\
	void *__known = (call);							\
										\
	KUNIT_EXPECT_EQ(test, KNOWN(__known), (size_t)(bytes));			\
	hak_free(__known);							\
} while (0)

static void size_is_known_to_the_compiler(struct kunit *test)
{
	size_t size = 33;
	bool knows;
	void *p;

	OPTIMIZER_HIDE_VAR(size);
	p = hak_alloc_node(size, GFP_KERNEL, NUMA_NO_NODE);
	knows = KNOWN(p) == 33;
	hak_free(p);
	if (!knows)
		kunit_skip(test, "the compiler does not look");
	EXPECT_KNOWN(test, hak_alloc(33, GFP_KERNEL), 33);
	EXPECT_KNOWN(test, hak_alloc(33, GFP_KERNEL | __GFP_ZERO), 33);
	EXPECT_KNOWN(test, hak_alloc(33, GFP_KERNEL_ACCOUNT), 33);
	EXPECT_KNOWN(test, hak_alloc(2000, GFP_KERNEL), 2000);
	EXPECT_KNOWN(test, hak_zalloc(1024, GFP_KERNEL), 1024);
	EXPECT_KNOWN(test, hak_alloc_array(3, 11, GFP_KERNEL), 33);
	EXPECT_KNOWN(test, hak_alloc(size, GFP_KERNEL), 33);
	EXPECT_KNOWN(test, hak_zalloc(size, GFP_KERNEL), 33);
}

/* KASAN knows by what SLUB is asked for which bytes of an object may be used. */
static void slub_is_asked_for_the_size(struct kunit *test)
{
#ifdef CONFIG_KASAN_GENERIC
	char *p = hak_alloc(33, GFP_KERNEL_ACCOUNT);

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, *(s8 *)kasan_mem_to_shadow(p + 32), 1);
	KUNIT_EXPECT_LT(test, *(s8 *)kasan_mem_to_shadow(p + 40), 0);
	hak_free(p);
#else
	kunit_skip(test, "this kernel has no generic KASAN");
#endif
}

static void zero_size(struct kunit *test)
{
	KUNIT_EXPECT_PTR_EQ(test, hak_alloc(0, GFP_KERNEL), ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, hak_zalloc(0, GFP_KERNEL), ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, hak_calloc(0, 8, GFP_KERNEL), ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, hak_calloc(8, 0, GFP_KERNEL), ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, hak_alloc_node(0, GFP_KERNEL, 0),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_EQ(test, hak_usable_size(ZERO_SIZE_PTR), (size_t)0);
	hak_free(ZERO_SIZE_PTR);
	hak_free_sized(ZERO_SIZE_PTR, 0);
}

static void null(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 64, 0);
	void *none[3] = { NULL, ZERO_SIZE_PTR, NULL };

	hak_free(NULL);
	hak_free_sized(NULL, 8);
	hak_free_bulk(3, none);
	hak_cache_free(c, NULL);
	hak_cache_destroy(NULL);
	KUNIT_EXPECT_EQ(test, hak_usable_size(NULL), (size_t)0);
}

/*
 * A size that is a power of two is aligned to itself, any other size to the
 * largest power of two that divides it.
 */
static void natural_alignment(struct kunit *test)
{
	unsigned int size, j, wrong = 0;
	void *obj[20];

	for (size = 8; size <= HAK_MAX_SIZE; size += 8) {
		unsigned long align = hak_size_class(size)->usable == size ?
				      size & -size : 8;

		if (is_power_of_2(size))
			align = size;
		for (j = 0; j < ARRAY_SIZE(obj); j++) {
			obj[j] = hak_alloc(size, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, obj[j]);
			if ((unsigned long)obj[j] & (align - 1))
				wrong++;
		}
		hak_free_bulk(ARRAY_SIZE(obj), obj);
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
	for (size = 2048; size <= PAGE_SIZE; size *= 2) {
		void *p = hak_alloc(size, GFP_KERNEL);

		KUNIT_EXPECT_EQ(test, (unsigned long)p & (size - 1), 0UL);
		hak_free(p);
	}
}

static void large_requests_go_to_kmalloc(struct kunit *test)
{
	void *p = hak_alloc(HAK_MAX_SIZE + 1, GFP_KERNEL);
	void *q = hak_alloc(1 << 20, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_NOT_NULL(test, q);
	HAK_EXPECT_EVENT(test, HAK_EV_LARGE, 2);
	KUNIT_EXPECT_NULL(test, hak_test_slab_of(p));
	KUNIT_EXPECT_NULL(test, hak_test_slab_of(q));
	KUNIT_EXPECT_GE(test, hak_usable_size(q), (size_t)1 << 20);
	hak_free(p);
	hak_free_sized(q, 1 << 20);
}

static void flags_go_to_slub(struct kunit *test)
{
	static const gfp_t flags[] = { __GFP_ACCOUNT, __GFP_DMA, __GFP_DMA32 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		void *p;

		/* kmalloc() knows no DMA32 caches. */
		if (flags[i] == __GFP_DMA32)
			continue;
		p = hak_alloc(64, GFP_KERNEL | flags[i]);
		KUNIT_EXPECT_NOT_NULL(test, p);
		KUNIT_EXPECT_NULL(test, hak_test_slab_of(p));
		hak_free(p);
		p = hak_alloc_node(64, GFP_KERNEL | flags[i], NUMA_NO_NODE);
		KUNIT_EXPECT_NOT_NULL(test, p);
		KUNIT_EXPECT_NULL(test, hak_test_slab_of(p));
		hak_free(p);
	}
	HAK_EXPECT_EVENT(test, HAK_EV_FOREIGN, 4);
}

static void frees_of_kmalloc_memory(struct kunit *test)
{
	void *p = kmalloc(64, GFP_KERNEL);
	void *q = kmalloc(1 << 16, GFP_KERNEL);

	KUNIT_EXPECT_GE(test, hak_usable_size(p), (size_t)64);
	hak_free(p);
	hak_free(q);
}

static void calloc_overflow(struct kunit *test)
{
	size_t n = SIZE_MAX / 2;
	void *p;

	/* Otherwise the compiler would refuse the constant size. */
	OPTIMIZER_HIDE_VAR(n);
	p = hak_calloc(n, 3, GFP_KERNEL | __GFP_NOWARN);
	KUNIT_EXPECT_NULL(test, p);
	p = hak_calloc(3, n, GFP_KERNEL | __GFP_NOWARN);
	KUNIT_EXPECT_NULL(test, p);
	n = 1UL << 33;
	OPTIMIZER_HIDE_VAR(n);
	p = hak_calloc(n, n, GFP_KERNEL | __GFP_NOWARN);
	KUNIT_EXPECT_NULL(test, p);
	p = hak_calloc(10, 10, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, hak_usable_size(p), (size_t)112);
	hak_free(p);
}

static void usable_size(struct kunit *test)
{
	size_t size;
	unsigned int wrong = 0;

	for (size = 1; size <= HAK_MAX_SIZE; size++) {
		void *p = hak_alloc(size, GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, p);
		wrong += hak_usable_size(p) != hak_size_class(size)->usable;
		hak_free_sized(p, size);
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
}

static void realloc_grows_with_its_contents(struct kunit *test)
{
	size_t size = 1, i, lost = 0;
	u8 *p = hak_realloc(NULL, size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	p[0] = 1;
	for (; size < 100000; size = size * 3 / 2 + 1) {
		size_t more = size * 3 / 2 + 1;
		u8 *q = hak_realloc(p, more, GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, q);
		for (i = 0; i < size; i++)
			lost += q[i] != (u8)(i + 1);
		for (; i < more; i++)
			q[i] = i + 1;
		KUNIT_EXPECT_GE(test, hak_usable_size(q), more);
		p = q;
	}
	KUNIT_EXPECT_EQ(test, lost, (size_t)0);
	hak_free(p);
}

static void realloc_shrinks_in_place(struct kunit *test)
{
	u8 *p = hak_alloc(100, GFP_KERNEL), *q;

	KUNIT_ASSERT_NOT_NULL(test, p);
	memset(p, 0x77, 100);
	q = hak_realloc(p, 10, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, q, p);
	/* It is still an object of the class that was asked for first. */
	hak_free_sized(q, 10);
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, 1);
	hak_test_provoke(test, HAK_EV_BAD_FREE, 1);
	q = hak_realloc(q, 112, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, q, p);
	KUNIT_EXPECT_TRUE(test, is_filled(q, 0x77, 10));
	q = hak_realloc(q, 10, GFP_KERNEL);
	hak_free_sized(q, 100);
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, 1);
}

/* What lies behind an object is not the caller's, so hak_realloc() does not copy it. */
static void realloc_copies_no_more(struct kunit *test)
{
	struct hak_cache *c = hak_size_class(64);
	u8 *p[9], *q;
	unsigned int i;

	q = hak_alloc(2 * c->usable, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, q);
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = hak_alloc(64, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		memset(p[i], 0xc3, c->usable);
	}
	memset(q, 0, 2 * c->usable);
	hak_free(q);
	/* Behind this one lies another, unless checks keep them apart. */
	q = hak_realloc(p[4], 2 * c->usable, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_EXPECT_TRUE(test, is_filled(q, 0xc3, c->usable));
	for (i = c->usable; i < 2 * c->usable; i++)
		KUNIT_EXPECT_NE(test, q[i], 0xc3);
	p[4] = q;
	for (i = 0; i < ARRAY_SIZE(p); i++)
		hak_free(p[i]);
}

static void realloc_to_zero_bytes(struct kunit *test)
{
	void *p = hak_alloc(100, GFP_KERNEL);

	KUNIT_EXPECT_PTR_EQ(test, hak_realloc(p, 0, GFP_KERNEL), ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, hak_realloc(NULL, 0, GFP_KERNEL),
			    ZERO_SIZE_PTR);
	p = hak_realloc(ZERO_SIZE_PTR, 8, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_NOT_NULL(test, hak_test_slab_of(p));
	hak_free(p);
}

/* If hak_realloc() fails, the old memory stays valid and unchanged. */
static void realloc_that_fails(struct kunit *test)
{
	u8 *p = hak_alloc(100, GFP_KERNEL), *q;

	KUNIT_ASSERT_NOT_NULL(test, p);
	memset(p, 0x77, 100);
	q = hak_realloc(p, 1UL << 50, GFP_KERNEL | __GFP_NOWARN);
	KUNIT_EXPECT_NULL(test, q);
	if (!q) {
		KUNIT_EXPECT_TRUE(test, is_filled(p, 0x77, 100));
		hak_free(p);
	}
}

/*
 * hak_realloc() copies the memory before it frees it, because the free writes a
 * link into it if the owner is busy.
 */
static void realloc_copies_first(struct kunit *test)
{
	u8 *p = hak_alloc(64, GFP_KERNEL), *q;
	struct hak_cpu_cache *cc;

	KUNIT_ASSERT_NOT_NULL(test, p);
	memset(p, 0x77, 64);
	preempt_disable();
	cc = this_cpu_ptr(hak_size_class(64)->cpu);
	WRITE_ONCE(cc->mark, HAK_CPU_INSIDE);
	q = hak_realloc(p, 5000, GFP_ATOMIC);
	hak_cpu_leave(cc);
	preempt_enable();
	/* In atomic context on PREEMPT_RT there is no memory for it. */
	if (!q)
		hak_free(p);
	else
		KUNIT_EXPECT_TRUE(test, is_filled(q, 0x77, 64));
	hak_free(q);
}

/* A constant size takes another entry point. */
#define EXPECT_CONSTANT(test, n)						\
	do {									\
		void *p = hak_alloc(n, GFP_KERNEL);				\
										\
		KUNIT_EXPECT_EQ(test, hak_usable_size(p), (size_t)hak_size_class(n)->usable); \
		hak_free(p);							\
		p = hak_zalloc(n, GFP_KERNEL);					\
		KUNIT_EXPECT_EQ(test, hak_usable_size(p), (size_t)hak_size_class(n)->usable); \
		hak_free(p);							\
	} while (0)

static void constant_sizes(struct kunit *test)
{
	void *p;

	EXPECT_CONSTANT(test, 1);
	EXPECT_CONSTANT(test, 8);
	EXPECT_CONSTANT(test, 9);
	EXPECT_CONSTANT(test, 33);
	EXPECT_CONSTANT(test, 64);
	EXPECT_CONSTANT(test, 65);
	EXPECT_CONSTANT(test, 200);
	EXPECT_CONSTANT(test, 1000);
	EXPECT_CONSTANT(test, HAK_MAX_SIZE);
	KUNIT_EXPECT_PTR_EQ(test, hak_alloc(0, GFP_KERNEL), ZERO_SIZE_PTR);
	HAK_EXPECT_EVENT(test, HAK_EV_LARGE, 0);
	p = hak_alloc(HAK_MAX_SIZE + 1, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, p);
	HAK_EXPECT_EVENT(test, HAK_EV_LARGE, 1);
	hak_free(p);
	p = hak_alloc(64, GFP_KERNEL | __GFP_ACCOUNT);
	KUNIT_EXPECT_NOT_NULL(test, p);
	HAK_EXPECT_EVENT(test, HAK_EV_FOREIGN, 1);
	hak_free(p);
	p = hak_zalloc(64, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, is_filled(p, 0, 64));
	hak_free(p);
}

/* hak_dump_obj() tells where an object is. With checks it says only whether it is live. */
static void dumped(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 64, 0);
	void *p = hak_cache_alloc(c, GFP_KERNEL);
	const char *in_slab = "live, or free in its slab or a magazine", *where;

	KUNIT_ASSERT_NOT_NULL(test, p);
	if (!hak_test_hear()) {
		hak_free(p);
		kunit_skip(test, "a kernel that does not tell what it logs");
	}
	KUNIT_EXPECT_TRUE(test, hak_dump_obj(p));
	KUNIT_EXPECT_NOT_NULL(test, strstr(hak_test_heard(), c->map ? "; live\n" : in_slab));
	hak_free(p);
	where = c->cap ? "; free, in a CPU's cache" : in_slab;
	hak_test_hear();
	KUNIT_EXPECT_TRUE(test, hak_dump_obj(p));
	KUNIT_EXPECT_NOT_NULL(test, strstr(hak_test_heard(), c->map ? "; free\n" : where));
	p = kmalloc(64, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_FALSE(test, hak_dump_obj(p));
	kfree(p);
}

/* Typed caches pass the same flags to SLUB as hak_alloc() does. */
static void cache_flags_go_to_slub(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 72, 0);
	void *obj[3];
	unsigned int i;

	obj[0] = hak_cache_alloc(c, GFP_KERNEL_ACCOUNT);
	obj[1] = hak_cache_alloc_node(c, GFP_KERNEL_ACCOUNT, NUMA_NO_NODE);
	KUNIT_EXPECT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL_ACCOUNT, 1, obj + 2), 1);
	for (i = 0; i < ARRAY_SIZE(obj); i++) {
		KUNIT_ASSERT_NOT_NULL(test, obj[i]);
		KUNIT_EXPECT_NULL(test, hak_slab_of(obj[i]));
	}
	HAK_EXPECT_EVENT(test, HAK_EV_FOREIGN, 3);
	hak_cache_free_bulk(c, 3, obj);
}

/*
 * If an object shrinks in place and grows again with __GFP_ZERO, the added bytes
 * are zero.
 */
static void realloc_in_place_zeroes(struct kunit *test)
{
	char *p = hak_zalloc(64, GFP_KERNEL), *q;

	KUNIT_ASSERT_NOT_NULL(test, p);
	memset(p, 0x5a, 64);
	q = hak_realloc(p, 16, GFP_KERNEL | __GFP_ZERO);
	KUNIT_EXPECT_PTR_EQ(test, q, p);
	q = hak_realloc(q, 64, GFP_KERNEL | __GFP_ZERO);
	KUNIT_EXPECT_PTR_EQ(test, q, p);
	KUNIT_EXPECT_TRUE(test, is_filled(q, 0x5a, 16));
	KUNIT_EXPECT_TRUE(test, is_filled(q + 16, 0, 48));
	hak_free(q);
}

/*
 * hak_realloc() leaves memory from kmalloc() to krealloc(), whatever room there
 * is behind it.
 */
static void realloc_of_kmalloc_memory(struct kunit *test)
{
	char *p = hak_alloc(600, GFP_KERNEL_ACCOUNT);

	KUNIT_ASSERT_NOT_NULL(test, p);
	memset(p, 0x33, 600);
	p = hak_realloc(p, 1000, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_NULL(test, hak_slab_of(p));
	KUNIT_EXPECT_TRUE(test, is_filled(p, 0x33, 600));
	memset(p, 0x44, 1000);
	hak_free(p);
}

static void bulk(struct kunit *test)
{
	enum { NR = 500 };
	void **obj = kunit_kcalloc(test, NR, sizeof(*obj), GFP_KERNEL);
	unsigned int i, bad = 0;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_EXPECT_EQ(test, hak_alloc_bulk(48, GFP_KERNEL, 0, obj), 0);
	KUNIT_ASSERT_EQ(test, hak_alloc_bulk(48, GFP_KERNEL, NR, obj), NR);
	for (i = 0; i < NR; i++) {
		bad += hak_usable_size(obj[i]) != 48;
		*(unsigned long *)obj[i] = i;
	}
	for (i = 0; i < NR; i++)
		bad += *(unsigned long *)obj[i] != i;
	KUNIT_EXPECT_EQ(test, bad, 0);
	hak_free(obj[3]);
	obj[3] = NULL;
	hak_free_bulk(NR, obj);
}

/*
 * A bulk allocation allocates all objects or none. This one asks for more than
 * there is memory for, without reclaim. If it did not give back the objects it
 * had got before the failure, the second round would get nothing.
 */
static void bulk_that_fails(struct kunit *test)
{
	enum { NR = 8192 };
	gfp_t gfp = GFP_NOWAIT | __GFP_NORETRY | __GFP_NOMEMALLOC | __GFP_NOWARN;
	unsigned int round, n, size = 1 << 20;
	void **obj;

	if (totalram_pages() > (unsigned long)NR * (size >> PAGE_SHIFT))
		kunit_skip(test, "too much memory to use up");
	obj = kunit_kcalloc(test, NR, sizeof(*obj), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	for (round = 0; round < 2; round++) {
		void *p;

		n = hak_alloc_bulk(size, gfp, NR, obj);
		hak_free_bulk(n, obj);
		KUNIT_EXPECT_EQ(test, n, 0);
		p = hak_alloc(size, GFP_KERNEL);
		KUNIT_EXPECT_NOT_NULL(test, p);
		hak_free(p);
	}
}

static void by_node(struct kunit *test)
{
	unsigned int i;
	int nid;

	for_each_node_state(nid, N_MEMORY) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			void *p = hak_alloc_node(sizes[i], GFP_KERNEL, nid);

			KUNIT_ASSERT_NOT_NULL(test, p);
			KUNIT_EXPECT_EQ(test, page_to_nid(virt_to_page(p)), nid);
			hak_free(p);
			p = hak_alloc_node(sizes[i], GFP_KERNEL | __GFP_THISNODE,
					   nid);
			KUNIT_ASSERT_NOT_NULL(test, p);
			KUNIT_EXPECT_EQ(test, page_to_nid(virt_to_page(p)), nid);
			hak_free(p);
		}
	}
}

/* Enough objects to use up slabs, so that slabs are parked and found again. */
static void many_by_node(struct kunit *test)
{
	enum { NR = 300 };
	void **obj = kunit_kcalloc(test, NR, sizeof(*obj), GFP_KERNEL);
	unsigned int i;
	int nid;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	for_each_node_state(nid, N_MEMORY) {
		for (i = 0; i < NR; i++) {
			obj[i] = hak_alloc_node(1024, GFP_KERNEL |
						__GFP_THISNODE, nid);
			KUNIT_ASSERT_NOT_NULL(test, obj[i]);
			memset(obj[i], i, 1024);
		}
		for (i = 0; i < NR; i++)
			KUNIT_EXPECT_TRUE(test, is_filled(obj[i], i, 1024));
		hak_free_bulk(NR, obj);
	}
}

/* --- caches --- */

static void cache_objects(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 72, 0);
	struct hak_cache *d = hak_test_cache_shown(test, 72, 0);
	void *p, *q;

	KUNIT_EXPECT_EQ(test, hak_cache_size(c), 72);
	p = hak_cache_alloc(c, GFP_KERNEL);
	q = hak_cache_alloc(d, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_EXPECT_EQ(test, hak_usable_size(p), (size_t)72);
	/* A slab holds objects of one cache only. */
	KUNIT_EXPECT_PTR_NE(test, hak_test_slab_of(p), hak_test_slab_of(q));
	KUNIT_EXPECT_PTR_EQ(test, hak_test_slab_of(p)->cache, c);
	hak_cache_free(c, p);
	hak_free(q);	/* the registry knows its cache, too */
}

static void cache_alignment(struct kunit *test)
{
	static const struct {
		unsigned int size, align, stride;
	} t[] = {
		{ 1, 0, 8 }, { 8, 8, 8 }, { 9, 0, 16 }, { 24, 64, 64 },
		{ 65, 64, 128 }, { 100, 128, 128 }, { 1, 4096, 4096 },
		{ 4097, 4096, 8192 }, { 8192, 0, 8192 }, { 8185, 0, 8192 },
		{ 96, 32, 96 }, { 8192, 4096, 8192 }, { 5, 1, 8 }, { 5, 2, 8 },
		{ 320, 128, 384 }, { 448, 128, 512 },
	};
	unsigned int i, j;
	void *obj[40];

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		struct hak_cache *c = hak_test_cache_shown(test, t[i].size,
							   t[i].align);
		unsigned long align = max(t[i].align, 8U);

		KUNIT_EXPECT_EQ(test, hak_cache_size(c), t[i].stride);
		for (j = 0; j < ARRAY_SIZE(obj); j++) {
			obj[j] = hak_cache_alloc(c, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, obj[j]);
			KUNIT_EXPECT_EQ(test, (unsigned long)obj[j] & (align - 1),
					0UL);
			memset(obj[j], j, t[i].size);
		}
		for (j = 0; j < ARRAY_SIZE(obj); j++) {
			KUNIT_EXPECT_TRUE(test, is_filled(obj[j], j, t[i].size));
			hak_cache_free(c, obj[j]);
		}
	}
}

static void cache_create_and_destroy(struct kunit *test)
{
	char name[] = "hak_test_name";
	struct hak_class_stats cs;
	struct hak_cache *c;
	unsigned int i;
	void *p[100];

	for (i = 0; i < 20; i++) {
		unsigned int j;

		c = hak_cache_create(name, 128, 0, 0, NULL);
		KUNIT_ASSERT_NOT_NULL(test, c);
		/* The name is copied. */
		name[0] = 'H';
		hak_class_stats_read(c, &cs);
		KUNIT_EXPECT_STREQ(test, cs.name, "hak_test_name");
		name[0] = 'h';
		for (j = 0; j < ARRAY_SIZE(p); j++)
			p[j] = hak_cache_alloc(c, GFP_KERNEL);
		hak_class_stats_read(c, &cs);
		KUNIT_EXPECT_EQ(test, cs.live, (unsigned long)ARRAY_SIZE(p));
		hak_free_bulk(ARRAY_SIZE(p), p);
		hak_cache_destroy(c);
	}
}

/*
 * hak_cache_destroy() warns and keeps the cache, and the objects can still be
 * used and freed.
 */
static void destroy_with_live_objects(struct kunit *test)
{
#ifdef kunit_warning_suppress
	struct hak_cache *c = hak_cache_create("hak_test", 64, 0, 0, NULL);
	void *p, *q;

	KUNIT_ASSERT_NOT_NULL(test, c);
	p = hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	kunit_warning_suppress(test) {
		hak_cache_destroy(c);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	KUNIT_EXPECT_EQ(test, hak_usable_size(p), (size_t)64);
	q = hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, q);
	/* From a slab as before, and not as if no CPU were up. */
	KUNIT_EXPECT_NOT_NULL(test, hak_test_slab_of(q));
	hak_cache_free(c, q);
	hak_cache_free(c, p);
	hak_cache_destroy(c);
#else
	kunit_skip(test, "this kernel's KUnit cannot expect a warning");
#endif
}

static struct kunit_case cases[] = {
	KUNIT_CASE(every_size),
	KUNIT_CASE(size_is_known_to_the_compiler),
	KUNIT_CASE(slub_is_asked_for_the_size),
	KUNIT_CASE(zero_size),
	KUNIT_CASE(null),
	KUNIT_CASE(natural_alignment),
	KUNIT_CASE(large_requests_go_to_kmalloc),
	KUNIT_CASE(flags_go_to_slub),
	KUNIT_CASE(frees_of_kmalloc_memory),
	KUNIT_CASE(calloc_overflow),
	KUNIT_CASE(usable_size),
	KUNIT_CASE(realloc_grows_with_its_contents),
	KUNIT_CASE(realloc_shrinks_in_place),
	KUNIT_CASE(realloc_copies_no_more),
	KUNIT_CASE(realloc_to_zero_bytes),
	KUNIT_CASE(realloc_that_fails),
	KUNIT_CASE(realloc_copies_first),
	KUNIT_CASE(constant_sizes),
	KUNIT_CASE(dumped),
	KUNIT_CASE(cache_flags_go_to_slub),
	KUNIT_CASE(realloc_in_place_zeroes),
	KUNIT_CASE(realloc_of_kmalloc_memory),
	KUNIT_CASE(bulk),
	KUNIT_CASE(bulk_that_fails),
	KUNIT_CASE(by_node),
	KUNIT_CASE(many_by_node),
	KUNIT_CASE(cache_objects),
	KUNIT_CASE(cache_alignment),
	KUNIT_CASE(cache_create_and_destroy),
	KUNIT_CASE(destroy_with_live_objects),
	{}
};

static struct kunit_suite hak_api_suite = {
	.name = "hak_api",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_api_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: the API's contracts");
MODULE_LICENSE("GPL");
