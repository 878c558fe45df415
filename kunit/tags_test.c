// SPDX-License-Identifier: GPL-2.0
/*
 * debug=A: the counts of a line of code are those of its live objects, in whatever way
 * they are allocated and freed. kunit/life reads them where a person does.
 */
#include <linux/alloc_tag.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "hak_test.h"
#include "hak_test_threads.h"

#ifdef CONFIG_MEM_ALLOC_PROFILING

#define NR	512
#define THREADS	4

/* Make a cache whose objects are counted, and checked by @more. */
static struct hak_cache *counted(struct kunit *test, unsigned int size,
				 const struct hak_cache_args *args, slab_flags_t flags,
				 u32 more)
{
	static const struct hak_cache_args none;
	unsigned int was = hak_debug;
	struct hak_cache *c;
	DEFINE_ALLOC_TAG(tag);

	if (alloc_hooks_tag(&tag, current->alloc_tag) != &tag)
		kunit_skip(test, "allocation profiling is off");
	hak_debug = HAK_CHECK_TAG | more;
	c = hak_test_cache_args(test, size, args ?: &none, flags);
	hak_debug = was;
	return c;
}

static void expect(struct kunit *test, struct alloc_tag *tag, u64 calls, u64 bytes)
{
	struct alloc_tag_counters v = alloc_tag_read(tag);

	KUNIT_EXPECT_EQ(test, v.calls, calls);
	KUNIT_EXPECT_EQ(test, v.bytes, calls * bytes);
}

static void each_way(struct kunit *test)
{
	struct hak_cache *c = counted(test, 64, NULL, 0, 0);
	gfp_t here = GFP_KERNEL | __GFP_THISNODE;
	void *obj[70], *p[4];
	unsigned int i, n;
	DEFINE_ALLOC_TAG(tag);

	p[0] = alloc_hooks_tag(&tag, hak_cache_alloc(c, GFP_KERNEL));
	p[1] = alloc_hooks_tag(&tag, hak_cache_zalloc(c, GFP_KERNEL));
	p[2] = alloc_hooks_tag(&tag, hak_cache_alloc_node(c, GFP_KERNEL, numa_mem_id()));
	p[3] = alloc_hooks_tag(&tag, hak_cache_alloc_node(c, here, numa_mem_id()));
	for (i = 0; i < 4; i++)
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
	expect(test, &tag, 4, 64);
	n = alloc_hooks_tag(&tag, hak_cache_alloc_bulk(c, GFP_KERNEL, 70, obj));
	KUNIT_ASSERT_EQ(test, n, 70);
	expect(test, &tag, 74, 64);

	hak_free(p[0]);
	hak_cache_free(c, p[1]);
	hak_free_sized(p[2], 64);
	hak_free_sensitive(p[3]);
	expect(test, &tag, 70, 64);
	hak_cache_free_bulk(c, 30, obj);
	hak_free_bulk(20, obj + 30);
	expect(test, &tag, 20, 64);
	for (i = 50; i < 70; i++)
		hak_free_rcu_mightsleep(obj[i]);
	hak_free_rcu_barrier();
	expect(test, &tag, 0, 0);
}

/* Fill the slabs of @c to their ends, and beyond the first. */
static void fill(struct kunit *test, struct hak_cache *c, u64 bytes)
{
	u32 n = c->capacity + 1, i;
	void **obj = kunit_kcalloc(test, n, sizeof(*obj), GFP_KERNEL);
	DEFINE_ALLOC_TAG(tag);

	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_EXPECT_LE(test, c->capacity * c->size, c->tags);
	for (i = 0; i < n; i++) {
		obj[i] = alloc_hooks_tag(&tag, hak_cache_alloc(c, GFP_KERNEL));
		KUNIT_ASSERT_NOT_NULL(test, obj[i]);
		memset(obj[i], 0xff, c->usable);
	}
	expect(test, &tag, n, bytes);
	hak_cache_free_bulk(c, n, obj);
	expect(test, &tag, 0, 0);
}

static void ctor(void *p)
{
	memset(p, 0x11, 60);
}

/* What is counted of an object does not depend on what else is checked. */
static void sizes(struct kunit *test)
{
	static const struct hak_cache_args aligned = { .align = 64 };
	static const struct hak_cache_args constructed = { .ctor = ctor };
	const u32 all = HAK_CHECK_ZONE | HAK_CHECK_POISON | HAK_CHECK_USER;

	fill(test, counted(test, 8, NULL, 0, 0), 8);
	fill(test, counted(test, 60, NULL, 0, 0), 64);
	fill(test, counted(test, 60, NULL, 0, all), 64);
	fill(test, counted(test, 10, &aligned, 0, 0), 64);
	fill(test, counted(test, 60, &constructed, 0, 0), 72);
	fill(test, counted(test, 64, NULL, SLAB_TYPESAFE_BY_RCU, all), 72);
	fill(test, counted(test, HAK_CACHE_MAX_SIZE, NULL, 0, 0), HAK_CACHE_MAX_SIZE);
}

/*
 * The last object of a slab is overrun up to the tags. The first of them is its own, so the
 * other objects can be freed, and it itself is refused before its tag is used.
 */
static void last_is_overrun(struct kunit *test)
{
	struct hak_cache *c = counted(test, 1000, NULL, 0, HAK_CHECK_ZONE);
	u32 n = c->capacity, i, bytes;
	void **obj = kunit_kcalloc(test, n, sizeof(*obj), GFP_KERNEL);
	void *last = NULL, *saved;
	DEFINE_ALLOC_TAG(tag);
	char *end;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	/* So all are of one slab. */
	migrate_disable();
	for (i = 0; i < n; i++) {
		obj[i] = alloc_hooks_tag(&tag, hak_cache_alloc(c, GFP_KERNEL));
		if (obj[i] > last)
			last = obj[i];
	}
	migrate_enable();
	KUNIT_ASSERT_NOT_NULL(test, hak_test_slab_of(last));
	for (i = 0; i < n; i++)
		KUNIT_ASSERT_PTR_EQ(test, hak_test_slab_of(obj[i]), hak_test_slab_of(last));
	end = (char *)last + c->usable;
	bytes = (hak_test_slab_of(last)->addr + c->tags) - (unsigned long)end + sizeof(void *);
	saved = kunit_kzalloc(test, bytes, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, saved);
	memcpy(saved, end, bytes);
	memset(end, 0xff, bytes);
	for (i = 0; i < n; i++)
		if (obj[i] != last)
			hak_free(obj[i]);
	expect(test, &tag, 1, c->bytes);
	hak_free(last);
	hak_test_provoke(test, HAK_EV_BAD_FREE, 1);
	expect(test, &tag, 1, c->bytes);
	memcpy(end, saved, bytes);
	hak_free(last);
	expect(test, &tag, 0, 0);
}

/* What was in the slot before is no tag. */
static void slot_of_another_cache(struct kunit *test)
{
	struct hak_cache *before = hak_test_cache(test, 1024, 0), *c;
	struct hak_slab *s = hak_test_slab(test, before);
	unsigned long addr = s->addr;
	void *p;
	DEFINE_ALLOC_TAG(tag);

	memset((void *)addr, 0xff, HAK_SLAB_SIZE);
	hak_pool_put(s, HAK_OWNED);
	KUNIT_ASSERT_EQ(test, hak_test_reap(before), 1);
	c = counted(test, 64, NULL, 0, 0);
	/* This one is not counted, so no tag is written for it. */
	p = hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, (unsigned long)p & ~HAK_SLAB_MASK, addr);
	hak_free(p);
	p = alloc_hooks_tag(&tag, hak_cache_alloc(c, GFP_KERNEL));
	KUNIT_ASSERT_NOT_NULL(test, p);
	expect(test, &tag, 1, 64);
	hak_free(p);
	expect(test, &tag, 0, 0);
}

/* A free that is refused takes nothing away. */
static void refused(struct kunit *test)
{
	struct hak_cache *c = counted(test, 64, NULL, 0, 0);
	void *p, *q;
	DEFINE_ALLOC_TAG(tag);

	p = alloc_hooks_tag(&tag, hak_cache_alloc(c, GFP_KERNEL));
	q = alloc_hooks_tag(&tag, hak_cache_alloc(c, GFP_KERNEL));
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_NOT_NULL(test, q);
	hak_free((char *)p + 8);
	expect(test, &tag, 2, 64);
	hak_free(p);
	hak_free(p);
	expect(test, &tag, 1, 64);
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, 2);
	hak_test_provoke(test, HAK_EV_BAD_FREE, 2);
	hak_free(q);
	expect(test, &tag, 0, 0);
}

/* An object that fails its check is not handed out, and so not counted. */
static void broken(struct kunit *test)
{
	struct hak_cache *c = counted(test, 64, NULL, 0, HAK_CHECK_POISON);
	char *p, *q;
	DEFINE_ALLOC_TAG(tag);

	migrate_disable();
	p = alloc_hooks_tag(&tag, hak_cache_alloc(c, GFP_KERNEL));
	KUNIT_ASSERT_NOT_NULL(test, p);
	hak_free(p);
	p[8] ^= 1;
	q = alloc_hooks_tag(&tag, hak_cache_alloc(c, GFP_KERNEL));
	migrate_enable();
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_EXPECT_PTR_NE(test, p, q);
	expect(test, &tag, 1, 64);
	hak_free(q);
	expect(test, &tag, 0, 0);
	/* Have it in its slab again, so that the cache can be destroyed. */
	p[8] ^= 1;
	hak_test_push(hak_test_slab_of(p), p);
	HAK_EXPECT_EVENT(test, HAK_EV_CORRUPT, 1);
	hak_test_provoke(test, HAK_EV_CORRUPT, 1);
}

/* Another line allocates @p, the object that was freed last. */
static void on_another_line(struct kunit *test, struct hak_cache *c, void *p)
{
	DEFINE_ALLOC_TAG(tag);

	KUNIT_ASSERT_PTR_EQ(test, p, alloc_hooks_tag(&tag, hak_cache_alloc(c, GFP_KERNEL)));
	expect(test, &tag, 1, 64);
	hak_free(p);
	expect(test, &tag, 0, 0);
}

/* An object is counted for the line that allocated it last, if that is known. */
static void again(struct kunit *test)
{
	struct hak_cache *c = counted(test, 64, NULL, 0, 0);
	void *p;
	DEFINE_ALLOC_TAG(tag);

	migrate_disable();
	p = alloc_hooks_tag(&tag, hak_cache_alloc(c, GFP_KERNEL));
	KUNIT_ASSERT_NOT_NULL(test, p);
	hak_free(p);
	KUNIT_ASSERT_PTR_EQ(test, p, hak_cache_alloc(c, GFP_KERNEL));
	expect(test, &tag, 0, 0);
	hak_free(p);
	on_another_line(test, c, p);
	migrate_enable();
	expect(test, &tag, 0, 0);
}

/**
 * struct shared - objects that one thread allocates and others free
 * @c: their cache
 * @tag: the line they are counted for
 * @obj: the objects
 */
struct shared {
	struct hak_cache *c;
	struct alloc_tag *tag;
	void *obj[NR];
};

/* Free every THREADS-th object, and allocate and free another after each. */
static int free_some(void *arg, unsigned int id)
{
	struct shared *s = arg;
	int failed = 0;
	unsigned int i;
	void *p;

	for (i = id; i < NR; i += THREADS) {
		hak_free(s->obj[i]);
		p = alloc_hooks_tag(s->tag, hak_cache_alloc(s->c, GFP_KERNEL));
		failed += !p;
		hak_free(p);
	}
	return failed;
}

static void freed_elsewhere(struct kunit *test)
{
	struct shared *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	struct hak_test_gang *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	unsigned int i;
	DEFINE_ALLOC_TAG(tag);

	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_ASSERT_NOT_NULL(test, g);
	s->c = counted(test, 64, NULL, 0, 0);
	s->tag = &tag;
	for (i = 0; i < NR; i++) {
		s->obj[i] = alloc_hooks_tag(&tag, hak_cache_alloc(s->c, GFP_KERNEL));
		KUNIT_ASSERT_NOT_NULL(test, s->obj[i]);
	}
	expect(test, &tag, NR, 64);
	KUNIT_EXPECT_EQ(test, hak_test_gang_start(g, THREADS, free_some, s), 0);
	KUNIT_EXPECT_EQ(test, hak_test_gang_join(g), 0);
	expect(test, &tag, 0, 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(each_way),
	KUNIT_CASE(sizes),
	KUNIT_CASE(last_is_overrun),
	KUNIT_CASE(slot_of_another_cache),
	KUNIT_CASE(refused),
	KUNIT_CASE(broken),
	KUNIT_CASE(again),
	KUNIT_CASE(freed_elsewhere),
	{}
};

#else

static void no_tags(struct kunit *test)
{
	kunit_skip(test, "a build without CONFIG_MEM_ALLOC_PROFILING");
}

static struct kunit_case cases[] = {
	KUNIT_CASE(no_tags),
	{}
};

#endif

static struct kunit_suite hak_tags_suite = {
	.name = "hak_tags",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_tags_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: objects counted for the lines that allocate them");
MODULE_LICENSE("GPL");
