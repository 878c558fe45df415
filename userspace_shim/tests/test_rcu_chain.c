// SPDX-License-Identifier: GPL-2.0
/*
 * What hak_free_rcu() chains, because there is no memory for a batch, or because the caller
 * is an interrupt that does not get the lock; and objects that are chained twice, or freed
 * while they are chained.
 */
#include "test_rcu.h"

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
 * Of three objects the one with the number @which is freed while it is chained. If hakmem
 * knows that, it does not follow the link in the object. What was chained before is lost.
 */
static void freed_while_chained(unsigned int which)
{
	struct hak_cache *c = hak_cache_create("rcu_freed", sizeof(struct node), 0,
					       SLAB_CONSISTENCY_CHECKS | SLAB_POISON, NULL);
	unsigned long before = bad_frees();
	struct node *n[3];
	unsigned int i;

	assert_non_null(c);
	hak_free_rcu_barrier();
	alloc_all(c, n, ARRAY_SIZE(n));
	assert_non_null(hak_slab_of(n[which]));
	shim_fail_kmalloc_after(0);
	for (i = 0; i < ARRAY_SIZE(n); i++)
		hak_free_rcu(n[i], rcu);
	shim_fail_kmalloc_after(-1);
	hak_free(n[which]);
	hak_free_rcu_barrier();
	assert_int_equal(bad_frees(), before + 1);
	assert_int_equal(live(c), which);
	while (which)
		hak_free(n[--which]);
	hak_cache_destroy(c);
}

static void test_freed_while_chained(void **state)
{
	/* A thread without an id gets objects of SLUB's. */
	shim_thread_online();
	freed_while_chained(0);
	freed_while_chained(1);
	/* The chain begins with the newest. */
	freed_while_chained(2);
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
static void *free_nested(void *n)
{
	shim_thread_online();
	free_in_irq(n, 1);
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
	assert_int_equal(pthread_create(&t, NULL, free_nested, &n), 0);
	pthread_join(t, NULL);
	hak_free_rcu_barrier();
	assert_int_equal(live(c), 0);
	/* Without a barrier the work item frees it, after a second run at the latest. */
	alloc_all(c, &n, 1);
	assert_int_equal(pthread_create(&t, NULL, free_nested, &n), 0);
	pthread_join(t, NULL);
	for (i = 0; i < 3; i++)
		let_work_run();
	assert_int_equal(live(c), 0);
	hak_cache_destroy(c);
}

/* Objects that are given to hak_free_rcu() one by one, while a barrier waits. */
static struct node *late[8];
static unsigned int nr_late;

static void free_late(void)
{
	hak_free_rcu(late[--nr_late], rcu);
	if (nr_late)
		in_grace = free_late;
}

/*
 * An interrupt finds the lock taken, and while memory is short others keep coming. The
 * barrier has to free the interrupt's object, which was there before it. No batch has been
 * had yet, as above.
 */
static void test_nested_before_late(void **state)
{
	struct hak_cache *c = hak_cache_create("rcu_late", sizeof(struct node), 0, 0, NULL);
	struct hak_cache *irq = hak_cache_create("rcu_nested", sizeof(struct node), 0, 0,
						 NULL);
	struct node *n[2];

	assert_non_null(c);
	assert_non_null(irq);
	alloc_all(c, &n[0], 1);
	alloc_all(irq, &n[1], 1);
	alloc_all(c, late, ARRAY_SIZE(late));
	shim_fail_kmalloc_after(0);
	hak_free_rcu(n[0], rcu);
	free_in_irq(&n[1], 1);
	nr_late = ARRAY_SIZE(late);
	in_grace = free_late;
	hak_free_rcu_barrier();
	in_grace = NULL;
	assert_int_equal(live(irq), 0);
	while (nr_late)
		hak_free_rcu(late[--nr_late], rcu);
	shim_fail_kmalloc_after(-1);
	hak_cache_destroy(irq);
	hak_cache_destroy(c);
}

/* An interrupt that does not get the lock chains an object twice, and another one. */
static void test_nested_twice(void **state)
{
	struct hak_cache *c = hak_cache_create("rcu_twice_irq", sizeof(struct node), 0, 0,
					       NULL);
	unsigned long before = bad_frees();
	struct node *n[4];

	assert_non_null(c);
	alloc_all(c, n, 3);
	shim_fail_kmalloc_after(0);
	hak_free_rcu(n[0], rcu);
	n[3] = n[1];
	free_in_irq(&n[1], 3);
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
	struct node *n[3];

	assert_non_null(c);
	alloc_all(c, n, ARRAY_SIZE(n));
	shim_fail_kmalloc_after(0);
	hak_free_rcu(n[0], rcu);
	hak_free_rcu(n[1], rcu);
	hak_free_rcu(n[0], rcu);
	free_in_irq(&n[2], 1);
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
	struct node *n[2];
	long left;

	assert_non_null(c);
	alloc_all(c, n, ARRAY_SIZE(n));
	set(&missed);
	shim_fail_kmalloc_after(0);
	hak_free_rcu(n[0], rcu);
	/* It begins to wait. */
	let_work_run();
	free_in_irq(&n[1], 1);
	shim_fail_kmalloc_after(-1);
	assert_int_equal(live(c), 2);
	hak_free_rcu_barrier();
	left = live(c);
	clear(&missed);
	assert_int_equal(left, 0);
	hak_cache_destroy(c);
}
#endif

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
		cmocka_unit_test(test_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
