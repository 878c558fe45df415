// SPDX-License-Identifier: GPL-2.0
/*
 * There is no memory for the core as the library starts. The C library serves the program, and
 * the address space that was reserved for superslabs has been given back.
 */
#include "test.h"

#include <linux/kernel.h>

#include "core.h"
#include "shim.h"

/* The arena, and the pages of address space in use, as the core began to start. */
static struct shim_arena arena;
static unsigned long before;

static unsigned long pages(void)
{
	char text[64] = "";
	int fd = open("/proc/self/statm", O_RDONLY);

	if (fd >= 0) {
		read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	return strtoul(text, NULL, 10);
}

int __real_hak_core_init(void);
int __wrap_hak_core_init(void);

int __wrap_hak_core_init(void)
{
	int err;

	arena = shim_arena;
	before = pages();
	shim_fail_kmalloc_after(0);
	err = __real_hak_core_init();
	shim_fail_kmalloc_after(-1);
	return err;
}

/* Returns NULL if all is well. */
static void *use_memory(void *unused)
{
	unsigned char *p = opaque(malloc(100)), *q = opaque(calloc(10, 10));
	bool bad;

	if (!p || !q)
		return (void *)1;
	memset(p, 0x5a, 100);
	bad = q[0] || memcmp(q, q + 1, 99) || hak_slab_of(p) || hak_slab_of(q);
	bad |= malloc_usable_size(p) < 100;
	free(q);
	p = opaque(realloc(p, 1000));
	if (!p)
		return (void *)1;
	bad |= p[0] != 0x5a || memcmp(p, p + 1, 99);
	free(p);
	malloc_trim(0);
	return (void *)(long)bad;
}

static void use_memory_in_child(void)
{
	if (use_memory(NULL))
		_exit(1);
}

/* A thread beside another, so the handlers of fork() have something to do. */
static void *fork_beside_another(void *unused)
{
	return (void *)(long)in_child(use_memory_in_child);
}

static void in_thread(void *(*f)(void *arg))
{
	pthread_t t;
	void *bad;

	assert_int_equal(pthread_create(&t, NULL, f, NULL), 0);
	assert_int_equal(pthread_join(t, &bad), 0);
	assert_null(bad);
}

static void test_c_library_serves(void **state)
{
	assert_int_equal(shim_state, SHIM_FAILED);
	assert_null(use_memory(NULL));
	in_thread(use_memory);
	in_thread(fork_beside_another);
}

/* How often the library was to start. */
static int starts;

void __real_shim_init(void);
void __wrap_shim_init(void);

void __wrap_shim_init(void)
{
	__atomic_fetch_add(&starts, 1, __ATOMIC_RELAXED);
	__real_shim_init();
}

/* It does not try again, which writes to what all threads read. */
static void test_not_tried_again(void **state)
{
	int before_calls = READ_ONCE(starts);

	for (int i = 0; i < 1000; i++) {
		free(opaque(malloc(100)));
		free(opaque(malloc(2000)));
		free(opaque(calloc(10, 10)));
	}
	malloc_trim(0);
	assert_int_equal(READ_ONCE(starts), before_calls);
}

static void test_arena_goes_back(void **state)
{
	assert_int_equal(shim_arena.bytes, 0);
#ifdef HAK_SHIM_EMULATED
	/* The address space is the emulator's. */
	skip();
#endif
	if (!arena.bytes)
		skip();
	/* The C library may have taken some meanwhile, but not so much. */
	assert_true(pages() < before);
	assert_true(before - pages() >= arena.bytes / getpagesize() / 2);
}

/*
 * The C library's block is rarely aligned as was asked, and then goes back. How much the C
 * library has given out is known of its own blocks only, and not of a sanitizer's.
 */
static void test_aligned_blocks_go_back(void **state)
{
	size_t out = mallinfo2().uordblks;

#ifdef HAK_SHIM_SANITIZER
	skip();
#endif
	for (int i = 0; i < 100000; i++) {
		void *p = opaque(memalign(256, 100));

		assert_non_null(p);
		assert_int_equal((unsigned long)p % 256, 0);
		free(p);
	}
	assert_true(mallinfo2().uordblks < out + (1 << 20));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_c_library_serves),
		cmocka_unit_test(test_not_tried_again),
		cmocka_unit_test(test_arena_goes_back),
		cmocka_unit_test(test_aligned_blocks_go_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
