/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * A thread is a CPU and cannot migrate, so preempt_disable() need only stop
 * the compiler. Debug builds (HAK_SHIM_DEBUG) count the depth per thread: an
 * unbalanced enable aborts, and so does sleeping while it is not zero. The
 * context (task, hard irq, NMI) is always task in release builds; debug
 * builds let a test pretend another by shim_set_context(). What is not kept:
 * nothing stops other threads or signals, and preempt_count() is 0 in release
 * builds.
 */
#ifndef _SHIM_LINUX_PREEMPT_H
#define _SHIM_LINUX_PREEMPT_H

#include <linux/compiler.h>
#include <linux/types.h>

/* Locks this thread holds; deferred work runs only where it is zero. */
extern __thread int shim_locks_held;

enum shim_context { SHIM_TASK, SHIM_SOFTIRQ, SHIM_HARDIRQ, SHIM_NMI };

#ifdef HAK_SHIM_DEBUG
extern __thread int shim_preempt_depth;
extern __thread enum shim_context shim_context;

void shim_preempt_underflow(void);
void shim_might_sleep(const char *file, int line);
void shim_preemption_on(const char *file, int line);
void shim_irqs_are_off(const char *file, int line);

#define preempt_disable() \
	do { shim_preempt_depth++; barrier(); } while (0)
#define preempt_enable()						\
do {									\
	barrier();							\
	if (unlikely(--shim_preempt_depth < 0))				\
		shim_preempt_underflow();				\
} while (0)
#define preempt_count()		shim_preempt_depth
#define in_nmi()		(shim_context == SHIM_NMI)
#define in_hardirq()		(shim_context == SHIM_HARDIRQ)
#define in_serving_softirq()	(shim_context == SHIM_SOFTIRQ)
#define might_sleep()		shim_might_sleep(__FILE__, __LINE__)
#define shim_set_context(c)	(shim_context = (c))
#else
#define preempt_disable()	barrier()
#define preempt_enable()	barrier()
#define preempt_count()		0
#define in_nmi()		false
#define in_hardirq()		false
#define in_serving_softirq()	false
#define might_sleep()		do { } while (0)
#define shim_set_context(c)	do { } while (0)
#endif

#define preempt_disable_notrace()	preempt_disable()
#define preempt_enable_notrace()	preempt_enable()
#define preempt_enable_no_resched()	preempt_enable()
#define in_interrupt()		(in_nmi() || in_hardirq() || in_serving_softirq())
#define in_task()		(!in_interrupt())
#define in_softirq()		in_serving_softirq()
#define in_irq()		in_hardirq()
#define irq_count()		((int)in_interrupt())
#define in_atomic()		(preempt_count() != 0 || shim_locks_held != 0)
#define preemptible()		(!in_atomic() && !irqs_disabled())
#define might_sleep_if(c)	do { if (c) might_sleep(); } while (0)
/* A thread is a CPU, so it cannot migrate. As in the kernel, it may sleep. */
#define migrate_disable()	barrier()
#define migrate_enable()		barrier()

#include <linux/irqflags.h>

#endif
