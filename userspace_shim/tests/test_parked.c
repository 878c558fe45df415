// SPDX-License-Identifier: GPL-2.0
/* A thread that ends leaves its caches to a new thread. */
#include "test.h"

#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
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

/* Run deferred work until no id is parked. False if that takes too long. */
static bool none_stays_parked(void)
{
	for (int ms = 0; ms < 20000 && shim_nr_parked(); ms += 10) {
		usleep(10000);
		shim_run_pending();
	}
	return !shim_nr_parked();
}

#define MANY	2000	/* objects of a few slabs */

static void *live_with_many(void *arg)
{
	static void *p[MANY];

	for (int i = 0; i < MANY; i++)
		p[i] = opaque(malloc(SIZE));
	for (int i = 0; i < MANY; i++)
		free(p[i]);
	return arg;
}

static unsigned long slabs(void)
{
	struct hak_class_stats cs;

	hak_class_stats_read(hak_size_class(SIZE), &cs);
	return cs.slabs;
}

/* A thread has ended, and no work waits but the look at its id. */
static bool one_is_parked_alone(void)
{
	pthread_t t;

	shim_flush_parked();
	assert_int_equal(pthread_create(&t, NULL, live_with_many, NULL), 0);
	pthread_join(t, NULL);
	for (int ms = 0; ms < 300; ms += 10) {
		usleep(10000);
		shim_run_pending();
	}
	return shim_nr_parked() == 1;
}

/*
 * The only thread that is left takes no slow path. It takes the id down all the same, and then
 * runs the reaper, which is armed as that makes slabs whole.
 */
static void test_idle_on_the_fast_path(void **state)
{
	static void *heap[8 << 10];

	for (int i = 0; i < ARRAY_SIZE(heap); i++)
		heap[i] = opaque(malloc(1024));
	free(opaque(malloc(64)));
	/* On a busy machine this may take so long that nothing is parked any more. */
	for (int tries = 0; tries < 10 && !one_is_parked_alone(); tries++)
		;
	assert_true(slabs() > 0);
	for (int ms = 0; ms < 5000 && slabs(); ms += 10) {
		for (int i = 0; i < 65; i++)
			free(opaque(malloc(64)));
		usleep(10000);
	}
	assert_int_equal(shim_nr_parked(), 0);
	assert_int_equal(slabs(), 0);
	for (int i = 0; i < ARRAY_SIZE(heap); i++)
		free(heap[i]);
}

static void *end_later(void *arg)
{
	live(arg);
	pthread_barrier_wait(&barrier);
	usleep(600000);
	return NULL;
}

/* When parked ids are looked at, one of them is too young. So they are looked at again. */
static void test_too_young(void **state)
{
	struct life a, b;
	pthread_t t;

	shim_flush_parked();
	pthread_barrier_init(&barrier, NULL, 2);
	assert_int_equal(pthread_create(&t, NULL, end_later, &b), 0);
	pthread_barrier_wait(&barrier);
	run(&a);
	pthread_join(t, NULL);
	assert_true(none_stays_parked());
	assert_int_equal(cached(), 0);
}

static void *hold_hotplug(void *arg)
{
	cpus_read_lock();
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	cpus_read_unlock();
	return arg;
}

/* When parked ids are looked at, another thread has the lock. So they are looked at again. */
static void test_look_is_put_off(void **state)
{
	struct life a;
	pthread_t t;

	shim_flush_parked();
	run(&a);
	pthread_barrier_init(&barrier, NULL, 2);
	assert_int_equal(pthread_create(&t, NULL, hold_hotplug, NULL), 0);
	pthread_barrier_wait(&barrier);
	/* The look is due after a second. */
	for (int i = 0; i < 150; i++) {
		usleep(10000);
		shim_run_pending();
	}
	assert_int_equal(shim_nr_parked(), 1);
	pthread_barrier_wait(&barrier);
	pthread_join(t, NULL);
	assert_true(none_stays_parked());
}

static void *end_inside(void *arg)
{
	live(arg);
	hak_cpu_enter(this_cpu_ptr(hak_size_class(SIZE)->cpu));
	return NULL;
}

/* If a thread ends inside a cache, which a signal handler may do, no other gets its id. */
static void test_ended_inside(void **state)
{
	struct life a, b;
	pthread_t t;

	shim_flush_parked();
	assert_int_equal(pthread_create(&t, NULL, end_inside, &a), 0);
	pthread_join(t, NULL);
	assert_int_equal(shim_nr_parked(), 0);
	run(&b);
	assert_int_not_equal(a.id, b.id);
	/* Give back what the cache of that id holds. */
	hak_cpu_flush(hak_size_class(SIZE), per_cpu_ptr(hak_size_class(SIZE)->cpu, a.id));
	shim_flush_parked();
}

/* The processor that threads seem to run on; -1 for the real one. */
static int processor = -1;

int __real_sched_getcpu(void);
int __wrap_sched_getcpu(void);

int __wrap_sched_getcpu(void)
{
	return processor < 0 ? __real_sched_getcpu() : processor;
}

struct long_life {
	struct life life;
	bool there, end;
};

static void *live_until(void *arg)
{
	struct long_life *l = arg;

	live(&l->life);
	__atomic_store_n(&l->there, true, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&l->end, __ATOMIC_ACQUIRE))
		usleep(100);
	return NULL;
}

/* Of two parked ids a thread takes the one that was used on its processor. */
static void test_same_processor(void **state)
{
	static struct long_life l[2];
	struct life last;
	pthread_t t[2];
	int i;

	shim_flush_parked();
	for (i = 0; i < 2; i++) {
		assert_int_equal(pthread_create(&t[i], NULL, live_until, &l[i]), 0);
		while (!__atomic_load_n(&l[i].there, __ATOMIC_ACQUIRE))
			usleep(100);
	}
	for (i = 0; i < 2; i++) {
		processor = 7 + i;
		__atomic_store_n(&l[i].end, true, __ATOMIC_RELEASE);
		pthread_join(t[i], NULL);
	}
	processor = 7;
	run(&last);
	processor = -1;
	assert_int_equal(last.id, l[0].life.id);
	shim_flush_parked();
}

int __real_shim_libc_trim(size_t pad);
int __wrap_shim_libc_trim(size_t pad);

/* The C library has nothing to give back. */
int __wrap_shim_libc_trim(size_t pad)
{
	return 0;
}

/* malloc_trim() says that hakmem has given memory back, and then that it has not. */
static void test_trim_says_so(void **state)
{
	static void *p[3 << 11];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = opaque(malloc(1024));
	for (i = 0; i < ARRAY_SIZE(p); i++)
		free(p[i]);
	assert_int_equal(malloc_trim(0), 1);
	assert_int_equal(malloc_trim(0), 0);
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

/* So does the stock of the depots, which no thread owns. */
static void test_trim_of_depots(void **state)
{
	struct hak_cache *c = hak_size_class(SIZE);
	struct hak_class_stats cs;
	struct hak_cpu_cache *cc;
	bool sent = false;

	free(opaque(malloc(SIZE)));
	cc = this_cpu_ptr(c->cpu);
	preempt_disable();
	hak_cpu_enter(cc);
	hak_cpu_flush(c, cc);
	/* All that the cache has, it sends. */
	if (hak_cpu_take_from_slab(c, cc, 0, cc->obj, hak_cpu_batch(cc)) == hak_cpu_batch(cc))
		sent = hak_depot_send(c, cc);
	hak_cpu_leave(cc);
	preempt_enable();
	assert_true(sent);
	hak_class_stats_read(c, &cs);
	assert_true(cs.depot > 0);
	malloc_trim(0);
	hak_class_stats_read(c, &cs);
	assert_int_equal(cs.depot, 0);
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

#ifdef HAK_SHIM_DEBUG
/* Not if the thread may not sleep: to take an id down needs a mutex. */
static void test_memory_is_wanted_in_atomic(void **state)
{
	struct life a;

	run(&a);
	assert_int_equal(shim_nr_parked(), 1);
	shim_fail_pages_after(0);
	preempt_disable();
	assert_null(alloc_pages(GFP_ATOMIC, HAK_MAX_ORDER));
	preempt_enable();
	shim_fail_pages_after(-1);
	assert_int_equal(shim_nr_parked(), 1);
	shim_flush_parked();
}
#endif

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

static bool key_fails;

int __real_pthread_setspecific(pthread_key_t key, const void *value);
int __wrap_pthread_setspecific(pthread_key_t key, const void *value);

int __wrap_pthread_setspecific(pthread_key_t key, const void *value)
{
	return key_fails ? ENOMEM : __real_pthread_setspecific(key, value);
}

/* A thread for which no destructor can be set takes no id. A parked id stays parked. */
static void test_no_destructor(void **state)
{
	struct life a, b;

	shim_flush_parked();
	run(&a);
	key_fails = true;
	run(&b);
	key_fails = false;
	assert_int_equal(b.id, 0);
	assert_int_equal(shim_nr_parked(), 1);
	run(&b);
	assert_int_equal(b.id, a.id);
	shim_flush_parked();

	key_fails = true;
	run(&b);
	key_fails = false;
	assert_int_equal(b.id, 0);
	run(&b);
	assert_int_equal(b.id, a.id);
	shim_flush_parked();
}

static int refuse(unsigned int cpu)
{
	return -ENOMEM;
}

/* A thread whose id cannot be prepared shares id 0, and the next thread gets that id. */
static void test_not_prepared(void **state)
{
	struct life a, b;
	int st;

	shim_flush_parked();
	run(&a);
	st = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "refuses", refuse, NULL);
	assert_true(st > 0);
	run(&b);
	assert_int_equal(b.id, 0);
	assert_int_equal(shim_nr_parked(), 0);
	cpuhp_remove_state_nocalls(st);
	run(&b);
	assert_int_equal(b.id, a.id);
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
		cmocka_unit_test(test_idle_on_the_fast_path),
/* ThreadSanitizer loses count of threads after a fork() with several. */
#ifndef __SANITIZE_THREAD__
		cmocka_unit_test(test_forked),
#endif
		cmocka_unit_test(test_too_young),
		cmocka_unit_test(test_look_is_put_off),
		cmocka_unit_test(test_same_processor),
		cmocka_unit_test(test_malloc_trim),
		cmocka_unit_test(test_trim_of_depots),
		cmocka_unit_test(test_trim_says_so),
		cmocka_unit_test(test_memory_is_wanted),
#ifdef HAK_SHIM_DEBUG
		cmocka_unit_test(test_memory_is_wanted_in_atomic),
#endif
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_no_destructor),
		cmocka_unit_test(test_not_prepared),
		cmocka_unit_test(test_ended_inside),
	};

	return cmocka_run_group_tests(tests, bring_main_up, NULL);
}
