// SPDX-License-Identifier: GPL-2.0
/*
 * Giving memory back: what the idle trim may not miss. Needs a kernel; userspace
 * has none of it.
 */
#include <linux/cpu.h>
#include <linux/module.h>

#include "hak_test.h"
#include "hak_test_threads.h"
#include "shrink.h"

static bool no_cpu_holds(void)
{
	unsigned int cpu;

	for_each_online_cpu(cpu)
		if (hak_cpu_holds(cpu))
			return false;
	return true;
}

/* Let the trim look again and again until it says it is off. */
static bool trim_until_off(struct kunit *test)
{
	unsigned int i;
	bool again;

	for (i = 0; i < 50; i++) {
		again = hak_trim_step();
		if (READ_ONCE(hak_trim_off))
			return again;
		/* What the last look asked of CPUs. */
		hak_test_sleep(20);
	}
	KUNIT_FAIL(test, "the trim finds no end");
	return false;
}

static void touch_cache(struct kunit *test, struct hak_cache *c)
{
	void *p = hak_cache_alloc(c, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	hak_cache_free(c, p);
}

static void trim_empties_idle_caches(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 64, 0);

	touch_cache(test, c);
	KUNIT_EXPECT_FALSE(test, no_cpu_holds());
	trim_until_off(test);
	KUNIT_EXPECT_TRUE(test, no_cpu_holds());
}

/*
 * A CPU whose refill is not yet to be seen as the trim looks, and which itself
 * does not see yet that the trim is off: it starts nothing. The trim must come
 * upon what it holds all the same.
 */
static void trim_misses_no_refill(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 64, 0);
	unsigned int i;
	bool again;

	touch_cache(test, c);
	again = trim_until_off(test);
	KUNIT_ASSERT_TRUE(test, no_cpu_holds());

	/* As if both had been done before the look, and seen after it. */
	WRITE_ONCE(hak_trim_off, 0);
	touch_cache(test, c);
	WRITE_ONCE(hak_trim_off, 1);
	KUNIT_ASSERT_FALSE(test, no_cpu_holds());

	for (i = 0; again && i < 50; i++) {
		again = hak_trim_step();
		hak_test_sleep(20);
	}
	KUNIT_EXPECT_FALSE(test, again);
	KUNIT_EXPECT_TRUE(test, no_cpu_holds());
}

static struct kunit_case cases[] = {
	KUNIT_CASE(trim_empties_idle_caches),
	KUNIT_CASE(trim_misses_no_refill),
	{}
};

static struct kunit_suite hak_shrink_suite = {
	.name = "hak_shrink",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_shrink_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: giving memory back");
MODULE_LICENSE("GPL");
