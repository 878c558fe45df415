// SPDX-License-Identifier: GPL-2.0
/*
 * Frees of compound pages that look like a large kmalloc() at their start, but
 * are not. Only a kernel has such pages.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>

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

static struct kunit_case cases[] = {
	KUNIT_CASE(page_cache),
	KUNIT_CASE(on_an_lru_list),
	KUNIT_CASE(too_small_for_kmalloc),
	KUNIT_CASE(large_kmalloc),
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
MODULE_DESCRIPTION("KUnit suite: frees of others' blocks of pages");
MODULE_LICENSE("GPL");
