/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the two halves of soak tell each other: work.c has the threads that allocate,
 * soak.c the one that directs them.
 */
#ifndef _SOAK_H
#define _SOAK_H

#include <linux/slab.h>

#include "core.h"
#include "shim.h"

#define MAX_WORKERS	16
#define SLOTS		8192
#define CACHES		3

struct random {
	u64 state;
};

static inline u32 next_random(struct random *r)
{
	r->state ^= r->state << 13;
	r->state ^= r->state >> 7;
	r->state ^= r->state << 17;
	return r->state >> 32;
}

/*
 * What a worker has done; its own until it stops. Requests that were refused although none
 * was made to fail are errors.
 */
struct counts {
	unsigned long ops, allocs, frees, refused, errors;
};

/* Odd while requests for memory are made to fail; each change is another number. */
extern unsigned int fault_turn;

extern struct hak_cache *cache[CACHES];
extern void *slot[SLOTS];

size_t slot_size(unsigned int i);
struct hak_cache *slot_cache(unsigned int i);
void *slot_alloc(struct counts *done, unsigned int i, u32 how);
void slot_free(struct counts *done, unsigned int i, void *p, u32 how);

extern unsigned long threads_begun;

void start_all(unsigned int n, u64 seed);
void replace_ended(void);
void pause_all(void);
void resume_all(void);
void stop_all(void);
void take_counts(struct counts *total);

#endif
