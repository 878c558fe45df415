/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * ilog2 and powers of two; constant arguments give constant expressions.
 */
#ifndef _SHIM_LINUX_LOG2_H
#define _SHIM_LINUX_LOG2_H

#include <linux/types.h>
#include <linux/bitops.h>

#define ilog2(n)	((int)(63 - __builtin_clzll((unsigned long long)(n) | !(n))))

static inline __attribute__((const)) bool is_power_of_2(unsigned long n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

#define roundup_pow_of_two(n) \
	((n) == 1 ? 1UL : 1UL << (ilog2((n) - 1) + 1))
#define rounddown_pow_of_two(n)	(1UL << ilog2(n))
#define order_base_2(n)	((n) > 1 ? ilog2((n) - 1) + 1 : 0)
#define const_ilog2(n)	ilog2(n)

#endif
