// SPDX-License-Identifier: GPL-2.0
/*
 * The counters after an object was freed once too often: they show that, and
 * never an impossible number of objects. All checks except the one for two frees
 * in a row take such a free for a correct one.
 */
#include "test.h"
#include "listen.h"

#include "core.h"
#include "shim.h"

static char text[1 << 16];

static void leaks(void *arg)
{
	*(long *)arg = hak_core_leaks();
}

static void destroy(void *arg)
{
	hak_cache_destroy(arg);
}

static struct hak_cache *books(const char *name, unsigned int allocs,
			       unsigned int frees)
{
	struct hak_cache *c = hak_cache_create(name, 512, 0, 0, NULL);
	void *obj[8];
	unsigned int i;

	assert_non_null(c);
	for (i = 0; i < allocs; i++)
		obj[i] = hak_cache_alloc(c, GFP_KERNEL);
	for (i = 0; i < frees; i++)
		hak_cache_free(c, obj[i % allocs]);
	return c;
}

static void test_more_frees_than_allocations(void **state)
{
	struct hak_cache *c = books("excess", 2, 3);
	struct hak_class_stats cs;
	long live = -1;

	/* First while the objects are in a CPU's cache, then when that is empty. */
	hak_class_stats_read(c, &cs);
	assert_int_equal(cs.live, -1);
	listen_to(destroy, c, text, sizeof(text));
	assert_non_null(strstr(text, "hak_cache_destroy(excess): 1 more frees than allocations"));
	assert_null(strstr(text, "are live"));
	hak_class_stats_read(c, &cs);
	assert_int_equal(cs.live, 0);
	assert_int_equal(cs.excess, 1);
	assert_int_equal(cs.slabs, 1);
	assert_int_equal(cs.slabs_active, 0);
	listen_to(leaks, &live, text, sizeof(text));
	assert_int_equal(live, 0);
	assert_non_null(strstr(text, "excess: 1 more frees than allocations"));
	assert_null(strstr(text, "never freed"));

	assert_true(hakmem_stats_json(text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "\"name\":\"excess\""));
	assert_non_null(strstr(text, "\"live\":0,\"excess_frees\":1,"));
}

/* Live objects are reported as always. */
static void test_live_objects(void **state)
{
	struct hak_cache *c = books("live", 3, 1);
	long live = -1;

	listen_to(destroy, c, text, sizeof(text));
	assert_non_null(strstr(text, "hak_cache_destroy(live): 2 objects in 1 slabs are live"));
	assert_null(strstr(text, "more frees"));
	listen_to(leaks, &live, text, sizeof(text));
	assert_int_equal(live, 2);
	assert_non_null(strstr(text, "live: 2 objects of 512 bytes in 1 slabs were never freed"));
}

/* So are those that SLUB served, and all of them are counted together. */
static void test_live_objects_of_slub(void **state)
{
	struct hak_cache *c = hak_cache_create("slubs", 512, 0, 0, NULL);
	long before = -1, live = -1;
	void *p;

	assert_non_null(c);
	listen_to(leaks, &before, text, sizeof(text));
	assert_non_null(strstr(text, "slubs: the cache was never destroyed"));
	assert_null(strstr(text, "from SLUB"));
	/* Those of the test before. */
	assert_int_equal(before, 2);
	p = hak_cache_alloc(c, GFP_KERNEL_ACCOUNT);
	assert_non_null(p);
	listen_to(leaks, &live, text, sizeof(text));
	assert_int_equal(live, before + 1);
	assert_non_null(strstr(text, "slubs: 1 objects of 512 bytes from SLUB were never freed"));
	/* For memcheck, which looks for memory that nobody knows any more. */
	hak_cache_free(c, p);
}

/* The program that reads the counters learns of a slab that nobody can find. */
static void test_stranded(void **state)
{
	struct hak_cache *c = hak_cache_create("stranded", 4096, 0, 0, NULL);
	enum { FULL = HAK_SLAB_SIZE / 4096 };
	struct llist_node *link;
	struct hak_slab *s;
	void *obj[FULL];

	assert_non_null(c);
	s = hak_superslab_claim(c, 0);
	if (!s && hak_superslab_grow(0, GFP_KERNEL) >= 0)
		s = hak_superslab_claim(c, 0);
	assert_non_null(s);
	assert_int_equal(hak_slab_take(c, s, obj, FULL), FULL);
	assert_true(hak_slab_park(s));
	/* Its push is half done. */
	link = hak_to_link(c, obj[0]);
	hak_slab_link(s, link, link);
	hak_paranoid_drain = 1;
	assert_true(hakmem_stats_json(text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "\"stranded\":1,"));
	/* The scan takes long, so that only those have it who have asked. */
	hak_paranoid_drain = 0;
	assert_true(hakmem_stats_json(text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "\"stranded\":0,"));
	hak_slab_count(s, 1);
	for (unsigned int i = 1; i < FULL; i++) {
		link = hak_to_link(c, obj[i]);
		hak_slab_push(s, link, link, 1);
	}
	hak_paranoid_drain = 1;
	assert_true(hakmem_stats_json(text, sizeof(text)) > 0);
	hak_paranoid_drain = 0;
	assert_non_null(strstr(text, "\"stranded\":0,"));
	hak_cache_destroy(c);
}

/* All that the text says of a cache is what the core says. No two counters are the same. */
static void test_figures_of_a_cache(void **state)
{
	struct hak_cache *c = hak_cache_create("figures", 512, 0, 0, NULL);
	struct hak_class_stats cs;
	struct hak_cpu_cache *cc;
	char expected[400];
	void *obj[7];
	int i, n;

	assert_non_null(c);
	for (i = 0; i < ARRAY_SIZE(obj); i++)
		obj[i] = hak_cache_alloc(c, GFP_KERNEL);
	cc = raw_cpu_ptr(c->cpu);
	cc->refills += 1000;
	cc->spills += 2000;
	cc->pushes += 3000;
	cc->drains += 4000;
	hak_class_stats_read(c, &cs);
	assert_int_equal(cs.live, ARRAY_SIZE(obj));
	n = snprintf(expected, sizeof(expected),
		     "{\"name\":\"figures\",\"size\":%u,\"capacity\":%u,\"live\":%ld,",
		     cs.size, cs.capacity, cs.live);
	n += snprintf(expected + n, sizeof(expected) - n,
		      "\"excess_frees\":0,\"cached\":%lu,\"slabs\":%lu,\"refills\":%lu,",
		      cs.cached, cs.slabs, cs.refills);
	snprintf(expected + n, sizeof(expected) - n,
		 "\"spills\":%lu,\"pushes\":%lu,\"drains\":%lu}",
		 cs.spills, cs.pushes, cs.drains);
	assert_true(hakmem_stats_json(text, sizeof(text)) > 0);
	assert_non_null(strstr(text, expected));
	for (i = 0; i < ARRAY_SIZE(obj); i++)
		hak_cache_free(c, obj[i]);
	hak_cache_destroy(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_more_frees_than_allocations),
		cmocka_unit_test(test_live_objects),
		cmocka_unit_test(test_live_objects_of_slub),
		cmocka_unit_test(test_stranded),
		cmocka_unit_test(test_figures_of_a_cache),
	};

	shim_thread_online();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
