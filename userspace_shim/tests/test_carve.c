// SPDX-License-Identifier: GPL-2.0
/*
 * With hardened=1: while objects are carved, those that are live are found as before. The
 * linker wraps a function that is called in the middle of it.
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

void *__wrap_hak_shuffled(const struct hak_cache *c, const struct hak_slab *s, u32 i)
{
	if (c == cache && nr && hak_slab_of(obj[0]) == s) {
		void *p = obj[looks++ % nr];

		lost += hak_usable_size(p) != SIZE;
	}
	return __real_hak_shuffled(c, s, i);
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
	};

	if (!getenv("HAKMEM_HARDENED")) {
		setenv("HAKMEM_HARDENED", "1", 1);
		execv(argv[0], argv);
		return 127;
	}
	return cmocka_run_group_tests(tests, bring_main_up, NULL);
}
