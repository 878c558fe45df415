/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fast paths of malloc() and free(). They leave out the steps of the core's
 * fast paths that a thread, being a CPU of its own, does not need.
 *
 * No interrupt that may allocate comes in a thread: signal handlers must not
 * allocate, and deferred work waits for a slow path. So no busy mark is set. A
 * thread without an id, and every thread with trace_ring or paranoid_drain, must
 * take the slow path for each operation. It gets caches that are empty when it
 * allocates, and full when it frees.
 *
 * fork() may copy a thread that is inside these functions, and the child flushes
 * its caches. So an object is stored before it is counted.
 */
#ifndef _SHIM_FRONT_H
#define _SHIM_FRONT_H

#include "core.h"
#include "fast_path.h"
#include "shim.h"

/* Sizes of one class: (size - 1) / HAK_MIN_SIZE. */
#define SHIM_NR_SIZES	(HAK_MAX_SIZE / HAK_MIN_SIZE)

/* This thread's caches, by size. */
extern __thread struct hak_cpu_cache **shim_caches __hidden;

/* Calls of malloc() until one checks whether work is due. */
extern __thread int shim_calls __hidden;

/* May malloc() serve @size although work waits for its time? */
static __always_inline bool front_may_go_on(size_t size)
{
	return size - 1 < HAK_MAX_SIZE && --shim_calls >= 0;
}

/*
 * The number of objects, in a form that keeps the compiler from 16-bit
 * arithmetic.
 */
static __always_inline unsigned long objects(const struct hak_cpu_cache *cc)
{
	unsigned long nr = data_race(cc->nr);

	OPTIMIZER_HIDE_VAR(nr);
	return nr;
}

/*
 * Find this thread's cache for @size bytes. Returns false if none serves so many, or if work
 * that waits has to be looked at first.
 */
static __always_inline bool front_cache(size_t size, struct hak_cpu_cache **cc)
{
	if (unlikely(size - 1 >= data_race(shim_largest)) && !front_may_go_on(size))
		return false;
	*cc = shim_caches[(size - 1) / HAK_MIN_SIZE];
	return true;
}

/* Take an object out of @cc. False if it is empty. */
static __always_inline bool front_take(struct hak_cpu_cache *cc, void **p)
{
	unsigned long nr = objects(cc);

	if (unlikely(__builtin_sub_overflow(nr, 1UL, &nr)))
		return false;
	WRITE_ONCE(cc->nr, nr);
	*p = cc->obj[nr];
	return true;
}

/*
 * Does @p, in the arena, begin an object that was ever allocated? The check is
 * that of hak_find_object(). If so, *@e is its slab's entry.
 */
static __always_inline bool front_find(void *p, struct hak_entry **e)
{
	unsigned long off = (unsigned long)p - shim_arena.base;

	/* Plain, since whoever frees an object got it after its entry could be read. */
	if (unlikely(off >= data_race(shim_arena.ready)))
		return false;
	*e = shim_arena.table + (off >> HAK_SLAB_SHIFT);
	return (u32)((unsigned long)p & HAK_SLAB_MASK) * data_race((*e)->recip) <
	       data_race((*e)->bound);
}

/*
 * Take @p back into @cc. False if there is no room, or if @p is the object that was freed
 * last.
 */
static __always_inline bool front_put(struct hak_cpu_cache *cc, void *p)
{
	unsigned long nr = objects(cc);

	if (unlikely((u32)nr >= data_race(cc->limit)) || unlikely(cc->obj[(long)nr - 1] == p))
		return false;
	cc->obj[nr] = p;
	/* Pairs with fork(), see above. */
	smp_store_release(&cc->nr, nr + 1);
	return true;
}

/*
 * The slow paths go into the core by the next two functions. Reports of misuse then name
 * @caller, which is in the program.
 */
static inline void *front_alloc_object(struct hak_cache *c, gfp_t gfp, unsigned long caller)
{
	if (hak_is_hardened())
		return hak_harden_alloc(c, gfp, caller);
	if (unlikely(c->checks))
		return hak_cpu_alloc_checked(c, gfp, caller);
	return hak_object_alloc(c, gfp);
}

/* hak_free_object(), which says why this is so, on a machine of one node. */
static inline void front_free_object(const void *p, unsigned long caller)
{
	struct hak_cpu_cache __percpu *cc;
	struct hak_entry *e = NULL;

	preempt_disable();
	if (unlikely(!hak_find_entry(p, &e))) {
		preempt_enable();
		hak_free_slow(NULL, p, caller);
		return;
	}
	cc = data_race(e->cpu);
	if (likely(hak_cpu_add_last(cc, p)))
		preempt_enable();
	else if (hak_is_hardened())
		hak_harden_free(NULL, p, caller, cc);
	else
		hak_free_full(NULL, p, caller, cc);
}

#endif
