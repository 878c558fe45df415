/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The pool: slabs of a cache that have free objects and no owner.
 */
#ifndef _HAK_POOL_H
#define _HAK_POOL_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/spinlock.h>

#include "depot.h"
#include "slab.h"

struct hak_cache;

/**
 * struct hak_arrivals - slabs in the order in which they were put into a pool
 * @chain: slabs taken off hak_pool.incoming together, the newest first
 * @below: older chains that are not used up yet, a stack linked by hak_slab.below
 */
struct hak_arrivals {
	struct llist_node *chain;
	struct llist_node *below;
};

/**
 * struct hak_pool - slabs of one cache on one node with free objects and no owner
 * @incoming: lock-free stack onto which slabs are put
 * @nr: slabs in the pool; read without the lock it is a hint
 * @lock: protects @fresh, @old and @list
 * @fresh: slabs taken off @incoming
 * @old: those that had been taken off when hak_pool_reap() began to look at them
 * @list: slabs that the reaper has looked at, in that order
 * @depot: magazines of objects on their way between the node's CPUs
 */
struct hak_pool {
	struct llist_head incoming;
	atomic_t nr;
	raw_spinlock_t lock ____cacheline_aligned_in_smp;
	struct hak_arrivals fresh;
	struct hak_arrivals old;
	struct list_head list;
	struct hak_depot depot;
};

extern struct llist_head hak_reap_queue;
int hak_pool_create(struct hak_cache *c);
void hak_pool_destroy(struct hak_cache *c);
void hak_pool_put(struct hak_slab *s, enum hak_slab_state from);
struct hak_slab *hak_pool_adopt(struct hak_cache *c, int nid);
void hak_pool_queue_reap(struct hak_slab *s, u32 rc);
void hak_pool_take_queue(void);
unsigned int hak_pool_reap_taken(unsigned int max, const struct hak_pool *pool);
bool hak_pool_any_taken(void);
unsigned int hak_pool_reap(struct hak_pool *pool);

#endif /* _HAK_POOL_H */
