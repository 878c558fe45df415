// SPDX-License-Identifier: GPL-2.0
/*
 * Callbacks of RCU, grace periods, and readers.
 */
#include "test.h"

#include <linux/kernel.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "reader.h"
#include "shim.h"

static int runs;

struct thing {
	struct rcu_head rcu;
	char pad[200];
	int value;
};

static struct rcu_head slow_head;
static bool slow_began, slow_ended;

static void slow_rcu_fn(struct rcu_head *h)
{
	__atomic_store_n(&slow_began, true, __ATOMIC_RELEASE);
	usleep(50000);
	__atomic_store_n(&slow_ended, true, __ATOMIC_RELEASE);
}

static void *run_slow_rcu(void *unused)
{
	call_rcu(&slow_head, slow_rcu_fn);
	while (!__atomic_load_n(&slow_began, __ATOMIC_ACQUIRE))
		shim_run_pending();
	return NULL;
}

/* Another thread has taken the callback off the list. Its caller frees the code, so it waits. */
static void test_barrier_waits(void **state)
{
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, run_slow_rcu, NULL), 0);
	while (!__atomic_load_n(&slow_began, __ATOMIC_ACQUIRE))
		usleep(100);
	rcu_barrier();
	assert_true(__atomic_load_n(&slow_ended, __ATOMIC_ACQUIRE));
	pthread_join(t, NULL);
}

static void rcu_fn(struct rcu_head *h)
{
	struct thing *t = container_of(h, struct thing, rcu);

	runs += t->value;
	kfree(t);
}

static void test_call_rcu(void **state)
{
	struct thing *t;

	runs = 0;
	for (int i = 0; i < 10; i++) {
		t = kzalloc(sizeof(*t), GFP_KERNEL);
		t->value = 1;
		call_rcu(&t->rcu, rcu_fn);
	}
	assert_int_equal(runs, 0);
	rcu_barrier();
	assert_int_equal(runs, 10);
	synchronize_rcu();
}

static int grace_periods;

static void *wait_for_readers(void *arg)
{
	synchronize_rcu();
	__atomic_fetch_add(&grace_periods, 1, __ATOMIC_RELEASE);
	return arg;
}

static int periods(void)
{
	return __atomic_load_n(&grace_periods, __ATOMIC_ACQUIRE);
}

static int reading;

static void *read_often(void *arg)
{
	while (READ_ONCE(reading)) {
		rcu_read_lock();
		usleep(100);
		rcu_read_unlock();
	}
	return arg;
}

/* There is nearly always a reader, but none of them stays. Is there none in the end? */
static bool synchronize_among_readers(unsigned int times)
{
	pthread_t t[4];

	WRITE_ONCE(reading, 1);
	for (int i = 0; i < ARRAY_SIZE(t); i++)
		pthread_create(&t[i], NULL, read_often, NULL);
	while (times--)
		synchronize_rcu();
	WRITE_ONCE(reading, 0);
	for (int i = 0; i < ARRAY_SIZE(t); i++)
		pthread_join(t[i], NULL);
	return poll_state_synchronize_rcu(0);
}

/* In a child the thread that waited is gone, and so are the readers that it waited for. */
static void __maybe_unused nobody_waits(void)
{
	alarm(10);
	if (!synchronize_among_readers(3))
		_exit(3);
}

/*
 * synchronize_rcu() waits for a reader that began before. If two threads wait at once, both do.
 */
static void test_synchronize_waits(void **state)
{
	pthread_t t, waits[2];
	int status = 0;

	grace_periods = 0;
	alarm(60);
	pthread_barrier_init(&reads, NULL, 2);
	pthread_create(&t, NULL, read_for_long, NULL);
	pthread_barrier_wait(&reads);
	for (int i = 0; i < ARRAY_SIZE(waits); i++)
		pthread_create(&waits[i], NULL, wait_for_readers, NULL);
	usleep(50000);
	/* These readers begin later, and go. */
	for (int i = 0; i < 3; i++) {
		rcu_read_lock();
		rcu_read_unlock();
	}
	assert_int_equal(periods(), 0);
/* ThreadSanitizer does not support threads in a child of several threads. */
#ifndef __SANITIZE_THREAD__
	status = in_child(nobody_waits);
#endif
	assert_int_equal(periods(), 0);
	pthread_barrier_wait(&reads);
	pthread_join(t, NULL);
	for (int i = 0; i < ARRAY_SIZE(waits); i++)
		pthread_join(waits[i], NULL);
	assert_int_equal(periods(), 2);
	assert_int_equal(status, 0);
	assert_true(poll_state_synchronize_rcu(0));
	alarm(0);
}

static void test_synchronize_ends(void **state)
{
	alarm(60);
	assert_true(synchronize_among_readers(20));
	alarm(0);
}

static sig_atomic_t handled;

static void read_in_handler(int sig)
{
	rcu_read_lock();
	if (!poll_state_synchronize_rcu(0))
		handled++;
	rcu_read_unlock();
}

static void *signal_often(void *thread)
{
	while (READ_ONCE(reading)) {
		usleep(200);
		pthread_kill(*(pthread_t *)thread, SIGUSR2);
	}
	return NULL;
}

/* A signal handler reads while its thread waits, and wherever its thread begins or ends to. */
static void test_readers_in_handlers(void **state)
{
	struct sigaction sa = { .sa_handler = read_in_handler };
	pthread_t me = pthread_self(), t;

	sigaction(SIGUSR2, &sa, NULL);
	WRITE_ONCE(reading, 1);
	pthread_create(&t, NULL, signal_often, &me);
	for (int i = 0; i < 20; i++) {
		synchronize_rcu();
		for (int j = 0; j < 20000 / SLOW; j++) {
			rcu_read_lock();
			rcu_read_unlock();
		}
	}
	WRITE_ONCE(reading, 0);
	pthread_join(t, NULL);
	/* ThreadSanitizer holds signals back. */
#ifndef __SANITIZE_THREAD__
	assert_true(handled > 0);
#endif
	assert_true(poll_state_synchronize_rcu(0));
}

static void work_in_reader(struct work_struct *w)
{
	runs++;
	synchronize_rcu();
}

/* A reader inside another one does not end that. */
static void test_nested_readers(void **state)
{
	assert_true(poll_state_synchronize_rcu(0));
	rcu_read_lock();
	rcu_read_lock();
	rcu_read_unlock();
	assert_false(poll_state_synchronize_rcu(0));
	rcu_read_unlock();
	assert_true(poll_state_synchronize_rcu(0));
}

/* A reader runs no work, which may wait for it. */
static void test_no_work_in_reader(void **state)
{
	static struct work_struct work;

	runs = 0;
	INIT_WORK(&work, work_in_reader);
	queue_work(system_wq, &work);
	alarm(10);
	rcu_read_lock();
	shim_run_pending();
	assert_int_equal(runs, 0);
	rcu_read_unlock();
	shim_run_pending();
	assert_int_equal(runs, 1);
	alarm(0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_barrier_waits),
		cmocka_unit_test(test_call_rcu),
		cmocka_unit_test(test_synchronize_waits),
		cmocka_unit_test(test_synchronize_ends),
		cmocka_unit_test(test_readers_in_handlers),
		cmocka_unit_test(test_nested_readers),
		cmocka_unit_test(test_no_work_in_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
