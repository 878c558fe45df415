// SPDX-License-Identifier: GPL-2.0
/*
 * The depot: one CPU frees batches and another allocates them. CPUs A, B and C
 * are pretended; see hak_test.h. A allocates, B and C free.
 */
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/string.h>

#include "hak_test.h"
#include "hak_test_threads.h"

#define CAP	8	/* objects a pretended CPU keeps */
#define BATCH	4	/* objects in a magazine */
#define FULL	64	/* capacity of the slabs used here */
#define SIZE	(HAK_SLAB_SIZE / FULL)

static struct hak_depot *depot_of(struct hak_cache *c)
{
	return &c->pool[hak_node_near(numa_mem_id())]->depot;
}

static bool is_one_of(void *p, void **obj, unsigned int n)
{
	while (n--)
		if (obj[n] == p)
			return true;
	return false;
}

/* Leave @cc as it is when it has just handed out its last object. */
static void use_up(struct kunit *test, struct hak_cache *c,
		   struct hak_cpu_cache *cc, void **obj, unsigned int *n)
{
	while (cc->nr)
		obj[(*n)++] = hak_test_alloc(test, c, cc);
}

static void a_batch_is_sent_as_a_whole(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu_sending(test, c, CAP);
	struct hak_cpu_cache *b = hak_test_cpu_sending(test, c, CAP);
	void *obj[CAP + 1], *again[BATCH];
	struct hak_slab *s;
	unsigned int i;
	int v;

	hak_test_alloc_many(test, c, a, obj, CAP + 1);
	/* Drop the rest of A's batch, so that its next allocation refills. */
	hak_cpu_spill(c, a, a->obj, a->nr);
	a->nr = 0;
	s = a->cur;
	v = atomic_read(&s->rc);

	for (i = 0; i < CAP + 1; i++) {
		memset(obj[i], 0x5a, SIZE);
		hak_test_free(c, b, obj[i]);
	}
	KUNIT_EXPECT_EQ(test, b->sends, 1);
	KUNIT_EXPECT_EQ(test, b->spills, 0UL);
	KUNIT_EXPECT_EQ(test, b->nr, CAP + 1 - BATCH);
	KUNIT_EXPECT_EQ(test, hak_magazine_objects(b), BATCH);

	hak_test_alloc_many(test, c, a, again, BATCH);
	KUNIT_EXPECT_EQ(test, depot_of(c)->received, 1);
	KUNIT_EXPECT_EQ(test, hak_magazine_objects(b), 0);
	for (i = 0; i < BATCH; i++) {
		/*
		 * A gets the older half of B's cache, in the order in which its
		 * own cache hands out.
		 */
		KUNIT_EXPECT_PTR_EQ(test, again[i], obj[BATCH - 1 - i]);
		/*
		 * Neither CPU wrote to the objects, and their slab counts them as
		 * used.
		 */
		KUNIT_EXPECT_PTR_EQ(test, memchr_inv(again[i], 0x5a, SIZE), NULL);
	}
	KUNIT_EXPECT_TRUE(test, llist_empty(&s->remote));
	KUNIT_EXPECT_EQ(test, atomic_read(&s->rc), v);
	hak_test_free_many(c, a, again, BATCH);
}

/*
 * Make the slab of @p look like another CPU's, for a CPU that frees its own
 * objects.
 */
static void make_foreign(void *p)
{
	WRITE_ONCE(hak_slab_of(p)->entry->owner_tag, 0);
}

static void its_own_objects_are_not_sent(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu_sending(test, c, CAP);
	struct hak_cpu_cache *b = hak_test_cpu_sending(test, c, CAP);
	void *obj[2 * CAP];

	hak_test_alloc_many(test, c, a, obj, 2 * CAP);
	hak_test_free_many(c, a, obj, 2 * CAP);
	KUNIT_EXPECT_EQ(test, a->sends, 0);
	KUNIT_EXPECT_EQ(test, a->spills, 2UL);
	/* If A adopts the slab, the registry names A as its owner. */
	hak_cpu_flush(c, a);
	hak_test_alloc_many(test, c, b, obj, 2 * CAP);
	hak_test_free_many(c, b, obj, 2 * CAP);
	KUNIT_EXPECT_EQ(test, b->sends, 0);
	hak_test_alloc_many(test, c, b, obj, 2 * CAP);
	hak_test_free_many(c, a, obj, 2 * CAP);
	KUNIT_EXPECT_EQ(test, a->sends, 2);
}

static void a_cpu_receives_what_it_sent(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu_sending(test, c, CAP);
	void *obj[4 * CAP];
	unsigned int n = 0;

	hak_test_alloc_many(test, c, a, obj, 2 * CAP);
	make_foreign(obj[0]);
	hak_test_free_many(c, a, obj, 2 * CAP);
	KUNIT_EXPECT_EQ(test, a->sends, 2);
	use_up(test, c, a, obj, &n);
	obj[n++] = hak_test_alloc(test, c, a);
	KUNIT_EXPECT_EQ(test, depot_of(c)->received, 1);
	hak_test_free_many(c, a, obj, n);
}

/* A CPU that owns a slab with free objects takes those that another CPU has sent first. */
static void a_refill_looks_into_the_depot(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *b = hak_test_cpu_sending(test, c, CAP);
	void *obj[FULL];
	unsigned int n;

	if (!c->cap || c->checks)
		kunit_skip(test, "objects are not cached");
	migrate_disable();
	n = hak_cpu_batch(raw_cpu_ptr(c->cpu));
	KUNIT_ASSERT_GE(test, n, CAP + 1);
	KUNIT_ASSERT_LT(test, n, FULL);
	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, n, obj), n);
	KUNIT_EXPECT_NOT_NULL(test, raw_cpu_ptr(c->cpu)->cur);
	KUNIT_EXPECT_EQ(test, raw_cpu_ptr(c->cpu)->nr, 0);
	hak_test_free_many(c, b, obj, CAP + 1);
	KUNIT_EXPECT_EQ(test, b->sends, 1);
	obj[0] = hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, depot_of(c)->received, 1);
	migrate_enable();
	hak_cache_free(c, obj[0]);
	hak_cache_free_bulk(c, n - CAP - 1, obj + CAP + 1);
}

static void without_a_magazine_objects_are_spilled(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu_sending(test, c, CAP);
	struct hak_cpu_cache *b = hak_test_cpu_sending(test, c, CAP);
	const unsigned int n = CAP + 1 + (HAK_MAGAZINES + 1) * BATCH;
	void *obj[64];
	struct hak_slab *s;

	KUNIT_ASSERT_LE(test, n, ARRAY_SIZE(obj));
	hak_test_alloc_many(test, c, a, obj, n);
	s = a->cur;
	hak_test_free_many(c, b, obj, n);
	KUNIT_EXPECT_EQ(test, b->sends, HAK_MAGAZINES);
	KUNIT_EXPECT_EQ(test, hak_magazine_objects(b), HAK_MAGAZINES * BATCH);
	KUNIT_EXPECT_EQ(test, b->spills, 2UL);
	KUNIT_EXPECT_EQ(test, hak_test_chain_len(READ_ONCE(s->remote.first)),
			2 * BATCH);
}

static void magazines_are_released_in_any_order(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu_sending(test, c, CAP);
	struct hak_cpu_cache *b = hak_test_cpu_sending(test, c, CAP);
	unsigned int i, n = 0;
	void *obj[FULL], *more[FULL];

	hak_test_alloc_many(test, c, a, obj, CAP + HAK_MAGAZINES * BATCH);
	use_up(test, c, a, more, &n);
	hak_test_free_many(c, b, obj, CAP + HAK_MAGAZINES * BATCH);
	KUNIT_ASSERT_EQ(test, b->sends, HAK_MAGAZINES);

	/* The newest magazine is received first, and B's next is the oldest. */
	more[n++] = hak_test_alloc(test, c, a);
	KUNIT_EXPECT_EQ(test, hak_magazine_objects(b), (HAK_MAGAZINES - 1) * BATCH);
	hak_test_free(c, b, more[--n]);
	KUNIT_EXPECT_EQ(test, b->sends, HAK_MAGAZINES);
	KUNIT_EXPECT_EQ(test, b->spills, 1UL);
	for (i = 0; i < HAK_MAGAZINES; i++) {
		use_up(test, c, a, more, &n);
		more[n++] = hak_test_alloc(test, c, a);
	}
	KUNIT_EXPECT_EQ(test, hak_magazine_objects(b), 0);
	hak_test_free_many(c, b, more, n);
	KUNIT_EXPECT_GT(test, b->sends, HAK_MAGAZINES);
}

static void a_held_lock_is_not_waited_for(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu_sending(test, c, CAP);
	struct hak_cpu_cache *b = hak_test_cpu_sending(test, c, CAP);
	void *obj[2 * CAP], *p;
	unsigned int n = 0;

	hak_test_alloc_many(test, c, a, obj, CAP + 1);
	hak_test_free_many(c, b, obj, CAP + 1);
	KUNIT_ASSERT_EQ(test, b->sends, 1);
	use_up(test, c, a, obj, &n);

	raw_spin_lock(&depot_of(c)->lock);
	p = hak_cpu_take(c, a, hak_node_near(numa_mem_id()));
	raw_spin_unlock(&depot_of(c)->lock);
	KUNIT_EXPECT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, depot_of(c)->received, 0);
	KUNIT_EXPECT_EQ(test, hak_magazine_objects(b), BATCH);
	obj[n++] = p;
	hak_test_free_many(c, a, obj, n);
}

static void one_cpu_takes_one_magazine(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu_sending(test, c, CAP);
	struct hak_cpu_cache *b = hak_test_cpu_sending(test, c, CAP);
	struct hak_cpu_cache *d = hak_test_cpu_sending(test, c, CAP);
	void *obj[CAP + 2 * BATCH], *p, *q;

	hak_test_alloc_many(test, c, a, obj, CAP + 2 * BATCH);
	hak_test_free_many(c, b, obj, CAP + 2 * BATCH);
	KUNIT_ASSERT_EQ(test, b->sends, 2);

	/* A takes one magazine only, and D gets the others. */
	hak_cpu_flush(c, a);
	p = hak_test_alloc(test, c, a);
	KUNIT_EXPECT_EQ(test, hak_magazine_objects(b), BATCH);
	q = hak_test_alloc(test, c, d);
	KUNIT_EXPECT_EQ(test, hak_magazine_objects(b), 0);
	KUNIT_EXPECT_TRUE(test, is_one_of(p, obj, 2 * BATCH));
	KUNIT_EXPECT_TRUE(test, is_one_of(q, obj, 2 * BATCH));
	hak_test_free(c, a, p);
	hak_test_free(c, d, q);
}

static void magazines_of_a_dead_cpu_are_received(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu_sending(test, c, CAP);
	struct hak_cpu_cache *b = hak_test_cpu_sending(test, c, CAP);
	void *obj[CAP + 1], *p;

	hak_test_alloc_many(test, c, a, obj, CAP + 1);
	hak_test_free_many(c, b, obj, CAP + 1);
	hak_cpu_flush(c, b);
	KUNIT_EXPECT_EQ(test, b->nr, 0);
	KUNIT_EXPECT_EQ(test, hak_magazine_objects(b), BATCH);

	hak_cpu_flush(c, a);
	p = hak_test_alloc(test, c, a);
	KUNIT_EXPECT_TRUE(test, is_one_of(p, obj, BATCH));
	KUNIT_EXPECT_EQ(test, hak_magazine_objects(b), 0);
	hak_test_free(c, a, p);
}

static void a_flush_gives_all_back(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu_sending(test, c, CAP);
	struct hak_cpu_cache *b = hak_test_cpu_sending(test, c, CAP);
	void *obj[CAP + 2 * BATCH];
	struct hak_slab *s;
	int nid;

	hak_test_alloc_many(test, c, a, obj, CAP + 2 * BATCH);
	s = a->cur;
	hak_test_free_many(c, b, obj, CAP + 2 * BATCH);
	hak_cpu_flush(c, a);
	hak_cpu_flush(c, b);
	KUNIT_EXPECT_EQ(test, hak_slab_used(s), 2 * BATCH);
	for_each_node(nid)
		hak_depot_flush(c, nid);
	KUNIT_EXPECT_TRUE(test, hak_depot_empty(depot_of(c)));
	KUNIT_EXPECT_EQ(test, hak_magazine_objects(b), 0);
	KUNIT_EXPECT_EQ(test, hak_slab_used(s), 0);
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), 1);
}

/* hak_cache_shrink() releases a slab whose free objects are all in magazines. */
static void a_cache_is_shrunk(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu_sending(test, c, CAP);
	struct hak_cpu_cache *b = hak_test_cpu_sending(test, c, CAP);
	void *obj[CAP + 2 * BATCH];

	hak_test_alloc_many(test, c, a, obj, CAP + 2 * BATCH);
	hak_test_free_many(c, b, obj, CAP + 2 * BATCH);
	hak_cpu_flush(c, a);
	hak_cpu_flush(c, b);
	KUNIT_EXPECT_EQ(test, hak_magazine_objects(b), 2 * BATCH);
	KUNIT_EXPECT_EQ(test, hak_cache_shrink(c), 0);
	KUNIT_EXPECT_EQ(test, hak_magazine_objects(b), 0);
}

static void an_idle_depot_is_trimmed(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu_sending(test, c, CAP);
	struct hak_cpu_cache *b = hak_test_cpu_sending(test, c, CAP);
	void *obj[CAP + 2 * BATCH];
	unsigned int n = 0;

	hak_depot_trim(true);
	hak_test_alloc_many(test, c, a, obj, CAP + 2 * BATCH);
	hak_test_free_many(c, b, obj, CAP + 2 * BATCH);
	KUNIT_ASSERT_EQ(test, hak_magazine_objects(b), 2 * BATCH);
	/*
	 * A CPU has received from the depot since the last trim: it is left
	 * alone.
	 */
	hak_cpu_flush(c, a);
	obj[n++] = hak_test_alloc(test, c, a);
	KUNIT_EXPECT_TRUE(test, hak_depot_trim(false));
	KUNIT_EXPECT_EQ(test, hak_magazine_objects(b), BATCH);
	/*
	 * No CPU has received from it: it is flushed, and the trim has to come
	 * again.
	 */
	KUNIT_EXPECT_TRUE(test, hak_depot_trim(false));
	KUNIT_EXPECT_EQ(test, hak_magazine_objects(b), 0);
	KUNIT_EXPECT_FALSE(test, hak_depot_trim(false));
	hak_test_free_many(c, a, obj, n);
}

static void no_magazines_with_the_cache_off(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_cap(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu_sending(test, c, 0);
	struct hak_cpu_cache *b = hak_test_cpu_sending(test, c, 0);
	void *obj[2 * CAP];
	struct hak_slab *s;

	hak_test_alloc_many(test, c, a, obj, 2 * CAP);
	s = a->cur;
	hak_test_free_many(c, b, obj, 2 * CAP);
	KUNIT_EXPECT_EQ(test, b->sends, 0);
	KUNIT_EXPECT_TRUE(test, hak_depot_empty(depot_of(c)));
	KUNIT_EXPECT_EQ(test, hak_test_chain_len(READ_ONCE(s->remote.first)), 2 * CAP);
}

/* Through the API, so this CPU's own cache sends, and counts it. */
static void statistics_count_magazines(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_cap(test, SIZE, CAP);
	void *obj[CAP + BATCH], *more[CAP + BATCH];
	struct hak_class_stats cs;
	struct hak_cpu_cache *cc;
	unsigned int i;

	migrate_disable();
	for (i = 0; i < ARRAY_SIZE(obj); i++) {
		obj[i] = hak_cache_alloc(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, obj[i]);
	}
	cc = raw_cpu_ptr(c->cpu);
	preempt_disable();
	hak_cpu_flush(c, cc);
	preempt_enable();
	make_foreign(obj[0]);
	for (i = 0; i < ARRAY_SIZE(obj); i++)
		hak_cache_free(c, obj[i]);
	hak_class_stats_read(c, &cs);
	KUNIT_EXPECT_EQ(test, cs.live, 0L);
	KUNIT_EXPECT_EQ(test, cs.depot, (unsigned long)BATCH);
	KUNIT_EXPECT_EQ(test, cs.cached, (unsigned long)CAP);
	KUNIT_EXPECT_EQ(test, cs.sends, 1UL);
	KUNIT_EXPECT_EQ(test, cs.receives, 0UL);

	/*
	 * A bulk allocation gets the cached objects first, and then those of the
	 * magazine.
	 */
	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, ARRAY_SIZE(more), more),
			ARRAY_SIZE(more));
	migrate_enable();
	hak_class_stats_read(c, &cs);
	KUNIT_EXPECT_EQ(test, cs.live, (long)ARRAY_SIZE(more));
	KUNIT_EXPECT_EQ(test, cs.depot, 0UL);
	KUNIT_EXPECT_EQ(test, cs.cached, 0UL);
	KUNIT_EXPECT_EQ(test, cs.receives, 1UL);
	for (i = 0; i < ARRAY_SIZE(more); i++)
		KUNIT_EXPECT_TRUE(test, is_one_of(more[i], obj, ARRAY_SIZE(obj)));
	hak_cache_free_bulk(c, ARRAY_SIZE(more), more);
}

static void a_cache_with_magazines_under_way_is_destroyed(struct kunit *test)
{
	struct hak_test *t = test->priv;
	struct hak_cache *c = hak_test_cache_cap(test, SIZE, CAP);
	struct hak_class_stats cs;
	void *obj[2 * CAP];
	unsigned int i;

	migrate_disable();
	for (i = 0; i < ARRAY_SIZE(obj); i++) {
		obj[i] = hak_cache_alloc(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, obj[i]);
	}
	make_foreign(obj[0]);
	for (i = 0; i < ARRAY_SIZE(obj); i++)
		hak_cache_free(c, obj[i]);
	migrate_enable();
	hak_class_stats_read(c, &cs);
	KUNIT_EXPECT_GT(test, cs.depot, 0UL);
	hak_cache_destroy(c);
	t->nr_caches--;
	/* If an object were left, the destruction would warn and keep the slabs. */
	HAK_EXPECT_EVENT(test, HAK_EV_RELEASED, hak_test_event(test, HAK_EV_CLAIMED));
}

/* --- races: threads, each with a pretended CPU, exchange objects --- */

#define OPS		30000
#define MOST_OPS	(20 * OPS)
#define NR_SLOTS	64

struct race {
	struct hak_cache *c;
	struct hak_cpu_cache *cc[HAK_TEST_MAX_THREADS];
	atomic_long_t slot[NR_SLOTS];
	atomic_t done;
	atomic_t errors;
	unsigned int nr;
	bool trim;
};

/* While an object is allocated, its first word holds its own address. */
static void *stamped_alloc(struct race *r, struct hak_cpu_cache *cc)
{
	void *p = NULL;

	preempt_disable();
	p = hak_cpu_take(r->c, cc, hak_node_near(numa_mem_id()));
	preempt_enable();
	if (p && *(void **)p == p)
		atomic_inc(&r->errors);
	if (p)
		*(void **)p = p;
	return p;
}

/* An object of another node travels in the outbox, as hak_free() has it. */
static void stamped_free(struct race *r, struct hak_cpu_cache *cc, void *p)
{
	if (*(void **)p != p)
		atomic_inc(&r->errors);
	*(void **)p = NULL;
	preempt_disable();
	if (hak_is_other_node(hak_test_slab_of(p)->nid))
		hak_outbox_put(r->c, cc, p);
	else
		hak_test_free(r->c, cc, p);
	preempt_enable();
}

/* Magazines received, of whatever node's depot. */
static unsigned int nr_received(struct hak_cache *c)
{
	unsigned int n = 0;
	int nid;

	for_each_node(nid)
		n += READ_ONCE(c->pool[nid]->depot.received);
	return n;
}

/*
 * Was a magazine handed over? A flush may take every magazine before another CPU
 * does; then it is enough that one was sent.
 */
static bool handed_over(struct race *r)
{
	unsigned int i, sends = 0;

	if (!r->trim)
		return nr_received(r->c);
	for (i = 0; i < r->nr; i++)
		sends += READ_ONCE(r->cc[i]->sends);
	return sends;
}

/* Threads with an even number allocate into slots, the others free from there. */
static int race_thread(void *arg, unsigned int id)
{
	struct race *r = arg;
	struct hak_cpu_cache *cc = r->cc[id];
	unsigned int i;

	/* Go on longer if a busy host has run the threads one after the other. */
	for (i = 0; i < OPS || (i < MOST_OPS && !handed_over(r)); i++) {
		atomic_long_t *slot = &r->slot[(i * 7 + id) % NR_SLOTS];
		void *p;

		if (id & 1) {
			p = (void *)atomic_long_xchg(slot, 0);
		} else {
			p = stamped_alloc(r, cc);
			if (p)
				p = (void *)atomic_long_xchg(slot, (long)p);
			else
				hak_superslab_grow(hak_node_near(numa_mem_id()),
						   GFP_KERNEL);
		}
		if (p)
			stamped_free(r, cc, p);
		if (i % 128 == 0)
			cond_resched();
		if (i >= OPS && i % 128 == 0)
			hak_test_relax();
	}
	atomic_inc(&r->done);
	return 0;
}

static int trim_thread(struct race *r)
{
	int nid;

	while (atomic_read(&r->done) < r->nr - 1) {
		for_each_node(nid)
			hak_depot_flush(r->c, nid);
		hak_test_relax();
	}
	return 0;
}

static int race_or_trim(void *arg, unsigned int id)
{
	struct race *r = arg;

	return r->trim && id == r->nr - 1 ? trim_thread(r) : race_thread(r, id);
}

static void run_race(struct kunit *test, bool trim)
{
	struct hak_test_gang *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	struct race *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, g);
	KUNIT_ASSERT_NOT_NULL(test, r);
	r->c = hak_test_cache(test, 256, 0);
	r->trim = trim;
	r->nr = hak_test_nr_threads() + trim;
	if (r->nr > HAK_TEST_MAX_THREADS)
		r->nr = HAK_TEST_MAX_THREADS;
	for (i = 0; i < r->nr; i++)
		r->cc[i] = hak_test_cpu_sending(test, r->c, CAP);
	KUNIT_ASSERT_EQ(test, hak_test_gang_start(g, r->nr, race_or_trim, r), 0);
	hak_test_gang_join(g);
	for (i = 0; i < NR_SLOTS; i++) {
		void *p = (void *)atomic_long_xchg(&r->slot[i], 0);

		if (p)
			stamped_free(r, r->cc[0], p);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&r->errors), 0);
	KUNIT_EXPECT_TRUE(test, handed_over(r));
}

static void hand_over_by_many_threads(struct kunit *test)
{
	run_race(test, false);
}

static void hand_over_during_flushes(struct kunit *test)
{
	run_race(test, true);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_batch_is_sent_as_a_whole),
	KUNIT_CASE(its_own_objects_are_not_sent),
	KUNIT_CASE(a_cpu_receives_what_it_sent),
	KUNIT_CASE(a_refill_looks_into_the_depot),
	KUNIT_CASE(without_a_magazine_objects_are_spilled),
	KUNIT_CASE(magazines_are_released_in_any_order),
	KUNIT_CASE(a_held_lock_is_not_waited_for),
	KUNIT_CASE(one_cpu_takes_one_magazine),
	KUNIT_CASE(magazines_of_a_dead_cpu_are_received),
	KUNIT_CASE(a_flush_gives_all_back),
	KUNIT_CASE(a_cache_is_shrunk),
	KUNIT_CASE(an_idle_depot_is_trimmed),
	KUNIT_CASE(no_magazines_with_the_cache_off),
	KUNIT_CASE(statistics_count_magazines),
	KUNIT_CASE(a_cache_with_magazines_under_way_is_destroyed),
	KUNIT_CASE(hand_over_by_many_threads),
	KUNIT_CASE(hand_over_during_flushes),
	{}
};

static struct kunit_suite hak_depot_suite = {
	.name = "hak_depot",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_depot_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: the depot");
MODULE_LICENSE("GPL");
