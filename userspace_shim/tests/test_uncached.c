// SPDX-License-Identifier: GPL-2.0
/*
 * malloc() and free() while the caches are off: their short ways to the slab that the thread
 * owns. The program runs itself again with the setting, which counts from the first malloc() on.
 */
#include "test.h"

#include <linux/kernel.h>
#include <linux/percpu.h>

#include "core.h"
#include "shim.h"

#define SIZE	208	/* of a class that nothing else in this program uses */
#define FULL	(HAK_SLAB_SIZE / SIZE)

static const char *const cache_off = "HAKMEM_TINY_FAST_CAP";

static struct hak_cpu_cache *cc;

static u64 bad_frees(void)
{
	struct hak_stats st;

	hak_stats_read(&st);
	return st.event[HAK_EV_BAD_FREE];
}

static struct llist_node *link_of(void *p)
{
	return hak_to_link(cc->cache, p);
}

static void test_last_in_first_out(void **state)
{
	unsigned long refills = cc->refills;
	void *p = opaque(malloc(SIZE)), *q = opaque(malloc(SIZE));
	struct hak_slab *s = cc->cur;
	u32 taken = s->taken;

	assert_ptr_equal(hak_slab_of(p), s);
	free(p);
	free(q);
	assert_ptr_equal(s->freelist, link_of(q));
	assert_ptr_equal(s->freelist->next, link_of(p));
	assert_int_equal(s->taken, taken - 2);
	assert_ptr_equal(opaque(malloc(SIZE)), q);
	assert_ptr_equal(opaque(malloc(SIZE)), p);
	assert_int_equal(s->taken, taken);
	/* Each counts, or the idle trim would take the slab away from a thread that works. */
	assert_int_equal(cc->refills - refills, 4);
	assert_int_equal(cc->nr, 0);
	free(p);
	free(q);
}

static void test_double_free(void **state)
{
	void *p = opaque(malloc(SIZE)), *q;
	u64 before = bad_frees();

	free(p);
	free(opaque(p));
	assert_int_equal(bad_frees(), before + 1);
	q = opaque(malloc(SIZE));
	assert_ptr_equal(q, p);
	p = opaque(malloc(SIZE));
	assert_ptr_not_equal(q, p);
	free(p);
	free(q);
	assert_int_equal(bad_frees(), before + 1);
}

/* The owner is inside its cache, or a mode is on. The slab's freelist is left alone. */
static void test_not_ready(void **state)
{
	static const u8 marks[] = { HAK_CPU_INSIDE, HAK_CPU_SLOW_ONLY };
	void *p = opaque(malloc(SIZE)), *q = opaque(malloc(SIZE)), *r;
	struct hak_slab *s = cc->cur;

	assert_ptr_equal(hak_slab_of(p), s);
	assert_ptr_equal(hak_slab_of(q), s);
	free(q);
	cc->mark = marks[0];
	free(p);
	assert_ptr_equal(s->freelist, link_of(q));
	assert_ptr_equal(s->remote.first, link_of(p));
	r = opaque(malloc(SIZE));
	assert_non_null(r);
	assert_ptr_equal(s->freelist, link_of(q));
	assert_int_equal(cc->mark, marks[0]);
	free(r);
	/* The slow paths serve it, and set the mark to what the modes say now. */
	cc->mark = marks[1];
	p = opaque(malloc(SIZE));
	assert_ptr_equal(p, q);
	assert_int_equal(cc->mark, HAK_CPU_READY);
	free(p);
}

/* An object of a slab that this thread owned before is pushed there. */
static void test_slab_not_owned(void **state)
{
	static void *p[2 * FULL];
	unsigned long pushes = cc->pushes;
	struct hak_slab *s = NULL;
	int n;

	for (n = 0; n < 2 * FULL && (!s || s == cc->cur); n++) {
		p[n] = opaque(malloc(SIZE));
		s = hak_slab_of(p[0]);
	}
	assert_ptr_not_equal(cc->cur, s);
	free(p[0]);
	assert_int_equal(cc->pushes, pushes + 1);
	assert_ptr_equal(s->remote.first, link_of(p[0]));
	assert_null(s->freelist);
	while (--n)
		free(p[n]);
}

/*
 * An object is freed twice, and the second time its slot has a slab of another cache. Then
 * nothing is done here, and hak_free_slow() reports it.
 */
static void test_slab_of_another_cache(void **state)
{
	void *p = opaque(malloc(SIZE)), *q = opaque(malloc(2 * SIZE));
	struct hak_slab *s = hak_slab_of(q);
	unsigned long pushes = cc->pushes;
	struct llist_node *first, *list;
	u32 taken;
	bool freed;

	assert_non_null(s);
	assert_ptr_not_equal(s->cache, cc->cache);
	free(p);
	assert_int_equal(cc->mark, HAK_CPU_READY);
	first = s->remote.first;
	list = s->freelist;
	taken = s->taken;
	preempt_disable();
	freed = hak_cpu_free_uncached(cc, s, q);
	preempt_enable();
	assert_false(freed);
	assert_int_equal(cc->pushes, pushes);
	assert_ptr_equal(s->remote.first, first);
	assert_ptr_equal(s->freelist, list);
	assert_int_equal(s->taken, taken);
	free(q);
}

static int find_cache(void **state)
{
	free(opaque(malloc(SIZE)));
	cc = this_cpu_ptr(hak_size_class(SIZE)->cpu);
	return !cc->direct || cc->limit || cc->cap || !cc->cur;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_last_in_first_out),
		cmocka_unit_test(test_double_free),
		cmocka_unit_test(test_not_ready),
		cmocka_unit_test(test_slab_not_owned),
		cmocka_unit_test(test_slab_of_another_cache),
	};

	if (!getenv(cache_off)) {
		setenv(cache_off, "0", 1);
		execv(argv[0], argv);
		perror(argv[0]);
		return 1;
	}
	return cmocka_run_group_tests(tests, find_cache, NULL);
}
