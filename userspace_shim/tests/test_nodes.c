// SPDX-License-Identifier: GPL-2.0
/*
 * Allocations that name a memory node, while other CPUs claim what the node grows by.
 * kernel/node_alloc.c is built once more here, as for a kernel with memory nodes; its
 * node is the only one there is, and a caller that insists on it is served by that file.
 * Linked without the malloc front end.
 */
#define CONFIG_NUMA	1
#define hak_node_alloc	alloc_of_node

#include "test.h"

#include "../kernel/node_alloc.c"

#define FULL	16	/* capacity of the slabs used here */
#define INSIST	(GFP_KERNEL | __GFP_THISNODE)

int __real_hak_superslab_grow(int nid, gfp_t gfp);
int __wrap_hak_superslab_grow(int nid, gfp_t gfp);

static struct hak_cache *cache;
static unsigned int grown, snatched;		/* calls, and how many others profit from */
static struct hak_slab *others[256];		/* what they got */
static unsigned int nr_others;

/* Other CPUs claim all slots there are. */
static void snatch(void)
{
	struct hak_slab *s;

	while ((s = hak_superslab_claim(cache, 0))) {
		assert_true(nr_others < ARRAY_SIZE(others));
		others[nr_others++] = s;
	}
}

int __wrap_hak_superslab_grow(int nid, gfp_t gfp)
{
	int got = __real_hak_superslab_grow(nid, gfp);

	grown++;
	if (snatched) {
		snatched--;
		snatch();
	}
	return got;
}

static void construct(void *p)
{
	memset(p, 'c', HAK_SLAB_SIZE / FULL);
}

static int setup(void **state, void (*ctor)(void *))
{
	cache = hak_cache_create("nodes", HAK_SLAB_SIZE / FULL, 0, 0, ctor);
	if (!cache)
		return -1;
	static_branch_enable(&hak_numa);
	snatch();
	grown = 0;
	return 0;
}

static int setup_plain(void **state)
{
	return setup(state, NULL);
}

static int setup_constructed(void **state)
{
	return setup(state, construct);
}

/* No slab is lost: the cache can be destroyed without a warning. */
static int teardown(void **state)
{
	int warnings = READ_ONCE(shim_warnings);

	static_branch_disable(&hak_numa);
	snatched = 0;
	while (nr_others)
		hak_slab_release(others[--nr_others]);
	hak_cache_destroy(cache);
	return READ_ONCE(shim_warnings) != warnings;
}

/* Others claim first three times. It has the node grow a fourth time. */
static void test_tries_again(void **state)
{
	void *p;

	snatched = 3;
	p = alloc_of_node(cache, INSIST, 0);
	assert_non_null(p);
	assert_int_equal(grown, 4);
	assert_true(hak_owns(p));
	hak_free(p);
}

/* Others always claim first. It gives up, and SLUB serves the object. */
static void test_gives_up(void **state)
{
	void *p;

	snatched = UINT_MAX;
	p = alloc_of_node(cache, INSIST, 0);
	assert_non_null(p);
	assert_int_equal(grown, 4);
	assert_false(hak_owns(p));
	hak_free(p);
}

/* If there is a free object, or an unused slot, the node does not grow. */
static void test_grows_when_it_must(void **state)
{
	void *obj[FULL + 1];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(obj); i++) {
		obj[i] = alloc_of_node(cache, INSIST, 0);
		assert_true(hak_owns(obj[i]));
		assert_int_equal(grown, 1);
	}
	for (i = 0; i < ARRAY_SIZE(obj); i++)
		hak_free(obj[i]);
}

/* Without memory for a slab it is asked for once, and SLUB serves the object. */
static void test_without_memory(void **state)
{
	void *p;

	WRITE_ONCE(hak_node[0]->failed, jiffies ?: 1);
	p = alloc_of_node(cache, INSIST, 0);
	WRITE_ONCE(hak_node[0]->failed, 0);
	assert_non_null(p);
	assert_int_equal(grown, 1);
	assert_false(hak_owns(p));
	hak_free(p);
}

/* A slab that is constructed first is not for others; and each object is constructed. */
static void test_constructs(void **state)
{
	char *obj[FULL + 1];
	unsigned int i, j;

	snatched = 2;
	for (i = 0; i < ARRAY_SIZE(obj); i++) {
		obj[i] = alloc_of_node(cache, INSIST, 0);
		assert_true(hak_owns(obj[i]));
		for (j = 0; j < HAK_SLAB_SIZE / FULL; j++)
			assert_int_equal(obj[i][j], 'c');
	}
	assert_int_equal(grown, 3);
	for (i = 0; i < ARRAY_SIZE(obj); i++)
		hak_free(obj[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_tries_again, setup_plain, teardown),
		cmocka_unit_test_setup_teardown(test_gives_up, setup_plain, teardown),
		cmocka_unit_test_setup_teardown(test_grows_when_it_must, setup_plain, teardown),
		cmocka_unit_test_setup_teardown(test_without_memory, setup_plain, teardown),
		cmocka_unit_test_setup_teardown(test_constructs, setup_constructed, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
