/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * What is guaranteed: rcu_assign_pointer() publishes and rcu_dereference()
 * reads with acquire ordering; memory passed to kfree_rcu() stays mapped and
 * readable for ever. It is used again only for kzalloc() or kcalloc() of the
 * same size, and not while a thread is between rcu_read_lock() and
 * rcu_read_unlock(). A reader that only has preemption off sees an old or a new
 * object of that size, never an unmapped page. Objects of a
 * SLAB_TYPESAFE_BY_RCU kmem_cache stay its objects until it is destroyed.
 * call_rcu() callbacks run later, at a point where deferred work runs, and
 * rcu_barrier() runs those that wait. What is not: there are no grace periods.
 * A reader does not hold back a callback, and synchronize_rcu() waits for
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

/* Readers, of this thread and of all, that hold back what kfree_rcu() was given. */
extern __thread int shim_reads;
extern int shim_readers;

static inline void rcu_read_lock(void)
{
	preempt_disable();
	shim_reads++;
	__atomic_fetch_add(&shim_readers, 1, __ATOMIC_RELAXED);
	/*
	 * Pairs with smp_mb() in may_reuse(): either that sees this reader, or the reader does
	 * not find the memory.
	 */
	smp_mb();
}

static inline void rcu_read_unlock(void)
{
	/* Pairs with smp_load_acquire() in may_reuse(). */
	__atomic_fetch_sub(&shim_readers, 1, __ATOMIC_RELEASE);
	shim_reads--;
	preempt_enable();
}

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
unsigned long start_poll_synchronize_rcu(void);
bool poll_state_synchronize_rcu(unsigned long state);
void rcu_barrier(void);
void __shim_retire(const void *p, size_t size);

#define synchronize_rcu_expedited()	synchronize_rcu()
#define synchronize_net()		synchronize_rcu()
#define call_rcu_hurry(h, f)		call_rcu(h, f)
#define get_state_synchronize_rcu()	0UL
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
