/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * Nanoseconds of the monotonic clock.
 */
#ifndef _SHIM_LINUX_KTIME_H
#define _SHIM_LINUX_KTIME_H

#include <linux/types.h>
#include <linux/time64.h>

typedef s64 ktime_t;

u64 ktime_get_ns(void);
u64 ktime_get_coarse_ns(void);

#define ktime_get()		((ktime_t)ktime_get_ns())
#define ktime_get_mono_fast_ns()	ktime_get_ns()
#define ktime_get_boottime_ns()	ktime_get_ns()
#define ktime_get_raw_ns()	ktime_get_ns()
#define ktime_to_ns(t)		(t)
#define ktime_to_us(t)		((t) / 1000)
#define ktime_to_ms(t)		((t) / 1000000)
#define ktime_sub(a, b)		((a) - (b))
#define ktime_add(a, b)		((a) + (b))
#define ktime_after(a, b)	((a) > (b))

#endif
