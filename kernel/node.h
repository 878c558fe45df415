/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory nodes: their superslabs, and which nodes are near, which the caller may use, and
 * which have just failed.
 */
#ifndef _HAK_NODE_H
#define _HAK_NODE_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "geometry.h"

struct hak_cache;

/* How long hakmem leaves a node alone that had no block for it, in ms. */
#define HAK_BACKOFF_MS		10

/* The list of hak_node.avail for superslabs without a slot in use. */
#define HAK_LEVEL_EMPTY		HAK_MAX_SLOTS

/**
 * struct hak_node - superslabs of one memory node
 * @lock: protects the fields up to @nr_used
 * @levels: a bit per list of @avail that is not empty
 * @avail: superslabs with an unused slot. List n has those with n unused slots, so the
 *	first list that is not empty has the fullest. List HAK_LEVEL_EMPTY has those
 *	without a slot in use.
 * @nr_empty: superslabs without a slot in use
 * @empty_pages: pages in those
 * @nr_superslabs: superslabs that it has
 * @nr_slots: slots of these that still have their pages
 * @nr_used: slots that are in use
 * @near: the nearest node that had memory when that was last looked for
 * @growing: a caller is asking the page allocator for a superslab
 * @failed: when the page allocator last had no block for even one slab, or when a caller
 *	last asked again after that, in jiffies; 0 if it has had a block since
 * @nearest: all possible nodes by their distance, this one first
 */
struct hak_node {
	raw_spinlock_t lock;
	u64 levels;
	struct list_head avail[HAK_MAX_SLOTS + 1];
	unsigned int nr_empty;
	unsigned long empty_pages;
	unsigned long nr_superslabs;
	unsigned long nr_slots;
	unsigned long nr_used;
	int near;
	atomic_t growing;
	unsigned long failed;
	u16 nearest[];
};

extern struct hak_node **hak_node;	/* by node */
int hak_node_init(void);
void hak_node_exit(void);
void hak_node_find_near(void);
int hak_node_near(int nid);
bool hak_node_allowed(int nid);
int hak_node_next(int nid, unsigned int *pos);
bool hak_node_backoff(struct hak_node *node);
bool hak_node_barren(struct hak_cache *c, int nid);

#endif /* _HAK_NODE_H */
