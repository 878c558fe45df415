// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that is not hakmem's: compound pages that look like a large kmalloc() at their
 * start, but are not, and what SLUB knows of memory from kmalloc(). Only a kernel has either.
 */
#include <linux/gfp.h>
#include <linux/kfence.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <kunit/resource.h>

#include "hak_test.h"

#define ORDER	2

/* Free the block at @page; hakmem has to refuse and count it. */
static void refused(struct kunit *test, struct page *page)
{
	unsigned long before = hak_test_event(test, HAK_EV_BAD_FREE);
	int refs = page_ref_count(page);

	/*
	 * If hakmem frees the block all the same, it drops this reference, and
	 * the test must not drop it again.
	 */
	get_page(page);
	hak_free(page_address(page));
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, before + 1);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), refs + 1);
	if (page_ref_count(page) == refs + 1)
		put_page(page);
	hak_test_provoke(test, HAK_EV_BAD_FREE, 1);
}

static struct page *block(struct kunit *test, unsigned int order)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP, order);

	KUNIT_ASSERT_NOT_NULL(test, page);
	return page;
}

static void page_cache(struct kunit *test)
{
	struct page *page = block(test, ORDER);

	page->mapping = (void *)page;
	refused(test, page);
	page->mapping = NULL;
	__free_pages(page, ORDER);
}

static void on_an_lru_list(struct kunit *test)
{
	struct page *page = block(test, ORDER);

	SetPageLRU(page);
	refused(test, page);
	ClearPageLRU(page);
	__free_pages(page, ORDER);
}

static void too_small_for_kmalloc(struct kunit *test)
{
	struct page *page = block(test, 1);

	refused(test, page);
	__free_pages(page, 1);
}

/* A large kmalloc() does go to kfree(). */
static void large_kmalloc(struct kunit *test)
{
	unsigned int shift;

	for (shift = PAGE_SHIFT + 1; shift < PAGE_SHIFT + 5; shift++) {
		hak_free(kmalloc(1UL << shift, GFP_KERNEL));
		hak_free(kmalloc((1UL << shift) + 1, GFP_KERNEL));
	}
}

/* From now on hakmem looks for tails, because SLUB has served an object that has one. */
static void have_a_tail(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 72, 0);

	hak_cache_free(c, hak_cache_alloc(c, GFP_KERNEL_ACCOUNT));
}

/*
 * Are all bytes zero that @resize adds to memory from kmalloc()? With slab_debug=U SLUB
 * knows how many were asked for, and krealloc() relies on that.
 */
static bool added_is_zero(struct kunit *test, void *(*resize)(const void *, size_t, gfp_t))
{
	u8 *p = kzalloc(40, GFP_KERNEL);
	bool zero;

	KUNIT_ASSERT_NOT_NULL(test, p);
	p = resize(p, 60, GFP_KERNEL | __GFP_ZERO);
	KUNIT_ASSERT_NOT_NULL(test, p);
	zero = !memchr_inv(p, 0, 60);
	kfree(p);
	return zero;
}

static void *slub_realloc(const void *p, size_t size, gfp_t gfp)
{
	return krealloc(p, size, gfp);
}

/*
 * Before hak_realloc() hands memory from kmalloc() to krealloc(), it looks for a tail. That
 * changes nothing of what SLUB knows of the memory.
 */
static void small_kmalloc_resized(struct kunit *test)
{
	bool zero = added_is_zero(test, slub_realloc);

	have_a_tail(test);
	KUNIT_EXPECT_EQ(test, added_is_zero(test, hak_realloc), zero);
	if (!zero)
		kunit_skip(test, "with slab_debug=U, this kernel's krealloc() zeroes nothing");
}

/* Memory from kmalloc() that is none of KFENCE's, which would report a write beyond it. */
static u8 *slubs(size_t size)
{
	u8 *p = kmalloc(size, GFP_KERNEL);

	while (is_kfence_address(p)) {
		kfree(p);
		p = kmalloc(size, GFP_KERNEL);
	}
	return p;
}

/* How many errors does SLUB see if a user writes a byte too much before @free? */
static int overrun(struct kunit *test, void (*free)(const void *))
{
	struct kunit_resource counter = {};
	int errors = 0;
	u8 *p;

	kunit_add_named_resource(test, NULL, NULL, &counter, "slab_errors", &errors);
	p = slubs(40);
	KUNIT_EXPECT_NOT_NULL(test, p);
	OPTIMIZER_HIDE_VAR(p);
	if (p)
		p[40] ^= 1;
	free(p);
	kunit_destroy_named_resource(test, "slab_errors");
	return errors;
}

static void free_sized(const void *p)
{
	hak_free_sized(p, 40);
}

/*
 * Likewise before a free. With slab_debug=FZU SLUB has a red zone directly behind the bytes
 * that were asked for, and tells a test of KUnit's if it was written to.
 */
static void small_kmalloc_overrun(struct kunit *test)
{
	int errors;

	if (IS_ENABLED(CONFIG_KASAN))
		kunit_skip(test, "KASAN would report the write");
	have_a_tail(test);
	errors = overrun(test, kfree);
	KUNIT_EXPECT_EQ(test, overrun(test, hak_free), errors);
	KUNIT_EXPECT_EQ(test, overrun(test, free_sized), errors);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(page_cache),
	KUNIT_CASE(on_an_lru_list),
	KUNIT_CASE(too_small_for_kmalloc),
	KUNIT_CASE(large_kmalloc),
	KUNIT_CASE(small_kmalloc_resized),
	KUNIT_CASE(small_kmalloc_overrun),
	{}
};

static struct kunit_suite hak_foreign_suite = {
	.name = "hak_foreign",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_foreign_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: memory of others'");
MODULE_LICENSE("GPL");
