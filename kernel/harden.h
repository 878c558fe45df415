/* SPDX-License-Identifier: GPL-2.0 */
/*
 * hardened=1: the bits of live objects, and the paths that keep them. docs/debugging.md
 * says which bugs are found.
 */
#ifndef _HAK_HARDEN_H
#define _HAK_HARDEN_H

#include <linux/bitops.h>
#include <linux/compiler.h>
#include <linux/gfp_types.h>
#include <linux/jump_label.h>
#include <linux/mm.h>
#include <linux/types.h>

#include "cache.h"
#include "check.h"
#include "geometry.h"
#include "modes.h"
#include "params.h"
#include "pcpu_cache.h"
#include "report.h"
#include "trace.h"

/* The index of @p in its slab. The product is exact, see hak_multiple(). */
static __always_inline u32 hak_live_index(const struct hak_cache *c, const void *p)
{
	return (u64)((unsigned long)p & HAK_SLAB_MASK) * c->recip >> 32;
}

/* The bits of the live objects of the slab of @p. */
static __always_inline unsigned long *hak_live_map(const struct hak_cache *c,
						   const void *p)
{
	return (unsigned long *)(((unsigned long)p & ~HAK_SLAB_MASK) + c->map);
}

/* Mark @p live. Returns false if it is live already; then that has been reported. */
static __always_inline bool hak_mark_live(struct hak_cache *c, void *p)
{
	if (likely(!test_and_set_bit(hak_live_index(c, p), hak_live_map(c, p))))
		return true;
	hak_report_object(c, p, "it is live, and was in a chain of free objects");
	return false;
}

/* Mark @p free. Returns false if it is free already. */
static __always_inline bool hak_mark_free(struct hak_cache *c, const void *p)
{
	return test_and_clear_bit(hak_live_index(c, p), hak_live_map(c, p));
}

/*
 * With hardened=1, may this CPU use its cache by the short paths, hak_harden_alloc(),
 * hak_harden_free() and those of bulk.c? It may not if the owner is inside, if the cache
 * is asleep, or if each operation has to be traced or to drain. If debug= asks for more
 * checks, the cache holds nothing and has no room, so the short paths find nothing to do.
 * If an interrupt or NMI comes after this look and before hak_cpu_enter(), it leaves the
 * mark as it found it. So the caller reads the number of objects after hak_cpu_enter().
 * The caller has preemption off.
 */
static __always_inline bool hak_harden_may_enter(const struct hak_cpu_cache *cc)
{
	return likely(READ_ONCE(cc->mark) == HAK_CPU_SLOW_ONLY) &&
	       likely(!hak_paranoid_drain) && !static_branch_unlikely(&hak_tracing);
}

/* ... and add objects to it, which it does not zero? */
static __always_inline bool hak_harden_may_free(const struct hak_cpu_cache *cc)
{
	return hak_harden_may_enter(cc) && !want_init_on_free();
}

void hak_harden_init(void);
void hak_harden_exit(void);
int hak_harden_cache(struct hak_cache *c);
u32 hak_harden_start(const struct hak_cache *c, const struct hak_slab *s);
void *hak_shuffled(const struct hak_cache *c, const struct hak_slab *s, u32 i);
void *hak_harden_alloc(struct hak_cache *c, gfp_t gfp, unsigned long caller);
void hak_harden_free(const struct hak_cache *want, const void *p,
		     unsigned long caller, struct hak_cpu_cache __percpu *cpu);

#endif /* _HAK_HARDEN_H */
