/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * Kernel threads as POSIX threads, for tests only (tests/kunit_threads.c). A
 * thread is a CPU here, so kthread_bind() has nothing to do; kthread_stop()
 * waits for the thread to end by itself, and frees it.
 */
#ifndef _SHIM_LINUX_KTHREAD_H
#define _SHIM_LINUX_KTHREAD_H

#include <linux/sched.h>

struct task_struct *kthread_create(int (*fn)(void *data), void *data,
				   const char *fmt, ...);
int wake_up_process(struct task_struct *task);
int kthread_stop(struct task_struct *task);

#define kthread_bind(task, cpu)	((void)(task), (void)(cpu))

#endif
