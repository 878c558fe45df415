/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fast paths of the per-CPU cache. Each fits on a screen. If a case is rare, the
 * fast path jumps to a function that starts from the beginning, so that the case does
 * not cost registers here. docs/design.md says what may interrupt a fast path, and
 * where.
 *
 * A mode that is off costs no instruction. If trace_ring, paranoid_drain or hardened is
 * on, the mark keeps the fast paths out, see hak_cpu_leave(). If init_on_free is on or
 * fast_cap is 0, a free finds no room, see hak_cpu_open(). `make listing` counts the
 * instructions.
 */
#ifndef _HAK_FAST_PATH_H
#define _HAK_FAST_PATH_H

#include <linux/instruction_pointer.h>
#include <linux/kconfig.h>
#include <linux/sched/mm.h>
#include <linux/string.h>

#include "core.h"
#include "percpu_ops.h"

void *hak_alloc_other(size_t size, gfp_t gfp, int node);
void hak_free_slow(const struct hak_cache *want, const void *p,
		   unsigned long caller);
void hak_free_full(const struct hak_cache *want, const void *p,
		   unsigned long caller, struct hak_cpu_cache __percpu *cpu);
void hak_free_other_node(const struct hak_cache *want, const void *p,
			 unsigned long caller, const struct hak_entry *e);

/* Does a size class serve requests of @size bytes with @gfp? */
static __always_inline bool hak_is_tiny(size_t size, gfp_t gfp)
{
	return size - 1 < HAK_MAX_SIZE && !(gfp & HAK_GFP_FOREIGN);
}

/*
 * Check that the caller may sleep if @gfp says so. A debugging kernel reports a caller
 * that may not, as might_alloc() does. In a kernel of the model PREEMPT_VOLUNTARY,
 * might_alloc() is also a point where the task may be preempted. That takes some ten
 * instructions, so only the slow path has it, see hak_cpu_alloc_slow().
 */
static __always_inline void hak_might_alloc(gfp_t gfp)
{
	if (IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP) || IS_ENABLED(CONFIG_LOCKDEP))
		might_alloc(gfp);
}

/*
 * Take an object out of this CPU's cache. Returns false if the cache is empty, or if
 * its mark keeps the fast paths out.
 */
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
 * Free @p into this CPU's cache. If @typed, @p has to be an object of @want. If the
 * cache has no room, hak_free_full() makes some; with hardened=1 it never has room for
 * the fast path, and hak_harden_free() frees the object; hak_free_slow() does all other
 * cases. All are called last, so that the compiler can jump to them.
 */
static __always_inline void hak_free_object(const void *p, const bool typed,
					    const struct hak_cache *want)
{
	struct hak_cpu_cache __percpu *cc;
	struct hak_entry *e = NULL;

	preempt_disable();
	if (unlikely(!hak_find_entry(p, &e)))
		goto slow;
	/*
	 * If the caller does not have the object, the slab may be released meanwhile, and
	 * this may belong to another slab than the bound did, see hak_find_entry().
	 */
	cc = data_race(e->cpu);
	/* So may this. */
	if (hak_has_nodes() && data_race(e->nid) != numa_mem_id()) {
		hak_free_other_node(want, p, _RET_IP_, e);
		return;
	}
	if (typed && unlikely(cc != want->cpu))
		goto slow;
	if (unlikely(!hak_cpu_add_last(cc, p))) {
		if (hak_is_hardened())
			hak_harden_free(want, p, _RET_IP_, cc);
		else
			hak_free_full(want, p, _RET_IP_, cc);
		return;
	}
	preempt_enable();
	return;
slow:
	preempt_enable();
	hak_free_slow(want, p, _RET_IP_);
}

/* Zero @p if it is not NULL, and @gfp or init_on_alloc asks for zeroes. */
static __always_inline void *hak_init_on_alloc(struct hak_cache *c, void *p,
					       gfp_t gfp)
{
	if (p && want_init_on_alloc(gfp))
		return hak_object_init(c, p, gfp);
	return p;
}

/*
 * Does an allocation with @gfp have to be zeroed, or passed to SLUB? Then the fast path
 * leaves it to hak_alloc_special() or hak_cache_alloc_special().
 */
static __always_inline bool hak_is_special(gfp_t gfp)
{
	return want_init_on_alloc(gfp) || (gfp & HAK_GFP_FOREIGN);
}

/* An object of the size class @c, zeroed if @gfp or init_on_alloc asks for zeroes. */
static __always_inline void *hak_object_alloc(struct hak_cache *c, gfp_t gfp)
{
	void *p = NULL;

	hak_might_alloc(gfp);
	if (unlikely(!hak_cpu_pop(c->cpu, &p)))
		return hak_cpu_alloc_slow(c, gfp);
	return unlikely(want_init_on_alloc(gfp)) ? memset(p, 0, c->zero) : p;
}

/*
 * An object of @c. If the objects of @c keep their contents while they are free,
 * hak_object_init() does not zero them.
 */
static __always_inline void *hak_typed_alloc(struct hak_cache *c, gfp_t gfp)
{
	void *p = NULL;

	hak_might_alloc(gfp);
	if (unlikely(!hak_cpu_pop(c->cpu, &p)))
		return hak_cpu_alloc_slow(c, gfp);
	return unlikely(want_init_on_alloc(gfp)) ? hak_object_init(c, p, gfp) : p;
}

#endif /* _HAK_FAST_PATH_H */
