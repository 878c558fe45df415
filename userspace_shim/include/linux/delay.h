/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * Sleeps.
 */
#ifndef _SHIM_LINUX_DELAY_H
#define _SHIM_LINUX_DELAY_H

#include <linux/types.h>

void shim_sleep_ns(u64 ns);
void shim_msleep(u64 ms);

#define msleep(ms)		shim_msleep(ms)
#define usleep_range(lo, hi)	shim_sleep_ns((lo) * 1000ULL)
#define ssleep(s)		shim_msleep((s) * 1000ULL)
#define fsleep(us)		shim_sleep_ns((us) * 1000ULL)

#endif
