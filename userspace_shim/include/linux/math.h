/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * Rounding and division helpers.
 */
#ifndef _SHIM_LINUX_MATH_H
#define _SHIM_LINUX_MATH_H

#include <linux/types.h>

#define __round_mask(x, y)	((__typeof__(x))((y) - 1))
#define round_up(x, y)		((((x) - 1) | __round_mask(x, y)) + 1)
#define round_down(x, y)	((x) & ~__round_mask(x, y))
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define DIV_ROUND_UP_ULL(n, d)	DIV_ROUND_UP((unsigned long long)(n), d)
#define DIV_ROUND_DOWN_ULL(n, d)	((unsigned long long)(n) / (d))
#define DIV_ROUND_CLOSEST(x, d)	(((x) + ((d) / 2)) / (d))
#define roundup(x, y) \
	({ typeof(y) __y = (y); (((x) + (__y - 1)) / __y) * __y; })
#define rounddown(x, y) \
	({ typeof(x) __x = (x); __x - (__x % (y)); })
#define mult_frac(x, n, d) \
	({ typeof(x) q = (x) / (d); typeof(x) r = (x) % (d); \
	   q * (n) + r * (n) / (d); })
#ifndef abs
#define abs(x)	({ typeof(x) __x = (x); __x < 0 ? -__x : __x; })
#endif
#define abs_diff(a, b) \
	({ typeof(a) __a = (a); typeof(a) __b = (b); \
	   __a > __b ? __a - __b : __b - __a; })

#endif
