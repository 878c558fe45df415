// SPDX-License-Identifier: GPL-2.0
/*
 * run.c - the benchmark: chains of threads that replace each other's blocks
 *
 * A thread whose life is over waits for its predecessor (which ended a whole
 * life ago), creates its successor and ends. So a chain never has more than
 * three threads in the kernel, every thread is joined, and once the last ones
 * are joined no code of any thread, TLS destructors included, is still to run.
 *
 * A chain is touched by one thread at a time; pthread_create() and
 * pthread_join() order the accesses. Only run->stop and run->errors are shared.
 *
 * The harness' own memory comes from mmap(), so that the allocator's counters
 * show the blocks of the benchmark and not much else.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "larson.h"

#define NSEC_PER_SEC	UINT64_C(1000000000)
#define STACK_BYTES	(256 * 1024)
#define MAX_REPORTS	10		/* errors described; all are counted */
#define STAMP_OPS_BITS	46		/* stamp: chain number above, its operation below */

#define inlined	inline __attribute__((always_inline))

struct run {
	const struct options *opt;
	const struct sizes *sizes;
	uint64_t ops_per_life;
	struct chain *chains;
	pthread_attr_t attr;
	atomic_bool stop;
	atomic_uint_least64_t errors;
	pthread_mutex_t lock;		/* protects finished */
	pthread_cond_t all_finished;
	uint64_t finished;		/* chains */
};

/* On cache lines of its own: two, as the hardware fetches them in pairs. */
struct chain {
	_Alignas(128) struct run *run;
	void **blocks;
	struct note *notes;		/* NULL without --verify */
	uint64_t random;
	uint64_t index;
	uint64_t ops;
	uint64_t lives;
	uint64_t remote;		/* counted with --verify only */
	uint64_t last_life_ops;
	uint64_t failed_allocs;
	uint64_t end_ns;
	pthread_t previous;		/* valid if lives > 0 */
	pthread_t last;			/* valid if started */
	bool started;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

/* A Weyl sequence, its terms scrambled: all 64 bits are usable. */
static inlined uint64_t next_random(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0xa0761d6478bd642f);

	x ^= x >> 32;
	x *= UINT64_C(0xe7037ed1a0b428db);
	x ^= x >> 29;
	x *= UINT64_C(0x8ebc6af09c88c6e3);
	return x ^ (x >> 32);
}

/* 32 random bits to 0 .. bound - 1, without a division */
static inlined uint32_t below(uint32_t random, uint32_t bound)
{
	return ((uint64_t)random * bound) >> 32;
}

static inlined uint32_t draw_size(const struct sizes *sizes, uint32_t random)
{
	uint32_t nr = below(random, sizes->count);

	return sizes->tabled ? sizes->table[nr] : sizes->lowest + nr;
}

static bool stopped(struct run *run)
{
	return atomic_load_explicit(&run->stop, memory_order_relaxed);
}

/* Counts an error, ends the run, and says whether it should still be described. */
static bool fail(struct run *run)
{
	atomic_store_explicit(&run->stop, true, memory_order_relaxed);
	return atomic_fetch_add_explicit(&run->errors, 1, memory_order_relaxed) < MAX_REPORTS;
}

static uint64_t make_stamp(const struct chain *chain, uint64_t op)
{
	return chain->index << STAMP_OPS_BITS | op;
}

static void check_block(struct chain *chain, uint64_t slot, uint64_t op)
{
	const struct note *note = &chain->notes[slot];
	uint64_t born = note->stamp & ((UINT64_C(1) << STAMP_OPS_BITS) - 1);
	uint32_t bad_byte;

	if (larson_check_pattern(chain->blocks[slot], note, &bad_byte) || !fail(chain->run))
		return;
	fprintf(stderr, "larson: error: thread %" PRIu64 ": block %p of %" PRIu32 " bytes, ",
		chain->index, chain->blocks[slot], note->size);
	fprintf(stderr, "allocated by operation %" PRIu64 " and freed by operation %" PRIu64,
		born, op);
	fprintf(stderr, ", was overwritten from byte %" PRIu32 " on\n", bad_byte);
}

static void mark_block(struct chain *chain, uint64_t slot, uint64_t op, uint32_t size)
{
	chain->notes[slot] = (struct note){ .stamp = make_stamp(chain, op), .size = size };
	larson_write_pattern(chain->blocks[slot], &chain->notes[slot]);
	if (!larson_aligned(chain->blocks[slot], size) && fail(chain->run))
		fprintf(stderr, "larson: error: malloc(%" PRIu32 ") returned the misaligned %p\n",
			size, chain->blocks[slot]);
}

static void report_no_memory(struct chain *chain, uint32_t size)
{
	chain->failed_allocs++;
	if (fail(chain->run))
		fprintf(stderr, "larson: error: malloc(%" PRIu32 ") returned NULL\n", size);
}

/* Both ends, as a program would that uses its memory. */
static inlined void touch(void *block, uint32_t size)
{
	volatile char *bytes = block;

	bytes[0] = 1;
	bytes[size - 1] = 2;
}

/*
 * One life's operations. The first replacement of a slot frees a block that
 * another thread allocated.
 */
static inlined uint64_t replace_blocks(struct chain *chain, const bool verify)
{
	struct run *run = chain->run;
	const struct sizes *sizes = run->sizes;
	const uint32_t chunks = run->opt->chunks;
	const uint64_t ops_per_life = run->ops_per_life;
	const uint64_t first = chain->ops;
	void **blocks = chain->blocks;
	uint64_t random = chain->random;
	uint64_t n;

	for (n = 0; n < ops_per_life && !stopped(run); n++) {
		uint64_t r = next_random(&random);
		uint32_t slot = below(r >> 32, chunks);
		uint32_t size = draw_size(sizes, r);

		if (verify) {
			check_block(chain, slot, first + n);
			/* stamps count from 1, 0 being the main thread's */
			chain->remote += chain->notes[slot].stamp <= make_stamp(chain, first);
		}
		free(blocks[slot]);
		blocks[slot] = malloc(size);
		if (!blocks[slot]) {
			report_no_memory(chain, size);
			break;
		}
		if (verify)
			mark_block(chain, slot, first + n + 1, size);
		else
			touch(blocks[slot], size);
	}
	chain->random = random;
	return n;
}

static void finish_chain(struct chain *chain)
{
	struct run *run = chain->run;

	chain->last = pthread_self();
	chain->started = true;
	pthread_mutex_lock(&run->lock);
	if (++run->finished == run->opt->threads)
		pthread_cond_signal(&run->all_finished);
	pthread_mutex_unlock(&run->lock);
}

static void *live(void *arg);

static bool create_thread(struct chain *chain, pthread_t *thread)
{
	int err = pthread_create(thread, &chain->run->attr, live, chain);

	if (err && fail(chain->run))
		fprintf(stderr,
			"larson: error: cannot create thread %" PRIu64 " of %" PRIu64
			" for its life %" PRIu64 ": %s\n", chain->index + 1, chain->run->opt->threads,
			chain->lives + 1, strerror(err));
	return !err;
}

static void *live(void *arg)
{
	struct chain *chain = arg;
	struct run *run = chain->run;
	pthread_t next;

	if (run->opt->verify)
		chain->last_life_ops = replace_blocks(chain, true);
	else
		chain->last_life_ops = replace_blocks(chain, false);
	chain->ops += chain->last_life_ops;

	if (chain->lives)
		pthread_join(chain->previous, NULL);
	chain->previous = pthread_self();
	chain->lives++;

	chain->end_ns = now_ns();
	if (stopped(run) || chain->lives == run->opt->lives) {
		finish_chain(chain);
		return NULL;
	}
	/* after a success the chain belongs to the new thread */
	if (!create_thread(chain, &next))
		finish_chain(chain);
	return NULL;
}

/*
 * Memory that malloc() knows nothing of. Never unmapped: what it holds is
 * needed until the process ends.
 */
void *larson_map(uint64_t bytes)
{
	void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED) {
		fprintf(stderr, "larson: error: cannot map %" PRIu64 " bytes: %s\n", bytes,
			strerror(errno));
		exit(LARSON_EXIT_FAILED);
	}
	return mem;
}

static void init_run(struct run *run, const struct options *opt, const struct sizes *sizes)
{
	/* off page boundaries, or all arrays would compete for the same cache sets */
	const uint64_t stride = opt->chunks + 24;
	pthread_condattr_t attr;
	struct note *notes = NULL;
	void **blocks;

	*run = (struct run){
		.opt = opt,
		.sizes = sizes,
		.ops_per_life = opt->rounds * opt->chunks,
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&run->all_finished, &attr);
	pthread_condattr_destroy(&attr);
	pthread_attr_init(&run->attr);
	/* thousands of threads fit, and the C library keeps stacks for reuse */
	pthread_attr_setstacksize(&run->attr, STACK_BYTES);

	run->chains = larson_map(opt->threads * sizeof(*run->chains));
	blocks = larson_map(opt->threads * stride * sizeof(*blocks));
	if (opt->verify)
		notes = larson_map(opt->threads * stride * sizeof(*notes));
	for (uint64_t i = 0; i < opt->threads; i++) {
		struct chain *chain = &run->chains[i];

		chain->run = run;
		chain->index = i;
		chain->blocks = blocks + i * stride;
		chain->notes = notes ? notes + i * stride : NULL;
		/* sequences of different seeds and threads start far apart */
		chain->random = opt->seed * UINT64_C(0x9fb21c651e98df25) ^ i << 48;
		next_random(&chain->random);
	}
}

/* Not timed and not counted as operations. */
static void fill_chain(struct chain *chain)
{
	struct run *run = chain->run;

	for (uint64_t slot = 0; slot < run->opt->chunks && !stopped(run); slot++) {
		uint32_t size = draw_size(run->sizes, next_random(&chain->random));

		chain->blocks[slot] = malloc(size);
		if (!chain->blocks[slot])
			report_no_memory(chain, size);
		else if (chain->notes)
			mark_block(chain, slot, 0, size);
		else
			touch(chain->blocks[slot], size);
	}
}

static uint64_t empty_chain(struct chain *chain)
{
	uint64_t freed = 0;

	for (uint64_t slot = 0; slot < chain->run->opt->chunks; slot++) {
		if (!chain->blocks[slot])
			continue;
		if (chain->notes)
			check_block(chain, slot, chain->ops);
		free(chain->blocks[slot]);
		chain->blocks[slot] = NULL;
		freed++;
	}
	return freed;
}

/* Starts all chains and returns when the last operation is done: no thread is left. */
static void run_chains(struct run *run, uint64_t start_ns)
{
	const uint64_t deadline_ns = start_ns + (uint64_t)(run->opt->seconds * NSEC_PER_SEC);
	const struct timespec deadline = {
		.tv_sec = deadline_ns / NSEC_PER_SEC,
		.tv_nsec = deadline_ns % NSEC_PER_SEC,
	};
	uint64_t running = 0;
	pthread_t first;

	while (running < run->opt->threads && create_thread(&run->chains[running], &first))
		running++;

	pthread_mutex_lock(&run->lock);
	/* chains that did not start count as finished */
	run->finished += run->opt->threads - running;
	while (run->finished < run->opt->threads && !stopped(run))
		if (pthread_cond_timedwait(&run->all_finished, &run->lock, &deadline) == ETIMEDOUT)
			break;
	atomic_store_explicit(&run->stop, true, memory_order_relaxed);
	while (run->finished < run->opt->threads)
		pthread_cond_wait(&run->all_finished, &run->lock);
	pthread_mutex_unlock(&run->lock);

	for (uint64_t i = 0; i < running; i++)
		pthread_join(run->chains[i].last, NULL);
}

/*
 * Expected number of slots replaced at least once by @ops random replacements
 * among @chunks: chunks * (1 - (1 - 1/chunks)^ops).
 */
static double expected_remote(uint64_t ops, uint64_t chunks)
{
	double base = 1.0 - 1.0 / chunks;
	double power = 1.0;

	for (; ops; ops >>= 1, base *= base)
		if (ops & 1)
			power *= base;
	return chunks * (1.0 - power);
}

static void add_up(struct result *res, const struct run *run, uint64_t start_ns)
{
	const struct options *opt = run->opt;
	uint64_t end_ns = start_ns;

	res->remote_counted = opt->verify;
	for (uint64_t i = 0; i < opt->threads; i++) {
		const struct chain *chain = &run->chains[i];

		res->ops += chain->ops;
		res->lives += chain->lives;
		res->allocated += opt->chunks + chain->ops;
		res->freed += chain->ops + chain->failed_allocs;
		if (chain->end_ns > end_ns)
			end_ns = chain->end_ns;
		if (opt->verify)
			res->remote_frees += chain->remote;
		else if (chain->lives)
			res->remote_frees += expected_remote(chain->last_life_ops, opt->chunks) +
				(chain->lives - 1) * expected_remote(run->ops_per_life, opt->chunks);
	}
	res->ns = end_ns - start_ns;
}

void larson_run(struct result *res, const struct options *opt, const struct sizes *sizes)
{
	struct run run;
	uint64_t start_ns;

	init_run(&run, opt, sizes);
	for (uint64_t i = 0; i < opt->threads; i++)
		fill_chain(&run.chains[i]);
	if (stopped(&run))
		exit(LARSON_EXIT_FAILED);

	start_ns = now_ns();
	run_chains(&run, start_ns);
	add_up(res, &run, start_ns);

	/* an allocator known to be broken is not asked to free what it handed out twice */
	if (!atomic_load(&run.errors)) {
		res->stats_full = larson_allocator_stats();
		for (uint64_t i = 0; i < opt->threads; i++)
			res->freed += empty_chain(&run.chains[i]);
		res->stats_empty = larson_allocator_stats();
	}
	res->errors = atomic_load(&run.errors);
	pthread_attr_destroy(&run.attr);
}
