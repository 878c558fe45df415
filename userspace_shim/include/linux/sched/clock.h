/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * The scheduler's clock is the monotonic clock.
 */
#ifndef _SHIM_LINUX_SCHED_CLOCK_H
#define _SHIM_LINUX_SCHED_CLOCK_H

#include <linux/ktime.h>

#define local_clock()	ktime_get_ns()
#define sched_clock()	ktime_get_ns()
#define cpu_clock(cpu)	((void)(cpu), ktime_get_ns())

#endif
