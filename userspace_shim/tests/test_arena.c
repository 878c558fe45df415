// SPDX-License-Identifier: GPL-2.0
/*
 * The pages that the OOM notifier counts as given back: pages that were in use,
 * and none of a superslab that was not used because there was no memory for its
 * metadata.
 */
#include "test.h"

#include <linux/delay.h>

#include "core.h"
#include "shim.h"

static void test_failed_superslab_is_not_returned(void **state)
{
	u64 returned = hak_arena_returned(), held = hak_arena_bytes();
	long n;
	int nid;

	/* Each allocation that a superslab needs fails in turn. */
	for (n = 0; n < 100; n++) {
		shim_fail_kmalloc_after(n);
		nid = hak_superslab_grow(0, GFP_KERNEL);
		shim_fail_kmalloc_after(-1);
		if (nid >= 0)
			break;
		assert_int_equal(hak_arena_bytes(), held);
		assert_int_equal(hak_arena_returned(), returned);
		/* Before that the node would not be asked again. */
		msleep(2 * HAK_BACKOFF_MS);
	}
	assert_true(n > 0 && n < 100);
	held = hak_arena_bytes() - held;
	hak_superslab_trim(0);
	assert_true(held > 0);
	assert_true(hak_arena_returned() - returned >= held);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failed_superslab_is_not_returned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
