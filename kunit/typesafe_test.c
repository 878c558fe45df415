// SPDX-License-Identifier: GPL-2.0
/*
 * Readers under RCU. With SLAB_TYPESAFE_BY_RCU, an object that a reader found
 * before it was freed stays an object of its cache while the reader is inside.
 * hak_free_rcu() does not free an object before then. Needs a kernel: the
 * userspace build has no grace periods.
 */
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "hak_test.h"
#include "hak_test_threads.h"

#define NR	4000
#define SIZE	120
#define TYPE	0x74797065UL

/**
 * struct reading - a reader on one CPU, and a task that frees the memory it reads
 * @obj: the objects that the reader has found
 * @inside: the reader is in its read-side critical section
 * @taken: the task has done everything to the objects
 * @lost: objects whose memory had another use by then
 */
struct reading {
	void **obj;
	bool inside;
	bool taken;
	unsigned int lost;
};

static int read_objects(void *arg, unsigned int id)
{
	struct reading *r = arg;
	unsigned int i;

	rcu_read_lock();
	/* Pairs with the acquire of the task that waits for the reader. */
	smp_store_release(&r->inside, true);
	/* Pairs with the release of that task. */
	while (!smp_load_acquire(&r->taken))
		cpu_relax();
	for (i = 0; i < NR; i++)
		r->lost += READ_ONCE(*(unsigned long *)r->obj[i]) != TYPE;
	rcu_read_unlock();
	return 0;
}

/*
 * Free all objects, release each whole slab, and fill all memory that can be had
 * with rubbish.
 */
static void take_away(struct kunit *test, struct hak_cache *c, void **obj,
		      void **other)
{
	struct hak_cache *d = hak_test_cache_shown(test, SIZE, 0);
	unsigned int i;

	hak_cache_free_bulk(c, NR, obj);
	hak_cache_shrink(c);
	/* Run the reaper several times while the grace period cannot end. */
	for (i = 0; i < 5; i++) {
		hak_reap_all();
		hak_test_sleep(20);
	}
	for (i = 0; i < NR; i++) {
		other[i] = hak_cache_alloc(d, GFP_KERNEL);
		if (other[i])
			memset(other[i], 0xff, SIZE);
	}
	hak_cache_free_bulk(d, NR, other);
}

static unsigned int lost_by_a_reader(struct kunit *test, slab_flags_t flags)
{
	struct hak_test_gang *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	void **obj = kunit_kcalloc(test, NR, sizeof(*obj), GFP_KERNEL);
	void **other = kunit_kcalloc(test, NR, sizeof(*obj), GFP_KERNEL);
	void **copy = kunit_kcalloc(test, NR, sizeof(*obj), GFP_KERNEL);
	struct reading r = { .obj = copy };
	struct hak_cache *c;
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, g && obj && other && copy);
	c = hak_test_cache_args(test, SIZE, NULL, flags);
	for (i = 0; i < NR; i++) {
		obj[i] = hak_cache_alloc(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, obj[i]);
		memset(obj[i], 0, SIZE);
		*(unsigned long *)obj[i] = TYPE;
	}
	memcpy(copy, obj, NR * sizeof(*obj));
	KUNIT_ASSERT_EQ(test, hak_test_gang_start(g, 1, read_objects, &r), 0);
	/* Pairs with the release in read_objects(). */
	while (!smp_load_acquire(&r.inside))
		hak_test_relax();
	take_away(test, c, obj, other);
	/* Pairs with the acquire in read_objects(). */
	smp_store_release(&r.taken, true);
	hak_test_gang_join(g);
	return r.lost;
}

/* Is there one CPU only? The reader needs a CPU that the test does not use. */
static bool alone(struct kunit *test)
{
	return num_online_cpus() < 2;
}

static void objects_stay_for_readers(struct kunit *test)
{
	if (alone(test))
		kunit_skip(test, "takes a CPU for the reader");
	KUNIT_EXPECT_EQ(test, lost_by_a_reader(test, SLAB_TYPESAFE_BY_RCU), 0);
}

/*
 * Without the flag the reader loses nearly all objects, so the test above can
 * fail.
 */
static void without_the_flag_objects_are_reused(struct kunit *test)
{
	if (alone(test))
		kunit_skip(test, "takes a CPU for the reader");
	KUNIT_EXPECT_GT(test, lost_by_a_reader(test, 0), NR / 2);
}

/* After a grace period the reaper releases the slabs by itself. */
static void slabs_are_released_in_the_end(struct kunit *test)
{
	void **obj = kunit_kcalloc(test, NR, sizeof(*obj), GFP_KERNEL);
	struct hak_class_stats cs;
	struct hak_cache *c;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	c = hak_test_cache_args(test, SIZE, NULL, SLAB_TYPESAFE_BY_RCU);
	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, NR, obj), NR);
	hak_cache_free_bulk(c, NR, obj);
	hak_cache_shrink(c);
	for (i = 0; i < 1000; i++) {
		hak_class_stats_read(c, &cs);
		if (!cs.slabs)
			break;
		hak_test_sleep(10);
	}
	KUNIT_EXPECT_EQ(test, cs.slabs, 0UL);
}

static void flush_this_cpu(struct hak_cache *c)
{
	struct hak_cpu_cache *cc;

	preempt_disable();
	cc = this_cpu_ptr(c->cpu);
	hak_cpu_enter(cc);
	hak_cpu_flush(c, cc);
	hak_cpu_sleep(cc);
	preempt_enable();
}

/*
 * If an object is freed twice while its slab is in limbo, that is reported, and
 * the slab is kept.
 */
static void freed_again_in_limbo(struct kunit *test)
{
	struct hak_class_stats cs;
	struct hak_cache *c;
	struct hak_slab *s;
	void *p;

	c = hak_test_cache_args(test, 8192, NULL, SLAB_TYPESAFE_BY_RCU);
	migrate_disable();
	p = hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	s = hak_test_slab_of(p);
	hak_cache_free(c, p);
	mutex_lock(&hak_cache_mutex);
	flush_this_cpu(c);
	migrate_enable();
	hak_pool_reap(c->pool[s->nid]);
	KUNIT_EXPECT_EQ(test, (int)hak_test_state(s), (int)HAK_OWNED);
	preempt_disable();
	hak_slab_count(s, 1);
	preempt_enable();
	mutex_unlock(&hak_cache_mutex);
	synchronize_rcu();
	hak_reap_all();
	KUNIT_EXPECT_PTR_EQ(test, hak_test_slab_of(p), s);
	hak_class_stats_read(c, &cs);
	KUNIT_EXPECT_EQ(test, cs.excess, 1UL);
	/* Undo the second free by counting an allocation. */
	mutex_lock(&hak_cache_mutex);
	WRITE_ONCE(s->taken, s->taken + 1);
	hak_pool_reap(c->pool[s->nid]);
	mutex_unlock(&hak_cache_mutex);
}

struct headed {
	unsigned long type;
	struct rcu_head rcu;
};

/*
 * A CPU gives more objects to hak_free_rcu() than the batches hold, while a
 * reader looks at all of them.
 */
static void nothing_is_freed_early(struct kunit *test)
{
	struct hak_test_gang *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	void **obj = kunit_kcalloc(test, NR, sizeof(*obj), GFP_KERNEL);
	struct reading r = { .obj = obj };
	struct hak_cache *c;
	unsigned int i, j;

	if (alone(test))
		kunit_skip(test, "takes a CPU for the reader");
	KUNIT_ASSERT_TRUE(test, g && obj);
	c = hak_test_cache_shown(test, sizeof(struct headed), 0);
	for (i = 0; i < NR; i++) {
		obj[i] = hak_cache_alloc(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, obj[i]);
		((struct headed *)obj[i])->type = TYPE;
	}
	KUNIT_ASSERT_EQ(test, hak_test_gang_start(g, 1, read_objects, &r), 0);
	/* Pairs with the release in read_objects(). */
	while (!smp_load_acquire(&r.inside))
		hak_test_relax();
	for (i = 0; i < NR; i++) {
		struct headed *h = obj[i];

		if (i % 2)
			hak_free_rcu(h, rcu);
		else
			hak_free_rcu(h);
	}
	/* If one of the objects were free already, it would be overwritten here. */
	for (i = 0; i < 10; i++) {
		hak_test_sleep(10);
		for (j = 0; j < NR; j++) {
			struct headed *h = hak_cache_alloc(c, GFP_KERNEL);

			KUNIT_ASSERT_NOT_NULL(test, h);
			h->type = 0;
			hak_cache_free(c, h);
		}
	}
	/* Pairs with the acquire in read_objects(). */
	smp_store_release(&r.taken, true);
	hak_test_gang_join(g);
	KUNIT_EXPECT_EQ(test, r.lost, 0);
	hak_free_rcu_barrier();
}

static struct kunit_case cases[] = {
	KUNIT_CASE(objects_stay_for_readers),
	KUNIT_CASE(without_the_flag_objects_are_reused),
	KUNIT_CASE(slabs_are_released_in_the_end),
	KUNIT_CASE(freed_again_in_limbo),
	KUNIT_CASE(nothing_is_freed_early),
	{}
};

static struct kunit_suite hak_typesafe_suite = {
	.name = "hak_typesafe",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_typesafe_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: readers under RCU");
MODULE_LICENSE("GPL");
