// SPDX-License-Identifier: GPL-2.0
/*
 * The OOM notifier reports the right number of pages, comes to an end, and waits for CPUs as
 * it should. Needs a kernel; userspace has no notifier.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/notifier.h>
#include <linux/sched.h>

#include "hak_test.h"
#include "hak_test_threads.h"
#include "shrink.h"

/* Longer than the time over which the notifier reports, in ms. */
#define LONG_AGO_MS	2500

/* Make hakmem hold the unused pages of @n objects of 1 KiB. */
static void hold_pages(struct kunit *test, struct hak_cache *c, unsigned int n)
{
	void **obj = kunit_kcalloc(test, n, sizeof(*obj), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	for (i = 0; i < n; i++)
		obj[i] = hak_cache_alloc(c, GFP_KERNEL);
	for (i = 0; i < n; i++)
		hak_cache_free(c, obj[i]);
	KUNIT_ASSERT_GT(test, hak_arena_bytes(), 0ULL);
}

/* If a CPU is late, the next notice gives back more, and that counts as progress. */
static void skip_if_late(struct kunit *test, unsigned long before)
{
	if (hak_test_event(test, HAK_EV_LATE) != before)
		kunit_skip(test, "a CPU did not answer in time");
}

/* The reaper may run meanwhile, and what it gives back does not count. So this tries again. */
static void oom_notice_reports_pages_once(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 1024, 0);
	unsigned long late = hak_test_event(test, HAK_EV_LATE), pages = 1, told = 0;
	unsigned int i;

	for (i = 0; told != pages && i < 5; i++) {
		hak_shrink();
		hak_shrink_for_oom();
		hold_pages(test, c, 2000);
		pages = hak_arena_bytes() >> PAGE_SHIFT;
		told = hak_shrink_for_oom();
	}
	skip_if_late(test, late);
	KUNIT_EXPECT_EQ(test, told, pages);
	KUNIT_EXPECT_EQ(test, hak_arena_bytes(), 0ULL);
	KUNIT_EXPECT_EQ(test, hak_shrink_for_oom(), 0UL);
}

/* Others have given back pages in the same notice, and these still count. */
static void oom_notice_adds_its_pages(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 1024, 0);
	unsigned long late = hak_test_event(test, HAK_EV_LATE), freed = 0, pages = 0;
	unsigned int i;

	for (i = 0; freed != 1000 + pages && i < 5; i++) {
		hak_shrink();
		hak_shrink_for_oom();
		hold_pages(test, c, 2000);
		pages = hak_arena_bytes() >> PAGE_SHIFT;
		freed = 1000;
		KUNIT_EXPECT_EQ(test, hak_oom_notify(NULL, 0, &freed), NOTIFY_OK);
	}
	skip_if_late(test, late);
	KUNIT_EXPECT_EQ(test, freed, 1000 + pages);
}

/*
 * If memory has just come back, a task that asks a moment later must not be
 * killed.
 */
static void oom_notice_reports_returned_pages(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 1024, 0);
	unsigned long told = 0;
	unsigned int i;
	u64 before;

	/* Try again if the test itself could not ask in time. */
	for (i = 0; !told && i < 5; i++) {
		hak_shrink_for_oom();
		/* More than a superslab, because the reaper keeps one that is empty. */
		hold_pages(test, c, 5000);
		before = hak_arena_returned();
		hak_shrink();
		told = hak_shrink_for_oom();
	}
	KUNIT_EXPECT_GT(test, told, 0UL);
	KUNIT_EXPECT_EQ(test, (u64)told << PAGE_SHIFT, hak_arena_returned() - before);
}

static int shrink_fn(void *unused)
{
	while (!kthread_should_stop()) {
		hak_shrink();
		cond_resched();
	}
	return 0;
}

/* Shrinks of two tasks overlap. */
static void oom_notices_report_a_page_once(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 1024, 0);
	struct task_struct *task;
	unsigned int i;
	u64 before, told = 0;

	hak_shrink();
	hak_shrink_for_oom();
	before = hak_arena_returned();
	task = kthread_run(shrink_fn, NULL, "hak_shrink");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	for (i = 0; i < 30; i++) {
		void *p = hak_cache_alloc(c, GFP_KERNEL);

		hak_cache_free(c, p);
		told += hak_shrink_for_oom();
	}
	kthread_stop(task);
	told += hak_shrink_for_oom();
	KUNIT_EXPECT_GT(test, told, 0ULL);
	KUNIT_EXPECT_LE(test, told << PAGE_SHIFT, hak_arena_returned() - before);
}

/*
 * Each notice follows an allocation and a free, so it finds something to give back. All is
 * on one node, on whichever CPU the test runs, because notices of each node are limited.
 */
static unsigned int notices_that_report(struct kunit *test, struct hak_cache *c,
					unsigned int n)
{
	unsigned int i, told = 0;
	void *p;

	for (i = 0; i < n; i++) {
		p = hak_cache_alloc_node(c, GFP_KERNEL | __GFP_THISNODE,
					 first_memory_node);
		KUNIT_EXPECT_NOT_NULL(test, p);
		hak_cache_free(c, p);
		if (hak_shrink_for_oom())
			told++;
	}
	return told;
}

/*
 * What comes back is taken again, and the page allocator asks again and again. Then a
 * task has to be killed. If no task has asked for long, the next is believed again.
 */
static void oom_notices_come_to_an_end(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 64, 0);
	unsigned long late = hak_test_event(test, HAK_EV_LATE);
	unsigned int first, soon, later, last;

	hak_shrink();
	first = notices_that_report(test, c, 50);
	hak_oom_age(HAK_OOM_SERIES_MS / 2);
	soon = notices_that_report(test, c, 1);
	hak_oom_age(HAK_OOM_SERIES_MS / 2);
	later = notices_that_report(test, c, 1);
	hak_oom_age(HAK_OOM_SERIES_MS);
	last = notices_that_report(test, c, 50);
	skip_if_late(test, late);
	/* The first notice of a series makes progress, and the others do not. */
	KUNIT_EXPECT_EQ(test, first, 1 + HAK_OOM_AGAIN);
	KUNIT_EXPECT_EQ(test, soon, 0);
	KUNIT_EXPECT_EQ(test, later, 0);
	KUNIT_EXPECT_EQ(test, last, 1 + HAK_OOM_AGAIN);
}

/* Notices that leave hakmem with less than ever before report pages, however many come. */
static void oom_notices_report_progress(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 1024, 0);
	struct hak_cache *other = hak_test_cache_shown(test, 64, 0);
	void **obj = kunit_kcalloc(test, 2000, sizeof(*obj), GFP_KERNEL);
	unsigned long late = hak_test_event(test, HAK_EV_LATE);
	unsigned int i, first, last, told = 0;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	hak_shrink();
	for (i = 0; i < 2000; i++)
		obj[i] = hak_cache_alloc(c, GFP_KERNEL);
	first = notices_that_report(test, other, 50);
	for (i = 0; i < 2000; i++) {
		hak_cache_free(c, obj[i]);
		if (i % 200 == 199 && hak_shrink_for_oom())
			told++;
	}
	last = notices_that_report(test, other, 1);
	skip_if_late(test, late);
	KUNIT_EXPECT_EQ(test, first, 1 + HAK_OOM_AGAIN);
	KUNIT_EXPECT_EQ(test, told, 10);
	KUNIT_EXPECT_EQ(test, last, 0);
}

static void oom_notice_forgets_old_pages(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 1024, 0);

	hold_pages(test, c, 2000);
	hak_shrink();
	KUNIT_ASSERT_EQ(test, hak_arena_bytes(), 0ULL);
	hak_test_sleep(LONG_AGO_MS);
	KUNIT_EXPECT_EQ(test, hak_shrink_for_oom(), 0UL);

	/* Shrinks that give nothing do not prolong that time. */
	hold_pages(test, c, 2000);
	hak_shrink();
	for (unsigned int i = 0; i < 5; i++) {
		hak_test_sleep(LONG_AGO_MS / 5);
		hak_shrink();
	}
	KUNIT_EXPECT_EQ(test, hak_shrink_for_oom(), 0UL);
}

/*
 * What comes back while no shrink counts is not added later, when it is old. hak_shrink() counts
 * twice, one time within the other, and both have to come to an end.
 */
static void oom_notice_counts_only_during_shrinks(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 1024, 0);

	hak_shrink();
	hak_shrink_for_oom();
	hold_pages(test, c, 2000);
	KUNIT_EXPECT_EQ(test, hak_cache_shrink(c), 0);
	hak_limbo_drain_all();
	hak_superslab_trim(0);
	hak_superslab_break();
	KUNIT_ASSERT_EQ(test, hak_arena_bytes(), 0ULL);
	hak_test_sleep(LONG_AGO_MS);
	KUNIT_EXPECT_EQ(test, hak_shrink_for_oom(), 0UL);
}

struct hog {
	struct hak_cache *c;
	struct completion started;
	bool stop;
};

/* Leave an object to flush, and do not yield the CPU. */
static int hog_fn(void *arg)
{
	struct hog *h = arg;
	unsigned long end;

	hak_cache_free(h->c, hak_cache_alloc(h->c, GFP_KERNEL));
	preempt_disable();
	/* Only now, because a flush might come first otherwise. */
	complete(&h->started);
	end = jiffies + 15 * HZ;
	while (!READ_ONCE(h->stop) && time_before(jiffies, end))
		cpu_relax();
	preempt_enable();
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

/*
 * The notifier waits for a CPU that does not answer once, and again after it has
 * answered.
 */
static void oom_notice_waits_once(struct kunit *test)
{
	struct hog *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);
	struct hak_cache *c = hak_test_cache_shown(test, 64, 0);
	struct task_struct *task;
	unsigned int cpu;

	KUNIT_ASSERT_NOT_NULL(test, h);
	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
	hak_shrink();
	migrate_disable();
	cpu = hak_test_nth_cpu(0);
	if (cpu == smp_processor_id())
		cpu = hak_test_nth_cpu(1);
	h->c = c;
	init_completion(&h->started);
	task = kthread_create(hog_fn, h, "hak_hog");
	if (!IS_ERR(task)) {
		kthread_bind(task, cpu);
		wake_up_process(task);
		wait_for_completion(&h->started);

		hak_shrink_for_oom();
		HAK_EXPECT_EVENT(test, HAK_EV_LATE, 1);
		hak_shrink_for_oom();
		hak_shrink_for_oom();
		HAK_EXPECT_EVENT(test, HAK_EV_LATE, 1);
		KUNIT_EXPECT_TRUE(test, hak_cpu_holds(cpu));
		WRITE_ONCE(h->stop, true);
		kthread_stop(task);
	}
	migrate_enable();
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	/* In the end the CPU has answered. */
	hak_shrink();
	KUNIT_EXPECT_FALSE(test, hak_cpu_holds(cpu));
	HAK_EXPECT_EVENT(test, HAK_EV_LATE, 1);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(oom_notice_reports_pages_once),
	KUNIT_CASE(oom_notice_adds_its_pages),
	KUNIT_CASE(oom_notice_reports_returned_pages),
	KUNIT_CASE(oom_notices_report_a_page_once),
	KUNIT_CASE(oom_notices_come_to_an_end),
	KUNIT_CASE(oom_notices_report_progress),
	KUNIT_CASE_SLOW(oom_notice_forgets_old_pages),
	KUNIT_CASE_SLOW(oom_notice_counts_only_during_shrinks),
	KUNIT_CASE(oom_notice_waits_once),
	{}
};

static int oom_test_init(struct kunit *test)
{
	/* The notices of other tests are over. */
	hak_oom_age(HAK_OOM_SERIES_MS);
	return hak_test_init_cached(test);
}

static struct kunit_suite hak_oom_suite = {
	.name = "hak_oom",
	.init = oom_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_oom_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: OOM notices");
MODULE_LICENSE("GPL");
