/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * Bit searches, atomic and non-atomic bit operations on unsigned long arrays.
 * The atomic read-modify-write operations that return a value are fully
 * ordered, the others relaxed, as in the kernel.
 */
#ifndef _SHIM_LINUX_BITOPS_H
#define _SHIM_LINUX_BITOPS_H

#include <linux/types.h>
#include <linux/bits.h>
#include <linux/compiler.h>
#include <asm/barrier.h>

static __always_inline unsigned long __ffs(unsigned long w)
{
	return __builtin_ctzl(w);
}

static __always_inline unsigned long __fls(unsigned long w)
{
	return 63 - __builtin_clzl(w);
}

static __always_inline unsigned long ffz(unsigned long w)
{
	return __builtin_ctzl(~w);
}

static __always_inline unsigned int __ffs64(u64 w)
{
	return __builtin_ctzll(w);
}

static __always_inline int fls(unsigned int x)
{
	return x ? 32 - __builtin_clz(x) : 0;
}

static __always_inline int fls64(u64 x)
{
	return x ? 64 - __builtin_clzll(x) : 0;
}

static __always_inline unsigned int fls_long(unsigned long x)
{
	return fls64(x);
}

static __always_inline int get_count_order(unsigned int n)
{
	return n ? fls(n - 1) : -1;
}

#ifndef _STRINGS_H
#define ffs(x)		__builtin_ffs(x)
#endif
#define hweight8(w)	((unsigned int)__builtin_popcount((u8)(w)))
#define hweight16(w)	((unsigned int)__builtin_popcount((u16)(w)))
#define hweight32(w)	((unsigned int)__builtin_popcount((u32)(w)))
#define hweight64(w)	((unsigned long)__builtin_popcountll((u64)(w)))
#define hweight_long(w)	((unsigned long)__builtin_popcountl(w))

static __always_inline u32 rol32(u32 w, unsigned int s)
{
	return (w << (s & 31)) | (w >> ((-s) & 31));
}

static __always_inline u32 ror32(u32 w, unsigned int s)
{
	return (w >> (s & 31)) | (w << ((-s) & 31));
}

static __always_inline u64 rol64(u64 w, unsigned int s)
{
	return (w << (s & 63)) | (w >> ((-s) & 63));
}

static __always_inline u64 ror64(u64 w, unsigned int s)
{
	return (w >> (s & 63)) | (w << ((-s) & 63));
}

static __always_inline void set_bit(long nr, volatile unsigned long *p)
{
	__atomic_fetch_or(p + BIT_WORD(nr), BIT_MASK(nr), __ATOMIC_RELAXED);
}

static __always_inline void clear_bit(long nr, volatile unsigned long *p)
{
	__atomic_fetch_and(p + BIT_WORD(nr), ~BIT_MASK(nr), __ATOMIC_RELAXED);
}

static __always_inline void change_bit(long nr, volatile unsigned long *p)
{
	__atomic_fetch_xor(p + BIT_WORD(nr), BIT_MASK(nr), __ATOMIC_RELAXED);
}

static __always_inline bool test_bit(long nr, const volatile unsigned long *p)
{
	return READ_ONCE(p[BIT_WORD(nr)]) & BIT_MASK(nr);
}

static __always_inline bool
test_bit_acquire(long nr, const volatile unsigned long *p)
{
	return __atomic_load_n(p + BIT_WORD(nr), __ATOMIC_ACQUIRE) & BIT_MASK(nr);
}

static __always_inline bool
test_and_set_bit(long nr, volatile unsigned long *p)
{
	unsigned long old = __atomic_fetch_or(p + BIT_WORD(nr), BIT_MASK(nr),
					      __ATOMIC_SEQ_CST);

	__shim_mb_after_rmw();
	return old & BIT_MASK(nr);
}

static __always_inline bool
test_and_clear_bit(long nr, volatile unsigned long *p)
{
	unsigned long old = __atomic_fetch_and(p + BIT_WORD(nr), ~BIT_MASK(nr),
					       __ATOMIC_SEQ_CST);

	__shim_mb_after_rmw();
	return old & BIT_MASK(nr);
}

static __always_inline bool
test_and_set_bit_lock(long nr, volatile unsigned long *p)
{
	return __atomic_fetch_or(p + BIT_WORD(nr), BIT_MASK(nr),
				 __ATOMIC_ACQUIRE) & BIT_MASK(nr);
}

static __always_inline void
clear_bit_unlock(long nr, volatile unsigned long *p)
{
	__atomic_fetch_and(p + BIT_WORD(nr), ~BIT_MASK(nr), __ATOMIC_RELEASE);
}

static __always_inline void __set_bit(long nr, unsigned long *p)
{
	p[BIT_WORD(nr)] |= BIT_MASK(nr);
}

static __always_inline void __clear_bit(long nr, unsigned long *p)
{
	p[BIT_WORD(nr)] &= ~BIT_MASK(nr);
}

static __always_inline bool __test_and_set_bit(long nr, unsigned long *p)
{
	bool old = p[BIT_WORD(nr)] & BIT_MASK(nr);

	p[BIT_WORD(nr)] |= BIT_MASK(nr);
	return old;
}

static __always_inline bool __test_and_clear_bit(long nr, unsigned long *p)
{
	bool old = p[BIT_WORD(nr)] & BIT_MASK(nr);

	p[BIT_WORD(nr)] &= ~BIT_MASK(nr);
	return old;
}

#define __assign_bit(nr, p, v)	((v) ? __set_bit(nr, p) : __clear_bit(nr, p))
#define assign_bit(nr, p, v)	((v) ? set_bit(nr, p) : clear_bit(nr, p))

#include <linux/find.h>

#endif
