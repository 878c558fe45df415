/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * The compiler's prefetch.
 */
#ifndef _SHIM_LINUX_PREFETCH_H
#define _SHIM_LINUX_PREFETCH_H

#include <linux/types.h>

#define prefetch(x)	__builtin_prefetch(x)
#define prefetchw(x)	__builtin_prefetch(x, 1)

#endif
