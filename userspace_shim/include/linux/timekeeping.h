/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * See ktime.h.
 */
#ifndef _SHIM_LINUX_TIMEKEEPING_H
#define _SHIM_LINUX_TIMEKEEPING_H

#include <linux/ktime.h>

#endif
