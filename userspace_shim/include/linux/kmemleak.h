/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: stub
 *
 * No kmemleak.
 */
#ifndef _SHIM_LINUX_KMEMLEAK_H
#define _SHIM_LINUX_KMEMLEAK_H

#include <linux/types.h>
#include <linux/gfp.h>

#define kmemleak_alloc(p, size, min, gfp)	do { (void)(p); } while (0)
#define kmemleak_free(p)		do { (void)(p); } while (0)
#define kmemleak_free_part(p, size)	do { (void)(p); } while (0)
#define kmemleak_not_leak(p)		do { (void)(p); } while (0)
#define kmemleak_ignore(p)		do { (void)(p); } while (0)
#define kmemleak_no_scan(p)		do { (void)(p); } while (0)
#define kmemleak_erase(p)		do { *(p) = NULL; } while (0)
#define kmemleak_alloc_recursive(p, size, min, flags, gfp) do { (void)(p); } while (0)
#define kmemleak_free_recursive(p, flags)	do { (void)(p); } while (0)

#endif
