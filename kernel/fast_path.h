/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The per-CPU cache's fast paths. Each is to stay one screen, and to leave
 * whatever is rare to a function of its own that starts over, so that none of
 * it costs registers here; see docs/design.md for what may interrupt them where.
 */
#ifndef _HAK_FAST_PATH_H
#define _HAK_FAST_PATH_H

#include <linux/sched/mm.h>
#include <linux/string.h>

#include "core.h"

/* Pop an object off this CPU's cache of @c; false if that has none to give. */
static __always_inline bool hak_cpu_pop(struct hak_cache *c, void **p)
{
	struct hak_cpu_cache *cc;
	unsigned int nr;

	preempt_disable();
	cc = this_cpu_ptr(c->cpu);
	if (likely(hak_cpu_is_ready(cc))) {
		hak_cpu_enter(cc);
		nr = cc->nr;
		if (likely(nr)) {
			*p = cc->obj[nr - 1];
			WRITE_ONCE(cc->nr, nr - 1);
			hak_cpu_leave(cc);
			preempt_enable();
			return true;
		}
		hak_cpu_leave(cc);
	}
	preempt_enable();
	return false;
}

/*
 * Push @p, which is to be an object of @want unless that is NULL, onto this
 * CPU's cache. False for whatever is not that simple, with nothing done.
 */
static __always_inline bool hak_cpu_push(const void *p,
					 const struct hak_cache *want)
{
	struct hak_entry *e = NULL;
	struct hak_cache *c = NULL;
	struct hak_cpu_cache *cc;
	unsigned int nr;

	preempt_disable();
	if (unlikely(!hak_find_object(p, &e, &c)))
		goto no;
	if (unlikely(want && c != want) || want_init_on_free())
		goto no;
	if (static_branch_unlikely(&hak_modes))
		goto no;
	if (hak_has_nodes() && e->nid != numa_mem_id())
		goto no;
	cc = this_cpu_ptr(c->cpu);
	if (unlikely(in_nmi()) || unlikely(!hak_cpu_is_ready(cc)))
		goto no;

	hak_cpu_enter(cc);
	nr = cc->nr;
	/* What was the last to be freed is not freed again. */
	if (likely(nr < cc->cap && hak_cpu_last(cc, nr) != p)) {
		cc->obj[nr] = (void *)p;
		WRITE_ONCE(cc->nr, nr + 1);
		hak_cpu_leave(cc);
		preempt_enable();
		return true;
	}
	hak_cpu_leave(cc);
no:
	preempt_enable();
	return false;
}

/* Zero @p, if there is one and the caller or the system wants that. */
static __always_inline void *hak_init_on_alloc(struct hak_cache *c, void *p,
					       gfp_t gfp)
{
	if (p && want_init_on_alloc(gfp))
		memset(p, 0, c->size);
	return p;
}

/* One object of @c; zeroed if the caller or the system wants that. */
static __always_inline void *hak_object_alloc(struct hak_cache *c, gfp_t gfp)
{
	void *p = NULL;

	might_alloc(gfp);
	if (static_branch_unlikely(&hak_modes) || unlikely(!hak_cpu_pop(c, &p)))
		return hak_cpu_alloc_slow(c, gfp);
	return unlikely(want_init_on_alloc(gfp)) ? memset(p, 0, c->size) : p;
}

#endif /* _HAK_FAST_PATH_H */
