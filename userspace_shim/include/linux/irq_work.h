/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * irq_work_queue() may be called anywhere, signal handlers included; it only
 * marks the item pending. It runs where deferred work runs (see workqueue.h),
 * in task context, not at once as in the kernel. irq_work_sync() runs what
 * waits and returns when the item neither waits nor runs.
 */
#ifndef _SHIM_LINUX_IRQ_WORK_H
#define _SHIM_LINUX_IRQ_WORK_H

#include <linux/atomic.h>
#include <linux/llist.h>
#include <linux/types.h>

struct irq_work {
	struct llist_node llnode;
	atomic_t flags;			/* IRQ_WORK_PENDING | IRQ_WORK_BUSY */
	void (*func)(struct irq_work *work);
};

#define IRQ_WORK_PENDING	1
#define IRQ_WORK_BUSY		2
#define IRQ_WORK_INIT(f)	((struct irq_work){ .func = (f) })
#define IRQ_WORK_INIT_LAZY(f)	IRQ_WORK_INIT(f)
#define IRQ_WORK_INIT_HARD(f)	IRQ_WORK_INIT(f)
#define DEFINE_IRQ_WORK(name, f)	struct irq_work name = IRQ_WORK_INIT(f)

static inline void
init_irq_work(struct irq_work *work, void (*func)(struct irq_work *))
{
	*work = IRQ_WORK_INIT(func);
}

static inline bool irq_work_is_pending(struct irq_work *work)
{
	return atomic_read(&work->flags) & IRQ_WORK_PENDING;
}

static inline bool irq_work_is_busy(struct irq_work *work)
{
	return atomic_read(&work->flags) & IRQ_WORK_BUSY;
}

bool irq_work_queue(struct irq_work *work);
void irq_work_sync(struct irq_work *work);

#define irq_work_queue_on(work, cpu)	((void)(cpu), irq_work_queue(work))

#endif
