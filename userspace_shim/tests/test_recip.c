// SPDX-License-Identifier: GPL-2.0
/*
 * The comparison by which a free tells an object from any other address, for
 * every size that a cache may have and every offset in its slab.
 */
#include "test.h"

#include "core.h"

static void test_every_size_and_offset(void **state)
{
	unsigned long wrong = 0;
	u32 size, off;

	/* Sizes above HAK_MAX_STRIDE are multiples of a large alignment. */
	for (size = HAK_MIN_SIZE; size <= HAK_MAX_PADDED;
	     size += size < HAK_MAX_STRIDE ? HAK_MIN_SIZE : 1024) {
		const u32 recip = BIT_ULL(32) / size + 1, step = recip * size;
		const u32 n = HAK_SLAB_SIZE / size;

		for (off = 0; off < HAK_SLAB_SIZE; off++) {
			const bool object = off % size == 0;

			wrong += hak_multiple(off, recip) != object;
			/* With all of the slab carved, half of it, and nothing. */
			wrong += (off * recip < n * step) != (object && off / size < n);
			wrong += (off * recip < n / 2 * step) !=
				 (object && off / size < n / 2);
			wrong += off * recip < 0 * step;
		}
	}
	assert_int_equal(wrong, 0);
}

/* hak_cache_setup() computes the values that were tested above. */
static void test_of_a_cache(void **state)
{
	u32 size;

	for (size = HAK_MIN_SIZE; size <= HAK_CACHE_MAX_SIZE; size += 1000) {
		struct hak_cache *c = hak_cache_create("recip", size, 0, 0, NULL);

		assert_non_null(c);
		assert_int_equal(c->recip, BIT_ULL(32) / size + 1);
		assert_int_equal(c->step, c->recip * size);
		hak_cache_destroy(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_size_and_offset),
		cmocka_unit_test(test_of_a_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
