// SPDX-License-Identifier: GPL-2.0
/*
 * Giving memory back: the idle trim misses nothing, pressure and shrinks leave nothing, and
 * reclaim learns of it. Needs a kernel.
 */
#include <linux/array_size.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/shrinker.h>
#include <linux/swap.h>
#include <linux/workqueue.h>

#include "hak_test.h"
#include "hak_test_threads.h"
#include "shrink.h"

/* More steps of the trim than there are, also if a CPU does its work late. */
#define STEPS		1500

static bool no_cpu_holds(void)
{
	unsigned int cpu;

	for_each_online_cpu(cpu)
		if (hak_cpu_holds(cpu))
			return false;
	return true;
}

/* Let the trim run until it says that it is off. */
static bool trim_until_off(struct kunit *test)
{
	unsigned int i;
	bool again;

	for (i = 0; i < STEPS; i++) {
		again = hak_trim_step();
		if (READ_ONCE(hak_trim_stopped))
			return again;
		/* Let the CPUs do the work that the last trim asked for. */
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

/* The trim goes on while a CPU may not have done yet what it was asked for. */
static void trim_waits_for_what_it_asked(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 64, 0);

	trim_until_off(test);
	touch_cache(test, c);
	/* This sees a cache at work, and the next one has it emptied. */
	hak_trim_step();
	hak_trim_step();
	KUNIT_EXPECT_FALSE(test, READ_ONCE(hak_trim_stopped));
}

/*
 * A CPU has emptied all its caches because it was asked to. After that the trim has it
 * empty one that is idle, and the CPU keeps what another one holds that it uses.
 */
static void trim_keeps_caches_at_work(struct kunit *test)
{
	struct hak_cache *unused = hak_test_cache_shown(test, 64, 0);
	struct hak_cache *used = hak_test_cache_shown(test, 64, 0);
	struct hak_cpu_cache *cc;
	unsigned int i;

	migrate_disable();
	touch_cache(test, used);
	hak_shrink();
	touch_cache(test, unused);
	hak_trim_step();
	touch_cache(test, used);
	hak_trim_step();
	cc = raw_cpu_ptr(unused->cpu);
	for (i = 0; i < STEPS && !hak_cpu_is_asleep(cc); i++)
		hak_test_sleep(20);
	KUNIT_EXPECT_TRUE(test, hak_cpu_is_asleep(cc));
	/* The CPU goes through its caches in one run, under this mutex. */
	mutex_lock(&hak_cache_mutex);
	cc = raw_cpu_ptr(used->cpu);
	KUNIT_EXPECT_TRUE(test, hak_cpu_is_awake(cc));
	KUNIT_EXPECT_NOT_NULL(test, READ_ONCE(cc->cur));
	mutex_unlock(&hak_cache_mutex);
	migrate_enable();
}

/*
 * A CPU refills, and the trim does not see that yet. The CPU does not see yet
 * either that the trim is off, so it does not start the trim. The trim must find
 * the CPU's objects all the same.
 */
static void trim_misses_no_refill(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 64, 0);
	unsigned int i;
	bool again;

	touch_cache(test, c);
	again = trim_until_off(test);
	KUNIT_ASSERT_TRUE(test, no_cpu_holds());

	/*
	 * As if both had happened before the trim checked, and become visible
	 * after it.
	 */
	WRITE_ONCE(hak_trim_stopped, 0);
	touch_cache(test, c);
	WRITE_ONCE(hak_trim_stopped, 1);
	KUNIT_ASSERT_FALSE(test, no_cpu_holds());

	for (i = 0; again && i < STEPS; i++) {
		again = hak_trim_step();
		hak_test_sleep(20);
	}
	KUNIT_EXPECT_FALSE(test, again);
	KUNIT_EXPECT_TRUE(test, no_cpu_holds());
}

/* Frees into empty caches start the trim as refills do. */
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
	KUNIT_EXPECT_FALSE(test, READ_ONCE(hak_trim_stopped));
	while (trim_until_off(test))
		;
	KUNIT_EXPECT_TRUE(test, no_cpu_holds());
}

/*
 * Pressure alone empties caches. Pressure means that the page allocator asks the
 * shrinker.
 */
static void pressure_empties_caches(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 64, 0);
	struct shrink_control sc = { .gfp_mask = GFP_KERNEL };
	void *p = hak_cache_alloc(c, GFP_KERNEL);
	struct hak_stats before, after;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, p);
	hak_superslab_trim(0);
	touch_cache(test, c);
	KUNIT_ASSERT_FALSE(test, no_cpu_holds());
	hak_stats_read(&before);
	/*
	 * The idle trim is paused. Ask again, as under pressure, since the shrink
	 * may not come at once.
	 */
	for (i = 0; i < 500 && !no_cpu_holds(); i++) {
		sc.nid = hak_node_near(numa_mem_id());
		hak_superslab_trim(0);
		hak_shrink_count(NULL, &sc);
		hak_test_sleep(10);
	}
	KUNIT_EXPECT_TRUE(test, no_cpu_holds());
	/* The largest blocks that are in use stay whole. */
	hak_stats_read(&after);
	KUNIT_EXPECT_EQ(test, after.broken, before.broken);
	hak_cache_free(c, p);
}

/* If it asks again within a second, it does not have the caches emptied again. */
static void pressure_empties_caches_once_a_second(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 64, 0);
	struct shrink_control sc = { .nid = hak_node_near(numa_mem_id()) };
	unsigned long begin = jiffies, until;
	unsigned int i;

	/* Until it does so anew. */
	for (i = 0; i < 500; i++) {
		begin = jiffies;
		touch_cache(test, c);
		hak_superslab_trim(0);
		hak_shrink_count(NULL, &sc);
		hak_test_sleep(10);
		if (no_cpu_holds())
			break;
	}
	KUNIT_ASSERT_TRUE(test, no_cpu_holds());
	touch_cache(test, c);
	for (until = jiffies + HZ / 4; time_before(jiffies, until);) {
		hak_superslab_trim(0);
		hak_shrink_count(NULL, &sc);
		hak_test_sleep(10);
	}
	if (time_after(jiffies, begin + HZ / 2))
		kunit_skip(test, "the machine is too slow");
	KUNIT_EXPECT_FALSE(test, no_cpu_holds());
}

/* A shrink does not wake CPUs that hold nothing. */
static void shrink_leaves_cpus_without_objects(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 64, 0);
	unsigned int *before, cpu, here;

	before = kunit_kcalloc(test, nr_cpu_ids, sizeof(*before), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, before);
	hak_shrink();
	KUNIT_ASSERT_TRUE(test, no_cpu_holds());
	for_each_possible_cpu(cpu)
		before[cpu] = hak_flushes_asked(cpu);
	hak_shrink();
	for_each_possible_cpu(cpu)
		KUNIT_EXPECT_EQ(test, hak_flushes_asked(cpu), before[cpu]);

	migrate_disable();
	here = raw_smp_processor_id();
	touch_cache(test, c);
	hak_shrink();
	migrate_enable();
	for_each_possible_cpu(cpu) {
		if (cpu == here)
			KUNIT_EXPECT_NE(test, hak_flushes_asked(cpu), before[cpu]);
		else
			KUNIT_EXPECT_EQ(test, hak_flushes_asked(cpu), before[cpu]);
	}
	KUNIT_EXPECT_TRUE(test, no_cpu_holds());
}

/* A task that reclaims memory learns how many pages the shrinker has freed. */
static void reclaim_learns_of_pages(struct kunit *test)
{
	struct reclaim_state *was = current->reclaim_state;
	struct reclaim_state rs = { };
	unsigned long freed;

	KUNIT_ASSERT_GE(test, hak_superslab_grow(first_memory_node, GFP_KERNEL), 0);
	current->reclaim_state = &rs;
	freed = hak_superslab_shrink(first_memory_node, 1);
	current->reclaim_state = was;
	KUNIT_EXPECT_GT(test, freed, 0UL);
	KUNIT_EXPECT_EQ(test, rs.reclaimed, freed);
}

/* A scan frees an empty superslab, and says when there is none, so that reclaim goes on. */
static void scan_says_that_nothing_is_left(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 1024, 0);
	struct shrink_control sc = { .gfp_mask = GFP_KERNEL, .nr_to_scan = 1 };
	struct hak_slab *s;
	unsigned long pages;

	hak_shrink();
	s = hak_test_slab(test, c);
	sc.nid = s->nid;
	pages = 1UL << s->ss->order;
	KUNIT_EXPECT_EQ(test, hak_shrink_scan(NULL, &sc), SHRINK_STOP);
	hak_slab_release(s);
	KUNIT_EXPECT_EQ(test, hak_shrink_scan(NULL, &sc), pages);
	KUNIT_EXPECT_EQ(test, hak_shrink_scan(NULL, &sc), SHRINK_STOP);
}

/*
 * A shrink gives back the objects in depots, the stock, and the unused slots of
 * superslabs in use.
 */
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
	/* Slabs that the last free has just made whole are still on their way. */
	for (i = 0; i < 100 && hak_arena_bytes() != bytes; i++)
		hak_test_sleep(10);
	KUNIT_EXPECT_EQ(test, hak_arena_bytes(), bytes);

	obj[0] = hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, obj[0]);
	hak_shrink();
	KUNIT_EXPECT_EQ(test, hak_arena_bytes(), bytes + HAK_SLAB_SIZE);
	hak_cache_free(c, obj[0]);
}

struct turner {
	struct hak_cache *c;
	unsigned int turned;	/* slabs that went into limbo in time */
	bool stop;
	bool gave_up;
};

/* Put a slab into limbo. False if a grace period began meanwhile, or there is no slab. */
static bool turn_over(struct turner *t)
{
	int nid = hak_node_near(numa_mem_id());
	struct hak_slab *s = hak_superslab_claim(t->c, nid);
	bool in_time;

	if (!s) {
		hak_superslab_grow(nid, GFP_KERNEL);
		return false;
	}
	mutex_lock(&hak_cache_mutex);
	hak_limbo_put(s);
	in_time = s->grace == get_state_synchronize_rcu();
	mutex_unlock(&hak_cache_mutex);
	return in_time;
}

/* Act like CPUs that turn over slabs of a SLAB_TYPESAFE_BY_RCU cache. */
static int turner_fn(void *arg)
{
	struct turner *t = arg;
	unsigned long end = jiffies + 20 * HZ;

	while (!READ_ONCE(t->stop)) {
		if (turn_over(t))
			WRITE_ONCE(t->turned, t->turned + 1);
		if (time_after(jiffies, end)) {
			WRITE_ONCE(t->gave_up, true);
			break;
		}
		usleep_range(2000, 3000);
	}
	WRITE_ONCE(t->stop, true);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

/*
 * No grace period ends before a slab has gone into limbo since it began. So there is
 * always one there whose own grace period has not passed.
 */
static int reader_fn(void *arg)
{
	struct turner *t = arg;
	unsigned int turned;

	while (!READ_ONCE(t->stop)) {
		rcu_read_lock();
		turned = READ_ONCE(t->turned);
		while (READ_ONCE(t->turned) == turned && !READ_ONCE(t->stop))
			cpu_relax();
		rcu_read_unlock();
		cond_resched();
	}
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

/* A shrink waits for the slabs that are in limbo when it begins, and for no others. */
static void shrink_ends_while_slabs_turn_over(struct kunit *test)
{
	struct turner *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct task_struct *turner, *reader;
	bool gave_up;

	KUNIT_ASSERT_NOT_NULL(test, t);
	if (num_online_cpus() < 3)
		kunit_skip(test, "needs three CPUs");
	t->c = hak_test_cache_args(test, 4096, NULL, SLAB_TYPESAFE_BY_RCU);
	turner = kthread_run(turner_fn, t, "hak_turner");
	KUNIT_ASSERT_FALSE(test, IS_ERR(turner));
	reader = kthread_run(reader_fn, t, "hak_reader");
	while (!READ_ONCE(t->turned) && !READ_ONCE(t->stop))
		hak_test_sleep(1);
	hak_shrink();
	gave_up = READ_ONCE(t->gave_up);
	WRITE_ONCE(t->stop, true);
	kthread_stop(turner);
	KUNIT_ASSERT_FALSE(test, IS_ERR(reader));
	kthread_stop(reader);
	KUNIT_EXPECT_FALSE(test, gave_up);
}

/* When it returns, the slabs that were in limbo have been released. */
static void drain_releases_all(struct kunit *test)
{
	struct hak_slab *s[4];
	struct hak_cache *c;
	unsigned int i;

	c = hak_test_cache_args(test, 4096, NULL, SLAB_TYPESAFE_BY_RCU);
	for (i = 0; i < ARRAY_SIZE(s); i++)
		s[i] = hak_test_slab(test, c);
	mutex_lock(&hak_cache_mutex);
	for (i = 0; i < ARRAY_SIZE(s); i++)
		hak_limbo_put(s[i]);
	mutex_unlock(&hak_cache_mutex);
	hak_limbo_drain_all();
	for (i = 0; i < ARRAY_SIZE(s); i++)
		KUNIT_EXPECT_NULL(test, hak_test_slab_of((void *)s[i]->addr));
}

/**
 * struct sent - objects that one CPU allocates and another frees
 * @c: their cache
 * @obj: the objects
 */
struct sent {
	struct hak_cache *c;
	void *obj[1000];
};

static long alloc_job(void *arg)
{
	struct sent *s = arg;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(s->obj); i++)
		s->obj[i] = hak_cache_alloc(s->c, GFP_KERNEL);
	return 0;
}

static long free_job(void *arg)
{
	struct sent *s = arg;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(s->obj); i++)
		hak_cache_free(s->c, s->obj[i]);
	return 0;
}

/* Slabs whose last free objects were in a depot are released when it returns, too. */
static void nothing_is_left_in_limbo(struct kunit *test)
{
	struct sent *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	struct hak_class_stats cs;

	KUNIT_ASSERT_NOT_NULL(test, s);
	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
	s->c = hak_test_cache_args(test, 64, NULL, SLAB_TYPESAFE_BY_RCU);
	work_on_cpu(hak_test_nth_cpu(0), alloc_job, s);
	work_on_cpu(hak_test_nth_cpu(1), free_job, s);
	hak_shrink();
	hak_class_stats_read(s->c, &cs);
	KUNIT_EXPECT_EQ(test, cs.slabs, 0UL);
}

/* A shrink does that twice, but an OOM notice once. */
static void oom_notice_empties_depots(struct kunit *test)
{
	struct sent *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	struct hak_class_stats cs;

	KUNIT_ASSERT_NOT_NULL(test, s);
	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
	s->c = hak_test_cache_shown(test, 64, 0);
	work_on_cpu(hak_test_nth_cpu(0), alloc_job, s);
	work_on_cpu(hak_test_nth_cpu(1), free_job, s);
	hak_class_stats_read(s->c, &cs);
	KUNIT_ASSERT_GT(test, cs.depot, 0UL);
	hak_shrink_for_oom();
	hak_class_stats_read(s->c, &cs);
	KUNIT_EXPECT_EQ(test, cs.depot, 0UL);
}

/* With init_on_alloc the page allocator clears what a caller that may not sleep gets. */
static void atomic_gets_one_slab_if_cleared(struct kunit *test)
{
	struct hak_cache *c;
	void *p;

	if (!want_init_on_alloc(0) || want_init_on_free())
		kunit_skip(test, "pages are not cleared as they are allocated");
	c = hak_test_cache_args(test, 64, NULL, 0);
	hak_shrink();
	p = hak_cache_alloc(c, GFP_ATOMIC);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_NOT_NULL(test, hak_test_slab_of(p));
	KUNIT_EXPECT_EQ(test, hak_test_slab_of(p)->ss->order, HAK_MIN_ORDER);
	hak_cache_free(c, p);
}

/* Others get a large superslab, if the node has a block of that size. */
static void others_get_a_large_one(struct kunit *test)
{
	bool cleared = want_init_on_alloc(0) && !want_init_on_free();
	struct hak_cache *c = hak_test_cache_args(test, 64, NULL, 0);
	struct page *page;
	void *p;

	hak_shrink();
	migrate_disable();
	page = alloc_pages_node(numa_mem_id(), GFP_KERNEL | __GFP_THISNODE | __GFP_NOWARN,
				HAK_MAX_ORDER);
	if (page)
		__free_pages(page, HAK_MAX_ORDER);
	p = hak_cache_alloc(c, cleared ? GFP_KERNEL : GFP_ATOMIC);
	migrate_enable();
	if (page && p && hak_owns(p))
		KUNIT_EXPECT_EQ(test, hak_test_slab_of(p)->ss->order, HAK_MAX_ORDER);
	hak_cache_free(c, p);
	if (!page)
		kunit_skip(test, "memory is fragmented");
}

/* With paranoid_drain lost slabs are looked for after the reaper has run. */
static void lost_slabs_are_looked_for(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 1024, 0);
	struct hak_slab *s = hak_test_slab(test, c);
	unsigned int paranoid = hak_paranoid_drain, ms;
	void *p;

	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, &p, 1), 1);
	hak_pool_put(s, HAK_OWNED);
	/* The slab is whole by its counts, and not in the reaper's queue. */
	WRITE_ONCE(s->taken, 0);
	hak_paranoid_drain = 1;
	hak_pool_put(hak_test_slab(test, c), HAK_OWNED);
	for (ms = 0; ms < 10000 && !hak_test_event(test, HAK_EV_CORRUPT); ms += 10)
		hak_test_sleep(10);
	hak_paranoid_drain = paranoid;
	WRITE_ONCE(s->taken, 1);
	/* A scan looks three times, so the next one has not found the slab yet. */
	HAK_EXPECT_EVENT(test, HAK_EV_CORRUPT, 1);
	hak_test_provoke(test, HAK_EV_CORRUPT, 1);
	hak_test_push(s, p);
}

/**
 * struct reclaimer - a work item that shrinks a cache
 * @work: the work item
 * @c: the cache
 * @left: what hak_cache_shrink() returned
 */
struct reclaimer {
	struct work_struct work;
	struct hak_cache *c;
	int left;
};

static void reclaim_run(struct work_struct *work)
{
	struct reclaimer *r = container_of(work, struct reclaimer, work);

	r->left = hak_cache_shrink(r->c);
}

/*
 * A worker that others wait for when they need memory shrinks a cache. If it waited for a
 * work item of another sort of queue, the kernel would warn.
 */
static void reclaiming_worker_may_shrink(struct kunit *test)
{
	struct reclaimer *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	struct workqueue_struct *wq;
	struct sent *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, r);
	KUNIT_ASSERT_NOT_NULL(test, s);
	s->c = hak_test_cache_shown(test, 64, 0);
	r->c = s->c;
	r->left = -1;
	INIT_WORK(&r->work, reclaim_run);
	wq = alloc_workqueue("hak_reclaim", WQ_MEM_RECLAIM | HAK_WQ_PERCPU, 0);
	KUNIT_ASSERT_NOT_NULL(test, wq);
	/* Each CPU has objects to give back. */
	work_on_cpu(hak_test_nth_cpu(0), alloc_job, s);
	work_on_cpu(hak_test_nth_cpu(1), free_job, s);
	queue_work(wq, &r->work);
	flush_work(&r->work);
	destroy_workqueue(wq);
	KUNIT_EXPECT_EQ(test, r->left, 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(trim_empties_idle_caches),
	KUNIT_CASE(trim_waits_for_what_it_asked),
	KUNIT_CASE(trim_keeps_caches_at_work),
	KUNIT_CASE(trim_misses_no_refill),
	KUNIT_CASE(trim_misses_no_free),
	KUNIT_CASE(pressure_empties_caches),
	KUNIT_CASE(pressure_empties_caches_once_a_second),
	KUNIT_CASE(shrink_leaves_cpus_without_objects),
	KUNIT_CASE(reclaim_learns_of_pages),
	KUNIT_CASE(scan_says_that_nothing_is_left),
	KUNIT_CASE(shrink_takes_all),
	KUNIT_CASE(shrink_ends_while_slabs_turn_over),
	KUNIT_CASE(drain_releases_all),
	KUNIT_CASE(nothing_is_left_in_limbo),
	KUNIT_CASE(oom_notice_empties_depots),
	KUNIT_CASE(atomic_gets_one_slab_if_cleared),
	KUNIT_CASE(others_get_a_large_one),
	KUNIT_CASE(lost_slabs_are_looked_for),
	KUNIT_CASE(reclaiming_worker_may_shrink),
	{}
};

static struct kunit_suite hak_shrink_suite = {
	.name = "hak_shrink",
	.init = hak_test_init_cached,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_shrink_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: giving memory back");
MODULE_LICENSE("GPL");
