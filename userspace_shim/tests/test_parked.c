// SPDX-License-Identifier: GPL-2.0
/* A thread that ends leaves its caches to a new thread. */
#include "test.h"

#include <linux/kernel.h>
#include <linux/percpu.h>

#include "core.h"
#include "shim.h"

#define SIZE	176	/* of a class that nothing else in this program uses */
#define OBJECTS	20

static pthread_barrier_t barrier;

struct life {
	unsigned int id;
	void *first;	/* result of its first malloc() */
};

/* Leave some objects in the thread's cache. */
static void *live(void *arg)
{
	struct life *me = arg;
	void *p[OBJECTS];

	for (int i = 0; i < OBJECTS; i++)
		p[i] = opaque(malloc(SIZE));
	me->id = shim_cpu;
	me->first = p[0];
	for (int i = OBJECTS; i--;)
		free(p[i]);
	return NULL;
}

static void run(struct life *life)
{
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, live, life), 0);
	assert_int_equal(pthread_join(t, NULL), 0);
}

static unsigned long cached(void)
{
	struct hak_class_stats cs;

	hak_class_stats_read(hak_size_class(SIZE), &cs);
	assert_int_equal(cs.live, 0);
	return cs.cached;
}

static struct hak_slab *slab_of(unsigned int id)
{
	return per_cpu_ptr(hak_size_class(SIZE)->cpu, id)->cur;
}

/* The second thread has the id, the cached objects and the slab of the first. */
static void test_taken_over(void **state)
{
	struct life a, b;

	shim_flush_parked();
	assert_int_equal(cached(), 0);
	run(&a);
	assert_int_equal(shim_nr_parked(), 1);
	assert_true(cached() >= OBJECTS);
	assert_int_equal(num_online_cpus(), 1);
	assert_non_null(slab_of(a.id));
	run(&b);
	assert_int_equal(a.id, b.id);
	assert_ptr_equal(a.first, b.first);
	assert_int_equal(shim_nr_parked(), 1);

	shim_flush_parked();
	assert_int_equal(shim_nr_parked(), 0);
	assert_int_equal(cached(), 0);
	assert_null(slab_of(a.id));
	run(&b);
	assert_int_equal(a.id, b.id);
}

/* A second or two later the caches are flushed, if the program does anything. */
static void test_idle(void **state)
{
	struct life a;

	run(&a);
	assert_true(cached() >= OBJECTS);
	for (int ms = 0; ms < 20000 && shim_nr_parked(); ms += 10) {
		usleep(10000);
		shim_run_pending();
	}
	assert_int_equal(shim_nr_parked(), 0);
	assert_int_equal(cached(), 0);
}

static void test_malloc_trim(void **state)
{
	struct life a;
	void *mine;

	run(&a);
	mine = opaque(malloc(SIZE));
	free(mine);
	assert_true(cached() > OBJECTS);
	malloc_trim(0);
	assert_int_equal(shim_nr_parked(), 0);
	assert_int_equal(cached(), 0);
	/* The caller's caches still work. */
	mine = opaque(malloc(SIZE));
	assert_non_null(mine);
	free(mine);
}

/* When no pages are to be had, at least the slabs come back. */
static void test_memory_is_wanted(void **state)
{
	struct life a;

	run(&a);
	assert_int_equal(shim_nr_parked(), 1);
	shim_fail_pages_after(0);
	assert_null(alloc_pages(GFP_KERNEL, HAK_MAX_ORDER));
	shim_fail_pages_after(-1);
	assert_int_equal(shim_nr_parked(), 0);
}

static void *live_together(void *arg)
{
	pthread_barrier_wait(&barrier);
	live(arg);
	pthread_barrier_wait(&barrier);
	return NULL;
}

/* If many threads end at once few ids are parked, and all ids are used again. */
static void test_bounded(void **state)
{
	static struct life life[100];
	static pthread_t t[100];
	unsigned int most = max(2 * sysconf(_SC_NPROCESSORS_ONLN), 4L), possible;

	for (int round = 0; round < 2; round++) {
		pthread_barrier_init(&barrier, NULL, 100);
		for (int i = 0; i < 100; i++)
			assert_int_equal(pthread_create(&t[i], NULL, live_together,
							&life[i]), 0);
		for (int i = 0; i < 100; i++)
			pthread_join(t[i], NULL);
		assert_in_range(shim_nr_parked(), 1, most);
		if (round)
			assert_int_equal(num_possible_cpus(), possible);
		possible = num_possible_cpus();
	}
	cached();
	shim_flush_parked();
}

static struct life before_fork;

static void take_over_in_child(void)
{
	struct life b;
	pthread_t t;

	alarm(60);
	if (pthread_create(&t, NULL, live, &b) || pthread_join(t, NULL))
		_exit(3);
	if (b.id != before_fork.id || b.first != before_fork.first)
		_exit(4);
	shim_flush_parked();
	if (shim_nr_parked() || cached())
		_exit(5);
}

static void *stay(void *arg)
{
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return arg;
}

/* The child has the parked ids, too, and uses them independently. */
static void __maybe_unused test_forked(void **state)
{
	pthread_t t;

	/* A process with one thread would not need fork()'s handlers. */
	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&t, NULL, stay, NULL);
	pthread_barrier_wait(&barrier);
	run(&before_fork);
	assert_int_equal(in_child(take_over_in_child), 0);
	assert_int_equal(shim_nr_parked(), 1);
	assert_true(cached() >= OBJECTS);
	pthread_barrier_wait(&barrier);
	pthread_join(t, NULL);
}

static int bring_main_up(void **state)
{
	free(opaque(malloc(8)));
	return shim_thread != SHIM_ONLINE;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken_over),
		cmocka_unit_test(test_idle),
/* ThreadSanitizer loses count of threads after a fork() with several. */
#ifndef __SANITIZE_THREAD__
		cmocka_unit_test(test_forked),
#endif
		cmocka_unit_test(test_malloc_trim),
		cmocka_unit_test(test_memory_is_wanted),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, bring_main_up, NULL);
}
