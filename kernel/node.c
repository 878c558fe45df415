// SPDX-License-Identifier: GPL-2.0
/*
 * Memory nodes: which of them serve an allocation, in which order, and when a node that
 * had no free block is asked again.
 */
#include <linux/array_size.h>
#include <linux/cpuset.h>
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/nodemask.h>
#include <linux/overflow.h>
#include <linux/sched.h>

#include "core.h"

struct hak_node **hak_node;

/**
 * hak_node_near() - the nearest node that has memory
 * @nid: a possible node, such as numa_mem_id(); on architectures without
 *	CONFIG_HAVE_MEMORYLESS_NODES, as x86, that may be a node without memory
 *
 * Context: any.
 * Return: @nid if it has memory for the kernel, else the nearest node that has.
 */
int hak_node_near(int nid)
{
	struct hak_node *node;
	unsigned int pos = 0;
	int near, offline;

	if (!hak_has_nodes() || likely(node_state(nid, N_NORMAL_MEMORY)))
		return nid;
	node = hak_node[nid];
	near = READ_ONCE(node->near);
	if (unlikely(!node_state(near, N_NORMAL_MEMORY))) {
		offline = near;
		near = hak_node_next(nid, &pos);
		/* If another has come online meanwhile, hak_node_find_near() knows better. */
		cmpxchg(&node->near, offline, near);
	}
	return near;
}

/**
 * hak_node_allowed() - may the caller use memory of a node?
 * @nid: a possible node
 *
 * An interrupt has no cpuset, so it may use any node. A task may use the nodes of its
 * cpuset. Without __GFP_HARDWALL it may use some others as well, depending on the
 * cpusets above its own. The page allocator works that out, so such an allocation is
 * left to the fallback.
 *
 * The mask may change while it is read. Then the task gets one object from a node
 * that it was allowed to use a moment ago.
 *
 * Context: any.
 * Return: true if the caller may use memory of @nid.
 */
bool hak_node_allowed(int nid)
{
	return !in_task() || node_isset(nid, cpuset_current_mems_allowed);
}

/**
 * hak_node_next() - the nodes that have memory, one after the other, nearest first
 * @nid: the possible node from which distances are taken
 * @pos: 0 for the first call; the function keeps its place there
 *
 * Context: any.
 * Return: a node that has memory for the kernel, @nid itself first if it has;
 * NUMA_NO_NODE after the last.
 */
int hak_node_next(int nid, unsigned int *pos)
{
	while (*pos < num_possible_nodes()) {
		int next = hak_node[nid]->nearest[(*pos)++];

		if (node_state(next, N_NORMAL_MEMORY))
			return next;
	}
	return NUMA_NO_NODE;
}

/* Have HAK_BACKOFF_MS passed since @failed, in jiffies? */
static bool hak_backoff_over(unsigned long failed)
{
	return time_after_eq(jiffies, failed + msecs_to_jiffies(HAK_BACKOFF_MS));
}

/**
 * hak_node_backoff() - has a node failed so recently that it is left alone?
 * @node: the node
 *
 * If the page allocator had no block on a node, hakmem does not ask it again for
 * HAK_BACKOFF_MS. After that the first caller gets false and starts the next period,
 * so that one CPU of many tries whether the node has memory again.
 *
 * Context: any.
 * Return: true if the caller has to leave the node alone.
 */
bool hak_node_backoff(struct hak_node *node)
{
	unsigned long failed = READ_ONCE(node->failed);

	if (likely(!failed))
		return false;
	return !hak_backoff_over(failed) ||
	       cmpxchg(&node->failed, failed, jiffies ?: 1) != failed;
}

/**
 * hak_node_barren() - is a node left alone, and has hakmem no object of a cache there?
 * @c: the cache
 * @nid: the node
 *
 * Context: any.
 * Return: true if hak_depot_receive(), hak_pool_adopt(), hak_superslab_claim() and
 * hak_superslab_grow() would all have failed at the time of the call.
 */
bool hak_node_barren(struct hak_cache *c, int nid)
{
	struct hak_node *node = hak_node[nid];
	unsigned long failed = READ_ONCE(node->failed);

	if (likely(!failed) || hak_backoff_over(failed) ||
	    READ_ONCE(node->levels) || atomic_read(&c->pool[nid]->nr) ||
	    !hak_depot_empty(&c->pool[nid]->depot))
		return false;
	hak_count(HAK_EV_BACKOFF);
	return true;
}

/* Free the nodes. Nothing of hakmem refers to their superslabs any more. */
void hak_node_exit(void)
{
	int nid;

	for_each_node(nid)
		kfree(hak_node[nid]);
	kfree(hak_node);
	hak_node = NULL;
}

/*
 * Sort all nodes by their distance from @nid. Of nodes that are equally far, the one
 * next by number comes first, so that not all nodes turn to the same one.
 */
static void hak_node_sort(int nid)
{
	u16 *nearest = hak_node[nid]->nearest;
	unsigned int i, nr = 1;
	int n;

	nearest[0] = nid;
	for (n = next_node_in(nid, node_states[N_POSSIBLE]); n != nid;
	     n = next_node_in(n, node_states[N_POSSIBLE])) {
		for (i = nr++; i > 1 && node_distance(nid, n) <
		     node_distance(nid, nearest[i - 1]); i--)
			nearest[i] = nearest[i - 1];
		nearest[i] = n;
	}
}

static struct hak_node *hak_node_new(int nid)
{
	struct hak_node *node;
	unsigned int i;

	/* If the node has no memory, the structure may be on any other. */
	node = kzalloc_node(struct_size(node, nearest, num_possible_nodes()),
			    GFP_KERNEL,
			    node_state(nid, N_MEMORY) ? nid : NUMA_NO_NODE);
	if (!node)
		return NULL;
	raw_spin_lock_init(&node->lock);
	for (i = 0; i < ARRAY_SIZE(node->avail); i++)
		INIT_LIST_HEAD(&node->avail[i]);
	return node;
}

/**
 * hak_node_find_near() - find the nearest node with memory of all nodes
 *
 * If memory has come online, it may be nearer than what a node without memory uses.
 *
 * Context: any; one caller at a time.
 */
void hak_node_find_near(void)
{
	unsigned int pos;
	int nid;

	for_each_node(nid) {
		pos = 0;
		WRITE_ONCE(hak_node[nid]->near, hak_node_next(nid, &pos));
	}
}

int hak_node_init(void)
{
	int nid;

	BUILD_BUG_ON(HAK_LEVEL_EMPTY >= 63);

	hak_node = kcalloc(nr_node_ids, sizeof(*hak_node), GFP_KERNEL);
	if (!hak_node)
		return -ENOMEM;
	for_each_node(nid) {
		hak_node[nid] = hak_node_new(nid);
		if (!hak_node[nid]) {
			hak_node_exit();
			return -ENOMEM;
		}
		hak_node_sort(nid);
	}
	hak_node_find_near();
	return 0;
}
