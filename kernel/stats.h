/* SPDX-License-Identifier: GPL-2.0 */
/* Counters: events per CPU, figures of one cache, and totals. */
#ifndef _HAK_STATS_H
#define _HAK_STATS_H

#include <linux/percpu.h>
#include <linux/types.h>

#include "geometry.h"
#include "lock.h"

struct hak_cache;
struct hak_slab;

/**
 * enum hak_event - events counted per CPU, in any context
 * @HAK_EV_NESTED: allocations that found the per-CPU cache busy, sent to SLUB
 * @HAK_EV_PUSHED: frees that found the per-CPU cache busy or came in NMI, and did
 *	not take the fast path
 * @HAK_EV_LARGE: requests above HAK_MAX_SIZE, sent to SLUB
 * @HAK_EV_FOREIGN: requests with GFP flags that hakmem passes to SLUB
 * @HAK_EV_NOMEM: requests sent to SLUB because there was no superslab
 * @HAK_EV_ATOMIC: requests refused in atomic context on PREEMPT_RT, or in NMI
 * @HAK_EV_DEFERRED: frees of SLUB's objects that a work item does later
 * @HAK_EV_BAD_FREE: frees refused
 * @HAK_EV_CORRUPT: wrong free links or counts found
 * @HAK_EV_PARKED: slabs parked
 * @HAK_EV_POOLED: slabs put into a pool
 * @HAK_EV_KEPT: slabs that the owner kept instead of parking them, because frees
 *	had come (stage 0; see the table of stages in docs/design.md)
 * @HAK_EV_ADOPTED_WHOLE: whole slabs adopted from a pool (stage 0.5)
 * @HAK_EV_ADOPTED: partial slabs adopted from a pool (stage 1)
 * @HAK_EV_CLAIMED: unused slots claimed (stage 2)
 * @HAK_EV_GROWN: attempts to get a superslab (stage 3)
 * @HAK_EV_BACKOFF: attempts skipped, because one had failed shortly before
 * @HAK_EV_UNCOVERED: superslabs given back because the registry does not cover
 *	them
 * @HAK_EV_LOOKED: slabs that the reaper checked for being whole
 * @HAK_EV_RELEASED: whole slabs released
 * @HAK_EV_LATE: waits for all CPUs to flush their caches that timed out
 * @HAK_NR_EVENTS: number of events
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
	u32 cap;		/* most objects that a per-CPU cache holds */
	long live;		/* live objects in slabs; see hak_class_stats_read() */
	long fallback;		/* live objects that SLUB served (typed caches) */
	unsigned long excess;	/* excess frees, summed over the slabs that had some */
	unsigned long cached;	/* objects in per-CPU caches and outboxes */
	unsigned long depot;	/* objects in magazines */
	unsigned long slabs;
	unsigned long slabs_active; /* slabs with an object in use */
	unsigned long refills, spills, pushes, drains;
	unsigned long sends, receives;
};

struct hak_stats {
	unsigned long event[HAK_NR_EVENTS];
	unsigned long superslabs;
	unsigned long superslabs_empty;
	unsigned long pages;		/* in superslabs */
	unsigned long slots_used;
	u64 grown, shrunk;		/* superslabs allocated and freed */
	u64 broken;			/* times a superslab gave back unused slots */
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
