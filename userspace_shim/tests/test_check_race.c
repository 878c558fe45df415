// SPDX-License-Identifier: GPL-2.0
/*
 * Two CPUs free an object at the same time, and one of them finds the red zone as the other
 * has left it. The check is compiled here, so that the other one can come in the middle.
 */
#include "test.h"

#include <linux/string.h>

#include "core.h"
#include "shim.h"

/* What comes before the next look at a red zone, once. */
static void (*in_between)(void);

static void *look(const void *p, int value, size_t n)
{
	void (*fn)(void) = in_between;

	in_between = NULL;
	if (fn)
		fn();
	return memchr_inv(p, value, n);
}

/* A check of the test's own, beside the core's. */
#define hak_check_wanted	own_check_wanted
#define hak_check_layout	own_check_layout
#define hak_check_capacity	own_check_capacity
#define hak_check_live		own_check_live
#define hak_check_track		own_check_track
#define hak_check_slab_exit	own_check_slab_exit
#define hak_check_slab_init	own_check_slab_init
#define hak_check_slab		own_check_slab
#define hak_check_owner		own_check_owner
#define hak_check_release	own_check_release
#define hak_check_new		own_check_new
#define hak_check_free		own_check_free
#define hak_check_alloc		own_check_alloc
#define hak_cpu_alloc_checked	own_cpu_alloc_checked
#define memchr_inv		look
#undef pr_fmt
#include "../../kernel/check.c"

static struct hak_cache *cache;
static char *object;

static void other_frees(void)
{
	hak_free(object);
}

static void user_overruns(void)
{
	object[cache->usable] ^= 1;
}

static void test_freed_by_another(void **state)
{
	struct hak_stats st;

	object = hak_cache_alloc(cache, GFP_KERNEL);
	assert_non_null(hak_slab_of(object));
	in_between = other_frees;
	assert_string_equal(own_check_free(cache, object, 0), "freed twice at once");
	assert_null(in_between);
	hak_stats_read(&st);
	assert_int_equal(st.event[HAK_EV_BAD_FREE], 0);
}

static void test_overrun(void **state)
{
	object = hak_cache_alloc(cache, GFP_KERNEL);
	assert_non_null(hak_slab_of(object));
	in_between = user_overruns;
	assert_string_equal(own_check_free(cache, object, 0), "written beyond its end");
	user_overruns();
	hak_free(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_freed_by_another),
		cmocka_unit_test(test_overrun),
	};
	int failed;

	shim_init();
	shim_thread_online();
	cache = hak_cache_create("raced", 40, 0, SLAB_RED_ZONE, NULL);
	if (!cache)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	hak_cache_destroy(cache);
	return failed;
}
