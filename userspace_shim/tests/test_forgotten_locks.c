// SPDX-License-Identifier: GPL-2.0
/*
 * Which locks fork() takes, and how they are found in memory that is freed.
 */
#include "test.h"

#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "core.h"
#include "shim.h"

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

/* Likewise locks in per-CPU memory. */
static void test_locks_of_cpus(void **state)
{
	raw_spinlock_t *p = alloc_percpu(raw_spinlock_t), *lock;

	assert_non_null(p);
	lock = raw_cpu_ptr(p);
	raw_spin_lock_init(lock);
	assert_true(is_taken_by_fork(lock));
	free_percpu(p);
	/* It stays the memory of per-CPU data, as which this program may read it. */
	assert_false(is_taken_by_fork(lock));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_retired),
		cmocka_unit_test(test_many_locks),
		cmocka_unit_test(test_krealloc_of_a_lock),
		cmocka_unit_test(test_locks_in_objects),
		cmocka_unit_test(test_locks_in_pages),
		cmocka_unit_test(test_locks_of_cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
