/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The common part of the suites abuse and broken: each case is played with a cache of its
 * own in each mode, and what is reported is compared with what the case expects. "Plain"
 * is hardened if hakmem was loaded with hardened=1. If it was loaded with debug=, each
 * mode has those checks as well.
 */
#ifndef _HAK_TEST_ABUSE_H
#define _HAK_TEST_ABUSE_H

#include <linux/array_size.h>
#include <linux/kconfig.h>
#include <linux/mm.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "hak_test.h"
#include "hak_test_log.h"

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
 * @elsewhere: whether another task freed the object before, on another CPU
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
	bool elsewhere;
} expected;

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

/* A report has this function's address as the one that allocated. */
static noinline __noclone void *get(struct kunit *test, struct hak_cache *c)
{
	void *p = hak_cache_alloc(c, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_NOT_NULL(test, hak_test_slab_of(p));
	return p;
}

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
	scnprintf(text, sizeof(text), "\nhakmem: freed by task %d on CPU %d, ",
		  task_pid_nr(current), raw_smp_processor_id());
	if (expected.elsewhere)
		strscpy(text, "\nhakmem: freed by task ", sizeof(text));
	if (expected.users & FREED)
		behind(test, behind(test, at, text), " us ago\nhakmem:   ");
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
	if (off >= c->size)
		at = behind(test, at, "hakmem: bytes before it: ");
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
	hak_bad_free_limit.interval = 0;
	hak_corrupt_limit.interval = 0;
	return hak_test_init_cached(test);
}

static void abuse_exit(struct kunit *test)
{
	hak_bad_free_limit.interval = DEFAULT_RATELIMIT_INTERVAL;
	hak_corrupt_limit.interval = DEFAULT_RATELIMIT_INTERVAL;
	hak_test_exit(test);
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

#endif /* _HAK_TEST_ABUSE_H */
