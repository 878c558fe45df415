// SPDX-License-Identifier: GPL-2.0
/*
 * pairs.c - the loops whose instructions bench-pairs counts
 *
 * usage: pairs PATTERN N [stub]
 *
 * Runs at least N pairs of malloc() and free() in PATTERN, in whole rounds of
 * ROUND pairs. With "stub" the same loop calls functions that do nothing but
 * return, so that what the loop costs can be taken off.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUND	1000

typedef void *(*alloc_fn)(size_t size);
typedef void (*free_fn)(void *p);

static void *live[ROUND];
static uint32_t seed = 12345;

/* Two instructions and one; bench-pairs relies on these numbers. */
static char stub_block[2048];

static __attribute__((__noinline__, __noclone__)) void *stub_alloc(size_t size)
{
	__asm__ volatile("" : : "r"(size));
	return stub_block;
}

static __attribute__((__noinline__, __noclone__)) void stub_free(void *p)
{
	__asm__ volatile("" : : "r"(p));
}

static volatile alloc_fn chosen_alloc = malloc;
static volatile free_fn chosen_free = free;

static uint32_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

/* Free each block at once. */
static void run_once(long n)
{
	alloc_fn alloc = chosen_alloc;
	free_fn release = chosen_free;

	while (n--)
		release(alloc(64));
}

/* Free a random live block, and allocate another. */
static void run_replace(long n, unsigned int least, unsigned int span)
{
	alloc_fn alloc = chosen_alloc;
	free_fn release = chosen_free;

	for (int i = 0; i < ROUND; i++)
		live[i] = alloc(least + next_random() % span);
	while (n--) {
		void **at = &live[next_random() % ROUND];

		release(*at);
		*at = alloc(least + next_random() % span);
	}
}

static void run_replace_64(long n)
{
	run_replace(n, 64, 1);
}

static void run_replace_1023(long n)
{
	run_replace(n, 16, 1008);
}

/* This thread allocates a round of objects; another frees them all. */
static sem_t filled, emptied;

static void *free_rounds(void *rounds)
{
	free_fn release = chosen_free;

	for (long i = (long)rounds; i; i--) {
		sem_wait(&filled);
		for (int k = 0; k < ROUND; k++)
			release(live[k]);
		sem_post(&emptied);
	}
	return NULL;
}

static void run_threads(long n)
{
	long rounds = (n + ROUND - 1) / ROUND;
	alloc_fn alloc = chosen_alloc;
	pthread_t thread;

	sem_init(&filled, 0, 0);
	sem_init(&emptied, 0, 0);
	if (pthread_create(&thread, NULL, free_rounds, (void *)rounds))
		exit(1);
	for (; rounds; rounds--) {
		for (int k = 0; k < ROUND; k++)
			live[k] = alloc(64);
		sem_post(&filled);
		sem_wait(&emptied);
	}
	pthread_join(thread, NULL);
}

static const struct {
	const char *name;
	void (*run)(long n);
} patterns[] = {
	{ "once", run_once },
	{ "replace-64", run_replace_64 },
	{ "replace-16-1023", run_replace_1023 },
	{ "threads", run_threads },
};

int main(int argc, char **argv)
{
	long n = argc > 2 ? strtol(argv[2], NULL, 10) : 0;

	if (argc > 3 && !strcmp(argv[3], "stub")) {
		chosen_alloc = stub_alloc;
		chosen_free = stub_free;
	}
	for (size_t i = 0; n > 0 && i < sizeof(patterns) / sizeof(*patterns); i++) {
		if (!strcmp(argv[1], patterns[i].name)) {
			patterns[i].run(n);
			return 0;
		}
	}
	fputs("usage: pairs once|replace-64|replace-16-1023|threads N [stub]\n", stderr);
	return 2;
}
