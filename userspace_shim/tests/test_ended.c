// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that end without going offline: their destructor is not called, or not often
 * enough. Their ids and what their caches hold come back all the same.
 */
#include "test.h"

#include <linux/kernel.h>
#include <linux/percpu.h>

#include <sys/syscall.h>

#include "core.h"
#include "shim.h"

#define SIZE	176	/* of a class that nothing else in this program uses */
#define THREADS	200

/*
 * The kernel marks the locks of a thread that has ended. QEMU, when it emulates single
 * programs, does not.
 */
static void need_robust_locks(void)
{
	void *head;
	size_t len;

	if (syscall(SYS_get_robust_list, 0, &head, &len))
		skip();
}

static pthread_key_t key;
static void *values[THREADS];

/* The thread's first call of the family. */
static void first_free(void *p)
{
	free(p);
}

static void *only_sets_key(void *arg)
{
	pthread_setspecific(key, values[(long)arg]);
	return NULL;
}

/* The same in the last round of destructors: this sets the key until then. */
static __thread int round_nr;
static void late_free(void *p)
{
	if (++round_nr < PTHREAD_DESTRUCTOR_ITERATIONS)
		pthread_setspecific(key, p);
	else
		free(p);
}

/* The rounds of destructors in which a thread may do anything; see LAST_ROUND in thread.c. */
#ifdef HAK_SHIM_SANITIZER
#define ROUNDS	(PTHREAD_DESTRUCTOR_ITERATIONS - 1)
#else
#define ROUNDS	PTHREAD_DESTRUCTOR_ITERATIONS
#endif

/* What the thread is in each of them, after hakmem's own destructor. */
static enum shim_thread_state in_round[ROUNDS];
static void every_round(void *p)
{
	free(opaque(malloc(SIZE)));
	in_round[round_nr++] = shim_thread;
	if (round_nr < ROUNDS)
		pthread_setspecific(key, p);
}

static void *frees_and_sets_key(void *arg)
{
	free(opaque(malloc(SIZE)));
	pthread_setspecific(key, in_round);
	return NULL;
}

/* No destructor is called. */
static void *vanishes(void *arg)
{
	free(values[(long)arg]);
	free(opaque(malloc(SIZE)));
	syscall(SYS_exit, 0);
	return NULL;
}

static unsigned long cached(void)
{
	struct hak_class_stats cs;

	hak_class_stats_read(hak_size_class(SIZE), &cs);
	assert_int_equal(cs.live, 0);
	return cs.cached;
}

static void threads(void *(*f)(void *))
{
	pthread_t t;

	for (long i = 0; i < THREADS; i++)
		values[i] = opaque(malloc(SIZE));
	for (long i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_create(&t, NULL, f, (void *)i), 0);
		assert_int_equal(pthread_join(t, NULL), 0);
	}
}

/* One after the other, they need a few ids. */
static void few_ids(void *(*f)(void *))
{
	unsigned int before = num_possible_cpus();

	threads(f);
	assert_in_range(num_possible_cpus(), before, before + 16);
	malloc_trim(0);
	assert_int_equal(num_online_cpus(), 1);
	assert_int_equal(cached(), 0);
}

static void __maybe_unused test_first_call_in_destructor(void **state)
{
	need_robust_locks();
	assert_int_equal(pthread_key_create(&key, first_free), 0);
	few_ids(only_sets_key);
	pthread_key_delete(key);
}

/* A second or two later they are offline without being asked, if anything is done. */
static void __maybe_unused test_soon(void **state)
{
	need_robust_locks();
	assert_int_equal(pthread_key_create(&key, first_free), 0);
	threads(only_sets_key);
	for (int ms = 0; ms < 20000 && num_online_cpus() > 1; ms += 10) {
		usleep(10000);
		shim_run_pending();
	}
	assert_int_equal(num_online_cpus(), 1);
	pthread_key_delete(key);
}

static void __maybe_unused test_first_call_in_last_round(void **state)
{
	need_robust_locks();
	assert_int_equal(pthread_key_create(&key, late_free), 0);
	few_ids(only_sets_key);
	pthread_key_delete(key);
}

/* Destructors allocate from the thread's own caches, in all rounds but the last. */
static void test_online_until_last_round(void **state)
{
	unsigned int i;
	pthread_t t;

	assert_int_equal(pthread_key_create(&key, every_round), 0);
	assert_int_equal(pthread_create(&t, NULL, frees_and_sets_key, NULL), 0);
	assert_int_equal(pthread_join(t, NULL), 0);
	pthread_key_delete(key);
	for (i = 0; i < ROUNDS - 1; i++)
		assert_int_equal(in_round[i], SHIM_ONLINE);
	assert_int_equal(in_round[ROUNDS - 1], SHIM_DEAD);
}

static void __maybe_unused test_without_destructors(void **state)
{
	need_robust_locks();
	few_ids(vanishes);
}

/* A live thread keeps its id, and what is in its caches. */
static pthread_barrier_t barrier;
static void *stays(void *arg)
{
	unsigned int mine;

	free(opaque(malloc(SIZE)));
	mine = shim_cpu;
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return (void *)(long)(shim_cpu != mine || !cpu_online(mine) ||
			      per_cpu_ptr(hak_size_class(SIZE)->cpu, mine)->nr == 0);
}

static void test_live_threads_stay(void **state)
{
	void *bad;
	pthread_t t;

	pthread_barrier_init(&barrier, NULL, 2);
	assert_int_equal(pthread_create(&t, NULL, stays, NULL), 0);
	pthread_barrier_wait(&barrier);
	shim_flush_parked();
	pthread_barrier_wait(&barrier);
	pthread_join(t, &bad);
	assert_null(bad);
}

static void *nothing(void *arg)
{
	free(opaque(malloc(SIZE)));
	return NULL;
}

/* The child's thread has another number than its parent's, and the same id. */
static void child(void)
{
	unsigned int mine = shim_cpu;
	pthread_t t;

	alarm(60);
	if (pthread_create(&t, NULL, nothing, NULL) || pthread_join(t, NULL))
		_exit(3);
	shim_flush_parked();
	if (shim_cpu != mine || !cpu_online(mine) || num_online_cpus() != 1)
		_exit(4);
}

/* Its main thread ends in a child, and another thread goes on. */
static pthread_t child_main;
static void *outlives(void *arg)
{
	alarm(60);
	if (pthread_join(child_main, NULL))
		_exit(3);
	free(opaque(malloc(SIZE)));
	shim_flush_parked();
	_exit(num_online_cpus() == 1 ? 0 : 4);
}

static void child_without_main(void)
{
	pthread_t t;

	free(opaque(malloc(SIZE)));
	child_main = pthread_self();
	if (pthread_create(&t, NULL, outlives, NULL))
		_exit(5);
	syscall(SYS_exit, 0);
}

static void __maybe_unused test_forked(void **state)
{
	need_robust_locks();
	assert_int_equal(in_child(child), 0);
	assert_int_equal(in_child(child_without_main), 0);
}

static int bring_main_up(void **state)
{
	free(opaque(malloc(8)));
	return shim_thread != SHIM_ONLINE;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifndef __SANITIZE_THREAD__
		/* ThreadSanitizer's own per-thread state goes before such a thread. */
		cmocka_unit_test(test_first_call_in_destructor),
		cmocka_unit_test(test_soon),
		cmocka_unit_test(test_first_call_in_last_round),
#endif
		cmocka_unit_test(test_online_until_last_round),
		cmocka_unit_test(test_live_threads_stay),
#ifndef HAK_SHIM_SANITIZER
		/* Sanitizers keep account of threads themselves. */
		cmocka_unit_test(test_without_destructors),
		cmocka_unit_test(test_forked),
#endif
	};

	return cmocka_run_group_tests(tests, bring_main_up, NULL);
}
