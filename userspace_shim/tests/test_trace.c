// SPDX-License-Identifier: GPL-2.0
/*
 * The trace ring: no reader gets a record that mixes two events, even if a writer
 * is held up while others fill the ring once more. A writer is single-stepped.
 * After one of its instructions, a different one in each round, an interrupt
 * writes a whole lap. After each of the remaining instructions the contents of
 * the ring are checked. And what traces objects closes the fast paths. The linker wraps
 * the function that sleeps.
 */
#include "test.h"

#include "core.h"
#include "shim.h"

#define LAP	4096

static void test_ring_in_order(void **state)
{
	struct hak_trace_iter it = { 0 };
	struct hak_trace_event ev;
	unsigned long i, n = 0;

	for (i = 0; i < 3 * LAP / 2; i++)
		__hak_trace(HAK_TR_FREE, NULL, 0, (void *)i, i);
	while (hak_trace_next(&it, &ev)) {
		assert_int_equal(ev.obj, i - LAP + n);
		assert_int_equal(ev.n, ev.obj);
		n++;
	}
	assert_int_equal(n, LAP);
	/* Continue from there. */
	__hak_trace(HAK_TR_FREE, NULL, 0, (void *)i, i);
	assert_false(hak_trace_next(&it, &ev));
	it.end = 0;
	assert_true(hak_trace_next(&it, &ev));
	assert_int_equal(ev.obj, i);
	assert_false(hak_trace_next(&it, &ev));
}

/* A bad free is an event as well. */
static void test_bad_free(void **state)
{
	struct hak_trace_iter it = { 0 };
	struct hak_trace_event ev = { 0 };

	__hak_trace_bad_free((void *)0x1234, NULL, "a test", 0);
	while (hak_trace_next(&it, &ev))
		;
	assert_int_equal(ev.what, HAK_TR_BAD_FREE);
	assert_int_equal(ev.obj, 0x1234);
}

/* How often does the ring have the event @what of @obj, an object of @size bytes? */
static unsigned int events(enum hak_trace_what what, const void *obj, u32 size)
{
	struct hak_trace_iter it = { 0 };
	struct hak_trace_event ev;
	unsigned int n = 0;

	while (hak_trace_next(&it, &ev))
		n += ev.what == what && ev.obj == (unsigned long)obj && ev.n == 1 &&
		     ev.size == size;
	return n;
}

/* While objects are traced, each allocation and each free is an event, checked or not. */
static void test_objects(void **state)
{
	static const slab_flags_t flags[] = { 0, SLAB_CONSISTENCY_CHECKS };
	unsigned int i, allocs, frees;
	struct hak_cache *c;
	void *p;

	/* A thread without an id gets objects of SLUB's. */
	shim_thread_online();
	assert_false(hak_trace_object_get());
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		c = hak_cache_create("traced", 64, 0, flags[i], NULL);
		assert_non_null(c);
		p = hak_cache_alloc(c, GFP_KERNEL);
		assert_non_null(hak_slab_of(p));
		allocs = events(HAK_TR_ALLOC, p, c->size);
		frees = events(HAK_TR_FREE, p, c->size);
		assert_true(allocs >= 1);
		hak_cache_free(c, p);
		assert_int_equal(events(HAK_TR_FREE, p, c->size), frees + 1);
		/* The object that was freed last is allocated next. */
		assert_ptr_equal(hak_cache_alloc(c, GFP_KERNEL), p);
		assert_int_equal(events(HAK_TR_ALLOC, p, c->size), allocs + 1);
		hak_cache_free(c, p);
		hak_cache_destroy(c);
	}
	hak_trace_object_put();
}

/* What an event tells: the slab, the processor, and how many objects of which size. */
static void test_what_an_event_tells(void **state)
{
	struct hak_cache *c = hak_cache_create("told", 512, 0, 0, NULL);
	struct hak_trace_iter it = { 0 };
	struct hak_trace_event ev;
	void *p[3];
	unsigned int claims = 0, drains = 0;
	struct hak_slab *s;

	shim_thread_online();
	assert_true(smp_processor_id() > 0);
	assert_non_null(c);
	/* All that was traced before is skipped. */
	while (hak_trace_next(&it, &ev))
		;
	it.end = 0;
	s = hak_superslab_claim(c, 0);
	if (!s && hak_superslab_grow(0, GFP_KERNEL) >= 0)
		s = hak_superslab_claim(c, 0);
	assert_non_null(s);
	assert_int_equal(hak_slab_take(c, s, p, 3), 3);
	hak_slab_push(s, hak_to_link(c, p[0]), hak_to_link(c, p[0]), 1);
	assert_true(hak_slab_drain(c, s));
	while (hak_trace_next(&it, &ev)) {
		if (ev.size != c->size)
			continue;
		assert_int_equal(ev.slab, s->addr);
		assert_int_equal(ev.cpu, smp_processor_id());
		if (ev.what == HAK_TR_CLAIM)
			claims++;
		if (ev.what != HAK_TR_DRAIN)
			continue;
		drains++;
		assert_int_equal(ev.obj, (unsigned long)hak_to_link(c, p[0]));
	}
	assert_int_equal(claims, 1);
	assert_int_equal(drains, 1);
	hak_slab_push(s, hak_to_link(c, p[1]), hak_to_link(c, p[1]), 1);
	hak_slab_push(s, hak_to_link(c, p[2]), hak_to_link(c, p[2]), 1);
	hak_pool_put(s, HAK_OWNED);
	hak_cache_destroy(c);
}

/* The fast paths stay closed until the last of several users has gone. */
static void test_slow_only(void **state)
{
	hak_slow_only_get();
	assert_false(hak_trace_object_get());
	assert_int_equal(hak_cpu_awake_mark, HAK_CPU_SLOW_ONLY);
	hak_slow_only_put();
	assert_int_equal(hak_cpu_awake_mark, HAK_CPU_SLOW_ONLY);
	hak_trace_object_put();
	assert_int_equal(hak_cpu_awake_mark, hak_hardened ? HAK_CPU_SLOW_ONLY : HAK_CPU_READY);
}

void __real_shim_sleep_ns(u64 ns);
void __wrap_shim_sleep_ns(u64 ns);

/* A cache that its owner leaves as somebody sleeps. */
static struct hak_cpu_cache *in_use;

void __wrap_shim_sleep_ns(u64 ns)
{
	if (in_use)
		WRITE_ONCE(in_use->mark, HAK_CPU_READY);
	in_use = NULL;
	__real_shim_sleep_ns(ns);
}

/*
 * An owner is inside its cache as the fast paths are closed. It has read what it leaves behind
 * before, so its cache is ready then, and has to be closed later.
 */
static void test_slow_only_while_in_use(void **state)
{
	struct hak_cpu_cache *cc;

	/* With that the fast paths are closed for good. */
	if (hak_hardened)
		skip();
	cc = raw_cpu_ptr(hak_size_class(64)->cpu);
	hak_free(hak_alloc(64, GFP_KERNEL));
	assert_int_equal(cc->mark, HAK_CPU_READY);
	in_use = cc;
	WRITE_ONCE(cc->mark, HAK_CPU_INSIDE);
	hak_slow_only_get();
	assert_null(in_use);
	assert_int_equal(cc->mark, HAK_CPU_SLOW_ONLY);
	hak_slow_only_put();
}

/* With sanitizers the writer has thousands of instructions. */
#if defined(__x86_64__) && !defined(HAK_SHIM_SANITIZER)
#define CAN_STEP	1

static unsigned int at, steps, torn;
static unsigned long next_obj;

/* Write a record whose fields all follow from the object. */
static void record(void)
{
	unsigned long obj = ++next_obj;

	__hak_trace(obj % HAK_NR_TRACE, NULL, 0, (void *)obj, obj * 2654435761U);
}

static bool is_torn(const struct hak_trace_event *ev)
{
	return ev->what != ev->obj % HAK_NR_TRACE ||
	       ev->n != (u32)(ev->obj * 2654435761U) || ev->slab;
}

static unsigned int check(void)
{
	struct hak_trace_iter it = { 0 };
	struct hak_trace_event ev;
	unsigned int n = 0;

	while (hak_trace_next(&it, &ev)) {
		n++;
		torn += is_torn(&ev);
	}
	return n;
}

static void on_trap(int sig)
{
	unsigned int i;

	if (++steps < at)
		return;
	for (i = 0; steps == at && i < LAP; i++)
		record();
	check();
}

static void test_no_torn_record(void **state)
{
	struct sigaction sa = { .sa_handler = on_trap };
	unsigned int i;

	sigaction(SIGTRAP, &sa, NULL);
	for (at = 1; at == 1 || steps >= at; at++) {
		steps = 0;
		asm volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq"
			     : : : "memory", "cc");
		record();
		asm volatile("pushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq"
			     : : : "memory", "cc");
	}
	assert_int_equal(torn, 0);
	assert_in_range(at, 20, 100000);
	/* No place in the ring is lost for good either. */
	for (i = 0; i < LAP; i++)
		record();
	assert_int_equal(check(), LAP);
}

static void on_trap_of_reader(int sig)
{
	unsigned int i;

	if (++steps == at)
		for (i = 0; i < LAP; i++)
			record();
}

/* The reader is interrupted, and the entry that it reads is written meanwhile. */
static void test_no_torn_read(void **state)
{
	struct sigaction sa = { .sa_handler = on_trap_of_reader };
	struct hak_trace_event ev;
	bool found;

	sigaction(SIGTRAP, &sa, NULL);
	for (at = 1; at == 1 || steps >= at; at++) {
		struct hak_trace_iter it = { 0 };

		/*
		 * Go to the newest record; otherwise the reader would skip a lap
		 * step by step.
		 */
		record();
		while (hak_trace_next(&it, &ev))
			;
		it = (struct hak_trace_iter){ .next = ev.seq };
		steps = 0;
		asm volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq"
			     : : : "memory", "cc");
		found = hak_trace_next(&it, &ev);
		asm volatile("pushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq"
			     : : : "memory", "cc");
		torn += found && is_torn(&ev);
	}
	assert_int_equal(torn, 0);
	assert_in_range(at, 20, 100000);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ring_in_order),
		cmocka_unit_test(test_bad_free),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_what_an_event_tells),
		cmocka_unit_test(test_slow_only),
		cmocka_unit_test(test_slow_only_while_in_use),
#ifdef CAN_STEP
		cmocka_unit_test(test_no_torn_record),
		cmocka_unit_test(test_no_torn_read),
#endif
	};

	hak_trace_ring = 1;
	if (hak_trace_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
