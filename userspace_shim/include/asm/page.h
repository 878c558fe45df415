/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * Pages of 4 KiB whatever the system's.
 */
#ifndef _SHIM_ASM_PAGE_H
#define _SHIM_ASM_PAGE_H

#include <linux/const.h>

#define PAGE_SHIFT	12
#define PAGE_SIZE	(1UL << PAGE_SHIFT)
#define PAGE_MASK	(~(PAGE_SIZE - 1))

#define get_order(size)							\
	((size) <= PAGE_SIZE ? 0 :					\
	 (int)(64 - __builtin_clzll((unsigned long)(size) - 1)) - PAGE_SHIFT)

#endif
