// SPDX-License-Identifier: GPL-2.0
/*
 * Which GFP flags of a caller reach which allocator. A request to the page source
 * for a superslab neither waits nor reclaims, whatever the caller allows. A
 * request that is left to SLUB has all flags of the caller and no other. The
 * linker wraps the functions that are asked. Linked without the malloc front end.
 */
#include "test.h"

#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "core.h"
#include "shim.h"

struct page *__real_shim_alloc_pages(gfp_t gfp, unsigned int order);
struct page *__wrap_shim_alloc_pages(gfp_t gfp, unsigned int order);
void *__real_kmalloc(size_t size, gfp_t gfp);
void *__wrap_kmalloc(size_t size, gfp_t gfp);
void *__real_krealloc(const void *p, size_t size, gfp_t gfp);
void *__wrap_krealloc(const void *p, size_t size, gfp_t gfp);
void *__real_kmem_cache_alloc(struct kmem_cache *s, gfp_t gfp);
void *__wrap_kmem_cache_alloc(struct kmem_cache *s, gfp_t gfp);

static bool no_pages;		/* the page source has none */
static bool listening;		/* calls are recorded */
static gfp_t pages_any;		/* flags that any request for pages had */
static gfp_t pages_all;		/* flags that all of them had */
static gfp_t meta_any;		/* flags that any request for metadata had */
static gfp_t given;		/* flags of the last request to SLUB */
static size_t given_size;	/* size of the last request to kmalloc() */
static unsigned int asked, served;

struct page *__wrap_shim_alloc_pages(gfp_t gfp, unsigned int order)
{
	asked++;
	pages_any |= gfp;
	pages_all &= gfp;
	return no_pages ? NULL : __real_shim_alloc_pages(gfp, order);
}

/* If there are pages the request is for metadata, otherwise for an object. */
static void note(gfp_t gfp)
{
	if (!listening)
		return;
	if (no_pages) {
		given = gfp;
		served++;
	} else {
		meta_any |= gfp;
	}
}

void *__wrap_kmalloc(size_t size, gfp_t gfp)
{
	note(gfp);
	given_size = size;
	return __real_kmalloc(size, gfp);
}

void *__wrap_krealloc(const void *p, size_t size, gfp_t gfp)
{
	note(gfp);
	return __real_krealloc(p, size, gfp);
}

void *__wrap_kmem_cache_alloc(struct kmem_cache *s, gfp_t gfp)
{
	note(gfp);
	return __real_kmem_cache_alloc(s, gfp);
}

static const gfp_t callers[] = {
	GFP_KERNEL, GFP_NOIO, GFP_NOFS, GFP_NOWAIT, GFP_ATOMIC, GFP_USER,
	GFP_KERNEL | __GFP_ZERO, GFP_KERNEL | __GFP_NOFAIL,
	GFP_NOIO | __GFP_NOFAIL, GFP_NOFS | __GFP_RETRY_MAYFAIL,
	GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN, GFP_ATOMIC | __GFP_NOMEMALLOC,
	GFP_KERNEL | __GFP_THISNODE, GFP_KERNEL | __GFP_MEMALLOC,
	GFP_KERNEL | __GFP_RECLAIMABLE, GFP_KERNEL | __GFP_MOVABLE | __GFP_HIGHMEM,
};

static void begin(bool without_pages)
{
	no_pages = without_pages;
	pages_any = meta_any = given = 0;
	pages_all = ~0u;
	asked = served = 0;
	WRITE_ONCE(hak_node[0]->failed, 0);
	listening = true;
}

static void end(void)
{
	listening = false;
	no_pages = false;
}

static void test_superslab_neither_waits_nor_reclaims(void **state)
{
	const gfp_t may = __GFP_HARDWALL | __GFP_THISNODE | __GFP_NORETRY |
			  __GFP_NOWARN | __GFP_NOMEMALLOC;
	const gfp_t must = __GFP_NORETRY | __GFP_NOWARN | __GFP_NOMEMALLOC;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(callers); i++) {
		begin(false);
		assert_int_equal(hak_superslab_grow(0, callers[i]), 0);
		end();
		assert_int_equal(asked, 1);
		assert_int_equal(pages_any & ~may, 0);
		assert_int_equal(pages_all & must, must);
		/* The caller's nodes are respected. */
		assert_int_equal(pages_any & __GFP_HARDWALL, callers[i] & __GFP_HARDWALL);
		/*
		 * Metadata: no flag that waits, and none that the caller did not
		 * give.
		 */
		assert_int_equal(meta_any & (__GFP_DIRECT_RECLAIM | __GFP_NOFAIL |
					     __GFP_MEMALLOC | __GFP_RETRY_MAYFAIL), 0);
		assert_int_equal(meta_any & __GFP_HIGH & ~callers[i], 0);
		assert_int_equal(meta_any & __GFP_KSWAPD_RECLAIM & ~callers[i], 0);
		hak_superslab_trim(0);
	}
}

/* Allocate all objects of per-CPU caches and slabs. */
static void use_up(struct hak_cache *c)
{
	unsigned int i = 0;

	hak_reap_all();
	hak_superslab_trim(0);
	hak_superslab_break();
	no_pages = true;
	do {
		WRITE_ONCE(hak_node[0]->failed, jiffies ?: 1);
		assert_in_range(i++, 0, 100000);
	} while (hak_slab_of(hak_cache_alloc(c, GFP_KERNEL)));
	no_pages = false;
}

/* Use up the slab of a class, and every slot. */
static void test_slub_is_asked_as_the_caller_asks(void **state)
{
	struct hak_cache *c = hak_cache_create("gfp", 256, 0, 0, NULL);
	unsigned int i;
	void *p;

	assert_non_null(c);
	use_up(hak_size_class(96));
	use_up(c);
	for (i = 0; i < ARRAY_SIZE(callers); i++) {
		begin(true);
		p = __hak_alloc(96, callers[i]);
		assert_non_null(p);
		assert_null(hak_slab_of(p));
		assert_int_equal(served, 1);
		assert_int_equal(given, callers[i]);
		hak_free(p);

		p = hak_alloc_node(96, callers[i], 0);
		assert_int_equal(given, callers[i]);
		hak_free(p);
		p = __hak_alloc(4000, callers[i]);
		assert_int_equal(given, callers[i]);
		p = hak_realloc(p, 9000, callers[i] | __GFP_NOWARN);
		assert_int_equal(given, callers[i] | __GFP_NOWARN);
		hak_free(p);

		p = hak_cache_alloc(c, callers[i]);
		assert_non_null(p);
		assert_int_equal(given, callers[i]);
		hak_cache_free(c, p);
		p = hak_cache_alloc_node(c, callers[i], 0);
		assert_int_equal(given, callers[i]);
		hak_cache_free(c, p);
		assert_int_equal(hak_cache_alloc_bulk(c, callers[i], 1, &p), 1);
		assert_int_equal(given, callers[i]);
		hak_cache_free_bulk(c, 1, &p);
		assert_int_equal(hak_alloc_bulk(96, callers[i], 1, &p), 1);
		assert_int_equal(given, callers[i]);
		hak_free_bulk(1, &p);
		p = hak_memdup("x", 2, callers[i] | __GFP_NOWARN);
		hak_free(p);
		end();
	}
}

/*
 * SLUB serves what has to be charged. While such an object waits for kfree(), it holds a link,
 * so SLUB has to know that this is a part of it.
 */
static void test_slub_is_asked_for_room_for_a_link(void **state)
{
	for (size_t size = 1; size <= 64; size++) {
		void *p = hak_alloc(size, GFP_KERNEL_ACCOUNT);

		assert_non_null(p);
		assert_int_equal(given_size, size < 8 ? 8 : size);
		hak_free(p);
	}
}

/* If hak_realloc() has to move, it allocates with the caller's flags. */
static void test_realloc_hands_its_flags_on(void **state)
{
	void *p = hak_alloc(64, GFP_KERNEL);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(callers); i++) {
		begin(true);
		p = hak_realloc(p, 2000 + i, callers[i]);
		assert_non_null(p);
		assert_int_equal(given, callers[i]);
		end();
		hak_free(p);
		p = hak_alloc(64, GFP_KERNEL);
	}
	hak_free(p);
}

static void *memory_comes_back(void *unused)
{
	usleep(20000);
	shim_fail_kmalloc_after(-1);
	return NULL;
}

/* __GFP_NOFAIL waits for as long as it takes. */
static void test_nofail(void **state)
{
	pthread_t t;
	void *p;

	use_up(hak_size_class(96));
	no_pages = true;
	WRITE_ONCE(hak_node[0]->failed, 0);
	shim_fail_kmalloc_after(0);
	assert_null(__hak_alloc(96, GFP_KERNEL));
	assert_int_equal(pthread_create(&t, NULL, memory_comes_back, NULL), 0);
	p = __hak_alloc(96, GFP_KERNEL | __GFP_NOFAIL);
	assert_non_null(p);
	pthread_join(t, NULL);
	no_pages = false;
	hak_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_superslab_neither_waits_nor_reclaims),
		cmocka_unit_test(test_slub_is_asked_as_the_caller_asks),
		cmocka_unit_test(test_slub_is_asked_for_room_for_a_link),
		cmocka_unit_test(test_realloc_hands_its_flags_on),
		cmocka_unit_test(test_nofail),
	};

	shim_init();
	shim_thread_online();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
