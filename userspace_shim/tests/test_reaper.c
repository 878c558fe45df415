// SPDX-License-Identifier: GPL-2.0
/*
 * Slabs arrive in a pool while the reaper runs: between one whole slab and the
 * next, in hak_superslab_unclaim(), which the linker wraps. The reaper must find
 * the next whole slab behind them, and must end.
 */
#include "test.h"

#include "core.h"
#include "shim.h"

#define NR	20
#define LATE	4

static struct hak_cache *cache;
static struct hak_slab *slab[NR + LATE];
static void *obj[NR + LATE];
static bool arrive;
static bool refill;
static unsigned int whole;

#define MOST	1000	/* where the test gives up */

void __real_hak_superslab_unclaim(struct hak_slab *s);
void __wrap_hak_superslab_unclaim(struct hak_slab *s);

void __wrap_hak_superslab_unclaim(struct hak_slab *s)
{
	unsigned int i;

	for (i = NR; arrive && i < NR + LATE; i++)
		hak_pool_put(slab[i], HAK_OWNED);
	arrive = false;
	__real_hak_superslab_unclaim(s);
	if (refill && whole < MOST) {
		whole++;
		hak_pool_put(hak_superslab_claim(cache, 0), HAK_OWNED);
	}
}

static unsigned int reap(void)
{
	unsigned int n;

	mutex_lock(&hak_cache_mutex);
	n = hak_pool_reap(cache->pool[0]);
	mutex_unlock(&hak_cache_mutex);
	return n;
}

static void push(unsigned int i)
{
	struct llist_node *link = hak_to_link(cache, obj[i]);

	hak_slab_push(slab[i], link, link, 1);
}

static void test_arrivals_hide_no_whole_slab(void **state)
{
	struct hak_stats before, after;
	unsigned int i, ms;

	cache = hak_cache_create("reaper", 4096, 0, 0, NULL);
	assert_non_null(cache);
	for (i = 0; i < NR + LATE; i++) {
		slab[i] = hak_superslab_claim(cache, 0);
		if (!slab[i] && hak_superslab_grow(0, GFP_KERNEL) >= 0)
			slab[i] = hak_superslab_claim(cache, 0);
		assert_non_null(slab[i]);
		assert_int_equal(hak_slab_take(cache, slab[i], &obj[i], 1), 1);
	}
	/* Once checked, the slabs are on the list and no longer arrivals. */
	for (i = 0; i < NR; i++)
		hak_pool_put(slab[i], HAK_OWNED);
	assert_int_equal(reap(), 0);
	hak_stats_read(&before);

	/* The first and the last slab to be checked become whole. */
	i = list_first_entry(&cache->pool[0]->list, struct hak_slab, list) == slab[0] ?
	    0 : NR - 1;
	arrive = true;
	push(i);
	push(NR - 1 - i);

	for (ms = 0; ms < 2000; ms++) {
		shim_run_pending();
		hak_stats_read(&after);
		if (after.event[HAK_EV_RELEASED] - before.event[HAK_EV_RELEASED] == 2)
			break;
		usleep(1000);
	}
	assert_false(arrive);
	assert_int_equal(after.event[HAK_EV_RELEASED] - before.event[HAK_EV_RELEASED], 2);

	for (i = 0; i < NR + LATE; i++)
		if (hak_rc_state(atomic_read(&slab[i]->rc)) == HAK_POOLED)
			push(i);
	hak_cache_destroy(cache);
}

/*
 * Slabs become whole as fast as others are released, and the reaper ends all the
 * same.
 */
static void test_reap_ends_while_slabs_become_whole(void **state)
{
	struct hak_slab *s, *other;

	cache = hak_cache_create("reaper", 4096, 0, 0, NULL);
	assert_non_null(cache);
	s = hak_superslab_claim(cache, 0);
	if (!s && hak_superslab_grow(0, GFP_KERNEL) >= 0)
		s = hak_superslab_claim(cache, 0);
	assert_non_null(s);
	/* This slab keeps the superslab. */
	other = hak_superslab_claim(cache, 0);
	assert_non_null(other);

	refill = true;
	hak_pool_put(s, HAK_OWNED);
	reap();
	refill = false;
	assert_true(whole >= 1 && whole < MOST);
	hak_pool_put(other, HAK_OWNED);
	hak_cache_destroy(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reap_ends_while_slabs_become_whole),
		cmocka_unit_test(test_arrivals_hide_no_whole_slab),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
