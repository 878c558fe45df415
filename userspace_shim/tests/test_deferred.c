// SPDX-License-Identifier: GPL-2.0
/*
 * Work items, delayed work, irq_work and RCU callbacks.
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

static struct rcu_head slow_head;

static void slow_rcu_fn(struct rcu_head *h)
{
	slow_fn(NULL);
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

	slow_began = false;
	slow_ended = false;
	assert_int_equal(pthread_create(&t, NULL, run_slow_rcu, NULL), 0);
	while (!__atomic_load_n(&slow_began, __ATOMIC_ACQUIRE))
		usleep(100);
	rcu_barrier();
	assert_true(__atomic_load_n(&slow_ended, __ATOMIC_ACQUIRE));
	pthread_join(t, NULL);
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
	assert_int_equal(runs, 5);
	assert_true(irq_work_is_pending(&irq));
	assert_false(irq_work_queue(&irq));
	shim_run_pending();
	assert_int_equal(runs, 6);
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

struct thing {
	struct rcu_head rcu;
	char pad[200];
	int value;
};

static void rcu_fn(struct rcu_head *h)
{
	struct thing *t = container_of(h, struct thing, rcu);

	runs += t->value;
	kfree(t);
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

static void test_call_rcu(void **state)
{
	struct thing *t;

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

static void test_kfree_rcu(void **state)
{
	struct thing *t = kzalloc(sizeof(*t), GFP_KERNEL), *u;
	void *other;

	t->value = 7;
	kfree_rcu(t, rcu);
	assert_int_equal(READ_ONCE(t->value), 7);
	other = kmalloc(sizeof(*t), GFP_KERNEL);
	assert_ptr_not_equal(other, t);
	u = kzalloc(sizeof(*t), GFP_KERNEL);
	/* ThreadSanitizer would report readers that still look at it. */
#ifndef __SANITIZE_THREAD__
	assert_ptr_equal(u, t);
#endif
	assert_int_equal(u->value, 0);
	kfree(other);
	kfree(u);
}

struct block {
	struct rcu_head rcu;
	char pad[256 - sizeof(struct rcu_head)];
};

/* A block that readers may look at is used again where it fits, and nowhere else. */
static void test_kfree_rcu_fits(void **state)
{
	struct block *b[16];
	char *p[32], *q;
	int i, n = 0;

	/* Nothing is used again there. */
#ifdef __SANITIZE_THREAD__
	skip();
#endif
	for (i = 0; i < ARRAY_SIZE(b); i++) {
		b[i] = kvmalloc(sizeof(*b[i]), GFP_KERNEL);
		assert_non_null(b[i]);
		n += !!((unsigned long)b[i] & 255);
	}
	assert_true(n > 0);
	for (i = 0; i < ARRAY_SIZE(b); i++)
		kvfree_rcu(b[i], rcu);
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		/* These stay until the end, so that each is another. */
		p[i] = kzalloc(256, GFP_KERNEL);
		q = kzalloc(4096, GFP_KERNEL);
		assert_int_equal((unsigned long)p[i] & 255, 0);
		for (n = 0; n < ARRAY_SIZE(b); n++)
			assert_ptr_not_equal(q, b[n]);
		kfree(q);
	}
	for (i = 0; i < ARRAY_SIZE(p); i++)
		kfree(p[i]);
}

/* The C library may leave some bytes more to a block that is aligned, and fits all the same. */
static void test_kfree_rcu_aligned(void **state)
{
	void *hole[64], *between[64];
	struct thing *t[64];
	int i;

	/* Nothing is used again there. */
#ifdef __SANITIZE_THREAD__
	skip();
#endif
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		hole[i] = kvmalloc(240 + 16 * (i % 16), GFP_KERNEL);
		between[i] = kvmalloc(16, GFP_KERNEL);
	}
	for (i = 0; i < ARRAY_SIZE(t); i++)
		kfree(hole[i]);
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		t[i] = kmalloc(sizeof(*t[i]), GFP_KERNEL);
		kfree_rcu(t[i], rcu);
		assert_ptr_equal(kzalloc(sizeof(*t[i]), GFP_KERNEL), t[i]);
		kfree(between[i]);
	}
	for (i = 0; i < ARRAY_SIZE(t); i++)
		kfree(t[i]);
}

/* Such a block is used by none but the core, and so it remains when it is freed. */
static void test_kfree_rcu_for_ever(void **state)
{
	struct block *b = kzalloc(sizeof(*b), GFP_KERNEL);
	void *p[32];
	int i, round;

	assert_non_null(b);
	kfree_rcu(b, rcu);
	for (round = 0; round < 2; round++) {
		for (i = 0; i < ARRAY_SIZE(p); i += 2) {
			p[i] = kmalloc(sizeof(*b), GFP_KERNEL | __GFP_ZERO);
			assert_ptr_not_equal(p[i], b);
			/* This one is the program's, from underneath. */
			p[i + 1] = hak_alloc(sizeof(*b), GFP_KERNEL_ACCOUNT | __GFP_ZERO);
			assert_ptr_not_equal(p[i + 1], b);
		}
		while (i--)
			hak_free(p[i]);
		/* Nothing is used again there. */
#ifndef __SANITIZE_THREAD__
		p[0] = kzalloc(sizeof(*b), GFP_KERNEL);
		assert_ptr_equal(p[0], b);
		kfree(p[0]);
#endif
	}
}

/* So it does when krealloc() moves what is in it, and not when it can stay. */
static void test_kfree_rcu_and_krealloc(void **state)
{
	struct block *b = kzalloc(sizeof(*b), GFP_KERNEL);
	char *p, *q;

	/* Nothing is used again there. */
#ifdef __SANITIZE_THREAD__
	skip();
#endif
	assert_non_null(b);
	kfree_rcu(b, rcu);
	p = kzalloc(sizeof(*b), GFP_KERNEL);
	assert_ptr_equal(p, b);
	memset(p, 5, sizeof(*b));
	assert_ptr_equal(krealloc(p, sizeof(*b) / 2, GFP_KERNEL), p);
	shim_fail_kmalloc_after(0);
	assert_null(krealloc(p, 10 * sizeof(*b), GFP_KERNEL));
	shim_fail_kmalloc_after(-1);
	q = krealloc(p, 10 * sizeof(*b), GFP_KERNEL);
	assert_non_null(q);
	assert_ptr_not_equal(q, b);
	for (int i = 0; i < sizeof(*b); i++)
		assert_int_equal(q[i], 5);
	p = kzalloc(sizeof(*b), GFP_KERNEL);
	assert_ptr_equal(p, b);
	kfree(p);
	kfree(q);
}

static void reader_of_parent(void)
{
	struct block *b = kzalloc(sizeof(*b), GFP_KERNEL);
	void *p;

	alarm(10);
	kfree_rcu(b, rcu);
	p = kzalloc(sizeof(*b), GFP_KERNEL);
	if (p != b)
		_exit(3);
	synchronize_rcu();
	if (!poll_state_synchronize_rcu(0))
		_exit(4);
	/* The child's own readers count. */
	rcu_read_lock();
	_exit(poll_state_synchronize_rcu(0));
}

static pthread_barrier_t reads;

static void *read_for_long(void *arg)
{
	rcu_read_lock();
	pthread_barrier_wait(&reads);
	pthread_barrier_wait(&reads);
	rcu_read_unlock();
	return arg;
}

/* Only a reader holds such a block back, and not a thread that is not in the child. */
static void test_kfree_rcu_and_readers(void **state)
{
	struct block *b = kzalloc(sizeof(*b), GFP_KERNEL);
	pthread_t t;
	int status;
	void *p;

	/* Nothing is used again there. */
#ifdef __SANITIZE_THREAD__
	skip();
#endif
	pthread_barrier_init(&reads, NULL, 2);
	pthread_create(&t, NULL, read_for_long, NULL);
	pthread_barrier_wait(&reads);
	kfree_rcu(b, rcu);
	p = kzalloc(sizeof(*b), GFP_KERNEL);
	assert_ptr_not_equal(p, b);
	kfree(p);
	status = in_child(reader_of_parent);
	pthread_barrier_wait(&reads);
	pthread_join(t, NULL);
	assert_int_equal(status, 0);
	p = kzalloc(sizeof(*b), GFP_KERNEL);
	assert_ptr_equal(p, b);
	kfree(p);
}

void __real_shim_locks_forget(const void *start, size_t size);
void __wrap_shim_locks_forget(const void *start, size_t size);

/* How often a global lock was taken to look for locks in memory that is freed. */
static unsigned int forgets;

void __wrap_shim_locks_forget(const void *start, size_t size)
{
	__atomic_fetch_add(&forgets, 1, __ATOMIC_RELAXED);
	__real_shim_locks_forget(start, size);
}

static unsigned int forgets_of_frees(void)
{
	static void *p[1000];
	unsigned int before;
	int i;

	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = opaque(malloc(2000));
	before = READ_ONCE(forgets);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		free(opaque(p[i]));
	return READ_ONCE(forgets) - before;
}

/* However many blocks were given to kfree_rcu(), a free of another takes no global lock. */
static void test_many_retired(void **state)
{
	static void *p[8192];
	void *other[64];
	int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = kzalloc(4096, GFP_KERNEL);
		assert_non_null(p[i]);
	}
	for (i = 0; i < ARRAY_SIZE(p); i++)
		__shim_retire(p[i], 4096);
	assert_in_range(forgets_of_frees(), 0, 50);
	/* Nothing is used again there. */
#ifdef __SANITIZE_THREAD__
	return;
#endif
	/* Each comes back, and goes where it was. The core may have retired some since. */
	for (i = ARRAY_SIZE(p); i; ) {
		void *q = kzalloc(4096, GFP_KERNEL);

		kfree(q);
		assert_ptr_equal(kzalloc(4096, GFP_KERNEL), q);
		if (q == p[i - 1]) {
			i--;
			continue;
		}
		assert_true(n < ARRAY_SIZE(other));
		other[n++] = q;
	}
	for (i = 0; i < ARRAY_SIZE(p); i++)
		kfree(p[i]);
	while (n--)
		kfree(other[n]);
}

/* A page each, as in the memory of many threads' ids. */
static union {
	raw_spinlock_t lock;
	char page[4096];
} locks[4000];

/* How many of the locks that @i begins with, and each second one from there, fork() takes. */
static unsigned int taken_by_fork(unsigned int i)
{
	unsigned int n = 0;

	shim_locks_take_all();
	for (; i < ARRAY_SIZE(locks); i += 2)
		n += raw_spin_is_locked(&locks[i].lock);
	shim_locks_release_all();
	return n;
}

/* Nor does it if there are many locks. Those that are forgotten are, and no others. */
static void test_many_locks(void **state)
{
	for (int i = 0; i < ARRAY_SIZE(locks); i++)
		raw_spin_lock_init(&locks[i].lock);
	assert_in_range(forgets_of_frees(), 0, 50);
	assert_int_equal(taken_by_fork(0), ARRAY_SIZE(locks) / 2);
	for (int i = 0; i < ARRAY_SIZE(locks); i += 2)
		shim_locks_forget(&locks[i], sizeof(locks[i]));
	assert_int_equal(taken_by_fork(0), 0);
	assert_int_equal(taken_by_fork(1), ARRAY_SIZE(locks) / 2);
	shim_locks_forget(locks, sizeof(locks));
	assert_int_equal(taken_by_fork(1), 0);
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

static bool is_taken_by_fork(raw_spinlock_t *lock)
{
	bool taken;

	shim_locks_take_all();
	taken = raw_spin_is_locked(lock);
	shim_locks_release_all();
	return taken;
}

/*
 * If krealloc() moves a block, the lock in it moves with it. If it takes the end of the block
 * away, it is no lock any more.
 */
static void test_krealloc_of_a_lock(void **state)
{
	raw_spinlock_t *p = kmalloc(2 * sizeof(*p), GFP_KERNEL), *q;

	assert_non_null(p);
	raw_spin_lock_init(&p[0]);
	raw_spin_lock_init(&p[1]);
	assert_true(is_taken_by_fork(&p[0]) && is_taken_by_fork(&p[1]));
	assert_ptr_equal(krealloc(p, sizeof(*p), GFP_KERNEL), p);
	assert_true(is_taken_by_fork(&p[0]));
	assert_false(is_taken_by_fork(&p[1]));
	q = krealloc(p, 100000, GFP_KERNEL);
	assert_non_null(q);
	assert_ptr_not_equal(q, p);
	assert_true(is_taken_by_fork(q));
	kfree(q);
	/* Nobody may look there but the C library, unless it has given the memory out again. */
#ifndef HAK_SHIM_SANITIZER
	p = kmalloc(2 * sizeof(*p), GFP_KERNEL);
	memset(p, 0, 2 * sizeof(*p));
	assert_false(is_taken_by_fork(&p[0]) || is_taken_by_fork(&p[1]));
	kfree(p);
#endif
}

static void init_lock(void *p)
{
	raw_spin_lock_init((raw_spinlock_t *)p);
}

/* fork() leaves a lock in an object of hakmem alone. No free of an object looks for locks. */
static void test_locks_in_objects(void **state)
{
	struct hak_cache *c = hak_cache_create("of_locks", 64, 0, 0, init_lock);
	raw_spinlock_t *p = hak_alloc(64, GFP_KERNEL), *q;

	assert_non_null(c);
	q = hak_cache_alloc(c, GFP_KERNEL);
	assert_true(hak_slab_of(p) && hak_slab_of(q));
	raw_spin_lock_init(p);
	assert_false(is_taken_by_fork(p) || is_taken_by_fork(q));
	/* It works as any. */
	raw_spin_lock(p);
	assert_false(raw_spin_trylock(p));
	raw_spin_unlock(p);
	assert_true(raw_spin_trylock(q));
	raw_spin_unlock(q);
	hak_cache_free(c, q);
	hak_free(p);
	hak_cache_destroy(c);
}

/* fork() takes locks in pages and in objects of a kmem_cache, until they are freed. */
static void test_locks_in_pages(void **state)
{
	struct kmem_cache *s = kmem_cache_create("of_locks", 200, 0, SLAB_TYPESAFE_BY_RCU, NULL);
	char *page = page_address(alloc_pages(GFP_KERNEL, 2));
	raw_spinlock_t *p = (void *)(page + 2 * PAGE_SIZE + 64), *q;

	raw_spin_lock_init(p);
	assert_true(is_taken_by_fork(p));
	free_pages((unsigned long)page, 2);
	assert_ptr_equal(page_address(alloc_pages(GFP_KERNEL, 2)), page);
	assert_false(is_taken_by_fork(p));
	free_pages((unsigned long)page, 2);

	q = kmem_cache_alloc(s, GFP_KERNEL);
	raw_spin_lock_init(q);
	kmem_cache_free(s, q);
	assert_true(is_taken_by_fork(q));
	kmem_cache_destroy(s);
	/* Nobody may look there but the C library, unless it has given the memory out again. */
#ifndef HAK_SHIM_SANITIZER
	p = kmalloc(200 + sizeof(void *), GFP_KERNEL);
	assert_ptr_equal(p, q);
	memset(p, 0, sizeof(*p));
	assert_false(is_taken_by_fork(p));
	kfree(p);
#endif
}

static void test_type_safe_cache(void **state)
{
	struct kmem_cache *s = kmem_cache_create("test", 200, 128,
						 SLAB_TYPESAFE_BY_RCU, NULL);
	char *p = kmem_cache_alloc(s, GFP_KERNEL);

	assert_int_equal((unsigned long)p % 128, 0);
	memset(p, 5, 200);
	kmem_cache_free(s, p);
	for (int i = 0; i < 200; i++)
		assert_int_equal(READ_ONCE(p[i]), 5);
	assert_ptr_equal(kmem_cache_alloc(s, GFP_KERNEL), p);
	kmem_cache_free(s, p);
	/* It is zeroed only if a caller asks for that. */
	assert_ptr_equal(kmem_cache_alloc(s, GFP_KERNEL | __GFP_ZERO), p);
	for (int i = 0; i < 200; i++)
		assert_int_equal(p[i], 0);
	kmem_cache_free(s, p);
	kmem_cache_destroy(s);
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
		cmocka_unit_test_setup(test_barrier_waits, reset),
		cmocka_unit_test_setup(test_msleep, reset),
		cmocka_unit_test_setup(test_delayed, reset),
		cmocka_unit_test_setup(test_irq_work, reset),
		cmocka_unit_test_setup(test_slow_paths_run_it, reset),
		cmocka_unit_test_setup(test_large_blocks_run_it, reset),
		cmocka_unit_test_setup(test_each_call_runs_it, reset),
		cmocka_unit_test_setup(test_safe_points, reset),
		cmocka_unit_test_setup(test_safe_points_of_core, reset),
		cmocka_unit_test_setup(test_in_order, reset),
		cmocka_unit_test_setup(test_errno_kept, reset),
		cmocka_unit_test_setup(test_due_before_earlier, reset),
		cmocka_unit_test_setup(test_call_rcu, reset),
		cmocka_unit_test_setup(test_kfree_rcu, reset),
		cmocka_unit_test_setup(test_kfree_rcu_fits, reset),
		cmocka_unit_test_setup(test_kfree_rcu_aligned, reset),
		cmocka_unit_test_setup(test_kfree_rcu_for_ever, reset),
		cmocka_unit_test_setup(test_kfree_rcu_and_krealloc, reset),
		cmocka_unit_test_setup(test_kfree_rcu_and_readers, reset),
		cmocka_unit_test_setup(test_nested_readers, reset),
		cmocka_unit_test_setup(test_no_work_in_reader, reset),
		cmocka_unit_test_setup(test_synchronize_waits, reset),
		cmocka_unit_test_setup(test_synchronize_ends, reset),
		cmocka_unit_test_setup(test_readers_in_handlers, reset),
		cmocka_unit_test_setup(test_many_retired, reset),
		cmocka_unit_test_setup(test_many_locks, reset),
		cmocka_unit_test_setup(test_krealloc_of_a_lock, reset),
		cmocka_unit_test_setup(test_locks_in_objects, reset),
		cmocka_unit_test_setup(test_locks_in_pages, reset),
		cmocka_unit_test_setup(test_type_safe_cache, reset),
		/* It leaves memory that kmalloc() may use again. */
		cmocka_unit_test_setup(test_who_watches, reset),
		cmocka_unit_test_setup(test_threads, reset),
		cmocka_unit_test(test_with_the_cache_off),
	};

	self = argv[0];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
