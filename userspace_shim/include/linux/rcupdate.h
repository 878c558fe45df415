/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * What is guaranteed: rcu_assign_pointer() publishes and rcu_dereference()
 * reads with acquire ordering; memory passed to kfree_rcu() stays mapped and
 * readable for ever and is used again only for a zeroed kmalloc() of the same
 * size, so a late reader sees an old or a new object of that size, never an
 * unmapped page; objects of a SLAB_TYPESAFE_BY_RCU kmem_cache stay its objects
 * until it is destroyed. call_rcu() callbacks run later, at a point where
 * deferred work runs, and rcu_barrier() runs those that wait. What is not:
 * there are no grace periods. A reader does not hold back the reuse of what
 * kfree_rcu() was given, nor a callback, and synchronize_rcu() waits for
 * nobody; it only sleeps a millisecond. Debug builds check that read-side
 * sections are balanced and do not sleep, and that interrupts are on where a
 * grace period is started, as Linux 6.12 does.
 */
#ifndef _SHIM_LINUX_RCUPDATE_H
#define _SHIM_LINUX_RCUPDATE_H

#include <linux/compiler.h>
#include <linux/lockdep.h>
#include <linux/preempt.h>
#include <linux/types.h>
#include <asm/barrier.h>

#define rcu_read_lock()			preempt_disable()
#define rcu_read_unlock()		preempt_enable()
#define rcu_read_lock_sched()		preempt_disable()
#define rcu_read_unlock_sched()		preempt_enable()
#define rcu_read_lock_held()		true
#define rcu_read_lock_any_held()	true
#define rcu_access_pointer(p)		READ_ONCE(p)
#define rcu_dereference(p)		smp_load_acquire(&(p))
#define rcu_dereference_raw(p)		smp_load_acquire(&(p))
#define rcu_dereference_sched(p)	smp_load_acquire(&(p))
#define rcu_dereference_check(p, c)	smp_load_acquire(&(p))
#define rcu_dereference_protected(p, c)	READ_ONCE(p)
#define rcu_replace_pointer(p, n, c)					\
({									\
	typeof(p) __oldp = READ_ONCE(p);				\
	smp_store_release(&(p), n);					\
	__oldp;								\
})
#define rcu_assign_pointer(p, v)	smp_store_release(&(p), (v))
#define RCU_INIT_POINTER(p, v)		WRITE_ONCE(p, v)
#define rcu_head_init(h)		((h)->func = NULL)
#define RCU_LOCKDEP_WARN(c, s)		do { } while (0)
#define rcu_is_watching()		true

void call_rcu(struct rcu_head *head, rcu_callback_t func);
void synchronize_rcu(void);
bool poll_state_synchronize_rcu(unsigned long state);
void rcu_barrier(void);
void __shim_retire(const void *p, size_t size);

#define synchronize_rcu_expedited()	synchronize_rcu()
#define synchronize_net()		synchronize_rcu()
#define call_rcu_hurry(h, f)		call_rcu(h, f)
#define get_state_synchronize_rcu()	0UL
#define start_poll_synchronize_rcu()	({ lockdep_assert_irqs_enabled(); 0UL; })
#define cond_synchronize_rcu(s)		synchronize_rcu()

#define kfree_rcu(ptr, rhf)						\
do {									\
	BUILD_BUG_ON(!__same_type((ptr)->rhf, struct rcu_head));	\
	__shim_retire(ptr, sizeof(*(ptr)));				\
} while (0)
#define kvfree_rcu(ptr, rhf)		kfree_rcu(ptr, rhf)
#define kfree_rcu_mightsleep(ptr)	__shim_retire(ptr, sizeof(*(ptr)))
#define kvfree_rcu_mightsleep(ptr)	__shim_retire(ptr, sizeof(*(ptr)))

#endif
