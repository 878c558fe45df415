// SPDX-License-Identifier: GPL-2.0
/*
 * One slab and its owner: the owner takes, gives back and drains objects, with
 * all checks.
 */
#include <linux/module.h>
#include <linux/string.h>

#include "hak_test.h"

#define MANY	64

static void give_all(struct hak_slab *s, void **obj, unsigned int n)
{
	while (n--)
		hak_test_give(s, obj[n]);
}

static void objects_are_distinct_and_in_place(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	struct hak_slab *s = hak_test_slab(test, c);
	unsigned int i;
	void *obj[MANY];

	KUNIT_ASSERT_EQ(test, c->capacity, MANY);
	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, obj, MANY), MANY);
	/* Popped from the end, the addresses go up. */
	for (i = 0; i < MANY; i++)
		KUNIT_EXPECT_EQ(test, (unsigned long)obj[i],
				s->addr + (MANY - 1 - i) * 1024);
	KUNIT_EXPECT_EQ(test, hak_slab_used(s), MANY);
	KUNIT_EXPECT_EQ(test, hak_slab_take(c, s, obj, 1), 0);
	KUNIT_EXPECT_TRUE(test, hak_slab_validate(s));
	give_all(s, obj, MANY);
	KUNIT_EXPECT_EQ(test, hak_slab_used(s), 0);
	KUNIT_EXPECT_TRUE(test, hak_slab_validate(s));
	hak_pool_put(s, HAK_OWNED);
}

/* The rest at the end of a slab, too small for an object, stays unused. */
static void never_beyond_capacity(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 6000, 0);
	struct hak_slab *s = hak_test_slab(test, c);
	void *obj[MANY];
	unsigned int i, n;

	n = hak_slab_take(c, s, obj, MANY);
	KUNIT_EXPECT_EQ(test, n, HAK_SLAB_SIZE / 6000);
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_LE(test, (unsigned long)obj[i] + 6000,
				s->addr + HAK_SLAB_SIZE);
	give_all(s, obj, n);
	hak_pool_put(s, HAK_OWNED);
}

/* A slab that was only carved switches to its freelist, and back. */
static void never_used_space_comes_last(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	struct hak_slab *s = hak_test_slab(test, c);
	void *obj[8], *again[8];

	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, obj, 5), 5);
	KUNIT_EXPECT_EQ(test, s->bump, 5);
	hak_test_give(s, obj[1]);
	hak_test_give(s, obj[3]);
	KUNIT_EXPECT_EQ(test, hak_slab_used(s), 3);
	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, again, 1), 1);
	KUNIT_EXPECT_PTR_EQ(test, again[0], obj[3]);
	KUNIT_EXPECT_EQ(test, s->bump, 5);
	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, again + 1, 3), 3);
	KUNIT_EXPECT_PTR_EQ(test, again[1], obj[1]);
	KUNIT_EXPECT_EQ(test, s->bump, 7);
	KUNIT_EXPECT_EQ(test, hak_slab_used(s), 7);
	KUNIT_EXPECT_TRUE(test, hak_slab_validate(s));
	hak_test_give(s, obj[0]);
	hak_test_give(s, obj[2]);
	hak_test_give(s, obj[4]);
	give_all(s, again, 4);
	hak_pool_put(s, HAK_OWNED);
}

static void waiting_frees_before_never_used_space(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	struct hak_slab *s = hak_test_slab(test, c);
	void *obj[4], *again[4];

	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, obj, 4), 4);
	hak_test_push(s, obj[0]);
	hak_test_push(s, obj[2]);
	KUNIT_EXPECT_EQ(test, hak_slab_used(s), 2);
	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, again, 2), 2);
	KUNIT_EXPECT_EQ(test, s->bump, 4);
	KUNIT_EXPECT_PTR_EQ(test, again[0], obj[2]);
	KUNIT_EXPECT_PTR_EQ(test, again[1], obj[0]);
	KUNIT_EXPECT_EQ(test, hak_slab_used(s), 4);
	KUNIT_EXPECT_TRUE(test, hak_slab_validate(s));
	give_all(s, obj, 4);
	hak_pool_put(s, HAK_OWNED);
}

/* One take gets all free objects, on whichever list they are. */
static void take_from_all_places_at_once(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	struct hak_slab *s = hak_test_slab(test, c);
	void *obj[6], *again[8];

	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, obj, 6), 6);
	hak_test_push(s, obj[0]);
	hak_test_push(s, obj[1]);
	KUNIT_EXPECT_TRUE(test, hak_slab_drain(c, s));
	hak_test_give(s, obj[2]);
	hak_test_push(s, obj[3]);
	KUNIT_EXPECT_TRUE(test, hak_slab_validate(s));
	/* 1 on the freelist, 2 drained, 1 waiting, the rest never used. */
	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, again, 5), 5);
	KUNIT_EXPECT_PTR_EQ(test, again[0], obj[2]);
	KUNIT_EXPECT_PTR_EQ(test, again[1], obj[1]);
	KUNIT_EXPECT_PTR_EQ(test, again[2], obj[0]);
	KUNIT_EXPECT_PTR_EQ(test, again[3], obj[3]);
	KUNIT_EXPECT_EQ(test, s->bump, 7);
	KUNIT_EXPECT_EQ(test, hak_slab_used(s), 7);
	KUNIT_EXPECT_TRUE(test, hak_slab_validate(s));
	give_all(s, again, 5);
	hak_test_give(s, obj[4]);
	hak_test_give(s, obj[5]);
	hak_pool_put(s, HAK_OWNED);
}

static void drain_keeps_what_was_drained(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	struct hak_slab *s = hak_test_slab(test, c);
	void *obj[6];

	KUNIT_EXPECT_FALSE(test, hak_slab_drain(c, s));
	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, obj, 6), 6);
	hak_test_push(s, obj[0]);
	KUNIT_EXPECT_TRUE(test, hak_slab_drain(c, s));
	KUNIT_EXPECT_FALSE(test, hak_slab_drain(c, s));
	hak_test_push(s, obj[1]);
	KUNIT_EXPECT_TRUE(test, hak_slab_drain(c, s));
	KUNIT_EXPECT_EQ(test, hak_test_chain_len(s->freelist), 1);
	KUNIT_EXPECT_EQ(test, hak_test_chain_len(s->drained), 1);
	/* Both lists are in use, so the object stays in the remote list. */
	hak_test_push(s, obj[2]);
	KUNIT_EXPECT_FALSE(test, hak_slab_drain(c, s));
	KUNIT_EXPECT_EQ(test, hak_test_chain_len(s->remote.first), 1);
	KUNIT_EXPECT_TRUE(test, hak_slab_validate(s));
	KUNIT_EXPECT_EQ(test, hak_slab_take(c, s, obj, 3), 3);
	KUNIT_EXPECT_TRUE(test, hak_slab_validate(s));
	give_all(s, obj, 6);
	hak_pool_put(s, HAK_OWNED);
}

/* taken and freed are counted modulo 2^29; used is their difference. */
static void counters_wrap(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	struct hak_slab *s = hak_test_slab(test, c);
	void *obj[4];

	s->taken = (1U << 29) - 2;
	atomic_set(&s->rc, s->taken << HAK_FREED_SHIFT | HAK_OWNED);
	KUNIT_EXPECT_EQ(test, hak_slab_used(s), 0);
	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, obj, 4), 4);
	KUNIT_EXPECT_EQ(test, hak_slab_used(s), 4);
	hak_test_push(s, obj[0]);
	hak_test_push(s, obj[1]);
	hak_test_push(s, obj[2]);
	KUNIT_EXPECT_EQ(test, hak_slab_used(s), 1);
	KUNIT_EXPECT_EQ(test, hak_test_state(s), HAK_OWNED);
	hak_test_push(s, obj[3]);
	KUNIT_EXPECT_EQ(test, hak_slab_used(s), 0);
	KUNIT_EXPECT_TRUE(test, hak_rc_whole(s, atomic_read(&s->rc)));
	KUNIT_EXPECT_TRUE(test, hak_slab_validate(s));
	hak_pool_put(s, HAK_OWNED);
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), 1);
}

/* A link to a wrong address is reported and not followed. */
static void broken_link(struct kunit *test, unsigned long to)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	struct hak_slab *s = hak_test_slab(test, c);
	void *obj[4], *again[4] = { NULL };

	if (!to)
		to = s->addr + 4 * 1024;	/* not carved yet */
	else if (to < 1024)
		to += s->addr;			/* inside an object */
	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, obj, 4), 4);
	hak_test_give(s, obj[0]);
	hak_test_give(s, obj[1]);
	hak_to_link(c, obj[1])->next = (struct llist_node *)to;
	KUNIT_EXPECT_FALSE(test, hak_slab_validate(s));
	/* The broken link is noticed, and the objects come from carving. */
	KUNIT_EXPECT_EQ(test, hak_slab_take(c, s, again, 2), 2);
	KUNIT_EXPECT_PTR_EQ(test, again[0], obj[1]);
	KUNIT_EXPECT_EQ(test, (unsigned long)again[1], s->addr + 4 * 1024);
	hak_test_provoke(test, HAK_EV_CORRUPT, 2);
	HAK_EXPECT_EVENT(test, HAK_EV_CORRUPT, 2);

	/* obj[0] was lost with the link. The books call it live, and the slab stays. */
	KUNIT_EXPECT_EQ(test, hak_slab_used(s), 5);
	hak_test_give(s, obj[0]);
	hak_test_give(s, again[0]);
	hak_test_give(s, again[1]);
	hak_test_give(s, obj[2]);
	hak_test_give(s, obj[3]);
	KUNIT_EXPECT_TRUE(test, hak_slab_validate(s));
	hak_pool_put(s, HAK_OWNED);
}

static void link_out_of_its_slab(struct kunit *test)
{
	broken_link(test, (unsigned long)test);
}

static void link_inside_an_object(struct kunit *test)
{
	broken_link(test, 8);
}

static void link_to_never_used_space(struct kunit *test)
{
	broken_link(test, 0);
}

/* The walk over a drained chain in builds with HAK_CHECKS. */
static void double_free_in_a_drained_chain(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	struct hak_slab *s = hak_test_slab(test, c);
	unsigned int paranoid = hak_paranoid_drain;
	void *obj[3];

	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, obj, 3), 3);
	hak_paranoid_drain = 1;
	hak_test_push(s, obj[0]);
	hak_test_push(s, obj[1]);
	hak_test_push(s, obj[0]);	/* a cycle: 0 -> 1 -> 0 */
	KUNIT_EXPECT_TRUE(test, hak_slab_drain(c, s));
	hak_paranoid_drain = paranoid;
	hak_test_provoke(test, HAK_EV_CORRUPT, 1);
	HAK_EXPECT_EVENT(test, HAK_EV_CORRUPT, 1);

	/* Make two separate frees of it again. */
	hak_to_link(c, obj[0])->next = NULL;
	s->drained = hak_to_link(c, obj[1]);
	hak_to_link(c, obj[1])->next = hak_to_link(c, obj[0]);
	atomic_sub(1 << HAK_FREED_SHIFT, &s->rc);
	KUNIT_EXPECT_TRUE(test, hak_slab_validate(s));
	hak_test_give(s, obj[2]);
	hak_pool_put(s, HAK_OWNED);
}

/* Likewise: a link to @to, which is no object, is reported and not followed. */
static void drain_with_link_to(struct kunit *test, struct hak_cache *c, struct hak_slab *s,
			       struct llist_node *to, unsigned long reports)
{
	unsigned int paranoid = hak_paranoid_drain;
	void *obj[2];

	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, obj, 2), 2);
	/* If the link were followed all the same, the chain would end here. */
	to->next = NULL;
	hak_test_push(s, obj[0]);
	hak_test_push(s, obj[1]);
	hak_to_link(c, obj[1])->next = to;
	hak_paranoid_drain = 1;
	KUNIT_EXPECT_TRUE(test, hak_slab_drain(c, s));
	hak_paranoid_drain = paranoid;
	hak_to_link(c, obj[1])->next = hak_to_link(c, obj[0]);
	hak_test_provoke(test, HAK_EV_CORRUPT, 1);
	KUNIT_EXPECT_TRUE(test, hak_slab_validate(s));

	/* The next drain has to find no objects of an earlier one. */
	KUNIT_EXPECT_EQ(test, hak_slab_take(c, s, obj, 2), 2);
	hak_test_give(s, obj[0]);
	hak_test_give(s, obj[1]);
	/* With the next link a test that has failed might crash. */
	KUNIT_ASSERT_EQ(test, hak_test_event(test, HAK_EV_CORRUPT), reports);
}

static void broken_link_in_a_drained_chain(struct kunit *test)
{
	struct llist_node *outside = kunit_kzalloc(test, sizeof(*outside), GFP_KERNEL);
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	struct hak_slab *s = hak_test_slab(test, c);

	KUNIT_ASSERT_NOT_NULL(test, outside);
	/* Two objects are carved. */
	drain_with_link_to(test, c, s, hak_to_link(c, (void *)(s->addr + 2 * 1024)), 1);
	drain_with_link_to(test, c, s, outside, 2);
	hak_pool_put(s, HAK_OWNED);
}

/* With paranoid_drain this CPU drains all slabs it owns, of every cache. */
static void paranoid_drain_covers_every_cache(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_cap(test, 1024, 0);
	struct hak_cache *d = hak_test_cache_cap(test, 2048, 0);
	unsigned int paranoid = hak_paranoid_drain;
	struct hak_cpu_cache *cc;
	void *p, *q;

	migrate_disable();
	p = hak_cache_alloc(d, GFP_KERNEL);
	cc = raw_cpu_ptr(d->cpu);
	KUNIT_EXPECT_PTR_EQ(test, cc->cur, hak_test_slab_of(p));
	hak_test_push(cc->cur, p);
	hak_paranoid_drain = 1;
	q = hak_cache_alloc(c, GFP_KERNEL);
	hak_paranoid_drain = paranoid;
	KUNIT_EXPECT_TRUE(test, llist_empty(&cc->cur->remote));
	migrate_enable();
	hak_cache_free(c, q);
}

/*
 * An interrupt of the owner does not drain the owner's slab, and does not clear
 * its mark.
 */
static void paranoid_drain_leaves_busy_caches(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_cap(test, 1024, 0);
	struct hak_cache *d = hak_test_cache_cap(test, 2048, 0);
	unsigned int paranoid = hak_paranoid_drain;
	struct hak_cpu_cache *cc;
	void *p, *q;
	bool waits;

	migrate_disable();
	p = hak_cache_alloc(d, GFP_KERNEL);
	cc = raw_cpu_ptr(d->cpu);
	hak_test_push(cc->cur, p);
	WRITE_ONCE(cc->mark, HAK_CPU_INSIDE);
	hak_paranoid_drain = 1;
	q = hak_cache_alloc(c, GFP_KERNEL);
	hak_paranoid_drain = paranoid;
	waits = !llist_empty(&cc->cur->remote);
	KUNIT_EXPECT_EQ(test, cc->mark, HAK_CPU_INSIDE);
	WRITE_ONCE(cc->mark, HAK_CPU_READY);
	KUNIT_EXPECT_TRUE(test, waits);
	migrate_enable();
	hak_cache_free(c, q);
}

/*
 * The free link lies at the cache's offset; no other byte of a free object
 * changes.
 */
static void link_where_the_cache_says(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 96, 0);
	struct hak_cpu_cache *a, *b;
	unsigned int paranoid = hak_paranoid_drain;
	unsigned int i, j, changed = 0;
	u8 *obj[100];

	c->link = 40;
	a = hak_test_cpu(test, c, 16);
	b = hak_test_cpu(test, c, 16);
	hak_paranoid_drain = 1;
	for (i = 0; i < ARRAY_SIZE(obj); i++) {
		obj[i] = hak_test_alloc(test, c, i % 3 ? a : b);
		memset(obj[i], 0x5a, 96);
	}
	/* The owner gives objects to the slab, and other CPUs push some. */
	for (i = 0; i < ARRAY_SIZE(obj); i++)
		hak_test_free(c, i % 2 ? a : b, obj[i]);
	hak_cpu_flush(c, a);
	hak_cpu_flush(c, b);
	for (i = 0; i < ARRAY_SIZE(obj); i++)
		for (j = 0; j < 96; j++)
			changed += obj[i][j] != 0x5a && (j < 40 || j >= 48);
	KUNIT_EXPECT_EQ(test, changed, 0);
	for (i = 0; i < ARRAY_SIZE(obj); i++)
		obj[i] = hak_test_alloc(test, c, a);
	for (i = 0; i < ARRAY_SIZE(obj); i++) {
		KUNIT_EXPECT_EQ(test, ((unsigned long)obj[i] & HAK_SLAB_MASK) % 96, 0UL);
		hak_test_free(c, a, obj[i]);
	}
	hak_cpu_flush(c, a);
	hak_paranoid_drain = paranoid;
	/* The statistics that end every test include the slab. */
	KUNIT_EXPECT_GT(test, hak_test_reap(c), 0);
}

/* The check that ends every test finds a lost object and a double one. */
static void validate_finds_wrong_counts(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	struct hak_slab *s = hak_test_slab(test, c);
	void *obj[3];

	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, obj, 3), 3);
	KUNIT_EXPECT_TRUE(test, hak_slab_validate(s));
	s->taken--;
	KUNIT_EXPECT_FALSE(test, hak_slab_validate(s));
	s->taken += 2;
	KUNIT_EXPECT_FALSE(test, hak_slab_validate(s));
	s->taken--;
	KUNIT_EXPECT_TRUE(test, hak_slab_validate(s));
	hak_test_provoke(test, HAK_EV_CORRUPT, 2);
	give_all(s, obj, 3);
	hak_pool_put(s, HAK_OWNED);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(objects_are_distinct_and_in_place),
	KUNIT_CASE(never_beyond_capacity),
	KUNIT_CASE(never_used_space_comes_last),
	KUNIT_CASE(waiting_frees_before_never_used_space),
	KUNIT_CASE(take_from_all_places_at_once),
	KUNIT_CASE(drain_keeps_what_was_drained),
	KUNIT_CASE(counters_wrap),
	KUNIT_CASE(link_out_of_its_slab),
	KUNIT_CASE(link_inside_an_object),
	KUNIT_CASE(link_to_never_used_space),
	KUNIT_CASE(double_free_in_a_drained_chain),
	KUNIT_CASE(broken_link_in_a_drained_chain),
	KUNIT_CASE(paranoid_drain_covers_every_cache),
	KUNIT_CASE(paranoid_drain_leaves_busy_caches),
	KUNIT_CASE(link_where_the_cache_says),
	KUNIT_CASE(validate_finds_wrong_counts),
	{}
};

static struct kunit_suite hak_slab_suite = {
	.name = "hak_slab",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_slab_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: slabs");
MODULE_LICENSE("GPL");
