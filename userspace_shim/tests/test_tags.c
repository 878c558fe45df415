// SPDX-License-Identifier: GPL-2.0
/*
 * Tagged KASAN: addresses from the page allocator and SLUB have a tag in their
 * top byte. hakmem's have none, and its look-up ignores tags. No machine with
 * tags is needed: the arena and the look-up are compiled here for addresses that
 * the test tags.
 */
#include "test.h"

#include <linux/kasan.h>
#include <linux/mm.h>

#define TAG	(0xa5UL << 56)

static void *tagged(const void *p)
{
	return (void *)((unsigned long)p | TAG);
}

#undef kasan_reset_tag
#define kasan_reset_tag(p)	((void *)((unsigned long)(p) & ~(0xffUL << 56)))
#undef page_address
#define page_address(page)	tagged(page)

/* An arena of the test's own, beside the core's. */
#define hak_arena_alloc		tagged_arena_alloc
#define hak_arena_kmemleak_add		tagged_arena_watch
#define hak_arena_discard	tagged_arena_discard
#define hak_arena_free		tagged_arena_free
#define hak_arena_split		tagged_arena_split
#define hak_arena_free_slot	tagged_arena_free_slot
#define hak_arena_bytes		tagged_arena_bytes
#define hak_arena_node_bytes	tagged_arena_node_bytes
#define hak_arena_node_returned	tagged_arena_node_returned
#define hak_arena_returned	tagged_arena_returned
#include "../../kernel/page_arena.c"

static void test_arena_takes_tags_off(void **state)
{
	char *addr = hak_arena_alloc(0, HAK_MAX_ORDER, GFP_KERNEL);

	assert_non_null(addr);
	assert_ptr_equal(addr, kasan_reset_tag(addr));
	/* It is the address of the same page. */
	addr[0] = 1;
	hak_arena_discard(addr, HAK_MAX_ORDER);
}

static void test_look_up_disregards_tags(void **state)
{
	char *p;

	/* If the program's malloc() is not hakmem's, the thread has no CPU yet. */
	free(opaque(malloc(64)));
	p = hak_alloc(64, GFP_KERNEL);
	assert_non_null(p);
	assert_non_null(hak_slab_of(p));
	assert_ptr_equal(hak_slab_of(tagged(p)), hak_slab_of(p));
	hak_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arena_takes_tags_off),
		cmocka_unit_test(test_look_up_disregards_tags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
