// SPDX-License-Identifier: GPL-2.0
/*
 * What the core says in words: the lines of debugfs, hak_dump_obj(), and what is
 * reported when hakmem goes. kunit/core compares the same in a kernel with what hakcore
 * reads in its memory.
 */
#include "test.h"
#include "listen.h"

#include <linux/rculist.h>

#include "core.h"
#include "shim.h"
#include "text.h"

#define SIZE	1024
#define FULL	(HAK_SLAB_SIZE / SIZE)

static char text[1 << 16];
static size_t len;

static void print(struct hak_text *to, const char *fmt, va_list args)
{
	len += vscnprintf(text + len, sizeof(text) - len, fmt, args);
}

static struct hak_text *begin(void)
{
	static struct hak_text to = { .vprint = print };

	len = 0;
	text[0] = 0;
	return &to;
}

/* Does @text have this line? */
static bool has_line(const char *fmt, ...)
{
	char line[256];
	const char *at;
	va_list args;
	size_t n;

	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	for (at = text; (at = strstr(at, line)); at++)
		if ((at == text || at[-1] == '\n') && at[n] == '\n')
			return true;
	return false;
}

/* The figures of a line are in the order of its heading. */
static void test_class(void **state)
{
	const struct hak_class_stats cs = {
		.name = "made-up", .size = 1, .capacity = 2, .slabs = 3, .live = -4,
		.cached = 5, .refills = 6, .spills = 7, .pushes = 8, .drains = 9,
		.depot = 10, .sends = 11, .receives = 12, .excess = 13, .fallback = 14,
	};

	hak_text_class(begin(), &cs);
	assert_string_equal(text, "made-up 1 2 3 -4 5 6 7 8 9 10 11 12 13 14\n");
}

static void test_stats(void **state)
{
	void *p = hak_alloc(SIZE, GFP_KERNEL);
	struct hak_stats st;
	unsigned int i;

	hak_stats_read(&st);
	hak_text_stats(begin());
	hak_free(p);
	assert_true(has_line("arena_bytes %lu", st.pages * PAGE_SIZE));
	assert_true(has_line("superslabs %lu", st.superslabs));
	assert_true(has_line("superslabs_empty %lu", st.superslabs_empty));
	assert_true(has_line("superslabs_grown %lu", (unsigned long)st.grown));
	assert_true(has_line("superslab_pages %lu", st.pages));
	assert_true(has_line("slabs %lu", st.slots_used));
	/* The first superslab is as large as can be. */
	assert_true(has_line("superslabs_grown_order%u 1", HAK_MAX_ORDER));
	assert_true(has_line("superslabs_grown_order%u 0", HAK_MIN_ORDER));
	for (i = 0; i < HAK_NR_EVENTS; i++)
		assert_true(has_line("%s %lu", hak_event_name[i], st.event[i]));
}

/* A lock is taken three times, and one more caller has to wait. */
static void test_locks(void **state)
{
	raw_spinlock_t lock = __RAW_SPIN_LOCK_UNLOCKED(lock);
	struct hak_stats was, st;
	unsigned int i;

	hak_stats_read(&was);
	for (i = 0; i < 3; i++) {
		hak_lock_counted(&lock, HAK_LOCK_DEPOT);
		if (i < 2)
			raw_spin_unlock(&lock);
	}
	assert_false(hak_trylock_counted(&lock, HAK_LOCK_DEPOT));
	raw_spin_unlock(&lock);
	hak_stats_read(&st);
	assert_int_equal(st.locked[HAK_LOCK_DEPOT] - was.locked[HAK_LOCK_DEPOT], 3);
	assert_int_equal(st.contended[HAK_LOCK_DEPOT] - was.contended[HAK_LOCK_DEPOT], 1);
	hak_text_stats(begin());
	assert_true(has_line("lock_depot_taken %lu", (unsigned long)st.locked[HAK_LOCK_DEPOT]));
	assert_true(has_line("lock_depot_waited %lu",
			     (unsigned long)st.contended[HAK_LOCK_DEPOT]));
}

/* Slabs in each state, a slot that is unused, and one that went back. */
static void test_superslab(void **state)
{
	struct hak_cache *c = hak_cache_create("slabs", SIZE, 0, 0, NULL);
	static void *obj[FULL], *p, *last;
	struct hak_slab *s[4];
	struct hak_superslab *ss;

	/* Nothing else is in use, so the four are the first slots of a superslab. */
	hak_cpu_flush_this(true);
	hak_reap_all();
	hak_superslab_trim(0);
	s[0] = hak_superslab_claim(c, hak_superslab_grow(0, GFP_KERNEL));
	assert_non_null(s[0]);
	ss = s[0]->ss;
	s[1] = hak_superslab_claim(c, 0);
	s[2] = hak_superslab_claim(c, 0);
	s[3] = hak_superslab_claim(c, 0);
	assert_ptr_equal(s[3], &ss->slab[3]);
	assert_int_equal(hak_slab_take(c, s[0], obj, FULL), FULL);
	assert_true(hak_slab_park(s[0]));
	assert_int_equal(hak_slab_take(c, s[2], &p, 1), 1);
	hak_slab_give(s[2], hak_to_link(c, p), hak_to_link(c, p), 1);
	assert_int_equal(hak_slab_take(c, s[3], &last, 1), 1);
	hak_pool_put(s[3], HAK_OWNED);
	hak_slab_release(s[1]);
	hak_superslab_unclaim(s[1]);

	hak_text_superslab(begin(), ss);
	assert_ptr_equal(strstr(text, "node 0 order 9 used 3/32 1024:64/64P - 1024:0/1O 1024:1/1L - - "),
			 text);
	hak_superslab_break();
	hak_text_superslab(begin(), ss);
	assert_string_equal(text, "node 0 order 9 used 3/3 1024:64/64P . 1024:0/1O 1024:1/1L\n");

	hak_cache_free_bulk(c, FULL, obj);
	hak_cache_free(c, last);
	hak_pool_put(s[2], HAK_OWNED);
	hak_cache_destroy(c);
	assert_int_equal(hak_core_leaks(), 0);
}

static struct hak_superslab *read_now;
static void *taken[2];

/* In the middle of a line, the superslab goes back, and others ask for as much memory. */
static void free_meanwhile(struct hak_text *to, const char *fmt, va_list args)
{
	size_t n = BIT(read_now->order - HAK_MIN_ORDER);

	print(to, fmt, args);
	if (taken[0])
		return;
	hak_superslab_trim(0);
	taken[0] = kzalloc(sizeof(*read_now), GFP_ATOMIC);
	taken[1] = kcalloc(n, sizeof(*read_now->slab), GFP_ATOMIC);
}

/* Is any of @taken what the superslab @ss had? */
static bool was_taken(const struct hak_superslab *ss, const struct hak_slab *slab)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(taken); i++)
		if (taken[i] == ss || taken[i] == slab)
			return true;
	return false;
}

/* A reader under RCU sees a superslab as it was, until it is done. */
static void test_superslab_goes(void **state)
{
	struct hak_text to = { .vprint = free_meanwhile };
	struct hak_superslab *ss;
	struct hak_slab *slab;

	hak_cpu_flush_this(true);
	hak_reap_all();
	hak_superslab_trim(0);
	assert_int_equal(hak_superslab_grow(0, GFP_KERNEL), 0);
	rcu_read_lock();
	ss = list_first_entry(&hak_superslabs, struct hak_superslab, all);
	slab = ss->slab;
	read_now = ss;
	begin();
	hak_text_superslab(&to, ss);
	assert_ptr_not_equal(list_first_entry(&hak_superslabs, struct hak_superslab, all), ss);
	assert_ptr_equal(strstr(text, "node 0 order 9 used 0/32 - - - - "), text);
	assert_ptr_equal(ss->slab, slab);
	assert_false(was_taken(ss, slab));
	rcu_read_unlock();

	kfree(taken[0]);
	kfree(taken[1]);
	/* Nothing is used again there. */
#ifndef __SANITIZE_THREAD__
	taken[0] = kzalloc(sizeof(*ss), GFP_KERNEL);
	taken[1] = kcalloc(BIT(HAK_MAX_ORDER - HAK_MIN_ORDER), sizeof(*slab), GFP_KERNEL);
	assert_ptr_equal(taken[0], ss);
	assert_ptr_equal(taken[1], slab);
	kfree(taken[0]);
	kfree(taken[1]);
#endif
}

/*
 * Between two slabs of a superslab lies one of another, in a slot that the first has given
 * back; the slots of a third are in use from the second on.
 */
static void test_leaf(void **state)
{
	static struct hak_entry leaf[BIT(HAK_LEAF_BITS)];
	static struct hak_slab outer[4], inner, next[2];
	struct hak_superslab a = { .order = 6, .used = 0b1001, .full = 0b1001, .slab = outer };
	struct hak_superslab b = { .order = 4, .used = 1, .full = 1, .slab = &inner };
	struct hak_superslab c = { .order = 5, .used = 0b10, .full = 0b11, .slab = next };

	for (unsigned int i = 0; i < ARRAY_SIZE(outer); i++)
		outer[i] = (struct hak_slab){ .ss = &a, .slot = i };
	inner.ss = &b;
	for (unsigned int i = 0; i < ARRAY_SIZE(next); i++)
		next[i] = (struct hak_slab){ .ss = &c, .slot = i };

	hak_text_leaf(begin(), leaf);
	assert_string_equal(text, "");

	leaf[0].slab = &outer[0];
	leaf[2].slab = &inner;
	leaf[3].slab = &outer[3];
	leaf[5].slab = &next[1];
	hak_text_leaf(begin(), leaf);
	assert_string_equal(text, "node 0 order 6 used 2/2 - . . -\n"
				  "node 0 order 4 used 1/1 -\n"
				  "node 0 order 5 used 1/2 - -\n");
}

/*
 * To destroy a cache that has no slab, nobody looks at those of others. One slab says that it is
 * of this cache, and is not found.
 */
static void test_no_slab_to_look_for(void **state)
{
	struct hak_cache *c = hak_cache_create("slabless", SIZE, 0, 0, NULL);
	struct hak_slab slab = { .cache = c };
	struct hak_superslab ss = { .order = HAK_MIN_ORDER, .used = 1, .full = 1, .slab = &slab };
	struct hak_class_stats none, one;

	assert_non_null(c);
	slab.ss = &ss;
	assert_int_equal(atomic_read(&c->nr_slabs), 0);
	list_add_rcu(&ss.all, &hak_superslabs);
	hak_class_stats_read(c, &none);
	atomic_set(&c->nr_slabs, 1);
	hak_class_stats_read(c, &one);
	atomic_set(&c->nr_slabs, 0);
	list_del_rcu(&ss.all);
	assert_int_equal(none.slabs, 0);
	assert_int_equal(one.slabs, 1);
	hak_cache_destroy(c);
}

static void dump(void *p)
{
	bool found = hak_dump_obj(p);

	fprintf(stderr, "%s\n", found ? "found" : "none");
}

/* Does hak_dump_obj() say of @p that it is @offset bytes into object @nr, and @what? */
static bool said(struct hak_cache *c, char *p, unsigned int nr, unsigned int offset,
		 const char *what)
{
	struct hak_slab *s = hak_slab_of(p);

	listen_to(dump, p, text, sizeof(text));
	return has_line("found") &&
	       has_line("hakmem: %p: cache %s, object %u of %u at %p, offset %u of %u; %s",
			p, c->name, nr, c->capacity, p - offset, offset, c->usable, what) &&
	       has_line("hakmem: slab %p on node 0, owned, last owned by CPU %d: %u objects carved, %d in use or cached",
			(void *)s->addr, smp_processor_id(), s->bump, hak_slab_used(s));
}

static void test_dump(void **state)
{
	struct hak_cache *c = hak_cache_create("dumped", 600, 0, 0, NULL);
	char *p = hak_cache_alloc(c, GFP_KERNEL), *slab;
	void *q = hak_cache_alloc(c, GFP_KERNEL_ACCOUNT);
	unsigned int nr;

	assert_true(p && q);
	slab = (char *)hak_slab_of(p)->addr;
	nr = (p - slab) / c->size;
	assert_true(said(c, p, nr, 0, "live, or free in its slab or a magazine"));
	assert_true(said(c, p + 599, nr, 599, "live, or free in its slab or a magazine"));
	hak_cache_free(c, p);
	assert_true(said(c, p + 1, nr, 1, "free, in a CPU's cache"));
	nr = hak_slab_of(p)->bump;
	assert_true(said(c, slab + nr * c->size, nr, 0, "never allocated"));
	nr = c->capacity;
	assert_true(said(c, slab + nr * c->size + 3, nr, 3, "beyond the last object"));

	listen_to(dump, q, text, sizeof(text));
	assert_true(has_line("hakmem: %p: cache dumped, an object of 600 bytes that SLUB served; live",
			     q));
	assert_true(has_line("found"));
	hak_cache_free(c, q);
	listen_to(dump, NULL, text, sizeof(text));
	assert_string_equal(text, "none\n");
	hak_cache_destroy(c);
}

/* If a cache is checked, marks tell which objects are live. */
static void test_dump_of_checked(void **state)
{
	struct hak_cache *c = hak_cache_create("marked", 600, 0, SLAB_CONSISTENCY_CHECKS, NULL);
	char *p = hak_cache_alloc(c, GFP_KERNEL);
	unsigned int nr;

	assert_non_null(p);
	nr = (p - (char *)hak_slab_of(p)->addr) / c->size;
	assert_true(said(c, p + 8, nr, 8, "live"));
	hak_cache_free(c, p);
	assert_true(said(c, p, nr, 0, "free"));
	hak_cache_destroy(c);
}

static void stop(void *unused)
{
	hak_core_exit();
}

/* Last, since nothing can be allocated from then on. */
static void test_leaks(void **state)
{
	struct hak_cache *c = hak_cache_create("leaky", 304, 0, 0, NULL);

	assert_non_null(hak_alloc(40, GFP_KERNEL));
	assert_non_null(hak_cache_alloc(c, GFP_KERNEL_ACCOUNT));
	assert_int_equal(hak_core_leaks(), 2);
	listen_to(stop, NULL, text, sizeof(text));
	assert_true(has_line("hakmem: hak-48: 1 objects of 48 bytes in 1 slabs were never freed; their superslabs stay allocated"));
	assert_true(has_line("hakmem: leaky: 1 objects of 304 bytes from SLUB were never freed"));
	assert_true(has_line("hakmem: leaky: the cache was never destroyed"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_class),
		cmocka_unit_test(test_stats),
		cmocka_unit_test(test_locks),
		cmocka_unit_test(test_dump),
		cmocka_unit_test(test_dump_of_checked),
		cmocka_unit_test(test_superslab),
		cmocka_unit_test(test_superslab_goes),
		cmocka_unit_test(test_leaf),
		cmocka_unit_test(test_no_slab_to_look_for),
		cmocka_unit_test(test_leaks),
	};

	shim_thread_online();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
