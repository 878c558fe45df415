/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fast paths of malloc() and free(): what the core's do, less what a thread
 * need not do that is a CPU of its own.
 *
 * A thread is not interrupted by anything that may allocate, so no busy mark is
 * set: signal handlers must not, and work that was deferred waits for a slow
 * path. A thread without an id, and any with trace_ring and paranoid_drain, where
 * each operation is to come by the slow way, finds caches that are empty when it
 * allocates, and caches without room when it frees.
 *
 * fork() may copy a thread that is in here, and the child empties its caches. So
 * an object is stored before it is counted.
 */
#ifndef _SHIM_FRONT_H
#define _SHIM_FRONT_H

#include "core.h"
#include "shim.h"

/* Sizes of one class: (size - 1) / HAK_MIN_SIZE. */
#define SHIM_NR_SIZES	(HAK_MAX_SIZE / HAK_MIN_SIZE)

/* By size, this thread's caches. */
extern __thread struct hak_cpu_cache **shim_caches __hidden;

/* Calls of malloc() until the next that looks whether work is due. */
extern __thread int shim_calls __hidden;

/* May @size be served though work waits for its time to come? */
static __always_inline bool front_may_go_on(size_t size)
{
	return size - 1 < HAK_MAX_SIZE && --shim_calls >= 0;
}

/* How many there are. The compiler is not to do arithmetic in 16 bits. */
static __always_inline unsigned long objects(const struct hak_cpu_cache *cc)
{
	unsigned long nr = data_race(cc->nr);

	OPTIMIZER_HIDE_VAR(nr);
	return nr;
}

/* Take an object of at least @size bytes. False: it is not that simple. */
static __always_inline bool front_pop(size_t size, void **p)
{
	struct hak_cpu_cache *cc;
	unsigned long nr;

	if (unlikely(size - 1 >= data_race(shim_largest)) && !front_may_go_on(size))
		return false;
	cc = shim_caches[(size - 1) / HAK_MIN_SIZE];
	nr = objects(cc);
	if (unlikely(__builtin_sub_overflow(nr, 1UL, &nr)))
		return false;
	WRITE_ONCE(cc->nr, nr);
	*p = cc->obj[nr];
	return true;
}

/*
 * Does an object begin at @p that was ever allocated, as hak_find_object() has it,
 * and in the arena? Then *@e is its slab's entry.
 */
static __always_inline bool front_find(void *p, struct hak_entry **e)
{
	unsigned long off = (unsigned long)p - shim_arena.base;

	if (unlikely(off >= shim_arena.bytes))
		return false;
	*e = shim_arena.table + (off >> HAK_SLAB_SHIFT);
	return (u32)((unsigned long)p & HAK_SLAB_MASK) * data_race((*e)->recip) <
	       data_race((*e)->bound);
}

/* Take @p back, with the checks of hak_free(). False: it is not that simple. */
static __always_inline bool front_push(void *p)
{
	struct hak_entry *e = NULL;
	struct hak_cpu_cache *cc;
	unsigned long nr;

	if (unlikely(!front_find(p, &e)))
		return false;
	cc = this_cpu_ptr(data_race(e->cpu));
	nr = objects(cc);
	if (unlikely((u32)nr >= data_race(cc->limit)) || unlikely(cc->obj[(long)nr - 1] == p))
		return false;
	cc->obj[nr] = p;
	/* Pairs with fork(), see above. */
	smp_store_release(&cc->nr, nr + 1);
	return true;
}

#endif
