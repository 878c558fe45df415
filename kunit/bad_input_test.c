// SPDX-License-Identifier: GPL-2.0
/*
 * Frees of addresses where no object begins, and invalid arguments: each is
 * refused, counted once, and changes nothing. Every test ends with a check of the
 * statistics.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "hak_test.h"

static long static_data[4];

/* @p is in no slab, and never SLUB's. */
static void needs_to_be_known(struct kunit *test, const void *p)
{
	if (hak_test_may_be_slubs(p))
		kunit_skip(test, "here the address may be the C library's");
}

/* Free @p by every function that frees; each has to refuse. */
static void refused(struct kunit *test, struct hak_cache *c, void *p)
{
	unsigned long before = hak_test_event(test, HAK_EV_BAD_FREE);
	void *bulk[1] = { p };

	hak_free(p);
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, before + 1);
	hak_free_bulk(1, bulk);
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, before + 2);
	hak_cache_free(c, p);
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, before + 3);
	hak_free_sized(p, c->size);
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, before + 4);
	hak_test_provoke(test, HAK_EV_BAD_FREE, 4);
}

static void not_the_start_of_an_object(struct kunit *test)
{
	static const size_t size[] = { 8, 24, 64, 96, 112, 320, 640, 1024 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(size); i++) {
		struct hak_cache *c = hak_size_class(size[i]);
		char *p = hak_alloc(size[i], GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, p);
		refused(test, c, p + 1);
		refused(test, c, p + 4);
		refused(test, c, p + size[i] - 1);
		if (size[i] > 8)
			refused(test, c, p + 8);
		hak_free(p);
	}
}

/*
 * Such an address is not resized, which would copy foreign memory, and has no
 * size.
 */
static void no_object_to_resize(struct kunit *test)
{
	char *p = hak_alloc(1024, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, hak_usable_size(p + 1000), (size_t)0);
	KUNIT_EXPECT_NULL(test, hak_realloc(p + 1000, 2000, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, hak_realloc(p + 8, 16, GFP_KERNEL));
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, 2);
	hak_test_provoke(test, HAK_EV_BAD_FREE, 2);
	hak_free(p);
}

static void typed_interior(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 8192, 0);
	char *p = hak_cache_alloc(c, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	refused(test, c, p + 8);
	refused(test, c, p + 4096);
	refused(test, c, p + 8191);
	hak_free(p);
}

/* The offset is that of an object, but the object was never allocated. */
static void never_allocated(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	struct hak_slab *s = hak_test_slab(test, c);
	void *obj[3];

	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, obj, 3), 3);
	refused(test, c, (void *)(s->addr + 3 * 1024));
	refused(test, c, (void *)(s->addr + 63 * 1024));
	KUNIT_EXPECT_EQ(test, hak_slab_used(s), 3);
	KUNIT_EXPECT_TRUE(test, llist_empty(&s->remote));
	while (s->taken)
		hak_test_give(s, obj[s->taken - 1]);
	hak_pool_put(s, HAK_OWNED);
}

/* Likewise in a slab of a size class. */
static void never_allocated_of_a_class(struct kunit *test)
{
	struct hak_cache *c = hak_size_class(896);
	struct hak_slab *s = hak_test_slab(test, c);

	refused(test, c, (void *)s->addr);
	refused(test, c, (void *)(s->addr + 896));
	hak_pool_put(s, HAK_OWNED);
}

/*
 * The rest at the end of a slab, where no object fits, both when everything else
 * is carved and when not.
 */
static void beyond_capacity(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1000, 0);
	struct hak_slab *s = hak_test_slab(test, c);
	void *tail = (void *)(s->addr + c->capacity * c->size);
	void **obj = kunit_kcalloc(test, c->capacity, sizeof(*obj), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_ASSERT_LT(test, c->capacity * c->size, HAK_SLAB_SIZE);
	refused(test, c, tail);
	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, obj, c->capacity), c->capacity);
	refused(test, c, tail);
	refused(test, c, (void *)(s->addr + HAK_SLAB_SIZE - 8));
	while (s->taken)
		hak_test_give(s, obj[s->taken - 1]);
	hak_pool_put(s, HAK_OWNED);
}

/* An unused slot, which belongs to no cache. */
static void unused_slot(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	struct hak_slab *keep, *s;
	void *p;

	keep = hak_test_slab(test, c);
	s = hak_test_slab(test, c);
	p = (void *)s->addr;
	hak_pool_put(s, HAK_OWNED);
	KUNIT_ASSERT_EQ(test, hak_test_reap(c), 1);
	hak_pool_put(keep, HAK_OWNED);
	needs_to_be_known(test, p);
	refused(test, c, p);
}

static void freed_superslab(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	enum { NR = 2 * HAK_MAX_SLOTS };
	struct hak_slab *s = NULL;
	unsigned int i;
	void *p;

	/* What other suites have left in unused slots would be claimed first. */
	hak_reap_all();
	hak_superslab_trim(0);
	hak_superslab_break();
	for (i = 0; i < NR; i++) {
		s = hak_test_slab(test, c);
		hak_pool_put(s, HAK_OWNED);
	}
	/*
	 * In the middle of the superslab, because its first unused slots are used
	 * first.
	 */
	p = (void *)(s->ss->addr + (PAGE_SIZE << s->ss->order) / 2 + 1024);
	KUNIT_ASSERT_EQ(test, hak_test_reap(c), NR);
	hak_superslab_trim(0);
	KUNIT_ASSERT_NULL(test, hak_slab_of(p));
	needs_to_be_known(test, p);
	refused(test, c, p);
}

/* In userspace these are left to the C library, see test_hardened.c. */
static void foreign_memory(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 64, 0);
	long on_stack[4] = { 0 };
	void *virt;

	needs_to_be_known(test, static_data);
	virt = vmalloc(PAGE_SIZE);
	KUNIT_ASSERT_NOT_NULL(test, virt);
	refused(test, c, on_stack);
	refused(test, c, static_data);
	refused(test, c, foreign_memory);
	refused(test, c, virt);
	refused(test, c, (void *)0x1000);
	KUNIT_EXPECT_EQ(test, hak_usable_size(on_stack), (size_t)0);
	KUNIT_EXPECT_EQ(test, hak_usable_size(virt), (size_t)0);
	KUNIT_EXPECT_EQ(test, hak_usable_size((void *)0x1000), (size_t)0);
	vfree(virt);
}

static void page_of_another(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 64, 0);
	void *page = (void *)__get_free_page(GFP_KERNEL);
	bool slubs;

	KUNIT_ASSERT_NOT_NULL(test, page);
	slubs = hak_test_may_be_slubs(page);
	if (!slubs) {
		refused(test, c, page);
		KUNIT_EXPECT_EQ(test, hak_usable_size(page), (size_t)0);
	}
	free_page((unsigned long)page);
	if (slubs)
		kunit_skip(test, "here the address may be the C library's");
}

/* Where no memory can be. */
static void beyond_all_memory(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 64, 0);

	refused(test, c, (void *)~0xfUL);
	refused(test, c, (void *)(hak_registry.base + hak_registry.bytes));
	KUNIT_EXPECT_EQ(test, hak_usable_size((void *)~0xfUL), (size_t)0);
}

/*
 * Free an object twice in a row on one CPU: it is the last object in the CPU's
 * cache, or on the freelist of its slab if the cache is off.
 */
static void freed_twice_in_a_row(struct kunit *test)
{
	static const unsigned int size[] = { 8, 64, 1024, 8192 };
	/* There is room in the cache, or a free has to make room first, or there is none. */
	static const unsigned int cap[] = { 64, 1, 0 };
	unsigned int i;
	void *p, *q;

	for (i = 0; i < ARRAY_SIZE(cap) * ARRAY_SIZE(size); i++) {
		struct hak_cache *c;

		c = hak_test_cache_cap(test, size[i / ARRAY_SIZE(cap)],
				       cap[i % ARRAY_SIZE(cap)]);
		migrate_disable();
		p = hak_cache_alloc(c, GFP_KERNEL);
		q = hak_cache_alloc(c, GFP_KERNEL);
		hak_free(p);
		refused(test, c, p);
		hak_free(q);
		refused(test, c, q);
		/*
		 * The next allocation gets the object, so it is in the cache once
		 * only.
		 */
		KUNIT_EXPECT_PTR_EQ(test, hak_cache_alloc(c, GFP_KERNEL), q);
		hak_free(q);
		migrate_enable();
	}
}

/*
 * An interrupt frees an object that the owner has just given to its slab, but
 * that still seems to be the last in the owner's cache. This is no double free:
 * another CPU may have allocated the object in between.
 */
static void freed_while_it_is_spilled(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_cap(test, 64, 64);
	struct hak_cpu_cache *cc;
	void *p;

	p = hak_cache_alloc(c, GFP_KERNEL);
	preempt_disable();
	cc = this_cpu_ptr(c->cpu);
	hak_cpu_enter(cc);
	cc->obj[cc->nr] = p;
	WRITE_ONCE(cc->nr, cc->nr + 1);
	hak_free(p);
	WRITE_ONCE(cc->nr, cc->nr - 1);
	hak_cpu_leave(cc);
	preempt_enable();
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, 0);
	HAK_EXPECT_EVENT(test, HAK_EV_PUSHED, 1);
	hak_test_provoke(test, HAK_EV_PUSHED, 1);
}

/* Twice in one bulk call, among other objects. */
static void freed_twice_in_bulk(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_cap(test, 64, 64);
	void *obj[70], *all[73];
	unsigned int i, n = 0;

	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, 70, obj), 70);
	for (i = 0; i < 70; i++) {
		all[n++] = obj[i];
		/*
		 * The first object, the one at which the cache is full, and the
		 * last.
		 */
		if (i == 0 || i == 63 || i == 69)
			all[n++] = obj[i];
	}
	migrate_disable();
	hak_free_bulk(n, all);
	migrate_enable();
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, 3);
	hak_test_provoke(test, HAK_EV_BAD_FREE, 3);
}

static void wrong_size(struct kunit *test)
{
	void *p = hak_alloc(100, GFP_KERNEL);
	static const size_t wrong[] = {
		0, 1, 64, 96, 113, 128, 1024, 1025, 1UL << 40, SIZE_MAX,
	};
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, p);
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		hak_free_sized(p, wrong[i]);
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, ARRAY_SIZE(wrong));
	hak_test_provoke(test, HAK_EV_BAD_FREE, ARRAY_SIZE(wrong));
	KUNIT_EXPECT_EQ(test, hak_usable_size(p), (size_t)112);
	/* Any size of the class is accepted. */
	hak_free_sized(p, 97);
	p = hak_alloc(100, GFP_KERNEL);
	hak_free_sized(p, 112);
}

static void wrong_cache(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 64, 0);
	struct hak_cache *d = hak_test_cache(test, 64, 0);
	void *p = hak_cache_alloc(c, GFP_KERNEL);
	void *q = hak_alloc(64, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_NOT_NULL(test, q);
	hak_cache_free(d, p);
	hak_cache_free(d, q);
	HAK_EXPECT_EVENT(test, HAK_EV_BAD_FREE, 2);
	hak_test_provoke(test, HAK_EV_BAD_FREE, 2);
	KUNIT_EXPECT_EQ(test, hak_usable_size(p), (size_t)64);
	hak_cache_free(c, p);
	hak_free(q);
}

static void bad_cache_arguments(struct kunit *test)
{
	static const struct {
		const char *name;
		unsigned int size, align;
	} bad[] = {
		{ NULL, 64, 0 }, { "", 64, 0 }, { "t", 0, 0 }, { "t", 8193, 0 },
		{ "t", ~0U, 0 }, { "t", 64, 3 }, { "t", 64, 24 },
		{ "t", 64, 2 * PAGE_SIZE }, { "t", 64, 4 * HAK_CACHE_MAX_SIZE },
		{ "t", 64, ~0U }, { "t", 64, 1U << 31 },
	};
	unsigned long live = hak_test_live();
	struct hak_stats before, after;
	unsigned int i;

	hak_stats_read(&before);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_NULL(test, hak_cache_create(bad[i].name, bad[i].size,
							 bad[i].align, 0, NULL));
	hak_stats_read(&after);
	KUNIT_EXPECT_EQ(test, after.slots_used, before.slots_used);
	KUNIT_EXPECT_EQ(test, hak_test_live(), live);
}

/*
 * Users tell caches by their names in lists, so a name has to be unique and
 * without blanks.
 */
static void bad_cache_names(struct kunit *test)
{
	static const char *const bad[] = {
		" ", "a blank", " first", "last ", "a\ttab", "a\nline", "\x7f",
		"hak-64", "hak-1024",
	};
	char longest[HAK_CACHE_NAME_MAX + 2];
	struct hak_cache *c, *d;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_NULL(test, hak_cache_create(bad[i], 64, 0, 0, NULL));

	memset(longest, 'x', sizeof(longest));
	longest[HAK_CACHE_NAME_MAX + 1] = '\0';
	KUNIT_EXPECT_NULL(test, hak_cache_create(longest, 64, 0, 0, NULL));
	longest[HAK_CACHE_NAME_MAX] = '\0';
	for (i = 0; i < 2; i++) {
		c = hak_cache_create(longest, 64, 0, 0, NULL);
		KUNIT_ASSERT_NOT_NULL(test, c);
		/*
		 * A second cache cannot have the name until the first is
		 * destroyed.
		 */
		d = hak_cache_create(longest, 64, 0, 0, NULL);
		KUNIT_EXPECT_NULL(test, d);
		hak_cache_destroy(d);
		hak_cache_destroy(c);
	}
}

static void ctor(void *p)
{
}

static void bad_cache_args(struct kunit *test)
{
	static const struct {
		unsigned int size;
		slab_flags_t flags;
		struct hak_cache_args args;
	} bad[] = {
		{ 64, SLAB_CACHE_DMA }, { 64, SLAB_CACHE_DMA32 },
		{ 64, SLAB_NOLEAKTRACE }, { 64, SLAB_PANIC << 22 },
		{ 64, SLAB_HWCACHE_ALIGN | SLAB_NOLEAKTRACE },
		{ 64, 0, { .useroffset = 8 } }, { 64, 0, { .usersize = 65 } },
		{ 64, 0, { .useroffset = 1, .usersize = 64 } },
		{ 64, 0, { .useroffset = 65, .usersize = ~0U } },
		{ 64, 0, { .useroffset = 8, .usersize = -8 } },
		{ 64, 0, { .use_freeptr_offset = true } },
		{ 64, 0, { .use_freeptr_offset = true, .freeptr_offset = 57,
			   .ctor = ctor } },
		{ 64, 0, { .use_freeptr_offset = true, .freeptr_offset = 64,
			   .ctor = ctor } },
		{ 64, 0, { .use_freeptr_offset = true, .freeptr_offset = 4,
			   .ctor = ctor } },
		{ 7, 0, { .use_freeptr_offset = true, .ctor = ctor } },
		{ 64, 0, { .use_freeptr_offset = true, .freeptr_offset = -8,
			   .ctor = ctor } },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_NULL(test, hak_cache_create_args("t", bad[i].size,
							      &bad[i].args,
							      bad[i].flags));
}

/* The utmost value of each argument is taken, because only what is beyond it is wrong. */
static void utmost_cache_args(struct kunit *test)
{
	static const struct hak_cache_args good[] = {
		{ .usersize = 64 }, { .useroffset = 8, .usersize = 56 },
		{ .useroffset = 63, .usersize = 1 },
		{ .use_freeptr_offset = true, .freeptr_offset = 56, .ctor = ctor },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		struct hak_cache *c = hak_cache_create_args("hak_test_utmost", 64, &good[i], 0);

		KUNIT_EXPECT_NOT_NULL(test, c);
		hak_cache_destroy(c);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(not_the_start_of_an_object),
	KUNIT_CASE(no_object_to_resize),
	KUNIT_CASE(typed_interior),
	KUNIT_CASE(never_allocated),
	KUNIT_CASE(never_allocated_of_a_class),
	KUNIT_CASE(beyond_capacity),
	KUNIT_CASE(unused_slot),
	KUNIT_CASE(freed_superslab),
	KUNIT_CASE(foreign_memory),
	KUNIT_CASE(page_of_another),
	KUNIT_CASE(beyond_all_memory),
	KUNIT_CASE(freed_twice_in_a_row),
	KUNIT_CASE(freed_while_it_is_spilled),
	KUNIT_CASE(freed_twice_in_bulk),
	KUNIT_CASE(wrong_size),
	KUNIT_CASE(wrong_cache),
	KUNIT_CASE(bad_cache_arguments),
	KUNIT_CASE(bad_cache_names),
	KUNIT_CASE(bad_cache_args),
	KUNIT_CASE(utmost_cache_args),
	{}
};

static struct kunit_suite hak_bad_input_suite = {
	.name = "hak_bad_input",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_bad_input_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: bad frees and bad arguments");
MODULE_LICENSE("GPL");
