/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: stub
 *
 * No KMSAN.
 */
#ifndef _SHIM_LINUX_KMSAN_CHECKS_H
#define _SHIM_LINUX_KMSAN_CHECKS_H

#define kmsan_poison_memory(p, n, gfp)	do { } while (0)
#define kmsan_unpoison_memory(p, n)	do { } while (0)

#endif
