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

/* How many full batches have been freed. */
static unsigned int nr_full;

void __wrap_hak_free_bulk(unsigned int n, void **p)
{
	if (n == BATCH)
		nr_full++;
	if (__atomic_exchange_n(&hold, false, __ATOMIC_ACQUIRE)) {
		set(&held);
		while (!is_set(&let_go))
			usleep(100);
	}
	__real_hak_free_bulk(n, p);
}

/* Objects that are given to hak_free_rcu() while a barrier waits. */
static struct node *late[8];
static unsigned int nr_late;

void __wrap_synchronize_rcu(void)
{
	if (nr_late)
		hak_free_rcu(late[--nr_late], rcu);
	__real_synchronize_rcu();
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

/* The batches that are allocated, and how many were with preemption or interrupts off. */
static const void *batch[200];
static unsigned int nr_batches, nr_batches_off;

void *__wrap_kmalloc(size_t size, gfp_t gfp)
{
	bool on = preemptible();
	void *p = __real_kmalloc(size, gfp);

	if (!p || size != BATCH_BYTES)
		return p;
	assert_true(nr_batches < ARRAY_SIZE(batch));
	batch[nr_batches++] = p;
	nr_batches_off += !on;
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
/* The work item runs, once. */
static void let_work_run(void)
{
	msleep(20);
	shim_run_pending();
}

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headless_without_memory),
#ifdef HAK_SHIM_DEBUG
		cmocka_unit_test(test_nested_before_late),
		cmocka_unit_test(test_interrupts_off),
		cmocka_unit_test(test_preemption_off),
#endif
		cmocka_unit_test(test_without_memory),
		cmocka_unit_test(test_barrier_without_polling),
		cmocka_unit_test(test_barrier_waits_for_others),
		cmocka_unit_test(test_limbo_of_a_long_grace_period),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
