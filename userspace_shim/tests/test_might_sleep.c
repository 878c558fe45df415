// SPDX-License-Identifier: GPL-2.0
/*
 * An allocation that may block, where sleeping is not allowed, is reported even if the
 * per-CPU cache has an object. Debug builds report it by abort(), as a kernel with
 * DEBUG_ATOMIC_SLEEP does by a warning. Other builds do not check.
 */
#include "test.h"

#include <linux/gfp.h>
#include <linux/preempt.h>

#include "core.h"
#include "shim.h"

#ifdef HAK_SHIM_DEBUG
#define EXPECTED	SIGABRT
#else
#define EXPECTED	0
#endif

static struct hak_cache *typed;
static size_t size = 64;

static void *by_constant(gfp_t gfp)
{
	return hak_alloc(64, gfp);
}

static void *by_plain_constant(gfp_t gfp)
{
	return gfp == GFP_KERNEL ? hak_alloc(64, GFP_KERNEL) : hak_alloc(64, GFP_ATOMIC);
}

static void *by_size(gfp_t gfp)
{
	return hak_alloc(READ_ONCE(size), gfp);
}

static void *by_plain_size(gfp_t gfp)
{
	return gfp == GFP_KERNEL ? hak_alloc(READ_ONCE(size), GFP_KERNEL) :
				   hak_alloc(READ_ONCE(size), GFP_ATOMIC);
}

static void *by_cache(gfp_t gfp)
{
	return hak_cache_alloc(typed, gfp);
}

static void *by_plain_cache(gfp_t gfp)
{
	return gfp == GFP_KERNEL ? hak_cache_alloc(typed, GFP_KERNEL) :
				   hak_cache_alloc(typed, GFP_ATOMIC);
}

static void *by_node(gfp_t gfp)
{
	return hak_alloc_node(64, gfp, NUMA_NO_NODE);
}

static void *zeroed(gfp_t gfp)
{
	return hak_zalloc(64, gfp);
}

static void *in_bulk(gfp_t gfp)
{
	void *p = NULL;

	return hak_cache_alloc_bulk(typed, gfp, 1, &p) ? p : NULL;
}

static void *(*const ways[])(gfp_t gfp) = {
	by_constant, by_plain_constant, by_size, by_plain_size, by_cache, by_plain_cache,
	by_node, zeroed, in_bulk,
};

static void *(*way)(gfp_t gfp);
static gfp_t flags;

static void allocate(void)
{
	close(STDERR_FILENO);
	signal(SIGABRT, SIG_DFL);
	if (shim_thread != SHIM_ONLINE)
		_exit(2);
	/* After these the caches have an object, which the fast paths take. */
	hak_free(hak_alloc(64, GFP_KERNEL));
	hak_cache_free(typed, hak_cache_alloc(typed, GFP_KERNEL));
	preempt_disable();
	if (!way(flags))
		_exit(1);
	preempt_enable();
}

/* The signal that ends a child which allocates with preemption off; 0 if none does. */
static int signal_of(void *(*alloc)(gfp_t gfp), gfp_t gfp)
{
	int status;

	way = alloc;
	flags = gfp;
	status = in_child(allocate);
	if (WIFSIGNALED(status))
		return WTERMSIG(status);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	return 0;
}

static void test_blocking_is_reported(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		assert_int_equal(signal_of(ways[i], GFP_KERNEL), EXPECTED);
}

static void test_atomic_is_not(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		assert_int_equal(signal_of(ways[i], GFP_ATOMIC), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocking_is_reported),
		cmocka_unit_test(test_atomic_is_not),
	};

	shim_thread_online();
	typed = hak_cache_create("might_sleep", 64, 0, 0, NULL);
	return !typed ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
