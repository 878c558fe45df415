/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of fuzz_threads tell each other: threads_calls.c has what a thread does,
 * and fuzz_threads.c the threads, and what holds when all have done their parts.
 */
#ifndef _THREADS_H
#define _THREADS_H

#include <pthread.h>
#include <semaphore.h>

#include "fuzz.h"

#define THREADS		4
#define SHARED		256
#define HELD		16
#define TYPED		2

/* A live object, which one thread has, or a slot. */
struct item {
	u8 *p;
	size_t size;
	struct hak_cache *c;	/* NULL for a size class, or SLUB's */
	u64 pattern;
};

struct worker {
	pthread_t thread;
	unsigned int id;
	sem_t go;
	const uint8_t *from, *at, *end;
	struct item *held[HELD];
	u64 number;
	unsigned long bad_frees;	/* those that it has provoked */
};

extern struct item *shared[SHARED];
extern struct hak_cache *typed[TYPED];
extern size_t built;		/* bytes that the constructor of the second cache writes */
extern bool may_fail;		/* memory may run out */

void construct(void *p);
bool painted(const u8 *p, size_t size, u64 pattern);
void free_item(struct item *i, unsigned int how);
struct item *exchange(unsigned int n, struct item *i);
void set_slow_only(bool on);
void do_call(struct worker *w);

#endif
