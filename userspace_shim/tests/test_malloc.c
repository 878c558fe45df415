// SPDX-License-Identifier: GPL-2.0
/*
 * The malloc API as a program sees it.
 */
#include "test.h"

#include <linux/kernel.h>
#include <linux/overflow.h>
#include <linux/string.h>

#include "core.h"
#include "shim.h"

void *aligned_alloc(size_t align, size_t size);
void *pvalloc(size_t size);
void free_sized(void *p, size_t size);
void free_aligned_sized(void *p, size_t align, size_t size);

#define HUGE	((size_t)PTRDIFF_MAX + 1)

static bool ours(void *p)
{
	return hak_slab_of(p);
}

static void test_sizes(void **state)
{
	for (size_t n = 0; n < 3000; n++) {
		unsigned char *p = malloc(n);

		assert_non_null(p);
		assert_int_equal(ours(p), n <= HAK_MAX_SIZE);
		assert_int_equal((unsigned long)p % 16, 0);
		assert_true(malloc_usable_size(p) >= n);
		memset(p, 0xa5, malloc_usable_size(p));
		free(p);
	}
}

/* Several blocks of each size: if one is aligned by chance, the next is not. */
static void test_all_are_aligned(void **state)
{
	void *p[8];

	for (size_t n = 0; n < 200; n++) {
		for (size_t i = 0; i < ARRAY_SIZE(p); i++) {
			p[i] = malloc(n);
			assert_int_equal((unsigned long)p[i] % 16, 0);
		}
		for (size_t i = 0; i < ARRAY_SIZE(p); i++)
			free(p[i]);
	}
}

/* Any number of empty blocks, all different. */
static void test_zero_size(void **state)
{
	void *a = malloc(0), *b = malloc(0), *c = calloc(0, 8), *d = calloc(8, 0);

	assert_non_null(a);
	assert_non_null(b);
	assert_ptr_not_equal(a, b);
	assert_ptr_not_equal(c, d);
	free(a);
	free(b);
	free(c);
	free(d);
	free(NULL);
	assert_int_equal(malloc_usable_size(NULL), 0);
}

static void test_calloc_zeroes(void **state)
{
	for (size_t n = 1; n < 2000; n += 7) {
		unsigned char *p = malloc(n), *q;

		memset(p, 0xff, n);
		free(p);
		q = calloc(1, n);
		assert_null(memchr_inv(q, 0, n));
		free(q);
	}
	errno = 0;
	assert_null(calloc(opaque(SIZE_MAX / 2), 3));
	assert_int_equal(errno, ENOMEM);
	/* The product would be 16. */
	errno = 0;
	assert_null(calloc(opaque(SIZE_MAX / 16 + 2), 16));
	assert_int_equal(errno, ENOMEM);
}

static void test_too_large(void **state)
{
	void *p = malloc(10);

	errno = 0;
	assert_null(malloc(opaque(HUGE)));
	assert_int_equal(errno, ENOMEM);
	errno = 0;
	assert_null(realloc(p, opaque(HUGE)));
	assert_int_equal(errno, ENOMEM);
	errno = 0;
	assert_null(reallocarray(p, opaque(SIZE_MAX / 2), 4));
	assert_int_equal(errno, ENOMEM);
	errno = 0;
	/* The product would be 16. */
	assert_null(reallocarray(p, opaque(SIZE_MAX / 16 + 2), 16));
	assert_int_equal(errno, ENOMEM);
	errno = 0;
	assert_null(aligned_alloc(64, opaque(HUGE)));
	assert_int_equal(errno, ENOMEM);
	assert_null(memalign(64, opaque(SIZE_MAX - 10)));
	assert_null(pvalloc(opaque(SIZE_MAX - 10)));
	free(p);
}

static void test_realloc_copies(void **state)
{
	static const size_t sizes[] = { 1, 8, 9, 16, 24, 25, 64, 65, 100, 500,
		1000, 1024, 1025, 2000, 5000, 200000, 4000000 };

	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (int j = 0; j < ARRAY_SIZE(sizes); j++) {
			size_t a = sizes[i], b = sizes[j];
			unsigned char *p = realloc(NULL, a);

			for (size_t k = 0; k < a; k++)
				p[k] = k * 31;
			p = realloc(p, b);
			assert_non_null(p);
			assert_true(malloc_usable_size(p) >= b);
			for (size_t k = 0; k < min(a, b); k++)
				if (p[k] != (unsigned char)(k * 31))
					fail_msg("%zu to %zu: byte %zu", a, b, k);
			free(p);
		}
	}
	assert_null(realloc(malloc(10), 0));
}

/* A block that is large enough stays, unless more than half of it would be wasted. */
static void test_realloc_in_place(void **state)
{
	void *p = malloc(100), *q;

	q = realloc(p, malloc_usable_size(p));
	assert_ptr_equal(q, p);
	q = realloc(q, 60);
	assert_ptr_equal(q, p);
	free(q);
}

/* A large block that is made small does not keep its memory. */
static void test_realloc_shrinks(void **state)
{
	void *p = realloc(malloc(1 << 20), 10), *q;

	assert_true(malloc_usable_size(p) <= 64);
	q = realloc(malloc(1000), 100);
	assert_true(malloc_usable_size(q) < 300);
	free(p);
	free(q);
}

static long live_objects(void)
{
	struct hak_class_stats cs;
	long live = 0;

	for (int i = 0; i < HAK_NR_CLASSES; i++) {
		hak_class_stats_read(&hak_class[i], &cs);
		live += cs.live;
	}
	return live;
}

/* Of a block that moves, the old one is freed. */
static void test_realloc_frees(void **state)
{
	long before = live_objects();

	for (int i = 0; i < 10000; i++)
		free(opaque(realloc(opaque(malloc(24)), 900)));
	assert_in_range(live_objects() - before + 10, 0, 20);
}

static void test_alignment(void **state)
{
	for (size_t align = 8; align <= 1 << 16; align *= 2) {
		for (size_t n = 0; n < 2100; n += 13) {
			void *p;

			assert_int_equal(posix_memalign(&p, align, n), 0);
			assert_int_equal((unsigned long)p % align, 0);
			assert_true(malloc_usable_size(p) >= n);
			memset(p, 1, n);
			free(p);
			p = aligned_alloc(align, n);
			assert_int_equal((unsigned long)p % align, 0);
			free_aligned_sized(p, align, n);
			p = memalign(align, n);
			assert_int_equal((unsigned long)p % align, 0);
			/* Small blocks are hakmem's. */
			assert_int_equal(ours(p), ALIGN(max(n, 1UL), align) <= HAK_MAX_SIZE);
			free(p);
		}
	}
}

static void test_alignment_refused(void **state)
{
	void *p = (void *)1;

	errno = 7;
	assert_int_equal(posix_memalign(&p, 4, 10), EINVAL);
	assert_int_equal(posix_memalign(&p, 24, 10), EINVAL);
	assert_int_equal(posix_memalign(&p, 0, 10), EINVAL);
	assert_int_equal(posix_memalign(&p, 64, HUGE), ENOMEM);
	assert_ptr_equal(p, (void *)1);
	assert_int_equal(errno, 7);
	assert_null(aligned_alloc(24, 10));
	assert_int_equal(errno, EINVAL);
}

static void test_pages(void **state)
{
	void *p = valloc(10), *q = pvalloc(10);

	assert_int_equal((unsigned long)p % getpagesize(), 0);
	assert_int_equal((unsigned long)q % getpagesize(), 0);
	assert_true(malloc_usable_size(q) >= getpagesize());
	free(p);
	free_sized(q, 10);
}

static void test_errno_kept(void **state)
{
	enum { N = 20000 };
	static void *p[N];

	for (int i = 0; i < N; i++)
		p[i] = malloc(i % 2000);
	errno = 123;
	for (int i = 0; i < N; i++)
		free(p[i]);
	assert_int_equal(errno, 123);
}

struct box {
	unsigned char *p;
	size_t n;
};

static struct box boxes[4096];

static void *mix(void *arg)
{
	unsigned int seed = (long)arg * 7 + 1;

	for (int i = 0; i < 400000 / SLOW; i++) {
		struct box *b;
		unsigned char *p;
		size_t n;

		seed = seed * 1103515245 + 12345;
		b = &boxes[(seed >> 8) % 4096];
		n = (seed >> 4) % ((seed & 15) ? 200 : 3000) + 1;
		p = malloc(n);
		p[0] = n;
		p[n - 1] = n;
		/* The block that was there is probably another thread's. */
		p = __atomic_exchange_n(&b->p, p, __ATOMIC_ACQ_REL);
		free(p);
	}
	return NULL;
}

static void test_threads_mix(void **state)
{
	struct hak_stats st;

	run_threads(8, mix);
	for (int i = 0; i < 4096; i++) {
		free(boxes[i].p);
		boxes[i].p = NULL;
	}
	hak_stats_read(&st);
	assert_int_equal(st.event[HAK_EV_BAD_FREE], 0);
	assert_int_equal(st.event[HAK_EV_CORRUPT], 0);
	/* Objects of this program and of cmocka, but none of those above. */
	assert_in_range(live_objects(), 0, 300);
}

/* After the trim a program that has freed all it had holds nothing in reserve. */
static void test_trim(void **state)
{
	enum { N = 20000 };
	static void *p[N];
	struct hak_stats st;

	for (int i = 0; i < N; i++)
		p[i] = malloc(1000);
	for (int i = 0; i < N; i++)
		free(p[i]);
	assert_int_equal(malloc_trim(0), 1);
	hak_stats_read(&st);
	assert_int_equal(st.superslabs_empty, 0);
}

/* Neither the page source nor the C library has memory. */
static void test_no_memory(void **state)
{
	enum { MOST = 100000 };
	static void *p[MOST];
	int n;

	shim_fail_pages_after(0);
	shim_fail_kmalloc_after(0);
	errno = 0;
	for (n = 0; n < MOST; n++) {
		p[n] = opaque(malloc(1000));
		if (!p[n])
			break;
	}
	shim_fail_pages_after(-1);
	shim_fail_kmalloc_after(-1);
	assert_int_equal(errno, ENOMEM);
	assert_true(n < MOST);
	while (n--)
		free(p[n]);
	hak_node[0]->failed = 0;
}

#define LITTLE	200

/* A block stays where it is if there is no memory for a smaller one. */
static void test_no_memory_to_shrink(void **state)
{
	enum { MOST = 100000 };
	static unsigned char *old[2], *new[2];
	static void *p[MOST];
	int err[2], n, i;

	/* One block is hakmem's, the other the C library's. */
	old[0] = memset(opaque(malloc(1000)), 0x5a, 1000);
	old[1] = memset(opaque(malloc(3000)), 0x5a, 3000);
	shim_fail_pages_after(0);
	shim_fail_kmalloc_after(0);
	for (n = 0; n < MOST; n++) {
		p[n] = opaque(malloc(LITTLE));
		if (!p[n])
			break;
	}
	for (i = 0; i < 2; i++) {
		errno = EDOM;
		new[i] = opaque(realloc(old[i], LITTLE));
		err[i] = errno;
	}
	/* Until here a message would find no memory, either. */
	shim_fail_pages_after(-1);
	shim_fail_kmalloc_after(-1);
	assert_true(n < MOST);
	for (i = 0; i < 2; i++) {
		assert_ptr_equal(new[i], old[i]);
		assert_int_equal(err[i], EDOM);
		assert_int_equal(new[i][0], 0x5a);
		assert_memory_equal(new[i], new[i] + 1, 999);
		free(new[i]);
	}
	while (n--)
		free(p[n]);
	hak_node[0]->failed = 0;
}

static void test_bad_free(void **state)
{
	char *p = malloc(64);
	struct hak_stats before, after;

	hak_stats_read(&before);
	free(p + 8);
	hak_stats_read(&after);
	assert_int_equal(after.event[HAK_EV_BAD_FREE],
			 before.event[HAK_EV_BAD_FREE] + 1);
	memset(p, 1, 64);
	free(p);
}

/* The thread's cache is full, and the block that was freed last is freed again. */
static void test_freed_twice_into_a_full_cache(void **state)
{
	struct hak_stats before, after;
	unsigned int i, n;
	void *p[2048];

	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = malloc(64);
	for (n = 0; n < ARRAY_SIZE(p); n++) {
		struct hak_cpu_cache *cc = this_cpu_ptr(hak_size_class(64)->cpu);

		free(p[n]);
		if (cc->nr == cc->cap)
			break;
	}
	assert_true(n < ARRAY_SIZE(p));
	hak_stats_read(&before);
	free(opaque(p[n]));
	hak_stats_read(&after);
	assert_int_equal(after.event[HAK_EV_BAD_FREE], before.event[HAK_EV_BAD_FREE] + 1);
	for (i = n + 1; i < ARRAY_SIZE(p); i++)
		free(p[i]);
}

static void test_stats_json(void **state)
{
	char small[16], *buf;
	int n = hakmem_stats_json(NULL, 0);

	assert_true(n > 100);
	assert_true(hakmem_stats_json(small, sizeof(small)) > 15);
	assert_int_equal(strlen(small), 15);
	buf = malloc(n + 1000);
	n = hakmem_stats_json(buf, n + 1000);
	assert_int_equal(strlen(buf), n);
	assert_int_equal(buf[0], '{');
	assert_int_equal(buf[n - 1], '}');
	assert_non_null(strstr(buf, "\"name\":\"hak-64\",\"size\":64,"));
	free(buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_all_are_aligned),
		cmocka_unit_test(test_zero_size),
		cmocka_unit_test(test_calloc_zeroes),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_realloc_copies),
		cmocka_unit_test(test_realloc_in_place),
		cmocka_unit_test(test_realloc_shrinks),
		cmocka_unit_test(test_realloc_frees),
		cmocka_unit_test(test_alignment),
		cmocka_unit_test(test_alignment_refused),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_errno_kept),
		cmocka_unit_test(test_threads_mix),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_no_memory_to_shrink),
		cmocka_unit_test(test_bad_free),
		cmocka_unit_test(test_freed_twice_into_a_full_cache),
		cmocka_unit_test(test_stats_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
