/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * There is no worker thread. Queued work, and delayed work that is due, runs
 * in whichever thread next reaches a point where that is allowed (see
 * deferred.c): an allocation by the core or an alloc_pages() that may block, a
 * thread that ends, a malloc() or free() that leaves the fast path, a flush or an
 * explicit shim_run_pending().
 * One thread at a time runs work, in the order it was queued. A work item is
 * queued at most once, may requeue itself, and cancel_*_sync() waits until it
 * no longer runs, as in the kernel. All workqueues are one.
 */
#ifndef _SHIM_LINUX_WORKQUEUE_H
#define _SHIM_LINUX_WORKQUEUE_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/types.h>

struct work_struct;
typedef void (*work_func_t)(struct work_struct *work);

struct work_struct {
	struct list_head entry;
	work_func_t func;
	int pending;		/* under the deferred lock */
	u64 due;		/* ns; 0 = now */
};

struct delayed_work {
	struct work_struct work;
};

struct workqueue_struct {
	const char *name;
};

extern struct workqueue_struct shim_wq;

#define system_wq		(&shim_wq)
#define system_highpri_wq	(&shim_wq)
#define system_long_wq		(&shim_wq)
#define system_unbound_wq	(&shim_wq)
#define system_percpu_wq	(&shim_wq)
#define system_dfl_wq		(&shim_wq)
#define system_power_efficient_wq	(&shim_wq)

enum {
	WQ_UNBOUND = 1 << 1,
	WQ_FREEZABLE = 1 << 2,
	WQ_MEM_RECLAIM = 1 << 3,
	WQ_HIGHPRI = 1 << 4,
	WQ_CPU_INTENSIVE = 1 << 5,
	WQ_POWER_EFFICIENT = 1 << 7,
	WQ_PERCPU = 1 << 8,
};

#define alloc_workqueue(fmt, flags, max, ...)	(&shim_wq)
#define alloc_ordered_workqueue(fmt, flags, ...) (&shim_wq)
#define destroy_workqueue(wq)			flush_workqueue(wq)

#define __WORK_INITIALIZER(n, f) \
	{ .entry = LIST_HEAD_INIT((n).entry), .func = (f) }
#define DECLARE_WORK(n, f)	struct work_struct n = __WORK_INITIALIZER(n, f)
#define DECLARE_DELAYED_WORK(n, f) \
	struct delayed_work n = { .work = __WORK_INITIALIZER((n).work, f) }
#define INIT_WORK(w, f)							\
do {									\
	INIT_LIST_HEAD(&(w)->entry);					\
	(w)->func = (f);						\
	(w)->pending = 0;						\
	(w)->due = 0;							\
} while (0)
#define INIT_DELAYED_WORK(dw, f)	INIT_WORK(&(dw)->work, f)
#define INIT_DEFERRABLE_WORK(dw, f)	INIT_DELAYED_WORK(dw, f)

bool shim_queue_work(struct work_struct *work, unsigned long delay, bool modify);
bool shim_cancel_work(struct work_struct *work, bool sync);
bool shim_flush_work(struct work_struct *work);
void shim_flush_all(void);
bool shim_work_pending(struct work_struct *work);

#define queue_work(wq, w)	((void)(wq), shim_queue_work(w, 0, false))
#define queue_work_on(cpu, wq, w)	((void)(cpu), queue_work(wq, w))
#define queue_work_node(node, wq, w)	((void)(node), queue_work(wq, w))
#define queue_delayed_work(wq, dw, d) \
	((void)(wq), shim_queue_work(&(dw)->work, d, false))
#define queue_delayed_work_on(cpu, wq, dw, d) \
	((void)(cpu), queue_delayed_work(wq, dw, d))
#define mod_delayed_work(wq, dw, d) \
	((void)(wq), shim_queue_work(&(dw)->work, d, true))
#define mod_delayed_work_on(cpu, wq, dw, d) \
	((void)(cpu), mod_delayed_work(wq, dw, d))
#define schedule_work(w)		queue_work(system_wq, w)
#define schedule_work_on(cpu, w)	queue_work_on(cpu, system_wq, w)
#define schedule_delayed_work(dw, d)	queue_delayed_work(system_wq, dw, d)
#define cancel_work_sync(w)		shim_cancel_work(w, true)
#define cancel_work(w)			shim_cancel_work(w, false)
#define disable_work_sync(w)		shim_cancel_work(w, true)
#define cancel_delayed_work(dw)		shim_cancel_work(&(dw)->work, false)
#define cancel_delayed_work_sync(dw)	shim_cancel_work(&(dw)->work, true)
#define disable_delayed_work_sync(dw)	shim_cancel_work(&(dw)->work, true)
#define flush_work(w)			shim_flush_work(w)
#define flush_delayed_work(dw)		shim_flush_work(&(dw)->work)
#define flush_workqueue(wq)		((void)(wq), shim_flush_all())
#define flush_scheduled_work()		shim_flush_all()
#define drain_workqueue(wq)		flush_workqueue(wq)
#define work_pending(w)			shim_work_pending(w)
#define delayed_work_pending(dw)	shim_work_pending(&(dw)->work)
#define work_busy(w)			((unsigned int)shim_work_pending(w))
#define to_delayed_work(w)	container_of(w, struct delayed_work, work)

#endif
