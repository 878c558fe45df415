// SPDX-License-Identifier: GPL-2.0
/*
 * Trace events: switching one on or off switches the things it needs. kunit/trace
 * tests the contents of the events.
 */
#include <linux/jump_label.h>
#include <linux/module.h>
#include <linux/trace_events.h>

#include "hak_test.h"
#include "hak_test_threads.h"

/*
 * How often an event is switched under load. On x86 a fast path enters its cache by one
 * instruction, so there is little to find.
 */
#define SWITCHES	(IS_ENABLED(CONFIG_X86_64) ? 3 : 20)

static bool tracing(void)
{
	return static_key_enabled(&hak_tracing);
}

static bool slow(void)
{
	return hak_cpu_awake_mark == HAK_CPU_SLOW_ONLY;
}

static int event(enum hak_trace_what what, int on)
{
	return trace_set_clr_event("hakmem", hak_trace_name[what], on);
}

static bool is_object(enum hak_trace_what what)
{
	return what == HAK_TR_ALLOC || what == HAK_TR_FREE;
}

/* Parameters, or a user who traces hakmem now, may hold the keys, too. */
static int trace_test_init(struct kunit *test)
{
	if (tracing() || slow())
		kunit_skip(test, "somebody else is tracing");
	return hak_test_init(test);
}

/* Every event can be switched on, and closes the fast paths only if it has to. */
static void test_each(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < HAK_NR_TRACE; i++) {
		KUNIT_ASSERT_EQ_MSG(test, event(i, 1), 0, "%s", hak_trace_name[i]);
		KUNIT_EXPECT_TRUE_MSG(test, tracing(), "%s", hak_trace_name[i]);
		KUNIT_EXPECT_EQ_MSG(test, slow(), is_object(i), "%s", hak_trace_name[i]);
		KUNIT_ASSERT_EQ_MSG(test, event(i, 0), 0, "%s", hak_trace_name[i]);
		KUNIT_EXPECT_FALSE_MSG(test, tracing(), "%s", hak_trace_name[i]);
		KUNIT_EXPECT_FALSE_MSG(test, slow(), "%s", hak_trace_name[i]);
	}
}

/* The key that several events need stays on until the last of them is off. */
static void test_together(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, event(HAK_TR_ALLOC, 1), 0);
	KUNIT_ASSERT_EQ(test, event(HAK_TR_FREE, 1), 0);
	KUNIT_ASSERT_EQ(test, event(HAK_TR_PARK, 1), 0);
	KUNIT_ASSERT_EQ(test, event(HAK_TR_ALLOC, 0), 0);
	KUNIT_EXPECT_TRUE(test, slow());
	KUNIT_ASSERT_EQ(test, event(HAK_TR_FREE, 0), 0);
	KUNIT_EXPECT_FALSE(test, slow());
	KUNIT_EXPECT_TRUE(test, tracing());
	KUNIT_ASSERT_EQ(test, event(HAK_TR_PARK, 0), 0);
	KUNIT_EXPECT_FALSE(test, tracing());
}

/*
 * When an event of single objects is switched on, a cache that is ready for the
 * fast paths is closed.
 */
static void test_ready_caches_are_closed(struct kunit *test)
{
	struct hak_cpu_cache *cc;
	unsigned int cpu;

	for (cpu = 0; cpu < 3; cpu++)
		hak_free(hak_alloc(64, GFP_KERNEL));
	KUNIT_ASSERT_EQ(test, event(HAK_TR_ALLOC, 1), 0);
	for_each_online_cpu(cpu) {
		cc = per_cpu_ptr(hak_size_class(64)->cpu, cpu);
		KUNIT_EXPECT_FALSE(test, hak_cpu_is_ready(cc));
	}
	KUNIT_ASSERT_EQ(test, event(HAK_TR_ALLOC, 0), 0);
	migrate_disable();
	hak_free(hak_alloc(64, GFP_KERNEL));
	KUNIT_EXPECT_TRUE(test, hak_cpu_is_ready(raw_cpu_ptr(hak_size_class(64)->cpu)));
	migrate_enable();
}

/* Switch the two events of objects before every fifth operation. */
static void switch_events(struct kunit *test, unsigned int i)
{
	if (i % 5)
		return;
	KUNIT_ASSERT_EQ(test, event(HAK_TR_ALLOC, i / 5 & 1), 0);
	KUNIT_ASSERT_EQ(test, event(HAK_TR_FREE, i / 10 & 1), 0);
}

/*
 * Events may be switched at any time, with or without cached objects. Each of the four
 * states comes five times; meanwhile caches are filled, full, and spilled.
 */
static void test_meanwhile(struct kunit *test)
{
	void *p[100];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(p); i++) {
		switch_events(test, i);
		p[i] = hak_alloc(64, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
	}
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		switch_events(test, i);
		hak_free(p[i]);
	}
	KUNIT_ASSERT_EQ(test, event(HAK_TR_ALLOC, 0), 0);
	KUNIT_ASSERT_EQ(test, event(HAK_TR_FREE, 0), 0);
	KUNIT_EXPECT_FALSE(test, slow());
}

static int use_fast_paths(void *arg, unsigned int id)
{
	const bool *stop = arg;
	unsigned int i;

	while (!READ_ONCE(*stop)) {
		for (i = 0; i < 100; i++)
			hak_free(hak_alloc(64, GFP_KERNEL));
		cond_resched();
	}
	return 0;
}

/* Has a CPU a cache that is open? Its owner leaves it many times meanwhile. */
static bool any_is_open(void)
{
	unsigned int cpu, i;

	for (i = 0; i < 100; i++)
		for_each_online_cpu(cpu)
			if (hak_cpu_is_ready(per_cpu_ptr(hak_size_class(64)->cpu, cpu)))
				return true;
	return false;
}

/*
 * A fast path may be interrupted at any instruction by what closes its cache. It must not
 * leave the cache open then.
 */
static void test_caches_in_use_are_closed(struct kunit *test)
{
	static struct hak_test_gang gang;
	unsigned int i, open = 0;
	bool stop = false;
	int err;

	err = hak_test_gang_start(&gang, 2, use_fast_paths, &stop);
	for (i = 0; !err && i < SWITCHES; i++) {
		err = event(HAK_TR_ALLOC, 1);
		open += any_is_open();
		err = event(HAK_TR_ALLOC, 0) ?: err;
		hak_test_relax();
	}
	WRITE_ONCE(stop, true);
	hak_test_gang_join(&gang);
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, open, 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(test_each),
	KUNIT_CASE(test_together),
	KUNIT_CASE(test_ready_caches_are_closed),
	KUNIT_CASE(test_caches_in_use_are_closed),
	KUNIT_CASE(test_meanwhile),
	{}
};

static struct kunit_suite hak_trace_suite = {
	.name = "hak_trace",
	.init = trace_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};
kunit_test_suites(&hak_trace_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: trace events");
MODULE_LICENSE("GPL");
