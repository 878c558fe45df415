// SPDX-License-Identifier: GPL-2.0
/*
 * The protocol between a slab's owner and the pushers, step by step: push, drain,
 * park, publish, adopt, release. hak_slab_link() and hak_slab_count() are the two
 * halves of a push; between them a pusher may stall for any time.
 */
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/string.h>

#include "hak_test.h"
#include "hak_test_threads.h"

#define FULL	16	/* capacity of the slabs used here */

struct fixture {
	struct hak_cache *c;
	struct hak_slab *s;
	void *obj[FULL];
	int nid;
};

/* A slab whose objects are all allocated, still owned. */
static struct fixture *full_slab(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->c = hak_test_cache(test, HAK_SLAB_SIZE / FULL, 0);
	f->s = hak_test_slab(test, f->c);
	f->nid = f->s->nid;
	KUNIT_ASSERT_EQ(test, hak_slab_take(f->c, f->s, f->obj, FULL), FULL);
	return f;
}

static void link_one(struct fixture *f, unsigned int i)
{
	struct llist_node *link = hak_to_link(f->c, f->obj[i]);

	hak_slab_link(f->s, link, link);
}

/* Push objects @i..@i + @n - 1 as one group. */
static void push_group(struct fixture *f, unsigned int i, unsigned int n)
{
	struct llist_node *first = hak_to_link(f->c, f->obj[i]);
	struct llist_node *last = first;

	while (--n) {
		last->next = hak_to_link(f->c, f->obj[++i]);
		last = last->next;
	}
	last->next = NULL;
	preempt_disable();
	hak_slab_push(f->s, first, last, hak_test_chain_len(first));
	preempt_enable();
}

/* The slab is pooled. Free its last objects, so that it is released. */
static void release_from_pool(struct kunit *test, struct fixture *f)
{
	KUNIT_EXPECT_EQ(test, hak_test_state(f->s), HAK_POOLED);
	KUNIT_EXPECT_EQ(test, hak_slab_used(f->s), 0);
	KUNIT_EXPECT_TRUE(test, hak_slab_validate(f->s));
	KUNIT_EXPECT_EQ(test, hak_test_reap(f->c), 1);
	KUNIT_EXPECT_EQ(test, hak_test_state(f->s), HAK_UNUSED);
}

static void push_touches_no_freelist(struct kunit *test)
{
	struct fixture *f = full_slab(test);

	hak_test_push(f->s, f->obj[0]);
	push_group(f, 1, 3);
	KUNIT_EXPECT_NULL(test, f->s->freelist);
	KUNIT_EXPECT_NULL(test, f->s->drained);
	KUNIT_EXPECT_EQ(test, f->s->taken, FULL);
	KUNIT_EXPECT_EQ(test, hak_test_freed(f->s), 4);
	KUNIT_EXPECT_EQ(test, hak_test_chain_len(f->s->remote.first), 4);
	KUNIT_EXPECT_EQ(test, hak_test_state(f->s), HAK_OWNED);
	push_group(f, 4, FULL - 4);
	hak_pool_put(f->s, HAK_OWNED);
	release_from_pool(test, f);
}

static void first_free_publishes(struct kunit *test)
{
	struct fixture *f = full_slab(test);
	void *again;

	KUNIT_ASSERT_TRUE(test, hak_slab_park(f->s));
	KUNIT_EXPECT_EQ(test, hak_test_state(f->s), HAK_PARKED);
	KUNIT_EXPECT_NULL(test, hak_pool_adopt(f->c, f->nid));
	hak_test_push(f->s, f->obj[0]);
	KUNIT_EXPECT_EQ(test, hak_test_state(f->s), HAK_POOLED);
	KUNIT_ASSERT_PTR_EQ(test, hak_pool_adopt(f->c, f->nid), f->s);
	KUNIT_EXPECT_EQ(test, hak_test_state(f->s), HAK_OWNED);
	KUNIT_EXPECT_NULL(test, hak_pool_adopt(f->c, f->nid));
	KUNIT_ASSERT_EQ(test, hak_slab_take(f->c, f->s, &again, 1), 1);
	KUNIT_EXPECT_PTR_EQ(test, again, f->obj[0]);
	push_group(f, 0, FULL);
	hak_pool_put(f->s, HAK_OWNED);
	release_from_pool(test, f);
}

static void frees_publish_once(struct kunit *test)
{
	struct fixture *f = full_slab(test);
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, hak_slab_park(f->s));
	for (i = 0; i < FULL; i++) {
		hak_test_push(f->s, f->obj[i]);
		KUNIT_EXPECT_EQ(test, hak_test_state(f->s), HAK_POOLED);
	}
	HAK_EXPECT_EVENT(test, HAK_EV_POOLED, 1);
	release_from_pool(test, f);
}

/*
 * A pusher counts a group at once, so its count may be above one and still be the
 * first.
 */
static void groups_publish_once(struct kunit *test)
{
	struct fixture *f = full_slab(test);

	KUNIT_ASSERT_TRUE(test, hak_slab_park(f->s));
	push_group(f, 0, 5);
	HAK_EXPECT_EVENT(test, HAK_EV_POOLED, 1);
	push_group(f, 5, FULL - 5);
	HAK_EXPECT_EVENT(test, HAK_EV_POOLED, 1);
	release_from_pool(test, f);
}

/* Only frees since the park count, not those taken back earlier. */
static void count_starts_at_the_park(struct kunit *test)
{
	struct fixture *f = full_slab(test);

	push_group(f, 0, 5);
	KUNIT_ASSERT_EQ(test, hak_slab_take(f->c, f->s, f->obj, 5), 5);
	KUNIT_ASSERT_TRUE(test, hak_slab_park(f->s));
	KUNIT_EXPECT_EQ(test, hak_test_freed(f->s), 0);
	KUNIT_EXPECT_EQ(test, hak_slab_used(f->s), FULL);
	push_group(f, 0, 3);
	KUNIT_EXPECT_EQ(test, hak_test_state(f->s), HAK_POOLED);
	HAK_EXPECT_EVENT(test, HAK_EV_POOLED, 1);
	push_group(f, 3, FULL - 3);
	release_from_pool(test, f);
}

static void park_fails_when_a_free_has_arrived(struct kunit *test)
{
	struct fixture *f = full_slab(test);
	void *again;

	hak_test_push(f->s, f->obj[0]);
	KUNIT_EXPECT_FALSE(test, hak_slab_park(f->s));
	KUNIT_EXPECT_EQ(test, hak_test_state(f->s), HAK_OWNED);
	KUNIT_EXPECT_EQ(test, hak_slab_used(f->s), FULL - 1);
	/* An object that is linked but not counted can be drained already. */
	KUNIT_ASSERT_EQ(test, hak_slab_take(f->c, f->s, &again, 1), 1);
	link_one(f, 1);
	KUNIT_EXPECT_FALSE(test, hak_slab_park(f->s));
	HAK_EXPECT_EVENT(test, HAK_EV_PARKED, 0);
	hak_slab_count(f->s, 1);
	push_group(f, 2, FULL - 2);
	hak_test_push(f->s, again);
	hak_pool_put(f->s, HAK_OWNED);
	release_from_pool(test, f);
}

/*
 * A pusher stalls between its two halves. Meanwhile the owner drains the object,
 * allocates it again and parks the slab. When the count comes it has to publish
 * the slab, although the slab has no free object.
 */
static void late_count_publishes_for_nothing(struct kunit *test)
{
	struct fixture *f = full_slab(test);
	void *again, *none;

	link_one(f, 0);
	KUNIT_ASSERT_EQ(test, hak_slab_take(f->c, f->s, &again, 1), 1);
	KUNIT_EXPECT_PTR_EQ(test, again, f->obj[0]);
	/*
	 * The slab counts the object twice, because the first free is not counted
	 * yet.
	 */
	KUNIT_EXPECT_EQ(test, hak_slab_used(f->s), FULL + 1);
	KUNIT_ASSERT_TRUE(test, hak_slab_park(f->s));
	hak_slab_count(f->s, 1);
	KUNIT_EXPECT_EQ(test, hak_test_state(f->s), HAK_POOLED);
	KUNIT_EXPECT_EQ(test, hak_slab_used(f->s), FULL);

	KUNIT_ASSERT_PTR_EQ(test, hak_pool_adopt(f->c, f->nid), f->s);
	KUNIT_EXPECT_EQ(test, hak_slab_take(f->c, f->s, &none, 1), 0);
	KUNIT_ASSERT_TRUE(test, hak_slab_park(f->s));
	push_group(f, 0, FULL);
	release_from_pool(test, f);
}

/*
 * The same, but a second free comes while the slab is parked, before the stalled
 * count. The pusher that counts first publishes the slab, and only that one.
 */
static void stalled_count_and_free_publish_once(struct kunit *test)
{
	struct fixture *f = full_slab(test);
	void *again;

	link_one(f, 0);
	KUNIT_ASSERT_EQ(test, hak_slab_take(f->c, f->s, &again, 1), 1);
	KUNIT_ASSERT_TRUE(test, hak_slab_park(f->s));
	hak_test_push(f->s, f->obj[1]);
	KUNIT_EXPECT_EQ(test, hak_test_state(f->s), HAK_POOLED);
	hak_slab_count(f->s, 1);
	HAK_EXPECT_EVENT(test, HAK_EV_POOLED, 1);
	KUNIT_ASSERT_PTR_EQ(test, hak_pool_adopt(f->c, f->nid), f->s);
	KUNIT_EXPECT_NULL(test, hak_pool_adopt(f->c, f->nid));
	KUNIT_ASSERT_EQ(test, hak_slab_take(f->c, f->s, &again, 1), 1);
	KUNIT_EXPECT_PTR_EQ(test, again, f->obj[1]);
	push_group(f, 0, FULL);
	hak_pool_put(f->s, HAK_OWNED);
	release_from_pool(test, f);
}

/* The last free of a slab in two halves; the reaper checks the slab after each. */
static void last_free_and_the_reaper(struct kunit *test)
{
	struct fixture *f = full_slab(test);

	push_group(f, 1, FULL - 1);
	hak_pool_put(f->s, HAK_OWNED);
	KUNIT_EXPECT_EQ(test, hak_test_reap(f->c), 0);
	link_one(f, 0);
	/* Every object is in the slab, but the pusher is not done with it. */
	KUNIT_EXPECT_EQ(test, hak_test_reap(f->c), 0);
	KUNIT_EXPECT_EQ(test, hak_test_state(f->s), HAK_POOLED);
	KUNIT_EXPECT_PTR_EQ(test, hak_test_slab_of(f->obj[0]), f->s);
	hak_slab_count(f->s, 1);
	release_from_pool(test, f);
	KUNIT_EXPECT_NULL(test, hak_slab_of(f->obj[0]));
}

/* If frees wait in a slab when it is released, its next owner does not get them. */
static void reused_slot_starts_empty(struct kunit *test)
{
	struct fixture *f = full_slab(test);
	struct hak_cache *other = hak_test_cache(test, 96, 0);
	struct hak_slab *s;
	void *obj[3];

	push_group(f, 0, FULL);
	hak_pool_put(f->s, HAK_OWNED);
	release_from_pool(test, f);
	s = hak_test_slab(test, other);
	KUNIT_EXPECT_NULL(test, s->freelist);
	KUNIT_EXPECT_NULL(test, s->drained);
	KUNIT_EXPECT_TRUE(test, llist_empty(&s->remote));
	KUNIT_EXPECT_EQ(test, s->bump, 0);
	KUNIT_EXPECT_EQ(test, hak_slab_used(s), 0);
	KUNIT_EXPECT_EQ(test, hak_slab_take(other, s, obj, 3), 3);
	KUNIT_EXPECT_EQ(test, (unsigned long)obj[0], s->addr + 2 * 96);
	while (s->taken)
		hak_test_give(s, obj[s->taken - 1]);
	hak_pool_put(s, HAK_OWNED);
}

/* --- with threads --- */

struct pushers {
	struct fixture *f;
	unsigned int nr;
	atomic_t next;
};

static int push_some(void *arg, unsigned int id)
{
	struct pushers *p = arg;
	unsigned int i;

	while ((i = atomic_inc_return(&p->next) - 1) < p->nr)
		hak_test_push(p->f->s, p->f->obj[i]);
	return 0;
}

static void one_of_many_pushers_publishes(struct kunit *test)
{
	struct hak_test_gang *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	struct pushers p = { .f = full_slab(test), .nr = FULL };
	struct fixture *f = p.f;
	unsigned int round;

	KUNIT_ASSERT_NOT_NULL(test, g);
	for (round = 1; round <= 20; round++) {
		KUNIT_ASSERT_TRUE(test, hak_slab_park(f->s));
		atomic_set(&p.next, 0);
		KUNIT_ASSERT_EQ(test, hak_test_gang_start(g, hak_test_nr_threads(),
							  push_some, &p), 0);
		hak_test_gang_join(g);
		KUNIT_EXPECT_EQ(test, hak_test_state(f->s), HAK_POOLED);
		KUNIT_EXPECT_EQ(test, hak_slab_used(f->s), 0);
		KUNIT_ASSERT_PTR_EQ(test, hak_pool_adopt(f->c, f->nid), f->s);
		KUNIT_EXPECT_NULL(test, hak_pool_adopt(f->c, f->nid));
		KUNIT_ASSERT_EQ(test, hak_slab_take(f->c, f->s, f->obj, FULL),
				FULL);
	}
	HAK_EXPECT_EVENT(test, HAK_EV_POOLED, 20);
	push_group(f, 0, FULL);
	hak_pool_put(f->s, HAK_OWNED);
	release_from_pool(test, f);
}

/*
 * An owner drains, parks and adopts a single slab while other threads free its
 * objects. This reaches failing parks, crossing pushes, and adoptions. Objects go
 * round and round, and none may be lost.
 */
#define ROUNDS	3000

struct round_trip {
	struct hak_cache *c;
	struct hak_cpu_cache *cc;
	int nid;
	atomic_long_t obj[FULL];
	atomic_t stop;
};

static int trip_free(void *arg, unsigned int id)
{
	struct round_trip *t = arg;
	unsigned int i, found;
	void *p;

	while (!atomic_read(&t->stop)) {
		for (i = found = 0; i < FULL; i++) {
			p = (void *)atomic_long_xchg(&t->obj[i], 0);
			if (!p)
				continue;
			hak_test_push(hak_test_slab_of(p), p);
			found++;
		}
		if (found)
			cond_resched();
		else
			hak_test_relax();
	}
	return 0;
}

static void owner_against_pushers(struct kunit *test)
{
	struct round_trip *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct hak_test_gang *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	unsigned int i, n = 0;
	void *p;

	KUNIT_ASSERT_NOT_NULL(test, t);
	KUNIT_ASSERT_NOT_NULL(test, g);
	t->c = hak_test_cache(test, HAK_SLAB_SIZE / FULL, 0);
	t->cc = hak_test_cpu(test, t->c, 0);
	t->nid = hak_node_near(numa_mem_id());
	KUNIT_ASSERT_EQ(test, hak_test_gang_start(g, hak_test_nr_threads(),
						  trip_free, t), 0);
	while (n < ROUNDS) {
		for (i = 0; i < FULL && atomic_long_read(&t->obj[i]); i++)
			;
		if (i == FULL) {
			hak_test_relax();
			continue;
		}
		preempt_disable();
		p = hak_cpu_take(t->c, t->cc, t->nid);
		preempt_enable();
		if (!p)
			p = hak_test_alloc(test, t->c, t->cc);
		/* Pairs with atomic_long_xchg() in trip_free(). */
		atomic_long_set_release(&t->obj[i], (long)p);
		n++;
	}
	/* Let the pushers free the rest. */
	for (i = 0; i < FULL; i++)
		while (atomic_long_read(&t->obj[i]))
			hak_test_relax();
	atomic_set(&t->stop, 1);
	hak_test_gang_join(g);
}

/*
 * One pusher and one owner. The owner parks the slab at the moment in which the
 * pusher frees its only object. Whether or not the park succeeds, the owner must
 * find the object next time, and the counts must be right.
 */
struct duel {
	struct fixture *f;
	atomic_long_t ball;	/* the object on its way to the pusher */
	atomic_t stop;
};

static int duel_push(void *arg, unsigned int id)
{
	struct duel *d = arg;
	unsigned int idle = 0;
	void *p;

	if (id)
		return 0;
	while (!atomic_read(&d->stop)) {
		p = (void *)atomic_long_read(&d->ball);
		if (!p) {
			if (++idle % 1024 == 0)
				hak_test_relax();
			cpu_relax();
			continue;
		}
		idle = 0;
		preempt_disable();
		/* Pairs with atomic_long_set_release() in duel_round(). */
		p = (void *)atomic_long_xchg(&d->ball, 0);
		hak_test_push(d->f->s, p);
		preempt_enable();
	}
	return 0;
}

static bool duel_round(struct fixture *f, struct duel *d, void **p,
		       unsigned int delay)
{
	struct hak_slab *s = f->s;
	unsigned int idle = 0;
	bool parked;

	atomic_long_set_release(&d->ball, (long)*p);
	while (delay--)
		cpu_relax();
	preempt_disable();
	parked = hak_slab_park(s);
	preempt_enable();
	while (atomic_long_read(&d->ball))
		if (++idle % 1024 == 0)
			hak_test_relax();
	if (parked) {
		do {
			preempt_disable();
			s = hak_pool_adopt(f->c, f->nid);
			preempt_enable();
			if (!s && ++idle % 1024 == 0)
				hak_test_relax();
		} while (!s);
		/* The slab was published, so it has an object. */
		return s == f->s && hak_test_state(s) == HAK_OWNED &&
		       hak_slab_take(f->c, s, p, 1) == 1 &&
		       hak_slab_used(s) == FULL;
	}
	while (!hak_slab_take(f->c, s, p, 1))
		if (++idle % 1024 == 0)
			hak_test_relax();
	/* The pusher may not have counted yet. */
	while (hak_slab_used(s) != FULL)
		if (++idle % 1024 == 0)
			hak_test_relax();
	return true;
}

static void park_races_with_a_push(struct kunit *test)
{
	struct hak_test_gang *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	struct duel d = { .f = full_slab(test) };
	unsigned long end = jiffies + msecs_to_jiffies(1500);
	unsigned int round, bad = 0;
	void *p = d.f->obj[0];

	KUNIT_ASSERT_NOT_NULL(test, g);
	KUNIT_ASSERT_EQ(test, hak_test_gang_start(g, num_online_cpus() > 1 ? 2 : 1,
						  duel_push, &d), 0);
	for (round = 0; !bad && time_before(jiffies, end); round++)
		bad += !duel_round(d.f, &d, &p, round % 97);
	atomic_set(&d.stop, 1);
	hak_test_gang_join(g);
	kunit_info(test, "%u rounds, %lu parked\n", round,
		   hak_test_event(test, HAK_EV_PARKED));
	KUNIT_EXPECT_EQ(test, bad, 0);
	KUNIT_EXPECT_EQ(test, hak_slab_used(d.f->s), FULL);
	push_group(d.f, 0, FULL);
	hak_pool_put(d.f->s, HAK_OWNED);
	release_from_pool(test, d.f);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(push_touches_no_freelist),
	KUNIT_CASE(first_free_publishes),
	KUNIT_CASE(frees_publish_once),
	KUNIT_CASE(groups_publish_once),
	KUNIT_CASE(count_starts_at_the_park),
	KUNIT_CASE(park_fails_when_a_free_has_arrived),
	KUNIT_CASE(late_count_publishes_for_nothing),
	KUNIT_CASE(stalled_count_and_free_publish_once),
	KUNIT_CASE(last_free_and_the_reaper),
	KUNIT_CASE(reused_slot_starts_empty),
	KUNIT_CASE(one_of_many_pushers_publishes),
	KUNIT_CASE(park_races_with_a_push),
	KUNIT_CASE(owner_against_pushers),
	{}
};

static struct kunit_suite hak_remote_suite = {
	.name = "hak_remote",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_remote_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: remote frees, parking and adoption");
MODULE_LICENSE("GPL");
