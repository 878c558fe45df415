// SPDX-License-Identifier: GPL-2.0
/*
 * One measurement: prepare, run the loop in kthreads, each bound to a CPU of its
 * own, and clean up.
 */
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "measure.h"

#define BENCH_MAX_OBJECTS	(4U << 20)
#define BENCH_SPINS		64	/* before something else may run */

bool bench_stop;

/**
 * struct workload - a kind of measurement
 * @name: as in the first word of a specification
 * @loop: offset in struct bench_loops
 * @arrays: every thread has an array of @n objects
 * @chain: arrays are left to new threads (Larson)
 * @rings: there is a ring from each thread to the next
 * @one_takes: thread 0 frees what the others allocate
 * @together: threads work with each other, or wait: their whole time counts
 */
struct workload {
	const char *name;
	size_t loop;
	bool arrays;
	bool chain;
	bool rings;
	bool one_takes;
	bool together;
};

#define LOOP(field)	offsetof(struct bench_loops, field)

static const struct workload workloads[] = {
	{ "pair", LOOP(pair) },
	{ "pair_const", LOOP(pair_const) },
	{ "burst", LOOP(burst) },
	{ "burst_const", LOOP(burst_const) },
	{ "touch", LOOP(touch) },
	{ "longest", LOOP(longest) },
	{ "second", LOOP(second) },
	{ "bulk", LOOP(bulk) },
	{ "rcu_free", LOOP(rcu_free) },
	{ "lifetime", LOOP(lifetime), .together = true },
	{ "shrink", LOOP(shrink), .together = true },
	{ "irq_free", LOOP(irq_free) },
	{ "irq_both", LOOP(irq_both) },
	{ "replace", LOOP(replace), .arrays = true, .together = true },
	{ "mixed", LOOP(replace_mixed), .arrays = true, .together = true },
	{ "larson", LOOP(replace), .arrays = true, .chain = true, .together = true },
	{ "ring", LOOP(ring), .rings = true, .together = true },
	{ "ring_touch", LOOP(ring_touch), .rings = true, .together = true },
	{ "to_one", LOOP(to_one), .rings = true, .one_takes = true, .together = true },
	{ "to_one_touch", LOOP(to_one_touch), .rings = true, .one_takes = true, .together = true },
	{ "pingpong", LOOP(pingpong), .together = true },
};

typedef int (*bench_loop)(struct bench_thread *t);

static const struct bench_loops *const all_loops[] = {
	&bench_empty, &bench_kmalloc, &bench_kmem_cache, &bench_hak, &bench_hak_cache,
};

/* Wait a moment for another thread; false: give up. */
bool bench_relax(struct bench *b, unsigned int *spins)
{
	cpu_relax();
	if (++*spins % BENCH_SPINS)
		return true;
	bench_yield();
	cond_resched();
	return !bench_ended(b);
}

/* All threads start together, and none sleeps meanwhile. */
int bench_start_line(struct bench *b)
{
	unsigned int spins = 0;

	atomic_inc(&b->arrived);
	while (atomic_read(&b->arrived) < b->threads)
		if (!bench_relax(b, &spins))
			return -ECANCELED;
	return 0;
}

static const struct workload *find_workload(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(workloads); i++)
		if (!strcmp(workloads[i].name, name))
			return &workloads[i];
	return NULL;
}

static const struct bench_loops *find_loops(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all_loops); i++)
		if (!strcmp(all_loops[i]->name + strlen("bench_"), name))
			return all_loops[i];
	return NULL;
}

static bench_loop loop_of(const struct bench *b, const struct workload *w)
{
	return *(const bench_loop *)((const char *)b->loops + w->loop);
}

/* --- the threads --- */

struct bench_life {
	struct bench_thread *t;
	const struct workload *w;
	u64 start;
};

static int thread_fn(void *data);

static int launch(struct bench_life *life)
{
	struct bench_thread *t = life->t;
	struct task_struct *task;

	__module_get(THIS_MODULE);
	task = kthread_create(thread_fn, life, "hak_bench/%u", t->id);
	if (IS_ERR(task)) {
		module_put(THIS_MODULE);
		return PTR_ERR(task);
	}
	/* In a chain, every thread runs on another CPU than the one before. */
	kthread_bind(task, (t->id + t->lives) % t->b->threads);
	wake_up_process(task);
	return 0;
}

/* True if another thread takes over. */
static bool hand_on(struct bench_life *life)
{
	struct bench_thread *t = life->t;

	if (!life->w->chain || t->ret || bench_ended(t->b))
		return false;
	if (++t->lives >= t->b->lives)
		return false;
	t->ret = launch(life);
	return !t->ret;
}

/*
 * Uncounted work: a single thread does a part of its work, others fill their
 * arrays, on the CPU they will run on.
 */
static int warm_up(struct bench_thread *t, const struct workload *w)
{
	struct bench *b = t->b;
	u64 ops = b->ops;
	int err;

	if (w->arrays)
		return b->loops->fill(t);
	if (w->together)
		return 0;
	b->ops = max_t(u64, b->n, ops / 8);
	err = loop_of(b, w)(t);
	b->ops = ops;
	b->ns[0] = 0;
	b->ns[1] = 0;
	return err;
}

static int thread_fn(void *data)
{
	struct bench_life *life = data;
	struct bench_thread *t = life->t;
	u64 cpu;

	if (!t->lives) {
		t->ret = warm_up(t, life->w);
		if (!t->ret)
			t->ret = bench_start_line(t->b);
		life->start = ktime_get_ns();
	}
	cpu = bench_clock();
	if (!t->ret)
		t->ret = loop_of(t->b, life->w)(t);
	t->cpu += bench_clock() - cpu;
	t->wall = ktime_get_ns() - life->start;
	if (t->ret)
		WRITE_ONCE(t->b->failed, t->ret);
	if (!hand_on(life))
		complete(&t->done);
	module_put_and_kthread_exit(0);
}

static int run_threads(struct bench *b, const struct workload *w)
{
	struct bench_life *life;
	unsigned int i;
	int err = 0;

	life = kcalloc(b->threads, sizeof(*life), GFP_KERNEL);
	if (!life)
		return -ENOMEM;
	for (i = 0; i < b->threads; i++) {
		struct bench_thread *t = &b->thread[i];

		life[i] = (struct bench_life){ .t = t, .w = w };
		err = launch(&life[i]);
		if (err) {
			WRITE_ONCE(b->failed, err);
			break;
		}
	}
	while (i--) {
		if (wait_for_completion_killable(&b->thread[i].done)) {
			WRITE_ONCE(b->failed, -ECANCELED);
			wait_for_completion(&b->thread[i].done);
		}
	}
	kfree(life);
	if (READ_ONCE(bench_stop))
		return -ECANCELED;
	return err ? err : b->failed;
}

/* --- the stage --- */

static void free_bench(struct bench *b)
{
	unsigned int i;

	for (i = 0; i < b->threads; i++)
		if (b->thread[i].obj != b->obj)
			vfree(b->thread[i].obj);
	vfree(b->ring);
	vfree(b->perm);
	vfree(b->old);
	vfree(b->obj);
	free_page((unsigned long)b);
}

static void make_order(struct bench *b, const char *order, u32 seed)
{
	u64 random = (u64)seed << 32;
	unsigned int i;

	for (i = 0; i < b->n; i++)
		b->perm[i] = strcmp(order, "lifo") ? i : b->n - 1 - i;
	if (strcmp(order, "random"))
		return;
	for (i = b->n; i > 1; i--) {
		u32 j = bench_below(bench_random(&random), i);

		swap(b->perm[i - 1], b->perm[j]);
	}
}

/* --- typed caches: kept while the size stays the same, as their users do --- */

static struct {
	struct kmem_cache *slub;
	struct hak_cache *hak;
	unsigned int slub_size, hak_size;
} kept;

static void destroy_slub(void)
{
	kmem_cache_destroy(kept.slub);
	kept.slub = NULL;
}

static void destroy_hak(void)
{
	if (kept.hak)
		hak_cache_destroy(kept.hak);
	kept.hak = NULL;
}

/**
 * bench_destroy_caches() - destroy the caches that measurements have kept
 *
 * Context: task, may sleep; when nothing is measured.
 */
void bench_destroy_caches(void)
{
	destroy_slub();
	destroy_hak();
}

static int make_slub(unsigned int size)
{
	if (!kept.slub || kept.slub_size != size) {
		destroy_slub();
		kept.slub = kmem_cache_create("hak_bench", size, 0, SLAB_NO_MERGE, NULL);
		kept.slub_size = size;
	}
	return kept.slub ? 0 : -ENOMEM;
}

static int make_hak(unsigned int size)
{
	struct hak_cache *c;

	if (!kept.hak || kept.hak_size != size) {
		destroy_hak();
		c = hak_cache_create("hak_bench", size, 0, 0, NULL);
		if (IS_ERR_OR_NULL(c))
			return c ? PTR_ERR(c) : -ENOMEM;
		kept.hak = c;
		kept.hak_size = size;
	}
	return 0;
}

static int make_caches(struct bench *b)
{
	int err = 0;

	if (b->loops == &bench_kmem_cache)
		err = make_slub(b->size);
	else if (b->loops == &bench_hak_cache)
		err = make_hak(b->size);
	b->slub = kept.slub;
	b->hak = kept.hak;
	return err;
}

static int make_arrays(struct bench *b, const struct workload *w, u32 seed)
{
	unsigned int i;

	b->obj = vcalloc(b->n, sizeof(*b->obj));
	b->old = vcalloc(2 * b->holes + 1, sizeof(*b->old));
	b->perm = vcalloc(b->n, sizeof(*b->perm));
	if (!b->obj || !b->old || !b->perm)
		return -ENOMEM;
	if (w->rings) {
		b->ring = vcalloc(b->threads, sizeof(*b->ring));
		if (!b->ring)
			return -ENOMEM;
	}
	for (i = 0; i < b->threads; i++) {
		struct bench_thread *t = &b->thread[i];

		t->b = b;
		t->id = i;
		t->random = (u64)seed << 32 | (i + 1);
		init_completion(&t->done);
		if (!w->arrays)
			continue;
		t->obj = vcalloc(b->n, sizeof(*t->obj));
		if (!t->obj)
			return -ENOMEM;
	}
	if (w->loop == LOOP(pingpong))
		b->thread[0].obj = b->obj;
	return 0;
}

static void add_up(struct bench *b, const struct workload *w, struct bench_result *res)
{
	unsigned int i;

	res->ops = b->ops * b->threads * b->lives;
	if (w->one_takes)
		res->ops -= b->ops;
	memcpy(res->ns, b->ns, sizeof(res->ns));
	if (!w->together)
		return;
	for (i = 0; i < b->threads; i++) {
		res->ns[0] += b->thread[i].wall;
		res->ns[1] += b->thread[i].cpu;
	}
}

static int run_bench(struct bench *b, const struct workload *w)
{
	int err = run_threads(b, w);
	unsigned int i;

	for (i = 0; i < b->threads; i++)
		b->loops->empty(&b->thread[i]);
	return err;
}

static bool plausible(const struct bench_spec *s, const struct workload *w)
{
	if (w->rings && s->ops % BENCH_BATCH)
		return false;
	if (w->loop == LOOP(rcu_free) && s->size < sizeof(struct bench_headed))
		return false;
	return s->size && s->size <= HAK_MAX_SIZE && s->ops &&
	       s->n && s->n <= BENCH_MAX_OBJECTS && s->holes <= BENCH_MAX_OBJECTS / 2 &&
	       s->threads && s->threads <= BENCH_MAX_THREADS && s->lives &&
	       s->threads <= num_online_cpus() && s->max <= HAK_MAX_SIZE + 1;
}

/**
 * bench_measure() - do one measurement
 * @spec: the specification
 * @res: the result
 *
 * Context: task, may sleep; one at a time.
 * Return: 0, -EINVAL for a specification that makes no sense, -EOPNOTSUPP for
 * a workload this allocator does not have, -ECANCELED if it was stopped, -ENOMEM.
 */
int bench_measure(const struct bench_spec *spec, struct bench_result *res)
{
	const struct workload *w = find_workload(spec->workload);
	const struct bench_loops *loops = find_loops(spec->loops);
	u64 start = ktime_get_ns();
	struct bench *b;
	int err;

	if (!w || !loops || !plausible(spec, w))
		return -EINVAL;
	BUILD_BUG_ON(sizeof(*b) > PAGE_SIZE);
	b = (struct bench *)get_zeroed_page(GFP_KERNEL);
	if (!b)
		return -ENOMEM;
	b->loops = loops;
	b->size = spec->size;
	b->max = max(spec->max, spec->size + 1);
	b->n = spec->n;
	b->holes = spec->holes;
	b->threads = spec->threads;
	b->lives = spec->lives;
	b->ops = spec->ops;

	err = loop_of(b, w) ? make_arrays(b, w, spec->seed) : -EOPNOTSUPP;
	if (!err)
		err = make_caches(b);
	if (!err) {
		make_order(b, spec->order, spec->seed);
		err = run_bench(b, w);
	}
	if (!err)
		add_up(b, w, res);
	free_bench(b);
	res->elapsed = ktime_get_ns() - start;
	return err;
}
