/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: stub
 *
 * KASAN's hooks; AddressSanitizer is told nothing of objects inside slabs.
 */
#ifndef _SHIM_LINUX_KASAN_H
#define _SHIM_LINUX_KASAN_H

#include <linux/types.h>

#define kasan_poison(p, n, v, i)	do { } while (0)
#define kasan_unpoison(p, n, i)		do { } while (0)
#define kasan_reset_tag(p)		((void *)(p))
#define kasan_enabled()			false
#define kasan_disable_current()		do { } while (0)
#define kasan_enable_current()		do { } while (0)

#endif
