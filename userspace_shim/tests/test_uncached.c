// SPDX-License-Identifier: GPL-2.0
/*
 * malloc() and free() while the caches are off: their short ways to the slab that the thread
 * owns. The program runs itself again with the setting, which counts from the first malloc() on.
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

#define SIZE	208	/* of a class that nothing else in this program uses */
#define FULL	(HAK_SLAB_SIZE / SIZE)

static const char *const cache_off = "HAKMEM_TINY_FAST_CAP";

static struct hak_cpu_cache *cc;

static u64 bad_frees(void)
{
	struct hak_stats st;

	hak_stats_read(&st);
	return st.event[HAK_EV_BAD_FREE];
}

static struct llist_node *link_of(void *p)
{
	return hak_to_link(cc->cache, p);
}

static void test_last_in_first_out(void **state)
{
	unsigned long refills = cc->refills;
	void *p = opaque(malloc(SIZE)), *q = opaque(malloc(SIZE));
	struct hak_slab *s = cc->cur;
	u32 taken = s->taken;

	assert_ptr_equal(hak_slab_of(p), s);
	free(p);
	free(q);
	assert_ptr_equal(s->freelist, link_of(q));
	assert_ptr_equal(s->freelist->next, link_of(p));
	assert_int_equal(s->taken, taken - 2);
	assert_ptr_equal(opaque(malloc(SIZE)), q);
	assert_ptr_equal(opaque(malloc(SIZE)), p);
	assert_int_equal(s->taken, taken);
	/* Each counts, or the idle trim would take the slab away from a thread that works. */
	assert_int_equal(cc->refills - refills, 4);
	assert_int_equal(cc->nr, 0);
	free(p);
	free(q);
}

static void test_double_free(void **state)
{
	void *p = opaque(malloc(SIZE)), *q;
	u64 before = bad_frees();

	free(p);
	free(opaque(p));
	assert_int_equal(bad_frees(), before + 1);
	q = opaque(malloc(SIZE));
	assert_ptr_equal(q, p);
	p = opaque(malloc(SIZE));
	assert_ptr_not_equal(q, p);
	free(p);
	free(q);
	assert_int_equal(bad_frees(), before + 1);
}

/* The idle trim has stopped. The next operation starts it, or nothing would ever be trimmed. */
static void test_starts_the_trim(void **state)
{
	void *p = opaque(malloc(SIZE));

	free(p);
	WRITE_ONCE(hak_trim_stopped, 1);
	p = opaque(malloc(SIZE));
	assert_int_equal(READ_ONCE(hak_trim_stopped), 0);
	free(p);
}

/* The owner is inside its cache, or a mode is on. The slab's freelist is left alone. */
static void test_not_ready(void **state)
{
	static const u8 marks[] = { HAK_CPU_INSIDE, HAK_CPU_SLOW_ONLY };
	void *p = opaque(malloc(SIZE)), *q = opaque(malloc(SIZE)), *r;
	struct hak_slab *s = cc->cur;

	assert_ptr_equal(hak_slab_of(p), s);
	assert_ptr_equal(hak_slab_of(q), s);
	free(q);
	cc->mark = marks[0];
	free(p);
	assert_ptr_equal(s->freelist, link_of(q));
	assert_ptr_equal(s->remote.first, link_of(p));
	r = opaque(malloc(SIZE));
	assert_non_null(r);
	assert_ptr_equal(s->freelist, link_of(q));
	assert_int_equal(cc->mark, marks[0]);
	free(r);
	/* The slow paths serve it, and set the mark to what the modes say now. */
	cc->mark = marks[1];
	p = opaque(malloc(SIZE));
	assert_ptr_equal(p, q);
	assert_int_equal(cc->mark, HAK_CPU_READY);
	free(p);
}

/* An object of a slab that this thread owned before is pushed there. */
static void test_slab_not_owned(void **state)
{
	static void *p[2 * FULL];
	unsigned long pushes = cc->pushes;
	struct hak_slab *s = NULL;
	int n;

	for (n = 0; n < 2 * FULL && (!s || s == cc->cur); n++) {
		p[n] = opaque(malloc(SIZE));
		s = hak_slab_of(p[0]);
	}
	assert_ptr_not_equal(cc->cur, s);
	free(p[0]);
	assert_int_equal(cc->pushes, pushes + 1);
	assert_ptr_equal(s->remote.first, link_of(p[0]));
	assert_null(s->freelist);
	while (--n)
		free(p[n]);
}

/* With sanitizers it has thousands of instructions. */
#if defined(__x86_64__) && !defined(HAK_SHIM_SANITIZER)
#define CAN_STEP	1

/*
 * Another thread is stopped after an instruction of malloc() or free() while this one forks.
 * It has two live objects, and a third comes or goes: from the freelist of its slab, or never
 * used before, or onto the freelist.
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
	struct hak_cache *c = cc->cache;
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
		assert_in_range(fork_after_each(op), 20, 2000);
	WRITE_ONCE(other.end, true);
	assert_int_equal(pthread_join(t, NULL), 0);
}
#endif

static int find_cache(void **state)
{
	free(opaque(malloc(SIZE)));
	cc = this_cpu_ptr(hak_size_class(SIZE)->cpu);
	return !cc->direct || cc->limit || cc->cap || !cc->cur;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_last_in_first_out),
		cmocka_unit_test(test_double_free),
		cmocka_unit_test(test_starts_the_trim),
		cmocka_unit_test(test_not_ready),
		cmocka_unit_test(test_slab_not_owned),
#ifdef CAN_STEP
		cmocka_unit_test(test_fork_in_the_middle),
#endif
	};

	if (!getenv(cache_off)) {
		setenv(cache_off, "0", 1);
		execv(argv[0], argv);
		perror(argv[0]);
		return 1;
	}
	return cmocka_run_group_tests(tests, find_cache, NULL);
}
