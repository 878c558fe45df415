// SPDX-License-Identifier: GPL-2.0
/*
 * hak_free_rcu_barrier() while somebody else is in the middle of freeing, or RCU misses grace
 * periods. The linker wraps the functions that free a batch and a chain, too.
 */
#include "test_rcu.h"

void __real_hak_free_bulk(unsigned int n, void **p);
void __wrap_hak_free_bulk(unsigned int n, void **p);
void __real_hak_rcu_free_chain(struct rcu_head *head);
void __wrap_hak_rcu_free_chain(struct rcu_head *head);

/* A thread that is held up as it frees the next batch or chain, until it is let go. */
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
	__real_hak_free_bulk(n, p);
}

void __wrap_hak_rcu_free_chain(struct rcu_head *head)
{
	if (held_up && head)
		hold_up();
	__real_hak_rcu_free_chain(head);
}

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
	let_work_run();
	hak_free_rcu(n[i], rcu);
	shim_fail_kmalloc_after(-1);
	assert_int_equal(live(c), ARRAY_SIZE(n));
	hak_free_rcu_barrier();
	left = live(c);
	clear(&missed);
	assert_int_equal(left, 0);
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

static void *wait_as_barrier(void *unused)
{
	watched = true;
	hak_free_rcu_barrier();
	set(&returned);
	return NULL;
}

static void *wait_held_up(void *arg)
{
	held_up = arg;
	hak_free_rcu_barrier();
	return NULL;
}

/* What another has taken to free is waited for, too. */
static void test_barrier_waits_for_others(void **state)
{
	struct hak_cache *c = hak_cache_create("rcu_others", sizeof(struct node), 0, 0,
					       NULL);
	static struct node *n[BATCH / 2];
	static struct held_up taken;
	pthread_t first, second;
	unsigned int i;

	assert_non_null(c);
	alloc_all(c, n, ARRAY_SIZE(n));
	for (i = 0; i < ARRAY_SIZE(n); i++)
		hak_free_rcu(n[i], rcu);
	clear(&returned);
	assert_int_equal(pthread_create(&first, NULL, wait_held_up, &taken), 0);
	while (!is_set(&taken.held))
		usleep(100);
	assert_int_equal(pthread_create(&second, NULL, wait_as_barrier, NULL), 0);
	/* A barrier that does not wait is through long before. */
	usleep(50000);
	assert_false(is_set(&returned));
	assert_int_equal(live(c), ARRAY_SIZE(n));
	set(&taken.let_go);
	pthread_join(first, NULL);
	pthread_join(second, NULL);
	assert_int_equal(live(c), 0);
	hak_cache_destroy(c);
}

static void *run_work_held_up(void *arg)
{
	held_up = arg;
	while (held_up) {
		usleep(1000);
		shim_run_pending();
	}
	return NULL;
}

static struct held_up later;

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

/* Start a barrier, and wait until it waits for others or has returned. Does it wait? */
static bool barrier_waits(pthread_t *t)
{
	clear(&returned);
	__atomic_store_n(&nr_sleeps, 0, __ATOMIC_RELEASE);
	assert_int_equal(pthread_create(t, NULL, wait_as_barrier, NULL), 0);
	while (!__atomic_load_n(&nr_sleeps, __ATOMIC_ACQUIRE) && !is_set(&returned))
		usleep(100);
	return !is_set(&returned);
}

/*
 * The work item is held up as it frees what this thread has chained or, if @nested, an
 * interrupt. A barrier waits for that. No batch has been had yet, so this is first.
 */
static void chain_held_up(bool nested)
{
	struct hak_cache *c = hak_cache_create("rcu_held_up", sizeof(struct node), 0, 0, NULL);
	struct held_up chain = { };
	pthread_t worker, barrier;
	struct node *n;
	bool waits;

	assert_non_null(c);
	alloc_all(c, &n, 1);
	shim_fail_kmalloc_after(0);
#ifdef HAK_SHIM_DEBUG
	if (nested)
		free_in_irq(&n, 1);
#endif
	if (!nested)
		hak_free_rcu(n, rcu);
	shim_fail_kmalloc_after(-1);
	assert_int_equal(pthread_create(&worker, NULL, run_work_held_up, &chain), 0);
	while (!is_set(&chain.held))
		usleep(100);
	waits = barrier_waits(&barrier);
	set(&chain.let_go);
	pthread_join(worker, NULL);
	pthread_join(barrier, NULL);
	assert_true(waits);
	assert_int_equal(live(c), 0);
	hak_cache_destroy(c);
}

static void test_barrier_waits_for_a_chain(void **state)
{
	chain_held_up(false);
}

#ifdef HAK_SHIM_DEBUG
static void test_barrier_waits_for_a_nested_chain(void **state)
{
	chain_held_up(true);
}
#endif

/* An object comes while a barrier waits for its grace period. Has it begun to wait, too? */
struct latecomer {
	struct hak_cache *c;
	bool chained;
	bool waits;
};

static struct latecomer *latecomer;

static void *free_latecomer(void *unused)
{
	struct hak_rcu_cpu *rc;
	struct node *n;

	shim_thread_online();
	rc = per_cpu_ptr(hak_rcu_cpu, smp_processor_id());
	n = hak_cache_alloc(latecomer->c, GFP_KERNEL);
	if (latecomer->chained)
		shim_fail_kmalloc_after(0);
	hak_free_rcu(n, rcu);
	let_work_run();
	shim_fail_kmalloc_after(-1);
	latecomer->waits = latecomer->chained ? !!rc->old_heads : !!rc->first;
	return NULL;
}

static void latecomer_comes(void)
{
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, free_latecomer, NULL), 0);
	pthread_join(t, NULL);
}

/*
 * A barrier waits for one grace period. So it does not free what has begun to wait after that
 * period did.
 */
static void barrier_leaves_latecomer(bool chained)
{
	struct hak_cache *c = hak_cache_create("rcu_before", sizeof(struct node), 0, 0, NULL);
	struct hak_cache *d = hak_cache_create("rcu_after", sizeof(struct node), 0, 0, NULL);
	struct latecomer late = { .c = d, .chained = chained };
	struct node *n;
	long left;

	assert_non_null(c);
	assert_non_null(d);
	hak_free_rcu_barrier();
	alloc_all(c, &n, 1);
	set(&missed);
	hak_free_rcu(n, rcu);
	latecomer = &late;
	in_grace = latecomer_comes;
	hak_free_rcu_barrier();
	left = live(d);
	clear(&missed);
	assert_null(in_grace);
	assert_true(late.waits);
	assert_int_equal(live(c), 0);
	assert_int_equal(left, 1);
	hak_free_rcu_barrier();
	assert_int_equal(live(d), 0);
	hak_cache_destroy(d);
	hak_cache_destroy(c);
}

static void test_barrier_leaves_late_chain(void **state)
{
	barrier_leaves_latecomer(true);
}

static void test_barrier_leaves_late_batch(void **state)
{
	barrier_leaves_latecomer(false);
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
	static struct held_up early;
	pthread_t worker, barrier, third;
	bool waits, done;
	unsigned int i;

	assert_non_null(c);
	assert_non_null(d);
	hak_free_rcu_barrier();
	alloc_all(c, n, ARRAY_SIZE(n));
	for (i = 0; i < ARRAY_SIZE(n); i++)
		hak_free_rcu(n[i], rcu);
	assert_int_equal(pthread_create(&worker, NULL, run_work_held_up, &early), 0);
	while (!is_set(&early.held))
		usleep(100);
	waits = barrier_waits(&barrier);
	assert_int_equal(pthread_create(&third, NULL, free_held_up, d), 0);
	while (!is_set(&later.held))
		usleep(100);
	waits = waits && !is_set(&returned);
	set(&early.let_go);
	for (i = 0; i < 5000 && !is_set(&returned); i++)
		usleep(1000);
	done = is_set(&returned);
	set(&later.let_go);
	pthread_join(worker, NULL);
	pthread_join(barrier, NULL);
	pthread_join(third, NULL);
	assert_true(waits);
	assert_true(done);
	assert_int_equal(live(c), 0);
	/* The next one waits for all. */
	hak_free_rcu_barrier();
	assert_int_equal(live(d), 0);
	hak_cache_destroy(d);
	hak_cache_destroy(c);
}

/*
 * A barrier is held up as it frees a batch. Meanwhile the work item frees the next one, which
 * the CPU gets to fill, and finds that nothing is left to do. So the barrier's batch does not
 * become a spare, which nobody would free.
 */
static void test_barrier_leaves_no_spare(void **state)
{
	struct hak_cache *c = hak_cache_create("rcu_no_spare", sizeof(struct node), 0, 0, NULL);
	struct hak_rcu_cpu *rc = per_cpu_ptr(hak_rcu_cpu, smp_processor_id());
	static struct node *n[BATCH + 1];
	struct held_up first = { };
	unsigned int i, spares;
	pthread_t barrier;
	bool got, armed;

	assert_non_null(c);
	hak_free_rcu_barrier();
	let_work_run();
	let_work_run();
	assert_false(rc->armed);
	alloc_all(c, n, ARRAY_SIZE(n));
	set(&missed);
	for (i = 0; i < ARRAY_SIZE(n); i++)
		hak_free_rcu(n[i], rcu);
	assert_int_equal(pthread_create(&barrier, NULL, wait_held_up, &first), 0);
	while (!is_set(&first.held))
		usleep(100);
	clear(&missed);
	for (i = 0; i < 100 && rc->armed; i++)
		let_work_run();
	armed = rc->armed;
	got = rc->cur;
	set(&first.let_go);
	pthread_join(barrier, NULL);
	spares = rc->nr_spare;
	assert_false(armed);
	assert_true(got);
	assert_int_equal(spares, 0);
	assert_int_equal(live(c), 0);
	hak_cache_destroy(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_barrier_waits_for_a_chain),
#ifdef HAK_SHIM_DEBUG
		cmocka_unit_test(test_barrier_waits_for_a_nested_chain),
#endif
		cmocka_unit_test(test_barrier_leaves_late_chain),
		cmocka_unit_test(test_barrier_leaves_late_batch),
		cmocka_unit_test(test_barrier_without_polling),
		cmocka_unit_test(test_barrier_waits_for_others),
		cmocka_unit_test(test_barrier_looks_at_each),
		cmocka_unit_test(test_barrier_ignores_later),
		cmocka_unit_test(test_barrier_leaves_no_spare),
	};

	/* A thread without an id gets objects of SLUB's. */
	shim_thread_online();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
