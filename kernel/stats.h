/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters: of events, per CPU; of one cache; of everything.
 */
#ifndef _HAK_STATS_H
#define _HAK_STATS_H

#include <linux/percpu.h>
#include <linux/types.h>

#include "geometry.h"
#include "lock.h"

struct hak_cache;
struct hak_slab;

/**
 * enum hak_event - what is counted per CPU, in any context
 * @HAK_EV_NESTED: allocations that interrupted the owner, sent to SLUB
 * @HAK_EV_PUSHED: frees that interrupted the owner, or came in NMI and did not go
 *	the fast way
 * @HAK_EV_LARGE: requests above HAK_MAX_SIZE, sent to SLUB
 * @HAK_EV_FOREIGN: requests with flags that are SLUB's
 * @HAK_EV_NOMEM: requests sent to SLUB for want of a superslab
 * @HAK_EV_ATOMIC: requests refused in atomic context on PREEMPT_RT, or in NMI
 * @HAK_EV_DEFERRED: SLUB objects whose kfree() had to wait
 * @HAK_EV_BAD_FREE: frees refused
 * @HAK_EV_CORRUPT: broken free links or books found
 * @HAK_EV_PARKED: slabs parked
 * @HAK_EV_POOLED: slabs put into a pool
 * @HAK_EV_KEPT: slabs to be parked that were kept, as frees had come (stage 0)
 * @HAK_EV_ADOPTED_WHOLE: whole slabs adopted from a pool (stage 0.5)
 * @HAK_EV_ADOPTED: partial slabs adopted from a pool (stage 1)
 * @HAK_EV_CLAIMED: unused slots claimed (stage 2)
 * @HAK_EV_GROWN: superslabs asked for (stage 3)
 * @HAK_EV_BACKOFF: those not asked for, as one had failed a moment before
 * @HAK_EV_UNCOVERED: superslabs given back, as the registry does not cover them
 * @HAK_EV_LOOKED: slabs the reaper looked at to see whether they are whole
 * @HAK_EV_RELEASED: whole slabs released
 * @HAK_EV_LATE: waits for CPUs to empty their caches that ended with one late
 * @HAK_NR_EVENTS: how many there are
 */
enum hak_event {
	HAK_EV_NESTED,
	HAK_EV_PUSHED,
	HAK_EV_LARGE,
	HAK_EV_FOREIGN,
	HAK_EV_NOMEM,
	HAK_EV_ATOMIC,
	HAK_EV_DEFERRED,
	HAK_EV_BAD_FREE,
	HAK_EV_CORRUPT,
	HAK_EV_PARKED,
	HAK_EV_POOLED,
	HAK_EV_KEPT,
	HAK_EV_ADOPTED_WHOLE,
	HAK_EV_ADOPTED,
	HAK_EV_CLAIMED,
	HAK_EV_GROWN,
	HAK_EV_BACKOFF,
	HAK_EV_UNCOVERED,
	HAK_EV_LOOKED,
	HAK_EV_RELEASED,
	HAK_EV_LATE,
	HAK_NR_EVENTS,
};

struct hak_events {
	unsigned long nr[HAK_NR_EVENTS];
};

extern struct hak_events __percpu *hak_events;

static __always_inline void hak_count(enum hak_event ev)
{
	this_cpu_inc(hak_events->nr[ev]);
}

struct hak_class_stats {
	const char *name;
	u32 size;
	u32 capacity;
	u32 cap;		/* objects a CPU keeps */
	long live;		/* with callers, but for SLUB's; see hak_class_stats_read() */
	long fallback;		/* those that are SLUB's (typed caches) */
	unsigned long excess;	/* frees too many, of those slabs that had some */
	unsigned long cached;	/* objects in per-CPU caches */
	unsigned long depot;	/* objects in magazines */
	unsigned long slabs;
	unsigned long slabs_active; /* those with an object in use */
	unsigned long refills, spills, pushes, drains;
	unsigned long sends, receives;
};

struct hak_stats {
	unsigned long event[HAK_NR_EVENTS];
	unsigned long superslabs;
	unsigned long superslabs_empty;
	unsigned long pages;		/* in superslabs */
	unsigned long slots_used;
	u64 grown, shrunk;		/* superslabs got and given back */
	u64 broken;			/* times one gave back unused slots */
	u64 grown_order[HAK_NR_ORDERS];
	u64 locked[HAK_NR_LOCKS];	/* with lock_stats=1 */
	u64 contended[HAK_NR_LOCKS];
};

extern const char *const hak_event_name[HAK_NR_EVENTS];
void hak_stats_read(struct hak_stats *st);
void hak_class_stats_begin(struct hak_cache *c, struct hak_class_stats *cs);
void hak_class_stats_add(struct hak_class_stats *cs, struct hak_slab *s);
void hak_class_stats_read(struct hak_cache *c, struct hak_class_stats *cs);
int hak_stats_init(void);
void hak_stats_exit(void);

#endif /* _HAK_STATS_H */
