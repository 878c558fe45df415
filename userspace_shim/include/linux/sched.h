/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * cond_resched() does nothing: threads are preempted anyway. current knows a
 * thread's id and its allocation tag only.
 */
#ifndef _SHIM_LINUX_SCHED_H
#define _SHIM_LINUX_SCHED_H

#include <linux/compiler.h>
#include <linux/preempt.h>
#include <linux/types.h>

#define TASK_COMM_LEN	16
#define PF_MEMALLOC	0x00000800
#define PF_KTHREAD	0x00200000

struct alloc_tag;

struct task_struct {
	int pid;
	unsigned int flags;
	char comm[TASK_COMM_LEN];
	struct alloc_tag *alloc_tag;
};

struct task_struct *shim_current(void);
void shim_yield(void);

#define current			shim_current()
#define cond_resched()		do { might_sleep(); } while (0)
#define need_resched()		false
#define yield()			shim_yield()
#define schedule()		shim_yield()
#define task_pid_nr(t)		((t)->pid)
#define signal_pending(t)	false
/* A thread has its own CPU anyway. */
#define set_cpus_allowed_ptr(t, mask)	({ (void)(t); (void)(mask); 0; })
#define fatal_signal_pending(t)	false

#endif
