/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * Delays.
 */
#ifndef _SHIM_LINUX_DELAY_H
#define _SHIM_LINUX_DELAY_H

#include <linux/types.h>

void shim_sleep_ns(u64 ns);
void shim_delay_ns(u64 ns);

#define msleep(ms)		shim_sleep_ns((ms) * 1000000ULL)
#define usleep_range(lo, hi)	shim_sleep_ns((lo) * 1000ULL)
#define ssleep(s)		shim_sleep_ns((s) * 1000000000ULL)
#define fsleep(us)		shim_sleep_ns((us) * 1000ULL)
#define mdelay(ms)		shim_delay_ns((ms) * 1000000ULL)
#define udelay(us)		shim_delay_ns((us) * 1000ULL)
#define ndelay(ns)		shim_delay_ns(ns)

#endif
