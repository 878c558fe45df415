// SPDX-License-Identifier: GPL-2.0
/*
 * Nothing may get lost, and if it does hakmem has to notice: slabs that no CPU
 * can find, notices to the reaper, and objects whose slab was released while they
 * were live.
 */
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "hak_test.h"
#include "hak_test_threads.h"

#define FULL	16	/* capacity of the slabs used here */
#define SIZE	(HAK_SLAB_SIZE / FULL)

static bool is_queued(struct hak_slab *s)
{
	return atomic_read(&s->rc) & HAK_REAP_QUEUED;
}

/* How often is @s in the reaper's queue? It checks a bounded number of entries. */
static unsigned int times_queued(struct hak_slab *s)
{
	struct llist_node *n = READ_ONCE(hak_reap_queue.first);
	unsigned int i, times = 0;

	for (i = 0; n && i < 10000; i++, n = READ_ONCE(n->next))
		times += n == &s->reap_link;
	return times;
}

/* A slab that is adopted and put back before the reaper runs is in its queue once. */
static void a_slab_is_queued_once(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, SIZE, 0);
	struct hak_slab *s = hak_test_slab(test, c), *again;
	unsigned int i, times;

	/* Keeps the reaper out. */
	mutex_lock(&hak_cache_mutex);
	preempt_disable();
	hak_pool_put(s, HAK_OWNED);
	for (i = 0; i < 3; i++) {
		again = hak_pool_adopt(c, s->nid);
		if (again)
			hak_pool_put(again, HAK_OWNED);
	}
	preempt_enable();
	times = times_queued(s);
	if (times != 1) {
		/* A walk over such a list would not end. */
		init_llist_head(&hak_reap_queue);
		atomic_andnot(HAK_REAP_QUEUED, &s->rc);
	}
	mutex_unlock(&hak_cache_mutex);
	KUNIT_EXPECT_EQ(test, times, 1);
}

/* A slab that is parked while it is in the queue keeps its mark. */
static void the_mark_survives_a_park(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, SIZE, 0);
	struct hak_slab *s = hak_test_slab(test, c), *again;
	bool owned, taken, parked, queued;
	void *obj[FULL];
	unsigned int i;

	mutex_lock(&hak_cache_mutex);
	preempt_disable();
	hak_pool_put(s, HAK_OWNED);
	again = hak_pool_adopt(c, s->nid);
	owned = again == s;
	taken = hak_slab_take(c, s, obj, FULL) == FULL;
	parked = hak_slab_park(s);
	queued = is_queued(s);
	/*
	 * Otherwise the next free would put it into the queue twice, and the queue
	 * would have no end.
	 */
	if (!queued)
		init_llist_head(&hak_reap_queue);
	preempt_enable();
	mutex_unlock(&hak_cache_mutex);
	KUNIT_EXPECT_TRUE(test, owned);
	KUNIT_ASSERT_TRUE(test, taken);
	KUNIT_EXPECT_TRUE(test, parked);
	KUNIT_EXPECT_TRUE(test, queued);
	for (i = 0; i < FULL; i++)
		hak_test_push(s, obj[i]);
}

/* A CPU is about to put the slab into the queue, so its metadata has to stay. */
static void a_marked_slab_is_not_released(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_slab *s = hak_test_slab(test, c);
	void *p;

	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, &p, 1), 1);
	hak_pool_put(s, HAK_OWNED);
	/* As if the pusher had just set the mark. */
	atomic_or(HAK_REAP_QUEUED, &s->rc);
	hak_test_push(s, p);
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), 0);
	KUNIT_EXPECT_EQ(test, hak_test_state(s), HAK_POOLED);
	atomic_andnot(HAK_REAP_QUEUED, &s->rc);
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), 1);
}

/*
 * Slabs of an unlisted cache are not reaped either: its creator or destroyer uses
 * them. The reaper drops them from its queue, so the scan does not take them for lost.
 */
static void an_unlisted_cache_is_not_reaped(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_slab *s = hak_test_slab(test, c);

	hak_pool_put(s, HAK_OWNED);
	mutex_lock(&hak_cache_mutex);
	hak_pool_take_queue();
	hak_pool_reap_taken(1000, NULL);
	mutex_unlock(&hak_cache_mutex);
	KUNIT_EXPECT_EQ(test, hak_test_state(s), HAK_POOLED);
	KUNIT_EXPECT_EQ(test, hak_paranoid_scan(), 0UL);
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), 1);
}

/* Only slabs of the pool that is reaped are counted. */
static void only_slabs_of_the_pool_are_counted(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, SIZE, 0);
	struct hak_cache *d = hak_test_cache_shown(test, 2 * SIZE, 0);
	struct hak_slab *s = hak_test_slab(test, c), *t = hak_test_slab(test, d);
	unsigned int reaped;

	mutex_lock(&hak_cache_mutex);
	preempt_disable();
	hak_pool_put(s, HAK_OWNED);
	hak_pool_put(t, HAK_OWNED);
	preempt_enable();
	reaped = hak_pool_reap(c->pool[s->nid]);
	mutex_unlock(&hak_cache_mutex);
	KUNIT_EXPECT_EQ(test, reaped, 1);
}

static bool all_released(unsigned long *addr, unsigned int n)
{
	while (n--)
		if (hak_test_slab_of((void *)addr[n]))
			return false;
	return true;
}

/* More slabs than the reaper takes each time it holds the mutex. */
static void the_reaper_releases_all(struct kunit *test)
{
	enum { NR = 150 };
	struct hak_cache *c = hak_test_cache_shown(test, SIZE, 0);
	unsigned long *addr = kunit_kcalloc(test, NR, sizeof(*addr), GFP_KERNEL);
	struct hak_slab **s = kunit_kcalloc(test, NR, sizeof(*s), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, addr);
	KUNIT_ASSERT_NOT_NULL(test, s);
	for (i = 0; i < NR; i++) {
		s[i] = hak_test_slab(test, c);
		addr[i] = s[i]->addr;
	}
	mutex_lock(&hak_cache_mutex);
	for (i = 0; i < NR; i++)
		hak_pool_put(s[i], HAK_OWNED);
	mutex_unlock(&hak_cache_mutex);
	for (i = 0; i < 500 && !all_released(addr, NR); i++)
		hak_test_sleep(10);
	KUNIT_EXPECT_TRUE(test, all_released(addr, NR));
}

struct order {
	struct delayed_work work;
	unsigned long addr;
	bool ran;
	bool released;
};

static void look_at_order(struct work_struct *work)
{
	struct order *o = container_of(work, struct order, work.work);

	o->released = !hak_test_slab_of((void *)o->addr);
	WRITE_ONCE(o->ran, true);
}

/*
 * A whole slab is released long before the idle trim runs. No time is measured:
 * the reaper is asked first, and is done before work that is due at 900 ms.
 */
static void the_reaper_runs_before_the_trim(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, SIZE, 0);
	struct hak_slab *s = hak_test_slab(test, c);
	struct order *o = kunit_kzalloc(test, sizeof(*o), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, o);
	INIT_DELAYED_WORK(&o->work, look_at_order);
	o->addr = s->addr;
	/* Both timers are this CPU's, so that they fire in their order, however late. */
	migrate_disable();
	hak_pool_put(s, HAK_OWNED);
	hak_test_sleep(1);
	queue_delayed_work(hak_unbound_wq, &o->work,
			   msecs_to_jiffies(900));
	migrate_enable();
	while (!READ_ONCE(o->ran))
		hak_test_sleep(10);
	cancel_delayed_work_sync(&o->work);
	KUNIT_EXPECT_TRUE(test, o->released);
}

/* The lists of a released slab are empty for the next owner. */
static void reused_slot_has_empty_lists(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_slab *s = hak_test_slab(test, c), *t;
	void *obj[3];

	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, obj, 3), 3);
	hak_test_push(s, obj[0]);
	KUNIT_ASSERT_TRUE(test, hak_slab_drain(c, s));
	hak_test_push(s, obj[1]);
	hak_test_give(s, obj[2]);
	hak_pool_put(s, HAK_OWNED);
	KUNIT_ASSERT_EQ(test, hak_test_reap(c), 1);
	t = hak_test_slab(test, c);
	KUNIT_ASSERT_PTR_EQ(test, t, s);
	KUNIT_EXPECT_NULL(test, s->freelist);
	KUNIT_EXPECT_NULL(test, s->drained);
	KUNIT_EXPECT_TRUE(test, llist_empty(&s->remote));
	KUNIT_EXPECT_EQ(test, s->taken, 0);
	hak_pool_put(t, HAK_OWNED);
}

/* --- what is noticed --- */

static void scan_finds_a_parked_slab(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_slab *s = hak_test_slab(test, c);
	struct llist_node *link;
	void *obj[FULL];
	unsigned int i;

	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, obj, FULL), FULL);
	KUNIT_ASSERT_TRUE(test, hak_slab_park(s));
	KUNIT_EXPECT_EQ(test, hak_paranoid_scan(), 0UL);
	link = hak_to_link(c, obj[0]);
	hak_slab_link(s, link, link);
	KUNIT_EXPECT_EQ(test, hak_paranoid_scan(), 1UL);
	preempt_disable();
	hak_slab_count(s, 1);
	preempt_enable();
	KUNIT_EXPECT_EQ(test, hak_paranoid_scan(), 0UL);
	hak_test_provoke(test, HAK_EV_CORRUPT, 1);
	for (i = 1; i < FULL; i++)
		hak_test_push(s, obj[i]);
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), 1);
}

/*
 * The slab is parked with a free that was counted before, so no later count is
 * the first.
 */
static void scan_finds_a_slab_that_no_free_publishes(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_slab *s = hak_test_slab(test, c);
	void *obj[FULL];

	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, obj, FULL), FULL);
	KUNIT_ASSERT_TRUE(test, hak_slab_park(s));
	atomic_add(1 << HAK_FREED_SHIFT, &s->rc);
	KUNIT_EXPECT_EQ(test, hak_paranoid_scan(), 1UL);
	atomic_sub(1 << HAK_FREED_SHIFT, &s->rc);
	KUNIT_EXPECT_EQ(test, hak_paranoid_scan(), 0UL);
	hak_test_provoke(test, HAK_EV_CORRUPT, 1);
	for (unsigned int i = 0; i < FULL; i++)
		hak_test_push(s, obj[i]);
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), 1);
}

static void scan_finds_a_whole_slab(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, SIZE, 0);
	struct hak_slab *s = hak_test_slab(test, c);
	void *p;

	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, &p, 1), 1);
	hak_pool_put(s, HAK_OWNED);
	KUNIT_EXPECT_EQ(test, hak_paranoid_scan(), 0UL);
	/* The slab is whole by its counts, and not in the queue. */
	WRITE_ONCE(s->taken, 0);
	KUNIT_EXPECT_EQ(test, hak_paranoid_scan(), 1UL);
	WRITE_ONCE(s->taken, 1);
	KUNIT_EXPECT_EQ(test, hak_paranoid_scan(), 0UL);
	hak_test_provoke(test, HAK_EV_CORRUPT, 1);
	hak_test_push(s, p);
}

/* An object was freed twice, so the slab is whole by its counts. */
static void a_slab_with_a_double_free_is_kept(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_slab *s = hak_test_slab(test, c);
	unsigned int paranoid = hak_paranoid_drain;
	void *obj[2];

	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, obj, 2), 2);
	hak_pool_put(s, HAK_OWNED);
	hak_test_push(s, obj[0]);
	hak_test_push(s, obj[0]);
	hak_paranoid_drain = 1;
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), 0);
	hak_paranoid_drain = paranoid;
	KUNIT_EXPECT_PTR_EQ(test, hak_test_slab_of(obj[1]), s);
	hak_test_provoke(test, HAK_EV_CORRUPT, 1);
	HAK_EXPECT_EVENT(test, HAK_EV_CORRUPT, 1);

	/*
	 * The reaper owns the slab now. Undo one of the two frees, and add the
	 * missing one.
	 */
	KUNIT_ASSERT_EQ(test, hak_test_state(s), HAK_OWNED);
	hak_to_link(c, obj[0])->next = NULL;
	atomic_sub(1 << HAK_FREED_SHIFT, &s->rc);
	hak_test_push(s, obj[1]);
	KUNIT_EXPECT_TRUE(test, hak_slab_validate(s));
	hak_pool_put(s, HAK_OWNED);
}

/*
 * If the slab of cached objects was released they are reported, and other cached
 * objects are spilled.
 */
static void objects_of_a_released_slab(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_slab *keep = hak_test_slab(test, c), *s = hak_test_slab(test, c);
	struct hak_cpu_cache *cc = hak_test_cpu(test, c, 8);
	unsigned int i;
	void *obj[3], *p;

	KUNIT_ASSERT_EQ(test, hak_slab_take(c, keep, &p, 1), 1);
	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, obj, 3), 3);
	for (i = 0; i < 3; i++)
		cc->obj[i] = memset(obj[i], 0x5a, SIZE);
	/* An object whose slab still exists comes behind them. */
	cc->obj[3] = p;
	cc->nr = 4;
	/*
	 * As if these objects had been freed before, so that the counts look
	 * right.
	 */
	WRITE_ONCE(s->taken, 0);
	s->bump = 0;
	hak_pool_put(s, HAK_OWNED);
	KUNIT_ASSERT_EQ(test, hak_test_reap(c), 1);
	KUNIT_ASSERT_NULL(test, hak_test_slab_of(obj[0]));

	hak_cpu_flush(c, cc);
	hak_test_provoke(test, HAK_EV_CORRUPT, 1);
	HAK_EXPECT_EVENT(test, HAK_EV_CORRUPT, 1);
	/* The memory may have another user by now, so nothing is written there. */
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_NULL(test, memchr_inv(obj[i], 0x5a, SIZE));
	KUNIT_EXPECT_EQ(test, hak_slab_used(keep), 0);
	hak_pool_put(keep, HAK_OWNED);
}

/* Release @s, of which the caller has taken objects, as if they had been freed before. */
static void release_with_objects(struct kunit *test, struct hak_cache *c,
				 struct hak_slab *s)
{
	unsigned long addr = s->addr;

	WRITE_ONCE(s->taken, 0);
	s->bump = 0;
	hak_pool_put(s, HAK_OWNED);
	KUNIT_ASSERT_EQ(test, hak_test_reap(c), 1);
	KUNIT_ASSERT_NULL(test, hak_test_slab_of((void *)addr));
}

/*
 * A spill sorts objects by their slabs into a table of 16 places. Two slabs have the same
 * place, and that of the later object is gone. The place is empty then, because the earlier
 * slab has got its object already.
 */
static void a_released_slab_in_anothers_place(struct kunit *test)
{
	enum { PLACES = 16 };
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *cc = hak_test_cpu(test, c, 8);
	struct hak_slab *s[PLACES + 1];
	unsigned int i, j = 0, keep = 0, gone = 0;

	/* Of so many slabs two have the same place. */
	for (i = 0; i <= PLACES; i++) {
		s[i] = hak_test_slab(test, c);
		for (j = 0; j < i && !gone; j++) {
			if ((s[i]->addr - s[j]->addr) >> HAK_SLAB_SHIFT & (PLACES - 1))
				continue;
			keep = j;
			gone = i;
		}
	}
	KUNIT_ASSERT_NE(test, keep, gone);
	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s[keep], &cc->obj[0], 1), 1);
	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s[gone], &cc->obj[1], 1), 1);
	cc->nr = 2;
	release_with_objects(test, c, s[gone]);

	hak_cpu_flush(c, cc);
	hak_test_provoke(test, HAK_EV_CORRUPT, 1);
	HAK_EXPECT_EVENT(test, HAK_EV_CORRUPT, 1);
	KUNIT_EXPECT_EQ(test, hak_slab_used(s[keep]), 0);
	for (i = 0; i <= PLACES; i++)
		if (i != gone)
			hak_pool_put(s[i], HAK_OWNED);
}

/* A full cache makes room, and the slab of the objects that have to leave is gone. */
static void room_of_a_released_slab(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_slab *s = hak_test_slab(test, c);
	struct hak_cpu_cache *cc = hak_test_cpu(test, c, 4);

	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, cc->obj, 4), 4);
	cc->nr = 4;
	release_with_objects(test, c, s);

	preempt_disable();
	hak_cpu_make_room(c, cc);
	preempt_enable();
	hak_test_provoke(test, HAK_EV_CORRUPT, 1);
	HAK_EXPECT_EVENT(test, HAK_EV_CORRUPT, 1);
	KUNIT_EXPECT_EQ(test, cc->nr, 2);
	cc->nr = 0;
}

/* Each CPU counts for itself, and the statistics of a cache have the sums. */
static void counters_are_summed(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_class_stats was, cs;
	unsigned int cpu, n = 0;

	hak_class_stats_read(c, &was);
	for_each_possible_cpu(cpu) {
		struct hak_cpu_cache *cc = per_cpu_ptr(c->cpu, cpu);

		cc->refills += 1;
		cc->spills += 2;
		cc->pushes += 3;
		cc->drains += 4;
		cc->sends += 5;
		n++;
	}
	hak_class_stats_read(c, &cs);
	KUNIT_EXPECT_EQ(test, cs.refills - was.refills, 1UL * n);
	KUNIT_EXPECT_EQ(test, cs.spills - was.spills, 2UL * n);
	KUNIT_EXPECT_EQ(test, cs.pushes - was.pushes, 3UL * n);
	KUNIT_EXPECT_EQ(test, cs.drains - was.drains, 4UL * n);
	KUNIT_EXPECT_EQ(test, cs.sends - was.sends, 5UL * n);
}

/* The counters that debugfs shows of a cache's slabs. */
static void slabs_are_counted(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_slab *s[3];
	struct hak_class_stats cs;
	struct hak_stats st;
	unsigned long used;
	unsigned int i;
	void *p;

	hak_stats_read(&st);
	used = st.slots_used;
	for (i = 0; i < 3; i++)
		s[i] = hak_test_slab(test, c);
	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s[0], &p, 1), 1);
	hak_class_stats_read(c, &cs);
	KUNIT_EXPECT_EQ(test, cs.slabs, 3UL);
	KUNIT_EXPECT_EQ(test, cs.slabs_active, 1UL);
	KUNIT_EXPECT_EQ(test, cs.live, 1L);
	KUNIT_EXPECT_EQ(test, cs.cap, c->cap);
	KUNIT_EXPECT_EQ(test, cs.capacity, c->capacity);
	hak_stats_read(&st);
	KUNIT_EXPECT_EQ(test, st.slots_used, used + 3);
	hak_test_give(s[0], p);
	hak_class_stats_read(c, &cs);
	KUNIT_EXPECT_EQ(test, cs.slabs_active, 0UL);
	for (i = 0; i < 3; i++)
		hak_pool_put(s[i], HAK_OWNED);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_slab_is_queued_once),
	KUNIT_CASE(the_mark_survives_a_park),
	KUNIT_CASE(a_marked_slab_is_not_released),
	KUNIT_CASE(an_unlisted_cache_is_not_reaped),
	KUNIT_CASE(only_slabs_of_the_pool_are_counted),
	KUNIT_CASE(the_reaper_releases_all),
	KUNIT_CASE(the_reaper_runs_before_the_trim),
	KUNIT_CASE(reused_slot_has_empty_lists),
	KUNIT_CASE(scan_finds_a_parked_slab),
	KUNIT_CASE(scan_finds_a_slab_that_no_free_publishes),
	KUNIT_CASE(scan_finds_a_whole_slab),
	KUNIT_CASE(a_slab_with_a_double_free_is_kept),
	KUNIT_CASE(objects_of_a_released_slab),
	KUNIT_CASE(a_released_slab_in_anothers_place),
	KUNIT_CASE(room_of_a_released_slab),
	KUNIT_CASE(counters_are_summed),
	KUNIT_CASE(slabs_are_counted),
	{}
};

static struct kunit_suite hak_lost_suite = {
	.name = "hak_lost",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_lost_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: what must not get lost");
MODULE_LICENSE("GPL");
