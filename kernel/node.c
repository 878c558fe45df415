// SPDX-License-Identifier: GPL-2.0
/*
 * Memory nodes: which of them serve an allocation, in which order, and when one
 * that had nothing to give is asked again.
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
 * hak_node_near() - the node to take memory of, where @nid is preferred
 * @nid: a possible node, such as numa_mem_id(), which on architectures that
 *	do not tell nodes without memory apart (x86) may be one
 *
 * Context: any.
 * Return: @nid if it has memory for the kernel, else the nearest that has.
 */
int hak_node_near(int nid)
{
	if (hak_has_nodes() &&
	    unlikely(!node_state(nid, N_NORMAL_MEMORY)))
		return hak_node[nid]->near;
	return nid;
}

/**
 * hak_node_allowed() - may the caller use memory of a node?
 * @nid: a possible node
 *
 * What is asked for in an interrupt is nobody's and may come from anywhere. A
 * task keeps to its cpuset. Without __GFP_HARDWALL it could have more, depending
 * on the cpusets above; the page allocator knows, so that is for the fallback.
 * The mask may be read while it changes: one object more or less of a node that
 * was allowed a moment ago.
 *
 * Context: any.
 * Return: true if it may.
 */
bool hak_node_allowed(int nid)
{
	return !in_task() || node_isset(nid, cpuset_current_mems_allowed);
}

/**
 * hak_node_next() - the nodes there are, the nearest first
 * @nid: a possible node
 * @pos: where to go on; 0 at first
 *
 * Context: any.
 * Return: a node that has memory for the kernel, first @nid itself if it has;
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

/* Is the period over that began when a node @failed? */
static bool hak_backoff_over(unsigned long failed)
{
	return time_after_eq(jiffies, failed + msecs_to_jiffies(HAK_BACKOFF_MS));
}

/**
 * hak_node_backoff() - is a node not to be asked for memory?
 * @node: the node
 *
 * A node that had nothing to give is left in peace for a period. When the period
 * is over, one caller is told to ask and starts the next period by that, so that
 * of many CPUs one finds out whether there is memory again.
 *
 * Context: any.
 * Return: true if it is not to be asked.
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
 * hak_node_barren() - has a node nothing for a cache, nor is to be asked for it?
 * @c: the cache
 * @nid: the node
 *
 * Context: any.
 * Return: true if neither hak_depot_receive(), hak_pool_adopt(),
 * hak_superslab_claim() nor hak_superslab_grow() would have given anything when
 * it was looked at.
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

/* Their superslabs are gone, or nothing of hakmem will look at them again. */
void hak_node_exit(void)
{
	int nid;

	for_each_node(nid)
		kfree(hak_node[nid]);
	kfree(hak_node);
	hak_node = NULL;
}

/*
 * Sort all nodes by how far they are from @nid. Of those equally far the next by
 * number comes first, so that not all nodes turn to the same one.
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

	/* Any node will do for one that has no memory of its own. */
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

int hak_node_init(void)
{
	unsigned int pos;
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
		pos = 0;
		hak_node[nid]->near = hak_node_next(nid, &pos);
	}
	return 0;
}
