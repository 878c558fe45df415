// SPDX-License-Identifier: GPL-2.0
/*
 * The requests to the page source, and their number, if it has no memory.
 * hak_arena_alloc() is the test's own here and fails as the test says.
 */
#include "test.h"

#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/jiffies.h>

#include "core.h"
#include "shim.h"

#define THREADS	4

void *__real_hak_arena_alloc(int nid, unsigned int order, gfp_t gfp);
void *__wrap_hak_arena_alloc(int nid, unsigned int order, gfp_t gfp);

static unsigned int least = HAK_MAX_ORDER + 1;	/* this order and larger ones fail */
static atomic_t asked, slabs;
static unsigned int last_order;

static void (*meanwhile)(void);	/* called once, when the page source is asked */

void *__wrap_hak_arena_alloc(int nid, unsigned int order, gfp_t gfp)
{
	void (*f)(void) = meanwhile;

	meanwhile = NULL;
	if (f)
		f();
	atomic_inc(&asked);
	if (order == HAK_MIN_ORDER)
		atomic_inc(&slabs);
	last_order = order;
	if (order >= least)
		return NULL;
	return __real_hak_arena_alloc(nid, order, gfp);
}

static int setup(void **state)
{
	/* Go so far back that no earlier failure counts. */
	least = HAK_MAX_ORDER + 1;
	msleep(HAK_BACKOFF_MS + 10);
	assert_int_equal(hak_superslab_grow(0, GFP_KERNEL), 0);
	atomic_set(&asked, 0);
	atomic_set(&slabs, 0);
	return 0;
}

static int teardown(void **state)
{
	hak_superslab_trim(0);
	return 0;
}

/* Periods of HAK_BACKOFF_MS that have begun since @start. */
static unsigned int periods(unsigned long start)
{
	return jiffies_to_msecs(jiffies - start) / HAK_BACKOFF_MS + 1;
}

/* One request of each order fails, and then no other is made in the period. */
static void test_fails_once_a_period(void **state)
{
	unsigned long start = jiffies;
	struct hak_stats before, after;
	unsigned int i, n = 0;

	hak_stats_read(&before);
	least = 0;
	assert_int_equal(hak_superslab_grow(0, GFP_KERNEL), -ENOMEM);
	assert_int_equal(atomic_read(&asked), HAK_NR_ORDERS);
	for (i = 0; i < 1000000 && n < 3; i++) {
		assert_int_equal(hak_superslab_grow(0, GFP_KERNEL), -ENOMEM);
		n = periods(start);
	}
	/* In each further period one slab is asked for. */
	assert_true(atomic_read(&asked) < HAK_NR_ORDERS + periods(start));
	assert_int_equal(atomic_read(&slabs), atomic_read(&asked) - HAK_NR_ORDERS + 1);
	hak_stats_read(&after);
	assert_int_equal(after.event[HAK_EV_GROWN] - before.event[HAK_EV_GROWN],
			 atomic_read(&slabs));
	assert_int_equal(after.event[HAK_EV_BACKOFF] - before.event[HAK_EV_BACKOFF],
			 i + 1 - atomic_read(&slabs));
}

/*
 * Memory that is free again is found after the period: first one slab, then the
 * largest order.
 */
static void test_finds_memory_again(void **state)
{
	least = 0;
	assert_int_equal(hak_superslab_grow(0, GFP_KERNEL), -ENOMEM);
	least = HAK_MAX_ORDER + 1;
	msleep(HAK_BACKOFF_MS + 10);
	assert_int_equal(hak_superslab_grow(0, GFP_KERNEL), 0);
	assert_int_equal(last_order, HAK_MIN_ORDER);
	assert_int_equal(hak_superslab_grow(0, GFP_KERNEL), 0);
	assert_int_equal(last_order, HAK_MAX_ORDER);
}

/* If only larger orders fail there is no wait: each slab is asked for. */
static void test_small_blocks_are_enough(void **state)
{
	least = HAK_MIN_ORDER + 1;
	for (int i = 0; i < 10; i++)
		assert_int_equal(hak_superslab_grow(0, GFP_KERNEL), 0);
	assert_int_equal(atomic_read(&slabs), 10);
}

static pthread_barrier_t barrier;

static void *ask(void *unused)
{
	pthread_barrier_wait(&barrier);
	hak_superslab_grow(0, GFP_KERNEL);
	return NULL;
}

/* Of many threads one checks whether there is memory again. */
static void test_one_looks_again(void **state)
{
	pthread_t t[THREADS];
	unsigned long start;

	least = 0;
	assert_int_equal(hak_superslab_grow(0, GFP_KERNEL), -ENOMEM);
	msleep(HAK_BACKOFF_MS + 10);
	atomic_set(&asked, 0);
	start = jiffies;
	pthread_barrier_init(&barrier, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, ask, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	pthread_barrier_destroy(&barrier);
	assert_true(atomic_read(&asked) >= 1);
	assert_true(atomic_read(&asked) <= periods(start));
}

/*
 * Three superslabs of different sizes are empty, which came in neither order. The largest is
 * kept.
 */
static void test_largest_is_kept(void **state)
{
	struct hak_node *node = hak_node[0];

	hak_superslab_trim(0);
	assert_int_equal(node->nr_empty, 0);
	assert_int_equal(hak_superslab_grow(0, GFP_KERNEL), 0);
	/* Another CPU is growing the node, so this gets one slab. */
	atomic_set(&node->growing, 1);
	assert_int_equal(hak_superslab_grow(0, GFP_KERNEL), 0);
	atomic_set(&node->growing, 0);
	least = HAK_MAX_ORDER - 1;
	assert_int_equal(hak_superslab_grow(0, GFP_KERNEL), 0);
	assert_int_equal(last_order, HAK_MAX_ORDER - 2);
	assert_int_equal(node->nr_empty, 3);
	hak_superslab_trim(1);
	assert_int_equal(node->nr_empty, 1);
	assert_int_equal(node->empty_pages, 1 << HAK_MAX_ORDER);
}

static unsigned long began;
static bool in_time;

/* If this thread did not run for so long that the wait is over, it may look, too. */
static void ask_meanwhile(void)
{
	assert_int_equal(hak_superslab_grow(0, GFP_KERNEL), -ENOMEM);
	in_time = time_before(jiffies, began + msecs_to_jiffies(HAK_BACKOFF_MS));
	if (in_time)
		assert_int_equal(atomic_read(&asked), 0);
}

/* While one thread checks, which may take long, the others do not. */
static void test_nobody_else_looks_meanwhile(void **state)
{
	int tries = 0;

	least = 0;
	assert_int_equal(hak_superslab_grow(0, GFP_KERNEL), -ENOMEM);
	do {
		msleep(HAK_BACKOFF_MS + 10);
		atomic_set(&asked, 0);
		meanwhile = ask_meanwhile;
		began = jiffies;
		assert_int_equal(hak_superslab_grow(0, GFP_KERNEL), -ENOMEM);
		assert_null(meanwhile);
	} while (!in_time && ++tries < 50);
	assert_true(in_time);
	assert_int_equal(atomic_read(&asked), 1);
}

/*
 * The objects in a CPU's cache are found although the node has no memory, also
 * while every operation takes the slow path.
 */
static void test_cached_objects_are_found(void **state)
{
	struct hak_cache *c = hak_cache_create("cached", 4096, 0, 0, NULL);
	struct hak_node *node = hak_node[0];
	void *obj[HAK_SLAB_SIZE / 4096], *p;

	assert_non_null(c);
	/* If the program's malloc() is not hakmem's, the thread has no CPU yet. */
	free(opaque(malloc(64)));
	/* Leave no other slab to be claimed. */
	hak_superslab_trim(0);
	hak_superslab_break();
	least = HAK_MIN_ORDER + 1;
	for (unsigned int i = 0; i < c->capacity; i++) {
		obj[i] = hak_cache_alloc(c, GFP_KERNEL);
		assert_non_null(obj[i]);
	}
	/* The slab is used up, and the CPU parks it. */
	least = 0;
	p = hak_cache_alloc(c, GFP_KERNEL);
	hak_cache_free(c, p);
	assert_null(raw_cpu_ptr(c->cpu)->cur);
	hak_cache_free(c, obj[0]);

	hak_slow_only_get();
	WRITE_ONCE(node->failed, jiffies ?: 1);
	p = hak_cache_alloc(c, GFP_KERNEL);
	hak_slow_only_put();
	assert_ptr_equal(p, obj[0]);
	for (unsigned int i = 0; i < c->capacity; i++)
		hak_cache_free(c, obj[i]);
	hak_cache_destroy(c);
}

/*
 * The CPU's cache is empty, and its slab has an object that another CPU has freed. While
 * the node is left alone for want of memory, that object is found, too.
 */
static void test_owned_slab_is_found(void **state)
{
	struct hak_cache *c = hak_cache_create("owned", 4096, 0, 0, NULL);
	struct hak_node *node = hak_node[0];
	void *obj[HAK_SLAB_SIZE / 4096], *p;
	struct llist_node *link;

	assert_non_null(c);
	free(opaque(malloc(64)));
	hak_superslab_trim(0);
	hak_superslab_break();
	least = HAK_MIN_ORDER + 1;
	for (unsigned int i = 0; i < c->capacity; i++) {
		obj[i] = hak_cache_alloc(c, GFP_KERNEL);
		assert_non_null(obj[i]);
	}
	least = 0;
	assert_ptr_equal(raw_cpu_ptr(c->cpu)->cur, hak_slab_of(obj[0]));
	link = hak_to_link(c, obj[0]);
	hak_slab_push(hak_slab_of(obj[0]), link, link, 1);
	WRITE_ONCE(node->failed, jiffies ?: 1);
	/* Without the slow paths the object is found before anything else is looked at. */
	hak_slow_only_get();
	p = hak_cache_alloc(c, GFP_KERNEL);
	hak_slow_only_put();
	assert_ptr_equal(p, obj[0]);
	for (unsigned int i = 0; i < c->capacity; i++)
		hak_cache_free(c, obj[i]);
	hak_cache_destroy(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_fails_once_a_period, setup, teardown),
		cmocka_unit_test_setup_teardown(test_finds_memory_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_small_blocks_are_enough, setup, teardown),
		cmocka_unit_test_setup_teardown(test_largest_is_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_looks_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody_else_looks_meanwhile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cached_objects_are_found, setup, teardown),
		cmocka_unit_test_setup_teardown(test_owned_slab_is_found, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
