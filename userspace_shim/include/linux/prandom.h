/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * A seeded pseudo-random state; the generator is xorshift64*, not the
 * kernel's Tausworthe, so the numbers differ.
 */
#ifndef _SHIM_LINUX_PRANDOM_H
#define _SHIM_LINUX_PRANDOM_H

#include <linux/random.h>
#include <linux/types.h>

struct rnd_state {
	u64 s;
};

static inline void prandom_seed_state(struct rnd_state *state, u64 seed)
{
	state->s = seed * 2 + 1;
}

static inline u32 prandom_u32_state(struct rnd_state *state)
{
	u64 x = state->s;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	state->s = x;
	return (u32)((x * 0x2545f4914f6cdd1dULL) >> 32);
}

#endif
