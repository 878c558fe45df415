/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the fast paths use this CPU's cache: hak_cpu_take_last() and hak_cpu_add_last().
 * The caller has preemption off. There are two versions.
 *
 * On x86 each access has an operand relative to the segment register, so no address is
 * computed. One instruction changes the mark and the number of objects together, and
 * no interrupt or NMI can come in the middle of it.
 *
 * On other processors, and in user-mode Linux, the address is computed once, and the
 * mark is stored on its own. If an interrupt or NMI comes after the owner has read the
 * mark and before it stores it, the interrupt finds the cache ready, uses it, and
 * leaves it ready. So the owner reads the number of objects after it has stored the
 * mark. Or the interrupt closes the cache to the fast paths. So the owner leaves the
 * cache as hak_cpu_awake_mark says.
 */
#ifndef _HAK_PERCPU_OPS_H
#define _HAK_PERCPU_OPS_H

#include <linux/compiler.h>
#include <linux/percpu.h>
#include <linux/types.h>

#include "pcpu_cache.h"

#if defined(CONFIG_X86_64) && !defined(CONFIG_UML)

/* Add @n to *@word of this CPU in one instruction. Is the sum negative? */
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
 * Take the object freed last out of this CPU's cache. Returns false if the cache is
 * empty, or if its mark keeps the fast paths out. One subtraction enters the cache and
 * takes the object off the number. If the difference is negative, the cache was empty
 * or the mark was not HAK_CPU_READY.
 */
static __always_inline bool hak_cpu_take_last(struct hak_cpu_cache __percpu *cc,
					      void **p)
{
	/* This keeps %rax free for the object, which is returned in it. */
	asm("" : "+d" (cc));
	if (unlikely(hak_cpu_word_add(&cc->word, -(HAK_CPU_WORD_READY + 1)))) {
		hak_cpu_word_add(&cc->word, HAK_CPU_WORD_READY + 1);
		return false;
	}
	*p = raw_cpu_read(cc->obj[raw_cpu_read(cc->word)]);
	hak_cpu_word_add(&cc->word, HAK_CPU_WORD_READY);
	return true;
}

/*
 * Add @p to this CPU's cache. Returns false, with nothing changed, if the cache is full,
 * if its mark keeps the fast paths out, or if @p is the object that was freed last and
 * so is being freed twice. After the subtraction the word is the number of objects if
 * the mark was HAK_CPU_READY, and above every limit if not.
 */
static __always_inline bool hak_cpu_add_last(struct hak_cpu_cache __percpu *cc,
					     const void *p)
{
	u32 nr;

	hak_cpu_word_add(&cc->word, -HAK_CPU_WORD_READY);
	nr = raw_cpu_read(cc->word);
	if (unlikely(nr >= raw_cpu_read(cc->limit)) ||
	    unlikely(raw_cpu_read(cc->obj[(long)nr - 1]) == p)) {
		hak_cpu_word_add(&cc->word, HAK_CPU_WORD_READY);
		return false;
	}
	raw_cpu_write(cc->obj[nr], (void *)p);
	hak_cpu_word_add(&cc->word, HAK_CPU_WORD_READY + 1);
	return true;
}

#else

/* Take the object freed last, as the version for x86 does. */
static __always_inline bool hak_cpu_take_last(struct hak_cpu_cache __percpu *pcc,
					      void **p)
{
	struct hak_cpu_cache *cc = this_cpu_ptr(pcc);
	unsigned int nr;

	/*
	 * This read races with interrupts of this CPU. One that allocates or frees leaves
	 * the mark as it found it. One that closes the cache may come before
	 * hak_cpu_enter(); then hak_cpu_leave() closes the cache again.
	 */
	if (unlikely(data_race(cc->mark) != HAK_CPU_READY))
		return false;
	hak_cpu_enter(cc);
	nr = cc->nr;
	if (likely(nr)) {
		*p = cc->obj[nr - 1];
		WRITE_ONCE(cc->nr, nr - 1);
	}
	hak_cpu_leave(cc);
	return nr;
}

/* Add @p, as the version for x86 does. */
static __always_inline bool hak_cpu_add_last(struct hak_cpu_cache __percpu *pcc,
					     const void *p)
{
	struct hak_cpu_cache *cc = this_cpu_ptr(pcc);
	bool added = false;
	unsigned int nr;

	/* This read races as that in hak_cpu_take_last() does. */
	if (unlikely(data_race(cc->mark) != HAK_CPU_READY))
		return false;
	hak_cpu_enter(cc);
	nr = cc->nr;
	if (likely(nr < cc->limit && hak_cpu_last(cc, nr) != p)) {
		cc->obj[nr] = (void *)p;
		/*
		 * The object is stored before the number, since a thread may fork in
		 * between, and its child gets a copy of the cache.
		 */
		barrier();
		WRITE_ONCE(cc->nr, nr + 1);
		added = true;
	}
	hak_cpu_leave(cc);
	return added;
}

#endif

#endif /* _HAK_PERCPU_OPS_H */
