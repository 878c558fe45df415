/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * The few bitmap operations the core may want.
 */
#ifndef _SHIM_LINUX_BITMAP_H
#define _SHIM_LINUX_BITMAP_H

#include <linux/bitops.h>
#include <linux/string.h>

static inline void bitmap_zero(unsigned long *dst, unsigned int nbits)
{
	memset(dst, 0, BITS_TO_LONGS(nbits) * sizeof(long));
}

static inline void bitmap_fill(unsigned long *dst, unsigned int nbits)
{
	memset(dst, 0xff, BITS_TO_LONGS(nbits) * sizeof(long));
}

static inline void
bitmap_set(unsigned long *map, unsigned int start, unsigned int n)
{
	while (n--)
		__set_bit(start++, map);
}

static inline void
bitmap_clear(unsigned long *map, unsigned int start, unsigned int n)
{
	while (n--)
		__clear_bit(start++, map);
}

static inline bool bitmap_empty(const unsigned long *p, unsigned int nbits)
{
	return find_first_bit(p, nbits) == nbits;
}

static inline bool bitmap_full(const unsigned long *p, unsigned int nbits)
{
	return find_first_zero_bit(p, nbits) == nbits;
}

static inline unsigned int
bitmap_weight(const unsigned long *p, unsigned int nbits)
{
	unsigned int i, n = 0;

	for_each_set_bit(i, p, nbits)
		n++;
	return n;
}

#endif
