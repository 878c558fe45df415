/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * From getrandom(2), unbuffered: for seeds, not for streams. prandom-like
 * streams are the caller's business. If the system has no randomness yet,
 * hardened=1 waits for it. Otherwise nobody waits, and the numbers are made of
 * the clock and of the random bytes that the system gives each process.
 */
#ifndef _SHIM_LINUX_RANDOM_H
#define _SHIM_LINUX_RANDOM_H

#include <linux/types.h>

u64 get_random_u64(void);
void get_random_bytes(void *buf, size_t len);

#define get_random_u32()	((u32)get_random_u64())
#define get_random_u16()	((u16)get_random_u64())
#define get_random_u8()		((u8)get_random_u64())
#define get_random_long()	((unsigned long)get_random_u64())

static inline u32 get_random_u32_below(u32 ceil)
{
	return (u32)(((u64)get_random_u32() * ceil) >> 32);
}

#endif
