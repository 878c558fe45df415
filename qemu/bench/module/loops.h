/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The loops that are measured, compiled once for each allocator, so that every
 * call in them is a direct one. The including file has defined
 *
 *   LOOPS		name of the struct bench_loops
 *   ALLOC(b, size, gfp) an object
 *   FREE(b, p)
 *   ALLOC_BULK(b, n, p) and FREE_BULK(b, n, p), if the allocator has them;
 *		the first is true if it worked
 *   FREE_RCU(b, p)	and RCU_BARRIER(), likewise
 *   CREATE(b)		a typed cache, from which ALLOC() allocates from now on, NULL if it
 *		failed; DESTROY(b) and SHRINK(b) that cache; likewise
 *   ANY_SIZE		if one allocator serves all sizes
 *
 * A loop reads its data through the thread's structure again and again, because
 * the calls force it to; barrier() in the empty allocator has the same effect.
 */
#include <linux/completion.h>
#include <linux/errno.h>
#include <linux/hrtimer.h>
#include <linux/irqflags.h>

#include "bench.h"
#include "compat.h"

static __always_inline int pair(struct bench *b, size_t size)
{
	u64 i, start = bench_clock();

	for (i = 0; i < b->ops; i++) {
		void *p = ALLOC(b, size, GFP_KERNEL);

		if (unlikely(!p))
			return -ENOMEM;
		FREE(b, p);
	}
	b->ns[0] += bench_clock() - start;
	return 0;
}

static int pair_any(struct bench_thread *t)
{
	return pair(t->b, READ_ONCE(t->b->size));
}

static __always_inline int burst_one(struct bench *b, size_t size, const bool touch)
{
	u64 start, middle;
	unsigned int i;

	start = bench_clock();
	for (i = 0; i < b->n; i++) {
		void *p = ALLOC(b, size, GFP_KERNEL);

		b->obj[i] = p;
		if (unlikely(!p))
			break;
		if (touch)
			WRITE_ONCE(*(unsigned long *)p, i);
	}
	middle = bench_clock();
	if (unlikely(i < b->n)) {
		while (i--)
			FREE(b, b->obj[i]);
		return -ENOMEM;
	}
	for (i = 0; i < b->n; i++) {
		void *p = b->obj[b->perm[i]];

		if (touch)
			(void)READ_ONCE(*(unsigned long *)p);
		FREE(b, p);
	}
	b->ns[0] += middle - start;
	b->ns[1] += bench_clock() - middle;
	return 0;
}

static __always_inline int bursts(struct bench *b, size_t size, const bool touch)
{
	u64 i;
	int err = 0;

	for (i = 0; i < b->ops && !err; i += b->n) {
		if (bench_ended(b))
			return -ECANCELED;
		err = burst_one(b, size, touch);
		cond_resched();
	}
	return err;
}

/* A heap with holes: every other object, at random places, is live. */
static int make_holes(struct bench *b)
{
	unsigned int i;

	for (i = 0; i < 2 * b->holes; i++) {
		b->old[i] = ALLOC(b, b->size, GFP_KERNEL);
		if (!b->old[i])
			return -ENOMEM;
	}
	for (i = 0; i < 2 * b->holes; i++) {
		u64 r = bench_random(&b->thread[0].random);
		u32 j = bench_below(r, 2 * b->holes);

		swap(b->old[i], b->old[j]);
	}
	for (i = 0; i < b->holes; i++) {
		FREE(b, b->old[i]);
		b->old[i] = NULL;
	}
	return 0;
}

static void fill_holes(struct bench *b)
{
	unsigned int i;

	for (i = 0; i < 2 * b->holes; i++)
		if (b->old[i])
			FREE(b, b->old[i]);
}

static int burst_any(struct bench_thread *t)
{
	struct bench *b = t->b;
	int err = make_holes(b);

	if (!err)
		err = bursts(b, READ_ONCE(b->size), false);
	fill_holes(b);
	return err;
}

static int burst_touch(struct bench_thread *t)
{
	return bursts(t->b, READ_ONCE(t->b->size), true);
}

/* --- the longest single operations, with interrupts off --- */

static __always_inline u64 timed_alloc(struct bench *b, void **p)
{
	unsigned long flags;
	u64 start, took;

	local_irq_save(flags);
	start = bench_clock();
	*p = ALLOC(b, b->size, GFP_NOWAIT);
	took = bench_clock() - start;
	local_irq_restore(flags);
	return took;
}

static __always_inline u64 timed_free(struct bench *b, void *p)
{
	unsigned long flags;
	u64 start, took;

	local_irq_save(flags);
	start = bench_clock();
	FREE(b, p);
	took = bench_clock() - start;
	local_irq_restore(flags);
	return took;
}

static int longest_burst(struct bench *b, struct bench_longest *alloc,
			 struct bench_longest *free)
{
	unsigned int i;

	for (i = 0; i < b->n; i++) {
		u64 took = timed_alloc(b, &b->obj[i]);

		if (unlikely(!b->obj[i])) {
			while (i--)
				FREE(b, b->obj[i]);
			return -ENOMEM;
		}
		bench_longest_add(alloc, took);
	}
	for (i = 0; i < b->n; i++)
		bench_longest_add(free, timed_free(b, b->obj[b->perm[i]]));
	return 0;
}

/*
 * Record the time as if every operation had taken as long as the one of this
 * @rank.
 */
static __always_inline int longest(struct bench *b, unsigned int rank)
{
	struct bench_longest alloc = { 0 }, free = { 0 };
	int err = 0;
	u64 i;

	for (i = 0; i < b->ops && !err; i += b->n) {
		if (bench_ended(b))
			return -ECANCELED;
		err = longest_burst(b, &alloc, &free);
		cond_resched();
	}
	b->ns[0] += alloc.took[rank] * i;
	b->ns[1] += free.took[rank] * i;
	return err;
}

static int longest_first(struct bench_thread *t)
{
	return longest(t->b, 0);
}

static int longest_second(struct bench_thread *t)
{
	return longest(t->b, 1);
}

#ifdef ANY_SIZE
#define PAIR_CONST(bytes)						\
static noinline int pair_##bytes(struct bench *b)			\
{									\
	return pair(b, bytes);						\
}

BENCH_SIZES(PAIR_CONST)

static int pair_const(struct bench_thread *t)
{
	switch (t->b->size) {
#define PAIR_CASE(bytes)						\
	case bytes:							\
		return pair_##bytes(t->b);
	BENCH_SIZES(PAIR_CASE)
	}
	return -EINVAL;
}

static int burst_const(struct bench_thread *t)
{
	return t->b->size == 64 ? bursts(t->b, 64, false) : -EINVAL;
}
#endif

#ifdef ALLOC_BULK
static int bulk(struct bench_thread *t)
{
	struct bench *b = t->b;
	u64 i, start = bench_clock();

	for (i = 0; i < b->ops; i += b->n) {
		if (!(ALLOC_BULK(b, b->n, b->obj)))
			return -ENOMEM;
		FREE_BULK(b, b->n, b->obj);
	}
	b->ns[0] += bench_clock() - start;
	return 0;
}
#endif

/* Allocate all of @b->obj, or return -ENOMEM with nothing allocated. */
static __always_inline int alloc_objects(struct bench *b, const gfp_t gfp)
{
	unsigned int i;

	for (i = 0; i < b->n; i++) {
		b->obj[i] = ALLOC(b, b->size, gfp);
		if (unlikely(!b->obj[i])) {
			while (i--)
				FREE(b, b->obj[i]);
			return -ENOMEM;
		}
	}
	return 0;
}

static __always_inline void free_objects(struct bench *b)
{
	unsigned int i;

	for (i = 0; i < b->n; i++)
		FREE(b, b->obj[i]);
}

#ifdef CREATE
/* A cache is created, serves all of @b->obj once, and is destroyed: one operation. */
static int lifetime(struct bench_thread *t)
{
	struct bench *b = t->b;
	int err = 0;
	u64 i;

	for (i = 0; i < b->ops && !err; i++) {
		if (!CREATE(b))
			return -ENOMEM;
		err = alloc_objects(b, GFP_KERNEL);
		if (!err)
			free_objects(b);
		DESTROY(b);
		if (bench_ended(b))
			err = -ECANCELED;
	}
	return err;
}

/* All of @b->obj come from the cache, go back, and the cache is shrunk: one operation. */
static int shrink(struct bench_thread *t)
{
	struct bench *b = t->b;
	int err = 0;
	u64 i;

	for (i = 0; i < b->ops && !err; i++) {
		err = alloc_objects(b, GFP_KERNEL);
		if (err)
			break;
		free_objects(b);
		SHRINK(b);
		if (bench_ended(b))
			err = -ECANCELED;
	}
	return err;
}
#endif

#ifdef FREE_RCU
/*
 * Free objects after a grace period, until @ops are done. The later frees of the
 * objects get their share of this CPU's time as it comes; the rest comes after
 * the measurement.
 */
static int rcu_free(struct bench_thread *t)
{
	struct bench *b = t->b;
	u64 done, start = bench_clock();
	unsigned int i;
	int err = 0;

	for (done = 0; done < b->ops && !err; done += b->n) {
		for (i = 0; i < b->n; i++) {
			b->obj[i] = ALLOC(b, b->size, GFP_KERNEL);
			if (unlikely(!b->obj[i]))
				break;
		}
		if (unlikely(i < b->n))
			err = -ENOMEM;
		while (i--)
			FREE_RCU(b, (struct bench_headed *)b->obj[i]);
		if (bench_ended(b))
			err = -ECANCELED;
		cond_resched();
	}
	b->ns[0] += bench_clock() - start;
	RCU_BARRIER();
	return err;
}
#endif

/* --- replacing random objects of an array, as Larson does --- */

static __always_inline u32 draw(struct bench *b, u32 random, const bool mixed)
{
	if (mixed)
		return bench_mixed[random % BENCH_NR_MIXED];
	return b->size + bench_below(random, b->max - b->size);
}

/* Free what is left in a thread's array or, after a failure, in its ring. */
static void empty(struct bench_thread *t)
{
	struct bench *b = t->b;
	unsigned int i;
	void *p;

	for (i = 0; t->obj && i < b->n; i++)
		if (t->obj[i])
			FREE(b, t->obj[i]);
	if (!b->ring)
		return;
	/* Include objects that were pushed, and not yet shown to the consumer. */
	b->ring[t->id].head = b->ring[t->id].in;
	while ((p = bench_ring_pop(&b->ring[t->id])))
		FREE(b, p);
}

static int fill(struct bench_thread *t)
{
	struct bench *b = t->b;
	unsigned int i;

	for (i = 0; i < b->n; i++) {
		t->obj[i] = ALLOC(b, draw(b, bench_random(&t->random), false),
				  GFP_KERNEL);
		if (!t->obj[i])
			return -ENOMEM;
	}
	return 0;
}

/*
 * The owner of one array replaces objects until @ops are done; -ENOMEM leaves a
 * hole.
 */
static __always_inline int replace(struct bench_thread *t, const bool mixed)
{
	struct bench *b = t->b;
	u64 random = t->random;
	u64 i;

	for (i = 0; i < b->ops; i++) {
		u64 r = bench_random(&random);
		u32 slot = bench_below(r >> 32, b->n);
		u32 size = draw(b, r, mixed);
		void *p;

		FREE(b, t->obj[slot]);
		p = ALLOC(b, size, GFP_KERNEL);
		t->obj[slot] = p;
		if (unlikely(!p))
			return -ENOMEM;
		WRITE_ONCE(*(u8 *)p, 1);
	}
	t->random = random;
	return 0;
}

static int replace_any(struct bench_thread *t)
{
	return replace(t, false);
}

#ifdef ANY_SIZE
static int replace_mixed(struct bench_thread *t)
{
	return replace(t, true);
}
#endif

/* --- from CPU to CPU --- */

/*
 * Every thread allocates for the next one and frees the objects of the one
 * before. With @touch, here and below, one side writes to the object and the
 * other reads it.
 */
static __always_inline int ring(struct bench_thread *t, const bool touch)
{
	struct bench *b = t->b;
	struct bench_ring *to = &b->ring[t->id];
	struct bench_ring *from = &b->ring[(t->id + b->threads - 1) % b->threads];
	u64 sent = 0, got = 0;
	unsigned int spins = 0;
	void *p = NULL, *q;

	while (sent < b->ops || got < b->ops) {
		bool idle = true;

		if (!p && sent < b->ops) {
			p = ALLOC(b, b->size, GFP_KERNEL);
			if (unlikely(!p))
				return -ENOMEM;
			if (touch)
				WRITE_ONCE(*(unsigned long *)p, sent);
		}
		if (p && bench_ring_push(to, p)) {
			p = NULL;
			sent++;
			idle = false;
		}
		q = bench_ring_pop(from);
		if (q) {
			if (touch)
				(void)READ_ONCE(*(unsigned long *)q);
			FREE(b, q);
			got++;
			idle = false;
		}
		if (idle && !bench_relax(b, &spins))
			break;
	}
	if (p)
		FREE(b, p);
	return sent == b->ops && got == b->ops ? 0 : -ECANCELED;
}

static int ring_only(struct bench_thread *t)
{
	return ring(t, false);
}

static int ring_touch(struct bench_thread *t)
{
	return ring(t, true);
}

static __always_inline int produce(struct bench_thread *t, const bool touch)
{
	struct bench *b = t->b;
	unsigned int spins = 0;
	u64 i;

	for (i = 0; i < b->ops; i++) {
		void *p = ALLOC(b, b->size, GFP_KERNEL);

		if (unlikely(!p))
			return -ENOMEM;
		if (touch)
			WRITE_ONCE(*(unsigned long *)p, i);
		while (!bench_ring_push(&b->ring[t->id], p)) {
			if (!bench_relax(b, &spins)) {
				FREE(b, p);
				return -ECANCELED;
			}
		}
	}
	return 0;
}

static __always_inline int consume(struct bench_thread *t, const bool touch)
{
	struct bench *b = t->b;
	u64 got = 0, all = b->ops * (b->threads - 1);
	unsigned int spins = 0, i;

	while (got < all) {
		u64 before = got;

		for (i = 1; i < b->threads; i++) {
			void *p = bench_ring_pop(&b->ring[i]);

			if (!p)
				continue;
			if (touch)
				(void)READ_ONCE(*(unsigned long *)p);
			FREE(b, p);
			got++;
		}
		if (got == before && !bench_relax(b, &spins))
			return -ECANCELED;
	}
	return 0;
}

/* Thread 0 frees what all others allocate. */
static __always_inline int to_one(struct bench_thread *t, const bool touch)
{
	return t->id ? produce(t, touch) : consume(t, touch);
}

static int to_one_only(struct bench_thread *t)
{
	return to_one(t, false);
}

static int to_one_touch(struct bench_thread *t)
{
	return to_one(t, true);
}

/*
 * All objects change hands at once: free the other thread's, and allocate new
 * ones.
 */
static int pingpong(struct bench_thread *t)
{
	struct bench *b = t->b;
	unsigned int spins = 0, i;
	u64 done;

	for (done = 0; done < b->ops; done += b->n) {
		/* Pairs with the release below. */
		while (smp_load_acquire(&b->turn) % b->threads != t->id)
			if (!bench_relax(b, &spins))
				return -ECANCELED;
		for (i = 0; i < b->n; i++)
			if (b->obj[i])
				FREE(b, b->obj[i]);
		for (i = 0; i < b->n; i++)
			b->obj[i] = ALLOC(b, b->size, GFP_KERNEL);
		/* Pairs with the acquire above, in the other thread. */
		smp_store_release(&b->turn, b->turn + 1);
	}
	return 0;
}

/* --- in hard interrupt context: freed alone, or allocated as well --- */

static __always_inline int alloc_batch(struct bench *b, const gfp_t gfp)
{
	u64 start = bench_clock();
	int err = alloc_objects(b, gfp);

	b->ns[0] += bench_clock() - start;
	return err;
}

static void free_batch(struct bench *b)
{
	u64 start = bench_clock();

	free_objects(b);
	b->ns[1] += bench_clock() - start;
}

static enum hrtimer_restart free_in_irq(struct hrtimer *timer)
{
	struct bench *b = container_of(timer, struct bench, timer);

	free_batch(b);
	WRITE_ONCE(b->irq_done, true);
	return HRTIMER_NORESTART;
}

static enum hrtimer_restart both_in_irq(struct hrtimer *timer)
{
	struct bench *b = container_of(timer, struct bench, timer);

	if (alloc_batch(b, GFP_ATOMIC))
		WRITE_ONCE(b->failed, -ENOMEM);
	else
		free_batch(b);
	WRITE_ONCE(b->irq_done, true);
	return HRTIMER_NORESTART;
}

/* The timer is due at once, on this CPU. */
static int interrupt(struct bench *b)
{
	b->irq_done = false;
	hrtimer_start(&b->timer, 0, HRTIMER_MODE_REL_PINNED_HARD);
	while (!READ_ONCE(b->irq_done))
		cpu_relax();
	/* The handler has reported its end, but may not have returned. */
	hrtimer_cancel(&b->timer);
	if (!bench_ended(b))
		return 0;
	return b->failed ?: -ECANCELED;
}

static int irq_free(struct bench_thread *t)
{
	struct bench *b = t->b;
	int err = 0;
	u64 done;

	hak_hrtimer_setup(&b->timer, free_in_irq);
	for (done = 0; done < b->ops && !err; done += b->n) {
		err = alloc_batch(b, GFP_KERNEL);
		if (!err)
			err = interrupt(b);
	}
	return err;
}

static int irq_both(struct bench_thread *t)
{
	struct bench *b = t->b;
	int err = 0;
	u64 done;

	hak_hrtimer_setup(&b->timer, both_in_irq);
	for (done = 0; done < b->ops && !err; done += b->n)
		err = interrupt(b);
	return err;
}

const struct bench_loops LOOPS = {
	.name = __stringify(LOOPS),
	.pair = pair_any,
	.burst = burst_any,
	.touch = burst_touch,
	.longest = longest_first,
	.second = longest_second,
#ifdef ANY_SIZE
	.pair_const = pair_const,
	.burst_const = burst_const,
	.replace_mixed = replace_mixed,
#endif
#ifdef ALLOC_BULK
	.bulk = bulk,
#endif
#ifdef FREE_RCU
	.rcu_free = rcu_free,
#endif
#ifdef CREATE
	.lifetime = lifetime,
	.shrink = shrink,
#endif
	.fill = fill,
	.empty = empty,
	.replace = replace_any,
	.ring = ring_only,
	.ring_touch = ring_touch,
	.to_one = to_one_only,
	.to_one_touch = to_one_touch,
	.pingpong = pingpong,
	.irq_free = irq_free,
	.irq_both = irq_both,
};
