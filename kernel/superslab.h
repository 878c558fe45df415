/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Superslabs: blocks of slabs that all caches of a memory node share.
 */
#ifndef _HAK_SUPERSLAB_H
#define _HAK_SUPERSLAB_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/gfp_types.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "geometry.h"

struct hak_cache;
struct hak_slab;
struct hak_stats;

/* Wholly empty superslabs a node keeps for the next claim. */
#define HAK_STOCK		1

/* How long not to ask a node again that had nothing to give, in ms. */
#define HAK_BACKOFF_MS		10

/**
 * struct hak_superslab - naturally aligned block of slabs
 * @all: place in hak_superslabs, RCU
 * @avail: place in a list of hak_node.avail while a slot is unused
 * @used: a bit per slot in use, or HAK_SS_DEAD; under hak_node.lock
 * @full: @used with every slot in use that has its pages; under hak_node.lock
 * @addr: first byte
 * @level: which list of hak_node.avail; 0: none. Under hak_node.lock
 * @order: page order of the block
 * @nid: memory node of the pages
 * @slab: metadata, one per slot
 * @rcu: for readers of @all
 */
struct hak_superslab {
	struct list_head all;
	struct list_head avail;
	u64 used;
	u64 full;
	unsigned long addr;
	unsigned int level;
	unsigned int order;
	int nid;
	struct hak_slab *slab;
	struct rcu_head rcu;
};

#define HAK_SS_DEAD		BIT_ULL(63)

/* The list of hak_node.avail for superslabs without a slot in use. */
#define HAK_LEVEL_EMPTY		HAK_MAX_SLOTS

/**
 * struct hak_node - superslabs of one memory node
 * @lock: protects @levels, @avail, @nr_empty and @empty_pages
 * @levels: a bit per list of @avail that is not empty
 * @avail: superslabs with an unused slot: list n has those in use with n unused
 *	slots, so the first that is not empty has the fullest; and
 *	HAK_LEVEL_EMPTY those without a slot in use
 * @nr_empty: superslabs without a slot in use
 * @empty_pages: pages in those
 * @near: the nearest node that had memory as the core came up
 * @growing: somebody is asking for a superslab
 * @failed: when the page allocator last had not even one slab, in jiffies, or
 *	when somebody went to ask it again after that; 0 if it has had one since
 * @nearest: all nodes that may ever be, by their distance, this one first
 */
struct hak_node {
	raw_spinlock_t lock;
	u64 levels;
	struct list_head avail[HAK_MAX_SLOTS + 1];
	unsigned int nr_empty;
	unsigned long empty_pages;
	int near;
	atomic_t growing;
	unsigned long failed;
	u16 nearest[];
};

extern struct list_head hak_superslabs;
extern struct hak_node **hak_node;	/* by node */
int hak_superslab_init(void);
void hak_superslab_exit(void);
int hak_superslab_grow(int nid, gfp_t gfp);
int hak_node_near(int nid);
bool hak_node_barren(struct hak_cache *c, int nid);
bool hak_node_allowed(int nid);
int hak_node_next(int nid, unsigned int *pos);
struct hak_slab *hak_superslab_claim(struct hak_cache *c, int nid);
void hak_superslab_unclaim(struct hak_slab *s);
void hak_superslab_trim(unsigned int keep);
void hak_superslab_break(void);
unsigned long hak_superslab_empty_pages(int nid);
unsigned long hak_superslab_shrink(int nid, unsigned long pages);
void hak_superslab_stats(struct hak_stats *st);

#endif /* _HAK_SUPERSLAB_H */
