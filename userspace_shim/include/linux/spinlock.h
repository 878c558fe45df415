/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * raw_spinlock_t and spinlock_t are the futex lock of shim_lock.h: mutual
 * exclusion with acquire and release ordering, not fair, and a waiter may
 * sleep. In debug builds holding one counts as preemption off.
 * fork() takes the locks that are static or in memory from kmalloc(), a
 * kmem_cache, alloc_percpu() or alloc_pages(), so a child finds them free. If
 * such memory is freed, or krealloc() moves it, fork() forgets its locks; of a
 * block freed by kfree() those in the first 4 KiB. fork() does not take a lock in
 * an object of hakmem: if a thread holds it meanwhile, it is held for ever in the
 * child. A lock must not be on a stack. Static locks must be defined by
 * DEFINE_RAW_SPINLOCK or initialised at run time.
 */
#ifndef _SHIM_LINUX_SPINLOCK_H
#define _SHIM_LINUX_SPINLOCK_H

#include <linux/spinlock_types.h>
#include <linux/irqflags.h>
#include <linux/lockdep.h>
#include <asm/barrier.h>

#define raw_spin_lock_init(l)	shim_lock_init(&(l)->lock)
#define raw_spin_lock(l) \
	do { preempt_disable(); shim_lock(&(l)->lock); } while (0)
#define raw_spin_unlock(l) \
	do { shim_unlock(&(l)->lock); preempt_enable(); } while (0)
#define raw_spin_trylock(l)						\
({									\
	bool __got;							\
	preempt_disable();						\
	__got = shim_trylock(&(l)->lock);				\
	if (!__got)							\
		preempt_enable();					\
	__got;								\
})
#define raw_spin_lock_irq(l) \
	do { local_irq_disable(); raw_spin_lock(l); } while (0)
#define raw_spin_unlock_irq(l) \
	do { raw_spin_unlock(l); local_irq_enable(); } while (0)
#define raw_spin_lock_irqsave(l, flags) \
	do { local_irq_save(flags); raw_spin_lock(l); } while (0)
#define raw_spin_unlock_irqrestore(l, flags) \
	do { raw_spin_unlock(l); local_irq_restore(flags); } while (0)
#define raw_spin_trylock_irqsave(l, flags)				\
({									\
	bool __gotf;							\
	local_irq_save(flags);						\
	__gotf = raw_spin_trylock(l);					\
	if (!__gotf)							\
		local_irq_restore(flags);				\
	__gotf;								\
})
#define raw_spin_is_locked(l)		shim_is_locked(&(l)->lock)
#define raw_spin_is_contended(l)	(READ_ONCE((l)->lock.word) == 2)
#define assert_raw_spin_locked(l)	lockdep_assert_held(l)

#define spin_lock_init(l)		raw_spin_lock_init(l)
#define spin_lock(l)			raw_spin_lock(l)
#define spin_unlock(l)			raw_spin_unlock(l)
#define spin_trylock(l)			raw_spin_trylock(l)
#define spin_lock_irq(l)		raw_spin_lock_irq(l)
#define spin_unlock_irq(l)		raw_spin_unlock_irq(l)
#define spin_lock_irqsave(l, f)		raw_spin_lock_irqsave(l, f)
#define spin_unlock_irqrestore(l, f)	raw_spin_unlock_irqrestore(l, f)
#define spin_lock_bh(l)			raw_spin_lock(l)
#define spin_unlock_bh(l)		raw_spin_unlock(l)
#define spin_is_locked(l)		raw_spin_is_locked(l)
#define assert_spin_locked(l)		lockdep_assert_held(l)

#endif
