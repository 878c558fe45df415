/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A slab: 64 KiB of objects of one cache. core.h has the tables of a slab's states
 * and of what may run together on it.
 */
#ifndef _HAK_SLAB_H
#define _HAK_SLAB_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/types.h>

#include "cache.h"
#include "pcpu_cache.h"
#include "registry.h"

struct hak_superslab;

enum hak_slab_state {
	HAK_OWNED,
	HAK_PARKED,
	HAK_POOLED,
	HAK_UNUSED,
};

/* The parts of hak_slab.rc, from the lowest bit up: state, queued for the reaper, freed. */
#define HAK_STATE_MASK		((u32)GENMASK(1, 0))
#define HAK_REAP_QUEUED		((u32)BIT(2))
#define HAK_FREED_SHIFT		3
#define HAK_FREED_MASK		((u32)GENMASK(31, HAK_FREED_SHIFT))

/**
 * struct hak_slab - metadata of 64 KiB of objects of one cache
 * @freelist: free objects; every link is checked when it is popped
 * @drained: free objects that the owner took off @remote, links not checked yet
 * @addr: first byte of the slab
 * @ss: the superslab it is a slot of
 * @entry: its entry in the registry
 * @bump: objects carved so far; memory behind them was never allocated
 * @taken: objects the owner handed out, less those it took back itself, since
 *	parking last set freed to 0
 * @slot: index in @ss
 * @start: where in hak_cache.order it began
 * @broken: its metadata was found to be corrupt, so it is never used again
 * @stranded: used by hak_paranoid_scan() only, under hak_cache_mutex
 * @remote: objects that CPUs other than the owner have freed
 * @rc: freed << HAK_FREED_SHIFT | HAK_REAP_QUEUED | enum hak_slab_state
 * @nid: memory node of the pages
 * @cache: the cache whose objects it holds
 * @link: place in hak_pool.incoming, hak_pool.chain or a chain below that
 * @below: if @link is the first of a chain, the next chain in hak_pool.below
 * @list: place in hak_pool.list, or in limbo
 * @rcu: frees the metadata of a superslab, of which this is the first
 * @reap_link: place in hak_reap_queue while HAK_REAP_QUEUED is set
 * @grace: state of RCU when the slab went into limbo, while it is there
 * @secret: with hardened=1, what its links are encoded with; chosen with the superslab
 * @listed: true while it is in hak_pool.list; under that pool's lock
 *
 * used = taken - freed counts the objects that are live, that are in a per-CPU cache
 * or a magazine, or that a pusher has linked and not counted yet.
 *
 * Invariants: 0 <= used; bump <= capacity; if used is 0, no CPU is pushing to the
 * slab; and used <= bump unless a pusher is between the two halves of a push. In
 * between, the owner may already have handed out again what the pusher linked, and
 * then used counts that object twice.
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
	u32 start;
	bool broken;

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
		struct rcu_head rcu;
	};
	union {
		struct llist_node reap_link;
		unsigned long grace;
	};
	unsigned long secret;
	bool listed;
} __aligned(128);

void hak_slab_init(struct hak_slab *s, struct hak_cache *c);
unsigned int hak_slab_take(struct hak_cache *c, struct hak_slab *s,
			   void **obj, unsigned int want);
bool hak_slab_drain(struct hak_cache *c, struct hak_slab *s);
bool hak_slab_park(struct hak_slab *s);
void hak_slab_leave(struct hak_slab *s);
void hak_slab_give(struct hak_slab *s, struct llist_node *first,
		   struct llist_node *last, unsigned int n);
void hak_slab_link(struct hak_slab *s, struct llist_node *first,
		   struct llist_node *last);
void hak_slab_count(struct hak_slab *s, unsigned int n);
void hak_slab_push(struct hak_slab *s, struct llist_node *first,
		   struct llist_node *last, unsigned int n);
void hak_slab_release(struct hak_slab *s);
bool hak_slab_construct(struct hak_cache *c, int nid);
struct hak_slab *hak_slab_get(struct hak_cache *c, int nid);
bool hak_slab_validate(struct hak_slab *s);

/*
 * Is @p the start of an object that was ever allocated? If so, *@e is its slab's
 * entry. The caller has preemption off, so RCU keeps the per-CPU caches of a cache
 * that is being destroyed.
 */
static __always_inline bool hak_find_entry(const void *p, struct hak_entry **e)
{
	u32 off = (unsigned long)p & HAK_SLAB_MASK;

	if (unlikely(!hak_registry_find(p, e)))
		return false;
	/*
	 * One comparison answers three questions, see hak_multiple(). At the start
	 * of the n-th object the product is n * step, which is below the bound if
	 * that object was ever allocated. Anywhere else it is beyond every bound.
	 *
	 * A caller that frees a live object got it, directly or not, from the CPU
	 * that carved it, so it sees what that CPU wrote to the entry before. A
	 * caller that frees an object it does not have may read one word of an
	 * earlier slab and one of the present slab, but never per-CPU caches that are
	 * gone. So no order between the reads is needed, and the compiler may use
	 * them as memory operands.
	 */
	return off * data_race((*e)->recip) < data_race((*e)->bound);
}

/* ... and *@c the cache. */
static __always_inline bool hak_find_object(const void *p, struct hak_entry **e,
					    struct hak_cache **c)
{
	struct hak_cpu_cache __percpu *cpu;

	if (unlikely(!hak_find_entry(p, e)))
		return false;
	cpu = READ_ONCE((*e)->cpu);
	*c = raw_cpu_read(cpu->cache);
	return true;
}

static __always_inline enum hak_slab_state hak_rc_state(u32 rc)
{
	return rc & HAK_STATE_MASK;
}

/*
 * The slab's used count, see struct hak_slab. It is below 0 if more objects were freed
 * than allocated, or if a CPU allocates or frees between the two reads.
 */
static __always_inline int hak_slab_used(struct hak_slab *s)
{
	u32 rc = atomic_read(&s->rc);

	return (int)((READ_ONCE(s->taken) << HAK_FREED_SHIFT) -
		     (rc & HAK_FREED_MASK)) >> HAK_FREED_SHIFT;
}

/* Is every object back that was taken from @s? @rc is a value of @s->rc. */
static __always_inline bool hak_rc_whole(struct hak_slab *s, u32 rc)
{
	return (rc & HAK_FREED_MASK) == READ_ONCE(s->taken) << HAK_FREED_SHIFT;
}

#endif /* _HAK_SLAB_H */
