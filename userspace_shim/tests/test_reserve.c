// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that is reserved, opened and closed: the page source's blocks, per-CPU
 * chunks, and the table of the registry's leaves.
 */
#include "test.h"

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/string.h>

#include "core.h"
#include "shim.h"

#define BLOCK	(PAGE_SIZE << 9)

static char *target;

static void write_to_target(void)
{
	signal(SIGSEGV, SIG_DFL);
	WRITE_ONCE(*target, 1);
}

static void read_target(void)
{
	signal(SIGSEGV, SIG_DFL);
	(void)READ_ONCE(*target);
}

/* A sanitizer's handler exits; the default action kills. */
static bool faults(void (*how)(void), void *p)
{
	target = p;
	return in_child(how) != 0;
}

static unsigned int resident(void *p, size_t size)
{
	unsigned char vec[512];
	unsigned int n = 0;

	assert_in_range(size / PAGE_SIZE, 1, sizeof(vec));
	assert_int_equal(mincore(p, size, vec), 0);
	for (unsigned int i = 0; i < size / PAGE_SIZE; i++)
		n += vec[i] & 1;
	return n;
}

static void test_block(void **state)
{
	char *p = page_address(alloc_pages(GFP_KERNEL, 9));

	assert_non_null(p);
	assert_false(faults(write_to_target, p + BLOCK - 1));
	memset(p, 1, BLOCK);
	__free_pages(virt_to_page(p), 9);
	assert_true(faults(read_target, p));
	assert_true(faults(write_to_target, p + BLOCK - 1));

	/* The same block again, and it is empty. */
	assert_ptr_equal(page_address(alloc_pages(GFP_KERNEL, 9)), p);
	assert_null(memchr_inv(p, 0, BLOCK));
	__free_pages(virt_to_page(p), 9);
}

static void test_locked_block(void **state)
{
	char *p = page_address(alloc_pages(GFP_KERNEL, 9));

	assert_non_null(p);
	assert_int_equal(mlock(p, BLOCK), 0);
	memset(p, 1, BLOCK);
	assert_int_equal(resident(p, BLOCK), BLOCK / PAGE_SIZE);
	__free_pages(virt_to_page(p), 9);
	assert_int_equal(resident(p, BLOCK), 0);
	assert_ptr_equal(page_address(alloc_pages(GFP_KERNEL, 9)), p);
	assert_null(memchr_inv(p, 0, BLOCK));
	__free_pages(virt_to_page(p), 9);
}

/* A small block stays open, because each closed one could need a mapping. */
static void test_small_block(void **state)
{
	char *p = page_address(alloc_pages(GFP_KERNEL, 4));

	assert_non_null(p);
	memset(p, 1, PAGE_SIZE << 4);
	__free_pages(virt_to_page(p), 4);
	assert_false(faults(read_target, p));
	assert_int_equal(*p, 0);
}

/* The chunks of all threads grow with the allocations, and are zero. */
static void test_percpu(void **state)
{
	enum { N = 24, SIZE = 8192 };
	char *p[N];
	int n;

	for (n = 0; n < N; n++) {
		unsigned int cpu;

		p[n] = __alloc_percpu(SIZE, 64);
		if (!p[n])
			break;
		for_each_online_cpu(cpu) {
			assert_null(memchr_inv(per_cpu_ptr(p[n], cpu), 0, SIZE));
			memset(per_cpu_ptr(p[n], cpu), n + 1, SIZE);
		}
	}
	assert_in_range(n, 8, N);
	while (n--)
		free_percpu(p[n]);
}

/* A table can be read and written where it was opened, and says where that is. */
static void test_table(void **state)
{
	unsigned long i, nr = 1UL << 20;
	unsigned long *table = shim_table_alloc(nr * sizeof(*table));

	assert_non_null(table);
	for (i = 0; i < nr; i += 512)
		assert_false(hak_table_is_open(table, i));
	assert_true(faults(write_to_target, &table[nr / 2]));
	assert_int_equal(hak_table_open(table, nr / 2), 0);
	for (i = 0; i < nr; i += 256)
		assert_int_equal(hak_table_is_open(table, i), i / 512 == nr / 2 / 512);
	assert_int_equal(table[nr / 2], 0);
	table[nr / 2] = 1;
	/* It may be opened again, and keeps what it has. */
	assert_int_equal(hak_table_open(table, nr / 2 + 1), 0);
	assert_int_equal(table[nr / 2], 1);
	assert_true(faults(write_to_target, &table[nr / 2 + 512]));
	assert_true(faults(write_to_target, &table[nr / 2 - 1]));
	shim_table_free(table, nr * sizeof(*table));
}

/* If a leaf's place in the table cannot be opened, there is no leaf. */
static void test_no_memory_for_table(void **state)
{
	unsigned long addr = 1UL << 40;

	assert_null(hak_slab_of((void *)addr));
	for (int n = 0; n < 2; n++) {
		shim_fail_kmalloc_after(n);
		assert_int_equal(hak_registry_prepare(addr, 1, GFP_KERNEL), -ENOMEM);
		shim_fail_kmalloc_after(-1);
	}
	assert_int_equal(hak_registry_prepare(addr, 1, GFP_KERNEL), 0);
	assert_null(hak_slab_of((void *)addr));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_block),
		cmocka_unit_test(test_locked_block),
		cmocka_unit_test(test_small_block),
		cmocka_unit_test(test_percpu),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_no_memory_for_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
