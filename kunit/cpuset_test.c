// SPDX-License-Identifier: GPL-2.0
/*
 * Cpusets: if a task may use the memory of some nodes only, it gets neither pages
 * nor slabs of the others, those do not count as nodes that failed, and its OOM
 * notices count none of their pages. Needs a machine with two nodes that have
 * memory, and a kernel with CONFIG_CPUSETS.
 */
#include <linux/cpuset.h>
#include <linux/jiffies.h>
#include <linux/kfence.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/topology.h>

#include "hak_test.h"
#include "hak_test_threads.h"
#include "shrink.h"

#define NR	200	/* objects: four slabs of them */
#define SIZE	1024

/**
 * struct work - work of a confined task, and its result
 * @c: the cache
 * @allowed: the nodes it may use
 * @nid: the node to name, or NUMA_NO_NODE
 * @gfp: the flags
 * @expected: the node that the objects should be of
 * @failed: requests that failed
 * @slubs: objects that came from SLUB
 * @elsewhere: objects of a node other than @expected
 * @obj: the objects
 * @done: the task has ended
 */
struct work {
	struct hak_cache *c;
	nodemask_t allowed;
	int nid;
	gfp_t gfp;
	int expected;
	unsigned int failed;
	unsigned int slubs;
	unsigned int elsewhere;
	void *obj[NR];
	struct completion done;
};

static int work_fn(void *arg)
{
	struct work *w = arg;
	unsigned int i;

	/* This is what happens to a task that is moved to a cpuset. */
	set_mems_allowed(w->allowed);
	for (i = 0; i < NR; i++) {
		void *p = hak_cache_alloc_node(w->c, w->gfp, w->nid);

		w->obj[i] = p;
		if (!p) {
			w->failed++;
			continue;
		}
		w->slubs += !hak_slab_of(p);
		/* KFENCE's pages are of any node. */
		w->elsewhere += !is_kfence_address(p) &&
				page_to_nid(virt_to_page(p)) != w->expected;
	}
	for (i = 0; i < NR; i++)
		hak_cache_free(w->c, w->obj[i]);
	complete(&w->done);
	return 0;
}

/* Do the work @w on @cpu. */
static void work_on(struct kunit *test, unsigned int cpu, struct work *w)
{
	struct task_struct *t;

	w->failed = 0;
	w->slubs = 0;
	w->elsewhere = 0;
	init_completion(&w->done);
	t = kthread_create(work_fn, w, "hak_cpuset/%u", cpu);
	KUNIT_ASSERT_FALSE(test, IS_ERR(t));
	kthread_bind(t, cpu);
	/* The thread may have ended before it is stopped. */
	get_task_struct(t);
	wake_up_process(t);
	wait_for_completion(&w->done);
	kthread_stop(t);
	put_task_struct(t);
}

static struct work *work_new(struct kunit *test)
{
	struct work *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, w);
	w->c = hak_test_cache_shown(test, SIZE, 0);
	w->nid = NUMA_NO_NODE;
	w->gfp = GFP_KERNEL;
	return w;
}

/* A CPU whose memory node is @nid; nr_cpu_ids if there is none. */
static unsigned int cpu_near(int nid)
{
	unsigned int cpu;

	for_each_online_cpu(cpu)
		if (hak_node_near(cpu_to_mem(cpu)) == nid)
			return cpu;
	return nr_cpu_ids;
}

/* Make all nodes empty, and none a node that has failed. */
static void empty_nodes(struct kunit *test)
{
	unsigned int i;
	int nid;

	for (i = 0; i < 100 && hak_arena_bytes(); i++) {
		hak_shrink();
		hak_test_sleep(20);
	}
	KUNIT_ASSERT_EQ(test, hak_arena_bytes(), 0ULL);
	for_each_node(nid)
		WRITE_ONCE(hak_node[nid]->failed, 0);
}

static void expect_no_failed_node(struct kunit *test)
{
	int nid;

	for_each_node(nid)
		KUNIT_EXPECT_EQ(test, READ_ONCE(hak_node[nid]->failed), 0UL);
}

/*
 * On whichever CPU a task runs, it gets pages of the node that it may use, and
 * hakmem's objects in them. The CPU's own node does not count as failed.
 */
static void pages_are_of_allowed_nodes(struct kunit *test)
{
	struct work *w = work_new(test);
	unsigned int cpu;
	int nid;

	for_each_online_cpu(cpu)
		for_each_node_state(nid, N_MEMORY) {
			empty_nodes(test);
			w->allowed = nodemask_of_node(nid);
			w->expected = nid;
			work_on(test, cpu, w);
			KUNIT_EXPECT_EQ(test, w->failed, 0);
			KUNIT_EXPECT_EQ(test, w->slubs, 0);
			KUNIT_EXPECT_EQ(test, w->elsewhere, 0);
			expect_no_failed_node(test);
		}
}

/*
 * Do the work @w near the node @home, which has neither a slab nor pages, while
 * all other nodes have slabs. Check that the objects are of w->expected, and that
 * @slubs of them are SLUB's.
 */
static void work_beside_slabs(struct kunit *test, int home, struct work *w,
			      unsigned int slubs)
{
	void *held[MAX_NUMNODES] = { };
	int nid;

	empty_nodes(test);
	for_each_node_state(nid, N_MEMORY) {
		if (nid == home)
			continue;
		held[nid] = hak_cache_alloc_node(w->c, GFP_KERNEL, nid);
		KUNIT_EXPECT_NOT_NULL(test, hak_slab_of(held[nid]));
	}
	/* No allocation asks this node for pages for an hour. */
	WRITE_ONCE(hak_node[home]->failed, (jiffies + 3600 * HZ) ?: 1);
	work_on(test, cpu_near(home), w);
	WRITE_ONCE(hak_node[home]->failed, 0);
	for_each_node_state(nid, N_MEMORY)
		hak_cache_free(w->c, held[nid]);

	KUNIT_EXPECT_EQ(test, w->failed, 0);
	KUNIT_EXPECT_EQ(test, w->slubs, slubs);
	KUNIT_EXPECT_EQ(test, w->elsewhere, 0);
}

/* The node nearest to @home; if several are, the next by number. */
static int nearest_other(int home)
{
	int n, near = NUMA_NO_NODE;

	for (n = next_node_in(home, node_states[N_MEMORY]); n != home;
	     n = next_node_in(n, node_states[N_MEMORY]))
		if (near == NUMA_NO_NODE ||
		    node_distance(home, n) < node_distance(home, near))
			near = n;
	return near;
}

/*
 * If its own node has no memory, a task gets slabs of another node that it may
 * use, and of the nearest if there are several. If it may use none, SLUB serves
 * it from its own node.
 */
static void slabs_are_of_allowed_nodes(struct kunit *test)
{
	struct work *w = work_new(test);
	int home, nid;

	for_each_node_state(home, N_MEMORY) {
		if (cpu_near(home) >= nr_cpu_ids)
			continue;
		w->allowed = node_states[N_MEMORY];
		w->expected = nearest_other(home);
		work_beside_slabs(test, home, w, 0);

		for_each_node_state(nid, N_MEMORY) {
			w->allowed = nodemask_of_node(home);
			node_set(nid, w->allowed);
			w->expected = nid;
			work_beside_slabs(test, home, w, nid == home ? NR : 0);
		}
	}
}

/*
 * If a task insists on a node that it may not use, the request goes to SLUB. SLUB
 * asks the page allocator, which knows whether a cpuset above allows the node.
 * hakmem asks for no superslab, and the node does not count as failed.
 */
static void a_forbidden_node_goes_to_slub(struct kunit *test)
{
	static const gfp_t gfp[] = { GFP_KERNEL, GFP_USER };
	int home = first_node(node_states[N_MEMORY]);
	int away = next_node(home, node_states[N_MEMORY]);
	struct work *w = work_new(test);
	unsigned long asked;
	unsigned int i;

	w->nid = away;
	w->expected = away;
	for (i = 0; i < ARRAY_SIZE(gfp); i++) {
		w->gfp = gfp[i] | __GFP_THISNODE | __GFP_NOWARN;
		empty_nodes(test);
		asked = hak_test_event(test, HAK_EV_GROWN);
		w->allowed = nodemask_of_node(home);
		work_on(test, cpu_near(home), w);
		KUNIT_EXPECT_EQ(test, w->slubs + w->failed, NR);
		KUNIT_EXPECT_EQ(test, w->elsewhere, 0);
		HAK_EXPECT_EVENT(test, HAK_EV_GROWN, asked);
		expect_no_failed_node(test);

		/* Another task, which may use the node, is served at once. */
		w->allowed = node_states[N_MEMORY];
		work_on(test, cpu_near(home), w);
		KUNIT_EXPECT_EQ(test, w->slubs + w->failed, 0);
		KUNIT_EXPECT_EQ(test, w->elsewhere, 0);
	}
}

/**
 * struct notice - an OOM notice of a confined task, and its answer
 * @allowed: the nodes that the task may use
 * @pages: the pages that are reported to it
 * @done: the task has ended
 */
struct notice {
	nodemask_t allowed;
	unsigned long pages;
	struct completion done;
};

static int notice_fn(void *arg)
{
	struct notice *n = arg;

	set_mems_allowed(n->allowed);
	n->pages = hak_shrink_for_oom();
	complete(&n->done);
	return 0;
}

/* The pages that are reported to a task that may use the nodes @allowed. */
static unsigned long pages_for(struct kunit *test, nodemask_t allowed)
{
	struct notice *n = kunit_kzalloc(test, sizeof(*n), GFP_KERNEL);
	struct task_struct *t;

	KUNIT_ASSERT_NOT_NULL(test, n);
	n->allowed = allowed;
	init_completion(&n->done);
	t = kthread_create(notice_fn, n, "hak_cpuset_oom");
	KUNIT_ASSERT_FALSE(test, IS_ERR(t));
	get_task_struct(t);
	wake_up_process(t);
	wait_for_completion(&n->done);
	kthread_stop(t);
	put_task_struct(t);
	return n->pages;
}

/* Make hakmem hold unused pages of a node. */
static void hold_unused(struct kunit *test, struct work *w, int nid)
{
	unsigned int i;

	for (i = 0; i < NR; i++)
		w->obj[i] = hak_cache_alloc_node(w->c, GFP_KERNEL | __GFP_THISNODE, nid);
	for (i = 0; i < NR; i++)
		hak_cache_free(w->c, w->obj[i]);
	KUNIT_ASSERT_GT(test, hak_arena_node_bytes(nid), 0ULL);
}

/*
 * If pages come back on a node that a task may not use, they do not help it. They
 * are reported to the next task that may use the node.
 */
static void oom_notice_counts_allowed_nodes(struct kunit *test)
{
	struct work *w = work_new(test);
	nodemask_t here, there, both;
	unsigned long pages;
	int home, away;

	home = first_node(node_states[N_MEMORY]);
	away = next_node(home, node_states[N_MEMORY]);
	here = nodemask_of_node(home);
	there = nodemask_of_node(away);
	nodes_or(both, here, there);
	empty_nodes(test);
	hak_shrink_for_oom();
	hak_oom_age(HAK_OOM_SERIES_MS);

	hold_unused(test, w, away);
	pages = hak_arena_node_bytes(away) >> PAGE_SHIFT;
	KUNIT_ASSERT_EQ(test, hak_arena_node_bytes(home), 0ULL);
	KUNIT_EXPECT_EQ(test, pages_for(test, here), 0UL);
	KUNIT_EXPECT_EQ(test, hak_arena_node_bytes(away), 0ULL);
	KUNIT_EXPECT_EQ(test, pages_for(test, there), pages);
	KUNIT_EXPECT_EQ(test, pages_for(test, both), 0UL);

	hold_unused(test, w, home);
	hold_unused(test, w, away);
	pages = hak_arena_bytes() >> PAGE_SHIFT;
	KUNIT_EXPECT_EQ(test, pages_for(test, both), pages);
}

/* Tasks of one node may ask so often that the other node's pages count all the same. */
static void oom_notices_of_nodes_are_apart(struct kunit *test)
{
	struct work *w = work_new(test);
	nodemask_t here, there;
	unsigned int i;
	int home, away;

	home = first_node(node_states[N_MEMORY]);
	away = next_node(home, node_states[N_MEMORY]);
	here = nodemask_of_node(home);
	there = nodemask_of_node(away);
	empty_nodes(test);
	hak_oom_age(HAK_OOM_SERIES_MS);
	for (i = 0; i < 20; i++) {
		hold_unused(test, w, home);
		pages_for(test, here);
	}
	hold_unused(test, w, home);
	KUNIT_EXPECT_EQ(test, pages_for(test, here), 0UL);
	hold_unused(test, w, away);
	KUNIT_EXPECT_GT(test, pages_for(test, there), 0UL);
}

static int cpuset_test_init(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_CPUSETS))
		kunit_skip(test, "no CONFIG_CPUSETS");
	if (num_node_state(N_MEMORY) < 2)
		kunit_skip(test, "one memory node; boot with two");
	return hak_test_init(test);
}

static void cpuset_test_exit(struct kunit *test)
{
	int nid;

	for_each_node(nid)
		WRITE_ONCE(hak_node[nid]->failed, 0);
	hak_test_exit(test);
}

static struct kunit_case cpuset_cases[] = {
	KUNIT_CASE(pages_are_of_allowed_nodes),
	KUNIT_CASE(slabs_are_of_allowed_nodes),
	KUNIT_CASE(a_forbidden_node_goes_to_slub),
	KUNIT_CASE(oom_notice_counts_allowed_nodes),
	KUNIT_CASE(oom_notices_of_nodes_are_apart),
	{}
};

static struct kunit_suite cpuset_suite = {
	.name = "hak_cpuset",
	.init = cpuset_test_init,
	.exit = cpuset_test_exit,
	.test_cases = cpuset_cases,
};

kunit_test_suite(cpuset_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit tests of hakmem in cpusets");
MODULE_LICENSE("GPL");
