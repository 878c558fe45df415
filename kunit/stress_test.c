// SPDX-License-Identifier: GPL-2.0
/*
 * Stress: threads that are bound to CPUs allocate, hand over and free objects.
 * Every object carries a stamp that is checked when it is freed, so the tests
 * notice an object with two holders. Every test ends with the check of the
 * statistics.
 */
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/string.h>

#include "hak_test.h"
#include "hak_test_threads.h"

#define OPS		50000	/* per thread */
#define LARSON_SECONDS	4	/* at most */
#define ARRAY_LEN	200

struct prng {
	u64 state;
};

static u32 prng_next(struct prng *r)
{
	r->state ^= r->state << 13;
	r->state ^= r->state >> 7;
	r->state ^= r->state << 17;
	return r->state >> 32;
}

static void prng_init(struct prng *r, unsigned int id)
{
	r->state = 0x9e3779b97f4a7c15ULL * (id + 1);
}

/*
 * A stamp fits the smallest object. Larger objects have a second one at their
 * end.
 */
static u64 stamp_of(const void *p, size_t size)
{
	return (u64)(unsigned long)p ^ (u64)size << 52 ^ 0x5bd1e9955bd1e995ULL;
}

static void stamp(void *p, size_t size)
{
	*(u64 *)p = stamp_of(p, size);
	if (size >= 16)
		((u64 *)p)[size / 8 - 1] = ~stamp_of(p, size);
}

/* Check the stamp, and spoil it so that a second holder notices. */
static bool stamp_holds(void *p, size_t size)
{
	bool holds = *(u64 *)p == stamp_of(p, size);

	if (size >= 16) {
		holds &= ((u64 *)p)[size / 8 - 1] == ~stamp_of(p, size);
		((u64 *)p)[size / 8 - 1] = 0;
	}
	*(u64 *)p = 0;
	return holds;
}

/* --- Larson: arrays of objects that travel from thread to thread --- */

struct array {
	void *obj[ARRAY_LEN];
	u16 size[ARRAY_LEN];
};

struct larson {
	struct hak_cache *c;		/* NULL: the size classes */
	unsigned int min, max;		/* sizes, in 8 bytes */
	unsigned int nr;
	struct array *array[HAK_TEST_MAX_THREADS + 1];
	atomic_long_t slot[HAK_TEST_MAX_THREADS + 1];
	unsigned long end;		/* in jiffies */
	atomic_t errors;
};

static bool replace(struct larson *l, struct array *a, struct prng *r)
{
	unsigned int i = prng_next(r) % ARRAY_LEN;
	size_t size = 8 * (l->min + prng_next(r) % (l->max - l->min + 1));
	bool ok = true;

	if (a->obj[i]) {
		ok = stamp_holds(a->obj[i], a->size[i]);
		hak_free(a->obj[i]);
	}
	a->size[i] = size;
	a->obj[i] = l->c ? hak_cache_alloc(l->c, GFP_KERNEL) :
			   hak_alloc(size, GFP_KERNEL);
	if (!a->obj[i])
		return false;
	stamp(a->obj[i], size);
	return ok;
}

static int larson_thread(void *arg, unsigned int id)
{
	struct larson *l = arg;
	unsigned int i, at = id;
	struct array *a = NULL;
	struct prng r;

	prng_init(&r, id);
	for (i = 0; i < hak_test_rounds(OPS); i++) {
		if (i % 128 == 0) {
			/*
			 * Leave this thread's array and take the next one that is
			 * free.
			 */
			while (a && atomic_long_cmpxchg(&l->slot[at], 0, (long)a))
				at = (at + 1) % l->nr;
			do {
				at = (at + 1) % l->nr;
				a = (void *)atomic_long_xchg(&l->slot[at], 0);
			} while (!a);
			/*
			 * If a host has fewer processors than the VM, it stops CPUs
			 * that hold a lock while others spin for it. With the cache
			 * off and KCSAN that can go on for many minutes.
			 */
			if (time_after(jiffies, l->end))
				break;
			cond_resched();
		}
		if (!replace(l, a, &r))
			atomic_inc(&l->errors);
	}
	while (atomic_long_cmpxchg(&l->slot[at], 0, (long)a))
		at = (at + 1) % l->nr;
	return 0;
}

static void larson_free(struct larson *l, struct array *a)
{
	unsigned int i;

	for (i = 0; i < ARRAY_LEN; i++) {
		if (!a->obj[i])
			continue;
		if (!stamp_holds(a->obj[i], a->size[i]))
			atomic_inc(&l->errors);
		hak_free(a->obj[i]);
	}
}

static void run_larson(struct kunit *test, struct hak_cache *c, unsigned int min,
		       unsigned int max)
{
	struct hak_test_gang *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	struct larson *l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);
	unsigned int i, nr = hak_test_nr_threads();

	KUNIT_ASSERT_NOT_NULL(test, g);
	KUNIT_ASSERT_NOT_NULL(test, l);
	l->c = c;
	l->min = min;
	l->max = max;
	l->end = jiffies + LARSON_SECONDS * HZ;
	/*
	 * One array more than threads, so that no thread has to take its own
	 * again.
	 */
	l->nr = nr + 1;
	for (i = 0; i < l->nr; i++) {
		l->array[i] = kunit_kzalloc(test, sizeof(*l->array[i]), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, l->array[i]);
		atomic_long_set(&l->slot[i], (long)l->array[i]);
	}
	KUNIT_ASSERT_EQ(test, hak_test_gang_start(g, nr, larson_thread, l), 0);
	hak_test_gang_join(g);
	for (i = 0; i < l->nr; i++)
		larson_free(l, l->array[i]);
	KUNIT_EXPECT_EQ(test, atomic_read(&l->errors), 0);
}

static void larson_of_all_sizes(struct kunit *test)
{
	run_larson(test, NULL, 1, HAK_MAX_SIZE / 8);
}

static void larson_of_small_sizes(struct kunit *test)
{
	run_larson(test, NULL, 1, 16);
}

static void larson_of_one_size(struct kunit *test)
{
	run_larson(test, NULL, 8, 8);
}

static void larson_with_cap(struct kunit *test, unsigned int cap)
{
	unsigned int saved = hak_fast_cap;
	struct hak_cache *c;

	hak_fast_cap = cap;
	c = hak_test_cache_shown(test, 1024, 0);
	hak_fast_cap = saved;
	run_larson(test, c, 128, 128);
}

static void larson_with_the_cache_off(struct kunit *test)
{
	larson_with_cap(test, 0);
}

static void larson_with_a_cache_of_one(struct kunit *test)
{
	larson_with_cap(test, 1);
}

static void larson_with_a_small_cache(struct kunit *test)
{
	larson_with_cap(test, 6);
}

/* --- one CPU allocates, another frees --- */

#define RING	256

struct ring {
	unsigned int head ____cacheline_aligned_in_smp;
	unsigned int tail ____cacheline_aligned_in_smp;
	void *obj[RING];
};

struct pipeline {
	struct ring ring[HAK_TEST_MAX_THREADS / 2];
	unsigned int size;
	atomic_t errors;
};

static void produce(struct pipeline *p, struct ring *r)
{
	unsigned int i;

	for (i = 0; i < hak_test_rounds(OPS); i++) {
		void *obj = hak_alloc(p->size, GFP_KERNEL);

		if (!obj) {
			atomic_inc(&p->errors);
			obj = ZERO_SIZE_PTR;
		} else {
			stamp(obj, p->size);
		}
		/* Pairs with consume()'s release: the entry was read. */
		while (i - smp_load_acquire(&r->tail) == RING)
			hak_test_relax();
		r->obj[i % RING] = obj;
		/* Pairs with consume()'s acquire: the entry is there. */
		smp_store_release(&r->head, i + 1);
	}
}

static void consume(struct pipeline *p, struct ring *r)
{
	unsigned int i;

	for (i = 0; i < hak_test_rounds(OPS); i++) {
		void *obj;

		/* Pairs with produce()'s release. */
		while (smp_load_acquire(&r->head) == i)
			hak_test_relax();
		obj = r->obj[i % RING];
		/* Pairs with produce()'s acquire. */
		smp_store_release(&r->tail, i + 1);
		if (obj != ZERO_SIZE_PTR && !stamp_holds(obj, p->size))
			atomic_inc(&p->errors);
		hak_free(obj);
	}
}

static int pipeline_thread(void *arg, unsigned int id)
{
	struct pipeline *p = arg;

	if (id % 2)
		consume(p, &p->ring[id / 2]);
	else
		produce(p, &p->ring[id / 2]);
	return 0;
}

static void producers_and_consumers(struct kunit *test)
{
	static const unsigned int size[] = { 8, 64, 1024 };
	struct hak_test_gang *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	struct pipeline *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, g);
	KUNIT_ASSERT_NOT_NULL(test, p);
	for (i = 0; i < ARRAY_SIZE(size); i++) {
		memset(p, 0, sizeof(*p));
		p->size = size[i];
		KUNIT_ASSERT_EQ(test, hak_test_gang_start(g, hak_test_nr_threads(),
							  pipeline_thread, p), 0);
		hak_test_gang_join(g);
		KUNIT_EXPECT_EQ(test, atomic_read(&p->errors), 0);
	}
}

/* --- bursts, so that slabs fill and empty while the reaper runs --- */

#define BURST	3000

struct bursts {
	void **obj[HAK_TEST_MAX_THREADS];
	unsigned int nr;
	atomic_t running;
	atomic_t errors;
};

static int burst_thread(void *arg, unsigned int id)
{
	static const unsigned int size[] = { 1024, 512, 896, 640 };
	struct bursts *b = arg;
	unsigned int i, round;

	for (round = 0; round < 6; round++) {
		unsigned int sz = size[(round + id) % ARRAY_SIZE(size)];

		for (i = 0; i < BURST; i++) {
			b->obj[id][i] = hak_alloc(sz, GFP_KERNEL);
			if (b->obj[id][i])
				stamp(b->obj[id][i], sz);
			else
				atomic_inc(&b->errors);
		}
		cond_resched();
		for (i = 0; i < BURST; i++) {
			void *p = b->obj[id][i * 7 % BURST];

			if (p && !stamp_holds(p, sz))
				atomic_inc(&b->errors);
			hak_free(p);
		}
		cond_resched();
	}
	atomic_dec(&b->running);
	return 0;
}

static void bursts_and_the_reaper(struct kunit *test)
{
	struct hak_test_gang *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	struct bursts *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	unsigned int i, nr = hak_test_nr_threads();
	struct hak_class_stats cs;

	KUNIT_ASSERT_NOT_NULL(test, g);
	KUNIT_ASSERT_NOT_NULL(test, b);
	for (i = 0; i < nr; i++) {
		b->obj[i] = kunit_kcalloc(test, BURST, sizeof(void *), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, b->obj[i]);
	}
	atomic_set(&b->running, nr);
	KUNIT_ASSERT_EQ(test, hak_test_gang_start(g, nr, burst_thread, b), 0);
	while (atomic_read(&b->running)) {
		hak_reap_all();
		hak_superslab_trim(0);
		/* Any CPU may read these at any time, which KCSAN and TSan watch. */
		hak_class_stats_read(hak_size_class(512), &cs);
		for_each_online_cpu(i)
			hak_cpu_holds(i);
		cond_resched();
	}
	hak_test_gang_join(g);
	KUNIT_EXPECT_EQ(test, atomic_read(&b->errors), 0);
}

/* Caches are created and destroyed next to a busy one, and share its superslabs. */
static int create_and_destroy(void *arg, unsigned int id)
{
	atomic_t *errors = arg;
	unsigned int i, j;
	void *obj[64];
	char name[16];

	snprintf(name, sizeof(name), "hak_churn_%u", id);
	for (i = 0; i < 8; i++) {
		struct hak_cache *c = hak_cache_create(name, 2048 + 8 * id,
						       0, 0, NULL);

		if (!c) {
			atomic_inc(errors);
			continue;
		}
		for (j = 0; j < ARRAY_SIZE(obj); j++) {
			obj[j] = hak_cache_alloc(c, GFP_KERNEL);
			stamp(obj[j], hak_cache_size(c));
		}
		for (j = 0; j < ARRAY_SIZE(obj); j++) {
			if (!stamp_holds(obj[j], hak_cache_size(c)))
				atomic_inc(errors);
			hak_cache_free(c, obj[j]);
		}
		hak_cache_destroy(c);
	}
	return 0;
}

static void caches_come_and_go(struct kunit *test)
{
	struct hak_test_gang *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	atomic_t errors = ATOMIC_INIT(0);

	KUNIT_ASSERT_NOT_NULL(test, g);
	KUNIT_ASSERT_EQ(test, hak_test_gang_start(g, hak_test_nr_threads(),
						  create_and_destroy, &errors), 0);
	hak_test_gang_join(g);
	KUNIT_EXPECT_EQ(test, atomic_read(&errors), 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(larson_of_all_sizes),
	KUNIT_CASE(larson_of_small_sizes),
	KUNIT_CASE(larson_of_one_size),
	KUNIT_CASE(larson_with_the_cache_off),
	KUNIT_CASE(larson_with_a_cache_of_one),
	KUNIT_CASE(larson_with_a_small_cache),
	KUNIT_CASE(producers_and_consumers),
	KUNIT_CASE(bursts_and_the_reaper),
	KUNIT_CASE(caches_come_and_go),
	{}
};

static struct kunit_suite hak_stress_suite = {
	.name = "hak_stress",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};
kunit_test_suites(&hak_stress_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: stress over CPUs");
MODULE_LICENSE("GPL");
