// SPDX-License-Identifier: GPL-2.0
/*
 * A thread vanishes in the middle of malloc() or free(), because another one forks. The child
 * uses the slab and the cache that it leaves. Neither function sets a mark in its short ways,
 * so the program forks after each of their instructions, and at some points of the long ways;
 * then it runs itself again with the caches off.
 */
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <ucontext.h>

#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/percpu.h>

#include "core.h"
#include "shim.h"

static const char *const cache_off = "HAKMEM_TINY_FAST_CAP";
static char *self;

#define SIZE	224	/* of a class that nothing else in this program uses */
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
 * It has two live objects, and a third comes or goes.
 */
enum op {
	TAKE,		/* malloc() takes what was freed before */
	GIVE,		/* free() puts it back */
	REFILL,		/* malloc() finds an empty cache */
	SPILL,		/* free() finds a full cache */
	/* From here on with the cache off. */
	CARVE,		/* malloc() takes one that was never used */
	NEXT,		/* malloc() parks the slab, which has no more, and gets another */
	PUSH,		/* free() of an object of a slab that the thread does not own */
	NR_OPS
};

static const struct {
	bool on, off;			/* with the caches on, with them off */
	bool frees;
	unsigned int forks;		/* about so many, or after each instruction */
	int slabs;			/* that may stay for good in the child */
} ops[NR_OPS] = {
	[TAKE] = { true, true, false, 128, 1 },
	[GIVE] = { true, true, true, 128, 1 },
	[REFILL] = { true, false, false, 32, 2 },
	[SPILL] = { true, false, true, 32, 2 },
	[CARVE] = { false, true, false, 32, 1 },
	[NEXT] = { false, true, false, 32, 2 },
	[PUSH] = { false, true, true, 32, 2 },
};

static struct {
	enum op op;
	unsigned int at, steps;		/* where it is to be stopped, and where it is */
	void *obj[3];
	void **held;			/* more objects of its, each refers to the next one */
	u64 bad_frees;			/* those of other tests */
	bool begin, stopped, go_on, late, done, end;
} other;

/* The two threads wait for each other by these. */
static void set(bool *flag)
{
	/* Pairs with is_set(): what was done before is seen. */
	smp_store_release(flag, true);
}

static bool is_set(bool *flag)
{
	/* Pairs with set(). */
	return smp_load_acquire(flag);
}

#define TRAP_FLAG	0x100
#define STOPPED_NS	(2 * NSEC_PER_SEC)
#define TOO_LATE	9	/* the status of a child that does not count */

/*
 * fork() waits for the holder of a lock, so there it is not stopped. It may be the one that
 * runs deferred work, for whom fork() waits, too, so it goes on after a time, and that does not
 * count.
 */
static void stop_there(int sig, siginfo_t *info, void *context)
{
	ucontext_t *where = context;
	u64 start = ktime_get_ns();

	if (++other.steps < other.at || other.stopped || shim_locks_held)
		return;
	other.at = other.steps;
	set(&other.stopped);
	while (!is_set(&other.go_on) && ktime_get_ns() - start < STOPPED_NS)
		usleep(100);
	WRITE_ONCE(other.late, !other.go_on);
	/* The rest at full speed. */
	where->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
}

static void do_stepped(void)
{
	other.steps = 0;
	asm volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq" : : : "memory", "cc");
	if (ops[other.op].frees)
		free(other.obj[2]);
	else
		other.obj[2] = malloc(SIZE);
	asm volatile("pushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq" : : : "memory", "cc");
}

static void hold_one(void)
{
	void **p = malloc(SIZE);

	*p = other.held;
	other.held = p;
}

static void let_go_of_one(void)
{
	void **p = other.held;

	other.held = *p;
	free(p);
}

/* Bring the cache and its slab into the state in which the operation does what it is for. */
static void prepare(enum op op)
{
	struct hak_cpu_cache *mine = this_cpu_ptr(hak_size_class(SIZE)->cpu);
	struct hak_slab *s;
	unsigned int i;

	switch (op) {
	case TAKE:
	case GIVE:
	case NR_OPS:
		break;
	case REFILL:
		while (mine->nr)
			hold_one();
		break;
	case SPILL:
		for (i = 0; i < mine->cap; i++)
			hold_one();
		while (mine->nr < mine->cap)
			let_go_of_one();
		break;
	case CARVE:
		while (mine->cur && mine->cur->freelist)
			hold_one();
		break;
	case NEXT:
		while ((s = mine->cur) &&
		       (s->freelist || s->drained || s->remote.first ||
			s->bump < mine->cache->capacity))
			hold_one();
		break;
	case PUSH:
		while (mine->cur && mine->cur == hak_slab_of(other.obj[2]))
			hold_one();
		break;
	}
}

static void *be_stepped(void *arg)
{
	unsigned int i;

	for (;;) {
		while (!is_set(&other.begin) && !is_set(&other.end))
			usleep(100);
		if (is_set(&other.end))
			return NULL;
		other.begin = false;
		for (i = 0; i < ARRAY_SIZE(other.obj); i++) {
			other.obj[i] = malloc(SIZE);
			/* No old link is left in it. */
			memset(other.obj[i], 0xa5, SIZE);
		}
		/* Where the third goes in a cache, the first was before, which stays allocated. */
		swap(other.obj[0], other.obj[2]);
		if (!ops[other.op].frees)
			free(other.obj[2]);
		prepare(other.op);
		do_stepped();
		if (ops[other.op].frees)
			other.obj[2] = NULL;
		while (other.held)
			let_go_of_one();
		for (i = 0; i < ARRAY_SIZE(other.obj); i++)
			free(other.obj[i]);
		set(&other.done);
	}
}

/* In the child: no object is there twice, and no more slabs stay for good than may. */
static void use_what_is_left(void)
{
	static unsigned int *obj[2 * FULL];	/* all that two slabs have */
	struct hak_cache *c = hak_size_class(SIZE);
	struct hak_stats st;
	unsigned int i, j;

	alarm(60);
	/* It may have freed its objects before fork() had all locks. */
	if (READ_ONCE(other.late))
		_exit(TOO_LATE);
	for (i = 0; i < ARRAY_SIZE(obj); i++) {
		obj[i] = malloc(SIZE);
		if (obj[i] == other.obj[0] || obj[i] == other.obj[1])
			_exit(2);
		for (j = 0; j < SIZE / sizeof(*obj[i]); j++)
			obj[i][j] = i;
	}
	while (other.held)
		let_go_of_one();
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
	if (atomic_read(&c->nr_slabs) > ops[other.op].slabs)
		_exit(4);
	hak_stats_read(&st);
	if (st.event[HAK_EV_BAD_FREE] != other.bad_frees || st.event[HAK_EV_CORRUPT])
		_exit(5);
}

static void begin(unsigned int at)
{
	other.at = at;
	other.stopped = other.go_on = other.late = other.done = false;
	shim_run_pending();
	set(&other.begin);
}

static void wait_until_done(void)
{
	set(&other.go_on);
	while (!is_set(&other.done))
		usleep(100);
}

/* fork() between the instructions of an operation. Returns how often. */
static unsigned int fork_in(enum op op)
{
	unsigned int forks = 0, steps = UINT_MAX, i, stride;
	int status;

	other.op = op;
	other.bad_frees = bad_frees();
	/* At times it does more: it comes online, or runs deferred work. */
	for (i = 0; i < 3; i++) {
		begin(UINT_MAX);
		wait_until_done();
		steps = min(steps, other.steps);
	}
	stride = DIV_ROUND_UP(steps, ops[op].forks);
	for (begin(1);; begin(other.at + stride)) {
		while (!is_set(&other.stopped) && !is_set(&other.done))
			usleep(100);
		if (is_set(&other.stopped)) {
			status = in_child(use_what_is_left);
			if (status != TOO_LATE << 8) {
				assert_int_equal(status, 0);
				forks++;
			}
		}
		wait_until_done();
		if (!other.stopped || forks >= 2 * ops[op].forks)
			return forks;
	}
}

static void test_fork_in_the_middle(void **state)
{
	struct sigaction sa = { .sa_sigaction = stop_there, .sa_flags = SA_SIGINFO };
	pthread_t t;
	enum op op;

	sigaction(SIGTRAP, &sa, NULL);
	assert_int_equal(pthread_create(&t, NULL, be_stepped, NULL), 0);
	for (op = 0; op < NR_OPS; op++)
		if (cache_is_off() ? ops[op].off : ops[op].on)
			assert_in_range(fork_in(op), ops[op].forks / 6, 2 * ops[op].forks);
	set(&other.end);
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
