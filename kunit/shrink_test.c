// SPDX-License-Identifier: GPL-2.0
/*
 * Giving memory back: what the idle trim may not miss, what the OOM notifier
 * may say, and for whom it waits. Needs a kernel; userspace has none of it.
 */
#include <linux/cpu.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/shrinker.h>

#include "hak_test.h"
#include "hak_test_threads.h"
#include "shrink.h"

/* More than the time for which the notifier remembers, in ms. */
#define LONG_AGO_MS	2500

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

/* Frees alone, into caches that are empty, start the trim as refills do. */
static void trim_misses_no_free(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 64, 0);
	void *obj[8];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(obj); i++) {
		obj[i] = hak_cache_alloc(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, obj[i]);
	}
	while (trim_until_off(test))
		;
	KUNIT_ASSERT_TRUE(test, no_cpu_holds());

	for (i = 0; i < ARRAY_SIZE(obj); i++)
		hak_cache_free(c, obj[i]);
	KUNIT_ASSERT_FALSE(test, no_cpu_holds());
	KUNIT_EXPECT_FALSE(test, READ_ONCE(hak_trim_off));
	while (trim_until_off(test))
		;
	KUNIT_EXPECT_TRUE(test, no_cpu_holds());
}

/* What hakmem holds and nobody uses, at least so many pages. */
static void hold_pages(struct kunit *test, struct hak_cache *c)
{
	enum { NR = 2000 };
	void **obj = kunit_kcalloc(test, NR, sizeof(*obj), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	for (i = 0; i < NR; i++)
		obj[i] = hak_cache_alloc(c, GFP_KERNEL);
	for (i = 0; i < NR; i++)
		hak_cache_free(c, obj[i]);
	KUNIT_ASSERT_GT(test, hak_arena_bytes(), 0ULL);
}

static void notice_tells_what_it_gives_once(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 1024, 0);
	unsigned long pages;

	hak_shrink();
	hak_shrink_for_oom();
	hold_pages(test, c);
	pages = hak_arena_bytes() >> PAGE_SHIFT;
	KUNIT_EXPECT_EQ(test, hak_shrink_for_oom(), pages);
	KUNIT_EXPECT_EQ(test, hak_arena_bytes(), 0ULL);
	KUNIT_EXPECT_EQ(test, hak_shrink_for_oom(), 0UL);
}

/* A task that came for it a moment too late must not be killed for it. */
static void notice_tells_what_just_came_back(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 1024, 0);
	unsigned long pages, told = 0;
	unsigned int i;

	hak_shrink_for_oom();
	/* Unless the test itself is kept from asking in time, every time. */
	for (i = 0; !told && i < 5; i++) {
		hold_pages(test, c);
		pages = hak_arena_bytes() >> PAGE_SHIFT;
		hak_shrink();
		told = hak_shrink_for_oom();
	}
	KUNIT_EXPECT_EQ(test, told, pages);
}

static void notice_forgets_what_came_back_long_ago(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 1024, 0);

	hold_pages(test, c);
	hak_shrink();
	KUNIT_ASSERT_EQ(test, hak_arena_bytes(), 0ULL);
	hak_test_sleep(LONG_AGO_MS);
	KUNIT_EXPECT_EQ(test, hak_shrink_for_oom(), 0UL);

	/* Nor do shrinks that give nothing keep it in mind. */
	hold_pages(test, c);
	hak_shrink();
	for (unsigned int i = 0; i < 5; i++) {
		hak_test_sleep(LONG_AGO_MS / 5);
		hak_shrink();
	}
	KUNIT_EXPECT_EQ(test, hak_shrink_for_oom(), 0UL);
}

/* Pressure alone, which is what the page allocator's asking is, empties caches. */
static void pressure_empties_caches(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 64, 0);
	struct shrink_control sc = { .gfp_mask = GFP_KERNEL };
	unsigned int i;

	hak_superslab_trim(0);
	touch_cache(test, c);
	KUNIT_ASSERT_FALSE(test, no_cpu_holds());
	/* The idle trim is paused. Asked again, as under pressure, it may not come yet. */
	for (i = 0; i < 500 && !no_cpu_holds(); i++) {
		sc.nid = hak_node_near(numa_mem_id());
		hak_superslab_trim(0);
		hak_shrink_count(NULL, &sc);
		hak_test_sleep(10);
	}
	KUNIT_EXPECT_TRUE(test, no_cpu_holds());
}

/* ... and a shrink takes what is in depots, in stock, and beside what is in use. */
static void shrink_takes_all(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 1024, 0);
	struct hak_cpu_cache *a = hak_test_cpu_sending(test, c, 8);
	struct hak_cpu_cache *b = hak_test_cpu_sending(test, c, 8);
	unsigned int i;
	void *obj[9];
	u64 bytes;

	hak_shrink();
	bytes = hak_arena_bytes();
	for (i = 0; i < 9; i++)
		obj[i] = hak_test_alloc(test, c, a);
	hak_cpu_flush(c, a);
	for (i = 0; i < 9; i++)
		hak_test_free(c, b, obj[i]);
	KUNIT_ASSERT_GT(test, hak_magazine_objects(b), 0);
	hak_cpu_flush(c, b);
	hak_shrink();
	/* Slabs that the last free has just made whole are on their way. */
	for (i = 0; i < 100 && hak_arena_bytes() != bytes; i++)
		hak_test_sleep(10);
	KUNIT_EXPECT_EQ(test, hak_arena_bytes(), bytes);

	obj[0] = hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, obj[0]);
	hak_shrink();
	KUNIT_EXPECT_EQ(test, hak_arena_bytes(), bytes + HAK_SLAB_SIZE);
	hak_cache_free(c, obj[0]);
}

struct hog {
	struct hak_cache *c;
	struct completion started;
	bool stop;
};

/* Has something to flush, and lets nobody else have the CPU. */
static int hog_fn(void *arg)
{
	struct hog *h = arg;
	unsigned long end;

	hak_cache_free(h->c, hak_cache_alloc(h->c, GFP_KERNEL));
	preempt_disable();
	/* From here on, or a flush might come first. */
	complete(&h->started);
	end = jiffies + 15 * HZ;
	while (!READ_ONCE(h->stop) && time_before(jiffies, end))
		cpu_relax();
	preempt_enable();
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

/* A CPU that does not answer is waited for once, and then when it has answered. */
static void notice_waits_once(struct kunit *test)
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
	/* It has answered by and by. */
	hak_shrink();
	KUNIT_EXPECT_FALSE(test, hak_cpu_holds(cpu));
	HAK_EXPECT_EVENT(test, HAK_EV_LATE, 1);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(trim_empties_idle_caches),
	KUNIT_CASE(trim_misses_no_refill),
	KUNIT_CASE(trim_misses_no_free),
	KUNIT_CASE(notice_tells_what_it_gives_once),
	KUNIT_CASE(notice_tells_what_just_came_back),
	KUNIT_CASE_SLOW(notice_forgets_what_came_back_long_ago),
	KUNIT_CASE(notice_waits_once),
	KUNIT_CASE(pressure_empties_caches),
	KUNIT_CASE(shrink_takes_all),
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
