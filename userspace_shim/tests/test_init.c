// SPDX-License-Identifier: GPL-2.0
/*
 * hak_core_init() with each of its allocations failing in turn: the error comes back, nothing
 * is left behind, and the core can be started again. And what the reaper has to do when the
 * core goes down. Linked without the malloc front end. The address sanitizer finds leaks.
 */
#include "test.h"

#include <pthread.h>

#include <linux/delay.h>

#include "core.h"
#include "shim.h"

/* More than this many allocations in init would be a loop that never ends. */
#define ENOUGH	100000

static void nothing_is_left(void)
{
	assert_true(list_empty(&hak_caches));
	assert_true(list_empty(&hak_superslabs));
	assert_null(hak_events);
	assert_null(hak_registry.leaf);
	assert_int_equal(hak_arena_bytes(), 0);
	assert_int_equal(hak_cpu_awake_mark, HAK_CPU_READY);
}

/* Number of allocations until init succeeds; each failure before is checked. */
static unsigned int failures(void)
{
	unsigned int n;
	int err;

	for (n = 0; n < ENOUGH; n++) {
		shim_fail_kmalloc_after(n);
		err = hak_core_init();
		shim_fail_kmalloc_after(-1);
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		nothing_is_left();
	}
	return n;
}

static void test_every_failure(void **state)
{
	unsigned int n;
	void *p;

	hak_core_exit();
	nothing_is_left();

	n = failures();
	/* Per class at least a pool table, a pool and the per-CPU caches. */
	assert_in_range(n, 3 * HAK_NR_CLASSES, ENOUGH - 1);
	p = hak_alloc(64, GFP_KERNEL);
	assert_non_null(p);
	assert_non_null(hak_slab_of(p));
	hak_free(p);
	assert_int_equal(hak_core_leaks(), 0);
}

/* With the trace ring on there is one more. */
static void test_trace_ring(void **state)
{
	unsigned int without, with;

	hak_core_exit();
	without = failures();
	hak_core_exit();
	hak_trace_ring = 1;
	with = failures();
	assert_int_equal(with, without + 1);
}

/*
 * With hardened=1 there is one more for each class. The address sanitizer reports those that
 * are not freed, by a start that fails or in the end.
 */
static void test_hardened(void **state)
{
	unsigned int without, with;

	hak_core_exit();
	without = failures();
	hak_core_exit();
	hak_hardened = true;
	with = failures();
	assert_int_equal(with, without + HAK_NR_CLASSES);
	hak_core_exit();
	hak_hardened = false;
	assert_int_equal(hak_core_init(), 0);
}

/* hak_cache_create() likewise. */
static void test_cache_create(void **state)
{
	void *lowest = __alloc_percpu(sizeof(long), sizeof(long)), *p;
	struct hak_cache *c = NULL;
	unsigned int n;

	assert_non_null(lowest);
	free_percpu(lowest);
	for (n = 0; n < ENOUGH && !c; n++) {
		/* The lowest free memory is given out, so it shows what was lost. */
		p = __alloc_percpu(sizeof(long), sizeof(long));
		assert_ptr_equal(p, lowest);
		free_percpu(p);
		shim_fail_kmalloc_after(n);
		c = hak_cache_create("fails", 64, 0, 0, NULL);
		shim_fail_kmalloc_after(-1);
	}
	assert_in_range(n, 4, 20);
	hak_cache_destroy(c);
	assert_int_equal(hak_core_leaks(), 0);
}

static unsigned int reaper_runs;

static void note_run(void)
{
	reaper_runs++;
}

/* Make a slab of @c whole while no CPU owns it. */
static void make_whole(struct hak_cache *c)
{
	void *p = hak_cache_alloc(c, GFP_KERNEL);

	assert_non_null(p);
	assert_non_null(hak_slab_of(p));
	hak_cache_free(c, p);
	hak_cpu_flush_this(true);
}

/* The core is down, and the reaper does not run any more. Start the core again. */
static void nothing_is_due(void)
{
	nothing_is_left();
	reaper_runs = 0;
	for (int i = 0; i < 5; i++) {
		msleep(HAK_REAP_DELAY_MS);
		shim_run_pending();
	}
	assert_int_equal(reaper_runs, 0);
	hak_reaper_hook(NULL);
	assert_int_equal(hak_core_init(), 0);
}

/*
 * The core goes down while the reaper is armed and has a slab to release. It is released, and
 * afterwards nothing is due: in the kernel its code would be gone.
 */
static void test_exit_ends_the_reaper(void **state)
{
	struct hak_cache *c = hak_cache_create("late", 64, 0, SLAB_TYPESAFE_BY_RCU, NULL);

	assert_non_null(c);
	make_whole(c);
	hak_reaper_arm();
	hak_reaper_hook(note_run);
	hak_core_exit();
	nothing_is_due();
}

void __real_hak_limbo_drain_all(void);
void __wrap_hak_limbo_drain_all(void);

static bool run_late;			/* the reaper begins while limbo is emptied */
static bool late_begun, late_armed, core_is_down;
static pthread_t late;

static void arm_late(void)
{
	reaper_runs++;
	if (!READ_ONCE(run_late))
		return;
	WRITE_ONCE(run_late, false);
	WRITE_ONCE(late_begun, true);
	/* The core goes on with its exit. If that does not wait for this, it is over by then. */
	msleep(5 * HAK_REAP_DELAY_MS);
	hak_reaper_arm();
	WRITE_ONCE(late_armed, true);
}

static void *run_reaper(void *arg)
{
	shim_thread_online();
	while (!READ_ONCE(late_begun))
		shim_run_pending();
	/* A thread that ends runs what is pending, so it must not end yet. */
	while (!READ_ONCE(core_is_down))
		usleep(100);
	return NULL;
}

void __wrap_hak_limbo_drain_all(void)
{
	__real_hak_limbo_drain_all();
	if (!run_late)
		return;
	/* Before the exit cancelled it, it armed itself, and the interrupt comes now. */
	atomic_set(&hak_reap_armed, 0);
	hak_reaper_arm();
	assert_int_equal(pthread_create(&late, NULL, run_reaper, NULL), 0);
	while (!READ_ONCE(late_begun))
		usleep(100);
}

/*
 * While the core goes down, another thread runs the reaper, which arms itself once more as it
 * ends. The exit waits for that, and nothing is due afterwards.
 */
static void test_exit_waits_for_the_reaper(void **state)
{
	struct hak_cache *c = hak_cache_create("late", 64, 0, SLAB_TYPESAFE_BY_RCU, NULL);
	bool armed;

	assert_non_null(c);
	make_whole(c);
	late_begun = late_armed = core_is_down = false;
	run_late = true;
	hak_reaper_hook(arm_late);
	hak_core_exit();
	armed = READ_ONCE(late_armed);
	WRITE_ONCE(core_is_down, true);
	assert_int_equal(pthread_join(late, NULL), 0);
	assert_true(armed);
	nothing_is_due();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_failure),
		cmocka_unit_test(test_cache_create),
		cmocka_unit_test(test_exit_ends_the_reaper),
		cmocka_unit_test(test_exit_waits_for_the_reaper),
		cmocka_unit_test(test_hardened),
		cmocka_unit_test(test_trace_ring),
	};

	shim_thread_online();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
