// SPDX-License-Identifier: GPL-2.0
/*
 * A node has no memory, and is not asked for any. The objects of a cache that
 * exist all the same are found, wherever they are. Linked without the malloc
 * front end.
 */
#include "test.h"

#include <linux/jiffies.h>

#include "core.h"
#include "shim.h"

#define CAP	8

static struct hak_cache *cache;
static struct hak_cpu_cache *other;	/* of a pretended CPU */

/* This lasts longer than the test. */
static void nothing_to_give(void)
{
	WRITE_ONCE(hak_node[0]->failed, jiffies + 60 * HZ);
}

static int setup(void **state)
{
	unsigned int saved = hak_fast_cap;

	hak_fast_cap = CAP;
	cache = hak_cache_create("barren", 1024, 0, 0, NULL);
	hak_fast_cap = saved;
	other = kzalloc(hak_cpu_cache_bytes(CAP), GFP_KERNEL);
	if (!cache || !other)
		return -1;
	hak_cpu_cache_init(other, cache, CAP, HAK_MAGAZINES);
	WRITE_ONCE(hak_node[0]->failed, 0);
	hak_reap_all();
	hak_superslab_trim(0);
	hak_superslab_break();
	return 0;
}

static int teardown(void **state)
{
	WRITE_ONCE(hak_node[0]->failed, 0);
	hak_cpu_flush(cache, other);
	hak_cache_destroy(cache);
	kfree(other);
	return 0;
}

static void *take(struct hak_cpu_cache *cc)
{
	void *p = hak_cpu_take(cache, cc, 0);

	if (!p && hak_superslab_grow(0, GFP_KERNEL) >= 0)
		p = hak_cpu_take(cache, cc, 0);
	assert_non_null(p);
	return p;
}

/* Use all slots of all superslabs. */
static void use_up_slots(void)
{
	hak_superslab_trim(0);
	hak_superslab_break();
	assert_null(hak_superslab_claim(cache, 0));
}

/* If there is no object at all, SLUB serves. */
static void test_nothing(void **state)
{
	struct hak_stats before, after;
	void *p;

	nothing_to_give();
	hak_stats_read(&before);
	p = hak_cache_alloc(cache, GFP_KERNEL);
	hak_stats_read(&after);
	assert_non_null(p);
	assert_null(hak_slab_of(p));
	assert_int_equal(after.event[HAK_EV_NOMEM], before.event[HAK_EV_NOMEM] + 1);
	assert_int_equal(after.event[HAK_EV_BACKOFF], before.event[HAK_EV_BACKOFF] + 1);
	hak_cache_free(cache, p);
}

/* Objects in magazines of the depot. */
static void test_depot(void **state)
{
	void *obj[3 * CAP], *p;
	unsigned int i, n = 0;

	/* Until the pretended CPU's cache and slab are empty. */
	for (i = 0; i < 2 * CAP; i++)
		obj[n++] = take(other);
	WRITE_ONCE(hak_slab_of(obj[0])->entry->owner_tag, 0);
	for (i = 0; i < CAP + 1; i++)
		hak_cpu_put(cache, other, hak_slab_of(obj[n - 1]), obj[n - 1]), n--;
	assert_int_equal(other->sends, 1);
	use_up_slots();
	nothing_to_give();
	p = hak_cache_alloc(cache, GFP_KERNEL);
	assert_non_null(hak_slab_of(p));
	assert_int_equal(hak_magazine_objects(other), 0);
	hak_cache_free(cache, p);
	while (n--)
		hak_cpu_put(cache, other, hak_slab_of(obj[n]), obj[n]);
}

/* Objects in a partial slab of the pool. */
static void test_pool(void **state)
{
	void *p = take(other), *q;

	hak_cpu_flush(cache, other);
	use_up_slots();
	nothing_to_give();
	q = hak_cache_alloc(cache, GFP_KERNEL);
	assert_ptr_equal(hak_slab_of(q), hak_slab_of(p));
	hak_cache_free(cache, q);
	hak_cpu_put(cache, other, hak_slab_of(p), p);
}

/* An unused slot of a superslab that other caches use. */
static void test_slots(void **state)
{
	void *p = take(other), *q;

	nothing_to_give();
	q = hak_cache_alloc(cache, GFP_KERNEL);
	assert_non_null(hak_slab_of(q));
	assert_ptr_equal(hak_slab_of(q)->ss, hak_slab_of(p)->ss);
	hak_cache_free(cache, q);
	hak_cpu_put(cache, other, hak_slab_of(p), p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_depot, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pool, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slots, setup, teardown),
	};

	shim_init();
	shim_thread_online();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
