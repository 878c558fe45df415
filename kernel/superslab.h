/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Superslabs: blocks of slabs that all caches of a memory node share.
 */
#ifndef _HAK_SUPERSLAB_H
#define _HAK_SUPERSLAB_H

#include <linux/bits.h>
#include <linux/gfp_types.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

struct hak_cache;
struct hak_slab;
struct hak_stats;

/* How many superslabs without a slot in use a node keeps for the next claim. */
#define HAK_STOCK		1

/* How often a node grows for one object, if each time other CPUs claim the slots first. */
#define HAK_GROW_TRIES		4

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
 * @slab: metadata, one per slot; freed with RCU, too
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

extern struct list_head hak_superslabs;
void hak_superslab_init(void);
void hak_superslab_exit(void);
int hak_superslab_grow(int nid, gfp_t gfp);
struct hak_slab *hak_superslab_claim(struct hak_cache *c, int nid);
void hak_superslab_unclaim(struct hak_slab *s);
void hak_superslab_trim(unsigned int keep);
void hak_superslab_break(void);
unsigned long hak_superslab_empty_pages(int nid);
unsigned long hak_superslab_shrink(int nid, unsigned long pages);
void hak_superslab_stats(struct hak_stats *st);

#endif /* _HAK_SUPERSLAB_H */
