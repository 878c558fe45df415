/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * Searches in bit arrays; all return size when nothing is found.
 */
#ifndef _SHIM_LINUX_FIND_H
#define _SHIM_LINUX_FIND_H

#include <linux/types.h>
#include <linux/bits.h>
#include <linux/compiler.h>

static inline unsigned long
__shim_find_next(const unsigned long *p, unsigned long invert,
		 unsigned long size, unsigned long start)
{
	unsigned long i, w;

	if (start >= size)
		return size;
	i = start / BITS_PER_LONG;
	w = (READ_ONCE(p[i]) ^ invert) & (~0UL << (start % BITS_PER_LONG));
	while (!w) {
		if (++i * BITS_PER_LONG >= size)
			return size;
		w = READ_ONCE(p[i]) ^ invert;
	}
	i = i * BITS_PER_LONG + __builtin_ctzl(w);
	return i < size ? i : size;
}

#define find_next_bit(p, size, start)	__shim_find_next(p, 0UL, size, start)
#define find_first_bit(p, size)		__shim_find_next(p, 0UL, size, 0)
#define find_next_zero_bit(p, size, start) __shim_find_next(p, ~0UL, size, start)
#define find_first_zero_bit(p, size)	__shim_find_next(p, ~0UL, size, 0)

static inline unsigned long
find_last_bit(const unsigned long *p, unsigned long size)
{
	unsigned long i = size;

	while (i--) {
		if (READ_ONCE(p[i / BITS_PER_LONG]) & BIT_MASK(i))
			return i;
	}
	return size;
}

#define for_each_set_bit(bit, p, size) \
	for ((bit) = 0; \
	     (bit) = find_next_bit((p), (size), (bit)), (bit) < (size); (bit)++)
#define for_each_clear_bit(bit, p, size) \
	for ((bit) = 0; \
	     (bit) = find_next_zero_bit((p), (size), (bit)), (bit) < (size); (bit)++)

#endif
