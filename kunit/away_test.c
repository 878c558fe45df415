// SPDX-License-Identifier: GPL-2.0
/*
 * Objects of one memory node that a CPU of another frees, by the API and on real
 * CPUs: what travels, and that nothing stays behind. Needs two nodes that have memory
 * and CPUs; some tests need three.
 */
#include <linux/cpu.h>
#include <linux/hardirq.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/topology.h>
#include <linux/workqueue.h>

#include "hak_test.h"
#include "hak_test_threads.h"
#include "shrink.h"

#define CAP	16	/* objects a CPU keeps */
#define BATCH	8	/* objects in an outbox */
#define SIZE	256
#define MOST	64

/**
 * struct away - a cache, and where its objects are of and freed
 * @c: the cache
 * @home: a CPU on the node the objects are of
 * @away: a CPU on another node
 * @h: the per-CPU cache of @home
 * @a: the per-CPU cache of @away
 * @obj: objects
 * @n: how many of them a job is about
 * @from: the first of these
 * @bulk: free all of them at once
 */
struct away {
	struct hak_cache *c;
	unsigned int home;
	unsigned int away;
	struct hak_cpu_cache *h;
	struct hak_cpu_cache *a;
	void *obj[MOST];
	unsigned int n;
	unsigned int from;
	bool bulk;
};

static int home_of(unsigned int cpu)
{
	return hak_node_near(cpu_to_mem(cpu));
}

/* The @nth node that has memory and a CPU, by a CPU of it; nr_cpu_ids if there is none. */
static unsigned int cpu_of_nth_node(unsigned int nth)
{
	unsigned int cpu;
	int nid;

	for_each_node_state(nid, N_MEMORY)
		for_each_online_cpu(cpu)
			if (cpu_to_mem(cpu) == nid) {
				if (!nth--)
					return cpu;
				break;
			}
	return nr_cpu_ids;
}

static struct hak_depot *depot(struct hak_cache *c, unsigned int cpu)
{
	return &c->pool[home_of(cpu)]->depot;
}

static long alloc_job(void *arg)
{
	struct away *w = arg;
	unsigned int i;

	for (i = 0; i < w->n; i++) {
		w->obj[w->from + i] = hak_cache_alloc(w->c, GFP_KERNEL);
		if (!hak_test_slab_of(w->obj[w->from + i]))
			return 1;
	}
	return 0;
}

static long free_job(void *arg)
{
	struct away *w = arg;
	unsigned int i;

	if (w->bulk)
		hak_cache_free_bulk(w->c, w->n, w->obj + w->from);
	for (i = 0; i < w->n && !w->bulk; i++)
		hak_cache_free(w->c, w->obj[w->from + i]);
	return 0;
}

static long flush_job(void *unused)
{
	hak_cpu_flush_this(true);
	return 0;
}

static void alloc_on(struct kunit *test, struct away *w, unsigned int cpu,
		     unsigned int from, unsigned int n)
{
	w->from = from;
	w->n = n;
	KUNIT_ASSERT_LE(test, from + n, MOST);
	KUNIT_ASSERT_EQ(test, work_on_cpu(cpu, alloc_job, w), 0);
}

static void free_on(struct away *w, unsigned int cpu, unsigned int from, unsigned int n)
{
	w->from = from;
	w->n = n;
	work_on_cpu(cpu, free_job, w);
}

static void flush_on(unsigned int cpu)
{
	work_on_cpu(cpu, flush_job, NULL);
}

/* @n objects of the first node, none of which its CPU has cached. */
static struct away *start_cap(struct kunit *test, unsigned int n, unsigned int cap)
{
	struct away *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, w);
	w->c = hak_test_cache_cap(test, SIZE, cap);
	w->home = cpu_of_nth_node(0);
	w->away = cpu_of_nth_node(1);
	KUNIT_ASSERT_LT(test, w->away, nr_cpu_ids);
	w->h = per_cpu_ptr(w->c->cpu, w->home);
	w->a = per_cpu_ptr(w->c->cpu, w->away);
	alloc_on(test, w, w->home, 0, n);
	flush_on(w->home);
	return w;
}

static struct away *start(struct kunit *test, unsigned int n)
{
	return start_cap(test, n, CAP);
}

static bool is_one_of(void *p, void **obj, unsigned int n)
{
	while (n--)
		if (obj[n] == p)
			return true;
	return false;
}

static void batches_travel(struct kunit *test, bool bulk)
{
	struct away *w = start(test, BATCH + 1);
	struct hak_class_stats cs;
	struct hak_slab *s;

	s = hak_test_slab_of(w->obj[0]);
	w->bulk = bulk;
	free_on(w, w->away, 0, BATCH);
	KUNIT_EXPECT_EQ(test, w->a->sends, 0);
	KUNIT_EXPECT_EQ(test, hak_outbox_objects(w->a), BATCH);
	free_on(w, w->away, BATCH, 1);
	KUNIT_EXPECT_EQ(test, w->a->sends, 1);
	KUNIT_EXPECT_EQ(test, hak_outbox_objects(w->a), 1);
	KUNIT_EXPECT_EQ(test, w->a->nr, 0);
	KUNIT_EXPECT_NULL(test, w->a->cur);
	KUNIT_EXPECT_TRUE(test, hak_depot_empty(depot(w->c, w->away)));
	KUNIT_EXPECT_FALSE(test, hak_depot_empty(depot(w->c, w->home)));
	KUNIT_EXPECT_TRUE(test, llist_empty(&s->remote));
	hak_class_stats_read(w->c, &cs);
	KUNIT_EXPECT_EQ(test, cs.live, 0L);
	KUNIT_EXPECT_EQ(test, cs.cached, 1UL);
	KUNIT_EXPECT_EQ(test, cs.depot, (unsigned long)BATCH);
	KUNIT_EXPECT_EQ(test, cs.sends, 1UL);
	KUNIT_EXPECT_EQ(test, cs.pushes, 0UL);

	/* The other node's CPU has them. */
	alloc_on(test, w, w->home, BATCH + 1, BATCH);
	hak_class_stats_read(w->c, &cs);
	KUNIT_EXPECT_EQ(test, cs.receives, 1UL);
	KUNIT_EXPECT_EQ(test, cs.live, (long)BATCH);
	KUNIT_EXPECT_EQ(test, cs.depot, 0UL);
	KUNIT_EXPECT_TRUE(test, is_one_of(w->obj[BATCH + 1], w->obj, BATCH));
	KUNIT_EXPECT_TRUE(test, is_one_of(w->obj[2 * BATCH], w->obj, BATCH));
	free_on(w, w->away, BATCH + 1, BATCH);
}

static void frees_travel_in_batches(struct kunit *test)
{
	batches_travel(test, false);
}

static void bulk_frees_travel_in_batches(struct kunit *test)
{
	batches_travel(test, true);
}

/* What is the CPU's own goes into its cache, in a bulk call that has both, too. */
static void own_objects_stay(struct kunit *test)
{
	struct away *w = start(test, 4);

	alloc_on(test, w, w->away, 4, 2);
	KUNIT_EXPECT_EQ(test, w->a->nr, BATCH - 2);
	/* Two are the other node's, two the CPU's own, two the other node's. */
	swap(w->obj[2], w->obj[4]);
	swap(w->obj[3], w->obj[5]);
	w->bulk = true;
	free_on(w, w->away, 0, 6);
	KUNIT_EXPECT_EQ(test, w->a->nr, BATCH);
	KUNIT_EXPECT_EQ(test, hak_outbox_objects(w->a), 4);
}

/* Are all objects of @m of @nid? */
static bool all_of_node(const struct hak_magazine *m, int nid)
{
	unsigned int i;

	for (i = 0; i < m->nr; i++)
		if (hak_test_slab_of(m->obj[i])->nid != nid)
			return false;
	return true;
}

/* @n objects of the first node and of the third in turn, for a CPU of the second. */
static struct away *start_mixed(struct kunit *test, unsigned int n)
{
	unsigned int third = cpu_of_nth_node(2), i;
	struct away *w;

	if (third >= nr_cpu_ids)
		kunit_skip(test, "needs three nodes");
	w = start(test, n);
	for (i = 1; i < n; i += 2) {
		/* The one that is there goes home. */
		free_on(w, w->home, i, 1);
		alloc_on(test, w, third, i, 1);
	}
	flush_on(w->home);
	return w;
}

/* A magazine has the objects of one node, the oldest object's; others wait. */
static void nodes_are_told_apart(struct kunit *test)
{
	struct away *w = start_mixed(test, 2 * BATCH);
	unsigned int i, third = cpu_of_nth_node(2);
	struct llist_node *first, *last;

	/* BATCH are half of either node; one more, and the first node's go. */
	free_on(w, w->away, 0, BATCH + 1);
	KUNIT_EXPECT_EQ(test, w->a->sends, 1);
	KUNIT_EXPECT_EQ(test, hak_magazine_objects(w->a), BATCH / 2);
	KUNIT_EXPECT_EQ(test, hak_outbox_objects(w->a), BATCH / 2 + 1);
	for (i = 0; i < BATCH / 2; i++)
		KUNIT_EXPECT_PTR_EQ(test, hak_cpu_outbox(w->a)->obj[i], w->obj[2 * i + 1]);
	/* Then the third node's, of which there are more by now. */
	free_on(w, w->away, BATCH + 1, BATCH / 2);
	KUNIT_EXPECT_EQ(test, w->a->sends, 2);
	KUNIT_EXPECT_EQ(test, w->a->spills, 0UL);

	first = depot(w->c, w->home)->incoming.first;
	last = depot(w->c, third)->incoming.first;
	KUNIT_ASSERT_NOT_NULL(test, first);
	KUNIT_ASSERT_NOT_NULL(test, last);
	KUNIT_EXPECT_NULL(test, first->next);
	KUNIT_EXPECT_NULL(test, last->next);
	KUNIT_EXPECT_TRUE(test, all_of_node(llist_entry(first, struct hak_magazine, link),
					    home_of(w->home)));
	KUNIT_EXPECT_TRUE(test, all_of_node(llist_entry(last, struct hak_magazine, link),
					    home_of(third)));
	KUNIT_EXPECT_EQ(test, llist_entry(last, struct hak_magazine, link)->nr,
			BATCH / 2 + 2);
	free_on(w, w->away, BATCH + 1 + BATCH / 2, BATCH / 2 - 1);
}

/* Too few for a magazine. */
static void few_objects_are_pushed(struct kunit *test)
{
	struct away *w = start_mixed(test, 2 * BATCH);
	unsigned int i;

	/* One of the first node, then those of the third. */
	free_on(w, w->away, 0, 1);
	for (i = 1; i < 2 * BATCH; i += 2)
		free_on(w, w->away, i, 1);
	KUNIT_EXPECT_EQ(test, w->a->sends, 0);
	KUNIT_EXPECT_EQ(test, w->a->spills, 1UL);
	KUNIT_EXPECT_EQ(test, w->a->pushes, 1UL);
	KUNIT_EXPECT_EQ(test, hak_outbox_objects(w->a), BATCH);
	for (i = 2; i < 2 * BATCH; i += 2)
		free_on(w, w->away, i, 1);
	KUNIT_EXPECT_EQ(test, w->a->sends, 1);
	KUNIT_EXPECT_EQ(test, w->a->spills, 1UL);
}

/* Nothing is held but objects in an outbox, and a shrink finds them. */
static void a_shrink_empties_outboxes(struct kunit *test)
{
	struct away *w = start(test, 3);
	struct hak_class_stats cs;
	unsigned int i;

	flush_on(w->away);
	KUNIT_EXPECT_FALSE(test, hak_cpu_holds(w->away));
	free_on(w, w->away, 0, 3);
	KUNIT_EXPECT_EQ(test, hak_outbox_objects(w->a), 3);
	KUNIT_EXPECT_TRUE(test, hak_cpu_holds(w->away));
	hak_shrink();
	KUNIT_EXPECT_EQ(test, hak_outbox_objects(w->a), 0);
	KUNIT_EXPECT_FALSE(test, hak_cpu_holds(w->away));
	/* A slab that has just become whole is on its way. */
	for (i = 0; i < 100; i++) {
		hak_class_stats_read(w->c, &cs);
		if (!cs.slabs)
			break;
		hak_test_sleep(10);
	}
	KUNIT_EXPECT_EQ(test, cs.slabs, 0UL);
}

static void an_oom_notice_empties_outboxes(struct kunit *test)
{
	struct away *w = start(test, 3);
	unsigned long late, pages;

	hak_shrink();
	hak_shrink_for_oom();
	/* The notices of other tests are over. */
	hak_oom_age(HAK_OOM_SERIES_MS);
	free_on(w, w->away, 0, 3);
	late = hak_test_event(test, HAK_EV_LATE);
	pages = hak_shrink_for_oom();
	if (hak_test_event(test, HAK_EV_LATE) != late)
		kunit_skip(test, "the other CPU did not answer in time");
	KUNIT_EXPECT_GT(test, pages, 0UL);
	KUNIT_EXPECT_EQ(test, hak_outbox_objects(w->a), 0);
}

static void a_cache_shrink_empties_outboxes(struct kunit *test)
{
	struct away *w = start(test, BATCH + 3);

	free_on(w, w->away, 0, BATCH + 3);
	KUNIT_EXPECT_EQ(test, hak_cache_shrink(w->c), 0);
	KUNIT_EXPECT_EQ(test, hak_outbox_objects(w->a), 0);
}

/* The first free wakes the cache, so the idle trim comes to look at it. */
static void an_idle_outbox_is_trimmed(struct kunit *test)
{
	struct away *w = start(test, 3);
	unsigned int i;

	hak_shrink();
	WRITE_ONCE(hak_trim_stopped, 1);
	free_on(w, w->away, 0, 3);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(hak_trim_stopped));
	for (i = 0; i < 1500 && hak_outbox_objects(w->a); i++) {
		hak_trim_step();
		hak_test_sleep(20);
	}
	KUNIT_EXPECT_EQ(test, hak_outbox_objects(w->a), 0);
}

static void a_dead_cpu_leaves_nothing(struct kunit *test)
{
	struct away *w = start(test, BATCH + 3);
	struct hak_class_stats cs;
	unsigned int cpu, last = 0;

	for_each_online_cpu(cpu)
		if (home_of(cpu) != home_of(w->home))
			last = cpu;
	free_on(w, last, 0, BATCH + 3);
	hak_class_stats_read(w->c, &cs);
	KUNIT_EXPECT_EQ(test, cs.cached, 3UL);
	if (!last || remove_cpu(last))
		kunit_skip(test, "no such CPU can be taken offline");
	hak_class_stats_read(w->c, &cs);
	KUNIT_EXPECT_EQ(test, cs.cached, 0UL);
	KUNIT_EXPECT_EQ(test, cs.depot, (unsigned long)BATCH);
	KUNIT_EXPECT_EQ(test, cs.live, 0L);
	/* What it sent is received. */
	alloc_on(test, w, w->home, 0, BATCH);
	hak_class_stats_read(w->c, &cs);
	KUNIT_EXPECT_EQ(test, cs.receives, 1UL);
	KUNIT_EXPECT_EQ(test, add_cpu(last), 0);
	free_on(w, w->home, 0, BATCH);
}

static void a_cache_is_destroyed_with_objects_away(struct kunit *test)
{
	struct hak_test *t = test->priv;
	struct away *w = start(test, BATCH + 3);

	free_on(w, w->away, 0, BATCH + 3);
	KUNIT_EXPECT_EQ(test, hak_outbox_objects(w->a), 3);
	hak_cache_destroy(w->c);
	t->nr_caches--;
	/* It would warn, and leave the slabs, if an object were left. */
	HAK_EXPECT_EVENT(test, HAK_EV_RELEASED, hak_test_event(test, HAK_EV_CLAIMED));
}

/* Take the CPUs of a node offline, or put them online again. */
static bool node_cpus(int nid, const struct cpumask *cpus, bool online)
{
	unsigned int cpu;
	bool ok = true;

	for_each_cpu(cpu, cpus)
		ok &= online ? !add_cpu(cpu) : !remove_cpu(cpu);
	return ok;
}

/* No CPU of the node is there to receive what would be sent to it. */
static void nothing_is_sent_to_a_node_without_cpus(struct kunit *test)
{
	struct away *w = start(test, 3 * BATCH + 1);
	unsigned int other = cpu_of_nth_node(1);
	struct cpumask *cpus = kunit_kzalloc(test, cpumask_size(), GFP_KERNEL);
	struct hak_class_stats before, after;
	bool gone;

	KUNIT_ASSERT_NOT_NULL(test, cpus);
	/* CPU 0 stays, so it is the second node's CPUs that go. */
	free_on(w, w->home, 0, 3 * BATCH + 1);
	alloc_on(test, w, other, 0, 3 * BATCH + 1);
	cpumask_and(cpus, cpumask_of_node(cpu_to_node(other)), cpu_online_mask);
	gone = node_cpus(home_of(other), cpus, false);
	if (gone) {
		hak_class_stats_read(w->c, &before);
		free_on(w, w->home, 0, 3 * BATCH + 1);
		hak_class_stats_read(w->c, &after);
		KUNIT_EXPECT_EQ(test, after.sends, before.sends);
		KUNIT_EXPECT_EQ(test, after.spills, before.spills + 3);
		KUNIT_EXPECT_EQ(test, hak_outbox_objects(w->h), 1);
	} else {
		free_on(w, w->home, 0, 3 * BATCH + 1);
	}
	node_cpus(home_of(other), cpus, true);
	if (!gone)
		kunit_skip(test, "CPUs cannot be taken offline");
}

/* What interrupts the owner, or an NMI, pushes. */
static long busy_job(void *arg)
{
	struct away *w = arg;
	unsigned long flags;

	preempt_disable();
	hak_cpu_enter(w->a);
	hak_cache_free(w->c, w->obj[1]);
	hak_cpu_leave(w->a);
	local_irq_save(flags);
	__preempt_count_add(NMI_OFFSET);
	hak_cache_free(w->c, w->obj[2]);
	__preempt_count_sub(NMI_OFFSET);
	local_irq_restore(flags);
	preempt_enable();
	return 0;
}

static void interrupts_and_nmis_push(struct kunit *test)
{
	struct away *w = start(test, 3);
	struct hak_slab *s;

	s = hak_test_slab_of(w->obj[0]);
	free_on(w, w->away, 0, 1);
	KUNIT_EXPECT_EQ(test, hak_outbox_objects(w->a), 1);
	work_on_cpu(w->away, busy_job, w);
	HAK_EXPECT_EVENT(test, HAK_EV_PUSHED, 2);
	KUNIT_EXPECT_EQ(test, hak_outbox_objects(w->a), 1);
	KUNIT_EXPECT_EQ(test, hak_slab_used(s), 1);
}

/* With the cache off each free meets its slab. */
static void no_outbox_with_the_cache_off(struct kunit *test)
{
	struct away *w = start_cap(test, BATCH, 0);
	struct hak_slab *s;
	int used;

	s = hak_test_slab_of(w->obj[0]);
	KUNIT_EXPECT_FALSE(test, w->a->outbox);
	for (used = BATCH; used > 1; used--) {
		KUNIT_EXPECT_EQ(test, hak_slab_used(s), used);
		free_on(w, w->away, BATCH - used, 1);
	}
	/* The last object keeps the slab from the reaper until here. */
	KUNIT_EXPECT_EQ(test, hak_slab_used(s), 1);
	free_on(w, w->away, BATCH - 1, 1);
	KUNIT_EXPECT_EQ(test, w->a->sends, 0);
}

static long bad_job(void *arg)
{
	struct away *w = arg;

	hak_cache_free(w->c, w->obj[0]);
	hak_free(w->obj[0]);			/* twice in a row */
	hak_cache_free(w->c, w->obj[0]);
	hak_free_bulk(1, w->obj);
	return 0;
}

static void an_object_freed_twice_in_a_row_is_found(struct kunit *test)
{
	struct away *w = start(test, 1);

	hak_test_provoke(test, HAK_EV_BAD_FREE, 3);
	work_on_cpu(w->away, bad_job, w);
	KUNIT_EXPECT_EQ(test, hak_outbox_objects(w->a), 1);
}

/* The cache that an object is freed to has to be its own, as at home. */
static void another_caches_object_is_refused(struct kunit *test)
{
	struct hak_cache *other = hak_test_cache_cap(test, SIZE, CAP);
	struct away *w = start(test, 3);
	struct hak_cache *c = w->c;

	/* While the per-CPU cache is asleep, frees take the slow path. */
	free_on(w, w->away, 2, 1);
	KUNIT_ASSERT_EQ(test, hak_outbox_objects(w->a), 1);
	hak_test_provoke(test, HAK_EV_BAD_FREE, 3);
	w->c = other;
	free_on(w, w->away, 0, 1);
	w->bulk = true;
	free_on(w, w->away, 0, 2);
	KUNIT_EXPECT_EQ(test, hak_outbox_objects(w->a), 1);
	w->c = c;
	w->bulk = false;
	free_on(w, w->away, 0, 2);
	KUNIT_EXPECT_EQ(test, hak_outbox_objects(w->a), 3);
}

static int away_init(struct kunit *test)
{
	if (cpu_of_nth_node(1) >= nr_cpu_ids)
		kunit_skip(test, "needs two memory nodes with CPUs");
	return hak_test_init(test);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(frees_travel_in_batches),
	KUNIT_CASE(bulk_frees_travel_in_batches),
	KUNIT_CASE(own_objects_stay),
	KUNIT_CASE(nodes_are_told_apart),
	KUNIT_CASE(few_objects_are_pushed),
	KUNIT_CASE(a_shrink_empties_outboxes),
	KUNIT_CASE(an_oom_notice_empties_outboxes),
	KUNIT_CASE(a_cache_shrink_empties_outboxes),
	KUNIT_CASE(an_idle_outbox_is_trimmed),
	KUNIT_CASE(a_dead_cpu_leaves_nothing),
	KUNIT_CASE(a_cache_is_destroyed_with_objects_away),
	KUNIT_CASE(nothing_is_sent_to_a_node_without_cpus),
	KUNIT_CASE(interrupts_and_nmis_push),
	KUNIT_CASE(no_outbox_with_the_cache_off),
	KUNIT_CASE(an_object_freed_twice_in_a_row_is_found),
	KUNIT_CASE(another_caches_object_is_refused),
	{}
};

static struct kunit_suite hak_away_suite = {
	.name = "hak_away",
	.init = away_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_away_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: frees of other memory nodes' objects");
MODULE_LICENSE("GPL");
