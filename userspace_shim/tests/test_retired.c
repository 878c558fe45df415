// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks that readers may still look at after they were freed.
 */
#include "test.h"

#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "core.h"
#include "reader.h"
#include "shim.h"

struct thing {
	struct rcu_head rcu;
	char pad[200];
	int value;
};

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

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kfree_rcu),
		cmocka_unit_test(test_kfree_rcu_fits),
		cmocka_unit_test(test_kfree_rcu_aligned),
		cmocka_unit_test(test_kfree_rcu_for_ever),
		cmocka_unit_test(test_kfree_rcu_and_krealloc),
		cmocka_unit_test(test_kfree_rcu_and_readers),
		cmocka_unit_test(test_type_safe_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
