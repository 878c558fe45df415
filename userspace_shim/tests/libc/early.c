// SPDX-License-Identifier: GPL-2.0
/*
 * A library whose constructor runs before those of whatever is preloaded, and
 * whose fork handlers take a lock, allocate and free.
 */
#include <pthread.h>
#include <stdlib.h>

#include "early.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *kept[3000];

static void allocate(void)
{
	for (int i = 0; i < 3000; i++)
		kept[i] = malloc(i % 1100);
}

static void release(void)
{
	for (int i = 0; i < 3000; i++)
		free(kept[i]);
}

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
	allocate();
	release();
	allocate();
}

static void after_fork(void)
{
	release();
	allocate();
	release();
	pthread_mutex_unlock(&lock);
}

static void __attribute__((constructor)) early_init(void)
{
	pthread_atfork(before_fork, after_fork, after_fork);
}

/* What another thread does meanwhile. */
void early_use(void)
{
	pthread_mutex_lock(&lock);
	allocate();
	release();
	pthread_mutex_unlock(&lock);
}
