// SPDX-License-Identifier: GPL-2.0
/* Superslabs: from which one a slab is claimed, so that the others become empty. */
#include <linux/array_size.h>
#include <linux/module.h>

#include "hak_test.h"
#include "hak_test_threads.h"

/* The number of superslabs. */
static unsigned int nr_listed(void)
{
	struct hak_stats st;

	hak_stats_read(&st);
	return st.superslabs;
}

/* The number of superslabs without a used slot. */
static unsigned int nr_empty(void)
{
	struct hak_stats st;

	hak_stats_read(&st);
	return st.superslabs_empty;
}

/* Use all unused slots, so that the next claim needs a new superslab. */
static void use_up_all(void)
{
	hak_reap_all();
	hak_superslab_trim(0);
	hak_superslab_break();
}

/* Claim all slabs of a new superslab; returns how many. */
static unsigned int claim_all(struct kunit *test, struct hak_cache *c,
			      struct hak_slab **s)
{
	unsigned int n = 1;

	s[0] = hak_test_slab(test, c);
	while (n < HAK_MAX_SLOTS && (s[n] = hak_superslab_claim(c, s[0]->nid)))
		n++;
	KUNIT_EXPECT_NULL(test, hak_superslab_claim(c, s[0]->nid));
	KUNIT_EXPECT_PTR_EQ(test, s[n - 1]->ss, s[0]->ss);
	return n;
}

/* Skip the test if the machine has no block of that size. */
static void need_whole(struct kunit *test, unsigned int n)
{
	if (n != HAK_MAX_SLOTS)
		kunit_skip(test, "no free block of order %u", HAK_MAX_ORDER);
}

static void release_all(struct hak_slab **s, unsigned int from, unsigned int to)
{
	while (from < to)
		hak_slab_release(s[from++]);
}

/*
 * 30 slots of @fuller stay in use, and 1 of @other. Check that @fuller's are
 * claimed.
 */
static void claim_of_two(struct kunit *test, struct hak_cache *c,
			 struct hak_slab **fuller, struct hak_slab **other,
			 bool fuller_first)
{
	struct hak_slab *t[3];
	unsigned int i;

	if (fuller_first)
		release_all(fuller, 30, HAK_MAX_SLOTS);
	release_all(other, 1, HAK_MAX_SLOTS);
	if (!fuller_first)
		release_all(fuller, 30, HAK_MAX_SLOTS);
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		t[i] = hak_superslab_claim(c, fuller[0]->nid);
		KUNIT_ASSERT_NOT_NULL(test, t[i]);
	}
	KUNIT_EXPECT_PTR_EQ(test, t[0]->ss, fuller[0]->ss);
	KUNIT_EXPECT_PTR_EQ(test, t[1]->ss, fuller[0]->ss);
	KUNIT_EXPECT_PTR_EQ(test, t[2]->ss, other[0]->ss);
	release_all(t, 0, ARRAY_SIZE(t));
	release_all(fuller, 0, 30);
	release_all(other, 0, 1);
}

/*
 * Of two superslabs one has 30 used slots and the other has one. Slots of the
 * first are claimed, whichever had the last release.
 */
static void fullest_first(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	struct hak_slab *s[2][HAK_MAX_SLOTS];
	unsigned int i, n[2];

	for (i = 0; i < 2; i++) {
		use_up_all();
		n[0] = claim_all(test, c, s[0]);
		n[1] = claim_all(test, c, s[1]);
		if (n[0] < HAK_MAX_SLOTS || n[1] < HAK_MAX_SLOTS) {
			release_all(s[0], 0, n[0]);
			release_all(s[1], 0, n[1]);
			need_whole(test, 0);
		}
		claim_of_two(test, c, s[0], s[1], i);
	}
}

/* Superslabs in use are claimed from before the stock is. */
static void empty_last(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	struct hak_slab *s[HAK_MAX_SLOTS], *t, *u;
	unsigned int n;

	use_up_all();
	n = claim_all(test, c, s);
	t = hak_test_slab(test, c);
	release_all(s, 0, n);
	KUNIT_EXPECT_EQ(test, nr_empty(), 1);
	/* A superslab of a single slot has none left. */
	if (t->ss->order > HAK_MIN_ORDER) {
		u = hak_superslab_claim(c, t->nid);
		KUNIT_ASSERT_NOT_NULL(test, u);
		KUNIT_EXPECT_PTR_EQ(test, u->ss, t->ss);
		KUNIT_EXPECT_EQ(test, nr_empty(), 1);
		hak_slab_release(u);
	}
	hak_slab_release(t);
	hak_superslab_trim(0);
	KUNIT_EXPECT_EQ(test, nr_empty(), 0);
}

/*
 * A superslab that has given back its unused slots counts only those it still
 * has: with one of two slots used it is fuller than a whole one with four unused.
 */
static void broken_ones_by_unused_slots(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	struct hak_slab *s[HAK_MAX_SLOTS], *w[HAK_MAX_SLOTS], *t;
	unsigned int i, n, m;

	use_up_all();
	n = claim_all(test, c, s);
	if (n < 2) {
		release_all(s, 0, n);
		need_whole(test, n);
	}
	release_all(s, 2, n);
	hak_superslab_break();
	KUNIT_EXPECT_NULL(test, hak_superslab_claim(c, s[0]->nid));
	m = claim_all(test, c, w);
	if (m > 4) {
		hak_slab_release(s[1]);
		release_all(w, 0, 4);
		t = hak_superslab_claim(c, s[0]->nid);
		KUNIT_EXPECT_PTR_EQ(test, t, s[1]);
		for (i = 0; i < 4; i++)
			w[i] = hak_superslab_claim(c, s[0]->nid);
	}
	release_all(w, 0, m);
	release_all(s, 0, 2);
}

/* A broken superslab goes back with its last slab; it does not become the stock. */
static void broken_ones_are_no_stock(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	struct hak_slab *s[HAK_MAX_SLOTS];
	struct hak_stats st;
	unsigned int n;
	u64 bytes;

	use_up_all();
	bytes = hak_arena_bytes();
	n = claim_all(test, c, s);
	if (n < 2) {
		release_all(s, 0, n);
		need_whole(test, n);
	}
	release_all(s, 1, n);
	hak_superslab_break();
	KUNIT_EXPECT_EQ(test, hak_arena_bytes(), bytes + HAK_SLAB_SIZE);
	hak_stats_read(&st);
	KUNIT_EXPECT_EQ(test, (u64)st.pages << PAGE_SHIFT, hak_arena_bytes());
	hak_slab_release(s[0]);
	KUNIT_EXPECT_EQ(test, nr_empty(), 0);
	KUNIT_EXPECT_EQ(test, hak_arena_bytes(), bytes);
}

/*
 * A scan of the shrinker frees as many pages as the shrinker counted, and no more
 * than asked for.
 */
static void shrink_frees_what_was_counted(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	struct hak_slab *s[HAK_MAX_SLOTS];
	unsigned long pages;
	unsigned int n;
	u64 bytes, gone;
	int nid;

	use_up_all();
	bytes = hak_arena_bytes();
	n = claim_all(test, c, s);
	nid = s[0]->nid;
	pages = 1UL << s[0]->ss->order;
	KUNIT_EXPECT_EQ(test, hak_superslab_empty_pages(nid), 0UL);
	KUNIT_EXPECT_EQ(test, hak_superslab_shrink(nid, 1), 0UL);
	release_all(s, 0, n);
	KUNIT_EXPECT_EQ(test, hak_superslab_empty_pages(nid), pages);
	gone = hak_arena_returned();
	KUNIT_EXPECT_EQ(test, hak_superslab_shrink(nid, 0), 0UL);
	KUNIT_EXPECT_EQ(test, hak_superslab_shrink(nid, 1), pages);
	KUNIT_EXPECT_EQ(test, hak_arena_returned(), gone + (pages << PAGE_SHIFT));
	KUNIT_EXPECT_EQ(test, hak_superslab_empty_pages(nid), 0UL);
	KUNIT_EXPECT_EQ(test, hak_arena_bytes(), bytes);
}

/*
 * A late free may look at the metadata of a superslab that is gone, as long as it
 * has preemption off. The metadata stays that of an unused slab.
 */
static void metadata_outlives_its_superslab(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	enum hak_slab_state state;
	struct hak_cache *of;
	struct hak_slab *s;

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "pages cannot be given back with preemption off");
	hak_slab_release(hak_test_slab(test, c));
	use_up_all();
	s = hak_test_slab(test, c);
	hak_slab_release(s);
	preempt_disable();
	hak_superslab_trim(0);
	state = hak_test_state(s);
	of = READ_ONCE(s->cache);
	preempt_enable();
	KUNIT_EXPECT_EQ(test, state, HAK_UNUSED);
	KUNIT_EXPECT_NULL(test, of);
}

#define CHURN	300	/* superslabs that come and go while they are counted */

struct churn {
	struct hak_cache *c;
	bool over;
	unsigned long counts;
	unsigned long excess;
};

/* Thread 0 gets and frees superslabs, and thread 1 counts their slabs meanwhile. */
static int churn_or_count(void *arg, unsigned int id)
{
	struct churn *ch = arg;
	int nid = hak_node_near(numa_mem_id());
	struct hak_class_stats cs;
	struct hak_slab *s;
	unsigned int i;

	if (id) {
		/* Pairs with the release below. */
		while (!smp_load_acquire(&ch->over)) {
			hak_class_stats_read(ch->c, &cs);
			ch->excess += cs.excess;
			ch->counts++;
			hak_test_relax();
		}
		return 0;
	}
	for (i = 0; i < CHURN; i++) {
		s = hak_superslab_claim(ch->c, nid);
		if (!s && hak_superslab_grow(nid, GFP_KERNEL) == nid)
			s = hak_superslab_claim(ch->c, nid);
		if (s)
			hak_slab_release(s);
		hak_superslab_trim(0);
		hak_test_relax();
	}
	/* Pairs with the acquire above. */
	smp_store_release(&ch->over, true);
	return 0;
}

/*
 * The slabs of a cache are counted while superslabs come and go. The counting thread may
 * still have one that is gone, whose metadata nobody may write to before it is done. The
 * sanitizers of races see whether somebody does.
 */
static void counted_while_they_come_and_go(struct kunit *test)
{
	struct hak_test_gang *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	struct churn ch = { .c = hak_test_cache(test, 1024, 0) };

	KUNIT_ASSERT_NOT_NULL(test, g);
	KUNIT_EXPECT_EQ(test, hak_test_gang_start(g, 2, churn_or_count, &ch), 0);
	hak_test_gang_join(g);
	KUNIT_EXPECT_GT(test, ch.counts, 0UL);
	KUNIT_EXPECT_EQ(test, ch.excess, 0UL);
}

#define DENSE		12	/* superslabs that stay in use */
#define SPARSE		12	/* superslabs whose last slabs are released */
#define DENSE_KEPT	20	/* slabs of each that stay */
#define SPARSE_KEPT	2
#define WINDOW		128	/* further slabs that come and go */
#define LOAD		((DENSE + SPARSE) * HAK_MAX_SLOTS)

/* Of the slabs @from to @to, release all but the first @keep of each superslab. */
static void thin_out(struct hak_slab **s, unsigned int from, unsigned int to,
		     unsigned int keep)
{
	unsigned int i;

	for (i = from; i < to; i++)
		if (i % HAK_MAX_SLOTS >= keep)
			hak_slab_release(s[i]);
}

/* Claim a slab and release the oldest of the window, @turns times. */
static void come_and_go(struct kunit *test, struct hak_cache *c,
			struct hak_slab **window, unsigned int *at,
			unsigned int turns)
{
	while (turns--) {
		struct hak_slab **s = &window[(*at)++ % WINDOW];

		if (*s)
			hak_slab_release(*s);
		*s = hak_test_slab(test, c);
	}
}

/*
 * A load shrinks while a smaller one goes on. In half of the superslabs the last
 * used slots are released, while other slabs come and go, for which the other
 * half has room. All of the first half goes back. (If slots were claimed from the
 * superslab with the last release, they would come from the first half, and
 * sixteen superslabs would stay.)
 */
static void shrinking_load_gives_back(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	struct hak_slab **s = kunit_kcalloc(test, LOAD, sizeof(*s), GFP_KERNEL);
	struct hak_slab **window = kunit_kcalloc(test, WINDOW, sizeof(*window),
						 GFP_KERNEL);
	unsigned int i, half = DENSE * HAK_MAX_SLOTS, before, most, left, at = 0;

	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_ASSERT_NOT_NULL(test, window);
	use_up_all();
	before = nr_listed();
	for (i = 0; i < LOAD; i++)
		s[i] = hak_test_slab(test, c);
	most = nr_listed() - before;
	thin_out(s, 0, half, DENSE_KEPT);
	thin_out(s, half, LOAD, SPARSE_KEPT);

	come_and_go(test, c, window, &at, WINDOW);
	for (i = half; i < LOAD; i++)
		if (i % HAK_MAX_SLOTS < SPARSE_KEPT) {
			hak_slab_release(s[i]);
			come_and_go(test, c, window, &at, WINDOW / 4);
		}
	hak_superslab_trim(0);
	left = nr_listed() - before;
	kunit_info(test, "%u superslabs, then %u\n", most, left);

	for (i = 0; i < half; i++)
		if (i % HAK_MAX_SLOTS < DENSE_KEPT)
			hak_slab_release(s[i]);
	release_all(window, 0, WINDOW);
	/*
	 * The machine gave smaller superslabs, with fewer slots than this test
	 * assumes.
	 */
	if (most != DENSE + SPARSE)
		need_whole(test, 0);
	KUNIT_EXPECT_EQ(test, left, DENSE);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(fullest_first),
	KUNIT_CASE(empty_last),
	KUNIT_CASE(broken_ones_by_unused_slots),
	KUNIT_CASE(broken_ones_are_no_stock),
	KUNIT_CASE(shrink_frees_what_was_counted),
	KUNIT_CASE(metadata_outlives_its_superslab),
	KUNIT_CASE(counted_while_they_come_and_go),
	KUNIT_CASE(shrinking_load_gives_back),
	{}
};

static struct kunit_suite hak_superslab_suite = {
	.name = "hak_superslab",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_superslab_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: superslabs");
MODULE_LICENSE("GPL");
