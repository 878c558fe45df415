// SPDX-License-Identifier: GPL-2.0
/*
 * The batches of hak_free_rcu(): where they are allocated and with which flags, the spares
 * of callers that may not allocate, and that none is lost. The linker wraps the function
 * that frees a batch, too, and kmalloc().
 */
#include "test_rcu.h"

#define BATCH_BYTES	1024
#define SPARES		64

void __real_hak_free_bulk(unsigned int n, void **p);
void __wrap_hak_free_bulk(unsigned int n, void **p);
void *__real_kmalloc(size_t size, gfp_t gfp);
void *__wrap_kmalloc(size_t size, gfp_t gfp);
void __real_kfree(const void *p);
void __wrap_kfree(const void *p);

/* How many full batches have been freed, and the most objects of any. */
static unsigned int nr_full, most;

/* How many were freed with preemption or interrupts off. */
static unsigned int nr_freed_off;

void __wrap_hak_free_bulk(unsigned int n, void **p)
{
	if (n == BATCH)
		nr_full++;
	most = max(most, n);
	/* To the shim a mutex that is held counts as a lock, so preemptible() would not do. */
	nr_freed_off += preempt_count() || irqs_disabled();
	__real_hak_free_bulk(n, p);
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

static void run_work(void)
{
	in_work = true;
	let_work_run();
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
	run_work();
	nr_batches_off = 0;
	nr_freed_off = 0;
	/* One batch may be left from before, so two or three are missing. */
	alloc_all(c, n, 6 * BATCH);
	free_off(n, 3 * BATCH, irqs_off);
	run_work();
	assert_in_range(nr_batches, 3, 4);
	nr_full = 0;
	free_off(n + 3 * BATCH, 3 * BATCH, irqs_off);
	hak_free_rcu_barrier();
	assert_in_range(nr_full, 2, 4);
	assert_int_equal(live(c), 0);
	/* More are missing than there may be, twice. */
	alloc_all(c, n, ARRAY_SIZE(n));
	free_off(n, half, irqs_off);
	run_work();
	free_off(n + half, half, irqs_off);
	run_work();
	assert_in_range(nr_batches, SPARES, SPARES + 4);
	assert_int_equal(nr_batches_off, 0);
	assert_int_equal(nr_freed_off, 0);
	/* Memory may be waiting for what the work item frees. */
	assert_int_equal(nr_batches_waited, 0);
	hak_free_rcu_barrier();
	assert_int_equal(live(c), 0);
	run_work();
	run_work();
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
	run_work();
	run_work();
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
	clear(&missed);
	assert_int_equal(nr_between, 0);
	hak_free_rcu_barrier();
	assert_int_equal(live(c), 0);
	assert_int_equal(most, BATCH);
	run_work();
	run_work();
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
	run_work();
	run_work();
	set(&missed);
	alloc_all(c, n, ARRAY_SIZE(n));
	for (i = 0; i < BATCH; i++)
		hak_free_rcu(n[i], rcu);
	shim_fail_kmalloc_after(0);
	for (; i < 2 * BATCH; i++)
		hak_free_rcu(n[i], rcu);
	shim_fail_kmalloc_after(-1);
	nr_new = 0;
	run_work();
	assert_in_range(nr_new, 1, 2);
	nr_new = 0;
	for (; i < 3 * BATCH; i++)
		hak_free_rcu(n[i], rcu);
	assert_int_equal(nr_new, 0);
	clear(&missed);
	hak_free_rcu_barrier();
	assert_int_equal(live(c), 0);
	run_work();
	run_work();
	hak_cache_destroy(c);
}

/*
 * On an idle machine nobody else starts a grace period. So the work item does, for what begins
 * to wait, and a caller does for the batch that it seals.
 */
static void test_grace_periods_are_started(void **state)
{
	struct hak_cache *c = hak_cache_create("rcu_started", sizeof(struct node), 0, 0, NULL);
	static struct node *n[BATCH + 2];
	unsigned int i;

	assert_non_null(c);
	hak_free_rcu_barrier();
	run_work();
	run_work();
	alloc_all(c, n, ARRAY_SIZE(n));
	hak_free_rcu(n[0], rcu);
	nr_started = 0;
	run_work();
	assert_int_equal(nr_started, 1);
	for (i = 1; i <= BATCH; i++)
		hak_free_rcu(n[i], rcu);
	nr_started = 0;
	hak_free_rcu(n[i], rcu);
	assert_int_equal(nr_started, 1);
	hak_free_rcu_barrier();
	assert_int_equal(live(c), 0);
	hak_cache_destroy(c);
}

/* A caller that only chains its object lets nothing begin to wait, and starts no grace period. */
static void test_chaining_starts_none(void **state)
{
	struct hak_cache *c = hak_cache_create("rcu_chaining", sizeof(struct node), 0, 0, NULL);
	static struct node *n[BATCH + 100];
	unsigned int i;

	assert_non_null(c);
	hak_free_rcu_barrier();
	run_work();
	run_work();
	alloc_all(c, n, ARRAY_SIZE(n));
	set(&missed);
	shim_fail_kmalloc_after(0);
	/* If there is a batch, the last of these finds it full. */
	for (i = 0; i <= BATCH; i++)
		hak_free_rcu(n[i], rcu);
	nr_started = 0;
	for (; i < ARRAY_SIZE(n); i++)
		hak_free_rcu(n[i], rcu);
	shim_fail_kmalloc_after(-1);
	clear(&missed);
	assert_int_equal(nr_started, 0);
	hak_free_rcu_barrier();
	assert_int_equal(live(c), 0);
	hak_cache_destroy(c);
}

/*
 * When hakmem goes, no batch is left, although there are spares and the work item is to come.
 * This is last.
 */
static void test_exit(void **state)
{
	static struct node *n[3 * BATCH];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(n); i++) {
		n[i] = hak_alloc(sizeof(*n[i]), GFP_KERNEL);
		assert_non_null(n[i]);
	}
	set(&missed);
	shim_fail_kmalloc_after(0);
	for (i = 0; i < ARRAY_SIZE(n); i++)
		hak_free_rcu(n[i], rcu);
	shim_fail_kmalloc_after(-1);
	run_work();
	clear(&missed);
	hak_free_rcu_barrier();
	assert_true(nr_batches >= 2);
	hak_core_exit();
	assert_int_equal(nr_batches, 0);
	assert_int_equal(hak_core_init(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef HAK_SHIM_DEBUG
		cmocka_unit_test(test_interrupts_off),
		cmocka_unit_test(test_preemption_off),
#endif
		cmocka_unit_test(test_batch_is_not_needed),
		cmocka_unit_test(test_full_while_allocating),
		cmocka_unit_test(test_spares_are_taken_first),
		cmocka_unit_test(test_grace_periods_are_started),
		cmocka_unit_test(test_chaining_starts_none),
		cmocka_unit_test(test_exit),
	};

	/* A thread without an id gets objects of SLUB's. */
	shim_thread_online();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
