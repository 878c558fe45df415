// SPDX-License-Identifier: GPL-2.0
/* The shim's locks, and the faults on which debug builds abort. */
#include "test.h"

#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/spinlock.h>

#include "core.h"
#include "shim.h"

static DEFINE_RAW_SPINLOCK(spin);
static DEFINE_MUTEX(mutex);
static int shared;

static void *count_locked(void *arg)
{
	for (int i = 0; i < 20000 / SLOW; i++) {
		raw_spin_lock(&spin);
		shared++;
		raw_spin_unlock(&spin);
		mutex_lock(&mutex);
		raw_spin_lock(&spin);
		shared++;
		raw_spin_unlock(&spin);
		mutex_unlock(&mutex);
	}
	return NULL;
}

static DEFINE_RAW_SPINLOCK(wanted);
static pthread_barrier_t is_taken;

static void *lock_for_long(void *arg)
{
	pthread_barrier_wait(&is_taken);
	raw_spin_lock(&wanted);
	usleep(20000);
	raw_spin_unlock(&wanted);
	return arg;
}

/* Three threads sleep until they get the lock, and each wakes the next. */
static void test_sleepers(void **state)
{
	pthread_t t[3];

	alarm(30);
	pthread_barrier_init(&is_taken, NULL, ARRAY_SIZE(t) + 1);
	for (int i = 0; i < ARRAY_SIZE(t); i++)
		pthread_create(&t[i], NULL, lock_for_long, NULL);
	raw_spin_lock(&wanted);
	pthread_barrier_wait(&is_taken);
	usleep(50000);
	raw_spin_unlock(&wanted);
	for (int i = 0; i < ARRAY_SIZE(t); i++)
		pthread_join(t[i], NULL);
	alarm(0);
}

static void test_locks(void **state)
{
	run_threads(6, count_locked);
	assert_int_equal(shared, 6 * 2 * (20000 / SLOW));
	assert_true(raw_spin_trylock(&spin));
	assert_false(raw_spin_trylock(&spin));
	raw_spin_unlock(&spin);
}

/*
 * fork() takes locks of this program and of the library. The linker was asked to drop what
 * nothing refers to, and a list of locks is such a thing.
 */
static void test_list_of_locks(void **state)
{
	bool all, hotplug;

	shim_locks_take_all();
	all = shim_is_locked(&spin.lock) && shim_is_locked(&mutex.lock) &&
	      shim_is_locked(&hak_cache_mutex.lock);
	hotplug = shim_is_locked(&shim_hotplug_lock);
	shim_locks_release_all();
	assert_true(all);
	/* This one is not in the list, because fork() takes it before. */
	assert_false(hotplug);
	assert_false(shim_is_locked(&spin.lock) || shim_is_locked(&mutex.lock));
}

#ifdef HAK_SHIM_DEBUG
static void quietly(void)
{
	int fd = open("/dev/null", O_WRONLY);

	dup2(fd, STDERR_FILENO);
	signal(SIGABRT, SIG_DFL);
}

static void sleep_under_spinlock(void)
{
	quietly();
	raw_spin_lock(&spin);
	mutex_lock(&mutex);
}

static void alloc_preempt_off(void)
{
	quietly();
	preempt_disable();
	might_alloc(GFP_KERNEL);
}

static void alloc_irqs_off(void)
{
	unsigned long flags;

	quietly();
	local_irq_save(flags);
	might_alloc(GFP_KERNEL);
	local_irq_restore(flags);
}

static void unbalanced(void)
{
	quietly();
	preempt_enable();
}

static void not_held(void)
{
	quietly();
	lockdep_assert_held(&mutex);
}

static void wait_for_itself(void)
{
	quietly();
	rcu_read_lock();
	synchronize_rcu();
}

static void atomic_is_fine(void)
{
	preempt_disable();
	might_alloc(GFP_ATOMIC);
	preempt_enable();
	mutex_lock(&mutex);
	lockdep_assert_held(&mutex);
	mutex_unlock(&mutex);
}

static void test_debug_aborts(void **state)
{
	static void (*const bad[])(void) = {
		sleep_under_spinlock, alloc_preempt_off, alloc_irqs_off,
		unbalanced, not_held, wait_for_itself,
	};

	for (int i = 0; i < ARRAY_SIZE(bad); i++) {
		int status = in_child(bad[i]);

		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	}
	assert_int_equal(in_child(atomic_is_fine), 0);
}

/* A pretended interrupt in the owner's busy section only pushes. */
static void test_contexts(void **state)
{
	struct hak_cpu_cache *cc = this_cpu_ptr(hak_size_class(64)->cpu);
	struct hak_stats before, after;
	void *p = malloc(64);

	hak_stats_read(&before);
	hak_cpu_enter(cc);
	shim_set_context(SHIM_NMI);
	hak_free(p);
	shim_set_context(SHIM_TASK);
	hak_cpu_leave(cc);
	hak_stats_read(&after);
	assert_int_equal(after.event[HAK_EV_PUSHED],
			 before.event[HAK_EV_PUSHED] + 1);
}
#endif

static int bring_main_up(void **state)
{
	free(opaque(malloc(8)));
	return shim_thread != SHIM_ONLINE;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sleepers),
		cmocka_unit_test(test_locks),
		cmocka_unit_test(test_list_of_locks),
#ifdef HAK_SHIM_DEBUG
		cmocka_unit_test(test_debug_aborts),
		cmocka_unit_test(test_contexts),
#endif
	};

	return cmocka_run_group_tests(tests, bring_main_up, NULL);
}
