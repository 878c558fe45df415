// SPDX-License-Identifier: GPL-2.0
/*
 * With hardened=1: objects of a slab are handed out in random order, and while they are
 * carved, those that are live are found as before. The linker wraps a function that is
 * called in the middle of it.
 */
#include "test.h"

#include "core.h"
#include "shim.h"

#define SIZE	64
#define NR	1000	/* most objects of a slab */

void *__real_hak_shuffled(const struct hak_cache *c, const struct hak_slab *s, u32 i);
void *__wrap_hak_shuffled(const struct hak_cache *c, const struct hak_slab *s, u32 i);

static struct hak_cache *cache;
static void *obj[NR];
static unsigned int nr, looks, lost;

/* The numbers of the objects of @ordered, in the order in which they were carved. */
static struct hak_cache *ordered;
static unsigned int place[4 * NR], nr_places;

void *__wrap_hak_shuffled(const struct hak_cache *c, const struct hak_slab *s, u32 i)
{
	void *p;

	if (c == cache && nr && hak_slab_of(obj[0]) == s)
		lost += hak_usable_size(obj[looks++ % nr]) != SIZE;
	p = __real_hak_shuffled(c, s, i);
	if (c == ordered && nr_places < ARRAY_SIZE(place))
		place[nr_places++] = ((unsigned long)p - s->addr) / c->size;
	return p;
}

/*
 * If the order is random, one object of a slab is followed by its neighbour, on average. A
 * slab begins with any of its objects; that three begin with the same is as good as
 * impossible.
 */
static void order_is_random(void **state)
{
	unsigned int i, next = 0, same = 0;
	static void *p[4 * NR];
	u32 capacity;

	ordered = hak_cache_create("ordered", SIZE, 0, 0, NULL);
	assert_non_null(ordered);
	capacity = ordered->capacity;
	assert_in_range(capacity, NR / 2, NR + NR / 20);
	assert_int_equal(hak_cache_alloc_bulk(ordered, GFP_KERNEL, 3 * capacity, p),
			 3 * capacity);
	assert_true(nr_places >= 3 * capacity);
	for (i = 0; i < 3 * capacity; i++) {
		if (i % capacity)
			next += place[i] == (place[i - 1] + 1) % capacity;
		else
			same += place[i] == place[0];
	}
	assert_true(same < 3);
	assert_true(next < 3 * 20);
	hak_cache_free_bulk(ordered, 3 * capacity, p);
	hak_cache_destroy(ordered);
	ordered = NULL;
}

/* If the same slot is claimed again, its slab begins with another object. */
static void place_is_new_each_time(void **state)
{
	struct hak_cache *c = hak_cache_create("places", SIZE, 0, 0, NULL);
	unsigned int i, same = 0;
	struct hak_slab *s;
	void *p;

	assert_non_null(c);
	p = hak_cache_alloc(c, GFP_KERNEL);
	assert_non_null(p);
	s = hak_slab_of(p);
	assert_non_null(s);
	for (i = 0; i < 8; i++)
		same += hak_harden_start(c, s) == hak_harden_start(c, s);
	assert_true(same < 4);
	hak_cache_free(c, p);
	hak_cache_destroy(c);
}

static void live_objects_are_found(void **state)
{
	cache = hak_cache_create("carved", SIZE, 0, 0, NULL);
	assert_non_null(cache);
	for (; nr < NR; nr++) {
		obj[nr] = hak_cache_alloc(cache, GFP_KERNEL);
		assert_non_null(obj[nr]);
	}
	assert_in_range(looks, NR / 2, NR);
	assert_int_equal(lost, 0);
	hak_cache_free_bulk(cache, nr, obj);
	nr = 0;
	hak_cache_destroy(cache);
}

static int bring_main_up(void **state)
{
	free(opaque(malloc(8)));
	return shim_thread != SHIM_ONLINE;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(live_objects_are_found),
		cmocka_unit_test(order_is_random),
		cmocka_unit_test(place_is_new_each_time),
	};

	if (!getenv("HAKMEM_HARDENED")) {
		setenv("HAKMEM_HARDENED", "1", 1);
		execv(argv[0], argv);
		return 127;
	}
	return cmocka_run_group_tests(tests, bring_main_up, NULL);
}
