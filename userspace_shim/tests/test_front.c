// SPDX-License-Identifier: GPL-2.0
/*
 * The fast paths of malloc() and free(), and the arena that free() looks into.
 */
#include "listen.h"
#include "test.h"

#include <linux/kernel.h>

#include "core.h"
#include "front.h"
#include "shim.h"

#define OBJECTS	3000

static void *p[OBJECTS];

static unsigned long bad_frees(void)
{
	struct hak_stats st;

	hak_stats_read(&st);
	return st.event[HAK_EV_BAD_FREE];
}

static bool in_arena(const void *q)
{
	return (unsigned long)q - shim_arena.base < shim_arena.bytes;
}

static void allocate_all(void)
{
	for (int i = 0; i < OBJECTS; i++) {
		p[i] = opaque(malloc(i % 1024 + 1));
		assert_non_null(p[i]);
		memset(p[i], i, i % 1024 + 1);
	}
}

static void free_all(void)
{
	for (int i = 0; i < OBJECTS; i++) {
		assert_int_equal(((unsigned char *)p[i])[i % 1024], (unsigned char)i);
		free(opaque(p[i]));
	}
}

/* The arena's table and the core's registry agree. */
static void test_entries(void **state)
{
	struct hak_entry *e;

	if (!shim_arena.bytes)
		skip();
	allocate_all();
	for (int i = 0; i < OBJECTS; i++) {
		assert_true(in_arena(p[i]));
		/* So free() finds the entry in one step. */
		assert_true((unsigned long)p[i] - shim_arena.base < shim_arena.ready);
		assert_true(hak_registry_find(p[i], &e));
		assert_ptr_equal(e, shim_arena.table + (((unsigned long)p[i] - shim_arena.base) >>
							HAK_SLAB_SHIFT));
	}
	free_all();
}

/* If free() cannot look up an address, the core can. */
static void test_without_arena(void **state)
{
	unsigned long ready = shim_arena.ready, before = bad_frees();

	allocate_all();
	shim_arena.ready = 0;
	free_all();
	allocate_all();
	shim_arena.ready = ready;
	free_all();
	assert_int_equal(bad_frees(), before);
}

/*
 * The checks are the core's: an address where no object begins is refused, and so
 * is the object freed last.
 */
static void test_bad_frees(void **state)
{
	unsigned long before = bad_frees();
	char *q = opaque(malloc(96)), *r = opaque(malloc(96));

	free(opaque(q + 8));
	assert_int_equal(bad_frees(), before + 1);
	free(opaque(q + 95));
	assert_int_equal(bad_frees(), before + 2);
	free(opaque((char *)((unsigned long)q & ~HAK_SLAB_MASK) + 96 * 682));
	assert_int_equal(bad_frees(), before + 3);
	free(opaque(q));
	free(opaque(q));
	assert_int_equal(bad_frees(), before + 4);
	free(opaque(r));
	assert_int_equal(bad_frees(), before + 4);
	/* Neither is handed out twice. */
	p[0] = opaque(malloc(96));
	p[1] = opaque(malloc(96));
	p[2] = opaque(malloc(96));
	assert_true(p[0] != p[1] && p[1] != p[2] && p[0] != p[2]);
	for (int i = 0; i < 3; i++)
		free(opaque(p[i]));
}

/* Sizes at the ends of the table, and beyond. */
static void test_sizes(void **state)
{
	static const size_t size[] = { 0, 1, 8, 9, 1023, 1024, 1025, 4096 };
	void *q;

	for (int i = 0; i < ARRAY_SIZE(size); i++) {
		q = opaque(malloc(size[i]));
		assert_non_null(q);
		assert_true(malloc_usable_size(q) >= size[i]);
		memset(q, 1, size[i]);
		free(q);
		q = opaque(calloc(1, size[i]));
		assert_non_null(q);
		for (size_t k = 0; k < size[i]; k++)
			assert_int_equal(((char *)q)[k], 0);
		free(q);
	}
	assert_null(opaque(malloc(opaque(SIZE_MAX))));
	assert_null(opaque(malloc(opaque(SIZE_MAX - 6))));
	assert_null(opaque(calloc(opaque(SIZE_MAX / 2), 3)));
	free(opaque(NULL));
}

static void *calloc_32(void)
{
	return calloc(1, 32);
}

static void *malloc_32(void)
{
	return malloc(32);
}

static void *memalign_32(void)
{
	return memalign(32, 32);
}

static void *realloc_32(void)
{
	return realloc(NULL, 32);
}

/*
 * While work waits for its time, each function comes to its slow path once in so many calls,
 * and not at each call from then on.
 */
static void test_calls_until_the_clock(void **state)
{
	static void *(*const call[])(void) = { calloc_32, malloc_32, memalign_32, realloc_32 };
	unsigned long largest = READ_ONCE(shim_largest);

	for (int i = 0; i < ARRAY_SIZE(call); i++) {
		WRITE_ONCE(shim_largest, 0);
		shim_calls = 0;
		free(opaque(call[i]()));
		assert_in_range(READ_ONCE(shim_calls), 1, 64);
	}
	WRITE_ONCE(shim_largest, largest);
}

/* Functions of the program, which use the result, so none of the calls is a jump. */
static noinline void *malloc_here(char *q)
{
	return opaque(malloc(64));
}

static noinline void *calloc_here(char *q)
{
	return opaque(calloc(1, 64));
}

static noinline void *realloc_here(char *q)
{
	return opaque(realloc(q, 200));
}

static noinline void *memalign_here(char *q)
{
	return opaque(memalign(64, 64));
}

static noinline void *free_here(char *q)
{
	free(q);
	return opaque(NULL);
}

/* Is the address that @text has next after @what one in @f? */
static bool names(const char *text, const char *what, void *(*f)(char *q))
{
	const char *at = strstr(text, what);

	at = at ? strstr(at, "0x") : NULL;
	return at && strtoul(at, NULL, 16) - (unsigned long)f < 256;
}

static void free_inside(void *q)
{
	free_here(q + 8);
}

static void free_last(void *q)
{
	free_here(q);
}

static void realloc_inside(void *q)
{
	free(realloc_here(q + 8));
}

/* The report of a bad free names the address in the program, and not one in the library. */
static void test_report_names_program(void **state)
{
	static char text[1 << 16];
	char *q = opaque(malloc(64));

	listen_to(free_inside, q, text, sizeof(text));
	assert_true(names(text, " by ", free_here));
	listen_to(realloc_inside, q, text, sizeof(text));
	assert_true(names(text, " by ", realloc_here));
	free(q);
	listen_to(free_last, q, text, sizeof(text));
	assert_true(names(text, " by ", free_here));
	assert_non_null(strstr(text, "freed twice"));
}

static char *self;

/* With HAKMEM_DEBUG=U a report says who allocated the block, and who freed it. */
static int tracked(void)
{
	static void *(*const call[])(char *q) = {
		malloc_here, calloc_here, realloc_here, memalign_here,
	};
	static char text[1 << 16];
	char *q;

	for (int i = 0; i < ARRAY_SIZE(call); i++) {
		q = call[i](NULL);
		listen_to(free_inside, q, text, sizeof(text));
		if (!names(strstr(text, "allocated by") ?: "", "\n", call[i]))
			return 10 + i;
		free_here(q);
		listen_to(free_last, q, text, sizeof(text));
		if (!names(strstr(text, "freed by") ?: "", "\n", free_here))
			return 20 + i;
	}
	return 0;
}

static void run_tracked(void)
{
	setenv("HAKMEM_DEBUG", "U", 1);
	execl(self, self, "tracked", NULL);
	_exit(127);
}

static void test_report_names_users(void **state)
{
	assert_int_equal(in_child(run_tracked), 0);
}

/* If two threads ask for one leaf, the second gets memory that is in no table. */
static void test_leaf_race(void **state)
{
	unsigned long last = shim_arena.base + shim_arena.bytes - 1;
	size_t bytes = HAK_LEAF_BYTES;
	char *a, *b, *end = (char *)(shim_arena.table + (shim_arena.bytes >> HAK_SLAB_SHIFT));

	if (!shim_arena.bytes)
		skip();
	a = shim_leaf_alloc(last, bytes, GFP_KERNEL);
	assert_ptr_equal(a, end - bytes);
	a[bytes - 1] = 1;
	b = shim_leaf_alloc(last, bytes, GFP_KERNEL);
	assert_non_null(b);
	assert_true(b < (char *)shim_arena.table || b >= end);
	shim_leaf_free(b, bytes);
	shim_leaf_free(a, bytes);
	b = shim_leaf_alloc(last, bytes, GFP_KERNEL);
	assert_ptr_equal(b, a);
	assert_int_equal(b[bytes - 1], 0);
	shim_leaf_free(b, bytes);
}

/*
 * This test is the last, because afterwards no arena is left and superslabs come
 * from elsewhere.
 */
static void test_used_up(void **state)
{
	static void *more[200000];
	unsigned int outside = 0;

	for (unsigned long n = 64UL << 30; n >= PAGE_SIZE; n /= 2)
		while (shim_arena_take(n))
			;
	for (int i = 0; i < ARRAY_SIZE(more); i++) {
		more[i] = opaque(malloc(512));
		assert_non_null(more[i]);
		outside += !in_arena(more[i]);
	}
	assert_in_range(outside, 1, ARRAY_SIZE(more));
	for (int i = 0; i < ARRAY_SIZE(more); i++)
		free(more[i]);
	allocate_all();
	free_all();
}

static int bring_main_up(void **state)
{
	free(opaque(malloc(8)));
	return shim_thread != SHIM_ONLINE;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_without_arena),
		cmocka_unit_test(test_bad_frees),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_calls_until_the_clock),
		cmocka_unit_test(test_report_names_program),
		cmocka_unit_test(test_report_names_users),
		cmocka_unit_test(test_leaf_race),
		cmocka_unit_test(test_used_up),
	};

	self = argv[0];
	if (argc > 1)
		return tracked();
	return cmocka_run_group_tests(tests, bring_main_up, NULL);
}
