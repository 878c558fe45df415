// SPDX-License-Identifier: GPL-2.0
/*
 * A thread vanishes in the middle of malloc() or free(), because another one forks. The child
 * uses the slab and the cache that it leaves. Neither function sets a mark in its short ways,
 * so the program forks after each of their instructions; then it runs itself again with the
 * caches off.
 */
#include "test.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/percpu.h>

#include "core.h"
#include "shim.h"

static const char *const cache_off = "HAKMEM_TINY_FAST_CAP";
static char *self;

#define SIZE	208	/* of a class that nothing else in this program uses */
#define FULL	(HAK_SLAB_SIZE / SIZE)

static bool cache_is_off(void)
{
	return this_cpu_ptr(hak_size_class(SIZE)->cpu)->direct;
}

static u64 bad_frees(void)
{
	struct hak_stats st;

	hak_stats_read(&st);
	return st.event[HAK_EV_BAD_FREE];
}

/*
 * Another thread is stopped after an instruction of malloc() or free() while this one forks.
 * It has two live objects, and a third comes or goes: one that was freed before, or one never
 * used, or back to where it was.
 */
enum op { TAKE, CARVE, GIVE, NR_OPS };

static struct {
	enum op op;
	unsigned int at, steps;		/* where it is stopped, and where it is */
	void *obj[3];
	u64 bad_frees;			/* those of other tests */
	bool begin, stopped, go_on, done, end;
} other;

#define STOPPED_NS	(2 * NSEC_PER_SEC)

/* The thread may hold a lock that fork() waits for, so it goes on after a time. */
static void stop_there(int sig)
{
	u64 start = ktime_get_ns();

	if (++other.steps != other.at)
		return;
	WRITE_ONCE(other.stopped, true);
	while (!smp_load_acquire(&other.go_on) && ktime_get_ns() - start < STOPPED_NS)
		sched_yield();
}

static void do_stepped(void)
{
	other.steps = 0;
	asm volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq" : : : "memory", "cc");
	if (other.op == GIVE)
		free(other.obj[2]);
	else
		other.obj[2] = malloc(SIZE);
	asm volatile("pushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq" : : : "memory", "cc");
}

/* Take all that is on the freelist, do it, and give it back. */
static void do_with_empty_freelist(void)
{
	struct hak_cpu_cache *mine = this_cpu_ptr(hak_size_class(SIZE)->cpu);
	void **held = NULL, **p;

	while (mine->cur && mine->cur->freelist) {
		p = malloc(SIZE);
		*p = held;
		held = p;
	}
	do_stepped();
	for (; held; held = p) {
		p = *held;
		free(held);
	}
}

static void *be_stepped(void *arg)
{
	unsigned int i;

	for (;;) {
		while (!smp_load_acquire(&other.begin) && !READ_ONCE(other.end))
			sched_yield();
		if (READ_ONCE(other.end))
			return NULL;
		other.begin = false;
		for (i = 0; i < ARRAY_SIZE(other.obj); i++) {
			other.obj[i] = malloc(SIZE);
			/* No old link is left in it. */
			memset(other.obj[i], 0xa5, SIZE);
		}
		/* Where the third goes in a cache, the first was before, which stays allocated. */
		swap(other.obj[0], other.obj[2]);
		if (other.op != GIVE)
			free(other.obj[2]);
		if (other.op == CARVE)
			do_with_empty_freelist();
		else
			do_stepped();
		if (other.op == GIVE)
			other.obj[2] = NULL;
		for (i = 0; i < ARRAY_SIZE(other.obj); i++)
			free(other.obj[i]);
		smp_store_release(&other.done, true);
	}
}

/* In the child: no object is there twice, and at most one slab can never be released. */
static void use_what_is_left(void)
{
	static unsigned int *obj[FULL + FULL / 2];
	struct hak_cache *c = hak_size_class(SIZE);
	struct hak_stats st;
	unsigned int i, j;

	alarm(60);
	for (i = 0; i < ARRAY_SIZE(obj); i++) {
		obj[i] = malloc(SIZE);
		if (obj[i] == other.obj[0] || obj[i] == other.obj[1])
			_exit(2);
		for (j = 0; j < SIZE / sizeof(*obj[i]); j++)
			obj[i][j] = i;
	}
	for (i = 0; i < ARRAY_SIZE(obj); i++) {
		for (j = 0; j < SIZE / sizeof(*obj[i]); j++)
			if (obj[i][j] != i)
				_exit(3);
		free(obj[i]);
	}
	free(other.obj[0]);
	free(other.obj[1]);
	hak_cache_shrink(c);
	hak_reap_all();
	if (atomic_read(&c->nr_slabs) > 1)
		_exit(4);
	hak_stats_read(&st);
	if (st.event[HAK_EV_BAD_FREE] != other.bad_frees || st.event[HAK_EV_CORRUPT])
		_exit(5);
}

/* fork() after each instruction. Returns how many there were. */
static unsigned int fork_after_each(enum op op)
{
	unsigned int forks = 0;

	other.bad_frees = bad_frees();
	for (other.at = 1; !forks || other.steps >= other.at; other.at++) {
		other.op = op;
		other.stopped = other.go_on = other.done = false;
		shim_run_pending();
		smp_store_release(&other.begin, true);
		while (!READ_ONCE(other.stopped) && !smp_load_acquire(&other.done))
			sched_yield();
		if (READ_ONCE(other.stopped)) {
			assert_int_equal(in_child(use_what_is_left), 0);
			forks++;
		}
		smp_store_release(&other.go_on, true);
		while (!smp_load_acquire(&other.done))
			sched_yield();
	}
	return forks;
}

static void test_fork_in_the_middle(void **state)
{
	struct sigaction sa = { .sa_handler = stop_there };
	pthread_t t;
	enum op op;

	sigaction(SIGTRAP, &sa, NULL);
	assert_int_equal(pthread_create(&t, NULL, be_stepped, NULL), 0);
	for (op = 0; op < NR_OPS; op++)
		if (op != CARVE || cache_is_off())
			assert_in_range(fork_after_each(op), 20, 2000);
	WRITE_ONCE(other.end, true);
	assert_int_equal(pthread_join(t, NULL), 0);
}

static void without_caches(void)
{
	setenv(cache_off, "0", 1);
	execl(self, self, NULL);
	_exit(127);
}

static void test_with_the_caches_off(void **state)
{
	assert_int_equal(in_child(without_caches), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fork_in_the_middle),
		cmocka_unit_test(test_with_the_caches_off),
	};
	const struct CMUnitTest off[] = {
		cmocka_unit_test(test_fork_in_the_middle),
	};

	self = argv[0];
	free(opaque(malloc(SIZE)));
	if (!getenv(cache_off))
		return cmocka_run_group_tests(tests, NULL, NULL);
	if (!cache_is_off())
		return 1;
	return cmocka_run_group_tests(off, NULL, NULL);
}
