// SPDX-License-Identifier: GPL-2.0
/*
 * A process without an arena, because the user wants none (HAKMEM_ARENA=0): free() asks the
 * core's registry. And which other processes have no arena.
 */
#include "test.h"

#include <sys/resource.h>

#include <linux/kernel.h>

#include "core.h"
#include "shim.h"

#define OBJECTS	20000

static unsigned long locked = RLIM_INFINITY, space = RLIM_INFINITY;

/*
 * The library calls this function, too, and so does a sanitizer, before it can
 * watch anything.
 */
__attribute__((no_sanitize("thread", "address", "undefined")))
int getrlimit(__rlimit_resource_t what, struct rlimit *lim)
{
	if (what != RLIMIT_MEMLOCK && what != RLIMIT_AS)
		return prlimit(0, what, NULL, lim);
	lim->rlim_cur = what == RLIMIT_AS ? space : locked;
	lim->rlim_max = lim->rlim_cur;
	return 0;
}

static void *come_and_go(void *arg)
{
	static __thread unsigned char *p[OBJECTS];
	long bad = 0;

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < OBJECTS; i++) {
			p[i] = opaque(malloc(i % 1024 + 1));
			if (!p[i])
				return (void *)1;
			memset(p[i], i, i % 1024 + 1);
		}
		for (int i = 0; i < OBJECTS; i++) {
			bad += p[i][i % 1024] != (unsigned char)i;
			free(p[i]);
		}
	}
	return (void *)bad;
}

static void test_works_without(void **state)
{
	struct hak_stats before, after;
	pthread_t t[4];
	void *bad;

	assert_int_equal(shim_arena.bytes, 0);
	hak_stats_read(&before);
	assert_null(come_and_go(NULL));
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, come_and_go, NULL), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(t[i], &bad), 0);
		assert_null(bad);
	}
	hak_stats_read(&after);
	assert_int_equal(after.event[HAK_EV_BAD_FREE], before.event[HAK_EV_BAD_FREE]);
	assert_true(after.superslabs);
	assert_int_equal(shim_arena.bytes, 0);
}

static void test_who_has_one(void **state)
{
	static const struct {
		unsigned long locked, space;
		bool arena;
		bool refused;		/* by HAKMEM_ARENA=0 */
	} limits[] = {
		{ 100UL << 20, RLIM_INFINITY, true },
		{ 80UL << 20, RLIM_INFINITY, true },
		/* An eighth of 64 GiB, as systemd allows. */
		{ 8UL << 30, RLIM_INFINITY, true },
		{ RLIM_INFINITY, 64UL << 30, false },
		{ (80UL << 20) - 1, RLIM_INFINITY, true },
		{ 0, RLIM_INFINITY, true },
		{ RLIM_INFINITY, RLIM_INFINITY, true },
		{ RLIM_INFINITY, RLIM_INFINITY, false, true },
	};

	for (int i = 0; i < ARRAY_SIZE(limits); i++) {
		locked = limits[i].locked;
		space = limits[i].space;
		shim_use_arena = !limits[i].refused;
		shim_arena_init();
		assert_int_equal(shim_arena.bytes != 0, limits[i].arena);
		if (!shim_arena.bytes)
			continue;
		assert_true(shim_arena.bytes >= 1UL << 30);
		assert_int_equal(shim_arena.base % (1UL << HAK_LEAF_SHIFT), 0);
		shim_arena_exit();
		assert_int_equal(shim_arena.bytes, 0);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_works_without),
		cmocka_unit_test(test_who_has_one),
	};

	if (!getenv("HAKMEM_ARENA")) {
		setenv("HAKMEM_ARENA", "0", 1);
		execv(argv[0], argv);
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
