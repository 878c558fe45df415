// SPDX-License-Identifier: GPL-2.0
/*
 * Abuse of objects: what is found in which mode, what the report says, and that what is
 * found does no harm. docs/debugging.md has the table; the suite broken has its last rows.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/vmalloc.h>

#include "hak_test.h"
#include "hak_test_abuse.h"
#include "hak_test_threads.h"

/*
 * The functions below free what must not be freed, and a report names them as callers.
 * So they are not inlined, and the call is not the last thing they do.
 */
static noinline __noclone void wrong_free(const void *p)
{
	hak_free(p);
	barrier();
}

static noinline __noclone void wrong_cache_free(struct hak_cache *c, const void *p)
{
	hak_cache_free(c, (void *)p);
	barrier();
}

static noinline __noclone void wrong_wipe(const void *p)
{
	hak_free_sensitive(p);
	barrier();
}

static noinline __noclone void *wrong_resize(const void *p)
{
	void *q = hak_realloc(p, 1, GFP_KERNEL | __GFP_ZERO);

	barrier();
	return q;
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

#define TWICE	"freed twice, or never allocated"

static void again_at_once(struct kunit *test, struct hak_cache *c, bool found)
{
	void *p = get(test, c);

	hak_free(p);
	expect_refused(wrong_free, p, p, ALLOCATED | FREED, false,
		       c->cap ? "freed twice in a row" : TWICE);
	wrong_free(p);
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
	expect_refused(wrong_free, p, p, ALLOCATED | FREED, false, TWICE);
	wrong_free(p);
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
	expect_refused(wrong_free, p, p, ALLOCATED | FREED, false, TWICE);
	wrong_free(p);
	undo(test, c, p, found || !c->cap);
}

static void freed_while_waiting(struct kunit *test)
{
	abuse(test, again_while_waiting, HAK_EV_BAD_FREE, HARDENED);
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
	expect_refused(wrong_wipe, p, p, ALLOCATED | FREED, false, TWICE);
	wrong_wipe(p);
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
	expect_refused(wrong_resize, p, p, ALLOCATED | FREED, false,
		       "freed, or never allocated");
	KUNIT_EXPECT_NULL(test, wrong_resize(p));
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
	expect_refused(wrong_free, obj[0], obj[0], ALLOCATED | FREED, false, TWICE);
	expected.owner = -1;
	wrong_free(obj[0]);
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
	expect_refused(wrong_free, e.p, e.p, ALLOCATED | FREED, false, TWICE);
	expected.elsewhere = true;
	wrong_free(e.p);
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

	expect_refused(wrong_free, p + 8, p, ALLOCATED, true,
		       "not the start of an object");
	wrong_free(p + 8);
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

	expect_refused(wrong_cache_free, p, p, ALLOCATED, true, "object of another cache");
	wrong_cache_free(other, p);
	hak_free(p);
}

static void freed_to_another_cache(struct kunit *test)
{
	abuse(test, free_of_another, HAK_EV_BAD_FREE, ALWAYS);
}

static void free_of_none(struct kunit *test, struct hak_cache *c, bool found)
{
	char *p = get(test, c), *last;
	struct hak_slab *s = hak_test_slab_of(p);
	u32 nr = c->capacity - 1;

	/* With hardened=1 any object may be the first, so this takes the one that is next. */
	if (c->order)
		nr = c->order[(s->start + s->bump) % c->capacity];
	last = (char *)s->addr + nr * (unsigned long)c->size;
	expect_refused(wrong_free, last, last, 0, false,
		       c->order ? TWICE : "never allocated");
	/* Nothing was set up there. */
	if (c->track)
		memset(last + c->track, 0, HAK_NR_TRACKS * sizeof(struct hak_track));
	wrong_free(last);
	hak_free(p);
}

static void freed_before_it_was_allocated(struct kunit *test)
{
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

/* Memory that is in no slab. */
static const void *foreign;

static void free_foreign(struct kunit *test, struct hak_cache *c, bool found)
{
	expect_refused(wrong_free, foreign, NULL, 0, false,
		       "not a hakmem or kmalloc object");
	expected.c = NULL;
	wrong_free(foreign);
}

static void free_foreign_as_object(struct kunit *test, struct hak_cache *c, bool found)
{
	expect_refused(wrong_cache_free, foreign, NULL, 0, false,
		       "not a hakmem or kmalloc object");
	expected.c = NULL;
	wrong_cache_free(c, foreign);
}

/* Each function refuses @p, whatever the mode of the cache. */
static void refuse_foreign(struct kunit *test, const void *p)
{
	if (hak_test_may_be_slubs(p))
		kunit_skip(test, "here the C library decides, see test_hardened.c");
	foreign = p;
	abuse(test, free_foreign, HAK_EV_BAD_FREE, ALWAYS);
	abuse(test, free_foreign_as_object, HAK_EV_BAD_FREE, ALWAYS);
}

static void freed_on_stack(struct kunit *test)
{
	long on_stack[4] = { 0 };

	refuse_foreign(test, on_stack);
}

static long static_data[4];

static void freed_static(struct kunit *test)
{
	refuse_foreign(test, static_data);
}

static void freed_text(struct kunit *test)
{
	refuse_foreign(test, freed_text);
}

static void freed_vmalloc(struct kunit *test)
{
	void *p = vmalloc(PAGE_SIZE);

	KUNIT_ASSERT_NOT_NULL(test, p);
	/* In userspace it is kmalloc()'s. */
	if (!hak_test_may_be_slubs(p))
		refuse_foreign(test, p);
	vfree(p);
}

static void freed_page(struct kunit *test)
{
	unsigned long page = __get_free_page(GFP_KERNEL);

	KUNIT_ASSERT_NE(test, page, 0UL);
	refuse_foreign(test, (void *)page);
	free_page(page);
}

static void freed_wild(struct kunit *test)
{
	refuse_foreign(test, (void *)~0xfUL);
}

/* A superslab of the cache is given back, and an object of it freed. */
static void free_into_gone(struct kunit *test, struct hak_cache *c, bool found)
{
	enum { NR = 2 * HAK_MAX_SLOTS };
	struct hak_slab *s = NULL;
	unsigned int i;
	char *p = NULL;

	/* What other suites have left in unused slots would be claimed first. */
	hak_reap_all();
	hak_superslab_trim(0);
	hak_superslab_break();
	for (i = 0; i < NR; i++) {
		s = hak_test_slab(test, c);
		/* In the middle, because a superslab's first unused slots are used first. */
		p = (char *)s->ss->addr + (PAGE_SIZE << s->ss->order) / 2;
		preempt_disable();
		hak_pool_put(s, HAK_OWNED);
		preempt_enable();
	}
	hak_reap_all();
	hak_superslab_trim(0);
	KUNIT_ASSERT_NULL(test, hak_test_slab_of(p));
	expect_refused(wrong_free, p, NULL, 0, false, "not a hakmem or kmalloc object");
	expected.c = NULL;
	wrong_free(p);
}

static void freed_into_gone_superslab(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, SIZE, 0);
	void *p = get(test, c);
	bool libcs = hak_test_may_be_slubs(p);

	hak_free(p);
	if (libcs)
		kunit_skip(test, "here the C library decides");
	abuse(test, free_into_gone, HAK_EV_BAD_FREE, ALWAYS);
}

/* hak_free() takes what kmalloc() gave. */
static void free_of_kmalloc(struct kunit *test, struct hak_cache *c, bool found)
{
	void *p = kmalloc(SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	hak_free(p);
}

static void freed_kmalloc(struct kunit *test)
{
	abuse(test, free_of_kmalloc, HAK_EV_BAD_FREE, 0);
}

/* hak_cache_free() does not. */
static void free_of_kmalloc_as_object(struct kunit *test, struct hak_cache *c, bool found)
{
	void *p = kmalloc(SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	expect_refused(wrong_cache_free, p, NULL, 0, false,
		       "SLUB's, and no object of this cache");
	expected.c = NULL;
	wrong_cache_free(c, p);
	/* It is still the caller's. */
	memset(p, 0, SIZE);
	kfree(p);
}

static void freed_kmalloc_as_object(struct kunit *test)
{
	abuse(test, free_of_kmalloc_as_object, HAK_EV_BAD_FREE, ALWAYS);
}

static void overrun(struct kunit *test, struct hak_cache *c, u32 at)
{
	u8 *p = get(test, c), *q = get(test, c), *first = p < q ? p : q;

	first[at] ^= 1;
	expect_refused(wrong_free, first, first, ALLOCATED, true, "written beyond its end");
	wrong_free(first);
	if (c->checks & HAK_CHECK_ZONE) {
		/* It was refused, so it is live. */
		first[at] ^= 1;
		hak_free(first);
	}
	hak_free(p < q ? q : p);
}

static void overrun_first(struct kunit *test, struct hak_cache *c, bool found)
{
	overrun(test, c, c->usable);
}

/* Without a zone there may be another object. */
static void overrun_last(struct kunit *test, struct hak_cache *c, bool found)
{
	if (found)
		overrun(test, c, round_up(c->usable, 8) + 7);
}

static void written_beyond(struct kunit *test)
{
	abuse(test, overrun_first, HAK_EV_BAD_FREE, ZONES);
	abuse(test, overrun_last, HAK_EV_BAD_FREE, ZONES);
}

static void underrun(struct kunit *test, struct hak_cache *c, int at)
{
	u8 *p = get(test, c), *q = get(test, c), *second = p > q ? p : q;

	second[at] ^= 1;
	expect_refused(wrong_free, second, second, ALLOCATED, true,
		       "written before its start");
	wrong_free(second);
	second[at] ^= 1;
	if (c->checks & HAK_CHECK_ZONE)
		hak_free(second);
	hak_free(p > q ? q : p);
}

static void underrun_last(struct kunit *test, struct hak_cache *c, bool found)
{
	underrun(test, c, -1);
}

/* Without a zone there may be a link of hakmem's. */
static void underrun_first(struct kunit *test, struct hak_cache *c, bool found)
{
	if (found)
		underrun(test, c, -8);
}

static void written_before(struct kunit *test)
{
	abuse(test, underrun_last, HAK_EV_BAD_FREE, ZONES);
	abuse(test, underrun_first, HAK_EV_BAD_FREE, ZONES);
}

static void use_byte_after(struct kunit *test, struct hak_cache *c, bool found,
			   unsigned int nr)
{
	u8 *p = get(test, c), *again;

	hak_free(p);
	p[nr] ^= 1;
	expect_unused(p, ALLOCATED | FREED, false, "written to while it was free");
	again = get(test, c);
	KUNIT_EXPECT_EQ(test, again != p, found);
	if (found) {
		/* Neither handed out nor to be freed, which is reported as well. */
		expected.more = 1;
		hak_free(p);
		hak_test_provoke(test, HAK_EV_BAD_FREE, 1);
		p[nr] ^= 1;
		readmit(p);
	}
	hak_free(again);
}

static void use_after(struct kunit *test, struct hak_cache *c, bool found)
{
	use_byte_after(test, c, found, SIZE - 9);
}

static void written_after_free(struct kunit *test)
{
	abuse(test, use_after, HAK_EV_CORRUPT, PATTERNS);
}

/* The byte behind the last is a zone, or another object. */
static void use_last_after(struct kunit *test, struct hak_cache *c, bool found)
{
	use_byte_after(test, c, found, SIZE - 1);
}

static void last_byte_written_after_free(struct kunit *test)
{
	abuse(test, use_last_after, HAK_EV_CORRUPT, PATTERNS);
}

/* A report says in microseconds how long ago an object was freed. */
static void says_how_long_ago(struct kunit *test)
{
	static const struct hak_cache_args none;
	u64 us = 0, begun = ktime_get_mono_fast_ns(), freed, asked;
	struct hak_cache *c;
	const char *text;
	void *p;

	if (!SLAB_STORE_USER)
		kunit_skip(test, "a kernel without the flags");
	c = hak_test_cache_args(test, SIZE, &none, SLAB_STORE_USER);
	p = get(test, c);
	migrate_disable();
	hak_free(p);
	/* By this clock the guest may sleep for less than 20 ms, if its jiffies lag behind. */
	freed = ktime_get_mono_fast_ns();
	hak_test_sleep(20);
	asked = ktime_get_mono_fast_ns();
	if (hak_test_hear()) {
		wrong_free(p);
		text = behind(test, hak_test_heard(), "\nhakmem: freed by task ");
		text = behind(test, text, ", ");
		for (; text && *text >= '0' && *text <= '9'; text++)
			us = us * 10 + (*text - '0');
		KUNIT_EXPECT_GE(test, us, (asked - freed) / 1000);
		KUNIT_EXPECT_LE(test, us, (ktime_get_mono_fast_ns() - begun) / 1000 + 1);
	} else {
		wrong_free(p);
	}
	migrate_enable();
	hak_test_provoke(test, HAK_EV_BAD_FREE, 1);
}

/* What lies between the last object and the end of the slab is no object. */
static void freed_behind_the_last(struct kunit *test)
{
	static const struct hak_cache_args none;
	struct hak_cache *c = hak_test_cache_args(test, 1000, &none, 0);
	void *p = get(test, c);
	u32 end = c->capacity * c->size;
	const char *text;
	void *rest;

	KUNIT_ASSERT_LT(test, end, HAK_SLAB_SIZE);
	rest = (void *)(hak_test_slab_of(p)->addr + end);
	expected = (struct report){ .c = c };
	expect_refused(wrong_free, rest, NULL, 0, false, "beyond the last object");
	if (hak_test_hear()) {
		wrong_free(rest);
		text = hak_test_heard();
		says(test, text, PLAIN);
		KUNIT_EXPECT_NULL(test, strstr(text, "hakmem: object "));
	} else {
		wrong_free(rest);
	}
	hak_test_provoke(test, HAK_EV_BAD_FREE, 1);
	hak_free(p);
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
	KUNIT_CASE(freed_behind_the_last),
	KUNIT_CASE(says_how_long_ago),
	KUNIT_CASE(freed_null),
	KUNIT_CASE(freed_on_stack),
	KUNIT_CASE(freed_static),
	KUNIT_CASE(freed_text),
	KUNIT_CASE(freed_vmalloc),
	KUNIT_CASE(freed_page),
	KUNIT_CASE(freed_wild),
	KUNIT_CASE(freed_into_gone_superslab),
	KUNIT_CASE(freed_kmalloc),
	KUNIT_CASE(freed_kmalloc_as_object),
	KUNIT_CASE(written_beyond),
	KUNIT_CASE(written_before),
	KUNIT_CASE(written_after_free),
	KUNIT_CASE(last_byte_written_after_free),
	{}
};

static struct kunit_suite hak_abuse_suite = {
	.name = "hak_abuse",
	.init = abuse_init,
	.exit = abuse_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_abuse_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: abuse of objects, in each mode");
MODULE_LICENSE("GPL");
