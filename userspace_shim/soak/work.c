// SPDX-License-Identifier: GPL-2.0
/*
 * The threads of soak: what they allocate, hand over and free, and how they are held
 * up and replaced.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "soak.h"

#define BULK		96

struct worker {
	pthread_t thread;
	struct random random;
	struct counts done;
	bool ended;
};

static struct worker worker[MAX_WORKERS];
static unsigned int nr_workers;
struct hak_cache *cache[CACHES];
void *slot[SLOTS];

/* --- what a slot holds --- */

/* A slot is of one kind for good: every fourth of a typed cache, or of 5,000 bytes. */
static unsigned int slot_kind(unsigned int i)
{
	return i % 4 ? CACHES : i / 4 % (CACHES + 1);
}

size_t slot_size(unsigned int i)
{
	static const unsigned int typed[CACHES] = { 40, 200, 1500 };

	if (i % 4 == 0)
		return i / 4 % (CACHES + 1) < CACHES ? typed[i / 4 % (CACHES + 1)] : 5000;
	return 8 + i * 2654435761U % (HAK_MAX_SIZE - 8);
}

struct hak_cache *slot_cache(unsigned int i)
{
	unsigned int kind = slot_kind(i);

	return kind < CACHES ? cache[kind] : NULL;
}

unsigned int fault_turn;

static unsigned int turn_of_faults(void)
{
	return __atomic_load_n(&fault_turn, __ATOMIC_SEQ_CST);
}

/* A request was refused, which was made in the turn @since. Was one to fail since? */
static void refuse(struct counts *done, unsigned int since, unsigned int n)
{
	done->refused += n;
	done->errors += !(since & 1) && turn_of_faults() == since;
}

static u64 pattern(const void *p, unsigned int i)
{
	return (unsigned long)p ^ (u64)(i + 1) << 44;
}

static void write_pattern(void *p, unsigned int i, u64 value)
{
	size_t n = slot_size(i) / 8;
	u64 *word = p;

	word[0] = value;
	word[n / 2] = value;
	word[n - 1] = value;
}

static bool holds_pattern(const void *p, unsigned int i)
{
	size_t n = slot_size(i) / 8;
	const u64 *word = p;
	u64 want = pattern(p, i);

	return word[0] == want && word[n / 2] == want && word[n - 1] == want;
}

void *slot_alloc(struct counts *done, unsigned int i, u32 how)
{
	struct hak_cache *c = slot_cache(i);
	gfp_t gfp = how % 8 ? GFP_KERNEL : GFP_ATOMIC;
	unsigned int since = turn_of_faults();
	void *p;

	if (how % 16 == 1)
		gfp |= __GFP_ZERO;
	if (c)
		p = how % 32 == 2 ? hak_cache_alloc_node(c, gfp, 0) :
		    hak_cache_alloc(c, how % 64 == 3 ? gfp | __GFP_ACCOUNT : gfp);
	else
		p = hak_alloc(slot_size(i), gfp);
	if (!p) {
		refuse(done, since, 1);
		return NULL;
	}
	if (gfp & __GFP_ZERO)
		done->errors += !!*(u64 *)p;
	done->allocs++;
	write_pattern(p, i, pattern(p, i));
	return p;
}

struct with_head {
	u64 number;
	struct rcu_head rcu;
};

void slot_free(struct counts *done, unsigned int i, void *p, u32 how)
{
	struct hak_cache *c = slot_cache(i);

	done->errors += !holds_pattern(p, i);
	done->frees++;
	/* Whoever was given it as well finds this. */
	write_pattern(p, i, ~pattern(p, i));
	if (how % 128 == 5)
		hak_free_rcu_mightsleep(p);
	else if (how % 128 == 69 && slot_size(i) >= sizeof(struct with_head))
		hak_free_rcu((struct with_head *)p, rcu);
	else if (c && how % 2)
		hak_cache_free(c, p);
	else if (!c && how % 3 == 0)
		hak_free_sized(p, slot_size(i));
	else
		hak_free(p);
}

/* --- the workers --- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool pausing, stopping;
static unsigned int paused;

static void change_slot(struct worker *w)
{
	u32 r = next_random(&w->random);
	unsigned int i = r % SLOTS;
	void *p = NULL;

	/* More is filled than emptied in some stretches of time, and less in others. */
	if (r >> 16 & (READ_ONCE(w->done.ops) >> 14 & 1 ? 1 : 3))
		p = slot_alloc(&w->done, i, next_random(&w->random));
	p = __atomic_exchange_n(&slot[i], p, __ATOMIC_ACQ_REL);
	if (p)
		slot_free(&w->done, i, p, next_random(&w->random));
}

/* Of one size, all or none; some stay in slots, the others go at once. */
static void change_bulk(struct worker *w)
{
	u32 r = next_random(&w->random);
	unsigned int i, got, n = 1 + r % BULK, at = r >> 8 & (SLOTS - 1);
	unsigned int since = turn_of_faults();
	struct hak_cache *c = slot_cache(at);
	void *obj[BULK];

	if (c)
		got = hak_cache_alloc_bulk(c, GFP_KERNEL, n, obj);
	else
		got = hak_alloc_bulk(slot_size(at), GFP_KERNEL, n, obj);
	if (!got) {
		refuse(&w->done, since, n);
		return;
	}
	w->done.errors += got != n;
	w->done.allocs += n;
	for (i = 0; i < n; i++)
		write_pattern(obj[i], at, pattern(obj[i], at));
	for (i = 0; i < n; i++)
		w->done.errors += !holds_pattern(obj[i], at);
	w->done.frees += n;
	if (c && r & 0x80000000)
		hak_cache_free_bulk(c, n, obj);
	else
		hak_free_bulk(n, obj);
}

static void grow_and_shrink(struct worker *w)
{
	u32 r = next_random(&w->random);
	size_t size = 1 + r % 600, larger = 1 + (r >> 10) % 3000;
	unsigned int since = turn_of_faults();
	u8 *p = hak_zalloc(size, GFP_KERNEL), *q;

	if (!p) {
		refuse(&w->done, since, 1);
		return;
	}
	w->done.allocs++;
	p[size - 1] = 0x5a;
	q = hak_realloc(p, larger, GFP_KERNEL);
	if (!q)
		refuse(&w->done, since, 1);
	else if (larger >= size)
		w->done.errors += q[size - 1] != 0x5a;
	hak_free(q ?: p);
	w->done.frees++;
}

static void turn(struct worker *w)
{
	u32 r = next_random(&w->random) % 256;

	if (r == 0)
		change_bulk(w);
	else if (r < 4)
		grow_and_shrink(w);
	else
		change_slot(w);
	WRITE_ONCE(w->done.ops, w->done.ops + 1);
}

/* Wait until all are let go on. Its CPU's stock is empty meanwhile. */
static void pause_here(void)
{
	hak_cpu_flush_this(true);
	pthread_mutex_lock(&lock);
	paused++;
	pthread_cond_broadcast(&changed);
	while (pausing)
		pthread_cond_wait(&changed, &lock);
	paused--;
	pthread_mutex_unlock(&lock);
}

/* Lives for a while and ends; another takes its place. */
static void *work(void *arg)
{
	struct worker *w = arg;
	unsigned long turns = 200000 + next_random(&w->random) % 800000;

	shim_thread_online();
	while (!READ_ONCE(stopping) && turns--) {
		if (READ_ONCE(pausing))
			pause_here();
		turn(w);
	}
	__atomic_store_n(&w->ended, true, __ATOMIC_RELEASE);
	return NULL;
}

unsigned long threads_begun;

static void begin(struct worker *w)
{
	w->ended = false;
	if (pthread_create(&w->thread, NULL, work, w)) {
		fprintf(stderr, "soak: no thread to be had\n");
		exit(1);
	}
	threads_begun++;
}

void replace_ended(void)
{
	unsigned int i;

	for (i = 0; i < nr_workers; i++) {
		if (!__atomic_load_n(&worker[i].ended, __ATOMIC_ACQUIRE))
			continue;
		pthread_join(worker[i].thread, NULL);
		begin(&worker[i]);
	}
}

void pause_all(void)
{
	unsigned int i, ended;

	pthread_mutex_lock(&lock);
	pausing = true;
	for (;;) {
		for (i = 0, ended = 0; i < nr_workers; i++)
			ended += __atomic_load_n(&worker[i].ended, __ATOMIC_ACQUIRE);
		if (paused + ended == nr_workers)
			break;
		pthread_mutex_unlock(&lock);
		usleep(1000);
		pthread_mutex_lock(&lock);
	}
	pthread_mutex_unlock(&lock);
	for (i = 0; i < nr_workers; i++)
		if (worker[i].ended)
			pthread_join(worker[i].thread, NULL);
}

void resume_all(void)
{
	unsigned int i;

	pthread_mutex_lock(&lock);
	pausing = false;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	for (i = 0; i < nr_workers; i++)
		if (worker[i].ended)
			begin(&worker[i]);
}

void start_all(unsigned int n, u64 seed)
{
	unsigned int i;

	nr_workers = n;
	for (i = 0; i < n; i++) {
		worker[i].random.state = seed + 0x5bd1e995ULL * (i + 1);
		begin(&worker[i]);
	}
}

/* They are paused. */
void stop_all(void)
{
	unsigned int i;

	WRITE_ONCE(stopping, true);
	resume_all();
	for (i = 0; i < nr_workers; i++)
		pthread_join(worker[i].thread, NULL);
}

/* Move what they have done, which are paused, to @total. */
void take_counts(struct counts *total)
{
	unsigned int i;

	for (i = 0; i < nr_workers; i++) {
		struct counts *d = &worker[i].done;

		total->ops += d->ops;
		total->allocs += d->allocs;
		total->frees += d->frees;
		total->refused += d->refused;
		total->errors += d->errors;
		memset(d, 0, sizeof(*d));
	}
}
