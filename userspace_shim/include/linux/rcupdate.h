/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * What is guaranteed: rcu_assign_pointer() publishes and rcu_dereference()
 * reads with acquire ordering; memory passed to kfree_rcu() stays mapped and
 * readable for ever. It is used again only for kzalloc() or kcalloc() of about
 * the same size, and not while a thread is between rcu_read_lock() and
 * rcu_read_unlock(). A reader that only has preemption off sees an old or a new
 * object in that block, never an unmapped page. Objects of a
 * SLAB_TYPESAFE_BY_RCU kmem_cache stay its objects until it is destroyed.
 * synchronize_rcu() waits for the threads that are between rcu_read_lock() and
 * rcu_read_unlock(), and poll_state_synchronize_rcu() says no while there is
 * one. call_rcu() callbacks run later, at a point where deferred work runs, and
 * rcu_barrier() runs those that wait. What is not: nobody waits for a reader that
 * only has preemption off, but for a millisecond in synchronize_rcu(), and no
 * reader holds back a callback. Debug builds check that read-side sections are
 * balanced and do not sleep, and that interrupts are on where a grace period is
 * started, as Linux 6.12 does.
 */
#ifndef _SHIM_LINUX_RCUPDATE_H
#define _SHIM_LINUX_RCUPDATE_H

#include <linux/compiler.h>
#include <linux/lockdep.h>
#include <linux/preempt.h>
#include <linux/types.h>
#include <asm/barrier.h>

/*
 * Threads that read, by the phase in which they began, and the phase in which the next one
 * begins. synchronize_rcu() begins another phase, so that it need not wait for those that come
 * later.
 */
extern int shim_readers[2];
extern unsigned int shim_phase;

/*
 * What this thread reads in: twice the number of sections, and its phase. While it is 0, the
 * thread may be counted, but what a signal handler reads then counts by itself.
 */
extern __thread unsigned int shim_reads;

static inline void rcu_read_lock(void)
{
	unsigned int reads = READ_ONCE(shim_reads), phase;

	preempt_disable();
	if (reads) {
		WRITE_ONCE(shim_reads, reads + 2);
		return;
	}
	phase = READ_ONCE(shim_phase);
	__atomic_fetch_add(&shim_readers[phase], 1, __ATOMIC_RELAXED);
	/*
	 * Pairs with smp_mb() in shim_nobody_reads() and in synchronize_rcu(): either those see
	 * this reader, or the reader does not find what was taken away before them.
	 */
	smp_mb();
	WRITE_ONCE(shim_reads, 2 + phase);
}

static inline void rcu_read_unlock(void)
{
	unsigned int reads = READ_ONCE(shim_reads);

	if (reads >= 4) {
		WRITE_ONCE(shim_reads, reads - 2);
	} else {
		WRITE_ONCE(shim_reads, 0);
		/* Pairs with smp_load_acquire() in shim_nobody_reads() and wait_for_readers(). */
		__atomic_fetch_sub(&shim_readers[reads & 1], 1, __ATOMIC_RELEASE);
	}
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
