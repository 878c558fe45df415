/* SPDX-License-Identifier: GPL-2.0 */
/* The interface between the benchmark's loops and the code that runs them. */
#ifndef _HAK_BENCH_H
#define _HAK_BENCH_H

#include <linux/cache.h>
#include <linux/completion.h>
#include <linux/gfp.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/processor.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/types.h>

#include <hakmem.h>

#define BENCH_MAX_THREADS	16
#define BENCH_RING		1024	/* objects on their way from one CPU to another */
#define BENCH_BATCH		32	/* objects that are handed over together */
#define BENCH_NR_MIXED		1024	/* of the table of recorded sizes */

/* The size classes of hakmem, for loops whose size is a constant. */
#define BENCH_SIZES(X)							   \
	X(8) X(16) X(24) X(32) X(48) X(64) X(80) X(96) X(112) X(128)	   \
	X(160) X(192) X(224) X(256) X(320) X(384) X(448) X(512)		   \
	X(640) X(768) X(896) X(1024)

struct bench;

/* An object that is freed after a grace period. */
struct bench_headed {
	unsigned long data;
	struct rcu_head rcu;
};

/**
 * struct bench_thread - one thread of a measurement
 * @b: the measurement
 * @id: number, also of its CPU
 * @task: the thread
 * @done: the thread has ended and uses nothing any more
 * @wall: time it took
 * @cpu: CPU time it took, where that is known
 * @random: state of its random numbers
 * @obj: its array (replace, Larson)
 * @lives: threads that have owned @obj (Larson)
 * @ret: 0 or an error
 */
struct bench_thread {
	struct bench *b;
	unsigned int id;
	struct task_struct *task;
	struct completion done;
	u64 wall;
	u64 cpu;
	u64 random;
	void **obj;
	unsigned int lives;
	int ret;
} ____cacheline_aligned_in_smp;

/**
 * struct bench_ring - from one producer to one consumer, in batches
 * @in: objects pushed, as the producer knows it
 * @room: @in may go up to here before the producer reads @tail again
 * @out: objects popped, as the consumer knows it
 * @ready: @out may go up to here before the consumer reads @head again
 * @head: objects pushed, as the producer last wrote it
 * @tail: objects popped, as the consumer last wrote it
 * @slot: the objects
 *
 * Each side tells the other of BENCH_BATCH objects at a time, and reads the
 * other's count only when it must, so that the measurement does not include the
 * ring's own traffic between the CPUs.
 */
struct bench_ring {
	u32 in ____cacheline_aligned_in_smp;
	u32 room;
	u32 out ____cacheline_aligned_in_smp;
	u32 ready;
	u32 head ____cacheline_aligned_in_smp;
	u32 tail ____cacheline_aligned_in_smp;
	void *slot[BENCH_RING] ____cacheline_aligned_in_smp;
};

/**
 * struct bench_loops - the loops, compiled for one allocator
 * @name: of the allocator, and how its size is known
 *
 * A loop returns 0, or an error with everything freed. It leaves in bench.ns the
 * time of its phases only.
 */
struct bench_loops {
	const char *name;
	int (*pair)(struct bench_thread *t);
	int (*pair_const)(struct bench_thread *t);
	int (*burst)(struct bench_thread *t);
	int (*burst_const)(struct bench_thread *t);
	int (*touch)(struct bench_thread *t);
	int (*longest)(struct bench_thread *t);
	int (*second)(struct bench_thread *t);
	int (*bulk)(struct bench_thread *t);
	int (*rcu_free)(struct bench_thread *t);
	int (*lifetime)(struct bench_thread *t);
	int (*shrink)(struct bench_thread *t);
	int (*fill)(struct bench_thread *t);
	void (*empty)(struct bench_thread *t);
	int (*replace)(struct bench_thread *t);
	int (*replace_mixed)(struct bench_thread *t);
	int (*ring)(struct bench_thread *t);
	int (*ring_touch)(struct bench_thread *t);
	int (*to_one)(struct bench_thread *t);
	int (*to_one_touch)(struct bench_thread *t);
	int (*pingpong)(struct bench_thread *t);
	int (*irq_free)(struct bench_thread *t);
	int (*irq_both)(struct bench_thread *t);
};

/**
 * struct bench - one measurement
 * @loops: of the allocator measured
 * @size: bytes asked for
 * @max: sizes are @size to @max - 1 (replace, Larson)
 * @n: objects of a burst, a batch, an array
 * @holes: objects that are live, every other one of a heap, meanwhile
 * @ops: operations of each thread
 * @threads: how many
 * @lives: threads to own each array (Larson)
 * @slub: typed cache
 * @hak: typed cache
 * @obj: objects of a single thread
 * @old: objects of the heap with holes
 * @perm: order in which @obj is freed
 * @ring: by producer
 * @arrived: threads ready to start
 * @turn: the thread that has the objects (pingpong)
 * @failed: a thread has failed; the others must not wait for it
 * @ns: time taken by the phases
 * @timer: its handler is the interrupt
 * @irq_done: by the handler
 */
struct bench {
	const struct bench_loops *loops;
	unsigned int size;
	unsigned int max;
	unsigned int n;
	unsigned int holes;
	unsigned int threads;
	unsigned int lives;
	u64 ops;
	struct kmem_cache *slub;
	struct hak_cache *hak;
	void **obj;
	void **old;
	u32 *perm;
	struct bench_ring *ring;
	atomic_t arrived;
	unsigned int turn;
	int failed;
	u64 ns[2];
	struct hrtimer timer;
	bool irq_done;
	struct bench_thread thread[BENCH_MAX_THREADS];
};

extern const struct bench_loops bench_empty, bench_kmalloc, bench_kmem_cache;
extern const struct bench_loops bench_hak, bench_hak_cache;
extern u16 bench_mixed[BENCH_NR_MIXED];
extern bool bench_stop;

bool bench_relax(struct bench *b, unsigned int *spins);
int bench_start_line(struct bench *b);

/*
 * Nanoseconds. User-mode Linux is a process of a host that has other work, so
 * there the clock is the CPU time of the thread that is this CPU.
 */
static __always_inline u64 bench_clock(void)
{
#ifdef CONFIG_UML
	struct { s64 sec, nsec; } ts;
	long ret;

	asm volatile("syscall"
		     : "=a" (ret)
		     : "0" (228 /* clock_gettime */),
		       "D" (3 /* CLOCK_THREAD_CPUTIME_ID */), "S" (&ts)
		     : "rcx", "r11", "memory");
	return ts.sec * NSEC_PER_SEC + ts.nsec;
#else
	return ktime_get_ns();
#endif
}

/* Duration of the two longest of many operations, the longest first. */
struct bench_longest {
	u64 took[2];
};

static __always_inline void bench_longest_add(struct bench_longest *l, u64 took)
{
	if (took <= l->took[1])
		return;
	l->took[1] = min(took, l->took[0]);
	l->took[0] = max(took, l->took[0]);
}

/*
 * True if the user wants the measurement to stop, or if another thread has
 * failed.
 */
static inline bool bench_ended(const struct bench *b)
{
	return READ_ONCE(bench_stop) || READ_ONCE(b->failed);
}

/* The other thread may itself wait for a CPU of the host. */
static inline void bench_yield(void)
{
#ifdef CONFIG_UML
	long ret;

	asm volatile("syscall"
		     : "=a" (ret)
		     : "0" (24 /* sched_yield */)
		     : "rcx", "r11", "memory");
#endif
}

static __always_inline u64 bench_random(u64 *state)
{
	u64 x = *state += 0xa0761d6478bd642fULL;

	x ^= x >> 32;
	x *= 0xe7037ed1a0b428dbULL;
	return x ^ (x >> 29);
}

/* 32 random bits to 0 .. bound - 1, without a division. */
static __always_inline u32 bench_below(u32 random, u32 bound)
{
	return ((u64)random * bound) >> 32;
}

static __always_inline bool bench_ring_push(struct bench_ring *r, void *p)
{
	if (r->in == r->room) {
		/* Pairs with the release in bench_ring_pop(). */
		r->room = smp_load_acquire(&r->tail) + BENCH_RING;
		if (r->in == r->room)
			return false;
	}
	r->slot[r->in++ % BENCH_RING] = p;
	if (r->in % BENCH_BATCH == 0) {
		/* Pairs with the acquire in bench_ring_pop(). */
		smp_store_release(&r->head, r->in);
	}
	return true;
}

static __always_inline void *bench_ring_pop(struct bench_ring *r)
{
	void *p;

	if (r->out == r->ready) {
		/* Pairs with the release in bench_ring_push(). */
		r->ready = smp_load_acquire(&r->head);
		if (r->out == r->ready)
			return NULL;
	}
	p = r->slot[r->out++ % BENCH_RING];
	if (r->out % BENCH_BATCH == 0) {
		/* Pairs with the acquire in bench_ring_push(). */
		smp_store_release(&r->tail, r->out);
	}
	return p;
}

#endif /* _HAK_BENCH_H */
