/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * HZ is 1000; jiffies is read from the coarse monotonic clock.
 */
#ifndef _SHIM_LINUX_JIFFIES_H
#define _SHIM_LINUX_JIFFIES_H

#include <linux/ktime.h>
#include <linux/types.h>
#include <linux/limits.h>

#define HZ			1000
#define jiffies			((unsigned long)(ktime_get_coarse_ns() / 1000000))
#define get_jiffies_64()	((u64)jiffies)
#define MAX_JIFFY_OFFSET	((LONG_MAX >> 1) - 1)
#define msecs_to_jiffies(m)	((unsigned long)(m))
#define usecs_to_jiffies(u)	(((unsigned long)(u) + 999) / 1000)
#define secs_to_jiffies(s)	((unsigned long)(s) * HZ)
#define nsecs_to_jiffies(n)	((unsigned long)((n) / 1000000))
#define jiffies_to_msecs(j)	((unsigned int)(j))
#define jiffies_to_usecs(j)	((unsigned int)(j) * 1000)
#define jiffies_to_nsecs(j)	((u64)(j) * 1000000)
#define round_jiffies_relative(j)	(j)
#define time_after(a, b)	((long)((b) - (a)) < 0)
#define time_before(a, b)	time_after(b, a)
#define time_after_eq(a, b)	((long)((a) - (b)) >= 0)
#define time_before_eq(a, b)	time_after_eq(b, a)
#define time_is_before_jiffies(a)	time_after(jiffies, a)
#define time_is_after_jiffies(a)	time_before(jiffies, a)

#endif
