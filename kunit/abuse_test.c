// SPDX-License-Identifier: GPL-2.0
/*
 * Abuse of objects: what is found in which mode, what the report says, and that what is
 * found does no harm. docs/debugging.md has the table. Each case is played with a cache
 * of its own in each mode; "plain" is hardened if hakmem was loaded with hardened=1. If
 * it was loaded with debug=, each mode has those checks as well.
 */
#include <linux/gfp.h>
#include <linux/kconfig.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poison.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "hak_test.h"
#include "hak_test_log.h"
#include "hak_test_threads.h"

#define SIZE	60

/* In the order of the HAK_CHECK_ flags, but for the first and the last. */
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
#define TRACKED		(BIT(U) | BIT(ALL))

/* A cache in mode @m is in each of these modes: debug= asks for more. */
static unsigned int modes_of(enum mode m)
{
	unsigned int letters = hak_debug & (BIT(T) - 1);

	/* Any letter includes F. */
	return BIT(m) | letters << F | (hak_debug ? BIT(F) : 0);
}

/* Which records of an object's users a report has with U. */
#define ALLOCATED	BIT(HAK_ALLOCATED)
#define FREED		BIT(HAK_FREED)

/**
 * struct report - what the first report of an abuse has to say
 * @p: the address that it names
 * @why: what is wrong
 * @caller: who freed, or NULL if it names no caller
 * @c: the cache it names, or NULL
 * @obj: the object it describes, or NULL
 * @users: whether the object was allocated and freed before
 * @live: whether it is live, as far as that is known
 * @owner: the CPU that owned the object's slab last, or -1
 * @slab: address of the slab as the report has it, if it is about the slab; or 0
 * @more: reports that follow
 */
static struct report {
	const void *p;
	const char *why;
	const void *caller;
	struct hak_cache *c;
	const void *obj;
	unsigned int users;
	bool live;
	int owner;
	unsigned long slab;
	unsigned int more;
} expected;

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

/* A report says that @caller cannot free @p, which is @obj or lies in it, for @why. */
static void expect_refused(const void *caller, const void *p, const void *obj,
			   unsigned int users, bool live, const char *why)
{
	expected.caller = caller;
	expected.p = p;
	expected.obj = obj;
	expected.users = users;
	expected.live = live;
	expected.why = why;
}

/* ... that @obj is not used again. */
static void expect_unused(const void *obj, unsigned int users, bool live, const char *why)
{
	expect_refused(NULL, obj, obj, users, live, why);
}

/* ... that slab @s is broken, in which @obj holds the wrong address @p; or both are NULL. */
static void expect_broken(const struct hak_slab *s, const void *obj, const void *p,
			  const char *why)
{
	expect_refused(NULL, p, obj, ALLOCATED | FREED, false, why);
	expected.slab = s->addr;
}

/* The text behind the next @what after @at; NULL if there is none, and a failure. */
static const char *behind(struct kunit *test, const char *at, const char *what)
{
	const char *found = at ? strstr(at, what) : NULL;

	if (at && !found) {
		kunit_info(test, "nothing says \"%s\" here:\n%s\n", what, at);
		KUNIT_FAIL(test, "a report lacks something");
	}
	return found ? found + strlen(what) : NULL;
}

/* Does an address of @fn begin at @at? A kernel prints its name. */
static bool is_in(const char *at, const void *fn)
{
	unsigned long addr = 0;
	char name[64];
	size_t n;

	if (IS_ENABLED(CONFIG_KALLSYMS)) {
		scnprintf(name, sizeof(name), "%ps", fn);
		n = strcspn(name, " ");
		return !strncmp(at, name, n) && at[n] == '+';
	}
	if (strncmp(at, "0x", 2))
		return false;
	for (at += 2; *at; at++) {
		if (*at >= '0' && *at <= '9')
			addr = addr << 4 | (*at - '0');
		else if (*at >= 'a' && *at <= 'f')
			addr = addr << 4 | (*at - 'a' + 10);
		else
			break;
	}
	return addr - (unsigned long)fn < 1024;
}

static void *get(struct kunit *test, struct hak_cache *c);

/* With U: which task allocated the object that is described at @at, and which freed it. */
static void names_users(struct kunit *test, const char *at)
{
	char text[80];

	scnprintf(text, sizeof(text), "\nhakmem: allocated by task %d on CPU %d, ",
		  task_pid_nr(current), raw_smp_processor_id());
	if (expected.users & ALLOCATED) {
		at = behind(test, at, text);
		at = behind(test, at, " us ago\nhakmem:   ");
		/*
		 * A kernel's first addresses may be hakmem's own. A debug build, which
		 * inlines less, has one address only, and that may be hakmem's.
		 */
		if (IS_ENABLED(CONFIG_KALLSYMS))
			at = behind(test, at, "get+");
		else if (at && !HAK_CHECKS)
			KUNIT_EXPECT_TRUE(test, is_in(at, get));
	} else if (at) {
		KUNIT_EXPECT_NULL(test, strstr(at, "allocated by"));
	}
	/* Another task may have done that. */
	if (expected.users & FREED)
		behind(test, behind(test, at, "\nhakmem: freed by task "),
		       " us ago\nhakmem:   ");
	else if (at)
		KUNIT_EXPECT_NULL(test, strstr(at, "freed by"));
}

/* The slab, its owner, and the object that is in question. */
static void describes(struct kunit *test, const char *at, enum mode m)
{
	struct hak_cache *c = expected.c;
	u32 off = (unsigned long)expected.obj & HAK_SLAB_MASK;
	unsigned long slab = expected.slab ?: (unsigned long)expected.obj & ~HAK_SLAB_MASK;
	char text[120];

	scnprintf(text, sizeof(text), "\nhakmem: slab %p on node ", (void *)slab);
	at = behind(test, at, text);
	scnprintf(text, sizeof(text), ", last owned by CPU %d: ", expected.owner);
	at = behind(test, at, text);
	if (!expected.obj)
		return;
	if (!expected.slab)
		off += (unsigned long)expected.p - (unsigned long)expected.obj;
	scnprintf(text, sizeof(text), "\nhakmem: object %u of %u at %p, offset %u of %u%s\n",
		  off / c->size, c->capacity, expected.obj, off % c->size, c->usable,
		  !c->map ? "" : expected.live ? "; live" : "; not live");
	at = behind(test, at, text);
	/* The line feeds belong to lines that were matched before. */
	at = behind(test, at, "hakmem: first bytes: ");
	at = behind(test, at, "\nhakmem: last bytes, and beyond: ");
	if (modes_of(m) & TRACKED)
		names_users(test, at);
	else if (at)
		KUNIT_EXPECT_NULL(test, strstr(at, " by task "));
}

static unsigned int reports_in(const char *text)
{
	unsigned int n = 0;

	for (; *text; text++)
		n += strstarts(text, "hakmem: bad free of ") ||
		     strstarts(text, "hakmem: corruption ");
	return n;
}

/* Is @text the report that is expected, and is there no other? */
static void says(struct kunit *test, const char *text, enum mode m)
{
	const char *class = expected.c ? expected.c->name : "none";
	char line[120];

	KUNIT_EXPECT_EQ(test, reports_in(text), 1 + expected.more);
	if (expected.caller) {
		scnprintf(line, sizeof(line), "hakmem: bad free of %p (class %s) by ",
			  expected.p, class);
		text = behind(test, text, line);
		if (text)
			KUNIT_EXPECT_TRUE(test, is_in(text, expected.caller));
		scnprintf(line, sizeof(line), " refused: %s\n", expected.why);
	} else if (expected.slab) {
		scnprintf(line, sizeof(line), "hakmem: corruption in slab %p (class %s, carved ",
			  (void *)expected.slab, class);
		text = behind(test, text, line);
		scnprintf(line, sizeof(line), ") at %p: %s\n", expected.p, expected.why);
	} else {
		scnprintf(line, sizeof(line),
			  "hakmem: corruption of %p (class %s), which is not used again: %s\n",
			  expected.p, class, expected.why);
	}
	text = behind(test, text, line);
	/* The next line begins with that line feed. */
	if (text && (expected.slab || expected.obj))
		describes(test, text - 1, m);
}

typedef void abuse_fn(struct kunit *test, struct hak_cache *c, bool found);

/* Plays @fn in mode @m. */
static void abuse_in(struct kunit *test, abuse_fn *fn, enum hak_event ev, bool found,
		     enum mode m)
{
	static const struct hak_cache_args none;
	struct hak_cache *c = hak_test_cache_args(test, SIZE, &none, mode_flags[m]);
	unsigned long before = hak_test_event(test, ev);
	const char *text;
	bool hears;

	migrate_disable();
	expected = (struct report){ .c = c, .owner = raw_smp_processor_id() };
	hears = hak_test_hear();
	fn(test, c, found);
	text = hak_test_heard();
	if (hears && found)
		says(test, text, m);
	else if (hears)
		KUNIT_EXPECT_EQ(test, reports_in(text), 0);
	migrate_enable();
	HAK_EXPECT_EVENT(test, ev, before + found);
	hak_test_provoke(test, ev, found);
}

/*
 * Plays @fn in each mode. In those of @found it has to be counted as @ev, once, and to be
 * reported. In the others nothing may be reported.
 */
static void abuse(struct kunit *test, abuse_fn *fn, enum hak_event ev,
		  unsigned int found)
{
	enum mode m;

	if (!SLAB_POISON)
		kunit_skip(test, "a kernel without the flags");
	for (m = 0; m < NR_MODES; m++)
		abuse_in(test, fn, ev, found & modes_of(m), m);
}

/* All reports are logged, however fast they come. */
static int abuse_init(struct kunit *test)
{
	hak_report_limit.interval = 0;
	return hak_test_init(test);
}

static void abuse_exit(struct kunit *test)
{
	hak_report_limit.interval = DEFAULT_RATELIMIT_INTERVAL;
	hak_test_exit(test);
}

static noinline __noclone void *get(struct kunit *test, struct hak_cache *c)
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
	char *p;

	for (i = 0; i < NR; i++) {
		s = hak_test_slab(test, c);
		preempt_disable();
		hak_pool_put(s, HAK_OWNED);
		preempt_enable();
	}
	/* In the middle, because a superslab's first unused slots are used first. */
	p = (char *)s->ss->addr + (PAGE_SIZE << s->ss->order) / 2;
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

static void overrun(struct kunit *test, struct hak_cache *c, bool found)
{
	u8 *p = get(test, c), *q = get(test, c), *first = p < q ? p : q;

	first[c->usable] ^= 1;
	expect_refused(wrong_free, first, first, ALLOCATED, true, "written beyond its end");
	wrong_free(first);
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
	expect_refused(wrong_free, second, second, ALLOCATED, true,
		       "written before its start");
	wrong_free(second);
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
	expect_unused(p, ALLOCATED | FREED, false, "written to while it was free");
	again = get(test, c);
	KUNIT_EXPECT_EQ(test, again != p, found);
	if (found) {
		/* Neither handed out nor to be freed, which is reported as well. */
		expected.more = 1;
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
	struct llist_node *link;
	void *got[40];
	unsigned int i;

	link = hak_to_link(c, l->obj[0]);
	link->next = (struct llist_node *)((unsigned long)l->keep + 1);
	/* If the CPU has taken many objects at once, the object was handed out before. */
	expect_broken(s, l->obj[0], hak_link_next(link), "free link out of its slab");
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
		expect_broken(s, l->obj[0], hak_link_next(link),
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

/* Everything this CPU holds of the cache, and one object more, from a slab that is broken. */
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
	KUNIT_CASE(link_is_none),
	KUNIT_CASE(link_to_a_live_object),
	KUNIT_CASE(books_are_broken),
	KUNIT_CASE(cache_is_broken),
	KUNIT_CASE(address_is_broken),
	KUNIT_CASE(state_is_broken),
	KUNIT_CASE(counts_are_broken),
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
