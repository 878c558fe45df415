// SPDX-License-Identifier: GPL-2.0
/*
 * Work items, delayed work and irq_work: when they run, and what runs them.
 */
#include "test.h"

#include <linux/delay.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "core.h"
#include "shim.h"

static int runs, again;
static struct work_struct work;
static struct delayed_work dwork;
static struct irq_work irq;
static DEFINE_MUTEX(mutex);

static void work_fn(struct work_struct *w)
{
	runs++;
	if (again-- > 0)
		queue_work(system_wq, w);
}

static void irq_fn(struct irq_work *w)
{
	runs++;
	if (again-- > 0)
		irq_work_queue(w);
}

static int reset(void **state)
{
	shim_run_pending();
	runs = 0;
	again = 0;
	INIT_WORK(&work, work_fn);
	INIT_DELAYED_WORK(&dwork, work_fn);
	init_irq_work(&irq, irq_fn);
	return 0;
}

static void test_work(void **state)
{
	assert_true(queue_work(system_unbound_wq, &work));
	assert_false(queue_work(system_unbound_wq, &work));
	assert_true(work_pending(&work));
	assert_int_equal(runs, 0);
	shim_run_pending();
	assert_int_equal(runs, 1);
	assert_false(work_pending(&work));
	assert_false(flush_work(&work));
	queue_work(system_wq, &work);
	assert_true(flush_work(&work));
	assert_int_equal(runs, 2);
	queue_work(system_wq, &work);
	assert_true(cancel_work_sync(&work));
	assert_false(cancel_work_sync(&work));
	shim_run_pending();
	assert_int_equal(runs, 2);
}

static void test_work_requeues(void **state)
{
	again = 3;
	queue_work(system_wq, &work);
	flush_workqueue(system_wq);
	assert_int_equal(runs, 4);
	/* Work that queues itself for ever does not hold its thread. */
	again = 1000000;
	queue_work(system_wq, &work);
	shim_run_pending();
	assert_in_range(runs, 5, 1000);
	assert_true(cancel_work_sync(&work));
}

/* Of a hundred items not all are run at once, and those that are left are not forgotten. */
static void test_many_works(void **state)
{
	static struct work_struct many[100];

	for (int i = 0; i < ARRAY_SIZE(many); i++) {
		INIT_WORK(&many[i], work_fn);
		queue_work(system_wq, &many[i]);
	}
	shim_run_pending();
	assert_in_range(runs, 1, ARRAY_SIZE(many) - 1);
	assert_true(shim_pending & SHIM_PENDING_NOW);
	shim_run_pending();
	assert_int_equal(runs, ARRAY_SIZE(many));
}

static struct work_struct slow_work;
static bool slow_began, slow_ended;

static void slow_fn(struct work_struct *w)
{
	__atomic_store_n(&slow_began, true, __ATOMIC_RELEASE);
	usleep(50000);
	__atomic_store_n(&slow_ended, true, __ATOMIC_RELEASE);
}

static void *run_slow(void *unused)
{
	INIT_WORK(&slow_work, slow_fn);
	queue_work(system_wq, &slow_work);
	while (!__atomic_load_n(&slow_began, __ATOMIC_ACQUIRE))
		shim_run_pending();
	return NULL;
}

/* Another thread runs the item. Its caller frees what the item uses, so it has to wait. */
static void test_cancel_waits(void **state)
{
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, run_slow, NULL), 0);
	while (!__atomic_load_n(&slow_began, __ATOMIC_ACQUIRE))
		usleep(100);
	assert_false(cancel_work_sync(&slow_work));
	assert_true(__atomic_load_n(&slow_ended, __ATOMIC_ACQUIRE));
	pthread_join(t, NULL);
}

static struct work_struct gate_work;
static bool gate_reached, gate_open;

static void gate_fn(struct work_struct *w)
{
	__atomic_store_n(&gate_reached, true, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&gate_open, __ATOMIC_ACQUIRE))
		usleep(100);
}

/* A thread that ends runs work, so this one sees before that what has run. */
static void *run_at_gate(void *unused)
{
	INIT_WORK(&gate_work, gate_fn);
	queue_work(system_wq, &gate_work);
	shim_run_pending();
	return (void *)(long)READ_ONCE(runs);
}

/* What another thread queues while the runner is busy is the runner's. */
static void test_queued_meanwhile(void **state)
{
	pthread_t t;
	void *seen;

	assert_int_equal(pthread_create(&t, NULL, run_at_gate, NULL), 0);
	while (!__atomic_load_n(&gate_reached, __ATOMIC_ACQUIRE))
		usleep(100);
	irq_work_queue(&irq);
	shim_run_pending();
	assert_int_equal(READ_ONCE(runs), 0);
	__atomic_store_n(&gate_open, true, __ATOMIC_RELEASE);
	pthread_join(t, &seen);
	assert_int_equal((long)seen, 1);
}

/*
 * While work waits for its time, malloc() looks at the clock if there is much to give back.
 * If there is little, and when the work has run, it does not.
 */
static void test_who_watches(void **state)
{
	static void *heap[8 << 10];

	flush_workqueue(system_wq);
	queue_delayed_work(system_wq, &dwork, HZ * 1000);
	if (READ_ONCE(shim_pages_out) <= 2UL << HAK_MAX_ORDER)
		assert_int_equal(READ_ONCE(shim_largest), HAK_MAX_SIZE);
	for (int i = 0; i < ARRAY_SIZE(heap); i++)
		heap[i] = opaque(malloc(1024));
	mod_delayed_work(system_wq, &dwork, HZ * 1000);
	assert_int_equal(READ_ONCE(shim_largest), 0);
	for (int i = 0; i < ARRAY_SIZE(heap); i++)
		free(heap[i]);
	flush_workqueue(system_wq);
	flush_delayed_work(&dwork);
	/* The reaper and the trim may wait for their time, too. */
	for (int i = 0; i < 100 && READ_ONCE(shim_pending) & SHIM_PENDING_LATER; i++) {
		msleep(50);
		shim_run_pending();
	}
	assert_int_equal(READ_ONCE(shim_largest), HAK_MAX_SIZE);
}

/*
 * Work is due that nobody has run when shim_run_pending() ends. If there is much to give back, a
 * thread that needs no slow path runs it all the same. It does not look any more when all is done.
 */
static void test_left_over_is_watched(void **state)
{
	static void *heap[8 << 10];
	int ran;

	for (int i = 0; i < ARRAY_SIZE(heap); i++)
		heap[i] = opaque(malloc(1024));
	free(opaque(malloc(64)));
	flush_workqueue(system_wq);
	again = 20;
	irq_work_queue(&irq);
	shim_run_pending();
	ran = READ_ONCE(runs);
	assert_in_range(ran, 1, 20);
	assert_int_equal(READ_ONCE(shim_largest), 0);
	for (int i = 0; i < 65 * 20; i++)
		free(opaque(malloc(64)));
	assert_int_equal(READ_ONCE(runs), 21);
	assert_false(READ_ONCE(shim_pending) & SHIM_PENDING_NOW);
	for (int i = 0; i < ARRAY_SIZE(heap); i++)
		free(heap[i]);
}

/* The clock that says when delayed work is due passes as much time as a sleep takes. */
static void test_msleep(void **state)
{
	for (unsigned int i = 0; i < 20; i++) {
		unsigned long begin = jiffies;

		msleep(5 + i % 4);
		assert_true(jiffies - begin >= 5 + i % 4);
	}
}

static void test_delayed(void **state)
{
	assert_true(queue_delayed_work(system_wq, &dwork, msecs_to_jiffies(50)));
	assert_false(queue_delayed_work(system_wq, &dwork, 0));
	shim_run_pending();
	assert_int_equal(runs, 0);
	msleep(60);
	shim_run_pending();
	assert_int_equal(runs, 1);
	queue_delayed_work(system_wq, &dwork, HZ * 1000);
	assert_true(mod_delayed_work(system_wq, &dwork, 0));
	shim_run_pending();
	assert_int_equal(runs, 2);
	queue_delayed_work(system_wq, &dwork, HZ * 1000);
	assert_true(flush_delayed_work(&dwork));
	assert_int_equal(runs, 3);
	queue_delayed_work(system_wq, &dwork, HZ * 1000);
	assert_true(cancel_delayed_work_sync(&dwork));
	assert_int_equal(runs, 3);
}

static void test_irq_work(void **state)
{
	assert_true(irq_work_queue(&irq));
	assert_false(irq_work_queue(&irq));
	assert_true(irq_work_is_pending(&irq));
	assert_int_equal(runs, 0);
	shim_run_pending();
	assert_int_equal(runs, 1);
	assert_false(irq_work_is_pending(&irq));
	again = 2;
	irq_work_queue(&irq);
	irq_work_sync(&irq);
	assert_int_equal(runs, 4);
	irq_work_sync(&irq);
	/* An item that queues itself while it runs is queued once. */
	again = 1;
	irq_work_queue(&irq);
	shim_run_pending();
	assert_int_equal(runs, 6);
	assert_false(irq_work_is_pending(&irq));
}

/* An item that queues itself for ever does not hold its thread, and is not forgotten. */
static void test_irq_work_requeues(void **state)
{
	int ran;

	again = 1000000;
	irq_work_queue(&irq);
	shim_run_pending();
	ran = runs;
	assert_in_range(ran, 1, 10);
	assert_true(irq_work_is_pending(&irq));
	assert_false(irq_work_queue(&irq));
	again = 0;
	shim_run_pending();
	assert_int_equal(runs, ran + 1);
	assert_false(irq_work_is_pending(&irq));
}

/* More than the thread's cache holds. */
static void come_and_go(void)
{
	static void *p[200];

	for (int i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = opaque(malloc(8));
	for (int i = 0; i < ARRAY_SIZE(p); i++)
		free(p[i]);
}

/*
 * The C library's declarations say that malloc() and free() call nothing in this
 * file.
 */
static int runs_now(void)
{
	return READ_ONCE(runs);
}

/*
 * When malloc() and free() leave the fast path they run work that is due: at
 * once, or when the clock says so.
 */
static void test_slow_paths_run_it(void **state)
{
	irq_work_queue(&irq);
	come_and_go();
	assert_int_equal(runs_now(), 1);
	irq_work_queue(&irq);
	free(opaque(malloc(2000)));
	assert_int_equal(runs_now(), 2);
	queue_delayed_work(system_wq, &dwork, msecs_to_jiffies(10));
	msleep(30);
	for (int i = 0; i < 20 && runs_now() == 2; i++)
		come_and_go();
	assert_int_equal(runs_now(), 3);
}

static void *malloc_2000(void *p)
{
	return malloc(2000);
}

static void *calloc_2000(void *p)
{
	return calloc(2, 1000);
}

static void *realloc_3000(void *p)
{
	return realloc(p, 3000);
}

static void *memalign_2000(void *p)
{
	return memalign(64, 2000);
}

static void *valloc_2000(void *p)
{
	return valloc(2000);
}

static void *pvalloc_2000(void *p)
{
	return pvalloc(2000);
}

/* So do allocations that the C library serves. */
static void test_large_blocks_run_it(void **state)
{
	static void *(*const call[])(void *p) = {
		malloc_2000, calloc_2000, realloc_3000, memalign_2000, valloc_2000, pvalloc_2000,
	};

	for (int i = 0; i < (int)ARRAY_SIZE(call); i++) {
		void *p = call[i] == realloc_3000 ? opaque(malloc(2000)) : NULL, *q;

		shim_run_pending();
		runs = 0;
		irq_work_queue(&irq);
		q = opaque(call[i](p));
		assert_non_null(q);
		assert_int_equal(runs_now(), 1);
		free(q);
	}
}

static unsigned long clock_reads;

u64 __real_ktime_get_coarse_ns(void);
u64 __wrap_ktime_get_coarse_ns(void);

u64 __wrap_ktime_get_coarse_ns(void)
{
	__atomic_fetch_add(&clock_reads, 1, __ATOMIC_RELAXED);
	return __real_ktime_get_coarse_ns();
}

/* While work waits for its time, they read the clock after dozens of calls, and then run it. */
static void test_large_blocks_read_clock_seldom(void **state)
{
	enum { N = 640 };
	unsigned long before, reads;

	flush_workqueue(system_wq);
	queue_delayed_work(system_wq, &dwork, HZ * 1000);
	shim_run_pending();
	before = READ_ONCE(clock_reads);
	for (int i = 0; i < N; i++)
		free(opaque(malloc(2000)));
	reads = READ_ONCE(clock_reads) - before;
	mod_delayed_work(system_wq, &dwork, msecs_to_jiffies(10));
	msleep(30);
	assert_int_equal(runs_now(), 0);
	for (int i = 0; i < 65; i++)
		free(opaque(malloc(2000)));
	assert_int_equal(runs_now(), 1);
	assert_in_range(reads, 1, 2 * N / 64 + 2);
}

/* A thread that only allocates, or only frees, comes to its slow path as well. */
static void test_each_call_runs_it(void **state)
{
	static void *p[512];
	int before, i;

	shim_run_pending();
	before = runs_now();
	irq_work_queue(&irq);
	/* Of these a slab has 4,096, so few calls need another slab. */
	for (i = 0; i < (int)ARRAY_SIZE(p); i++)
		p[i] = opaque(malloc(16));
	assert_int_equal(runs_now(), before + 1);
	shim_run_pending();
	before = runs_now();
	irq_work_queue(&irq);
	for (i = 0; i < (int)ARRAY_SIZE(p); i++)
		free(p[i]);
	assert_int_equal(runs_now(), before + 1);
}

/* alloc_pages() may run work, but never under a lock that work may want. */
static void test_safe_points(void **state)
{
	struct page *page;

	queue_work(system_wq, &work);
	mutex_lock(&mutex);
	page = alloc_pages(GFP_KERNEL, 0);
	assert_int_equal(runs, 0);
	mutex_unlock(&mutex);
	__free_pages(page, 0);
	page = alloc_pages(GFP_ATOMIC, 0);
	assert_int_equal(runs, 0);
	__free_pages(page, 0);
#ifdef HAK_SHIM_DEBUG
	preempt_disable();
	shim_run_pending();
	preempt_enable();
	assert_int_equal(runs, 0);
	local_irq_disable();
	shim_run_pending();
	local_irq_enable();
	assert_int_equal(runs, 0);
#endif
	page = alloc_pages(GFP_KERNEL, 0);
	assert_int_equal(runs, 1);
	__free_pages(page, 0);
}

/*
 * The core asks for superslabs by flags that do not block, and so whether work may run depends
 * on those of its caller.
 */
static void test_safe_points_of_core(void **state)
{
	void *p;

	queue_work(system_wq, &work);
	assert_int_equal(hak_superslab_grow(0, GFP_ATOMIC), 0);
	assert_int_equal(runs, 0);
	hak_cpu_flush_this(true);
	p = hak_alloc_node(64, GFP_ATOMIC, 0);
	assert_int_equal(runs, 0);
	hak_free(p);
	hak_cpu_flush_this(true);
	p = hak_alloc_node(64, GFP_NOIO, 0);
	assert_int_equal(runs, 1);
	hak_free(p);
	hak_cpu_flush_this(true);
	queue_work(system_wq, &work);
	p = hak_alloc(64, GFP_ATOMIC);
	assert_int_equal(runs, 1);
	hak_free(p);
	hak_cpu_flush_this(true);
	p = hak_alloc(64, GFP_KERNEL);
	assert_int_equal(runs, 2);
	hak_free(p);
	hak_superslab_trim(0);
}

static struct irq_work in_order[3];
static struct rcu_head heads[3];
static int order[6];

static void note_irq(struct irq_work *w)
{
	order[runs++] = w - in_order;
}

static void note_rcu(struct rcu_head *h)
{
	order[runs++] = 3 + (h - heads);
}

/* Items of one kind run in the order in which they were queued. */
static void test_in_order(void **state)
{
	int i;

	for (i = 0; i < 3; i++) {
		init_irq_work(&in_order[i], note_irq);
		irq_work_queue(&in_order[i]);
		call_rcu(&heads[i], note_rcu);
	}
	shim_run_pending();
	assert_int_equal(runs, 6);
	for (i = 0; i < 6; i++)
		assert_int_equal(order[i], i);
}

static void set_errno(struct irq_work *w)
{
	runs++;
	errno = EINTR;
}

/* What a thread runs for the library does not change its errno. */
static void test_errno_kept(void **state)
{
	struct irq_work w;

	init_irq_work(&w, set_errno);
	irq_work_queue(&w);
	errno = EDOM;
	shim_run_pending();
	assert_int_equal(errno, EDOM);
	assert_int_equal(runs, 1);
}

/* Work is due before other work that was queued earlier, and the clock is looked at in time. */
static void test_due_before_earlier(void **state)
{
	struct delayed_work far;

	INIT_DELAYED_WORK(&far, work_fn);
	flush_workqueue(system_wq);
	queue_delayed_work(system_wq, &far, HZ * 1000);
	queue_delayed_work(system_wq, &dwork, msecs_to_jiffies(10));
	assert_true(READ_ONCE(shim_pending) & SHIM_PENDING_LATER);
	msleep(30);
	for (int i = 0; i < 20 && !runs_now(); i++)
		come_and_go();
	assert_int_equal(runs_now(), 1);
	mod_delayed_work(system_wq, &far, 0);
	shim_run_pending();
	assert_int_equal(runs_now(), 2);
}

/*
 * While the caches are off, each malloc() and free() takes a slow path. This program runs
 * once more so.
 */
static const char *const cache_off = "HAKMEM_TINY_FAST_CAP";
static char *self;

static void test_with_the_cache_off(void **state)
{
	int status;
	pid_t pid;

	if (getenv(cache_off))
		skip();
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
		setenv(cache_off, "0", 1);
		execl(self, self, NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void *queue_last(void *unused)
{
	long nr;

	free(opaque(malloc(8)));
	shim_run_pending();
	irq_work_queue(&irq);
	nr = runs_now();
	/* As its last destructor does. The C library may call free() even later. */
	shim_thread_offline();
	return (void *)(runs_now() - nr);
}

/* A thread that goes offline runs the work that is due, since it may be the last to come by. */
static void test_offline_runs_it(void **state)
{
	pthread_t t;
	void *nr;

	assert_int_equal(pthread_create(&t, NULL, queue_last, NULL), 0);
	pthread_join(t, &nr);
	assert_int_equal((long)nr, 1);
}

static atomic_t total;
static struct work_struct many[64];

static void many_fn(struct work_struct *w)
{
	atomic_inc(&total);
}

static void *queue_many(void *arg)
{
	long n = 0;

	for (int i = 0; i < 20000 / SLOW; i++) {
		n += queue_work(system_wq, &many[i % 64]);
		if (i % 16 == 0)
			shim_run_pending();
	}
	return (void *)n;
}

/* Every successful queue_work() is one call. */
static void test_threads(void **state)
{
	long queued = 0;
	pthread_t t[4];
	void *n;

	for (int i = 0; i < 64; i++)
		INIT_WORK(&many[i], many_fn);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, queue_many, NULL);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &n);
		queued += (long)n;
	}
	flush_workqueue(system_wq);
	assert_int_equal(atomic_read(&total), queued);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_work, reset),
		cmocka_unit_test_setup(test_work_requeues, reset),
		cmocka_unit_test_setup(test_many_works, reset),
		cmocka_unit_test_setup(test_cancel_waits, reset),
		cmocka_unit_test_setup(test_msleep, reset),
		cmocka_unit_test_setup(test_delayed, reset),
		cmocka_unit_test_setup(test_irq_work, reset),
		cmocka_unit_test_setup(test_irq_work_requeues, reset),
		cmocka_unit_test_setup(test_queued_meanwhile, reset),
		cmocka_unit_test_setup(test_slow_paths_run_it, reset),
		cmocka_unit_test_setup(test_large_blocks_run_it, reset),
		cmocka_unit_test_setup(test_large_blocks_read_clock_seldom, reset),
		cmocka_unit_test_setup(test_each_call_runs_it, reset),
		cmocka_unit_test_setup(test_safe_points, reset),
		cmocka_unit_test_setup(test_safe_points_of_core, reset),
		cmocka_unit_test_setup(test_in_order, reset),
		cmocka_unit_test_setup(test_errno_kept, reset),
		cmocka_unit_test_setup(test_due_before_earlier, reset),
		cmocka_unit_test_setup(test_offline_runs_it, reset),
		/* They leave memory that kmalloc() may use again. */
		cmocka_unit_test_setup(test_who_watches, reset),
		cmocka_unit_test_setup(test_left_over_is_watched, reset),
		cmocka_unit_test_setup(test_threads, reset),
		cmocka_unit_test(test_with_the_cache_off),
	};

	self = argv[0];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
