// SPDX-License-Identifier: GPL-2.0
/*
 * Per-CPU memory, threads as CPUs, and hotplug.
 */
#include "test.h"

#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/kernel.h>
#include <linux/percpu.h>
#include <linux/string.h>

#include "core.h"
#include "shim.h"

static DEFINE_PER_CPU(int, fixed) = 42;
static unsigned long __percpu *var;
static pthread_barrier_t barrier;

static void *isolated(void *arg)
{
	unsigned long mine = (unsigned long)arg + 1, *p;

	free(opaque(malloc(8)));
	p = this_cpu_ptr(var);
	if (shim_thread != SHIM_ONLINE || !cpu_online(smp_processor_id()) ||
	    per_cpu_ptr(var, smp_processor_id()) != p)
		return "wrong chunk";
	*p = mine;
	pthread_barrier_wait(&barrier);
	this_cpu_inc(*var);
	__this_cpu_add(*var, 2);
	pthread_barrier_wait(&barrier);
	if (this_cpu_read(*var) != mine + 3)
		return "not mine";
	this_cpu_write(*var, 0);
	return NULL;
}

static void test_isolation(void **state)
{
	pthread_t t[8];
	void *res;

	var = alloc_percpu(unsigned long);
	assert_non_null(var);
	pthread_barrier_init(&barrier, NULL, 8);
	for (long i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, isolated, (void *)i);
	for (long i = 0; i < 8; i++) {
		pthread_join(t[i], &res);
		assert_null(res);
	}
	free_percpu(var);
}

static void test_allocation(void **state)
{
	char __percpu *a, *b, *c;
	unsigned int cpu;

	a = __alloc_percpu(1000, 64);
	b = __alloc_percpu(8, 8);
	assert_non_null(a);
	assert_int_equal((unsigned long)a % 64, 0);
	assert_true(b >= a + 1000 || b + 8 <= a);
	for_each_possible_cpu(cpu)
		memset(per_cpu_ptr(a, cpu), 0xff, 1000);
	free_percpu(a);
	c = __alloc_percpu(1000, 64);
	assert_ptr_equal(c, a);
	for_each_possible_cpu(cpu)
		assert_null(memchr_inv(per_cpu_ptr(c, cpu), 0, 1000));
	free_percpu(b);
	free_percpu(c);
	assert_null(__alloc_percpu(SHIM_PERCPU_SIZE + 1, 8));
	assert_null(__alloc_percpu(0, 8));
	free_percpu(NULL);
}

/* If memory is used again for something larger, a free of that gives back all of it. */
static void test_larger_in_its_place(void **state)
{
	char __percpu *small = __alloc_percpu(16, 16), *large, *again;

	assert_non_null(small);
	free_percpu(small);
	large = __alloc_percpu(64, 16);
	free_percpu(large);
	again = __alloc_percpu(64, 16);
	assert_ptr_equal(again, large);
	free_percpu(again);
}

static void *read_initial(void *arg)
{
	free(opaque(malloc(8)));
	return (void *)this_cpu_read(*var);
}

static void *read_fixed(void *arg)
{
	free(opaque(malloc(8)));
	return (void *)(long)this_cpu_read(fixed);
}

/* A new id starts with the values that were written for each possible CPU. */
static void test_template(void **state)
{
	static pthread_t t[40], one;
	unsigned int cpu, before = num_possible_cpus();
	void *res;

	var = alloc_percpu(unsigned long);
	for_each_possible_cpu(cpu)
		*per_cpu_ptr(var, cpu) = 77;
	pthread_barrier_init(&barrier, NULL, 41);
	for (int i = 0; i < 40; i++)
		pthread_create(&t[i], NULL, isolated, (void *)0);
	pthread_barrier_wait(&barrier);
	assert_true(num_possible_cpus() > before);
	for (cpu = before; cpu < num_possible_cpus(); cpu++)
		assert_true(READ_ONCE(*per_cpu_ptr(var, cpu)) != 0);
	/* The 40 threads have all the ids that were used before, so this one gets a new one. */
	pthread_create(&one, NULL, read_initial, NULL);
	pthread_join(one, &res);
	assert_int_equal((long)res, 77);
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < 40; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(*per_cpu_ptr(var, SHIM_TEMPLATE), 77);
	free_percpu(var);
	pthread_create(&t[0], NULL, read_fixed, NULL);
	pthread_join(t[0], &res);
	assert_int_equal((long)res, 42);
}

static atomic_t ups, downs;

static atomic_t begun;

static int begin(unsigned int cpu)
{
	atomic_inc(&begun);
	return 0;
}

static int undo(unsigned int cpu)
{
	atomic_dec(&begun);
	return 0;
}

static int up(unsigned int cpu)
{
	if (cpu_online(cpu) || shim_cpu != SHIM_NOBODY)
		return -EINVAL;
	atomic_inc(&ups);
	return 0;
}

static int down(unsigned int cpu)
{
	if (!cpu_online(cpu) && cpu != shim_cpu)
		atomic_inc(&downs);
	return 0;
}

static void *live_and_die(void *arg)
{
	void *p = opaque(malloc(100));

	memset(p, 1, 100);
	free(p);
	return NULL;
}

/* Tens of thousands of threads use a handful of ids. */
static void test_recycling(void **state)
{
	int rounds = 5000 / SLOW, st;
	unsigned int before;

	run_threads(4, live_and_die);
	before = num_possible_cpus();
	st = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "test", up, down);
	assert_true(st > 0);
	for (int i = 0; i < rounds; i++)
		run_threads(4, live_and_die);
	/* Most threads take over a parked id; none is left parked. */
	shim_flush_parked();
	assert_in_range(atomic_read(&ups), 1, 4 * rounds);
	assert_int_equal(atomic_read(&downs), atomic_read(&ups));
	cpuhp_remove_state_nocalls(st);
	assert_in_range(num_possible_cpus(), before, before + 4);
	assert_int_equal(num_online_cpus(), 1);
}

static int refuse(unsigned int cpu)
{
	return -ENOMEM;
}

static void *refused(void *arg)
{
	void *p = opaque(malloc(100));

	memset(p, 1, 100);
	free(p);
	return (void *)(long)(shim_thread != SHIM_SHARED);
}

/* If a thread gets no CPU it works all the same. */
static void test_startup_fails(void **state)
{
	int first = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "first", begin, undo);
	int st = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "test",
					   refuse, NULL);
	unsigned int possible;
	pthread_t t;
	void *res;

	/* What came before the callback that fails is undone, and the id is used again. */
	for (int i = 0; i < 5; i++) {
		pthread_create(&t, NULL, refused, NULL);
		pthread_join(t, &res);
		assert_null(res);
		assert_int_equal(atomic_read(&begun), 0);
		if (i)
			assert_int_equal(num_possible_cpus(), possible);
		possible = num_possible_cpus();
	}
	cpuhp_remove_state_nocalls(st);
	cpuhp_remove_state_nocalls(first);
}

static pthread_key_t late_key;
static atomic_t late_frees;

/* Free and allocate in every round of destructors. */
static void late(void *p)
{
	void *q = opaque(malloc(48));

	free(p);
	pthread_setspecific(late_key, q);
	atomic_inc(&late_frees);
}

static void *set_late(void *arg)
{
	pthread_setspecific(late_key, malloc(48));
	return NULL;
}

static void __maybe_unused test_late_destructors(void **state)
{
	/* Created after the shim's own key: runs after it in every round. */
	pthread_key_create(&late_key, late);
	run_threads(16, set_late);
	assert_int_equal(atomic_read(&late_frees),
			 16 * PTHREAD_DESTRUCTOR_ITERATIONS);
	pthread_key_delete(late_key);
}

static void *hold(void *arg)
{
	void *p = opaque(malloc(64));

	pthread_barrier_wait(&barrier);
	free(p);
	return NULL;
}

/* Many at once, more than one page of ids. */
static void test_many_at_once(void **state)
{
	enum { MANY = 400 };
	static pthread_t t[MANY];
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 1 << 18);
	pthread_barrier_init(&barrier, NULL, MANY + 1);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(pthread_create(&t[i], &attr, hold, NULL), 0);
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < MANY; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(num_online_cpus(), 1);
}

static int bring_main_up(void **state)
{
	free(opaque(malloc(8)));
	return shim_thread != SHIM_ONLINE;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_isolation),
		cmocka_unit_test(test_allocation),
		cmocka_unit_test(test_larger_in_its_place),
		cmocka_unit_test(test_template),
		cmocka_unit_test(test_recycling),
		cmocka_unit_test(test_startup_fails),
#ifndef __SANITIZE_THREAD__
		/*
		 * ThreadSanitizer's own per-thread state goes before the last of
		 * them.
		 */
		cmocka_unit_test(test_late_destructors),
#endif
		cmocka_unit_test(test_many_at_once),
	};

	return cmocka_run_group_tests(tests, bring_main_up, NULL);
}
