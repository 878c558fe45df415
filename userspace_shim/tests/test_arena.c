// SPDX-License-Identifier: GPL-2.0
/*
 * The pages that the OOM notifier counts as given back: pages that were in use,
 * and none of a superslab that was not used because there was no memory for its
 * metadata. How large superslabs are. And leaves of the arena's table: one that there is no
 * memory for, and one that a thread gives back and another takes.
 */
#include "test.h"

#include <pthread.h>
#include <sched.h>

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

static u64 large_grown(void)
{
	struct hak_stats st;

	hak_stats_read(&st);
	return st.grown_order[HAK_MAX_ORDER - HAK_MIN_ORDER];
}

/* Each time a node has no slab left it gets 2 MiB at once, not only the first time. */
static void test_each_superslab_is_large(void **state)
{
	u64 before = large_grown();

	for (int i = 1; i <= 3; i++) {
		assert_int_equal(hak_superslab_grow(0, GFP_KERNEL), 0);
		assert_int_equal(large_grown() - before, i);
	}
	hak_superslab_trim(0);
}

static bool given_back;

/* For an address at the end of the arena, where no superslab is yet. */
static struct hak_entry *take_leaf(void)
{
	return shim_leaf_alloc(shim_arena.base + shim_arena.bytes - 1, HAK_LEAF_BYTES,
			       GFP_KERNEL);
}

static void *take_and_give_back(void *arg)
{
	struct hak_entry *leaf = take_leaf();

	if (leaf) {
		leaf->cpu = hak_class[0].cpu;
		shim_leaf_free(leaf, HAK_LEAF_BYTES);
	}
	/* Relaxed, so that nothing but the leaf's own functions orders the two threads. */
	__atomic_store_n(&given_back, true, __ATOMIC_RELAXED);
	return leaf;
}

/*
 * If another thread's leaf came first, a thread gives its own back, and a third thread may
 * take that memory at once. Only then may it write, or the zeroing could come after it. The
 * thread sanitizer sees if nothing says so.
 */
static void test_leaf_from_another_thread(void **state)
{
	struct hak_entry *leaf;
	pthread_t t;
	void *got;

	if (!shim_arena.bytes)
		skip();
	assert_int_equal(pthread_create(&t, NULL, take_and_give_back, NULL), 0);
	while (!__atomic_load_n(&given_back, __ATOMIC_RELAXED))
		sched_yield();
	leaf = take_leaf();
	assert_non_null(leaf);
	assert_null(leaf->cpu);
	leaf->cpu = hak_class[0].cpu;
	shim_leaf_free(leaf, HAK_LEAF_BYTES);
	assert_int_equal(pthread_join(t, &got), 0);
	assert_ptr_equal(got, leaf);
}

/* Once there was no memory for a leaf. Later the leaf is in the arena's table all the same. */
static void test_leaf_without_memory(void **state)
{
	struct hak_entry *leaf;

	if (!shim_arena.bytes)
		skip();
	shim_fail_kmalloc_after(0);
	assert_null(take_leaf());
	shim_fail_kmalloc_after(-1);
	leaf = take_leaf();
	assert_true(leaf >= shim_arena.table &&
		    leaf < shim_arena.table + (shim_arena.bytes >> HAK_SLAB_SHIFT));
	shim_leaf_free(leaf, HAK_LEAF_BYTES);
}

static u64 bad_frees(void)
{
	struct hak_stats st;

	hak_stats_read(&st);
	return st.event[HAK_EV_BAD_FREE];
}

/*
 * The last leaf is in use, and of those before it some are not. A wrong pointer to what they
 * cover is refused, and nobody reads their entries, which cannot be read.
 */
static void test_leaves_in_any_order(void **state)
{
	struct hak_entry *leaf;
	u64 before = bad_frees();
	unsigned long middle;

	if (!shim_arena.bytes)
		skip();
	free(opaque(malloc(8)));
	leaf = take_leaf();
	assert_non_null(leaf);
	middle = shim_arena.bytes - 2 * (1UL << HAK_LEAF_SHIFT);
	assert_in_range(shim_arena.ready, 1UL << HAK_LEAF_SHIFT, middle);
	free((void *)(shim_arena.base + middle));
	assert_int_equal(bad_frees(), before + 1);
	shim_leaf_free(leaf, HAK_LEAF_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failed_superslab_is_not_returned),
		cmocka_unit_test(test_each_superslab_is_large),
		cmocka_unit_test(test_leaf_from_another_thread),
		cmocka_unit_test(test_leaf_without_memory),
		cmocka_unit_test(test_leaves_in_any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
