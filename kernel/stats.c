// SPDX-License-Identifier: GPL-2.0
/*
 * Counters. The fast paths count nothing. Live objects are computed: the objects
 * taken from the slabs less the objects in per-CPU caches and magazines. The
 * result is exact if no CPU uses hakmem meanwhile.
 */
#include <linux/bitops.h>
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/nodemask.h>
#include <linux/rculist.h>
#include <linux/string.h>

#include "core.h"

struct hak_events __percpu *hak_events;

const char *const hak_event_name[HAK_NR_EVENTS] = {
	[HAK_EV_NESTED] = "alloc_nested",
	[HAK_EV_PUSHED] = "free_pushed",
	[HAK_EV_LARGE] = "fallback_large",
	[HAK_EV_FOREIGN] = "fallback_flags",
	[HAK_EV_NOMEM] = "fallback_nomem",
	[HAK_EV_ATOMIC] = "refused_atomic",
	[HAK_EV_DEFERRED] = "fallback_deferred",
	[HAK_EV_BAD_FREE] = "bad_free",
	[HAK_EV_CORRUPT] = "corruption",
	[HAK_EV_PARKED] = "slab_parked",
	[HAK_EV_POOLED] = "slab_pooled",
	[HAK_EV_KEPT] = "slab_kept",
	[HAK_EV_ADOPTED_WHOLE] = "slab_adopted_whole",
	[HAK_EV_ADOPTED] = "slab_adopted",
	[HAK_EV_CLAIMED] = "slab_claimed",
	[HAK_EV_GROWN] = "superslab_asked",
	[HAK_EV_BACKOFF] = "superslab_backoff",
	[HAK_EV_UNCOVERED] = "superslab_uncovered",
	[HAK_EV_LOOKED] = "slab_looked_at",
	[HAK_EV_RELEASED] = "slab_released",
	[HAK_EV_LATE] = "shrink_late",
};

const char *const hak_lock_name[HAK_NR_LOCKS] = {
	[HAK_LOCK_POOL] = "pool",
	[HAK_LOCK_NODE] = "node",
	[HAK_LOCK_ALL] = "superslabs",
	[HAK_LOCK_DEPOT] = "depot",
};

DEFINE_STATIC_KEY_FALSE(hak_lock_stats_on);
static atomic64_t hak_locked[HAK_NR_LOCKS];
static atomic64_t hak_contended[HAK_NR_LOCKS];

/* Take @lock, and count whether this CPU had to wait for it. */
void hak_lock_counted(raw_spinlock_t *lock, enum hak_lock_kind kind)
{
	if (!raw_spin_trylock(lock)) {
		atomic64_inc(&hak_contended[kind]);
		raw_spin_lock(lock);
	}
	atomic64_inc(&hak_locked[kind]);
}

/* Take @lock if it is free. If it is not, count that as a wait. */
bool hak_trylock_counted(raw_spinlock_t *lock, enum hak_lock_kind kind)
{
	bool got = raw_spin_trylock(lock);

	atomic64_inc(got ? &hak_locked[kind] : &hak_contended[kind]);
	return got;
}

/**
 * hak_stats_read() - read the totals of all caches
 * @st: filled in
 *
 * Context: any but NMI.
 */
void hak_stats_read(struct hak_stats *st)
{
	unsigned int cpu, i;

	memset(st, 0, sizeof(*st));
	for_each_possible_cpu(cpu)
		for (i = 0; i < HAK_NR_EVENTS; i++)
			st->event[i] +=
				READ_ONCE(per_cpu_ptr(hak_events, cpu)->nr[i]);

	hak_superslab_stats(st);
	for (i = 0; i < HAK_NR_LOCKS; i++) {
		st->locked[i] = atomic64_read(&hak_locked[i]);
		st->contended[i] = atomic64_read(&hak_contended[i]);
	}
}

/**
 * hak_class_stats_begin() - read the figures of a cache, except those of its
 * slabs
 * @c: the cache
 * @cs: filled in
 *
 * Context: any but NMI.
 */
void hak_class_stats_begin(struct hak_cache *c, struct hak_class_stats *cs)
{
	unsigned int cpu;
	int nid;

	memset(cs, 0, sizeof(*cs));
	cs->name = c->name;
	cs->size = c->size;
	cs->capacity = c->capacity;
	cs->cap = c->cap;
	for_each_possible_cpu(cpu) {
		struct hak_cpu_cache *cc = per_cpu_ptr(c->cpu, cpu);

		cs->cached += hak_cpu_objects(cc) + hak_outbox_objects(cc);
		cs->depot += hak_magazine_objects(cc);
		cs->refills += READ_ONCE(cc->refills);
		cs->spills += READ_ONCE(cc->spills);
		cs->pushes += READ_ONCE(cc->pushes);
		cs->drains += READ_ONCE(cc->drains);
		cs->sends += READ_ONCE(cc->sends);
	}
	for_each_node(nid)
		cs->receives += READ_ONCE(c->pool[nid]->depot.received);
	cs->live = -(long)(cs->cached + cs->depot);
	cs->fallback = hak_fallback_live(c);
}

/* Add the slab @s to the figures of its cache. */
void hak_class_stats_add(struct hak_class_stats *cs, struct hak_slab *s)
{
	int n = hak_slab_used(s);

	cs->slabs++;
	if (n < 0) {
		cs->excess += -n;
		return;
	}
	cs->slabs_active += n != 0;
	cs->live += n;
}

static void hak_superslab_count(struct hak_superslab *ss, struct hak_cache *c,
				struct hak_class_stats *cs)
{
	u64 used = READ_ONCE(ss->used) & READ_ONCE(ss->full);
	unsigned int i;

	for (i = 0; used >> i; i++) {
		struct hak_slab *s = &ss->slab[i];

		if (used & BIT_ULL(i) && READ_ONCE(s->cache) == c)
			hak_class_stats_add(cs, s);
	}
}

/**
 * hak_class_stats_read() - read the figures of a cache
 * @c: the cache
 * @cs: filled in; exact if no operation on @c is under way
 *
 * If an object was freed twice, a per-CPU cache may hold it twice, and then
 * @cs->live may be negative. When both are back in the slab, @cs->excess shows
 * that the slab had more frees than allocations, unless other objects of the slab
 * are live.
 *
 * Context: any but NMI. If the cache has slabs, the time grows with the number of
 * superslabs.
 */
void hak_class_stats_read(struct hak_cache *c, struct hak_class_stats *cs)
{
	struct hak_superslab *ss;

	hak_class_stats_begin(c, cs);
	if (!atomic_read(&c->nr_slabs))
		return;
	rcu_read_lock();
	list_for_each_entry_rcu(ss, &hak_superslabs, all)
		hak_superslab_count(ss, c, cs);
	rcu_read_unlock();
}

int hak_stats_init(void)
{
	hak_events = hak_alloc_percpu(struct hak_events);
	return hak_events ? 0 : -ENOMEM;
}

void hak_stats_exit(void)
{
	free_percpu(hak_events);
	hak_events = NULL;
}
