/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * lockdep_assert_held() and its opposite are checked in debug builds for
 * spinlocks and mutexes, and so is that preemption is off, or interrupts are on;
 * lock order is not.
 */
#ifndef _SHIM_LINUX_LOCKDEP_H
#define _SHIM_LINUX_LOCKDEP_H

#include <linux/preempt.h>
#include <linux/shim_lock.h>

struct lock_class_key { };
struct lockdep_map { };

#ifdef HAK_SHIM_DEBUG
#define lockdep_assert_held(l) \
	do { if (!shim_lock_mine(&(l)->lock)) shim_lock_not_held(&(l)->lock); } while (0)
#define lockdep_assert_not_held(l) \
	do { if (shim_lock_mine(&(l)->lock)) shim_lock_not_held(&(l)->lock); } while (0)
#define lockdep_assert_preemption_disabled()				\
	do {								\
		if (!shim_preempt_depth && !shim_irqs_off)		\
			shim_preemption_on(__FILE__, __LINE__);		\
	} while (0)
#define lockdep_assert_irqs_enabled() \
	do { if (shim_irqs_off) shim_irqs_are_off(__FILE__, __LINE__); } while (0)
#else
#define lockdep_assert_held(l)		do { (void)(l); } while (0)
#define lockdep_assert_not_held(l)	do { (void)(l); } while (0)
#define lockdep_assert_preemption_disabled()	do { } while (0)
#define lockdep_assert_irqs_enabled()	do { } while (0)
#endif
#define lockdep_assert_held_once(l)	lockdep_assert_held(l)
#define lockdep_assert(c)		do { } while (0)
#define lockdep_is_held(l)		shim_lock_mine(&(l)->lock)
#define lockdep_assert_preemption_enabled()	do { } while (0)
#define lockdep_assert_irqs_disabled()	do { } while (0)
#define lockdep_assert_in_irq()		do { } while (0)
#define lockdep_assert_cpus_held()	do { } while (0)
#define lockdep_set_class(l, k)		do { (void)(k); } while (0)
#define lockdep_register_key(k)		do { } while (0)
#define lockdep_unregister_key(k)	do { } while (0)
#define lock_map_acquire_try(m)		do { } while (0)
#define lock_map_release(m)		do { } while (0)

#endif
