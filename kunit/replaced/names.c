// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel's names stand for once hakmem_replace.h is included: each
 * allocates memory of hakmem's, or the kernel's where it is too large, and each
 * that frees takes both.
 */
#include <kunit/test.h>
#include <linux/cleanup.h>
#include <linux/kmemleak.h>
#include <linux/module.h>
#include <linux/version.h>

#define HAKMEM_REPLACE_KMALLOC
#include "hakmem_replace.h"

/* Only of its own objects does hakmem say what they are. */
#define EXPECT_HAKMEM(test, p)	KUNIT_EXPECT_TRUE(test, hak_dump_obj(p))
#define EXPECT_KERNEL(test, p)	KUNIT_EXPECT_FALSE(test, hak_dump_obj(p))

struct item {
	struct rcu_head rcu;
	u8 field[40];
};

static bool is_zero(const void *p, size_t n)
{
	return !memchr_inv(p, 0, n);
}

static void kmallocs(struct kunit *test)
{
	void *p[] = {
		kmalloc(40, GFP_KERNEL), kmalloc_array(4, 10, GFP_KERNEL),
		kmalloc_node(40, GFP_KERNEL, NUMA_NO_NODE),
		kmemdup("forty bytes, with those that follow them", 40, GFP_KERNEL),
		kstrdup("a string", GFP_KERNEL),
		kzalloc(40, GFP_KERNEL), kcalloc(4, 10, GFP_KERNEL),
		kzalloc_node(40, GFP_KERNEL, NUMA_NO_NODE),
		kcalloc_node(4, 10, GFP_KERNEL, NUMA_NO_NODE),
	};
	void *larger;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(p); i++) {
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		EXPECT_HAKMEM(test, p[i]);
		KUNIT_EXPECT_TRUE(test, i < 5 || is_zero(p[i], 40));
		KUNIT_EXPECT_GE(test, ksize(p[i]), i == 4 ? 9 : 40);
	}
	larger = krealloc(p[0], 400, GFP_KERNEL);
	EXPECT_HAKMEM(test, larger);
	p[0] = larger;
	larger = krealloc_array(p[1], 40, 10, GFP_KERNEL);
	EXPECT_HAKMEM(test, larger);
	p[1] = larger;
	kfree_sensitive(p[2]);
	kvfree(p[3]);
	p[2] = NULL;
	p[3] = NULL;
	kfree_bulk(2, p);
	for (i = 2; i < ARRAY_SIZE(p); i++)
		kfree(p[i]);
}

/* Small memory is hakmem's; beyond that kmalloc()'s, and vmalloc()'s. */
static void kvmallocs(struct kunit *test)
{
	static const size_t size[] = { 1, 1024, 1025, 8192, 16UL << 20 };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(size); i++) {
		void *p[] = {
			kvmalloc(size[i], GFP_KERNEL), kvmalloc_array(size[i], 1, GFP_KERNEL),
			kvmalloc_node(size[i], GFP_KERNEL, NUMA_NO_NODE),
			kvzalloc(size[i], GFP_KERNEL), kvcalloc(1, size[i], GFP_KERNEL),
			kvzalloc_node(size[i], GFP_KERNEL, NUMA_NO_NODE),
		};

		for (j = 0; j < ARRAY_SIZE(p); j++) {
			KUNIT_ASSERT_NOT_NULL(test, p[j]);
			KUNIT_EXPECT_EQ(test, hak_dump_obj(p[j]), size[i] <= 1024);
			KUNIT_EXPECT_TRUE(test, j < 3 || is_zero(p[j], size[i]));
			kvfree(p[j]);
		}
	}
	KUNIT_EXPECT_NULL(test, kvmalloc_array(SIZE_MAX / 2, 3, GFP_KERNEL));
}

/* From nothing to hakmem's, the kernel's, and vmalloc()'s, and back. */
static void kvreallocs(struct kunit *test)
{
	static const size_t size[] = { 100, 1000, 3000, 5000, 16UL << 20, 3000, 100 };
	size_t had = 0;
	u8 *p = NULL;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(size); i++) {
		u8 *q = kvrealloc(p, size[i], GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, q);
		KUNIT_EXPECT_NULL(test, memchr_inv(q, 0x5c, min(had, size[i])));
		memset(q, 0x5c, size[i]);
		had = size[i];
		p = q;
	}
	kvfree(p);
}

static unsigned int nr_live(struct kmem_cache *c)
{
	/* Whether it has a slab; frees that wait are none. */
	hak_free_rcu_barrier();
	return kmem_cache_shrink(c);
}

static void caches(struct kunit *test)
{
	struct kmem_cache_args args = { .align = 64 };
	struct kmem_cache *c[] = {
		KMEM_CACHE(item, 0),
		kmem_cache_create("replaced_a", sizeof(struct item), 0, 0, NULL),
		kmem_cache_create("replaced_b", sizeof(struct item), &args, 0),
		kmem_cache_create("replaced_c", sizeof(struct item), NULL, 0),
		kmem_cache_create_usercopy("replaced_d", sizeof(struct item), 0, 0,
					   8, 8, NULL),
		KMEM_CACHE_USERCOPY(rcu_head, 0, next),
	};
	void *bulk[4];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(c); i++) {
		struct item *p;

		KUNIT_ASSERT_NOT_NULL(test, c[i]);
		KUNIT_EXPECT_GE(test, kmem_cache_size(c[i]), sizeof(struct rcu_head));
		p = kmem_cache_alloc(c[i], GFP_KERNEL);
		EXPECT_HAKMEM(test, p);
		kfree_rcu(p, rcu);
		p = kmem_cache_zalloc(c[i], GFP_KERNEL);
		KUNIT_EXPECT_TRUE(test, is_zero(p, kmem_cache_size(c[i])));
		kfree_rcu_mightsleep(p);
		p = kmem_cache_alloc_node(c[i], GFP_KERNEL, NUMA_NO_NODE);
		EXPECT_HAKMEM(test, p);
		kmem_cache_free(c[i], p);
		p = kmem_cache_alloc_lru(c[i], NULL, GFP_KERNEL);
		EXPECT_HAKMEM(test, p);
		kfree(p);
		KUNIT_ASSERT_EQ(test, kmem_cache_alloc_bulk(c[i], GFP_KERNEL, 4, bulk), 4);
		EXPECT_HAKMEM(test, bulk[3]);
		KUNIT_EXPECT_EQ(test, nr_live(c[i]), 1);
		kmem_cache_free_bulk(c[i], 4, bulk);
		KUNIT_EXPECT_EQ(test, nr_live(c[i]), 0);
		kmem_cache_destroy(c[i]);
	}
}

/* A kernel without sheaves has none of their names. */
static void objects_ahead(struct kunit *test)
{
#ifdef kmem_cache_alloc_from_sheaf
	struct kmem_cache *c = KMEM_CACHE(item, 0);
	struct slab_sheaf *sheaf;
	void *p[50], *charged;
	unsigned int i;

	/* Objects that were used before. */
	KUNIT_ASSERT_EQ(test, kmem_cache_alloc_bulk(c, GFP_KERNEL, 50, p), 50);
	for (i = 0; i < 50; i++)
		memset(p[i], 0x5c, sizeof(struct item));
	kmem_cache_free_bulk(c, 50, p);
	KUNIT_EXPECT_PTR_EQ(test, kmem_cache_prefill_sheaf(c, GFP_KERNEL, 0), NULL);
	sheaf = kmem_cache_prefill_sheaf(c, GFP_KERNEL, 10);
	KUNIT_ASSERT_NOT_NULL(test, sheaf);
	KUNIT_EXPECT_GE(test, kmem_cache_sheaf_size(sheaf), 10);
	for (i = 0; i < 7; i++) {
		p[i] = kmem_cache_alloc_from_sheaf(c, GFP_NOWAIT, sheaf);
		EXPECT_HAKMEM(test, p[i]);
	}
	KUNIT_EXPECT_EQ(test, kmem_cache_refill_sheaf(c, GFP_KERNEL, &sheaf, 5), 0);
	KUNIT_EXPECT_EQ(test, kmem_cache_refill_sheaf(c, GFP_KERNEL, &sheaf, 43), 0);
	KUNIT_EXPECT_GE(test, kmem_cache_sheaf_size(sheaf), 43);
	for (; i < 45; i++) {
		gfp_t zero = i % 2 ? __GFP_ZERO : 0;

		p[i] = kmem_cache_alloc_from_sheaf(c, GFP_NOWAIT | zero, sheaf);
		EXPECT_HAKMEM(test, p[i]);
		KUNIT_EXPECT_TRUE(test, !zero || is_zero(p[i], sizeof(struct item)));
	}
	charged = kmem_cache_alloc_from_sheaf(c, GFP_KERNEL_ACCOUNT, sheaf);
	KUNIT_EXPECT_NOT_NULL(test, charged);
	KUNIT_EXPECT_FALSE(test, hak_owns(charged));
	kmem_cache_free(c, charged);
	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		/* SLUB cannot be asked here, but the caller has been promised an object. */
		preempt_disable();
		charged = kmem_cache_alloc_from_sheaf(c, GFP_NOWAIT | __GFP_ACCOUNT, sheaf);
		preempt_enable();
		EXPECT_HAKMEM(test, charged);
		kmem_cache_free(c, charged);
	}
	kmem_cache_free_bulk(c, 45, p);
	KUNIT_EXPECT_EQ(test, nr_live(c), 1);
	/* To look whether a sheaf is empty is no mistake; the guest looks for warnings. */
	while (kmem_cache_sheaf_size(sheaf))
		kmem_cache_free(c, kmem_cache_alloc_from_sheaf(c, GFP_NOWAIT, sheaf));
	KUNIT_EXPECT_NULL(test, kmem_cache_alloc_from_sheaf(c, GFP_NOWAIT, sheaf));
	KUNIT_EXPECT_NULL(test, kmem_cache_alloc_from_sheaf(c, GFP_KERNEL_ACCOUNT, sheaf));
	kmem_cache_return_sheaf(c, GFP_NOWAIT, sheaf);
	KUNIT_EXPECT_EQ(test, nr_live(c), 0);
	kmem_cache_destroy(c);
#else
	kunit_skip(test, "this kernel has no sheaves");
#endif
}

/* Freed by their names as the variables go out of scope; a leak is reported at exit. */
static void freed_by_scope(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 100; i++) {
		void *small __free(kfree) = kmalloc(40, GFP_KERNEL);
		void *theirs __free(kfree) = kmalloc(4000, GFP_KERNEL);
		void *large __free(kvfree) = kvmalloc(16UL << 20, GFP_KERNEL);
		void *little __free(kvfree) = kvmalloc(40, GFP_KERNEL);

		EXPECT_HAKMEM(test, small);
		EXPECT_KERNEL(test, theirs);
		EXPECT_KERNEL(test, large);
		EXPECT_HAKMEM(test, little);
	}
}

/* If memory is short, the sheaf is as it was. */
static void refill_fails(struct kunit *test)
{
#ifdef kmem_cache_alloc_from_sheaf
	struct kmem_cache *c = kmem_cache_create("replaced_e", 8192, 0, 0, NULL);
	struct slab_sheaf *sheaf, *was, *none = NULL;
	void *p;

	KUNIT_ASSERT_NOT_NULL(test, c);
	sheaf = kmem_cache_prefill_sheaf(c, GFP_KERNEL, 1);
	KUNIT_ASSERT_NOT_NULL(test, sheaf);
	was = sheaf;
	/* More than the VM has. */
	KUNIT_EXPECT_EQ(test, kmem_cache_refill_sheaf(c, GFP_NOWAIT | __GFP_NOWARN, &sheaf,
						      130000), -ENOMEM);
	KUNIT_EXPECT_PTR_EQ(test, sheaf, was);
	KUNIT_EXPECT_EQ(test, kmem_cache_sheaf_size(sheaf), 1);
	p = kmem_cache_alloc_from_sheaf(c, GFP_NOWAIT, sheaf);
	EXPECT_HAKMEM(test, p);
	kmem_cache_free(c, p);
	KUNIT_EXPECT_EQ(test, kmem_cache_refill_sheaf(c, GFP_KERNEL, &none, 1), -EINVAL);
	kmem_cache_return_sheaf(c, GFP_NOWAIT, sheaf);
	KUNIT_EXPECT_EQ(test, nr_live(c), 0);
	kmem_cache_destroy(c);
#else
	kunit_skip(test, "this kernel has no sheaves");
#endif
}

/* After a grace period; the guest looks whether any of these is refused. */
static void freed_later(struct kunit *test)
{
	struct item *p[] = {
		kmalloc(sizeof(*p[0]), GFP_KERNEL), vmalloc(2 * PAGE_SIZE),
		kvmalloc(sizeof(*p[0]), GFP_KERNEL), vmalloc(2 * PAGE_SIZE),
		kmalloc(sizeof(*p[0]), GFP_KERNEL), vmalloc(2 * PAGE_SIZE),
		kvmalloc(sizeof(*p[0]), GFP_KERNEL), vmalloc(2 * PAGE_SIZE),
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(p); i++)
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
	kfree_rcu(p[0], rcu);
	kfree_rcu(p[1], rcu);
	kvfree_rcu(p[2], rcu);
	kvfree_rcu(p[3], rcu);
	kfree_rcu_mightsleep(p[4]);
	kfree_rcu_mightsleep(p[5]);
	kvfree_rcu_mightsleep(p[6]);
	kvfree_rcu_mightsleep(p[7]);
	hak_free_rcu_barrier();
}

/* Functions that few call. */
static void rarer_frees(struct kunit *test)
{
	void (*as_pointer)(const void *p) = kfree;
	void *p = kvmalloc(40, GFP_KERNEL), *q;

	EXPECT_HAKMEM(test, p);
	kvfree_sensitive(p, 40);
	kvfree_sensitive(kvmalloc(16UL << 20, GFP_KERNEL), 16UL << 20);
	kvfree_sensitive(NULL, 40);
	as_pointer(kmalloc(40, GFP_KERNEL));
	kfree_const(kstrdup("a string", GFP_KERNEL));
	kfree_const(kstrdup_const("another", GFP_KERNEL));
	p = kmalloc(40, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_TRUE(test, hak_owns(p));
	memset(p, 0x5c, 40);
#ifdef krealloc_node
	q = krealloc_node(p, 400, GFP_KERNEL, NUMA_NO_NODE);
	KUNIT_ASSERT_NOT_NULL(test, q);
	p = q;
	q = kvrealloc_node(p, 800, GFP_KERNEL, NUMA_NO_NODE);
#else
	q = krealloc(p, 800, GFP_KERNEL);
#endif
	KUNIT_ASSERT_NOT_NULL(test, q);
	EXPECT_HAKMEM(test, q);
	KUNIT_EXPECT_NULL(test, memchr_inv(q, 0x5c, 40));
	kfree(q);
#ifdef kmalloc_obj
	q = kmalloc_obj(struct item);
	EXPECT_HAKMEM(test, q);
	kfree(q);
	q = kzalloc_objs(struct item, 4);
	EXPECT_HAKMEM(test, q);
	KUNIT_EXPECT_TRUE(test, is_zero(q, 4 * sizeof(struct item)));
	kfree(q);
#endif
	q = __getname();
	KUNIT_ASSERT_NOT_NULL(test, q);
	EXPECT_KERNEL(test, q);
	__putname(q);
}

/* A mempool of a cache of hakmem's. */
static void slab_pools(struct kunit *test)
{
	struct kmem_cache *c = KMEM_CACHE(item, 0);
	mempool_t *pool = mempool_create_slab_pool(4, c), here = { };
	void *p;

	KUNIT_ASSERT_NOT_NULL(test, pool);
	p = mempool_alloc(pool, GFP_KERNEL);
	EXPECT_HAKMEM(test, p);
	mempool_free(p, pool);
	mempool_destroy(pool);
	KUNIT_ASSERT_EQ(test, mempool_init_slab_pool(&here, 4, c), 0);
	p = mempool_alloc(&here, GFP_KERNEL);
	EXPECT_HAKMEM(test, p);
	mempool_free(p, &here);
	mempool_exit(&here);
	/* The functions by their names, and the cache without its type. */
	pool = mempool_create(4, mempool_alloc_slab, mempool_free_slab, c);
	KUNIT_ASSERT_NOT_NULL(test, pool);
	p = mempool_alloc(pool, GFP_KERNEL);
	EXPECT_HAKMEM(test, p);
	mempool_free(p, pool);
	mempool_destroy(pool);
	p = mempool_alloc_slab(GFP_KERNEL, c);
	EXPECT_HAKMEM(test, p);
	mempool_free_slab(p, c);
	KUNIT_EXPECT_EQ(test, nr_live(c), 0);
	kmem_cache_destroy(c);
}

#ifdef krealloc_node

static int node_of(const void *p)
{
	return page_to_nid(is_vmalloc_addr(p) ? vmalloc_to_page(p) : virt_to_page(p));
}

/* @p is on the first of two nodes. */
static void moved_to_node(struct kunit *test, u8 *p, size_t size, int node)
{
	u8 *q;

	KUNIT_ASSERT_NOT_NULL(test, p);
	memset(p, 0x5c, 40);
	/* Without the flag it is a hint, which memory that is large enough does not follow. */
	q = krealloc_node(p, 40, GFP_KERNEL, node);
	KUNIT_EXPECT_PTR_EQ(test, q, p);
	q = kvrealloc_node(p, size, GFP_KERNEL | __GFP_THISNODE, node);
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_EXPECT_EQ(test, node_of(q), node);
	KUNIT_EXPECT_NULL(test, memchr_inv(q, 0x5c, 40));
	KUNIT_EXPECT_PTR_EQ(test, krealloc_node(q, 40, GFP_KERNEL | __GFP_THISNODE, node), q);
	q = kvrealloc_node(q, size, GFP_KERNEL | __GFP_THISNODE, node);
	KUNIT_EXPECT_EQ(test, node_of(q), node);
	kfree(q);
}

static void reallocated_on_node(struct kunit *test)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_THISNODE;
	int here = first_online_node, there = next_online_node(here);
	struct kmem_cache *c = KMEM_CACHE(item, 0);
	void *p;

	if (there == MAX_NUMNODES) {
		kmem_cache_destroy(c);
		kunit_skip(test, "there is one memory node");
	}
	moved_to_node(test, kmalloc_node(40, gfp, here), 40, there);
	moved_to_node(test, kmalloc_node(40, gfp, here), 400, there);
	moved_to_node(test, kmalloc_node(40, gfp, here), 5000, there);
	moved_to_node(test, kmalloc_node(2000, gfp, here), 2000, there);
	moved_to_node(test, kmem_cache_alloc_node(c, gfp | __GFP_ACCOUNT, here), 50, there);
	p = krealloc_node(NULL, 40, gfp, there);
	KUNIT_EXPECT_EQ(test, node_of(p), there);
	p = krealloc_node(p, 40, gfp, here);
	KUNIT_EXPECT_EQ(test, node_of(p), here);
	KUNIT_EXPECT_PTR_EQ(test, krealloc_node(p, 0, gfp, there), ZERO_SIZE_PTR);
	KUNIT_EXPECT_EQ(test, nr_live(c), 0);
	kmem_cache_destroy(c);
}

#else

static void reallocated_on_node(struct kunit *test)
{
	kunit_skip(test, "this kernel does not reallocate on a node");
}

#endif

/*
 * kmemleak knows SLUB's objects and not hakmem's. It would say so of the second, and take the
 * first of a slab for all of it.
 */
static void told_to_kmemleak(struct kunit *test)
{
	struct kmem_cache *c = KMEM_CACHE(item, 0);
	void *p[] = {
		kmem_cache_alloc(c, GFP_KERNEL), kmem_cache_alloc(c, GFP_KERNEL),
		kmem_cache_alloc(c, GFP_KERNEL_ACCOUNT), kmalloc(4000, GFP_KERNEL),
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(p); i++) {
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		kmemleak_not_leak(p[i]);
		kmemleak_no_scan(p[i]);
		kmemleak_scan_area(p[i], 8, GFP_KERNEL);
		kmemleak_ignore(p[i]);
		kfree(p[i]);
	}
	KUNIT_EXPECT_EQ(test, nr_live(c), 0);
	kmem_cache_destroy(c);
}

/* SLUB serves these objects, and the cache knows when they are freed. */
static void slubs_objects(struct kunit *test)
{
	static const size_t size[] = {
		sizeof(struct item) + 8, 2000, 5000, 16UL << 20, 0,
	};
	struct kmem_cache *c = KMEM_CACHE(item, 0);
	unsigned int i;
	u8 *p, *q;

	KUNIT_ASSERT_NOT_NULL(test, c);
	for (i = 0; i < ARRAY_SIZE(size); i++) {
		p = kmem_cache_alloc(c, GFP_KERNEL_ACCOUNT);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_FALSE(test, hak_owns(p));
		memset(p, 0x5c, sizeof(struct item));
		q = kvrealloc(p, size[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, q);
		KUNIT_EXPECT_PTR_NE(test, p, q);
		KUNIT_EXPECT_TRUE(test, !size[i] || !memchr_inv(q, 0x5c, sizeof(struct item)));
		kvfree(q);
	}
	kfree_const(kmem_cache_alloc(c, GFP_KERNEL_ACCOUNT));
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 3, 0)
	kvfree_atomic(kmem_cache_alloc(c, GFP_KERNEL_ACCOUNT));
	kvfree_atomic(kmem_cache_alloc(c, GFP_KERNEL));
	kvfree_atomic(vmalloc(PAGE_SIZE));
	kvfree_atomic(NULL);
#endif
	KUNIT_EXPECT_EQ(test, nr_live(c), 0);
	/* If it were not free of objects, it would keep its name. */
	kmem_cache_destroy(c);
	c = KMEM_CACHE(item, 0);
	KUNIT_EXPECT_NOT_NULL(test, c);
	kmem_cache_destroy(c);
}

/* Functions that take an object of any cache. */
static void any_object(struct kunit *test)
{
	struct kmem_cache *c = KMEM_CACHE(item, 0);
	void *p[] = {
		kmem_cache_alloc(c, GFP_KERNEL), kmem_cache_alloc(c, GFP_KERNEL_ACCOUNT),
		kmalloc(40, GFP_KERNEL), kmalloc(4000, GFP_KERNEL),
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(p); i++) {
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		KUNIT_EXPECT_TRUE(test, kmem_cache_charge(p[i], GFP_KERNEL));
		KUNIT_EXPECT_TRUE(test, kmem_dump_obj(p[i]));
		KUNIT_EXPECT_GE(test, ksize(p[i]), 40);
		kfree(p[i]);
	}
	KUNIT_EXPECT_EQ(test, nr_live(c), 0);
	kmem_cache_destroy(c);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(kmallocs),
	KUNIT_CASE(kvmallocs),
	KUNIT_CASE(kvreallocs),
	KUNIT_CASE(caches),
	KUNIT_CASE(objects_ahead),
	KUNIT_CASE(refill_fails),
	KUNIT_CASE(freed_later),
	KUNIT_CASE(freed_by_scope),
	KUNIT_CASE(rarer_frees),
	KUNIT_CASE(slab_pools),
	KUNIT_CASE(reallocated_on_node),
	KUNIT_CASE(told_to_kmemleak),
	KUNIT_CASE(slubs_objects),
	KUNIT_CASE(any_object),
	{}
};

static struct kunit_suite hak_replace_suite = {
	.name = "hakmem_replace",
	.test_cases = cases,
};

kunit_test_suites(&hak_replace_suite);

MODULE_DESCRIPTION("KUnit suite: the names that hakmem_replace.h maps");
MODULE_LICENSE("GPL");
