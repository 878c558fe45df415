// SPDX-License-Identifier: GPL-2.0
/*
 * Abuse of objects: what is found in which mode, and that what is found does no harm.
 * docs/debugging.md has the table. Each case is played with a cache of its own in each
 * mode; "plain" is hardened where hakmem was loaded with hardened=1.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poison.h>
#include <linux/string.h>

#include "hak_test.h"
#include "hak_test_threads.h"

#define SIZE	60

enum mode { PLAIN, F, Z, P, U, T, ALL, NR_MODES };

static const slab_flags_t mode_flags[NR_MODES] = {
	[PLAIN] = 0,
	[F] = SLAB_CONSISTENCY_CHECKS,
	[Z] = SLAB_RED_ZONE,
	[P] = SLAB_POISON,
	[U] = SLAB_STORE_USER,
	[T] = SLAB_TRACE,
	[ALL] = SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER,
};

/* Sets of modes. */
#define ALWAYS		(BIT(NR_MODES) - 1)
#define CHECKED		(ALWAYS & ~BIT(PLAIN))
#define HARDENED	(CHECKED | (hak_hardened ? BIT(PLAIN) : 0))
#define ZONES		(BIT(Z) | BIT(ALL))
#define PATTERNS	(BIT(P) | BIT(ALL))

typedef void abuse_fn(struct kunit *test, struct hak_cache *c, bool found);

/* Plays @fn in each mode; in those of @found it has to be counted as @ev, once. */
static void abuse(struct kunit *test, abuse_fn *fn, enum hak_event ev,
		  unsigned int found)
{
	static const struct hak_cache_args none;
	unsigned long before;
	enum mode m;

	if (!SLAB_POISON)
		kunit_skip(test, "a kernel without the flags");
	for (m = 0; m < NR_MODES; m++) {
		bool here = found & BIT(m);
		struct hak_cache *c = hak_test_cache_args(test, SIZE, &none, mode_flags[m]);

		before = hak_test_event(test, ev);
		migrate_disable();
		fn(test, c, here);
		migrate_enable();
		HAK_EXPECT_EVENT(test, ev, before + here);
		hak_test_provoke(test, ev, here);
	}
}

static void *get(struct kunit *test, struct hak_cache *c)
{
	void *p = hak_cache_alloc(c, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_NOT_NULL(test, hak_test_slab_of(p));
	return p;
}

/* An abuse that was not found has left @p to be handed out twice. Take it back. */
static void undo(struct kunit *test, struct hak_cache *c, void *p, bool found)
{
	if (!found)
		KUNIT_EXPECT_PTR_EQ(test, get(test, c), p);
}

/* @p was left aside, which the books call live. Give it back to its slab. */
static void readmit(void *p)
{
	hak_test_push(hak_test_slab_of(p), p);
}

static void again_at_once(struct kunit *test, struct hak_cache *c, bool found)
{
	void *p = get(test, c);

	hak_free(p);
	hak_free(p);
}

static void freed_in_a_row(struct kunit *test)
{
	abuse(test, again_at_once, HAK_EV_BAD_FREE, ALWAYS);
}

static void again_while_cached(struct kunit *test, struct hak_cache *c, bool found)
{
	void *p = get(test, c), *q = get(test, c);

	hak_free(p);
	hak_free(q);
	hak_free(p);
	undo(test, c, p, found);
}

static void freed_while_cached(struct kunit *test)
{
	abuse(test, again_while_cached, HAK_EV_BAD_FREE, HARDENED);
}

static void again_while_waiting(struct kunit *test, struct hak_cache *c, bool found)
{
	void *p = get(test, c);
	struct hak_cpu_cache *cc;

	/* As an interrupt would. */
	preempt_disable();
	cc = this_cpu_ptr(c->cpu);
	hak_cpu_enter(cc);
	hak_free(p);
	hak_cpu_leave(cc);
	preempt_enable();
	KUNIT_EXPECT_FALSE(test, llist_empty(&hak_test_slab_of(p)->remote));
	hak_free(p);
	undo(test, c, p, found || !c->cap);
}

static void freed_while_waiting(struct kunit *test)
{
	abuse(test, again_while_waiting, HAK_EV_BAD_FREE, HARDENED);
}

#define NR_LINKED	6

/**
 * struct linked - a slab with a chain of free objects
 * @keep: a live one, which keeps the slab
 * @obj: the free ones, in the order of the chain
 * @nr: how many
 */
struct linked {
	void *keep;
	void *obj[64];
	unsigned int nr;
};

static struct linked *make_linked(struct kunit *test, struct hak_cache *c)
{
	struct linked *l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);
	struct hak_slab *s;
	struct llist_node *n;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, l);
	l->keep = get(test, c);
	for (i = 0; i < NR_LINKED; i++)
		l->obj[i] = get(test, c);
	for (i = 0; i < NR_LINKED; i++)
		hak_free(l->obj[i]);
	preempt_disable();
	hak_cpu_enter(this_cpu_ptr(c->cpu));
	hak_cpu_flush(c, this_cpu_ptr(c->cpu));
	hak_cpu_leave(this_cpu_ptr(c->cpu));
	preempt_enable();
	s = hak_test_slab_of(l->keep);
	n = s->freelist;
	for (; n && l->nr < ARRAY_SIZE(l->obj); n = hak_link_next(s, n))
		l->obj[l->nr++] = hak_from_link(c, n);
	KUNIT_ASSERT_GE(test, l->nr, 3);
	return l;
}

/*
 * The second one is hak_free_sensitive(), or hak_realloc() with __GFP_ZERO, of an object
 * that is in the middle of its slab's freelist. Neither may write to it. What is not
 * found would cost the objects behind it, so it is not tried.
 */
static void again_in_a_freelist(struct kunit *test, struct hak_cache *c, bool found,
				void (*again)(struct kunit *test, void *p))
{
	struct linked *l;
	unsigned int i, j, n = 0;
	void *got[40];

	if (!found)
		return;
	l = make_linked(test, c);
	again(test, l->obj[1]);
	for (i = 0; i < ARRAY_SIZE(got); i++) {
		got[i] = get(test, c);
		for (j = 0; j < l->nr; j++)
			n += got[i] == l->obj[j];
	}
	KUNIT_EXPECT_EQ(test, n, min_t(unsigned int, l->nr, ARRAY_SIZE(got)));
	HAK_EXPECT_EVENT(test, HAK_EV_CORRUPT, 0);
	for (i = 0; i < ARRAY_SIZE(got); i++)
		hak_free(got[i]);
	hak_free(l->keep);
}

static void wipe(struct kunit *test, void *p)
{
	hak_free_sensitive(p);
}

static void wipe_again(struct kunit *test, struct hak_cache *c, bool found)
{
	again_in_a_freelist(test, c, found, wipe);
}

static void wiped_twice(struct kunit *test)
{
	abuse(test, wipe_again, HAK_EV_BAD_FREE, HARDENED);
}

static void resize(struct kunit *test, void *p)
{
	KUNIT_EXPECT_EQ(test, hak_usable_size(p), (size_t)0);
	KUNIT_EXPECT_NULL(test, hak_realloc(p, 1, GFP_KERNEL | __GFP_ZERO));
}

static void resize_free(struct kunit *test, struct hak_cache *c, bool found)
{
	again_in_a_freelist(test, c, found, resize);
}

static void resized_after_free(struct kunit *test)
{
	abuse(test, resize_free, HAK_EV_BAD_FREE, HARDENED);
}

static void again_in_a_magazine(struct kunit *test, struct hak_cache *c, bool found)
{
	unsigned int i, n = c->cap + 1;
	struct hak_cpu_cache *cc;
	void **obj;

	obj = kunit_kcalloc(test, n, sizeof(*obj), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	for (i = 0; i < n; i++) {
		obj[i] = get(test, c);
		/* So that they pass for those of another CPU. */
		WRITE_ONCE(hak_test_slab_of(obj[i])->entry->owner_tag, 0);
	}
	for (i = 0; i < n; i++)
		hak_free(obj[i]);
	preempt_disable();
	cc = this_cpu_ptr(c->cpu);
	/* Where the caches are closed there are no magazines. */
	KUNIT_EXPECT_EQ(test, !hak_magazine_objects(cc), !c->cap);
	preempt_enable();
	hak_free(obj[0]);
	undo(test, c, obj[0], found);
}

static void freed_in_a_magazine(struct kunit *test)
{
	abuse(test, again_in_a_magazine, HAK_EV_BAD_FREE, HARDENED);
}

struct elsewhere {
	void *p;
	unsigned int not_on;
	int freed;
};

static int free_elsewhere(void *arg, unsigned int id)
{
	struct elsewhere *e = arg;

	if (raw_smp_processor_id() != e->not_on && !xchg(&e->freed, 1))
		hak_free(e->p);
	return 0;
}

static void again_on_another_cpu(struct kunit *test, struct hak_cache *c, bool found)
{
	struct elsewhere e = { .p = get(test, c), .not_on = raw_smp_processor_id() };
	struct hak_test_gang *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	int err;

	KUNIT_ASSERT_NOT_NULL(test, g);
	err = hak_test_gang_start(g, 2, free_elsewhere, &e);
	hak_test_gang_join(g);
	KUNIT_ASSERT_EQ(test, err, 0);
	KUNIT_ASSERT_EQ(test, e.freed, 1);
	hak_free(e.p);
	undo(test, c, e.p, found);
}

static void freed_on_another_cpu(struct kunit *test)
{
	if (num_possible_cpus() < 2)
		kunit_skip(test, "there is no other CPU");
	abuse(test, again_on_another_cpu, HAK_EV_BAD_FREE, HARDENED);
}

static void free_inside(struct kunit *test, struct hak_cache *c, bool found)
{
	char *p = get(test, c);

	hak_free(p + 8);
	hak_free(p);
}

static void freed_inside(struct kunit *test)
{
	abuse(test, free_inside, HAK_EV_BAD_FREE, ALWAYS);
}

static void free_of_another(struct kunit *test, struct hak_cache *c, bool found)
{
	struct hak_cache *other = hak_size_class(1024);
	void *p = get(test, c);

	hak_cache_free(other, p);
	hak_free(p);
}

static void freed_to_another_cache(struct kunit *test)
{
	abuse(test, free_of_another, HAK_EV_BAD_FREE, ALWAYS);
}

static void free_of_none(struct kunit *test, struct hak_cache *c, bool found)
{
	char *p = get(test, c);
	struct hak_slab *s = hak_test_slab_of(p);

	hak_free((void *)(s->addr + (c->capacity - 1UL) * c->size));
	hak_free(p);
}

static void freed_before_it_was_allocated(struct kunit *test)
{
	/* With hardened=1 the last object may be the one that was allocated. */
	if (hak_hardened)
		kunit_skip(test, "any object may come first");
	abuse(test, free_of_none, HAK_EV_BAD_FREE, ALWAYS);
}

static void nothing_freed(struct kunit *test, struct hak_cache *c, bool found)
{
	hak_free(NULL);
	hak_cache_free(c, NULL);
	hak_free(ZERO_SIZE_PTR);
}

static void freed_null(struct kunit *test)
{
	abuse(test, nothing_freed, HAK_EV_BAD_FREE, 0);
}

static void overrun(struct kunit *test, struct hak_cache *c, bool found)
{
	u8 *p = get(test, c), *q = get(test, c), *first = p < q ? p : q;

	first[c->usable] ^= 1;
	hak_free(first);
	if (found) {
		/* It was refused, so it is live. */
		first[c->usable] ^= 1;
		hak_free(first);
	}
	hak_free(p < q ? q : p);
}

static void written_beyond(struct kunit *test)
{
	abuse(test, overrun, HAK_EV_BAD_FREE, ZONES);
}

static void underrun(struct kunit *test, struct hak_cache *c, bool found)
{
	u8 *p = get(test, c), *q = get(test, c), *second = p > q ? p : q;

	second[-1] ^= 1;
	hak_free(second);
	second[-1] ^= 1;
	if (found)
		hak_free(second);
	hak_free(p > q ? q : p);
}

static void written_before(struct kunit *test)
{
	abuse(test, underrun, HAK_EV_BAD_FREE, ZONES);
}

static void use_after(struct kunit *test, struct hak_cache *c, bool found)
{
	u8 *p = get(test, c), *again;

	hak_free(p);
	p[SIZE - 9] ^= 1;
	again = get(test, c);
	KUNIT_EXPECT_EQ(test, again != p, found);
	if (found) {
		/* Neither handed out nor to be freed. */
		hak_free(p);
		hak_test_provoke(test, HAK_EV_BAD_FREE, 1);
		p[SIZE - 9] ^= 1;
		readmit(p);
	}
	hak_free(again);
}

static void written_after_free(struct kunit *test)
{
	abuse(test, use_after, HAK_EV_CORRUPT, PATTERNS);
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

/* All live objects are freed, and the slab stays, since some of it is lost. */
static void is_kept(struct kunit *test, struct hak_cache *c, struct hak_slab *s)
{
	preempt_disable();
	hak_cpu_enter(this_cpu_ptr(c->cpu));
	hak_cpu_flush(c, this_cpu_ptr(c->cpu));
	hak_cpu_leave(this_cpu_ptr(c->cpu));
	preempt_enable();
	hak_test_reap(c);
	KUNIT_EXPECT_PTR_EQ(test, READ_ONCE(s->cache), c);
	KUNIT_EXPECT_NE(test, atomic_read(&s->rc) & HAK_STATE_MASK, (u32)HAK_UNUSED);
}

/* The first object's link is overwritten with what is no link. */
static void break_link(struct kunit *test, struct hak_cache *c, bool found)
{
	struct linked *l = make_linked(test, c);
	struct hak_slab *s = hak_test_slab_of(l->keep);
	void *got[40];
	unsigned int i;

	hak_to_link(c, l->obj[0])->next = (struct llist_node *)((unsigned long)l->keep + 1);
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
	bool handed = false;
	void *got[40];
	unsigned int i;

	hak_to_link(c, l->keep)->next = NULL;
	hak_to_link(c, l->obj[0])->next = hak_to_link(c, l->keep);
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

/* The slab's owner finds that more was carved than there is room for. */
static void break_books(struct kunit *test, struct hak_cache *c, bool found)
{
	unsigned int i, n, bump;
	struct hak_slab *s;
	void *got[70];

	got[0] = get(test, c);
	s = hak_test_slab_of(got[0]);
	preempt_disable();
	n = 1 + this_cpu_ptr(c->cpu)->nr;
	preempt_enable();
	KUNIT_ASSERT_LT(test, n, ARRAY_SIZE(got));
	for (i = 1; i < n; i++)
		got[i] = get(test, c);
	bump = s->bump;
	s->bump = c->capacity + 1;
	got[n] = get(test, c);
	KUNIT_EXPECT_PTR_NE(test, hak_test_slab_of(got[n]), s);
	/* Nobody owns it any more, and nobody gets it. */
	s->bump = bump;
	s->broken = false;
	hak_pool_put(s, HAK_OWNED);
	for (i = 0; i <= n; i++)
		hak_free(got[i]);
}

static void books_are_broken(struct kunit *test)
{
	abuse(test, break_books, HAK_EV_CORRUPT, ALWAYS);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(freed_in_a_row),
	KUNIT_CASE(freed_while_cached),
	KUNIT_CASE(freed_while_waiting),
	KUNIT_CASE(wiped_twice),
	KUNIT_CASE(resized_after_free),
	KUNIT_CASE(freed_in_a_magazine),
	KUNIT_CASE(freed_on_another_cpu),
	KUNIT_CASE(freed_inside),
	KUNIT_CASE(freed_to_another_cache),
	KUNIT_CASE(freed_before_it_was_allocated),
	KUNIT_CASE(freed_null),
	KUNIT_CASE(written_beyond),
	KUNIT_CASE(written_before),
	KUNIT_CASE(written_after_free),
	KUNIT_CASE(link_is_none),
	KUNIT_CASE(link_to_a_live_object),
	KUNIT_CASE(books_are_broken),
	{}
};

static struct kunit_suite hak_abuse_suite = {
	.name = "hak_abuse",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_abuse_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: abuse of objects, in each mode");
MODULE_LICENSE("GPL");
