// SPDX-License-Identifier: GPL-2.0
/*
 * The end of caches, also of those whose destruction is refused; and limbo, where whole slabs
 * of SLAB_TYPESAFE_BY_RCU caches wait for a grace period.
 */
#include "test_rcu.h"

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

	p = hak_cache_alloc(c, GFP_KERNEL);
	assert_non_null(hak_slab_of(p));
	set(&missed);
	asked = 0;
	hak_cache_free(c, p);
	hak_cpu_flush_this(true);
	often = comes_true(asked_often, c);
	clear(&missed);
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

/* A cache whose slabs go to limbo, and a live object of it. */
static struct hak_cache *cache_with_object(const char *name, void **p)
{
	struct hak_cache *c = hak_cache_create(name, 4096, 0, SLAB_TYPESAFE_BY_RCU, NULL);

	assert_non_null(c);
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

	c = cache_with_object("limbo", &p);
	other = cache_with_object("limbo_other", &others_object);
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
	clear(&missed);
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

/* The slab may be all that waits for a grace period, so it starts one. */
static void test_limbo_starts_a_grace_period(void **state)
{
	struct hak_cache *c;
	void *p;

	c = cache_with_object("limbo", &p);
	nr_started = 0;
	hak_cache_free(c, p);
	hak_cpu_flush_this(true);
	hak_reap_all();
	assert_int_equal(nr_started, 1);
	hak_cache_destroy(c);
}

/* A caller that needs memory does not wait until the reaper looks into limbo. */
static void test_reap_all_looks_into_limbo(void **state)
{
	struct hak_cache *c;
	void *p;

	c = cache_with_object("limbo", &p);
	set(&missed);
	hak_cache_free(c, p);
	hak_cpu_flush_this(true);
	hak_reap_all();
	assert_false(slabs_are_gone(c));
	clear(&missed);
	hak_reap_all();
	assert_true(slabs_are_gone(c));
	hak_cache_destroy(c);
}

/*
 * A shrink does not wait for a grace period if limbo is empty, nor does the end of a cache
 * whose slabs never go there.
 */
static void test_empty_limbo_is_not_waited_for(void **state)
{
	struct hak_cache *c = hak_cache_create("plain", 4096, 0, 0, NULL);

	assert_non_null(c);
	hak_limbo_drain_all();
	nr_waits = 0;
	hak_limbo_drain_all();
	assert_int_equal(nr_waits, 0);
	/* It waits for wrong frees that may have found the cache. */
	hak_cache_destroy(c);
	assert_int_equal(nr_waits, 1);
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
	/* The whole slab is in limbo, and not in the pool any more. */
	hak_limbo_drain_all();
	hak_class_stats_read(other, &cs);
	assert_int_equal(cs.live, 1);
	assert_int_equal(cs.slabs, 1);
	/* No thread has these as its CPU alone, so they stay closed. */
	assert_true(hak_cpu_is_closed(per_cpu_ptr(other->cpu, SHIM_TEMPLATE)));
	assert_true(hak_cpu_is_closed(per_cpu_ptr(other->cpu, SHIM_NOBODY)));
	hak_cache_free(other, p[0]);
	hak_cache_destroy(other);
}

/* The cache that a fast path of this thread tries to enter, and will find closed. */
static struct hak_cpu_cache *tried;

static void end_try(void)
{
	WRITE_ONCE(tried->mark, tried->mark + 1);
	tried = NULL;
}

/* The next sleep lets the fast path go on. */
static void begin_try(void)
{
	tried = per_cpu_ptr(other->cpu, smp_processor_id());
	WRITE_ONCE(tried->mark, tried->mark - 1);
	in_sleep = end_try;
}

/*
 * On x86 a fast path takes one off the mark before it looks whether it may go in. If it was
 * interrupted in between, the cache cannot be opened before the fast path has gone on.
 */
static void test_refused_while_trying(void **state)
{
	struct hak_cpu_cache *cc;
	bool asleep;
	void *p;

	other = cache_with_object("tried", &p);
	cc = per_cpu_ptr(other->cpu, smp_processor_id());
	in_grace = begin_try;
	nr_sleeps = 0;
	watched = true;
	hak_cache_destroy(other);
	watched = false;
	in_sleep = NULL;
	if (tried)
		end_try();
	asleep = hak_cpu_is_asleep(cc);
	assert_null(in_grace);
	assert_true(asleep);
	assert_int_equal(nr_sleeps, 1);
	hak_cache_free(other, p);
	hak_cache_destroy(other);
}

static bool used, refused;

/* Returns whether hakmem serves this thread after the destruction was refused. */
static void *use_before_and_after(void *unused)
{
	void *before, *after;
	bool served;

	shim_thread_online();
	before = hak_cache_alloc(other, GFP_KERNEL);
	set(&used);
	while (!is_set(&refused))
		usleep(100);
	after = hak_cache_alloc(other, GFP_KERNEL);
	served = hak_slab_of(before) && hak_slab_of(after);
	hak_cache_free(other, before);
	hak_cache_free(other, after);
	return (void *)(uintptr_t)served;
}

/* The caches of threads other than the caller are closed, and have to be opened again. */
static void test_refused_serves_other_threads(void **state)
{
	void *served;
	pthread_t t;

	other = hak_cache_create("used", 64, 0, 0, NULL);
	assert_non_null(other);
	assert_int_equal(pthread_create(&t, NULL, use_before_and_after, NULL), 0);
	while (!is_set(&used))
		usleep(100);
	hak_cache_destroy(other);
	set(&refused);
	pthread_join(t, &served);
	assert_non_null(served);
	hak_cache_destroy(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limbo_of_a_long_grace_period),
		cmocka_unit_test(test_shrink_leaves_late_slabs),
		cmocka_unit_test(test_destroy_leaves_other_slabs),
		cmocka_unit_test(test_limbo_starts_a_grace_period),
		cmocka_unit_test(test_reap_all_looks_into_limbo),
		cmocka_unit_test(test_empty_limbo_is_not_waited_for),
		cmocka_unit_test(test_refused_destroy),
		cmocka_unit_test(test_refused_while_trying),
		cmocka_unit_test(test_refused_serves_other_threads),
	};

	/* A thread without an id gets objects of SLUB's. */
	shim_thread_online();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
