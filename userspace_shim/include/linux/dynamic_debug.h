/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: stub
 *
 * See pr_debug() in printk.h.
 */
#ifndef _SHIM_LINUX_DYNAMIC_DEBUG_H
#define _SHIM_LINUX_DYNAMIC_DEBUG_H

#include <linux/printk.h>

#endif
