// SPDX-License-Identifier: GPL-2.0
/*
 * Idle caches: which caches count as idle, how they are emptied, and that the
 * trim starts whenever an object comes into one or leaves it.
 */
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "hak_test.h"
#include "percpu_ops.h"

#define CAP	8	/* objects a pretended CPU keeps */
#define FULL	64	/* capacity of the slabs used here */
#define SIZE	(HAK_SLAB_SIZE / FULL)

/* Pretend that the idle trim has stopped. */
static void trim_is_off(void)
{
	WRITE_ONCE(hak_trim_stopped, 1);
}

/* Was the idle trim started since then? From here on it is on. */
static bool trim_was_started(void)
{
	return !xchg(&hak_trim_stopped, 0);
}

static void refill_and_spill_start_the_trim(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu(test, c, CAP);
	void *obj[CAP + 1];
	unsigned int i;

	hak_pool_put(hak_test_slab(test, c), HAK_OWNED);
	trim_is_off();
	obj[0] = hak_test_alloc(test, c, a);
	KUNIT_EXPECT_TRUE(test, trim_was_started());
	trim_is_off();
	obj[1] = hak_test_alloc(test, c, a);
	KUNIT_EXPECT_FALSE(test, trim_was_started());
	for (i = 2; i < ARRAY_SIZE(obj); i++)
		obj[i] = hak_test_alloc(test, c, a);
	if (a->nr)
		hak_cpu_spill(c, a, a->obj, a->nr);
	a->nr = 0;

	for (i = 0; i < CAP; i++)
		hak_test_free(c, a, obj[i]);
	trim_is_off();
	hak_test_free(c, a, obj[CAP]);
	KUNIT_EXPECT_TRUE(test, trim_was_started());
}

/* Likewise where the objects that leave are of more than one slab. */
static void spill_of_two_slabs_starts_the_trim(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu(test, c, CAP);
	struct hak_slab *s[] = { hak_test_slab(test, c), hak_test_slab(test, c) };
	unsigned int i;
	void *p;

	for (i = 0; i <= CAP; i++) {
		KUNIT_ASSERT_EQ(test, hak_slab_take(c, s[i % 2], &p, 1), 1);
		trim_is_off();
		hak_test_free(c, a, p);
	}
	KUNIT_EXPECT_EQ(test, a->spills, 1UL);
	KUNIT_EXPECT_TRUE(test, trim_was_started());
	hak_cpu_flush(c, a);
	hak_pool_put(s[0], HAK_OWNED);
	hak_pool_put(s[1], HAK_OWNED);
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), 2);
}

static void send_and_receive_start_the_trim(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu_sending(test, c, CAP);
	struct hak_cpu_cache *b = hak_test_cpu_sending(test, c, CAP);
	unsigned long refills;
	void *obj[CAP + 1];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(obj); i++)
		obj[i] = hak_test_alloc(test, c, a);
	for (i = 0; i < CAP; i++)
		hak_test_free(c, b, obj[i]);
	trim_is_off();
	hak_test_free(c, b, obj[CAP]);
	KUNIT_ASSERT_EQ(test, b->sends, 1);
	KUNIT_EXPECT_TRUE(test, trim_was_started());

	hak_cpu_flush(c, a);
	refills = a->refills;
	trim_is_off();
	obj[0] = hak_test_alloc(test, c, a);
	KUNIT_ASSERT_EQ(test, hak_magazine_objects(b), 0);
	KUNIT_EXPECT_TRUE(test, trim_was_started());
	/* A receipt counts as a refill, otherwise the CPU would look idle. */
	KUNIT_EXPECT_EQ(test, a->refills, refills + 1);
	hak_test_free(c, a, obj[0]);
}

/* Flush all of this CPU's caches, and check that they are empty and asleep. */
static void all_asleep(struct kunit *test, unsigned int cpu)
{
	bool idle;

	hak_cpu_flush_this(true);
	hak_cpu_scan_idle(cpu, &idle);
	KUNIT_EXPECT_FALSE(test, hak_cpu_scan_idle(cpu, &idle));
	KUNIT_EXPECT_FALSE(test, idle);
	KUNIT_EXPECT_FALSE(test, hak_cpu_holds(cpu));
}

static void unused_caches_are_idle(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, SIZE, 0);
	struct hak_cpu_cache *cc;
	unsigned int cpu;
	bool idle;
	void *p;

	migrate_disable();
	cpu = smp_processor_id();
	cc = per_cpu_ptr(c->cpu, cpu);
	all_asleep(test, cpu);

	p = hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, hak_cpu_holds(cpu));
	/*
	 * A cache that was used since the last trim is left alone, and checked
	 * again.
	 */
	hak_cpu_flush_this(false);
	KUNIT_EXPECT_NOT_NULL(test, cc->cur);
	KUNIT_EXPECT_TRUE(test, hak_cpu_scan_idle(cpu, &idle));
	KUNIT_EXPECT_FALSE(test, idle);
	KUNIT_EXPECT_FALSE(test, hak_cpu_scan_idle(cpu, &idle));
	KUNIT_EXPECT_TRUE(test, idle);
	hak_cpu_flush_this(false);
	KUNIT_EXPECT_EQ(test, cc->nr, 0);
	KUNIT_EXPECT_NULL(test, cc->cur);
	KUNIT_EXPECT_EQ(test, cc->mark, HAK_CPU_ASLEEP);
	hak_cache_free(c, p);
	KUNIT_EXPECT_EQ(test, cc->mark, HAK_CPU_READY);
	KUNIT_EXPECT_TRUE(test, hak_cpu_holds(cpu));
	all_asleep(test, cpu);
	migrate_enable();
}

/*
 * A CPU has a cache that is idle and one that was refilled since the last look. The trim
 * empties the first, and the second only if it is idle the next time.
 */
static void only_idle_caches_are_emptied(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, SIZE, 0);
	struct hak_cache *d = hak_test_cache_shown(test, SIZE, 0);
	struct hak_cpu_cache *unused, *used;
	unsigned int cpu;
	bool idle;
	void *p, *q;

	migrate_disable();
	cpu = smp_processor_id();
	unused = per_cpu_ptr(c->cpu, cpu);
	used = per_cpu_ptr(d->cpu, cpu);
	all_asleep(test, cpu);
	p = hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, hak_cpu_scan_idle(cpu, &idle));
	KUNIT_EXPECT_FALSE(test, idle);

	q = hak_cache_alloc(d, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, hak_cpu_scan_idle(cpu, &idle));
	KUNIT_EXPECT_TRUE(test, idle);
	hak_cpu_flush_this(false);
	KUNIT_EXPECT_TRUE(test, hak_cpu_is_asleep(unused));
	KUNIT_EXPECT_TRUE(test, hak_cpu_is_awake(used));
	KUNIT_EXPECT_NOT_NULL(test, used->cur);

	/* That the first was emptied counts as activity, too. */
	hak_cpu_scan_idle(cpu, &idle);
	KUNIT_EXPECT_TRUE(test, idle);
	hak_cpu_flush_this(false);
	KUNIT_EXPECT_TRUE(test, hak_cpu_is_asleep(used));
	hak_cache_free(c, p);
	hak_cache_free(d, q);
	all_asleep(test, cpu);
	migrate_enable();
}

/* Each count of a CPU shows that the CPU is at work. */
static void every_count_is_activity(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, SIZE, 0);
	struct hak_cpu_cache *cc;
	unsigned int cpu;
	bool idle;

	migrate_disable();
	cpu = smp_processor_id();
	cc = per_cpu_ptr(c->cpu, cpu);
	all_asleep(test, cpu);
	cc->refills++;
	KUNIT_EXPECT_TRUE(test, hak_cpu_scan_idle(cpu, &idle));
	cc->spills++;
	KUNIT_EXPECT_TRUE(test, hak_cpu_scan_idle(cpu, &idle));
	cc->sends++;
	KUNIT_EXPECT_TRUE(test, hak_cpu_scan_idle(cpu, &idle));
	KUNIT_EXPECT_FALSE(test, hak_cpu_scan_idle(cpu, &idle));
	migrate_enable();
}

/* A CPU that owns a slab but has no cached objects still holds something. */
static void a_slab_alone_is_held(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_cap(test, SIZE, 0);
	unsigned int cpu;
	void *p;

	/* The last cache of all holds nothing. */
	hak_test_cache_shown(test, SIZE, 0);
	migrate_disable();
	cpu = smp_processor_id();
	all_asleep(test, cpu);
	p = hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, per_cpu_ptr(c->cpu, cpu)->nr, 0);
	KUNIT_EXPECT_TRUE(test, hak_cpu_holds(cpu));
	hak_cache_free(c, p);
	migrate_enable();
}

/* A cache is not emptied while its owner is inside. */
static void a_busy_cache_is_left_alone(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, SIZE, 0);
	struct hak_cpu_cache *cc;
	void *p;

	migrate_disable();
	cc = raw_cpu_ptr(c->cpu);
	p = hak_cache_alloc(c, GFP_KERNEL);
	WRITE_ONCE(cc->mark, HAK_CPU_INSIDE);
	hak_cpu_flush_this(true);
	KUNIT_EXPECT_NOT_NULL(test, cc->cur);
	KUNIT_EXPECT_EQ(test, cc->mark, HAK_CPU_INSIDE);
	WRITE_ONCE(cc->mark, HAK_CPU_READY);
	hak_cache_free(c, p);
	migrate_enable();
}

/*
 * If a slab has only memory that was never used, the flush has to put it where it
 * is found.
 */
static void flush_of_a_slab_with_never_used_space(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu(test, c, 0);
	void *p = hak_test_alloc(test, c, a);
	struct hak_slab *s = a->cur;

	KUNIT_ASSERT_NULL(test, s->freelist);
	KUNIT_ASSERT_LT(test, s->bump, c->capacity);
	hak_cpu_flush(c, a);
	KUNIT_EXPECT_EQ(test, hak_test_state(s), HAK_POOLED);
	KUNIT_EXPECT_PTR_EQ(test, hak_pool_adopt(c, s->nid), s);
	hak_test_give(s, p);
	hak_pool_put(s, HAK_OWNED);
}

/* Likewise a slab whose objects were drained, but not yet used. */
static void flush_of_a_slab_with_drained_objects(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu(test, c, 0);
	void *obj[FULL];
	struct hak_slab *s;
	unsigned int i;

	for (i = 0; i < FULL; i++)
		obj[i] = hak_test_alloc(test, c, a);
	s = a->cur;
	hak_test_push(s, obj[0]);
	KUNIT_ASSERT_TRUE(test, hak_slab_drain(c, s));
	hak_cpu_flush(c, a);
	KUNIT_EXPECT_EQ(test, hak_test_state(s), HAK_POOLED);
	for (i = 1; i < FULL; i++)
		hak_test_push(s, obj[i]);
}

/* The large objects that a CPU keeps take no more memory than small ones. */
static void large_objects_are_kept_in_small_numbers(struct kunit *test)
{
	static const struct {
		unsigned int fast_cap, size, cap;
	} t[] = {
		{ 64, 1024, 64 }, { 64, 2048, 32 }, { 64, 8192, 8 }, { 64, 1536, 42 },
		{ 1, 8192, 1 }, { 7, 8192, 1 }, { 0, 8192, 0 }, { 0, 8, 0 }, { 1, 8, 1 },
	};
	unsigned int saved = hak_fast_cap, i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		struct hak_cache *c;

		hak_fast_cap = t[i].fast_cap;
		c = hak_test_cache_shown(test, t[i].size, 0);
		hak_fast_cap = saved;
		KUNIT_EXPECT_EQ(test, c->cap, t[i].cap);
	}
}

/* A cache woke while each operation had to take the slow path. */
static void frees_are_fast_after_a_mode(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, SIZE, 0);
	const u8 left = hak_cpu_awake_mark;
	struct hak_cpu_cache *cc;
	unsigned int cpu;
	void *p;

	if (want_init_on_free() || left != HAK_CPU_READY)
		kunit_skip(test, "every free comes by the slow way");

	migrate_disable();
	cpu = smp_processor_id();
	cc = per_cpu_ptr(c->cpu, cpu);
	all_asleep(test, cpu);
	WRITE_ONCE(hak_cpu_awake_mark, HAK_CPU_SLOW_ONLY);
	p = hak_cache_alloc(c, GFP_KERNEL);
	hak_cache_free(c, p);
	KUNIT_EXPECT_EQ(test, cc->mark, HAK_CPU_SLOW_ONLY);
	KUNIT_EXPECT_EQ(test, cc->limit, 0);
	/* There are objects now, but the fast path leaves them to the slow one. */
	KUNIT_EXPECT_GT(test, cc->nr, 0);
	p = hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, cc->mark, HAK_CPU_SLOW_ONLY);
	hak_cache_free(c, p);
	KUNIT_EXPECT_EQ(test, cc->mark, HAK_CPU_SLOW_ONLY);

	WRITE_ONCE(hak_cpu_awake_mark, left);
	p = hak_cache_alloc(c, GFP_KERNEL);
	hak_cache_free(c, p);
	p = hak_cache_alloc(c, GFP_KERNEL);
	hak_cache_free(c, p);
	KUNIT_EXPECT_EQ(test, cc->mark, HAK_CPU_READY);
	KUNIT_EXPECT_EQ(test, cc->limit, cc->cap);
	all_asleep(test, cpu);
	migrate_enable();
}

/*
 * The fast paths neither use nor open a cache whose mark keeps them out. The last mark
 * shows that nothing else does.
 */
static void fast_paths_stay_out(struct kunit *test)
{
	static const u8 mark[] = {
		HAK_CPU_INSIDE, HAK_CPU_SLOW_ONLY, HAK_CPU_ASLEEP, HAK_CPU_CLOSED,
		HAK_CPU_READY,
	};
	struct hak_cache *c = hak_test_cache(test, 64, 0);
	unsigned int i, took = 0, added = 0, changed = 0;
	void *cached, *other, *p = NULL;
	struct hak_cpu_cache *cc;
	unsigned long flags;

	if (want_init_on_free() || hak_cpu_awake_mark != HAK_CPU_READY)
		kunit_skip(test, "every free comes by the slow way");
	cached = hak_cache_alloc(c, GFP_KERNEL);
	other = hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cached);
	KUNIT_ASSERT_NOT_NULL(test, other);

	local_irq_save(flags);
	hak_free(cached);
	cc = this_cpu_ptr(c->cpu);
	for (i = 0; i < ARRAY_SIZE(mark); i++) {
		WRITE_ONCE(cc->mark, mark[i]);
		took += hak_cpu_take_last(c->cpu, &p);
		added += hak_cpu_add_last(c->cpu, other);
		changed += cc->mark != mark[i];
	}
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ(test, changed, 0);
	KUNIT_EXPECT_EQ(test, took, 1);
	KUNIT_EXPECT_EQ(test, added, 1);
	KUNIT_EXPECT_PTR_EQ(test, p, cached);
	hak_free(cached);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(fast_paths_stay_out),
	KUNIT_CASE(refill_and_spill_start_the_trim),
	KUNIT_CASE(spill_of_two_slabs_starts_the_trim),
	KUNIT_CASE(send_and_receive_start_the_trim),
	KUNIT_CASE(unused_caches_are_idle),
	KUNIT_CASE(only_idle_caches_are_emptied),
	KUNIT_CASE(every_count_is_activity),
	KUNIT_CASE(a_slab_alone_is_held),
	KUNIT_CASE(a_busy_cache_is_left_alone),
	KUNIT_CASE(flush_of_a_slab_with_never_used_space),
	KUNIT_CASE(flush_of_a_slab_with_drained_objects),
	KUNIT_CASE(large_objects_are_kept_in_small_numbers),
	KUNIT_CASE(frees_are_fast_after_a_mode),
	{}
};

static struct kunit_suite hak_idle_suite = {
	.name = "hak_idle",
	.init = hak_test_init_cached,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_idle_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: idle caches");
MODULE_LICENSE("GPL");
