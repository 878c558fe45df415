/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The per-CPU cache's fast paths. Each is to stay one screen, and to leave
 * whatever is rare to a function of its own that starts over, so that none of
 * it costs registers here; see docs/design.md for what may interrupt them where.
 *
 * Modes that are off cost nothing: trace_ring and paranoid_drain leave the caches
 * closed to the fast paths, see hak_cpu_leave(), and init_on_free and fast_cap=0
 * give them no room, see hak_cpu_cache_init(). `make listing` counts the
 * instructions.
 */
#ifndef _HAK_FAST_PATH_H
#define _HAK_FAST_PATH_H

#include <linux/instruction_pointer.h>
#include <linux/sched/mm.h>
#include <linux/string.h>

#include "core.h"
#include "percpu_ops.h"

void hak_free_slow(const struct hak_cache *want, const void *p,
		   unsigned long caller);
void hak_free_full(const struct hak_cache *want, const void *p,
		   unsigned long caller, struct hak_cpu_cache __percpu *cpu);
void hak_free_away(const struct hak_cache *want, const void *p,
		   unsigned long caller, const struct hak_entry *e);

/* Pop an object off this CPU's cache; false if that has none to give. */
static __always_inline bool hak_cpu_pop(struct hak_cpu_cache __percpu *cc, void **p)
{
	preempt_disable();
	if (likely(hak_cpu_take_last(cc, p))) {
		preempt_enable();
		return true;
	}
	preempt_enable();
	return false;
}

/*
 * Free @p, which is to be an object of @want if @typed, into this CPU's cache. What
 * is not that simple is left to functions that the compiler can jump to.
 */
static __always_inline void hak_free_object(const void *p, const bool typed,
					    const struct hak_cache *want)
{
	struct hak_cpu_cache __percpu *cc;
	struct hak_entry *e = NULL;

	preempt_disable();
	if (unlikely(!hak_find_entry(p, &e)))
		goto slow;
	/* May be of another slab than the bound, see hak_find_entry(). */
	cc = data_race(e->cpu);
	if (hak_has_nodes() && e->nid != numa_mem_id()) {
		hak_free_away(want, p, _RET_IP_, e);
		return;
	}
	if (typed && unlikely(cc != want->cpu))
		goto slow;
	if (unlikely(!hak_cpu_add_last(cc, p))) {
		hak_free_full(want, p, _RET_IP_, cc);
		return;
	}
	preempt_enable();
	return;
slow:
	preempt_enable();
	hak_free_slow(want, p, _RET_IP_);
}

/* Zero @p, if there is one and the caller or the system wants that. */
static __always_inline void *hak_init_on_alloc(struct hak_cache *c, void *p,
					       gfp_t gfp)
{
	if (p && want_init_on_alloc(gfp))
		return hak_object_init(c, p, gfp);
	return p;
}

/* Is an allocation to be zeroed, or SLUB's? Then hak_alloc_special() is for it. */
static __always_inline bool hak_is_special(gfp_t gfp)
{
	return want_init_on_alloc(gfp) || (gfp & HAK_GFP_FOREIGN);
}

/* One object of size class @c; zeroed if the caller or the system wants that. */
static __always_inline void *hak_object_alloc(struct hak_cache *c, gfp_t gfp)
{
	void *p = NULL;

	might_alloc(gfp);
	if (unlikely(!hak_cpu_pop(c->cpu, &p)))
		return hak_cpu_alloc_slow(c, gfp);
	return unlikely(want_init_on_alloc(gfp)) ? memset(p, 0, c->size) : p;
}

/* Likewise, of a cache whose objects may have to keep what they hold. */
static __always_inline void *hak_typed_alloc(struct hak_cache *c, gfp_t gfp)
{
	void *p = NULL;

	might_alloc(gfp);
	if (unlikely(!hak_cpu_pop(c->cpu, &p)))
		return hak_cpu_alloc_slow(c, gfp);
	return unlikely(want_init_on_alloc(gfp)) ? hak_object_init(c, p, gfp) : p;
}

#endif /* _HAK_FAST_PATH_H */
