/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A slab: 64 KiB of objects of one cache, and who may do what to it. The
 * tables are in core.h.
 */
#ifndef _HAK_SLAB_H
#define _HAK_SLAB_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/types.h>

#include "cache.h"
#include "registry.h"

struct hak_superslab;

enum hak_slab_state {
	HAK_OWNED,
	HAK_PARKED,
	HAK_POOLED,
	HAK_UNUSED,
};

/* What hak_slab.rc is made of, from the lowest bit up: state, told, freed. */
#define HAK_STATE_MASK		((u32)GENMASK(1, 0))
#define HAK_TOLD		((u32)BIT(2))
#define HAK_FREED_SHIFT		3
#define HAK_FREED_MASK		((u32)GENMASK(31, HAK_FREED_SHIFT))

/**
 * struct hak_slab - metadata of 64 KiB of objects of one cache
 * @freelist: free objects; links checked as they are popped
 * @drained: objects taken off @remote and not yet looked at
 * @addr: first byte of the slab
 * @ss: the superslab it is a slot of
 * @entry: its entry in the registry
 * @bump: objects carved so far; those beyond were never allocated
 * @taken: objects handed out less those the owner took back, since freed
 *	was last set to 0
 * @slot: index in @ss
 * @stranded: hak_paranoid_scan()'s, under hak_cache_mutex
 * @remote: objects freed by anyone but the owner
 * @rc: freed << HAK_FREED_SHIFT | HAK_TOLD | enum hak_slab_state
 * @nid: memory node of the pages
 * @cache: whose objects these are
 * @link: place in hak_pool.incoming, hak_pool.chain or a chain below that
 * @below: the chain below that in hak_pool.below, if @link is the first of one
 * @list: place in hak_pool.list
 * @told: place among the slabs the reaper was told of, while HAK_TOLD is set
 * @listed: is it in hak_pool.list? Under that pool's lock
 *
 * used = taken - freed counts objects that are live, cached by some CPU, or
 * pushed and not counted yet. Invariants: 0 <= used; bump <= capacity; a slab
 * with used == 0 has no pusher; and while no push is between its two halves,
 * used <= bump (else what it has linked may be out again, and be counted twice).
 */
struct hak_slab {
	/* Written by the owner only. */
	struct llist_node *freelist;
	struct llist_node *drained;
	unsigned long addr;
	struct hak_superslab *ss;
	struct hak_entry *entry;
	u32 bump;
	u32 taken;
	u32 slot;
	u32 stranded;

	/* Written by anyone. */
	struct llist_head remote __aligned(64);
	atomic_t rc;
	int nid;
	struct hak_cache *cache;
	union {
		struct {
			struct llist_node link;
			struct llist_node *below;
		};
		struct list_head list;
	};
	struct llist_node told;
	bool listed;
} __aligned(128);

void hak_slab_init(struct hak_slab *s, struct hak_cache *c);
unsigned int hak_slab_take(struct hak_cache *c, struct hak_slab *s,
			   void **obj, unsigned int want);
bool hak_slab_drain(struct hak_cache *c, struct hak_slab *s);
bool hak_slab_park(struct hak_slab *s);
void hak_slab_give(struct hak_slab *s, struct llist_node *first,
		   struct llist_node *last, unsigned int n);
void hak_slab_link(struct hak_slab *s, struct llist_node *first,
		   struct llist_node *last);
void hak_slab_count(struct hak_slab *s, unsigned int n);
void hak_slab_push(struct hak_slab *s, struct llist_node *first,
		   struct llist_node *last, unsigned int n);
void hak_slab_release(struct hak_slab *s);
bool hak_slab_validate(struct hak_slab *s);

/*
 * Does an object begin at @p that was allocated at some time? Then *@e is its
 * slab's entry and *@c its cache. RCU keeps a cache that is being destroyed:
 * preemption is off.
 */
static __always_inline bool hak_find_object(const void *p, struct hak_entry **e,
					    struct hak_cache **c)
{
	u32 off = (unsigned long)p & HAK_SLAB_MASK;

	if (unlikely(!hak_registry_find(p, e)))
		return false;
	/*
	 * One comparison for three questions, see hak_multiple(): the product is
	 * n * step for the n-th object, which is below the bound if it was ever
	 * allocated, and beyond any bound where no object begins.
	 *
	 * A caller that frees an object got it from the one that carved it, with
	 * all that was written here before. One that frees what it has not may
	 * see one word of an earlier slab's and one of the present one's, but
	 * never a cache that is gone. So the reads need not be marked, and may be
	 * operands of the instructions that compute.
	 */
	if (unlikely(off * data_race((*e)->recip) >= data_race((*e)->bound)))
		return false;
	*c = READ_ONCE((*e)->cache);
	return true;
}

static __always_inline enum hak_slab_state hak_rc_state(u32 rc)
{
	return rc & HAK_STATE_MASK;
}

/*
 * Objects neither in the slab nor counted back; see struct hak_slab. Below 0 if
 * more were freed than allocated, or if it changes while it is looked at.
 */
static __always_inline int hak_slab_used(struct hak_slab *s)
{
	u32 rc = atomic_read(&s->rc);

	return (int)((READ_ONCE(s->taken) << HAK_FREED_SHIFT) -
		     (rc & HAK_FREED_MASK)) >> HAK_FREED_SHIFT;
}

/* Was every object that left the slab counted back? @rc is the slab's. */
static __always_inline bool hak_rc_whole(struct hak_slab *s, u32 rc)
{
	return (rc & HAK_FREED_MASK) == READ_ONCE(s->taken) << HAK_FREED_SHIFT;
}

#endif /* _HAK_SLAB_H */
