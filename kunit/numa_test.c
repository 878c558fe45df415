// SPDX-License-Identifier: GPL-2.0
/*
 * Memory nodes: each allocation comes from the right node, and an object freed on
 * another node goes home. Needs a machine with two nodes that have memory; some
 * tests need a further node that has only CPUs.
 */
#include <linux/jiffies.h>
#include <linux/memory.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/string.h>
#include <linux/topology.h>

#include "hak_test.h"
#include "hak_test_log.h"
#include "hak_test_threads.h"
#include "memory_hotplug.h"

#define NR	3000	/* objects: several slabs of any size above 64 */

static const unsigned int sizes[] = { 8, 64, 96, 256, 1000, 1024 };

static int node_of(const void *p)
{
	return page_to_nid(virt_to_page(p));
}

/* The node that the page allocator prefers if @nid is asked for. */
static int near_node(int nid)
{
	struct page *page = alloc_pages_node(nid, GFP_KERNEL, 0);
	int near = NUMA_NO_NODE;

	if (page) {
		near = page_to_nid(page);
		__free_page(page);
	}
	return near;
}

/* A CPU whose memory node is @nid; nr_cpu_ids if there is none. */
static unsigned int cpu_of_node(int nid)
{
	unsigned int cpu;

	for_each_online_cpu(cpu)
		if (cpu_to_mem(cpu) == nid)
			return cpu;
	return nr_cpu_ids;
}

struct work {
	struct hak_cache *c;
	void **obj;
	unsigned int nr;
	unsigned int bad;	/* not of the nearest node, or not hakmem's */
	int (*fn)(void *arg);	/* called instead, if it is not NULL */
	struct hak_cpu_cache *other;	/* a pretended CPU, for send_fn() */
	bool free;
	bool bulk;		/* free them all at once */
	struct completion done;
};

static int work_fn(void *arg)
{
	int near = near_node(numa_mem_id());
	struct work *w = arg;
	unsigned int i;

	if (w->free && w->bulk)
		hak_cache_free_bulk(w->c, w->nr, w->obj);
	for (i = 0; i < w->nr && !(w->free && w->bulk); i++) {
		if (w->free) {
			hak_cache_free(w->c, w->obj[i]);
			continue;
		}
		w->obj[i] = hak_cache_alloc(w->c, GFP_KERNEL);
		w->bad += !hak_slab_of(w->obj[i]) ||
			  node_of(w->obj[i]) != near;
	}
	complete(&w->done);
	return 0;
}

/* Do the work @w on @cpu. */
static void work_on(struct kunit *test, unsigned int cpu, struct work *w)
{
	struct task_struct *t;

	init_completion(&w->done);
	t = kthread_create(w->fn ?: work_fn, w, "hak_numa/%u", cpu);
	KUNIT_ASSERT_FALSE(test, IS_ERR(t));
	kthread_bind(t, cpu);
	/* The thread may have ended before it is stopped. */
	get_task_struct(t);
	wake_up_process(t);
	wait_for_completion(&w->done);
	kthread_stop(t);
	put_task_struct(t);
}

/* With a flag of each kind, and through slab after slab. */
static void alloc_node(struct kunit *test)
{
	static const gfp_t gfp[] = { GFP_KERNEL, GFP_KERNEL | __GFP_THISNODE };
	void **obj = kunit_kcalloc(test, NR, sizeof(*obj), GFP_KERNEL);
	unsigned int i, j, k, bad = 0, foreign = 0;
	int nid;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	/*
	 * If a task moves to another CPU between getting a superslab and taking a
	 * slab of it, its new CPU owns a slab of the old CPU's node until that is
	 * used up.
	 */
	migrate_disable();
	for_each_node_state(nid, N_MEMORY)
		for (i = 0; i < ARRAY_SIZE(sizes); i++)
			for (j = 0; j < ARRAY_SIZE(gfp); j++) {
				for (k = 0; k < NR; k++) {
					obj[k] = hak_alloc_node(sizes[i], gfp[j], nid);
					bad += !obj[k] || node_of(obj[k]) != nid;
					foreign += !hak_slab_of(obj[k]);
				}
				for (k = 0; k < NR; k++)
					hak_free(obj[k]);
			}
	migrate_enable();
	KUNIT_EXPECT_EQ(test, bad, 0);
	KUNIT_EXPECT_EQ(test, foreign, 0);
}

/* For a node without memory the nearest node serves, unless the caller insists. */
static void alloc_node_without_memory(struct kunit *test)
{
	unsigned int i, bad = 0;
	unsigned long asked;
	int nid, near;
	void *p;

	for_each_node(nid) {
		if (node_state(nid, N_MEMORY))
			continue;
		near = near_node(nid);
		for (i = 0; i < NR; i++) {
			p = hak_alloc_node(64, GFP_KERNEL, nid);
			bad += !hak_slab_of(p) || node_of(p) != near;
			hak_free(p);
		}
		/* A block that has to be of the node is of no other. */
		if (node_online(nid)) {
			p = hak_arena_alloc(nid, HAK_MIN_ORDER, GFP_KERNEL | __GFP_THISNODE);
			KUNIT_EXPECT_NULL(test, p);
			if (p)
				hak_arena_discard(p, HAK_MIN_ORDER);
		}
		/* A request that insists on it makes hakmem ask for no superslab. */
		asked = hak_test_event(test, HAK_EV_GROWN);
		p = hak_alloc_node(64, GFP_KERNEL | __GFP_THISNODE | __GFP_NOWARN, nid);
		KUNIT_EXPECT_NULL(test, p);
		hak_free(p);
		HAK_EXPECT_EVENT(test, HAK_EV_GROWN, asked);
	}
	KUNIT_EXPECT_EQ(test, bad, 0);
}

/* Each node that has memory comes once, and none comes before a nearer one. */
static void nearest_first(struct kunit *test)
{
	int from, nid;

	for_each_node(from) {
		nodemask_t seen = NODE_MASK_NONE;
		unsigned int pos = 0;
		int far = 0;

		while ((nid = hak_node_next(from, &pos)) != NUMA_NO_NODE) {
			KUNIT_EXPECT_TRUE(test, node_state(nid, N_NORMAL_MEMORY));
			KUNIT_EXPECT_FALSE(test, node_isset(nid, seen));
			node_set(nid, seen);
			KUNIT_EXPECT_GE(test, node_distance(from, nid), far);
			far = node_distance(from, nid);
		}
		KUNIT_EXPECT_TRUE(test, nodes_equal(seen, node_states[N_NORMAL_MEMORY]));
		pos = 0;
		KUNIT_EXPECT_EQ(test, hak_node_next(from, &pos), hak_node_near(from));
	}
}

/* How many steps by number from the possible node @from to @to, beginning anew after the last? */
static int steps(int from, int to)
{
	return (to - from + MAX_NUMNODES) % MAX_NUMNODES;
}

/* Of nodes that are equally far, the one next by number comes first. */
static void equally_far_by_number(struct kunit *test)
{
	unsigned int i, compared = 0;
	int from;

	for_each_node(from) {
		const u16 *nearest = hak_node[from]->nearest;

		for (i = 1; i + 1 < num_possible_nodes(); i++) {
			if (node_distance(from, nearest[i]) !=
			    node_distance(from, nearest[i + 1]))
				continue;
			KUNIT_EXPECT_LT(test, steps(from, nearest[i]),
					steps(from, nearest[i + 1]));
			compared++;
		}
	}
	if (!compared)
		kunit_skip(test, "no two nodes are equally far from a third");
}

/*
 * The memory of the nearest node goes offline, so that the next node serves one without
 * memory, and comes back.
 */
static void nearest_goes_and_comes_back(struct kunit *test)
{
	struct memory_notify mem = {};
	struct hak_cache *c;
	int nid, near, next;
	unsigned int pos;
	void *p;

	for_each_node(nid) {
		if (node_state(nid, N_MEMORY))
			continue;
		pos = 0;
		near = hak_node_next(nid, &pos);
		next = hak_node_next(nid, &pos);
		KUNIT_ASSERT_NE(test, next, NUMA_NO_NODE);
		KUNIT_EXPECT_EQ(test, hak_node_near(nid), near);
		/*
		 * If this runs on a CPU of @nid, a class's cache may still have objects of
		 * the nearest node. A new cache has none.
		 */
		c = hak_test_cache_shown(test, 64, 0);

		node_clear_state(near, N_NORMAL_MEMORY);
		KUNIT_EXPECT_EQ(test, hak_node_near(nid), next);
		p = hak_cache_alloc_node(c, GFP_KERNEL, nid);
		node_set_state(near, N_NORMAL_MEMORY);
		KUNIT_EXPECT_NOT_NULL(test, p);
		if (p)
			KUNIT_EXPECT_EQ(test, node_of(p), next);
		hak_cache_free(c, p);

		/* Memory of the node has come online. */
		hak_memory_notify(NULL, MEM_ONLINE, &mem);
		KUNIT_EXPECT_EQ(test, hak_node_near(nid), near);
	}
}

/* An object of another node waits in an outbox after its first free. */
static void freed_twice_to_another_node(struct kunit *test)
{
	unsigned int nid;
	void *p;

	for_each_node_state(nid, N_MEMORY) {
		p = hak_alloc_node(64, GFP_KERNEL, nid);
		KUNIT_ASSERT_NOT_NULL(test, p);
		preempt_disable();
		hak_free(p);
		hak_free(p);
		preempt_enable();
	}
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, num_node_state(N_MEMORY));
	hak_test_provoke(test, HAK_EV_BAD_FREE, num_node_state(N_MEMORY));
}

/* hak_dump_obj() finds it there. */
static void dumped_in_an_outbox(struct kunit *test)
{
	struct hak_cache *c = hak_size_class(64);
	const char *text = NULL;
	bool hears;
	int nid;
	void *p;

	if (!c->cap || c->map)
		kunit_skip(test, "CPUs cache nothing, or objects are checked");
	for_each_node_state(nid, N_MEMORY) {
		p = hak_alloc_node(64, GFP_KERNEL | __GFP_THISNODE, nid);
		KUNIT_ASSERT_NOT_NULL(test, p);
		hears = hak_test_hear();
		preempt_disable();
		hak_free(p);
		hak_dump_obj(p);
		preempt_enable();
		text = hak_test_heard();
		if (hears)
			KUNIT_EXPECT_NOT_NULL(test, strstr(text, "; free, in a CPU's cache\n"));
	}
	if (!text)
		kunit_skip(test, "no node has memory");
}

static void alloc_no_node(struct kunit *test)
{
	void *p = hak_alloc_node(64, GFP_KERNEL, NUMA_NO_NODE);

	KUNIT_EXPECT_NOT_NULL(test, p);
	hak_free(p);
}

/*
 * A CPU whose node has no memory caches the nearest node's objects, and pushes
 * objects of other nodes home.
 */
static void cpu_without_memory(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 256, 0);
	struct work w = { .c = c, .nr = 1 };
	unsigned int cpu, seen = 0;
	int nid;

	w.obj = kunit_kcalloc(test, 1, sizeof(*w.obj), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, w.obj);
	for_each_online_cpu(cpu) {
		if (node_state(cpu_to_mem(cpu), N_MEMORY))
			continue;
		seen++;
		for_each_node_state(nid, N_MEMORY) {
			struct hak_cpu_cache *cc = per_cpu_ptr(c->cpu, cpu);
			unsigned int nr;

			w.free = false;
			work_on(test, cpu_of_node(nid), &w);
			nr = READ_ONCE(cc->nr);
			w.free = true;
			work_on(test, cpu, &w);
			KUNIT_EXPECT_EQ(test, READ_ONCE(cc->nr),
					nr + (nid == near_node(cpu_to_mem(cpu))));
		}
	}
	KUNIT_EXPECT_EQ(test, w.bad, 0);
	if (!seen)
		kunit_skip(test, "every CPU's node has memory");
}

/* On every CPU hak_alloc() gives objects of the nearest node. */
static void refill_is_local(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 256, 0);
	struct work w = { .c = c, .nr = NR };
	unsigned int cpu;

	w.obj = kunit_kcalloc(test, NR, sizeof(*w.obj), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, w.obj);
	for_each_online_cpu(cpu) {
		w.free = false;
		work_on(test, cpu, &w);
		w.free = true;
		work_on(test, cpu, &w);
	}
	KUNIT_EXPECT_EQ(test, w.bad, 0);
}

/* Objects freed on another node go home, and their node gets all of them. */
static void go_home(struct kunit *test, bool bulk)
{
	int home = first_node(node_states[N_MEMORY]);
	int away = next_node(home, node_states[N_MEMORY]);
	struct hak_cache *c = hak_test_cache_shown(test, 256, 0);
	struct work w = { .c = c, .nr = NR, .bulk = bulk };
	unsigned int i, cpu = cpu_of_node(away);
	struct hak_class_stats before, after;

	w.obj = kunit_kcalloc(test, NR, sizeof(*w.obj), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, w.obj);
	KUNIT_ASSERT_LT(test, cpu, nr_cpu_ids);
	KUNIT_ASSERT_LT(test, cpu_of_node(home), nr_cpu_ids);

	work_on(test, cpu_of_node(home), &w);
	hak_class_stats_read(c, &before);
	w.free = true;
	work_on(test, cpu, &w);
	KUNIT_EXPECT_EQ(test, READ_ONCE(per_cpu_ptr(c->cpu, cpu)->nr), 0);
	KUNIT_EXPECT_NULL(test, READ_ONCE(per_cpu_ptr(c->cpu, cpu)->cur));

	/* So there are enough for as many allocations again without another slab. */
	w.free = false;
	work_on(test, cpu_of_node(home), &w);
	hak_class_stats_read(c, &after);
	KUNIT_EXPECT_LE(test, after.slabs, before.slabs);
	KUNIT_EXPECT_EQ(test, w.bad, 0);
	for (i = 0; i < NR; i++)
		w.bad += node_of(w.obj[i]) != home;
	KUNIT_EXPECT_EQ(test, w.bad, 0);
	w.free = true;
	work_on(test, cpu, &w);
}

static void frees_go_home(struct kunit *test)
{
	go_home(test, false);
}

static void bulk_frees_go_home(struct kunit *test)
{
	go_home(test, true);
}

/* Fill the objects with rubbish, free them, and allocate them again, zeroed. */
static void zeroed_by_node(struct kunit *test)
{
	void **obj = kunit_kcalloc(test, NR, sizeof(*obj), GFP_KERNEL);
	unsigned int i, round, dirty = 0;
	int nid;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	for_each_node_state(nid, N_MEMORY)
		for (round = 0; round < 2; round++) {
			for (i = 0; i < NR; i++) {
				obj[i] = hak_alloc_node(96, GFP_KERNEL | __GFP_ZERO, nid);
				KUNIT_ASSERT_NOT_NULL(test, obj[i]);
				dirty += !!memchr_inv(obj[i], 0, 96);
				memset(obj[i], 0x5a, 96);
			}
			hak_free_bulk(NR, obj);
		}
	KUNIT_EXPECT_EQ(test, dirty, 0);
}

/* From here on @nid has no slab for a new cache, and is not asked for pages. */
static void make_barren(int nid)
{
	hak_reap_all();
	hak_superslab_trim(0);
	hak_superslab_break();
	WRITE_ONCE(hak_node[nid]->failed, (jiffies + 10 * HZ) ?: 1);
}

static int barren_fn(void *arg)
{
	int here = numa_mem_id();
	struct work *w = arg;
	void *p;

	/* If the caller insists on the node, SLUB asks it. */
	p = hak_cache_alloc(w->c, GFP_KERNEL | __GFP_THISNODE);
	w->bad += !p || hak_slab_of(p) || node_of(p) != here;
	hak_cache_free(w->c, p);
	/*
	 * Otherwise the object is the nearest other node's, and more of that
	 * slab's are then cached.
	 */
	p = hak_cache_alloc(w->c, GFP_KERNEL);
	w->bad += !hak_slab_of(p) || node_of(p) == here;
	hak_cache_free(w->c, p);
	/* They are not for a caller who names this node and insists on it. */
	p = hak_cache_alloc_node(w->c, GFP_KERNEL | __GFP_THISNODE, here);
	w->bad += !p || node_of(p) != here;
	hak_cache_free(w->c, p);
	complete(&w->done);
	return 0;
}

/* If a node has no memory the others are tried, unless the caller insists. */
static void other_nodes_are_tried(struct kunit *test)
{
	int home = first_node(node_states[N_MEMORY]);
	struct hak_cache *c = hak_test_cache_shown(test, 256, 0);
	struct work w = { .c = c, .fn = barren_fn };

	KUNIT_ASSERT_LT(test, cpu_of_node(home), nr_cpu_ids);
	make_barren(home);
	work_on(test, cpu_of_node(home), &w);
	WRITE_ONCE(hak_node[home]->failed, 0);
	KUNIT_EXPECT_EQ(test, w.bad, 0);
}

/* If a node has no superslab, SLUB serves objects of that node. */
static void slubs_are_of_the_node(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 256, 0);
	int nid;
	void *p;

	for_each_node_state(nid, N_MEMORY) {
		make_barren(nid);
		p = hak_cache_alloc_node(c, GFP_KERNEL | __GFP_THISNODE, nid);
		WRITE_ONCE(hak_node[nid]->failed, 0);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_NULL(test, hak_test_slab_of(p));
		KUNIT_EXPECT_EQ(test, node_of(p), nid);
		hak_cache_free(c, p);
	}
}

/* So are objects that SLUB serves because they are charged to a memory cgroup. */
static void accounted_ones_are_of_the_node(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 256, 0);
	int nid;
	void *p;

	for_each_node_state(nid, N_MEMORY) {
		p = hak_cache_alloc_node(c, GFP_KERNEL_ACCOUNT | __GFP_THISNODE, nid);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_NULL(test, hak_test_slab_of(p));
		KUNIT_EXPECT_EQ(test, node_of(p), nid);
		hak_cache_free(c, p);
	}
}

/*
 * With two CPUs of one node the magazines are in that node's depot, and all
 * depots are trimmed.
 */
static void depots_of_all_nodes_are_trimmed(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 256, 0);
	struct work w = { .c = c, .nr = NR };
	unsigned int cpu, from, seen = 0;
	struct hak_class_stats cs;
	int nid;

	w.obj = kunit_kcalloc(test, NR, sizeof(*w.obj), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, w.obj);
	for_each_node_state(nid, N_MEMORY) {
		from = cpu_of_node(nid);
		for_each_online_cpu(cpu) {
			if (cpu == from || cpu_to_mem(cpu) != nid)
				continue;
			w.free = false;
			work_on(test, from, &w);
			w.free = true;
			work_on(test, cpu, &w);
			hak_class_stats_read(c, &cs);
			KUNIT_EXPECT_GT(test, cs.depot, 0UL);
			hak_depot_trim(true);
			hak_class_stats_read(c, &cs);
			KUNIT_EXPECT_EQ(test, cs.depot, 0UL);
			seen++;
		}
	}
	if (!seen)
		kunit_skip(test, "no node has two CPUs");
}

/* Free the objects as a further CPU of this node would, whose cache is @w->other. */
static int send_fn(void *arg)
{
	struct work *w = arg;

	preempt_disable();
	hak_test_free_many(w->c, w->other, w->obj, w->nr);
	preempt_enable();
	complete(&w->done);
	return 0;
}

/* Likewise where a node has one CPU only, so that every node gets its turn. */
static void the_depot_of_each_node_is_trimmed(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 256, 0);
	struct work w = { .c = c, .nr = 64 };
	int nid;

	w.obj = kunit_kcalloc(test, w.nr, sizeof(*w.obj), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, w.obj);
	for_each_node_state(nid, N_MEMORY) {
		struct hak_depot *d = &c->pool[nid]->depot;
		unsigned int cpu = cpu_of_node(nid);

		if (cpu >= nr_cpu_ids)
			continue;
		w.other = hak_test_cpu_sending(test, c, 16);
		w.fn = NULL;
		work_on(test, cpu, &w);
		w.fn = send_fn;
		work_on(test, cpu, &w);
		KUNIT_EXPECT_FALSE(test, hak_depot_empty(d));
		hak_depot_trim(true);
		KUNIT_EXPECT_TRUE(test, hak_depot_empty(d));
		KUNIT_EXPECT_EQ(test, hak_magazine_objects(w.other), 0);
	}
}

/* Each node frees half of the objects that both allocated, at the same time. */
static void both_nodes_free_all(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 64, 0);
	struct work w[2] = { { .c = c, .nr = NR }, { .c = c, .nr = NR } };
	unsigned int i, cpu[2];

	cpu[0] = cpu_of_node(first_node(node_states[N_MEMORY]));
	cpu[1] = cpu_of_node(next_node(cpu_to_mem(cpu[0]), node_states[N_MEMORY]));
	for (i = 0; i < 2; i++) {
		w[i].obj = kunit_kcalloc(test, NR, sizeof(void *), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, w[i].obj);
		KUNIT_ASSERT_LT(test, cpu[i], nr_cpu_ids);
		work_on(test, cpu[i], &w[i]);
	}
	for (i = 0; i < NR; i += 2)
		swap(w[0].obj[i], w[1].obj[i]);
	for (i = 0; i < 2; i++) {
		w[i].free = true;
		work_on(test, cpu[i], &w[i]);
		KUNIT_EXPECT_EQ(test, w[i].bad, 0);
	}
}

static int numa_init(struct kunit *test)
{
	if (num_node_state(N_MEMORY) < 2)
		kunit_skip(test, "one memory node; boot with two");
	return hak_test_init(test);
}

static struct kunit_case numa_cases[] = {
	KUNIT_CASE(alloc_node),
	KUNIT_CASE(alloc_node_without_memory),
	KUNIT_CASE(nearest_first),
	KUNIT_CASE(equally_far_by_number),
	KUNIT_CASE(nearest_goes_and_comes_back),
	KUNIT_CASE(freed_twice_to_another_node),
	KUNIT_CASE(dumped_in_an_outbox),
	KUNIT_CASE(alloc_no_node),
	KUNIT_CASE(cpu_without_memory),
	KUNIT_CASE(refill_is_local),
	KUNIT_CASE(frees_go_home),
	KUNIT_CASE(bulk_frees_go_home),
	KUNIT_CASE(zeroed_by_node),
	KUNIT_CASE(other_nodes_are_tried),
	KUNIT_CASE(slubs_are_of_the_node),
	KUNIT_CASE(accounted_ones_are_of_the_node),
	KUNIT_CASE(depots_of_all_nodes_are_trimmed),
	KUNIT_CASE(the_depot_of_each_node_is_trimmed),
	KUNIT_CASE(both_nodes_free_all),
	{}
};

static struct kunit_suite numa_suite = {
	.name = "hak_numa",
	.init = numa_init,
	.exit = hak_test_exit,
	.test_cases = numa_cases,
};

kunit_test_suite(numa_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit tests of hakmem's memory nodes");
MODULE_LICENSE("GPL");
