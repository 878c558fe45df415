// SPDX-License-Identifier: GPL-2.0
/* The memory that CPUs keep: never more than docs/design.md says. */
#include <linux/module.h>

#include "hak_test.h"
#include "hak_test_threads.h"

#define NR	3000

/* The figures in docs/design.md: 5.5 MiB for 4 CPUs, and the stock. */
static void bound_is_as_documented(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 4 * HAK_NR_CLASSES * HAK_SLAB_SIZE,
			5632UL << 10);
	KUNIT_EXPECT_EQ(test, HAK_STOCK << (HAK_MAX_ORDER + PAGE_SHIFT), 2 << 20);
}

struct use {
	struct hak_cache *c;
	unsigned int nr;
};

static int use_objects(void *arg, unsigned int id)
{
	struct use *u = arg;
	void **obj = kcalloc(u->nr, sizeof(*obj), GFP_KERNEL);
	unsigned int i;

	if (!obj)
		return 1;
	for (i = 0; i < u->nr; i++)
		obj[i] = hak_cache_alloc(u->c, GFP_KERNEL);
	/*
	 * Free every other object first, so that the objects cached last lie far
	 * apart.
	 */
	for (i = 0; i < u->nr; i += 2)
		hak_cache_free(u->c, obj[i]);
	for (i = 1; i < u->nr; i += 2)
		hak_cache_free(u->c, obj[i]);
	kfree(obj);
	return 0;
}

/*
 * Allocate and free @nr_objects objects on every CPU; return the statistics of
 * the cache.
 */
static void all_cpus(struct kunit *test, struct hak_cache *c,
		     struct hak_class_stats *cs, unsigned int nr_objects)
{
	struct use u = { .c = c, .nr = nr_objects };
	unsigned int nr = min(num_online_cpus(), HAK_TEST_MAX_THREADS);
	struct hak_test_gang *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, g);
	KUNIT_EXPECT_EQ(test, hak_test_gang_start(g, nr, use_objects, &u), 0);
	KUNIT_EXPECT_EQ(test, hak_test_gang_join(g), 0);
	hak_reap_all();
	hak_class_stats_read(c, cs);
	KUNIT_EXPECT_EQ(test, cs->live, 0L);
}

static void one_slab_a_cpu(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 1024, 0);
	struct hak_class_stats cs;

	all_cpus(test, c, &cs, 1);
	KUNIT_EXPECT_GT(test, cs.slabs, 0UL);
	KUNIT_EXPECT_LE(test, cs.slabs, (unsigned long)num_online_cpus());
}

static void no_slab_without_a_cached_object(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 1024, 0);
	unsigned int cpus = num_online_cpus();
	struct hak_class_stats cs;

	all_cpus(test, c, &cs, NR);
	KUNIT_EXPECT_LE(test, cs.cached, (unsigned long)cpus * hak_fast_cap);
	KUNIT_EXPECT_LE(test, cs.depot,
			(unsigned long)cpus * HAK_MAGAZINES * ((hak_fast_cap + 1) / 2));
	KUNIT_EXPECT_LE(test, cs.slabs, cpus + cs.cached + cs.depot);
	/* No slab is kept except those that the CPUs own. */
	KUNIT_EXPECT_LE(test, cs.slabs - min_t(unsigned long, cs.slabs, cpus),
			cs.slabs_active);
}

/* A CPU keeps fewer large objects: no more bytes than of objects of 1 KiB. */
static void large_objects_count_for_more(struct kunit *test)
{
	static const struct {
		unsigned int size, cap;
	} want[] = {
		{ 8, 64 }, { 1024, 64 }, { 1032, 63 }, { 2048, 32 },
		{ 4096, 16 }, { 8192, 8 },
	};
	unsigned int saved = hak_fast_cap, i, j;
	struct hak_class_stats cs;
	void *obj[100];

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		struct hak_cache *c;

		hak_fast_cap = 64;
		c = hak_test_cache_shown(test, want[i].size, 0);
		hak_fast_cap = saved;
		KUNIT_EXPECT_EQ(test, raw_cpu_ptr(c->cpu)->cap, want[i].cap);
		for (j = 0; j < ARRAY_SIZE(obj); j++)
			obj[j] = hak_cache_alloc(c, GFP_KERNEL);
		for (j = 0; j < ARRAY_SIZE(obj); j++)
			hak_cache_free(c, obj[j]);
		hak_class_stats_read(c, &cs);
		KUNIT_EXPECT_LE(test, cs.cached,
				(unsigned long)want[i].cap * num_online_cpus());
	}
	/*
	 * With the cache on a CPU keeps at least one object of any size, and with
	 * the cache off none.
	 */
	for (i = 0; i < 2; i++) {
		struct hak_cache *c;

		hak_fast_cap = i;
		c = hak_test_cache_shown(test, 8192, 0);
		hak_fast_cap = saved;
		KUNIT_EXPECT_EQ(test, raw_cpu_ptr(c->cpu)->cap, i);
	}
}

static struct kunit_case footprint_cases[] = {
	KUNIT_CASE(bound_is_as_documented),
	KUNIT_CASE(one_slab_a_cpu),
	KUNIT_CASE(no_slab_without_a_cached_object),
	KUNIT_CASE(large_objects_count_for_more),
	{}
};

static struct kunit_suite footprint_suite = {
	.name = "hak_footprint",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = footprint_cases,
};

kunit_test_suite(footprint_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit tests of what hakmem's CPUs keep");
MODULE_LICENSE("GPL");
