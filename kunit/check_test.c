// SPDX-License-Identifier: GPL-2.0
/*
 * What debug= and its flags do to objects that nobody abuses: patterns, red zones,
 * alignment, who allocated and who freed, and the parameter itself.
 */
#include <linux/kasan.h>
#include <linux/module.h>
#include <linux/poison.h>
#include <linux/random.h>
#include <linux/string.h>

#include "hak_test.h"
#include "hak_test_log.h"

static const slab_flags_t all = SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE | SLAB_POISON |
				SLAB_STORE_USER;

static struct hak_cache *checked(struct kunit *test, unsigned int size,
				 unsigned int align, slab_flags_t flags)
{
	struct hak_cache_args args = { .align = align };

	if (!SLAB_POISON)
		kunit_skip(test, "a kernel without the flags");
	return hak_test_cache_args(test, size, &args, flags);
}

/* Objects neither overlap nor lie where they may not, in each slab of theirs. */
static void sizes_and_alignments(struct kunit *test)
{
	static const unsigned int size[] = { 1, 8, 24, 60, 64, 1000, 4097, 8192 };
	static const unsigned int align[] = { 0, 64, 4096 };
	unsigned int i, j, k, n;
	u8 *obj[40];

	for (i = 0; i < ARRAY_SIZE(size); i++) {
		/* The last of four such caches is of a size for itself. */
		struct hak_cache *c = checked(test, size[i], align[i % 3], all);

		KUNIT_EXPECT_EQ(test, hak_cache_size(c), size[i]);
		KUNIT_EXPECT_LE(test, c->capacity * c->size, c->map);
		for (j = 0; j < ARRAY_SIZE(obj); j++) {
			obj[j] = hak_cache_alloc(c, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, obj[j]);
			KUNIT_EXPECT_EQ(test, (unsigned long)obj[j] % (align[i % 3] ?: 8), 0UL);
			KUNIT_EXPECT_EQ(test, hak_usable_size(obj[j]), (size_t)size[i]);
			memset(obj[j], j, size[i]);
		}
		for (j = 0, n = 0; j < ARRAY_SIZE(obj); j++)
			for (k = 0; k < size[i]; k++)
				n += obj[j][k] != j;
		KUNIT_EXPECT_EQ(test, n, 0);
		for (j = 0; j < ARRAY_SIZE(obj); j++)
			hak_free_sized(obj[j], size[i]);
	}
}

static void patterns(struct kunit *test)
{
	struct hak_cache *c = checked(test, 60, 0, SLAB_POISON);
	u8 fresh = want_init_on_alloc(GFP_KERNEL) ? 0 : POISON_INUSE;
	u8 *p = hak_cache_alloc(c, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(p, fresh, c->usable), NULL);
	hak_free(p);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(p, POISON_FREE, c->usable - 1), NULL);
	KUNIT_EXPECT_EQ(test, p[c->usable - 1], POISON_END);
	p = hak_cache_alloc(c, GFP_KERNEL | __GFP_ZERO);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(p, 0, c->usable), NULL);
	hak_free(p);
}

static void zones(struct kunit *test)
{
	struct hak_cache *c = checked(test, 60, 0, SLAB_RED_ZONE);
	u8 *p = hak_cache_alloc(c, GFP_KERNEL), *q = hak_cache_alloc(c, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(p + 60, SLUB_RED_ACTIVE, 12), NULL);
	hak_free(p);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(p + 60, SLUB_RED_INACTIVE, 12), NULL);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(q + 60, SLUB_RED_ACTIVE, 12), NULL);
	hak_free(q);
}

/* Objects that keep what they hold while they are free have zones, and no pattern. */
static void make(void *p)
{
	memset(p, 0x11, 60);
}

static void constructed(struct kunit *test)
{
	static const struct hak_cache_args args = { .ctor = make };
	struct hak_cache *c;
	u8 *p;

	if (!SLAB_POISON)
		kunit_skip(test, "a kernel without the flags");
	c = hak_test_cache_args(test, 60, &args, all);
	migrate_disable();
	p = hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(p, 0x11, 60), NULL);
	memset(p, 0x22, 60);
	hak_free(p);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(p, 0x22, 60), NULL);
	KUNIT_EXPECT_PTR_EQ(test, hak_cache_alloc(c, GFP_KERNEL), (void *)p);
	migrate_enable();
	p[60] ^= 1;
	hak_free(p);
	p[60] ^= 1;
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, 1);
	hak_test_provoke(test, HAK_EV_BAD_FREE, 1);
	hak_free(p);
}

static void users(struct kunit *test)
{
	struct hak_cache *c = checked(test, 64, 0, SLAB_STORE_USER);
	void *p = hak_cache_alloc(c, GFP_KERNEL);
	const struct hak_track *t;

	KUNIT_ASSERT_NOT_NULL(test, p);
	t = hak_check_track(c, p, HAK_ALLOCATED);
	KUNIT_ASSERT_NOT_NULL(test, t);
	KUNIT_EXPECT_NE(test, t->when, 0ULL);
	KUNIT_EXPECT_NE(test, t->frame[0], 0UL);
	KUNIT_EXPECT_EQ(test, t->pid, task_pid_nr(current));
	KUNIT_EXPECT_EQ(test, hak_check_track(c, p, HAK_FREED)->when, 0ULL);
	hak_free(p);
	KUNIT_EXPECT_GE(test, hak_check_track(c, p, HAK_FREED)->when, t->when);
	KUNIT_EXPECT_NE(test, hak_check_track(c, p, HAK_FREED)->frame[0], 0UL);
	KUNIT_EXPECT_EQ(test, hak_check_track(c, p, HAK_FREED)->pid,
			task_pid_nr(current));
}

/* What is the line behind @at? NULL if it is another. */
static const char *says(const char *at, const struct hak_cache *c, const char *what,
			const void *p)
{
	char line[100];

	scnprintf(line, sizeof(line), "hakmem: trace: %s %s %p by ", c->name, what, p);
	if (!at || !strstarts(at, line))
		return NULL;
	at = strchr(at + strlen(line), '\n');
	return at ? at + 1 : NULL;
}

/* With T each allocation and each free is a line in the log, and a refused free is none. */
static void logged(struct kunit *test)
{
	struct hak_cache *c = checked(test, 64, 0, SLAB_TRACE);
	const char *at;
	void *p, *q[2];

	if (!hak_test_hear())
		kunit_skip(test, "a kernel that does not tell what it logs");
	p = hak_cache_alloc(c, GFP_KERNEL);
	hak_free(p);
	hak_cache_alloc_bulk(c, GFP_KERNEL, 2, q);
	hak_cache_free_bulk(c, 2, q);
	at = hak_test_heard();
	at = says(at, c, "alloc", p);
	at = says(at, c, "free", p);
	at = says(at, c, "alloc", q[0]);
	at = says(at, c, "alloc", q[1]);
	at = says(at, c, "free", q[0]);
	at = says(at, c, "free", q[1]);
	KUNIT_EXPECT_NOT_NULL(test, at);
	KUNIT_EXPECT_STREQ(test, at ?: "no such line", "");

	/* Without T there is no line, unless debug= asks for it. */
	c = checked(test, 64, 0, SLAB_STORE_USER);
	hak_test_hear();
	hak_free(hak_cache_alloc(c, GFP_KERNEL));
	at = strstr(hak_test_heard(), "trace: ");
	KUNIT_EXPECT_EQ(test, !!at, !!(hak_debug & HAK_CHECK_TRACE));
}

/* Bulk calls and allocations that zero check as well; none of it is cached. */
static void each_way(struct kunit *test)
{
	struct hak_cache *c = checked(test, 64, 0, all);
	void *obj[70], *p;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, 70, obj), 70);
	for (i = 0; i < 70; i++)
		KUNIT_EXPECT_TRUE(test, hak_check_live(c, obj[i]));
	hak_cache_free_bulk(c, 70, obj);
	for (i = 0; i < 70; i++) {
		KUNIT_EXPECT_FALSE(test, hak_check_live(c, obj[i]));
		KUNIT_EXPECT_EQ(test, hak_usable_size(obj[i]), (size_t)0);
	}
	p = hak_cache_alloc_node(c, GFP_KERNEL, numa_mem_id());
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_TRUE(test, hak_check_live(c, p));
	hak_cache_free(c, p);
	KUNIT_EXPECT_FALSE(test, hak_check_live(c, p));
}

/* With init_on_free a checked object is zeroed when it is freed, but for its link. */
static void zeroed_when_freed(struct kunit *test)
{
	struct hak_cache *c = checked(test, 64, 0, SLAB_CONSISTENCY_CHECKS);
	unsigned int i, dirty = 0;
	u8 *p;

	if (!want_init_on_free() || c->checks & HAK_CHECK_POISON)
		kunit_skip(test, "freed objects are not zeroed, or a pattern follows");
	p = hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	memset(p, 0x5a, 64);
	hak_free(p);
	for (i = 0; i < 64; i++)
		dirty += p[i] && (i < c->link || i >= c->link + sizeof(struct llist_node));
	KUNIT_EXPECT_EQ(test, dirty, 0);
}

/* What was in the slot before says nothing of the new objects. */
static void slot_of_another_cache(struct kunit *test)
{
	struct hak_cache *before = hak_test_cache(test, 1024, 0), *c;
	struct hak_slab *s = hak_test_slab(test, before);
	unsigned long addr = s->addr;
	void *p;

	memset((void *)addr, 0xff, HAK_SLAB_SIZE);
	hak_pool_put(s, HAK_OWNED);
	KUNIT_ASSERT_EQ(test, hak_test_reap(before), 1);
	c = checked(test, 64, 0, all);
	p = hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, (unsigned long)p & ~HAK_SLAB_MASK, addr);
	HAK_EXPECT_EVENT(test, HAK_EV_CORRUPT, 0);
	hak_free(p);
}

/* debug= is refused with one letter that is none, and says what it is set to. */
static void parameter(struct kunit *test)
{
	const struct hak_param *param = hak_param_find("debug");
	static const char *const bad[] = {
		"", "X", "FX", "f", "F Z", "F,", "-F", ",", "1",
	};
	char was[300], text[300];
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, param);
	hak_param_show(param, was, sizeof(was));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ(test, hak_param_set(param, "debug", bad[i]), -EINVAL);
	KUNIT_EXPECT_EQ(test, hak_param_set(param, "debug", NULL), -EINVAL);
	hak_param_show(param, text, sizeof(text));
	KUNIT_EXPECT_STREQ(test, text, was);

	KUNIT_EXPECT_EQ(test, hak_param_set(param, "debug", "PF,hak-64,hak_test_0\n"), 0);
	hak_param_show(param, text, sizeof(text));
	KUNIT_EXPECT_STREQ(test, text, "FP,hak-64,hak_test_0");
	KUNIT_EXPECT_EQ(test, hak_check_wanted("hak_test_0", 0), 5U);
	KUNIT_EXPECT_EQ(test, hak_check_wanted("hak-64", 0), 5U);
	KUNIT_EXPECT_EQ(test, hak_check_wanted("hak-6", 0), 0U);
	KUNIT_EXPECT_EQ(test, hak_check_wanted("hak-640", 0), 0U);
	KUNIT_EXPECT_EQ(test, hak_param_set(param, "debug", "-"), 0);
	KUNIT_EXPECT_EQ(test, hak_check_wanted("hak-64", 0), 0U);
	/* The letters that not every kernel allows keep their meaning. */
	KUNIT_EXPECT_EQ(test, hak_param_set(param, "debug", "FK"),
			IS_ENABLED(CONFIG_KASAN_GENERIC) ? 0 : -EINVAL);
	KUNIT_EXPECT_EQ(test, hak_check_wanted("hak-64", 0),
			IS_ENABLED(CONFIG_KASAN_GENERIC) ? HAK_CHECK_FREE | HAK_CHECK_KASAN : 0);
	KUNIT_EXPECT_EQ(test, hak_param_set(param, "debug", "-"), 0);
	KUNIT_EXPECT_EQ(test, hak_param_set(param, "debug", "AP"),
			IS_ENABLED(CONFIG_MEM_ALLOC_PROFILING) ? 0 : -EINVAL);
	hak_param_show(param, text, sizeof(text));
	KUNIT_EXPECT_STREQ(test, text, IS_ENABLED(CONFIG_MEM_ALLOC_PROFILING) ? "PA" : "-");
	KUNIT_EXPECT_EQ(test, hak_param_set(param, "debug", was), 0);
}

/* What numbers and bools may be. A value that is refused is not stored. */
static void other_parameters(struct kunit *test)
{
	static const char *const yes[] = { "1", "y", "Yes", "ON", "t", "true\n" };
	static const char *const no[] = { "0", "N", "no", "off", "f\n", "FALSE" };
	static const char *const neither[] = {
		"", "\n", "2", "12", "0x1", "00", "o", "of", "yesterday", "nine", "y ", " y",
		"y\n\n", "1\n0",
	};
	unsigned int v = 7, i;
	const struct hak_param b = { .name = "b", .kind = HAK_PARAM_bool, .value = &v };
	const struct hak_param n = {
		.name = "n", .kind = HAK_PARAM_uint, .value = &v, .min = 1, .max = 1024,
	};

	for (i = 0; i < ARRAY_SIZE(neither); i++)
		KUNIT_EXPECT_EQ(test, hak_param_set(&b, "b", neither[i]), -EINVAL);
	KUNIT_EXPECT_EQ(test, hak_param_set(&b, "b", NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, hak_param_set(&n, "n", "many"), -EINVAL);
	KUNIT_EXPECT_EQ(test, hak_param_set(&n, "n", "-1"), -EINVAL);
	KUNIT_EXPECT_EQ(test, hak_param_set(&n, "n", NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, hak_param_set(&n, "n", "0"), -ERANGE);
	KUNIT_EXPECT_EQ(test, hak_param_set(&n, "n", "1025"), -ERANGE);
	KUNIT_EXPECT_EQ(test, hak_param_set(&n, "n", "4294967296"), -ERANGE);
	KUNIT_EXPECT_EQ(test, hak_param_set(&n, "n", "0x10000000000000001"), -ERANGE);
	KUNIT_EXPECT_EQ(test, v, 7U);
	KUNIT_EXPECT_EQ(test, hak_param_set(&n, "n", "1024\n"), 0);
	KUNIT_EXPECT_EQ(test, v, 1024U);
	for (i = 0; i < ARRAY_SIZE(yes); i++) {
		KUNIT_EXPECT_EQ(test, hak_param_set(&b, "b", no[i]), 0);
		KUNIT_EXPECT_EQ(test, v, 0U);
		KUNIT_EXPECT_EQ(test, hak_param_set(&b, "b", yes[i]), 0);
		KUNIT_EXPECT_EQ(test, v, 1U);
	}
}

/* A free of @p by another CPU, which does not own its slab @s. */
static void free_elsewhere(struct hak_cache *c, struct hak_slab *s, void *p)
{
	if (c->checks)
		hak_mark_free(c, p);
	hak_test_push(s, p);
}

/*
 * With paranoid_drain a CPU drains its slabs of all caches, even if it allocates an object
 * that its cache holds, or frees one for which there is room. With hardened=1 such an
 * operation has a short path, which leaves it to the slow one.
 */
static void paranoid_drain_at_every_operation(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 512, 0);
	struct hak_cache *d = hak_test_cache_cap(test, 2048, 0);
	unsigned int paranoid = hak_paranoid_drain;
	struct hak_cpu_cache *cc;
	void *p[2], *q;

	hak_slow_only_get();
	migrate_disable();
	hak_cache_free(c, hak_cache_alloc(c, GFP_KERNEL));
	p[0] = hak_cache_alloc(d, GFP_KERNEL);
	p[1] = hak_cache_alloc(d, GFP_KERNEL);
	cc = raw_cpu_ptr(d->cpu);
	KUNIT_EXPECT_PTR_EQ(test, cc->cur, hak_test_slab_of(p[1]));
	free_elsewhere(d, cc->cur, p[0]);
	hak_paranoid_drain = 1;
	q = hak_cache_alloc(c, GFP_KERNEL);
	hak_paranoid_drain = paranoid;
	KUNIT_EXPECT_TRUE(test, llist_empty(&cc->cur->remote));

	/* What was drained becomes the freelist, so that the next chain can be drained. */
	free_elsewhere(d, cc->cur, p[1]);
	hak_paranoid_drain = 1;
	hak_cache_free(c, q);
	hak_paranoid_drain = paranoid;
	KUNIT_EXPECT_TRUE(test, llist_empty(&cc->cur->remote));
	migrate_enable();
	hak_slow_only_put();
}

/*
 * The record of an object's last free is longer than that of the next one. What is left of
 * it is not shown, because the shorter stack is ended by a 0.
 */
static void tracks_are_ended(struct kunit *test)
{
	struct hak_cache *c = checked(test, 64, 0, SLAB_STORE_USER);
	void *p = hak_cache_alloc(c, GFP_KERNEL);
	struct hak_track *t;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, p);
	t = (struct hak_track *)hak_check_track(c, p, HAK_FREED);
	KUNIT_ASSERT_NOT_NULL(test, t);
	for (i = 0; i < HAK_TRACK_FRAMES; i++)
		t->frame[i] = -1UL;
	hak_cache_free(c, p);
	for (i = 0; i < HAK_TRACK_FRAMES && t->frame[i]; i++)
		KUNIT_EXPECT_NE(test, t->frame[i], -1UL);
	KUNIT_EXPECT_NE(test, i, 0U);
}

/* If many objects are broken, not all reports are printed, but all of them are counted. */
static void each_broken_object_is_counted(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 64, 0);
	void *p = hak_cache_alloc(c, GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, p);
	for (i = 0; i < 30; i++)
		hak_report_object(c, p, "so a test says");
	hak_test_provoke(test, HAK_EV_CORRUPT, 30);
	HAK_EXPECT_EVENT(test, HAK_EV_CORRUPT, 30);
	hak_cache_free(c, p);
}

/* With hardened=1: links do not show addresses. */
static void links_are_encoded(struct kunit *test)
{
	struct hak_slab s = { .secret = get_random_long() | 1 };
	struct llist_node n;

	if (!hak_hardened)
		kunit_skip(test, "links are not encoded");
	hak_link_set(&s, &n, (struct llist_node *)&n);
	KUNIT_EXPECT_PTR_NE(test, (void *)n.next, (void *)&n);
	KUNIT_EXPECT_PTR_EQ(test, (void *)hak_link_next(&s, &n), (void *)&n);
	hak_link_set(&s, &n, NULL);
	KUNIT_EXPECT_PTR_NE(test, (void *)n.next, NULL);
	KUNIT_EXPECT_PTR_EQ(test, (void *)hak_link_next(&s, &n), NULL);
}

/*
 * With hardened=1 each slab has a secret of its own. So whoever knows the secret of one
 * slab, for example from a link whose address and target are known, does not know which
 * link to write into an object of another.
 */
static void each_slab_has_a_secret(struct kunit *test)
{
	struct hak_cache *c = checked(test, 4096, 0, 0);
	unsigned int i, j, nr = 4 * c->capacity;
	struct hak_slab **slab;
	void **obj;

	if (!hak_hardened)
		kunit_skip(test, "links are not encoded");
	obj = kunit_kcalloc(test, nr, sizeof(*obj), GFP_KERNEL);
	slab = kunit_kcalloc(test, nr, sizeof(*slab), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_ASSERT_NOT_NULL(test, slab);
	for (i = 0; i < nr; i++) {
		obj[i] = hak_cache_alloc(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, obj[i]);
		slab[i] = hak_test_slab_of(obj[i]);
		KUNIT_ASSERT_NOT_NULL(test, slab[i]);
		KUNIT_EXPECT_NE(test, slab[i]->secret, 0UL);
	}
	for (i = 0; i < nr; i++)
		for (j = 0; j < i; j++)
			if (slab[j] != slab[i])
				KUNIT_EXPECT_NE(test, slab[j]->secret, slab[i]->secret);
	for (i = 0; i < nr; i++)
		hak_free(obj[i]);
}

/* With hardened=1 neighbours do not follow each other. */
static void carved_at_random(struct kunit *test)
{
	struct hak_cache *c = checked(test, 64, 0, 0);
	unsigned int i, in_order = 0;
	void *obj[64];

	if (!hak_hardened)
		kunit_skip(test, "objects come in order");
	for (i = 0; i < 64; i++) {
		obj[i] = hak_cache_alloc(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, obj[i]);
		in_order += i && obj[i] == (char *)obj[i - 1] + c->size;
	}
	KUNIT_EXPECT_LT(test, in_order, 16);
	for (i = 0; i < 64; i++)
		hak_free(obj[i]);
}

static unsigned int live(struct hak_cache *c, void **obj, unsigned int n)
{
	unsigned int i, live = 0;

	for (i = 0; i < n; i++)
		live += hak_check_live(c, obj[i]);
	return live;
}

/* With hardened=1: a bulk call marks each object, and frees those it may free. */
static void hardened_bulk(struct kunit *test)
{
	struct hak_cache *c = checked(test, 64, 0, 0);
	unsigned int round, i, j, same = 0;
	void *obj[24];

	if (!hak_hardened)
		kunit_skip(test, "objects are not marked");
	/* First they come from a slab, then from the per-CPU cache. */
	for (round = 0; round < 3; round++) {
		KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, 24, obj), 24);
		KUNIT_EXPECT_EQ(test, live(c, obj, 24), 24);
		if (round < 2)
			hak_cache_free_bulk(c, 24, obj);
		KUNIT_EXPECT_EQ(test, live(c, obj, 24), round < 2 ? 0 : 24);
	}
	hak_free(obj[7]);
	hak_free(obj[3]);
	hak_cache_free_bulk(c, 24, obj);
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, 2);
	hak_test_provoke(test, HAK_EV_BAD_FREE, 2);
	KUNIT_EXPECT_EQ(test, live(c, obj, 24), 0);
	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, 24, obj), 24);
	for (i = 0; i < 24; i++)
		for (j = 0; j < i; j++)
			same += obj[i] == obj[j];
	KUNIT_EXPECT_EQ(test, same, 0);
	hak_cache_free_bulk(c, 24, obj);
}

/* With hardened=1: an object that is live is reported and not handed out. */
static void hardened_live(struct kunit *test)
{
	struct hak_cache *c = checked(test, 64, 0, 0);
	void *obj[3], *p;

	if (!hak_hardened)
		kunit_skip(test, "objects are not marked");
	if (c->checks != HAK_CHECK_FREE)
		kunit_skip(test, "a mark alone does not make an object live");
	migrate_disable();
	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, 3, obj), 3);
	hak_cache_free_bulk(c, 3, obj);
	/* As if all three had been handed out and not been taken out of the cache. */
	set_bit(hak_live_index(c, obj[0]), hak_live_map(c, obj[0]));
	set_bit(hak_live_index(c, obj[1]), hak_live_map(c, obj[1]));
	set_bit(hak_live_index(c, obj[2]), hak_live_map(c, obj[2]));
	p = hak_cache_alloc(c, GFP_KERNEL);
	migrate_enable();
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_PTR_NE(test, p, obj[0]);
	KUNIT_EXPECT_PTR_NE(test, p, obj[1]);
	KUNIT_EXPECT_PTR_NE(test, p, obj[2]);
	HAK_EXPECT_EVENT(test, HAK_EV_CORRUPT, 3);
	hak_test_provoke(test, HAK_EV_CORRUPT, 3);
	hak_cache_free(c, p);
	/* They belong to the test now. */
	hak_cache_free_bulk(c, 3, obj);
	KUNIT_EXPECT_EQ(test, live(c, obj, 3), 0);
}

/*
 * A size that the compiler knows is served by its own class, whatever init_on_alloc and
 * checks make of the request. With red zones a class's objects lie further apart than
 * their size.
 */
static void constant_size_is_of_its_class(struct kunit *test)
{
	void *p = hak_alloc(64, GFP_KERNEL), *q = hak_alloc(HAK_MAX_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_ASSERT_NOT_NULL(test, hak_test_slab_of(p));
	KUNIT_ASSERT_NOT_NULL(test, hak_test_slab_of(q));
	KUNIT_EXPECT_PTR_EQ(test, hak_test_slab_of(p)->cache, hak_size_class(64));
	KUNIT_EXPECT_PTR_EQ(test, hak_test_slab_of(q)->cache, hak_size_class(HAK_MAX_SIZE));
	hak_free_sized(p, 64);
	hak_free_sized(q, HAK_MAX_SIZE);
}

#ifdef CONFIG_KASAN_GENERIC
/* What KASAN holds of the byte at @p. */
static u8 shadow(const void *p)
{
	return *(u8 *)kasan_mem_to_shadow(p);
}

static void known_to_kasan(struct kunit *test)
{
	static const struct hak_cache_args none;
	unsigned int was = hak_debug;
	struct hak_cache *c;
	u8 *p;

	hak_debug = HAK_CHECK_KASAN;
	c = hak_test_cache_args(test, 64, &none, 0);
	hak_debug = was;
	migrate_disable();
	p = hak_cache_alloc(c, GFP_KERNEL | __GFP_ZERO);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, shadow(p), HAK_KASAN_ACCESSIBLE);
	KUNIT_EXPECT_EQ(test, shadow(p + 63), HAK_KASAN_ACCESSIBLE);
	KUNIT_EXPECT_EQ(test, shadow(p + 64), HAK_KASAN_ZONE);
	hak_free(p);
	KUNIT_EXPECT_EQ(test, shadow(p), HAK_KASAN_FREE);
	KUNIT_EXPECT_EQ(test, shadow(p + 63), HAK_KASAN_FREE);
	/* A report reads free objects, and is not reported for it. */
	hak_free(p);
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, 1);
	hak_test_provoke(test, HAK_EV_BAD_FREE, 1);
	KUNIT_EXPECT_PTR_EQ(test, hak_cache_alloc(c, GFP_KERNEL), (void *)p);
	migrate_enable();
	KUNIT_EXPECT_EQ(test, shadow(p), HAK_KASAN_ACCESSIBLE);
	hak_free(p);
	KUNIT_EXPECT_EQ(test, hak_cache_shrink(c), 0);
	KUNIT_EXPECT_EQ(test, shadow(p + 64), HAK_KASAN_ACCESSIBLE);
}
#else
static void known_to_kasan(struct kunit *test)
{
	kunit_skip(test, "a kernel without generic KASAN");
}
#endif

static struct kunit_case cases[] = {
	KUNIT_CASE(sizes_and_alignments),
	KUNIT_CASE(patterns),
	KUNIT_CASE(zones),
	KUNIT_CASE(constructed),
	KUNIT_CASE(users),
	KUNIT_CASE(logged),
	KUNIT_CASE(each_way),
	KUNIT_CASE(zeroed_when_freed),
	KUNIT_CASE(slot_of_another_cache),
	KUNIT_CASE(parameter),
	KUNIT_CASE(other_parameters),
	KUNIT_CASE(paranoid_drain_at_every_operation),
	KUNIT_CASE(tracks_are_ended),
	KUNIT_CASE(each_broken_object_is_counted),
	KUNIT_CASE(links_are_encoded),
	KUNIT_CASE(each_slab_has_a_secret),
	KUNIT_CASE(carved_at_random),
	KUNIT_CASE(hardened_bulk),
	KUNIT_CASE(hardened_live),
	KUNIT_CASE(constant_size_is_of_its_class),
	KUNIT_CASE(known_to_kasan),
	{}
};

static struct kunit_suite hak_check_suite = {
	.name = "hak_check",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_check_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: checks of objects");
MODULE_LICENSE("GPL");
