/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the fast paths reach this CPU's cache, in the form that the processor is
 * best at: hak_cpu_take_last() and hak_cpu_add_last(), called with preemption off.
 *
 * On x86 each access is an operand relative to the segment register, so no
 * address is computed, and the mark and the number of objects are changed by one
 * instruction that nothing can interrupt, an NMI included. Elsewhere the
 * address is computed once, and the mark is a store by itself. An interrupt or NMI
 * that comes between a look at the mark and that store finds the cache ready,
 * uses it, and leaves it ready: so the number is read after the store.
 */
#ifndef _HAK_PERCPU_OPS_H
#define _HAK_PERCPU_OPS_H

#include <linux/compiler.h>
#include <linux/percpu.h>
#include <linux/types.h>

#include "pcpu_cache.h"

#if defined(CONFIG_X86_64) && defined(CONFIG_SMP) && !defined(CONFIG_UML)

/* *@word of this CPU += @n, in one instruction; is it negative now? */
#define hak_cpu_word_add(word, n)					\
({									\
	bool __negative;						\
									\
	asm volatile("addl %[val], %%gs:%[var]"			\
		     : "=@ccs" (__negative),				\
		       [var] "+m" (*(u32 *)(__force unsigned long)(word)) \
		     : [val] "i" ((int)(n))				\
		     : "memory");					\
	__negative;							\
})

/*
 * Take the last object of this CPU's cache. False if the cache has none or is not
 * to be used. To enter and to take the object is one step: the word becomes
 * negative if there is none, and if it was not HAK_CPU_READY.
 */
static __always_inline bool hak_cpu_take_last(struct hak_cpu_cache __percpu *cc,
					      void **p)
{
	/* Leaves %rax to the object, which is about to be returned. */
	asm("" : "+d" (cc));
	if (unlikely(hak_cpu_word_add(&cc->word, -(HAK_CPU_OPEN + 1)))) {
		hak_cpu_word_add(&cc->word, HAK_CPU_OPEN + 1);
		return false;
	}
	*p = raw_cpu_read(cc->obj[raw_cpu_read(cc->word)]);
	hak_cpu_word_add(&cc->word, HAK_CPU_OPEN);
	return true;
}

/*
 * Add @p to this CPU's cache. False, and nothing is done, if the cache is full or not
 * to be used, and if @p is what was added last: it is not freed again. The word
 * is the number of objects once the owner is inside, and larger than any limit
 * if the mark was not HAK_CPU_READY.
 */
static __always_inline bool hak_cpu_add_last(struct hak_cpu_cache __percpu *cc,
					     const void *p)
{
	u32 nr;

	hak_cpu_word_add(&cc->word, -HAK_CPU_OPEN);
	nr = raw_cpu_read(cc->word);
	if (unlikely(nr >= raw_cpu_read(cc->limit)) ||
	    unlikely(raw_cpu_read(cc->obj[(long)nr - 1]) == p)) {
		hak_cpu_word_add(&cc->word, HAK_CPU_OPEN);
		return false;
	}
	raw_cpu_write(cc->obj[nr], (void *)p);
	hak_cpu_word_add(&cc->word, HAK_CPU_OPEN + 1);
	return true;
}

#else

static __always_inline bool hak_cpu_take_last(struct hak_cpu_cache __percpu *pcc,
					      void **p)
{
	struct hak_cpu_cache *cc = this_cpu_ptr(pcc);
	unsigned int nr;

	/* What interrupts this CPU leaves the mark as it found it. */
	if (unlikely(data_race(cc->mark) != HAK_CPU_READY))
		return false;
	hak_cpu_enter(cc);
	nr = cc->nr;
	if (likely(nr)) {
		*p = cc->obj[nr - 1];
		WRITE_ONCE(cc->nr, nr - 1);
	}
	barrier();
	WRITE_ONCE(cc->mark, HAK_CPU_READY);
	return nr;
}

static __always_inline bool hak_cpu_add_last(struct hak_cpu_cache __percpu *pcc,
					     const void *p)
{
	struct hak_cpu_cache *cc = this_cpu_ptr(pcc);
	bool added = false;
	unsigned int nr;

	/* What interrupts this CPU leaves the mark as it found it. */
	if (unlikely(data_race(cc->mark) != HAK_CPU_READY))
		return false;
	hak_cpu_enter(cc);
	nr = cc->nr;
	if (likely(nr < cc->limit && hak_cpu_last(cc, nr) != p)) {
		cc->obj[nr] = (void *)p;
		/* In this order: a thread that forks may copy it in between. */
		barrier();
		WRITE_ONCE(cc->nr, nr + 1);
		added = true;
	}
	barrier();
	WRITE_ONCE(cc->mark, HAK_CPU_READY);
	return added;
}

#endif

#endif /* _HAK_PERCPU_OPS_H */
