// SPDX-License-Identifier: GPL-2.0
/*
 * Links and metadata of slabs that were overwritten: what is found in which mode, what the
 * report says, and that what is found does no harm. These are the last rows of the table
 * in docs/debugging.md.
 */
#include <linux/module.h>
#include <linux/string.h>

#include "hak_test.h"
#include "hak_test_abuse.h"

/* ... that slab @s is broken, in which @obj holds the wrong address @p; or both are NULL. */
static void expect_broken(const struct hak_slab *s, const void *obj, const void *p,
			  const char *why)
{
	expect_refused(NULL, p, obj, ALLOCATED | FREED, false, why);
	expected.slab = s->addr;
}

/* Allocates as many as were free and more; none twice, none of what is lost. */
static void allocate_all(struct kunit *test, struct hak_cache *c, struct linked *l,
			 void **got, unsigned int n)
{
	unsigned int i, j, bad = 0;

	for (i = 0; i < n; i++) {
		got[i] = get(test, c);
		for (j = 0; j < i; j++)
			bad += got[j] == got[i];
		for (j = 1; j < l->nr; j++)
			bad += got[i] == l->obj[j];
	}
	KUNIT_EXPECT_EQ(test, bad, 0);
}

/*
 * What hung behind the first object is lost. Give it back to its slab @s. If the owner
 * reported the link, it has taken one object off its books for all that are lost.
 */
static void find_lost(struct linked *l, struct hak_slab *s, bool found)
{
	unsigned int i;

	WRITE_ONCE(s->taken, s->taken + l->nr - 1 - found);
	for (i = 1; i < l->nr; i++)
		hak_test_push(s, l->obj[i]);
}

/* This CPU holds nothing of @c any more. */
static void empty(struct hak_cache *c)
{
	preempt_disable();
	hak_cpu_enter(this_cpu_ptr(c->cpu));
	hak_cpu_flush(c, this_cpu_ptr(c->cpu));
	hak_cpu_leave(this_cpu_ptr(c->cpu));
	preempt_enable();
}

/* All live objects are freed, and the slab stays, since some of it is lost. */
static void is_kept(struct kunit *test, struct hak_cache *c, struct hak_slab *s)
{
	empty(c);
	hak_test_reap(c);
	KUNIT_EXPECT_PTR_EQ(test, READ_ONCE(s->cache), c);
	KUNIT_EXPECT_NE(test, atomic_read(&s->rc) & HAK_STATE_MASK, (u32)HAK_UNUSED);
}

/* The slab was found to be broken, and has been mended. Let it go. */
static void back_to_pool(struct hak_slab *s)
{
	s->broken = false;
	preempt_disable();
	hak_pool_put(s, HAK_OWNED);
	preempt_enable();
}

/* The first object's link is overwritten with what is no link. */
static void break_link(struct kunit *test, struct hak_cache *c, bool found)
{
	struct linked *l = make_linked(test, c);
	struct hak_slab *s = hak_test_slab_of(l->keep);
	struct llist_node *link;
	void *got[40];
	unsigned int i;

	link = hak_to_link(c, l->obj[0]);
	link->next = (struct llist_node *)((unsigned long)l->keep + 1);
	/* If the CPU has taken many objects at once, the object was handed out before. */
	expect_broken(s, l->obj[0], hak_link_next(s, link), "free link out of its slab");
	allocate_all(test, c, l, got, ARRAY_SIZE(got));
	for (i = 0; i < ARRAY_SIZE(got); i++)
		hak_free(got[i]);
	hak_free(l->keep);
	is_kept(test, c, s);
	find_lost(l, s, true);
}

static void link_is_none(struct kunit *test)
{
	abuse(test, break_link, HAK_EV_CORRUPT, ALWAYS);
}

/* It is made to lead to a live object. */
static void bend_link(struct kunit *test, struct hak_cache *c, bool found)
{
	struct linked *l = make_linked(test, c);
	struct hak_slab *s = hak_test_slab_of(l->keep);
	struct llist_node *link;
	bool handed = false;
	void *got[40];
	unsigned int i;

	hak_to_link(c, l->keep)->next = NULL;
	link = hak_to_link(c, l->obj[0]);
	link->next = hak_to_link(c, l->keep);
	if (hak_hardened)
		expect_broken(s, l->obj[0], hak_link_next(s, link),
			      "free link out of its slab");
	else
		expect_unused(l->keep, ALLOCATED, true,
			      "it is live, and was in a chain of free objects");
	allocate_all(test, c, l, got, ARRAY_SIZE(got));
	for (i = 0; i < ARRAY_SIZE(got); i++) {
		if (got[i] == l->keep)
			handed = true;
		else
			hak_free(got[i]);
	}
	KUNIT_EXPECT_EQ(test, handed, !found);
	/* It left its slab twice. An encoded link does not lead to it at all. */
	if (!hak_hardened)
		s->taken--;
	find_lost(l, s, hak_hardened);
	hak_free(l->keep);
}

static void link_to_a_live_object(struct kunit *test)
{
	abuse(test, bend_link, HAK_EV_CORRUPT, HARDENED);
}

/**
 * struct damage - how a slab's metadata may be broken
 * @harm: breaks it
 * @mend: undoes that
 * @why: what its owner finds wrong when it next takes objects
 * @serious: not to be tried if it is not found: objects of other slabs would be handed out
 */
struct damage {
	void (*harm)(struct hak_slab *s);
	void (*mend)(struct hak_slab *s);
	const char *why;
	bool serious;
};

static const struct damage *damage;

/*
 * Everything this CPU holds of the cache, and one object more, from a slab that is broken.
 * If the cache is checked, the slab has an object on its freelist.
 */
static void break_slab(struct kunit *test, struct hak_cache *c, bool found)
{
	struct hak_slab *s;
	unsigned int i, n;
	void *got[70];

	got[0] = get(test, c);
	s = hak_test_slab_of(got[0]);
	preempt_disable();
	n = 1 + this_cpu_ptr(c->cpu)->nr;
	preempt_enable();
	KUNIT_ASSERT_LT(test, n, ARRAY_SIZE(got));
	for (i = 1; i < n; i++)
		got[i] = get(test, c);
	if (damage->serious && !found)
		goto out;
	if (!c->cap) {
		got[n] = get(test, c);
		hak_free(got[n]);
		KUNIT_EXPECT_NOT_NULL(test, s->freelist);
	}
	damage->harm(s);
	expect_broken(s, NULL, NULL, damage->why);
	got[n] = get(test, c);
	KUNIT_EXPECT_EQ(test, hak_test_slab_of(got[n]) != s, found);
	KUNIT_EXPECT_EQ(test, s->broken, found);
	damage->mend(s);
	n++;
	if (!s->broken)
		goto out;
	/* Nobody owns it any more, and nobody gets it. */
	s->broken = false;
	hak_pool_put(s, HAK_OWNED);
out:
	for (i = 0; i < n; i++)
		hak_free(got[i]);
}

static unsigned long saved;

static void too_many_carved(struct hak_slab *s)
{
	saved = s->bump;
	s->bump = s->cache->capacity + 1;
}

static void as_many_carved(struct hak_slab *s)
{
	s->bump = saved;
}

static void books_are_broken(struct kunit *test)
{
	static const struct damage d = {
		too_many_carved, as_many_carved, "more carved than there is room for",
	};

	damage = &d;
	abuse(test, break_slab, HAK_EV_CORRUPT, ALWAYS);
}

static void of_another_cache(struct hak_slab *s)
{
	saved = (unsigned long)s->cache;
	s->cache = hak_size_class(1024);
}

/* Nothing can be read there. */
static void of_no_cache(struct hak_slab *s)
{
	saved = (unsigned long)s->cache;
	s->cache = (struct hak_cache *)0x10;
}

static void of_its_cache(struct hak_slab *s)
{
	s->cache = (struct hak_cache *)saved;
}

static void cache_is_broken(struct kunit *test)
{
	static const struct damage d[] = {
		{ of_another_cache, of_its_cache, "slab of another cache" },
		{ of_no_cache, of_its_cache, "slab of another cache" },
	};

	for (damage = d; damage < d + ARRAY_SIZE(d); damage++)
		abuse(test, break_slab, HAK_EV_CORRUPT, HARDENED);
}

/*
 * The slab is let go, and nothing mends it but hakmem. Its live objects are still freed
 * and described, and it is counted.
 */
static void use_after_repair(struct kunit *test, struct hak_cache *c, bool found)
{
	struct hak_class_stats before, after;
	struct hak_slab *s;
	void *p[4], *other;
	unsigned int i;

	if (!found)
		return;
	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = get(test, c);
	s = hak_test_slab_of(p[0]);
	empty(c);
	hak_class_stats_read(c, &before);
	damage->harm(s);
	expect_broken(s, NULL, NULL, damage->why);
	other = get(test, c);
	KUNIT_EXPECT_TRUE(test, s->broken);
	KUNIT_EXPECT_PTR_NE(test, hak_test_slab_of(other), s);
	KUNIT_EXPECT_PTR_EQ(test, s->cache, c);
	KUNIT_EXPECT_EQ(test, s->nid, s->ss->nid);
	/* One more slab, with a live object more. */
	empty(c);
	hak_class_stats_read(c, &after);
	KUNIT_EXPECT_EQ(test, after.slabs, before.slabs + 1);
	KUNIT_EXPECT_EQ(test, after.live, before.live + 1);
	KUNIT_EXPECT_TRUE(test, hak_dump_obj(p[0]));
	for (i = 0; i < ARRAY_SIZE(p); i++)
		hak_free(p[i]);
	hak_free(other);
	empty(c);
	KUNIT_EXPECT_EQ(test, hak_slab_used(s), 0);
	KUNIT_EXPECT_EQ(test, hak_test_state(s), HAK_OWNED);
	back_to_pool(s);
}

static void cache_is_repaired(struct kunit *test)
{
	static const struct damage d[] = {
		{ of_another_cache, NULL, "slab of another cache" },
		{ of_no_cache, NULL, "slab of another cache" },
	};

	for (damage = d; damage < d + ARRAY_SIZE(d); damage++)
		abuse(test, use_after_repair, HAK_EV_CORRUPT, HARDENED);
}

/* A slab of another cache is in the pool. It stays a slab of that cache. */
static void adopt_of_another(struct kunit *test, struct hak_cache *c, bool found)
{
	struct hak_cache *its;
	struct hak_slab *s;
	void *p;

	if (!found)
		return;
	its = hak_test_cache(test, 1000, 0);
	s = hak_test_slab(test, its);
	WRITE_ONCE(s->entry->owner_tag, 0);
	s->cache = c;
	preempt_disable();
	hak_pool_put(s, HAK_OWNED);
	preempt_enable();
	s->cache = its;
	expect_broken(s, NULL, NULL, "slab of another cache");
	expected.owner = -1;
	p = get(test, c);
	KUNIT_EXPECT_TRUE(test, s->broken);
	KUNIT_EXPECT_PTR_NE(test, hak_test_slab_of(p), s);
	KUNIT_EXPECT_PTR_EQ(test, s->cache, its);
	hak_free(p);
	back_to_pool(s);
}

static void adopted_of_another_cache(struct kunit *test)
{
	abuse(test, adopt_of_another, HAK_EV_CORRUPT, HARDENED);
}

/* Nobody has found out that the cache of a slab is wrong before its cache is destroyed. */
static void destroyed_before_it_is_found(struct kunit *test)
{
#ifdef kunit_warning_suppress
	struct hak_cache *c = hak_cache_create("hak_test_broken", SIZE, 0, 0, NULL);
	struct hak_slab *s;
	void *p;

	KUNIT_ASSERT_NOT_NULL(test, c);
	s = hak_test_slab(test, c);
	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, &p, 1), 1);
	s->cache = hak_size_class(1024);
	kunit_warning_suppress(test) {
		hak_cache_destroy(c);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	s->cache = c;
	hak_test_push(s, p);
	preempt_disable();
	hak_pool_put(s, HAK_OWNED);
	preempt_enable();
	hak_cache_destroy(c);
#else
	kunit_skip(test, "this kernel's KUnit cannot expect a warning");
#endif
}

static void at_the_next(struct hak_slab *s)
{
	s->addr += HAK_SLAB_SIZE;
}

static void at_its_address(struct hak_slab *s)
{
	s->addr -= HAK_SLAB_SIZE;
}

static void at_no_multiple(struct hak_slab *s)
{
	s->addr += 8;
}

static void at_a_multiple(struct hak_slab *s)
{
	s->addr -= 8;
}

static void address_is_broken(struct kunit *test)
{
	static const struct damage d[] = {
		{ at_the_next, at_its_address, "slab is not at its address", true },
		{ at_no_multiple, at_a_multiple, "slab is not at its address", true },
	};

	for (damage = d; damage < d + ARRAY_SIZE(d); damage++)
		abuse(test, break_slab, HAK_EV_CORRUPT, HARDENED);
}

static struct hak_entry *saved_entry;

/* Nothing can be read where its entry is given to be, and its address tells no better. */
static void nowhere(struct hak_slab *s)
{
	at_no_multiple(s);
	saved_entry = s->entry;
	s->entry = (struct hak_entry *)0x10;
	expected.owner = -1;
}

static void where_it_is(struct hak_slab *s)
{
	at_a_multiple(s);
	s->entry = saved_entry;
}

static void address_and_entry_are_broken(struct kunit *test)
{
	static const struct damage d = {
		nowhere, where_it_is, "slab is not at its address", true,
	};

	damage = &d;
	abuse(test, break_slab, HAK_EV_CORRUPT, HARDENED);
}

static void starts_behind(struct hak_slab *s)
{
	saved = s->start;
	s->start = s->cache->capacity;
}

static void starts_as_it_did(struct hak_slab *s)
{
	s->start = saved;
}

/* Only with hardened=1 a slab begins at a place of its own. */
static void start_is_broken(struct kunit *test)
{
	static const struct damage d = {
		starts_behind, starts_as_it_did, "begins beyond its cache's order",
	};

	damage = &d;
	abuse(test, break_slab, HAK_EV_CORRUPT, hak_hardened ? ALWAYS : 0);
}

static void of_no_node(struct hak_slab *s)
{
	s->nid = 1 << 20;
}

static void node_is_broken(struct kunit *test)
{
	static const struct damage d = {
		of_no_node, NULL, "slab has another node or entry",
	};

	damage = &d;
	abuse(test, use_after_repair, HAK_EV_CORRUPT, HARDENED);
}

static void nowhere_else(struct hak_slab *s)
{
	saved_entry = s->entry;
	s->entry = (struct hak_entry *)0x10;
}

/* A slab without an owner is broken. The CPU that adopts it looks before it uses it. */
static void adopt_broken(struct kunit *test, struct hak_cache *c, bool found)
{
	struct hak_slab *s;
	void *p, *taken;

	if (!found)
		return;
	s = hak_test_slab(test, c);
	/* If it were whole, the reaper might take it before it is adopted. */
	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, &taken, 1), 1);
	WRITE_ONCE(s->entry->owner_tag, 0);
	preempt_disable();
	hak_pool_put(s, HAK_OWNED);
	preempt_enable();
	nowhere_else(s);
	expect_broken(s, NULL, NULL, "slab has another node or entry");
	expected.owner = -1;
	p = get(test, c);
	KUNIT_EXPECT_PTR_NE(test, hak_test_slab_of(p), s);
	KUNIT_EXPECT_TRUE(test, s->broken);
	KUNIT_EXPECT_PTR_EQ(test, s->entry, saved_entry);
	hak_free(p);
	back_to_pool(s);
	hak_test_push(s, taken);
}

static void adopted_with_a_broken_entry(struct kunit *test)
{
	abuse(test, adopt_broken, HAK_EV_CORRUPT, HARDENED);
}

/* What is left of @c's slab @s, in which hakmem has found damage and mended it */
static void is_mended(struct kunit *test, struct hak_cache *c, struct hak_slab *s)
{
	KUNIT_EXPECT_TRUE(test, s->broken);
	KUNIT_EXPECT_EQ(test, hak_test_state(s), HAK_OWNED);
	KUNIT_EXPECT_PTR_EQ(test, READ_ONCE(s->cache), c);
	KUNIT_EXPECT_EQ(test, s->nid, s->ss->nid);
	KUNIT_EXPECT_PTR_EQ(test, s->entry, saved_entry);
}

/* If the slab is whole, it is the reaper that looks, before it gives the pages back. */
static void reap_broken(struct kunit *test, struct hak_cache *c, bool found)
{
	struct hak_slab *s;
	void *taken;

	if (!found)
		return;
	s = hak_test_slab(test, c);
	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, &taken, 1), 1);
	saved_entry = s->entry;
	WRITE_ONCE(s->entry->owner_tag, 0);
	preempt_disable();
	hak_pool_put(s, HAK_OWNED);
	preempt_enable();
	expect_broken(s, NULL, NULL, damage->why);
	expected.owner = -1;
	/* No reaper but this one comes, and it does when the harm is done. */
	mutex_lock(&hak_cache_mutex);
	hak_test_push(s, taken);
	damage->harm(s);
	hak_pool_reap(c->pool[s->ss->nid]);
	mutex_unlock(&hak_cache_mutex);
	is_mended(test, c, s);
	back_to_pool(s);
	/* The other reaper may have come meanwhile. */
	hak_test_reap(c);
	KUNIT_EXPECT_EQ(test, atomic_read(&c->nr_slabs), 0);
}

static void reaped_with_a_broken_entry(struct kunit *test)
{
	static const struct damage d[] = {
		{ nowhere_else, NULL, "slab has another node or entry" },
		{ of_no_node, NULL, "slab has another node or entry" },
	};

	for (damage = d; damage < d + ARRAY_SIZE(d); damage++)
		abuse(test, reap_broken, HAK_EV_CORRUPT, HARDENED);
}

static void reaped_of_another_cache(struct kunit *test)
{
	static const struct damage d[] = {
		{ of_another_cache, NULL, "slab of another cache" },
		{ of_no_cache, NULL, "slab of another cache" },
	};

	for (damage = d; damage < d + ARRAY_SIZE(d); damage++)
		abuse(test, reap_broken, HAK_EV_CORRUPT, HARDENED);
}

/* The damage is done while the slab waits for a grace period. */
static void break_in_limbo(struct kunit *test, struct hak_cache *unused, bool found)
{
	struct hak_cache *c;
	struct hak_slab *s;

	if (!found)
		return;
	c = hak_test_cache_args(test, 64, NULL,
				SLAB_TYPESAFE_BY_RCU | SLAB_CONSISTENCY_CHECKS);
	s = hak_test_slab(test, c);
	saved_entry = s->entry;
	WRITE_ONCE(s->entry->owner_tag, 0);
	expect_broken(s, NULL, NULL, damage->why);
	expected.owner = -1;
	expected.c = c;
	mutex_lock(&hak_cache_mutex);
	hak_limbo_put(s);
	damage->harm(s);
	synchronize_rcu();
	hak_limbo_release();
	mutex_unlock(&hak_cache_mutex);
	is_mended(test, c, s);
	back_to_pool(s);
}

static void entry_is_broken_in_limbo(struct kunit *test)
{
	static const struct damage d = {
		nowhere_else, NULL, "slab has another node or entry",
	};

	damage = &d;
	abuse(test, break_in_limbo, HAK_EV_CORRUPT, HARDENED);
}

static void cache_is_broken_in_limbo(struct kunit *test)
{
	static const struct damage d = { of_no_cache, NULL, "slab of another cache" };

	damage = &d;
	abuse(test, break_in_limbo, HAK_EV_CORRUPT, HARDENED);
}

static void parked(struct hak_slab *s)
{
	atomic_add(HAK_PARKED - HAK_OWNED, &s->rc);
}

static void owned(struct hak_slab *s)
{
	atomic_sub(HAK_PARKED - HAK_OWNED, &s->rc);
}

static void state_is_broken(struct kunit *test)
{
	static const struct damage d = { parked, owned, "slab has no owner" };

	damage = &d;
	abuse(test, break_slab, HAK_EV_CORRUPT, HARDENED);
}

static void too_few_taken(struct hak_slab *s)
{
	s->taken -= 100;
}

static void as_many_taken(struct hak_slab *s)
{
	s->taken += 100;
}

static void too_many_freed(struct hak_slab *s)
{
	atomic_add(100 << HAK_FREED_SHIFT, &s->rc);
}

static void as_many_freed(struct hak_slab *s)
{
	atomic_sub(100 << HAK_FREED_SHIFT, &s->rc);
}

static void counts_are_broken(struct kunit *test)
{
	static const struct damage d[] = {
		{ too_few_taken, as_many_taken, "more objects freed than taken" },
		{ too_many_freed, as_many_freed, "more objects freed than taken" },
	};

	for (damage = d; damage < d + ARRAY_SIZE(d); damage++)
		abuse(test, break_slab, HAK_EV_CORRUPT, HARDENED);
}

#define NR_REFUSED	40

/* More frees are refused than are reported, and then a slab turns out to be broken. */
static void broken_amid_refused_frees(struct kunit *test)
{
	static const struct damage d = {
		too_many_carved, as_many_carved, "more carved than there is room for",
	};
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	char *p = get(test, c);
	const char *text;
	unsigned int i;
	bool hears;

	hak_bad_free_limit.interval = DEFAULT_RATELIMIT_INTERVAL;
	hak_corrupt_limit.interval = DEFAULT_RATELIMIT_INTERVAL;
	migrate_disable();
	hears = hak_test_hear();
	for (i = 0; i < NR_REFUSED; i++)
		hak_free(p + 1);
	damage = &d;
	break_slab(test, c, true);
	text = hak_test_heard();
	migrate_enable();
	if (hears) {
		KUNIT_EXPECT_LT(test, reports_in(text), NR_REFUSED);
		behind(test, text, "hakmem: corruption in slab ");
	}
	hak_test_provoke(test, HAK_EV_BAD_FREE, NR_REFUSED);
	hak_test_provoke(test, HAK_EV_CORRUPT, 1);
	hak_free(p);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(link_is_none),
	KUNIT_CASE(link_to_a_live_object),
	KUNIT_CASE(books_are_broken),
	KUNIT_CASE(cache_is_broken),
	KUNIT_CASE(cache_is_repaired),
	KUNIT_CASE(adopted_of_another_cache),
	KUNIT_CASE(destroyed_before_it_is_found),
	KUNIT_CASE(address_is_broken),
	KUNIT_CASE(address_and_entry_are_broken),
	KUNIT_CASE(start_is_broken),
	KUNIT_CASE(node_is_broken),
	KUNIT_CASE(adopted_with_a_broken_entry),
	KUNIT_CASE(reaped_with_a_broken_entry),
	KUNIT_CASE(reaped_of_another_cache),
	KUNIT_CASE(entry_is_broken_in_limbo),
	KUNIT_CASE(cache_is_broken_in_limbo),
	KUNIT_CASE(state_is_broken),
	KUNIT_CASE(counts_are_broken),
	KUNIT_CASE(broken_amid_refused_frees),
	{}
};

static struct kunit_suite hak_broken_suite = {
	.name = "hak_broken",
	.init = abuse_init,
	.exit = abuse_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_broken_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: overwritten links and metadata, in each mode");
MODULE_LICENSE("GPL");
