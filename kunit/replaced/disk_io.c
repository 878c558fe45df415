// SPDX-License-Identifier: GPL-2.0
/*
 * usage: disk_io DEVICE THREADS BLOCKS ROUNDS
 *
 * Writes, reads and discards a block device, past the page cache, a block of 4 KiB
 * at a time. Thread N runs on CPU N and writes BLOCKS blocks of its own. When all
 * have done so, each reads the blocks of the thread before it and compares them with
 * what was written, and then discards them; so whatever the driver allocates for a
 * block on one CPU it frees on another. Discarded blocks have to read as zeroes.
 *
 * Prints "written N read N discarded N wrong N failed N" and the nanoseconds that
 * writing, reading and discarding have taken for one block, all threads at once. The
 * status is 1 if anything was wrong or has failed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define BLOCK	4096UL

enum { WRITE, READ, DISCARD, PHASES };

static const char *device;
static unsigned long threads, blocks, rounds;
static pthread_barrier_t barrier;
static unsigned long done[PHASES], wrong, failed;
static unsigned long spent[PHASES];

static unsigned long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000UL + t.tv_nsec;
}

static void count(unsigned long *what, unsigned long n)
{
	__atomic_fetch_add(what, n, __ATOMIC_RELAXED);
}

static void fill(unsigned long *words, unsigned long block, unsigned long round)
{
	for (size_t i = 0; i < BLOCK / sizeof(*words); i++)
		words[i] = block << 32 | round << 16 | i;
}

/* One I/O at @block, in the manner of @phase; whether it was done. */
static int one(int fd, int phase, unsigned long block, void *buffer)
{
	unsigned long range[2] = { block * BLOCK, BLOCK };

	switch (phase) {
	case WRITE:
		return pwrite(fd, buffer, BLOCK, range[0]) == BLOCK;
	case READ:
		return pread(fd, buffer, BLOCK, range[0]) == BLOCK;
	default:
		return ioctl(fd, BLKDISCARD, range) == 0;
	}
}

/* All blocks of thread @whose. */
static void run_phase(int fd, int phase, unsigned long whose, unsigned long round,
		      void *buffer, void *expected)
{
	for (unsigned long i = 0; i < blocks; i++) {
		unsigned long block = whose * blocks + i;

		if (phase == WRITE)
			fill(buffer, block, round);
		if (!one(fd, phase, block, buffer)) {
			count(&failed, 1);
			continue;
		}
		count(&done[phase], 1);
		if (phase != READ)
			continue;
		fill(expected, block, round);
		count(&wrong, memcmp(buffer, expected, BLOCK) != 0);
	}
}

/* Some of the blocks that were discarded. */
static void expect_zeroes(int fd, unsigned long whose, void *buffer, void *zeroes)
{
	memset(zeroes, 0, BLOCK);
	for (unsigned long i = 0; i < blocks; i += 1 + blocks / 10) {
		if (!one(fd, READ, whose * blocks + i, buffer))
			count(&failed, 1);
		else
			count(&wrong, memcmp(buffer, zeroes, BLOCK) != 0);
	}
}

static void *work(void *arg)
{
	unsigned long id = (unsigned long)arg, before = (id + threads - 1) % threads;
	void *buffer = NULL, *other = NULL;
	cpu_set_t cpus;
	int fd = open(device, O_RDWR | O_DIRECT);

	CPU_ZERO(&cpus);
	CPU_SET(id, &cpus);
	if (fd < 0 || sched_setaffinity(0, sizeof(cpus), &cpus) ||
	    posix_memalign(&buffer, BLOCK, BLOCK) ||
	    posix_memalign(&other, BLOCK, BLOCK)) {
		perror("disk_io");
		exit(1);
	}
	for (unsigned long round = 0; round < rounds; round++) {
		for (int phase = 0; phase < PHASES; phase++) {
			unsigned long start;

			pthread_barrier_wait(&barrier);
			start = now();
			run_phase(fd, phase, phase == WRITE ? id : before, round,
				  buffer, other);
			pthread_barrier_wait(&barrier);
			if (id == 0)
				spent[phase] += now() - start;
		}
		expect_zeroes(fd, id, buffer, other);
	}
	close(fd);
	free(buffer);
	free(other);
	return NULL;
}

static unsigned long to_number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || !n || n > 1000000) {
		fprintf(stderr, "disk_io: '%s' is no number from 1 to 1000000\n", text);
		exit(2);
	}
	return n;
}

static double per_block(int phase)
{
	return done[phase] ? (double)spent[phase] / done[phase] : 0;
}

int main(int argc, char **argv)
{
	pthread_t *thread;

	if (argc != 5) {
		fputs("usage: disk_io DEVICE THREADS BLOCKS ROUNDS\n", stderr);
		return 2;
	}
	device = argv[1];
	threads = to_number(argv[2]);
	blocks = to_number(argv[3]);
	rounds = to_number(argv[4]);
	pthread_barrier_init(&barrier, NULL, threads);
	thread = calloc(threads, sizeof(*thread));
	for (unsigned long i = 0; thread && i < threads; i++)
		if (pthread_create(&thread[i], NULL, work, (void *)i))
			return 1;
	for (unsigned long i = 0; thread && i < threads; i++)
		pthread_join(thread[i], NULL);
	printf("written %lu read %lu discarded %lu wrong %lu failed %lu\n",
	       done[WRITE], done[READ], done[DISCARD], wrong, failed);
	printf("ns: write %.0f read %.0f discard %.0f\n",
	       per_block(WRITE), per_block(READ), per_block(DISCARD));
	free(thread);
	return wrong || failed || !done[WRITE];
}
