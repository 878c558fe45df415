// SPDX-License-Identifier: GPL-2.0
/* Pools and superslabs: where slabs wait, and how they are released. */
#include <linux/module.h>
#include <linux/rculist.h>
#include <linux/string.h>

#include "hak_test.h"
#include "hak_test_threads.h"

#define MANY	40	/* more than the reaper handles at once */

static void empty_pool(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 64, 0);

	KUNIT_EXPECT_NULL(test, hak_pool_adopt(c, numa_mem_id()));
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), 0);
}

static void put_and_adopt(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 64, 0);
	struct hak_slab *s = hak_test_slab(test, c);
	struct hak_pool *pool = c->pool[s->nid];

	hak_pool_put(s, HAK_OWNED);
	KUNIT_EXPECT_EQ(test, hak_test_state(s), HAK_POOLED);
	KUNIT_EXPECT_EQ(test, atomic_read(&pool->nr), 1);
	KUNIT_EXPECT_PTR_EQ(test, hak_pool_adopt(c, s->nid), s);
	KUNIT_EXPECT_EQ(test, hak_test_state(s), HAK_OWNED);
	KUNIT_EXPECT_EQ(test, atomic_read(&pool->nr), 0);
	KUNIT_EXPECT_NULL(test, hak_pool_adopt(c, s->nid));
	HAK_EXPECT_EVENT(test, HAK_EV_POOLED, 1);
	HAK_EXPECT_EVENT(test, HAK_EV_ADOPTED_WHOLE, 1);
	hak_pool_put(s, HAK_OWNED);
}

/* The newest slab comes first, whatever was in the pool before. */
static void newest_first(struct kunit *test)
{
	static const u8 order[] = { 3, 5, 4, 6, 2, 1, 0 };
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	struct hak_slab *s[ARRAY_SIZE(order)];
	void *obj[ARRAY_SIZE(order)];
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(order); i++) {
		s[i] = hak_test_slab(test, c);
		KUNIT_ASSERT_EQ(test, hak_slab_take(c, s[i], obj + i, 1), 1);
	}
	for (i = 0; i < 4; i++)
		hak_pool_put(s[i], HAK_OWNED);
	KUNIT_EXPECT_PTR_EQ(test, hak_pool_adopt(c, s[0]->nid), s[order[n++]]);
	for (; i < 6; i++)
		hak_pool_put(s[i], HAK_OWNED);
	KUNIT_EXPECT_PTR_EQ(test, hak_pool_adopt(c, s[0]->nid), s[order[n++]]);
	KUNIT_EXPECT_PTR_EQ(test, hak_pool_adopt(c, s[0]->nid), s[order[n++]]);
	hak_pool_put(s[6], HAK_OWNED);
	while (n < ARRAY_SIZE(order))
		KUNIT_EXPECT_PTR_EQ(test, hak_pool_adopt(c, s[0]->nid), s[order[n++]]);
	KUNIT_EXPECT_NULL(test, hak_pool_adopt(c, s[0]->nid));
	for (i = 0; i < ARRAY_SIZE(order); i++) {
		hak_test_give(s[i], obj[i]);
		hak_pool_put(s[i], HAK_OWNED);
	}
}

/* Every slab that is put into the pool is adopted once, on whichever list it is. */
static void all_are_found(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	struct hak_slab *s[MANY], *got[MANY];
	unsigned int i, j, seen;
	void *obj[MANY];

	for (i = 0; i < MANY; i++) {
		s[i] = hak_test_slab(test, c);
		KUNIT_ASSERT_EQ(test, hak_slab_take(c, s[i], obj + i, 1), 1);
	}
	for (i = 0; i < MANY / 2; i++)
		hak_pool_put(s[i], HAK_OWNED);
	/*
	 * The reaper has checked and kept them, so they are on the other list
	 * now.
	 */
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), 0);
	for (; i < MANY; i++)
		hak_pool_put(s[i], HAK_OWNED);
	KUNIT_EXPECT_EQ(test, atomic_read(&c->pool[s[0]->nid]->nr), MANY);
	for (i = 0; i < MANY; i++) {
		got[i] = hak_pool_adopt(c, s[0]->nid);
		KUNIT_ASSERT_NOT_NULL(test, got[i]);
	}
	KUNIT_EXPECT_NULL(test, hak_pool_adopt(c, s[0]->nid));
	KUNIT_EXPECT_EQ(test, atomic_read(&c->pool[s[0]->nid]->nr), 0);
	for (i = 0; i < MANY; i++) {
		for (j = seen = 0; j < MANY; j++)
			seen += got[j] == s[i];
		KUNIT_EXPECT_EQ(test, seen, 1);
		hak_test_give(s[i], obj[i]);
		hak_pool_put(s[i], HAK_OWNED);
	}
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), MANY);
}

/* Whole slabs are released; those with a live object stay and can be adopted. */
static void reaper_releases_whole_slabs(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	struct hak_slab *s[MANY];
	unsigned int i, kept = 0;
	void *obj[MANY];

	for (i = 0; i < MANY; i++) {
		s[i] = hak_test_slab(test, c);
		if (i % 3 == 0)
			KUNIT_ASSERT_EQ(test, hak_slab_take(c, s[i], obj + i, 1),
					1);
	}
	for (i = 0; i < MANY; i++)
		hak_pool_put(s[i], HAK_OWNED);
	for (i = 0; i < MANY; i++)
		kept += i % 3 == 0;
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), MANY - kept);
	HAK_EXPECT_EVENT(test, HAK_EV_RELEASED, MANY - kept);
	KUNIT_EXPECT_EQ(test, atomic_read(&c->pool[s[0]->nid]->nr), kept);
	for (i = 0; i < MANY; i++)
		KUNIT_EXPECT_EQ(test, hak_test_state(s[i]),
				i % 3 ? HAK_UNUSED : HAK_POOLED);
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), 0);
	for (i = 0; i < MANY; i += 3)
		hak_test_push(s[i], obj[i]);
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), kept);
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), 0);
}

/* If frees wait in a slab but other objects are live, it is not whole. */
static void waiting_frees_do_not_make_it_whole(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	struct hak_slab *s = hak_test_slab(test, c);
	void *obj[2];

	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, obj, 2), 2);
	hak_test_push(s, obj[0]);
	hak_pool_put(s, HAK_OWNED);
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), 0);
	hak_test_push(s, obj[1]);
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), 1);
}

/*
 * If a slot is released and claimed by another cache, its geometry, its registry
 * entry, and the check for never-allocated objects are those of the new cache.
 */
static void slot_changes_class(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 8, 0);
	struct hak_cache *d = hak_test_cache(test, 1536, 0);
	struct hak_slab *s = hak_test_slab(test, c), *t;
	void **obj = kunit_kcalloc(test, c->capacity, sizeof(*obj), GFP_KERNEL);
	void *p[2];

	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, obj, c->capacity), c->capacity);
	KUNIT_EXPECT_EQ(test, s->entry->bound, c->capacity * c->step);
	while (s->taken)
		hak_test_give(s, obj[s->taken - 1]);
	hak_pool_put(s, HAK_OWNED);
	KUNIT_ASSERT_EQ(test, hak_test_reap(c), 1);

	/* The lowest unused slot of the fullest superslab, which is the same one. */
	t = hak_test_slab(test, d);
	KUNIT_ASSERT_PTR_EQ(test, t, s);
	KUNIT_EXPECT_PTR_EQ(test, t->cache, d);
	KUNIT_EXPECT_PTR_EQ(test, t->entry->cpu, d->cpu);
	KUNIT_EXPECT_EQ(test, t->entry->bound, 0);
	KUNIT_ASSERT_EQ(test, hak_slab_take(d, t, p, 2), 2);
	KUNIT_EXPECT_EQ(test, (unsigned long)p[0], t->addr + 1536);
	KUNIT_EXPECT_EQ(test, (unsigned long)p[1], t->addr);
	/*
	 * The address of an object of the old class, or of a later one of the new
	 * class.
	 */
	hak_free((char *)p[1] + 8);
	hak_free((char *)p[0] + 1536);
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, 2);
	hak_test_provoke(test, HAK_EV_BAD_FREE, 2);
	KUNIT_EXPECT_EQ(test, hak_slab_used(t), 2);
	KUNIT_EXPECT_EQ(test, hak_usable_size(p[0]), (size_t)1536);
	hak_test_give(t, p[0]);
	hak_test_give(t, p[1]);
	hak_pool_put(t, HAK_OWNED);
	KUNIT_EXPECT_EQ(test, hak_test_reap(d), 1);
}

/* The same from a typed cache to a size class. */
static void slot_changes_to_a_size_class(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 2048, 0);
	struct hak_cache *k = hak_size_class(640);
	struct hak_slab *s = hak_test_slab(test, c), *t;
	unsigned long addr = s->addr;
	void *p;

	hak_pool_put(s, HAK_OWNED);
	KUNIT_ASSERT_EQ(test, hak_test_reap(c), 1);
	t = hak_test_slab(test, k);
	KUNIT_ASSERT_EQ(test, t->addr, addr);
	KUNIT_EXPECT_PTR_EQ(test, t->entry->cpu, k->cpu);
	KUNIT_ASSERT_EQ(test, hak_slab_take(k, t, &p, 1), 1);
	KUNIT_EXPECT_EQ(test, hak_usable_size(p), (size_t)640);
	hak_test_give(t, p);
	hak_pool_put(t, HAK_OWNED);
}

/* --- superslabs --- */

static unsigned int nr_listed(void)
{
	struct hak_stats st;

	hak_stats_read(&st);
	return st.superslabs;
}

/* The slots of a superslab are distinct, and when it is full there is a new one. */
static void slots_of_superslabs(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	enum { NR = 2 * HAK_MAX_SLOTS + 1 };
	struct hak_slab **s = kunit_kcalloc(test, NR, sizeof(*s), GFP_KERNEL);
	unsigned int i, j, twice = 0, misplaced = 0;

	KUNIT_ASSERT_NOT_NULL(test, s);
	for (i = 0; i < NR; i++) {
		struct hak_superslab *ss;

		s[i] = hak_test_slab(test, c);
		ss = s[i]->ss;
		for (j = 0; j < i; j++)
			twice += s[i] == s[j];
		if (!(ss->used & BIT_ULL(s[i]->slot)) ||
		    &ss->slab[s[i]->slot] != s[i] ||
		    s[i]->addr != ss->addr + s[i]->slot * HAK_SLAB_SIZE ||
		    ss->addr & ((PAGE_SIZE << ss->order) - 1))
			misplaced++;
	}
	KUNIT_EXPECT_EQ(test, twice, 0);
	KUNIT_EXPECT_EQ(test, misplaced, 0);
	KUNIT_EXPECT_PTR_NE(test, s[0]->ss, s[NR - 1]->ss);
	for (i = 0; i < NR; i++)
		hak_pool_put(s[i], HAK_OWNED);
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), NR);
}

/* If a slot of a full superslab is released, it is the next to be claimed. */
static void full_superslab_has_room_again(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	enum { NR = 4 * HAK_MAX_SLOTS };
	struct hak_slab **s = kunit_kcalloc(test, NR, sizeof(*s), GFP_KERNEL);
	struct hak_slab *victim;
	unsigned int i, n = 1;
	int nid;

	KUNIT_ASSERT_NOT_NULL(test, s);
	s[0] = hak_test_slab(test, c);
	nid = s[0]->nid;
	while (n < NR && (s[n] = hak_superslab_claim(c, nid)))
		n++;
	KUNIT_ASSERT_LT(test, n, NR);
	victim = s[n - 1];
	hak_pool_put(victim, HAK_OWNED);
	KUNIT_ASSERT_EQ(test, hak_test_reap(c), 1);
	KUNIT_EXPECT_PTR_EQ(test, hak_superslab_claim(c, nid), victim);
	KUNIT_EXPECT_NULL(test, hak_superslab_claim(c, nid));
	for (i = 0; i < n; i++)
		hak_pool_put(s[i], HAK_OWNED);
}

/* Empty superslabs go back except the stock; the trim takes that, too. */
static void empty_superslabs_go_back(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	enum { NR = 3 * HAK_MAX_SLOTS };
	struct hak_slab **s = kunit_kcalloc(test, NR, sizeof(*s), GFP_KERNEL);
	unsigned int stock = HAK_STOCK * num_node_state(N_MEMORY);
	unsigned int i, before, most;
	struct hak_stats st;
	u64 bytes;

	KUNIT_ASSERT_NOT_NULL(test, s);
	hak_reap_all();
	hak_superslab_trim(0);
	/* Unused slots of the superslabs that stay do not count either. */
	hak_superslab_break();
	before = nr_listed();
	bytes = hak_arena_bytes();
	for (i = 0; i < NR; i++)
		s[i] = hak_test_slab(test, c);
	most = nr_listed();
	KUNIT_EXPECT_GE(test, most, before + 2);
	KUNIT_EXPECT_GE(test, hak_arena_bytes(), bytes + 2 * HAK_MAX_SLOTS *
			HAK_SLAB_SIZE);
	for (i = 0; i < NR; i++)
		hak_pool_put(s[i], HAK_OWNED);
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), NR);
	KUNIT_EXPECT_LE(test, nr_listed(), before + stock);
	hak_stats_read(&st);
	KUNIT_EXPECT_GE(test, st.superslabs_empty, (unsigned long)HAK_STOCK);
	KUNIT_EXPECT_LE(test, st.superslabs_empty, (unsigned long)stock);
	hak_superslab_trim(0);
	KUNIT_EXPECT_EQ(test, nr_listed(), before);
	KUNIT_EXPECT_EQ(test, hak_arena_bytes(), bytes);
	hak_stats_read(&st);
	KUNIT_EXPECT_EQ(test, st.superslabs_empty, 0UL);
	KUNIT_EXPECT_EQ(test, st.grown - st.shrunk, (u64)before);
}

/*
 * If everything around slabs in use goes back, the slabs stay usable, and the
 * last of them takes the superslab with it.
 */
static void unused_slots_go_back(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	enum { NR = 3 * HAK_MAX_SLOTS, EACH = 20 };
	struct hak_slab **s = kunit_kcalloc(test, NR, sizeof(*s), GFP_KERNEL);
	unsigned int i, before, kept = 0, gone = 0;
	struct hak_stats st;
	u64 bytes, broken;
	void *p;

	KUNIT_ASSERT_NOT_NULL(test, s);
	hak_reap_all();
	hak_superslab_trim(0);
	hak_superslab_break();
	before = nr_listed();
	bytes = hak_arena_bytes();
	hak_stats_read(&st);
	broken = st.broken;

	for (i = 0; i < NR; i++)
		s[i] = hak_test_slab(test, c);
	if (s[0]->ss != s[EACH]->ss) {
		for (i = 0; i < NR; i++)
			hak_slab_release(s[i]);
		kunit_skip(test, "no free block of order %u", HAK_MAX_ORDER);
	}
	for (i = 0; i < NR; i++) {
		kept += i % EACH == 0;
		if (i % EACH)
			hak_pool_put(s[i], HAK_OWNED);
	}
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), NR - kept);
	hak_superslab_trim(0);
	KUNIT_EXPECT_GT(test, hak_arena_bytes(), bytes + kept * HAK_SLAB_SIZE);
	hak_superslab_break();
	KUNIT_EXPECT_EQ(test, hak_arena_bytes(), bytes + kept * HAK_SLAB_SIZE);
	hak_stats_read(&st);
	KUNIT_EXPECT_EQ(test, (u64)st.pages << PAGE_SHIFT, hak_arena_bytes());
	KUNIT_EXPECT_GT(test, st.broken, broken);
	KUNIT_EXPECT_EQ(test, st.superslabs_empty, 0UL);

	for (i = 0; i < NR; i += EACH) {
		KUNIT_EXPECT_EQ(test, hak_slab_take(c, s[i], &p, 1), 1);
		memset(p, 0x5a, c->size);
		KUNIT_EXPECT_PTR_EQ(test, hak_test_slab_of(p), s[i]);
		hak_test_give(s[i], p);
		gone += !!hak_superslab_claim(c, s[i]->nid);
	}
	/* No slot that went back is claimed. */
	KUNIT_EXPECT_EQ(test, gone, 0);
	/* A slot stays as long as its superslab does. */
	hak_slab_release(s[0]);
	KUNIT_EXPECT_PTR_EQ(test, hak_superslab_claim(c, s[0]->nid), s[0]);
	for (i = 0; i < NR; i += EACH)
		hak_pool_put(s[i], HAK_OWNED);
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), kept);
	hak_superslab_trim(0);
	KUNIT_EXPECT_EQ(test, nr_listed(), before);
	KUNIT_EXPECT_EQ(test, hak_arena_bytes(), bytes);
}

static void registry_forgets_freed_superslabs(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	enum { NR = 2 * HAK_MAX_SLOTS };
	unsigned long addr[NR];
	unsigned int i, known = 0;

	for (i = 0; i < NR; i++) {
		struct hak_slab *s = hak_test_slab(test, c);

		addr[i] = s->addr;
		hak_pool_put(s, HAK_OWNED);
		if (i % 7 == 0)
			known += hak_test_slab_of((void *)addr[i]) != s;
	}
	KUNIT_EXPECT_EQ(test, known, 0);
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), NR);
	hak_superslab_trim(0);
	for (i = 0; i < NR; i++)
		known += !!hak_slab_of((void *)addr[i]);
	KUNIT_EXPECT_EQ(test, known, 0);
}

/* --- with threads --- */

struct claimers {
	struct hak_cache *c;
	atomic_t errors;
	int nid;
};

static int claim_and_release(void *arg, unsigned int id)
{
	struct claimers *m = arg;
	unsigned int i;
	int nid;

	for (i = 0; i < hak_test_rounds(1000); i++) {
		struct hak_slab *s = hak_superslab_claim(m->c, m->nid);

		if (!s) {
			nid = hak_superslab_grow(m->nid, GFP_KERNEL);
			if (nid < 0)
				atomic_inc(&m->errors);
			continue;
		}
		if (hak_slab_used(s) || s->bump ||
		    hak_test_slab_of((void *)s->addr) != s ||
		    !(READ_ONCE(s->ss->used) & BIT_ULL(s->slot)) ||
		    READ_ONCE(s->ss->used) & HAK_SS_DEAD)
			atomic_inc(&m->errors);
		/* Only this thread has the slab until it releases it. */
		WRITE_ONCE(s->stranded, id + 1);
		if (i % 8 == 0)
			cond_resched();
		if (READ_ONCE(s->stranded) != id + 1)
			atomic_inc(&m->errors);
		WRITE_ONCE(s->stranded, 0);
		hak_slab_release(s);
		if (i % 64 == 0)
			hak_superslab_trim(0);
		if (i % 16 == 0 && !id)
			hak_superslab_break();
	}
	return 0;
}

static void claims_releases_and_trims(struct kunit *test)
{
	struct hak_test_gang *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	struct claimers m = { .nid = hak_node_near(numa_mem_id()) };

	KUNIT_ASSERT_NOT_NULL(test, g);
	m.c = hak_test_cache(test, 1024, 0);
	KUNIT_ASSERT_EQ(test, hak_test_gang_start(g, hak_test_nr_threads(),
						  claim_and_release, &m), 0);
	hak_test_gang_join(g);
	KUNIT_EXPECT_EQ(test, atomic_read(&m.errors), 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(empty_pool),
	KUNIT_CASE(put_and_adopt),
	KUNIT_CASE(newest_first),
	KUNIT_CASE(all_are_found),
	KUNIT_CASE(reaper_releases_whole_slabs),
	KUNIT_CASE(waiting_frees_do_not_make_it_whole),
	KUNIT_CASE(slot_changes_class),
	KUNIT_CASE(slot_changes_to_a_size_class),
	KUNIT_CASE(slots_of_superslabs),
	KUNIT_CASE(full_superslab_has_room_again),
	KUNIT_CASE(empty_superslabs_go_back),
	KUNIT_CASE(unused_slots_go_back),
	KUNIT_CASE(registry_forgets_freed_superslabs),
	KUNIT_CASE(claims_releases_and_trims),
	{}
};

static struct kunit_suite hak_pool_suite = {
	.name = "hak_pool",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_pool_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: pools, superslabs");
MODULE_LICENSE("GPL");
