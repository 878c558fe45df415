// SPDX-License-Identifier: GPL-2.0
/*
 * The page source, and the core when it runs out.
 */
#include "test.h"

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmstat.h>

#include "core.h"
#include "shim.h"

static void test_alignment(void **state)
{
	struct page *page[NR_PAGE_ORDERS][4];

	for (int round = 0; round < 3; round++) {
		for (int o = 0; o < NR_PAGE_ORDERS; o++) {
			for (int i = 0; i < 4; i++) {
				char *p;

				page[o][i] = alloc_pages(GFP_KERNEL, o);
				p = page_address(page[o][i]);
				assert_non_null(p);
				assert_int_equal((unsigned long)p %
						 (PAGE_SIZE << o), 0);
				/* Pages are zero, used before or not. */
				assert_int_equal(p[0] | p[(PAGE_SIZE << o) - 1], 0);
				memset(p, o + 1, PAGE_SIZE << o);
			}
		}
		for (int o = 0; o < NR_PAGE_ORDERS; o++) {
			for (int i = 0; i < 4; i++) {
				char *p = page_address(page[o][i]);

				assert_null(memchr_inv(p, o + 1, PAGE_SIZE << o));
				__free_pages(page[o][i], o);
			}
		}
	}
	assert_null(alloc_pages(GFP_KERNEL, MAX_PAGE_ORDER + 1));
	__free_pages(NULL, 0);
}

/*
 * A block of order 9 is split into blocks of order 5. There are 16 of them, and each is used
 * before a new block is made.
 */
static void test_split(void **state)
{
	static struct page *page[1 << 16];
	struct page *block = alloc_pages(GFP_KERNEL, 9);
	unsigned long start = (unsigned long)block, n, inside = 0;

	assert_non_null(block);
	__free_pages(block, 9);
	/* Smaller blocks that are free are used first. */
	for (n = 0; n < ARRAY_SIZE(page); n++) {
		page[n] = alloc_pages(GFP_KERNEL, 5);
		assert_non_null(page[n]);
		inside += (unsigned long)page[n] - start < PAGE_SIZE << 9;
		if (inside && (unsigned long)page[n] - start >= PAGE_SIZE << 9)
			break;
	}
	assert_int_equal(inside, 16);
	do
		__free_pages(page[n], 5);
	while (n--);
}

static bool can_read(const struct page *page)
{
	long word;

	return !copy_from_kernel_nofault(&word, page, sizeof(word));
}

/*
 * More blocks of an order are free than the page source can note down. Those beyond that lose
 * their memory, but their addresses stay in the arena, where only hakmem's memory may be.
 */
static void test_too_many_free(void **state)
{
	enum { N = 16384 + 100 };
	static struct page *page[N];
	unsigned char resident;
	int i, n = 0;

	for (i = 0; i < N; i++) {
		page[i] = alloc_pages(GFP_KERNEL, 0);
		assert_non_null(page[i]);
	}
	for (i = 0; i < N; i++)
		__free_pages(page[i], 0);
	if (!shim_arena.bytes)
		skip();
	for (i = 0; i < N; i++) {
		assert_true(shim_in_arena(page[i]));
		assert_int_equal(mincore(page[i], PAGE_SIZE, &resident), 0);
		n += !can_read(page[i]);
	}
	assert_in_range(n, 100, N - 1);
	page[0] = alloc_pages(GFP_KERNEL, 0);
	assert_true(can_read(page[0]));
	__free_pages(page[0], 0);
}

static long resident_kib(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	assert_int_equal(fscanf(f, "%*d %ld", &pages), 1);
	fclose(f);
	return pages * (getpagesize() / 1024);
}

static void test_memory_goes_back(void **state)
{
	struct page *first = NULL, *page;
	unsigned long out;
	long before;

	/* The first stream may need hakmem's first superslab. */
	before = resident_kib();
	out = shim_pages_out;
	for (int i = 0; i < 200; i++) {
		page = alloc_pages(GFP_KERNEL, 9);
		if (!first)
			first = page;
		assert_ptr_equal(page, first);
		memset(page_address(page), 1, PAGE_SIZE << 9);
		__free_pages(page, 9);
		if (i == 10)
			before = resident_kib();
	}
	assert_int_equal(shim_pages_out, out);
	assert_true(resident_kib() < before + 4096);
}

static void test_failure(void **state)
{
	struct page *page;

	shim_fail_pages_after(1);
	page = alloc_pages(GFP_KERNEL, 4);
	assert_non_null(page);
	__free_pages(page, 4);
	assert_null(alloc_pages(GFP_KERNEL, 4));
	assert_null(alloc_pages(GFP_KERNEL, 0));
	shim_fail_pages_after(-1);
	page = alloc_pages(GFP_KERNEL, 4);
	assert_non_null(page);
	__free_pages(page, 4);
}

/* If there are no pages, every allocation still succeeds, by the C library. */
static void test_core_without_pages(void **state)
{
	enum { N = 40000 };
	static void *p[N];
	struct hak_stats st;

	shim_fail_pages_after(0);
	for (int i = 0; i < N; i++) {
		p[i] = malloc(1024);
		assert_non_null(p[i]);
		memset(p[i], i, 1024);
	}
	hak_stats_read(&st);
	assert_true(st.event[HAK_EV_NOMEM] > 0);
	for (int i = 0; i < N; i++) {
		assert_null(memchr_inv(p[i], i, 1024));
		free(p[i]);
	}
	shim_fail_pages_after(-1);
	hak_stats_read(&st);
	assert_int_equal(st.event[HAK_EV_BAD_FREE], 0);
	assert_int_equal(st.event[HAK_EV_CORRUPT], 0);
}

/* If neither pages nor the C library have memory: ENOMEM, and nothing breaks. */
static void test_no_memory_at_all(void **state)
{
	enum { N = 40000 };
	static void *p[N];
	int i;

	shim_fail_pages_after(0);
	shim_fail_kmalloc_after(0);
	for (i = 0; i < N; i++) {
		errno = 0;
		p[i] = malloc(1024);
		if (!p[i])
			break;
	}
	assert_true(i < N);
	assert_int_equal(errno, ENOMEM);
	errno = 0;
	assert_null(calloc(1, 1024));
	assert_int_equal(errno, ENOMEM);
	shim_fail_pages_after(-1);
	shim_fail_kmalloc_after(-1);
	while (i--)
		free(p[i]);
}

static void test_accounting(void **state)
{
	long long arena = hak_arena_bytes();

	assert_int_equal(node_page_state(NODE_DATA(0), NR_SLAB_UNRECLAIMABLE_B),
			 arena);
	assert_int_equal(shim_pages_out * PAGE_SIZE, arena);
}

/* The system refuses to open the next block of so many bytes. */
static size_t refused;

int __real_shim_open(void *p, size_t size);
int __wrap_shim_open(void *p, size_t size);

int __wrap_shim_open(void *p, size_t size)
{
	if (refused && size == refused) {
		refused = 0;
		return -ENOMEM;
	}
	return __real_shim_open(p, size);
}

/* A block that cannot be opened is free again, and is the next one. */
static void test_failed_to_open(void **state)
{
	struct page *page = alloc_pages(GFP_KERNEL, 3);
	unsigned long out;

	assert_non_null(page);
	__free_pages(page, 3);
	out = shim_pages_out;
	refused = PAGE_SIZE << 3;
	assert_null(alloc_pages(GFP_KERNEL, 3));
	assert_int_equal(refused, 0);
	assert_int_equal(shim_pages_out, out);
	assert_ptr_equal(alloc_pages(GFP_KERNEL, 3), page);
	__free_pages(page, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alignment),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_too_many_free),
		cmocka_unit_test(test_memory_goes_back),
		cmocka_unit_test(test_failure),
		cmocka_unit_test(test_failed_to_open),
		cmocka_unit_test(test_core_without_pages),
		cmocka_unit_test(test_no_memory_at_all),
		cmocka_unit_test(test_accounting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
