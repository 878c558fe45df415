// SPDX-License-Identifier: GPL-2.0
/*
 * hak_free_rcu() where the suite does not get: without memory to note objects down
 * in, a barrier while somebody else is in the middle of freeing or RCU misses grace
 * periods, and callers that may not allocate. The linker wraps the function that frees a
 * batch, the wait for a grace period and the question whether one has passed, and
 * kmalloc().
 */
#include "test.h"

#include <linux/delay.h>

#include "core.h"
#include "shim.h"

#define BATCH		125
#define BATCH_BYTES	1024
#define SPARES		64

struct node {
	struct rcu_head rcu;
	char text[40];
};

void __real_hak_free_bulk(unsigned int n, void **p);
void __wrap_hak_free_bulk(unsigned int n, void **p);
void __real_synchronize_rcu(void);
void __wrap_synchronize_rcu(void);
bool __real_poll_state_synchronize_rcu(unsigned long state);
bool __wrap_poll_state_synchronize_rcu(unsigned long state);
void __real_shim_sleep_ns(u64 ns);
void __wrap_shim_sleep_ns(u64 ns);
void *__real_kmalloc(size_t size, gfp_t gfp);
void *__wrap_kmalloc(size_t size, gfp_t gfp);
void __real_kfree(const void *p);
void __wrap_kfree(const void *p);

static void set(bool *flag)
{
	__atomic_store_n(flag, true, __ATOMIC_RELEASE);
}

static bool is_set(bool *flag)
{
	return __atomic_load_n(flag, __ATOMIC_ACQUIRE);
}

/* The next batch is held up as it is freed, until it is let go. */
static bool hold, held, let_go;

/* How many full batches have been freed, and the most objects of any. */
static unsigned int nr_full, most;

/* How many were freed with preemption or interrupts off. */
static unsigned int nr_freed_off;

/* A thread that is held up as it frees its next batch, until it is let go. */
struct held_up {
	bool held, let_go;
};

static __thread struct held_up *held_up;

static void hold_up(void)
{
	struct held_up *h = held_up;

	held_up = NULL;
	set(&h->held);
	while (!is_set(&h->let_go))
		usleep(100);
}

void __wrap_hak_free_bulk(unsigned int n, void **p)
{
	if (held_up)
		hold_up();
	if (n == BATCH)
		nr_full++;
	most = max(most, n);
	/* To the shim a mutex that is held counts as a lock, so preemptible() would not do. */
	nr_freed_off += preempt_count() || irqs_disabled();
	if (__atomic_exchange_n(&hold, false, __ATOMIC_ACQUIRE)) {
		set(&held);
		while (!is_set(&let_go))
			usleep(100);
	}
	__real_hak_free_bulk(n, p);
}

/* How often a barrier has slept, apart from grace periods: others are freeing. */
static unsigned int nr_waits;
static __thread bool in_barrier;

void __wrap_shim_sleep_ns(u64 ns)
{
	if (in_barrier)
		__atomic_add_fetch(&nr_waits, 1, __ATOMIC_RELEASE);
	__real_shim_sleep_ns(ns);
}

/* What happens while somebody waits for a grace period, once. */
static void (*in_grace)(void);

/* Objects that are given to hak_free_rcu() while a barrier waits. */
static struct node *late[8];
static unsigned int nr_late;

void __wrap_synchronize_rcu(void)
{
	void (*fn)(void) = in_grace;
	bool was = in_barrier;

	in_grace = NULL;
	if (fn)
		fn();
	if (nr_late)
		hak_free_rcu(late[--nr_late], rcu);
	in_barrier = false;
	__real_synchronize_rcu();
	in_barrier = was;
}

/* RCU may miss that a grace period has passed, if another was expedited meanwhile. */
static bool missed;
/* How often somebody has asked. */
static unsigned int asked;

bool __wrap_poll_state_synchronize_rcu(unsigned long state)
{
	__atomic_add_fetch(&asked, 1, __ATOMIC_RELAXED);
	return !is_set(&missed) && __real_poll_state_synchronize_rcu(state);
}

/*
 * The batches that are allocated; how many were with preemption or interrupts off; and for
 * how many the work item could have waited for memory.
 */
static const void *batch[200];
static unsigned int nr_batches, nr_batches_off, nr_batches_waited;
/* How many were ever allocated, and of those by callers how many could wait for memory. */
static unsigned int nr_new, nr_may_wait;
static bool in_work;

/* Objects that are given to hak_free_rcu() while somebody allocates a batch. */
static struct node **between;
static unsigned int nr_between;

void *__wrap_kmalloc(size_t size, gfp_t gfp)
{
	bool on = preemptible();
	void *p = __real_kmalloc(size, gfp);
	unsigned int n = nr_between;

	if (!p || size != BATCH_BYTES)
		return p;
	nr_between = 0;
	while (n)
		hak_free_rcu(between[--n], rcu);
	assert_true(nr_batches < ARRAY_SIZE(batch));
	batch[nr_batches++] = p;
	nr_batches_off += !on;
	nr_batches_waited += in_work && gfpflags_allow_blocking(gfp);
	nr_may_wait += !in_work && gfpflags_allow_blocking(gfp);
	nr_new++;
	return p;
}

void __wrap_kfree(const void *p)
{
	unsigned int i;

	for (i = 0; p && i < nr_batches; i++)
		if (batch[i] == p)
			batch[i] = batch[--nr_batches];
	__real_kfree(p);
}

static long live(struct hak_cache *c)
{
	struct hak_class_stats cs;

	hak_class_stats_read(c, &cs);
	return cs.live + cs.fallback;
}

static void alloc_all(struct hak_cache *c, struct node **n, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		n[i] = hak_cache_alloc(c, GFP_KERNEL);
		assert_non_null(n[i]);
	}
}

/*
 * Without an rcu_head either, the caller waits and frees the object itself. This is
 * first, because a CPU that has had a batch fills it again and needs no memory.
 */
static void test_headless_without_memory(void **state)
{
	struct hak_cache *c = hak_cache_create("rcu_headless", sizeof(struct node), 0, 0,
					       NULL);
	static struct node *n[2 * BATCH];
	unsigned int i;

	assert_non_null(c);
	alloc_all(c, n, ARRAY_SIZE(n));
	shim_fail_kmalloc_after(0);
	for (i = 0; i < ARRAY_SIZE(n); i++)
		hak_free_rcu(n[i]);
	shim_fail_kmalloc_after(-1);
	assert_int_equal(live(c), 0);
	hak_cache_destroy(c);
}

static unsigned long bad_frees(void)
{
	struct hak_stats st;

	hak_stats_read(&st);
	return st.event[HAK_EV_BAD_FREE];
}

/*
 * Objects are chained, and one of them is given once more, as many others as @between later.
 * That is reported, once, and the barrier ends. What was chained before that object is lost.
 */
static void chained_twice(unsigned int between)
{
	struct hak_cache *c = hak_cache_create("rcu_twice", sizeof(struct node), 0, 0, NULL);
	unsigned long before = bad_frees();
	struct node *n[5], *p;
	unsigned int i;

	assert_non_null(c);
	/* Other caches' objects would begin a batch. */
	hak_free_rcu_barrier();
	alloc_all(c, n, ARRAY_SIZE(n));
	shim_fail_kmalloc_after(0);
	for (i = 0; i < 2 + between; i++)
		hak_free_rcu(n[i], rcu);
	/* A pointer of its own, which the compiler does not know. */
	p = n[1];
	asm volatile("" : "+r" (p));
	hak_free_rcu(p, rcu);
	for (; i < ARRAY_SIZE(n); i++)
		hak_free_rcu(n[i], rcu);
	shim_fail_kmalloc_after(-1);
	hak_free_rcu_barrier();
	assert_int_equal(bad_frees(), before + 1);
	assert_int_equal(live(c), 1);
	hak_free(n[0]);
	hak_cache_destroy(c);
}

static void test_chained_twice(void **state)
{
	chained_twice(0);
	chained_twice(1);
	chained_twice(2);
}

/*
 * An object is freed while it is chained. If hakmem knows that, it does not follow the link
 * in the object. What was chained before is lost.
 */
static void test_freed_while_chained(void **state)
{
	struct hak_cache *c = hak_cache_create("rcu_freed", sizeof(struct node), 0,
					       SLAB_CONSISTENCY_CHECKS | SLAB_POISON, NULL);
	unsigned long before = bad_frees();
	struct node *n[3];
	unsigned int i;

	assert_non_null(c);
	hak_free_rcu_barrier();
	/* A thread without an id gets objects of SLUB's. */
	shim_thread_online();
	alloc_all(c, n, ARRAY_SIZE(n));
	assert_non_null(hak_slab_of(n[1]));
	shim_fail_kmalloc_after(0);
	for (i = 0; i < ARRAY_SIZE(n); i++)
		hak_free_rcu(n[i], rcu);
	shim_fail_kmalloc_after(-1);
	hak_free(n[1]);
	hak_free_rcu_barrier();
	assert_int_equal(bad_frees(), before + 1);
	assert_int_equal(live(c), 1);
	hak_free(n[0]);
	hak_cache_destroy(c);
}

/* They are chained, before there was a batch and after one is full, more than once. */
static void test_without_memory(void **state)
{
	struct hak_cache *c = hak_cache_create("rcu_chained", sizeof(struct node), 0, 0,
					       NULL);
	static struct node *n[3 * BATCH];
	unsigned int i, round;

	assert_non_null(c);
	for (round = 0; round < 4; round++) {
		alloc_all(c, n, ARRAY_SIZE(n));
		shim_fail_kmalloc_after(0);
		for (i = 0; i < ARRAY_SIZE(n); i++)
			hak_free_rcu(n[i], rcu);
		shim_fail_kmalloc_after(-1);
		/* One of those that find a batch is in the same barrier. */
		alloc_all(c, n, 1);
		hak_free_rcu(n[0], rcu);
		hak_free_rcu_barrier();
		assert_int_equal(live(c), 0);
	}
	hak_cache_destroy(c);
}

#ifdef HAK_SHIM_DEBUG
/* Free @arg in an interrupt that finds the lock of this thread's CPU taken. */
static void *free_nested(void *arg)
{
	struct node *n = arg;
	raw_spinlock_t *lock;

	shim_thread_online();
	lock = hak_rcu_cpu_lock(smp_processor_id());
	raw_spin_lock(lock);
	shim_set_context(SHIM_HARDIRQ);
	hak_free_rcu(n, rcu);
	shim_set_context(SHIM_TASK);
	raw_spin_unlock(lock);
	return NULL;
}

/*
 * All that a CPU has ever freed under RCU was freed by an interrupt that found the lock
 * taken. No other thread has had the CPU yet, so this comes early.
 */
static void test_only_nested(void **state)
{
	struct hak_cache *c = hak_cache_create("rcu_only_nested", sizeof(struct node), 0, 0,
					       NULL);
	struct node *n;
	unsigned int i;
	pthread_t t;

	assert_non_null(c);
	alloc_all(c, &n, 1);
	assert_int_equal(pthread_create(&t, NULL, free_nested, n), 0);
	pthread_join(t, NULL);
	hak_free_rcu_barrier();
	assert_int_equal(live(c), 0);
	/* Without a barrier the work item frees it, after a second run at the latest. */
	alloc_all(c, &n, 1);
	assert_int_equal(pthread_create(&t, NULL, free_nested, n), 0);
	pthread_join(t, NULL);
	for (i = 0; i < 3; i++) {
		msleep(20);
		shim_run_pending();
	}
	assert_int_equal(live(c), 0);
	hak_cache_destroy(c);
}

/*
 * An interrupt finds the lock taken, and while memory is short others keep coming. The
 * barrier has to free the interrupt's object, which was there before it. Only debug
 * builds can pretend an interrupt. No batch has been had yet, as above.
 */
static void test_nested_before_late(void **state)
{
	struct hak_cache *c = hak_cache_create("rcu_late", sizeof(struct node), 0, 0, NULL);
	struct hak_cache *irq = hak_cache_create("rcu_nested", sizeof(struct node), 0, 0,
						 NULL);
	raw_spinlock_t *lock;
	struct node *n[2];

	assert_non_null(c);
	assert_non_null(irq);
	alloc_all(c, &n[0], 1);
	alloc_all(irq, &n[1], 1);
	alloc_all(c, late, ARRAY_SIZE(late));
	shim_fail_kmalloc_after(0);
	hak_free_rcu(n[0], rcu);
	lock = hak_rcu_cpu_lock(smp_processor_id());
	raw_spin_lock(lock);
	shim_set_context(SHIM_HARDIRQ);
	hak_free_rcu(n[1], rcu);
	shim_set_context(SHIM_TASK);
	raw_spin_unlock(lock);
	nr_late = ARRAY_SIZE(late);
	hak_free_rcu_barrier();
	assert_int_equal(live(irq), 0);
	while (nr_late)
		hak_free_rcu(late[--nr_late], rcu);
	shim_fail_kmalloc_after(-1);
	hak_cache_destroy(irq);
	hak_cache_destroy(c);
}
#endif

#ifdef HAK_SHIM_DEBUG
/* An interrupt that does not get the lock chains an object twice, and another one. */
static void test_nested_twice(void **state)
{
	struct hak_cache *c = hak_cache_create("rcu_twice_irq", sizeof(struct node), 0, 0,
					       NULL);
	unsigned long before = bad_frees();
	raw_spinlock_t *lock;
	struct node *n[3];

	assert_non_null(c);
	alloc_all(c, n, ARRAY_SIZE(n));
	shim_fail_kmalloc_after(0);
	hak_free_rcu(n[0], rcu);
	lock = hak_rcu_cpu_lock(smp_processor_id());
	raw_spin_lock(lock);
	shim_set_context(SHIM_HARDIRQ);
	hak_free_rcu(n[1], rcu);
	hak_free_rcu(n[2], rcu);
	hak_free_rcu(n[1], rcu);
	shim_set_context(SHIM_TASK);
	raw_spin_unlock(lock);
	shim_fail_kmalloc_after(-1);
	hak_free_rcu_barrier();
	assert_int_equal(bad_frees(), before + 1);
	assert_int_equal(live(c), 0);
	hak_cache_destroy(c);
}

/*
 * A chain that ends in an object which is in it twice is not led on to what an interrupt has
 * chained.
 */
static void test_twice_before_nested(void **state)
{
	struct hak_cache *c = hak_cache_create("rcu_twice_both", sizeof(struct node), 0, 0,
					       NULL);
	unsigned long before = bad_frees();
	raw_spinlock_t *lock;
	struct node *n[3];

	assert_non_null(c);
	alloc_all(c, n, ARRAY_SIZE(n));
	shim_fail_kmalloc_after(0);
	hak_free_rcu(n[0], rcu);
	hak_free_rcu(n[1], rcu);
	hak_free_rcu(n[0], rcu);
	lock = hak_rcu_cpu_lock(smp_processor_id());
	raw_spin_lock(lock);
	shim_set_context(SHIM_HARDIRQ);
	hak_free_rcu(n[2], rcu);
	shim_set_context(SHIM_TASK);
	raw_spin_unlock(lock);
	shim_fail_kmalloc_after(-1);
	hak_free_rcu_barrier();
	assert_int_equal(bad_frees(), before + 1);
	assert_int_equal(live(c), 0);
	hak_cache_destroy(c);
}

/* An interrupt's object has to wait until a chain is freed, and the barrier waits for both. */
static void test_nested_behind_a_chain(void **state)
{
	struct hak_cache *c = hak_cache_create("rcu_behind", sizeof(struct node), 0, 0, NULL);
	raw_spinlock_t *lock;
	struct node *n[2];
	long left;

	assert_non_null(c);
	alloc_all(c, n, ARRAY_SIZE(n));
	set(&missed);
	shim_fail_kmalloc_after(0);
	hak_free_rcu(n[0], rcu);
	/* It begins to wait. */
	msleep(20);
	shim_run_pending();
	lock = hak_rcu_cpu_lock(smp_processor_id());
	raw_spin_lock(lock);
	shim_set_context(SHIM_HARDIRQ);
	hak_free_rcu(n[1], rcu);
	shim_set_context(SHIM_TASK);
	raw_spin_unlock(lock);
	shim_fail_kmalloc_after(-1);
	assert_int_equal(live(c), 2);
	hak_free_rcu_barrier();
	left = live(c);
	__atomic_store_n(&missed, false, __ATOMIC_RELEASE);
	assert_int_equal(left, 0);
	hak_cache_destroy(c);
}
#endif

/* The work item runs, once. */
static void let_work_run(void)
{
	msleep(20);
	in_work = true;
	shim_run_pending();
	in_work = false;
}

#ifdef HAK_SHIM_DEBUG
/* Free @nr objects with interrupts off, or else with preemption off. */
static void free_off(struct node **n, unsigned int nr, bool irqs_off)
{
	unsigned long flags;
	unsigned int i;

	preempt_disable();
	local_irq_save(flags);
	if (!irqs_off)
		local_irq_restore(flags);
	for (i = 0; i < nr; i++)
		hak_free_rcu(n[i], rcu);
	if (irqs_off)
		local_irq_restore(flags);
	preempt_enable();
}

/*
 * Callers that may not allocate find no batch and chain their objects. The work item gives
 * them as many batches as that was short, up to a limit, and takes them away when nothing
 * waits any more.
 */
static void spares(bool irqs_off)
{
	struct hak_cache *c = hak_cache_create("rcu_spares", sizeof(struct node), 0, 0, NULL);
	static struct node *n[2 * (SPARES + 10) * BATCH];
	unsigned int half = ARRAY_SIZE(n) / 2;

	assert_non_null(c);
	hak_free_rcu_barrier();
	let_work_run();
	nr_batches_off = 0;
	nr_freed_off = 0;
	/* One batch may be left from before, so two or three are missing. */
	alloc_all(c, n, 6 * BATCH);
	free_off(n, 3 * BATCH, irqs_off);
	let_work_run();
	assert_in_range(nr_batches, 3, 4);
	nr_full = 0;
	free_off(n + 3 * BATCH, 3 * BATCH, irqs_off);
	hak_free_rcu_barrier();
	assert_in_range(nr_full, 2, 4);
	assert_int_equal(live(c), 0);
	/* More are missing than there may be, twice. */
	alloc_all(c, n, ARRAY_SIZE(n));
	free_off(n, half, irqs_off);
	let_work_run();
	free_off(n + half, half, irqs_off);
	let_work_run();
	assert_in_range(nr_batches, SPARES, SPARES + 4);
	assert_int_equal(nr_batches_off, 0);
	assert_int_equal(nr_freed_off, 0);
	/* Memory may be waiting for what the work item frees. */
	assert_int_equal(nr_batches_waited, 0);
	hak_free_rcu_barrier();
	assert_int_equal(live(c), 0);
	let_work_run();
	let_work_run();
	assert_true(nr_batches <= 1);
	hak_cache_destroy(c);
}

static void test_interrupts_off(void **state)
{
	spares(true);
}

static void test_preemption_off(void **state)
{
	spares(false);
}
#endif

/*
 * RCU misses all grace periods that pass. There are a sealed batch, one that is not, chained
 * objects that wait, and others that follow them. The barrier frees all.
 */
static void test_barrier_without_polling(void **state)
{
	struct hak_cache *c = hak_cache_create("rcu_missed", sizeof(struct node), 0, 0, NULL);
	static struct node *n[3 * BATCH];
	unsigned int i;
	long left;

	assert_non_null(c);
	hak_free_rcu_barrier();
	alloc_all(c, n, ARRAY_SIZE(n));
	set(&missed);
	shim_fail_kmalloc_after(0);
	for (i = 0; i < ARRAY_SIZE(n) - 1; i++)
		hak_free_rcu(n[i], rcu);
	/* What is chained begins to wait, and one more is chained. */
	msleep(20);
	shim_run_pending();
	hak_free_rcu(n[i], rcu);
	shim_fail_kmalloc_after(-1);
	assert_int_equal(live(c), ARRAY_SIZE(n));
	hak_free_rcu_barrier();
	left = live(c);
	missed = false;
	assert_int_equal(left, 0);
	hak_cache_destroy(c);
}

/*
 * While the caller allocates a batch, without the lock, interrupts free @nr objects, for
 * which one of them allocates a batch. So the caller finds a batch that is in use, or one
 * that is full.
 */
static void freed_between(unsigned int nr)
{
	struct hak_cache *c = hak_cache_create("rcu_between", sizeof(struct node), 0, 0, NULL);
	static struct node *n[2 * BATCH + 1];
	unsigned int i;

	assert_non_null(c);
	hak_free_rcu_barrier();
	let_work_run();
	let_work_run();
	alloc_all(c, n, BATCH + 1 + nr);
	set(&missed);
	most = 0;
	for (i = 0; i < BATCH; i++)
		hak_free_rcu(n[i], rcu);
	between = n + BATCH + 1;
	nr_between = nr;
	/* A caller with an rcu_head may hold a lock under which nobody may sleep. */
	nr_may_wait = 0;
	hak_free_rcu(n[BATCH], rcu);
	assert_int_equal(nr_may_wait, 0);
	__atomic_store_n(&missed, false, __ATOMIC_RELEASE);
	assert_int_equal(nr_between, 0);
	hak_free_rcu_barrier();
	assert_int_equal(live(c), 0);
	assert_int_equal(most, BATCH);
	let_work_run();
	let_work_run();
	assert_true(nr_batches <= 1);
	hak_cache_destroy(c);
}

static void test_batch_is_not_needed(void **state)
{
	freed_between(1);
}

static void test_full_while_allocating(void **state)
{
	freed_between(BATCH);
}

/*
 * After objects were chained for want of memory, the work item allocates no more batches
 * than that was short, and a caller takes those before it allocates.
 */
static void test_spares_are_taken_first(void **state)
{
	struct hak_cache *c = hak_cache_create("rcu_taken", sizeof(struct node), 0, 0, NULL);
	static struct node *n[3 * BATCH];
	unsigned int i;

	assert_non_null(c);
	hak_free_rcu_barrier();
	let_work_run();
	let_work_run();
	set(&missed);
	alloc_all(c, n, ARRAY_SIZE(n));
	for (i = 0; i < BATCH; i++)
		hak_free_rcu(n[i], rcu);
	shim_fail_kmalloc_after(0);
	for (; i < 2 * BATCH; i++)
		hak_free_rcu(n[i], rcu);
	shim_fail_kmalloc_after(-1);
	nr_new = 0;
	let_work_run();
	assert_in_range(nr_new, 1, 2);
	nr_new = 0;
	for (; i < 3 * BATCH; i++)
		hak_free_rcu(n[i], rcu);
	assert_int_equal(nr_new, 0);
	__atomic_store_n(&missed, false, __ATOMIC_RELEASE);
	hak_free_rcu_barrier();
	assert_int_equal(live(c), 0);
	let_work_run();
	let_work_run();
	hak_cache_destroy(c);
}

/* This thread has a CPU that has freed under RCU, and has nothing left to free. */
static void *freed_before(void *cache)
{
	struct node *n;

	shim_thread_online();
	n = hak_cache_alloc(cache, GFP_KERNEL);
	hak_free_rcu(n, rcu);
	hak_free_rcu_barrier();
	return NULL;
}

/* The barrier looks at each CPU, and not only at the last. */
static void test_barrier_looks_at_each(void **state)
{
	struct hak_cache *c = hak_cache_create("rcu_each", sizeof(struct node), 0, 0, NULL);
	struct node *n;
	pthread_t t;

	assert_non_null(c);
	assert_int_equal(pthread_create(&t, NULL, freed_before, c), 0);
	pthread_join(t, NULL);
	alloc_all(c, &n, 1);
	hak_free_rcu(n, rcu);
	hak_free_rcu_barrier();
	assert_int_equal(live(c), 0);
	hak_cache_destroy(c);
}

static bool returned;

static void *wait_for_all(void *arg)
{
	hak_free_rcu_barrier();
	if (arg)
		set(&returned);
	return NULL;
}

/* What another has taken to free is waited for, too. */
static void test_barrier_waits_for_others(void **state)
{
	struct hak_cache *c = hak_cache_create("rcu_others", sizeof(struct node), 0, 0,
					       NULL);
	static struct node *n[BATCH / 2];
	pthread_t first, second;
	unsigned int i;

	assert_non_null(c);
	alloc_all(c, n, ARRAY_SIZE(n));
	for (i = 0; i < ARRAY_SIZE(n); i++)
		hak_free_rcu(n[i], rcu);
	set(&hold);
	assert_int_equal(pthread_create(&first, NULL, wait_for_all, NULL), 0);
	while (!is_set(&held))
		usleep(100);
	assert_int_equal(pthread_create(&second, NULL, wait_for_all, &returned), 0);
	/* A barrier that does not wait is through long before. */
	usleep(50000);
	assert_false(is_set(&returned));
	assert_int_equal(live(c), ARRAY_SIZE(n));
	set(&let_go);
	pthread_join(first, NULL);
	pthread_join(second, NULL);
	assert_int_equal(live(c), 0);
	hak_cache_destroy(c);
}

static struct held_up early, later;

static void *run_work_held_up(void *unused)
{
	held_up = &early;
	while (held_up) {
		usleep(1000);
		shim_run_pending();
	}
	return NULL;
}

/* Fills batches until the oldest is freed. */
static void *free_held_up(void *cache)
{
	struct node *n;

	shim_thread_online();
	held_up = &later;
	while (held_up) {
		n = hak_cache_alloc(cache, GFP_KERNEL);
		hak_free_rcu(n, rcu);
	}
	return NULL;
}

static void *wait_as_barrier(void *unused)
{
	in_barrier = true;
	hak_free_rcu_barrier();
	in_barrier = false;
	set(&returned);
	return NULL;
}

/*
 * While a barrier waits for a batch that another has taken, a third one takes a batch that
 * was filled since. The barrier does not wait for that.
 */
static void test_barrier_ignores_later(void **state)
{
	struct hak_cache *c = hak_cache_create("rcu_early", sizeof(struct node), 0, 0, NULL);
	struct hak_cache *d = hak_cache_create("rcu_later", sizeof(struct node), 0, 0, NULL);
	static struct node *n[BATCH / 2];
	pthread_t worker, barrier, third;
	unsigned int i;
	bool done;

	assert_non_null(c);
	assert_non_null(d);
	hak_free_rcu_barrier();
	alloc_all(c, n, ARRAY_SIZE(n));
	for (i = 0; i < ARRAY_SIZE(n); i++)
		hak_free_rcu(n[i], rcu);
	returned = false;
	assert_int_equal(pthread_create(&worker, NULL, run_work_held_up, NULL), 0);
	while (!is_set(&early.held))
		usleep(100);
	assert_int_equal(pthread_create(&barrier, NULL, wait_as_barrier, NULL), 0);
	while (!__atomic_load_n(&nr_waits, __ATOMIC_ACQUIRE) && !is_set(&returned))
		usleep(100);
	assert_int_equal(pthread_create(&third, NULL, free_held_up, d), 0);
	while (!is_set(&later.held))
		usleep(100);
	assert_false(is_set(&returned));
	set(&early.let_go);
	for (i = 0; i < 5000 && !is_set(&returned); i++)
		usleep(1000);
	done = is_set(&returned);
	set(&later.let_go);
	pthread_join(worker, NULL);
	pthread_join(barrier, NULL);
	pthread_join(third, NULL);
	assert_true(done);
	assert_int_equal(live(c), 0);
	/* The next one waits for all. */
	hak_free_rcu_barrier();
	assert_int_equal(live(d), 0);
	hak_cache_destroy(d);
	hak_cache_destroy(c);
}

static bool asked_often(struct hak_cache *c)
{
	return __atomic_load_n(&asked, __ATOMIC_RELAXED) >= 5;
}

static bool slabs_are_gone(struct hak_cache *c)
{
	struct hak_class_stats cs;

	hak_class_stats_read(c, &cs);
	return !cs.slabs;
}

/* Does it come true within ten seconds, in which this thread runs the work items? */
static bool comes_true(bool (*what)(struct hak_cache *c), struct hak_cache *c)
{
	unsigned int ms;

	for (ms = 0; ms < 10000 && !what(c); ms++) {
		usleep(1000);
		shim_run_pending();
	}
	return what(c);
}

/*
 * While the grace period of a slab in limbo lasts, the reaper asks again and again,
 * although no CPU frees anything. Then it releases the slab.
 */
static void test_limbo_of_a_long_grace_period(void **state)
{
	struct hak_cache *c = hak_cache_create("limbo", 4096, 0, SLAB_TYPESAFE_BY_RCU, NULL);
	bool often;
	void *p;

	/* A thread without an id gets objects of SLUB's. */
	shim_thread_online();
	p = hak_cache_alloc(c, GFP_KERNEL);
	assert_non_null(hak_slab_of(p));
	set(&missed);
	asked = 0;
	hak_cache_free(c, p);
	hak_cpu_flush_this(true);
	often = comes_true(asked_often, c);
	__atomic_store_n(&missed, false, __ATOMIC_RELEASE);
	assert_true(often);
	assert_true(comes_true(slabs_are_gone, c));
	hak_cache_destroy(c);
}

static struct hak_cache *other;
static void *others_object;

/* A whole slab of @other comes into limbo. */
static void other_comes(void)
{
	hak_cache_free(other, others_object);
	hak_cpu_flush_this(true);
	hak_reap_all();
}

static struct hak_cache *cache_in_limbo(const char *name, void **p)
{
	struct hak_cache *c = hak_cache_create(name, 4096, 0, SLAB_TYPESAFE_BY_RCU, NULL);

	assert_non_null(c);
	shim_thread_online();
	*p = hak_cache_alloc(c, GFP_KERNEL);
	assert_non_null(hak_slab_of(*p));
	return c;
}

/*
 * While a shrink, or the end of a cache, waits for slabs in limbo, a slab of another cache
 * comes there. That has to stay, since its own grace period has not passed.
 */
static void others_stay(bool destroy)
{
	struct hak_cache *c;
	void *p;

	c = cache_in_limbo("limbo", &p);
	other = cache_in_limbo("limbo_other", &others_object);
	set(&missed);
	hak_cache_free(c, p);
	hak_cpu_flush_this(true);
	hak_reap_all();
	assert_false(slabs_are_gone(c));
	in_grace = other_comes;
	if (destroy) {
		hak_cache_destroy(c);
	} else {
		hak_limbo_drain_all();
		assert_true(slabs_are_gone(c));
	}
	assert_null(in_grace);
	assert_null(hak_slab_of(p));
	assert_false(slabs_are_gone(other));
	__atomic_store_n(&missed, false, __ATOMIC_RELEASE);
	assert_true(comes_true(slabs_are_gone, other));
	hak_cache_destroy(other);
	if (!destroy)
		hak_cache_destroy(c);
}

static void test_shrink_leaves_late_slabs(void **state)
{
	others_stay(false);
}

static void test_destroy_leaves_other_slabs(void **state)
{
	others_stay(true);
}

/* A caller that needs memory does not wait until the reaper looks into limbo. */
static void test_reap_all_looks_into_limbo(void **state)
{
	struct hak_cache *c;
	void *p;

	c = cache_in_limbo("limbo", &p);
	set(&missed);
	hak_cache_free(c, p);
	hak_cpu_flush_this(true);
	hak_reap_all();
	assert_false(slabs_are_gone(c));
	__atomic_store_n(&missed, false, __ATOMIC_RELEASE);
	hak_reap_all();
	assert_true(slabs_are_gone(c));
	hak_cache_destroy(c);
}

/* The other object's slab becomes whole, and the reaper runs. And a CPU comes and goes. */
static void used_meanwhile(void)
{
	enum { CPU = SHIM_TEMPLATE };

	hak_cache_free(other, others_object);
	mutex_lock(&hak_cache_mutex);
	hak_pool_take_queue();
	hak_pool_reap_taken(1000, NULL);
	mutex_unlock(&hak_cache_mutex);
	hak_cpu_online(CPU);
	assert_true(hak_cpu_inside(per_cpu_ptr(other->cpu, CPU)));
	hak_cpu_dead(CPU);
}

/*
 * A cache with a live object is not destroyed. Until that is found out it is not listed, so
 * a CPU that comes does not open it, and the reaper drops its slabs from the queue. So
 * whole ones are looked for in the end.
 */
static void test_refused_destroy(void **state)
{
	struct hak_class_stats cs;
	struct hak_slab *s;
	void *p[2];

	other = hak_cache_create("refused", 4096, 0, SLAB_TYPESAFE_BY_RCU, NULL);
	assert_non_null(other);
	hak_superslab_grow(0, GFP_KERNEL);
	for (unsigned int i = 0; i < 2; i++) {
		s = hak_superslab_claim(other, 0);
		assert_non_null(s);
		assert_int_equal(hak_slab_take(other, s, &p[i], 1), 1);
		hak_pool_put(s, HAK_OWNED);
	}
	others_object = p[1];
	in_grace = used_meanwhile;
	hak_cache_destroy(other);
	assert_null(in_grace);
	hak_class_stats_read(other, &cs);
	assert_int_equal(cs.live, 1);
	assert_int_equal(cs.slabs, 1);
	hak_cache_free(other, p[0]);
	hak_cache_destroy(other);
}

/* When hakmem goes, no batch is left. This is last. */
static void test_exit(void **state)
{
	struct node *n = hak_alloc(sizeof(*n), GFP_KERNEL);

	assert_non_null(n);
	hak_free_rcu(n, rcu);
	hak_free_rcu_barrier();
	assert_true(nr_batches);
	hak_core_exit();
	assert_int_equal(nr_batches, 0);
	assert_int_equal(hak_core_init(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headless_without_memory),
#ifdef HAK_SHIM_DEBUG
		cmocka_unit_test(test_only_nested),
		cmocka_unit_test(test_nested_before_late),
		cmocka_unit_test(test_nested_behind_a_chain),
		cmocka_unit_test(test_nested_twice),
		cmocka_unit_test(test_twice_before_nested),
#endif
		cmocka_unit_test(test_chained_twice),
		cmocka_unit_test(test_freed_while_chained),
#ifdef HAK_SHIM_DEBUG
		cmocka_unit_test(test_interrupts_off),
		cmocka_unit_test(test_preemption_off),
#endif
		cmocka_unit_test(test_without_memory),
		cmocka_unit_test(test_barrier_without_polling),
		cmocka_unit_test(test_barrier_waits_for_others),
		cmocka_unit_test(test_batch_is_not_needed),
		cmocka_unit_test(test_full_while_allocating),
		cmocka_unit_test(test_spares_are_taken_first),
		cmocka_unit_test(test_barrier_looks_at_each),
		cmocka_unit_test(test_barrier_ignores_later),
		cmocka_unit_test(test_limbo_of_a_long_grace_period),
		cmocka_unit_test(test_shrink_leaves_late_slabs),
		cmocka_unit_test(test_destroy_leaves_other_slabs),
		cmocka_unit_test(test_reap_all_looks_into_limbo),
		cmocka_unit_test(test_refused_destroy),
		cmocka_unit_test(test_exit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
