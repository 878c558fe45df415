// SPDX-License-Identifier: GPL-2.0
/*
 * Events between two steps of one function: another CPU's free while a slab is
 * being parked or published, and claims, releases and new superslabs while others are
 * broken up or trimmed. A park is single-stepped, and interrupted after each of its instructions in
 * turn. For the others the linker wraps a function that is called in between.
 * Linked without the malloc front end.
 */
#include "test.h"

#include "core.h"
#include "shim.h"

#define FULL	16	/* capacity of the slabs used here */

void __real_hak_pool_put(struct hak_slab *s, enum hak_slab_state from);
void __wrap_hak_pool_put(struct hak_slab *s, enum hak_slab_state from);
void __real_hak_arena_split(void *addr, unsigned int order);
void __wrap_hak_arena_split(void *addr, unsigned int order);
int __real_hak_superslab_grow(int nid, gfp_t gfp);
int __wrap_hak_superslab_grow(int nid, gfp_t gfp);
void __real_hak_arena_free(void *addr, unsigned int order);
void __wrap_hak_arena_free(void *addr, unsigned int order);

static void (*publishing)(void);		/* called once, when a parked slab is put into the pool */
static void (*splitting)(void);			/* called once, when a superslab is broken up */
static void (*freeing)(void);			/* called once, when a superslab goes back whole */
static unsigned int published, published_empty;

/* The pusher that counts first has linked its object before. */
void __wrap_hak_pool_put(struct hak_slab *s, enum hak_slab_state from)
{
	void (*f)(void) = publishing;

	if (from == HAK_PARKED) {
		published++;
		publishing = NULL;
		if (f)
			f();
		published_empty += llist_empty(&s->remote);
	}
	__real_hak_pool_put(s, from);
}

void __wrap_hak_arena_split(void *addr, unsigned int order)
{
	void (*f)(void) = splitting;

	__real_hak_arena_split(addr, order);
	splitting = NULL;
	if (f)
		f();
}

void __wrap_hak_arena_free(void *addr, unsigned int order)
{
	void (*f)(void) = freeing;

	__real_hak_arena_free(addr, order);
	freeing = NULL;
	if (f)
		f();
}

static unsigned int grown, snatched;		/* calls, and how many others profit from */
static struct hak_slab *others[256];		/* what they got */
static unsigned int nr_others;

/* Other CPUs claim all slots there are. */
static void snatch(struct hak_cache *c)
{
	struct hak_slab *s;

	while ((s = hak_superslab_claim(c, 0))) {
		assert_true(nr_others < ARRAY_SIZE(others));
		others[nr_others++] = s;
	}
}

static struct hak_cache *cache;
static struct hak_cpu_cache *cc;
static void *obj[FULL];

int __wrap_hak_superslab_grow(int nid, gfp_t gfp)
{
	int got = __real_hak_superslab_grow(nid, gfp);

	grown++;
	if (snatched) {
		snatched--;
		snatch(cache);
	}
	return got;
}

static struct hak_slab *new_slab(void)
{
	struct hak_slab *s = hak_superslab_claim(cache, 0);

	if (!s && hak_superslab_grow(0, GFP_KERNEL) >= 0)
		s = hak_superslab_claim(cache, 0);
	assert_non_null(s);
	return s;
}

static void push(void *p)
{
	struct llist_node *link = hak_to_link(cache, p);

	hak_slab_push(hak_slab_of(p), link, link, 1);
}

static int setup(void **state)
{
	cache = hak_cache_create("between", HAK_SLAB_SIZE / FULL, 0, 0, NULL);
	cc = kzalloc(hak_cpu_cache_bytes(0), GFP_KERNEL);
	if (!cache || !cc)
		return -1;
	hak_cpu_cache_init(cc, cache, 0, 0);
	publishing = NULL;
	splitting = NULL;
	freeing = NULL;
	published = published_empty = 0;
	return 0;
}

/* No slab is lost: the cache can be destroyed without a warning. */
static int teardown(void **state)
{
	int warnings = READ_ONCE(shim_warnings);

	hak_cpu_flush(cache, cc);
	hak_cache_destroy(cache);
	kfree(cc);
	return READ_ONCE(shim_warnings) != warnings;
}

/* A slab whose objects are all allocated, owned by the pretended CPU. */
static struct hak_slab *full_slab(void)
{
	struct hak_slab *s;
	unsigned int i;

	for (i = 0; i < FULL; i++) {
		obj[i] = hak_cpu_take(cache, cc, 0);
		if (!obj[i] && hak_superslab_grow(0, GFP_KERNEL) >= 0)
			obj[i] = hak_cpu_take(cache, cc, 0);
		assert_non_null(obj[i]);
	}
	s = cc->cur;
	assert_int_equal(hak_slab_used(s), FULL);
	return s;
}

static void free_all(unsigned int from)
{
	for (; from < FULL; from++)
		push(obj[from]);
}

/* With sanitizers it has thousands of instructions. */
#if defined(__x86_64__) && !defined(HAK_SHIM_SANITIZER)
#define CAN_STEP	1

static unsigned int at, steps;
static void (*between)(struct hak_slab *s);	/* called after the at-th instruction */
static struct hak_slab *target;

static void on_trap(int sig)
{
	if (++steps == at)
		between(target);
}

static bool fired(void)
{
	return steps >= at;
}

/* Run @what, and call @f after as many instructions as @at says. */
#define stepped(s, f, what)						\
	do {								\
		steps = 0;						\
		target = (s);						\
		between = (f);						\
		asm volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq"	\
			     : : : "memory", "cc");			\
		what;							\
		asm volatile("pushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq"	\
			     : : : "memory", "cc");			\
	} while (0)

/*
 * After every instruction, or after every @stride-th if there are many, and once
 * after the last.
 */
#define for_each_step(stride)	for (at = 1; at == 1 || fired(); at += (stride))

static int setup_steps(void **state)
{
	struct sigaction sa = { .sa_handler = on_trap };

	sigaction(SIGTRAP, &sa, NULL);
	return setup(state);
}

static unsigned long counted(enum hak_event ev)
{
	struct hak_stats st;

	hak_stats_read(&st);
	return st.event[ev];
}

static enum hak_slab_state state_of(struct hak_slab *s)
{
	return hak_rc_state(atomic_read(&s->rc));
}

static void push_one(struct hak_slab *s)
{
	push(obj[0]);
}

/*
 * If a free is counted in the middle of a park, the park fails, or the free is
 * found.
 */
static void test_free_in_a_park(void **state)
{
	unsigned int failed = 0;

	for_each_step(1) {
		struct hak_slab *s = full_slab();
		unsigned long parks;
		bool parked;
		void *p;

		parks = counted(HAK_EV_PARKED);
		stepped(s, push_one, parked = hak_slab_park(s));
		assert_int_equal(hak_slab_used(s), FULL - fired());
		assert_int_equal(counted(HAK_EV_PARKED), parks + parked);
		if (parked) {
			cc->cur = NULL;
			assert_int_equal(state_of(s), fired() ? HAK_POOLED : HAK_PARKED);
			free_all(fired());
			continue;
		}
		failed++;
		assert_int_equal(state_of(s), HAK_OWNED);
		assert_int_equal(hak_slab_take(cache, s, &p, 1), 1);
		assert_ptr_equal(p, obj[0]);
		assert_true(hak_slab_validate(s));
		free_all(0);
		hak_cpu_flush(cache, cc);
	}
	assert_in_range(failed, 1, at - 1);
}

/* Likewise in a refill, which then keeps the slab and gets the object. */
static void test_free_in_a_refill(void **state)
{
	unsigned long kept_once = 0;

	for_each_step(4) {
		struct hak_slab *s = full_slab();
		unsigned long kept = counted(HAK_EV_KEPT);
		void *p;

		stepped(s, push_one, p = hak_cpu_take(cache, cc, 0));
		if (!p && hak_superslab_grow(0, GFP_KERNEL) >= 0)
			p = hak_cpu_take(cache, cc, 0);
		assert_non_null(p);
		kept = counted(HAK_EV_KEPT) - kept;
		kept_once += kept;
		if (kept) {
			assert_ptr_equal(p, obj[0]);
			assert_ptr_equal(cc->cur, s);
		}
		push(p);
		free_all(fired());
		hak_cpu_flush(cache, cc);
	}
	assert_true(kept_once > 0);
}

/* Likewise in a flush, which then puts the slab into the pool. */
static void test_free_in_a_flush(void **state)
{
	for_each_step(2) {
		struct hak_slab *s = full_slab();

		stepped(s, push_one, hak_cpu_flush(cache, cc));
		assert_null(cc->cur);
		assert_int_equal(state_of(s), fired() ? HAK_POOLED : HAK_PARKED);
		free_all(fired());
	}
}

static void link_one(struct hak_slab *s)
{
	struct llist_node *link = hak_to_link(cache, obj[0]);

	hak_slab_link(s, link, link);
}

/* A free that is only linked then is counted while the slab is parked, or owned. */
static void test_half_a_free_in_a_park(void **state)
{
	unsigned int parks = 0;

	for_each_step(1) {
		struct hak_slab *s = full_slab();
		bool parked;

		published = 0;
		stepped(s, link_one, parked = hak_slab_park(s));
		parks += parked;
		if (!fired())
			link_one(s);
		hak_slab_count(s, 1);
		assert_int_equal(published, parked);
		assert_int_equal(state_of(s), parked ? HAK_POOLED : HAK_OWNED);
		if (parked)
			cc->cur = NULL;
		free_all(1);
		hak_cpu_flush(cache, cc);
	}
	assert_in_range(parks, 1, at - 1);
}

static void clear_mark(struct hak_slab *s)
{
	atomic_andnot(HAK_REAP_QUEUED, &s->rc);
}

/* The reaper clears its mark meanwhile. That must not make the park fail. */
static void test_mark_cleared_in_a_park(void **state)
{
	for_each_step(1) {
		struct hak_slab *s = full_slab();
		bool parked;

		atomic_or(HAK_REAP_QUEUED, &s->rc);
		stepped(s, clear_mark, parked = hak_slab_park(s));
		assert_true(parked);
		cc->cur = NULL;
		clear_mark(s);
		assert_int_equal(atomic_read(&s->rc), HAK_PARKED);
		assert_int_equal(hak_slab_used(s), FULL);
		free_all(0);
		/*
		 * Otherwise the slab would be in the reaper's list while its mark
		 * is cleared.
		 */
		hak_reap_all();
	}
}

#endif

/* A CPU publishes a slab only when the slab has an object. */
static void test_linked_before_published(void **state)
{
	struct hak_slab *s = full_slab();

	assert_true(hak_slab_park(s));
	cc->cur = NULL;
	free_all(0);
	assert_int_equal(published, 1);
	assert_int_equal(published_empty, 0);
}

static void push_second(void)
{
	push(obj[1]);
}

/* A second free is counted before the first one's pusher has published the slab. */
static void test_two_frees_publish_once(void **state)
{
	struct hak_slab *s = full_slab();

	assert_true(hak_slab_park(s));
	cc->cur = NULL;
	publishing = push_second;
	push(obj[0]);
	assert_int_equal(published, 1);
	assert_int_equal(atomic_read(&cache->pool[0]->nr), 1);
	assert_int_equal(hak_slab_used(s), FULL - 2);
	free_all(2);
	assert_int_equal(published, 1);
}

/* --- superslabs --- */

static struct hak_slab *slab[HAK_MAX_SLOTS];
static struct hak_slab *claimed;

/* The first slot of a new superslab is in use, the others are not. */
static void one_slot_in_use(void)
{
	unsigned int n = 1;

	hak_reap_all();
	hak_superslab_trim(0);
	hak_superslab_break();
	slab[0] = new_slab();
	while (n < HAK_MAX_SLOTS && (slab[n] = hak_superslab_claim(cache, 0)))
		n++;
	assert_int_equal(n, HAK_MAX_SLOTS);
	assert_ptr_equal(slab[n - 1]->ss, slab[0]->ss);
	while (--n)
		hak_slab_release(slab[n]);
}

static void claim_one(void)
{
	claimed = hak_superslab_claim(cache, 0);
}

/* Slots whose pages are being given back cannot be claimed. */
static void test_claim_while_broken_up(void **state)
{
	one_slot_in_use();
	claimed = NULL;
	splitting = claim_one;
	hak_superslab_break();
	assert_null(splitting);
	assert_null(claimed);
	hak_slab_release(slab[0]);
}

static void release_last(void)
{
	hak_slab_release(slab[0]);
}

/* Meanwhile the last slab is released, and the superslab with it. */
static void test_last_slab_goes_while_broken_up(void **state)
{
	u64 bytes;

	one_slot_in_use();
	bytes = hak_arena_bytes() - (u64)HAK_MAX_SLOTS * HAK_SLAB_SIZE;
	splitting = release_last;
	hak_superslab_break();
	assert_null(splitting);
	assert_int_equal(hak_arena_bytes(), bytes);
	/* The superslab does not exist any more. */
	assert_null(hak_superslab_claim(cache, 0));
}

/* Another CPU gets as many superslabs as a loop gives back, until it has these. */
#define ENOUGH	20

static struct hak_slab *came[ENOUGH];
static unsigned int nr_came;

/* It uses one slot of a new superslab. */
static void use_another(void)
{
	came[nr_came++] = new_slab();
	if (nr_came < ENOUGH)
		splitting = use_another;
}

/* Only the superslabs that are there when it begins are broken up. */
static void test_others_come_while_broken_up(void **state)
{
	one_slot_in_use();
	nr_came = 0;
	splitting = use_another;
	hak_superslab_break();
	splitting = NULL;
	assert_int_equal(nr_came, 1);
	while (nr_came)
		hak_slab_release(came[--nr_came]);
	hak_slab_release(slab[0]);
}

/* It gets a new superslab, and has not claimed a slot of it yet. */
static void get_another(void)
{
	assert_int_equal(hak_superslab_grow(0, GFP_KERNEL), 0);
	if (++nr_came < ENOUGH)
		freeing = get_another;
}

/* Likewise those that are empty. */
static void test_others_come_while_trimmed(void **state)
{
	hak_reap_all();
	hak_superslab_trim(0);
	nr_came = 0;
	get_another();
	hak_superslab_trim(0);
	freeing = NULL;
	assert_int_equal(nr_came, 2);
	hak_superslab_trim(0);
}

/*
 * Whenever this CPU has the node grow, other CPUs claim the slots first. It tries again,
 * but not for ever: if they always do so, SLUB serves the object.
 */
static void test_others_claim_what_it_grew(void **state)
{
	void *p;

	snatch(cache);
	grown = 0;
	snatched = 3;
	p = hak_cache_alloc(cache, GFP_KERNEL);
	assert_non_null(p);
	assert_int_equal(grown, 4);
	assert_true(hak_owns(p));
	hak_free(p);
	hak_cache_shrink(cache);

	snatch(cache);
	grown = 0;
	snatched = UINT_MAX;
	p = hak_cache_alloc(cache, GFP_KERNEL);
	snatched = 0;
	assert_non_null(p);
	assert_int_equal(grown, 4);
	assert_false(hak_owns(p));
	hak_free(p);
	while (nr_others)
		hak_slab_release(others[--nr_others]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef CAN_STEP
		cmocka_unit_test_setup_teardown(test_free_in_a_park, setup_steps, teardown),
		cmocka_unit_test_setup_teardown(test_free_in_a_refill, setup_steps, teardown),
		cmocka_unit_test_setup_teardown(test_free_in_a_flush, setup_steps, teardown),
		cmocka_unit_test_setup_teardown(test_half_a_free_in_a_park, setup_steps, teardown),
		cmocka_unit_test_setup_teardown(test_mark_cleared_in_a_park, setup_steps, teardown),
#endif
		cmocka_unit_test_setup_teardown(test_linked_before_published, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_frees_publish_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_claim_while_broken_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_last_slab_goes_while_broken_up, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_others_come_while_broken_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_others_come_while_trimmed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_others_claim_what_it_grew, setup, teardown),
	};

	shim_init();
	shim_thread_online();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
