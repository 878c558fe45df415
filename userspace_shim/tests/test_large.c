// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks that are the C library's: it keeps the memory of those that are freed, and
 * only as much as the user says, if the user says anything.
 */
#include "test.h"

#include <sys/resource.h>

#define BLOCK	(800UL << 10)
#define BLOCKS	8
#define ROUNDS	20

/* Touched in each round. */
static long pages(void)
{
	return BLOCKS * BLOCK / getpagesize();
}

static long faults(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return used.ru_minflt;
}

static void one_round(void)
{
	char *p[BLOCKS];

	for (int i = 0; i < BLOCKS; i++) {
		p[i] = opaque(malloc(BLOCK));
		assert_non_null(p[i]);
		memset(p[i], i, BLOCK);
	}
	for (int i = BLOCKS; i--;)
		free(p[i]);
}

/* Page faults of all rounds but the first two, in which the C library learns. */
static long later_faults(void)
{
	long before;

	one_round();
	one_round();
	before = faults();
	for (int i = 2; i < ROUNDS; i++)
		one_round();
	return faults() - before;
}

static void test_memory_is_kept(void **state)
{
	assert_in_range(later_faults(), 0, pages());
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
		return later_faults() > (ROUNDS - 2) * pages() / 2;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
