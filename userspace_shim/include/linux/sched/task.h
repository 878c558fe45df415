/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: stub
 *
 * Tasks are not counted; kthread_stop() frees one.
 */
#ifndef _SHIM_LINUX_SCHED_TASK_H
#define _SHIM_LINUX_SCHED_TASK_H

#include <linux/sched.h>

#define get_task_struct(t)	((void)(t))
#define put_task_struct(t)	((void)(t))

#endif
