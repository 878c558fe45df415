// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks that are the C library's: it keeps the memory of those that are freed, and
 * only as much as the user says, if the user says anything.
 */
#include "test.h"

#include <sys/resource.h>

#define ROUNDS	20

/* So many blocks, of so many bytes, are allocated, touched, and freed in each round. */
struct blocks {
	int nr;
	size_t size;
};

static const struct blocks small = { 8, 800UL << 10 };
/* Little smaller than those that the C library is to give back, and all fit into what it keeps. */
static const struct blocks big = { 4, 3UL << 20 };

/* Touched in each round. */
static long pages(const struct blocks *b)
{
	return b->nr * b->size / getpagesize();
}

static long faults(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return used.ru_minflt;
}

static void one_round(const struct blocks *b)
{
	char *p[8];

	for (int i = 0; i < b->nr; i++) {
		p[i] = opaque(malloc(b->size));
		assert_non_null(p[i]);
		memset(p[i], i, b->size);
	}
	for (int i = b->nr; i--;)
		free(p[i]);
}

/* Page faults of all rounds but the first two, in which the C library learns. */
static long later_faults(const struct blocks *b)
{
	long before;

	one_round(b);
	one_round(b);
	before = faults();
	for (int i = 2; i < ROUNDS; i++)
		one_round(b);
	return faults() - before;
}

static void test_memory_is_kept(void **state)
{
	assert_in_range(later_faults(&small), 0, pages(&small));
	assert_in_range(later_faults(&big), 0, pages(&big));
}

/* The path of this program, which may be that of a script that has an emulator run it. */
static const char *self;

/* Run this program once more, with NAME=VALUE: does it take a fault for each page? */
static int takes_faults(const char *name, const char *value)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		setenv(name, value, 1);
		execl(self, self, "count", NULL);
		_exit(2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
	return WEXITSTATUS(status);
}

static void test_user_has_the_last_word(void **state)
{
	assert_false(takes_faults("UNRELATED", "1"));
	assert_true(takes_faults("MALLOC_TRIM_THRESHOLD_", "131072"));
	assert_true(takes_faults("MALLOC_MMAP_THRESHOLD_", "131072"));
	assert_true(takes_faults("GLIBC_TUNABLES", "glibc.malloc.trim_threshold=131072"));
}

/* If address space is limited, the C library keeps no more of it than it does by itself. */
static void test_limit_of_address_space(void **state)
{
	struct rlimit was, lim;

#ifdef HAK_SHIM_EMULATED
	skip();
#endif
	assert_int_equal(getrlimit(RLIMIT_AS, &was), 0);
	lim = was;
	lim.rlim_cur = 8UL << 30;
	assert_int_equal(setrlimit(RLIMIT_AS, &lim), 0);
	assert_true(takes_faults("UNRELATED", "1"));
	assert_int_equal(setrlimit(RLIMIT_AS, &was), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_is_kept),
		cmocka_unit_test(test_user_has_the_last_word),
		cmocka_unit_test(test_limit_of_address_space),
	};

	self = argv[0];
	if (argc > 1)
		return later_faults(&small) > (ROUNDS - 2) * pages(&small) / 2;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
