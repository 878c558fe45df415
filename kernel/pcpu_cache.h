/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The per-CPU cache's fast paths. Each is to stay one screen; see
 * docs/design.md for what may interrupt them where.
 */
#ifndef _HAK_PCPU_CACHE_H
#define _HAK_PCPU_CACHE_H

#include <linux/sched/mm.h>

#include "core.h"

/* The owner goes in: whatever interrupts it from here on only pushes. */
static __always_inline void hak_cpu_enter(struct hak_cpu_cache *cc)
{
	WRITE_ONCE(cc->busy, 1);
	barrier();
}

static __always_inline void hak_cpu_leave(struct hak_cpu_cache *cc)
{
	barrier();
	WRITE_ONCE(cc->busy, 0);
}

/* One object of @c, not zeroed; @gfp matters only when the cache is empty. */
static __always_inline void *hak_cpu_alloc(struct hak_cache *c, gfp_t gfp)
{
	struct hak_cpu_cache *cc;
	void *p = NULL;

	might_alloc(gfp);
	if (static_branch_unlikely(&hak_modes))
		return hak_cpu_alloc_slow(c, gfp);

	preempt_disable();
	cc = this_cpu_ptr(c->cpu);
	if (likely(!READ_ONCE(cc->busy))) {
		hak_cpu_enter(cc);
		if (likely(cc->nr))
			p = cc->obj[--cc->nr];
		hak_cpu_leave(cc);
	}
	preempt_enable();

	if (unlikely(!p))
		return hak_cpu_alloc_slow(c, gfp);
	return p;
}

/* Take @p, an object of @s, back. Preemption is off. */
static __always_inline void hak_cpu_free(struct hak_cache *c,
					 struct hak_slab *s, void *p)
{
	struct hak_cpu_cache *cc = this_cpu_ptr(c->cpu);

	if (static_branch_unlikely(&hak_modes) || unlikely(in_nmi()) ||
	    unlikely(READ_ONCE(cc->busy))) {
		hak_cpu_free_slow(c, s, p);
		return;
	}
	if (static_branch_unlikely(&hak_numa) && s->nid != numa_mem_id()) {
		hak_cpu_free_slow(c, s, p);
		return;
	}

	hak_cpu_enter(cc);
	if (unlikely(cc->nr >= cc->cap))
		hak_cpu_put(c, cc, s, p);
	else
		cc->obj[cc->nr++] = p;
	hak_cpu_leave(cc);
}

#endif /* _HAK_PCPU_CACHE_H */
