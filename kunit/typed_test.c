// SPDX-License-Identifier: GPL-2.0
/*
 * Typed caches with a constructor, flags, and a place for the free link. Their
 * promises hold for objects of hakmem and for those that SLUB has to serve.
 */
#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/module.h>
#include <linux/string.h>

#include "hak_test.h"
#include "hak_test_threads.h"

#define NR	3000

/* The constructor sets one part, and users change the rest. */
struct built {
	u64 magic;
	u64 born;
	u8 body[56];
};

#define MAGIC	(0x6861ULL << 40)

static u64 births;

static void build(void *p)
{
	struct built *b = p;

	memset(b, 0x11, sizeof(*b));
	b->magic = MAGIC;
	b->born = ++births;
}

static bool is_filled(const void *p, u8 c, size_t n)
{
	const u8 *b = p;

	while (n--)
		if (*b++ != c)
			return false;
	return true;
}

static struct hak_cache *built_cache(struct kunit *test, slab_flags_t flags)
{
	static const struct hak_cache_args args = { .ctor = build };

	births = 0;
	return hak_test_cache_args(test, sizeof(struct built), &args, flags);
}

static void **array(struct kunit *test)
{
	void **obj = kunit_kcalloc(test, NR, sizeof(*obj), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, obj);
	return obj;
}

static void alloc_all(struct kunit *test, struct hak_cache *c, gfp_t gfp, void **obj)
{
	unsigned int i;

	for (i = 0; i < NR; i++) {
		obj[i] = hak_cache_alloc(c, gfp);
		KUNIT_ASSERT_NOT_NULL(test, obj[i]);
	}
}

/*
 * Count the objects that are not as their constructor or their last user left
 * them.
 */
static unsigned int nr_broken(void **obj)
{
	unsigned int i, broken = 0;

	for (i = 0; i < NR; i++) {
		const struct built *b = obj[i];

		broken += b->magic != MAGIC || !b->born || b->born > births ||
			  !is_filled(b->body, b->body[0], sizeof(b->body)) ||
			  (b->body[0] != 0x11 && b->body[0] != (u8)b->born);
	}
	return broken;
}

/* Each user writes its own part, and may leave it so when it frees the object. */
static void use_all(void **obj)
{
	unsigned int i;

	for (i = 0; i < NR; i++) {
		struct built *b = obj[i];

		memset(b->body, (u8)b->born, sizeof(b->body));
	}
}

/*
 * Objects are constructed once, not when they are allocated, and keep their
 * contents while they are free.
 */
/*
 * Objects that went with their slabs since the test began. On a slow machine the reaper
 * releases the whole slabs between two rounds.
 */
static u64 gone(struct kunit *test, const struct hak_cache *c)
{
	return (u64)hak_test_event(test, HAK_EV_RELEASED) * c->capacity;
}

static void constructed_once(struct kunit *test)
{
	struct hak_cache *c = built_cache(test, 0);
	void **obj = array(test);
	/* The task may move, and each CPU it has run on keeps a slab. */
	const u64 kept = (2ULL + num_online_cpus()) * c->capacity;
	unsigned int i, round;
	u64 born = 0;

	KUNIT_EXPECT_EQ(test, hak_cache_size(c), sizeof(struct built));
	for (round = 0; round < 4; round++) {
		alloc_all(test, c, GFP_KERNEL, obj);
		KUNIT_EXPECT_EQ(test, nr_broken(obj), 0);
		KUNIT_EXPECT_EQ(test, births % c->capacity, 0ULL);
		KUNIT_EXPECT_LT(test, births, NR + kept + gone(test, c));
		use_all(obj);
		KUNIT_EXPECT_EQ(test, hak_usable_size(obj[0]), sizeof(struct built));
		if (round & 1)
			hak_cache_free_bulk(c, NR, obj);
		for (i = 0; !(round & 1) && i < NR; i++)
			hak_cache_free(c, obj[i]);
		/* A freed object is allocated again as it was. */
		if (!round)
			born = births;
	}
	KUNIT_EXPECT_LE(test, births, born + kept + gone(test, c));
}

static void constructed_in_bulk_and_by_node(struct kunit *test)
{
	struct hak_cache *c = built_cache(test, 0);
	void **obj = array(test);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, NR, obj), NR);
	KUNIT_EXPECT_EQ(test, nr_broken(obj), 0);
	use_all(obj);
	hak_free_bulk(NR, obj);
	for (i = 0; i < NR; i++) {
		obj[i] = hak_cache_alloc_node(c, GFP_KERNEL | __GFP_THISNODE,
					      hak_node_near(numa_mem_id()));
		KUNIT_ASSERT_NOT_NULL(test, obj[i]);
	}
	KUNIT_EXPECT_EQ(test, nr_broken(obj), 0);
	for (i = 0; i < NR; i++)
		hak_free_sized(obj[i], sizeof(struct built));
}

/* Frees that push write links, and must not write them into the objects. */
static void kept_when_pushed(struct kunit *test)
{
	struct hak_cache *c = built_cache(test, 0);
	struct hak_cpu_cache *cc;
	void **obj = array(test);
	unsigned int i;

	alloc_all(test, c, GFP_KERNEL, obj);
	use_all(obj);
	preempt_disable();
	cc = this_cpu_ptr(c->cpu);
	hak_cpu_enter(cc);
	for (i = 0; i < NR; i++)
		hak_free(obj[i]);
	hak_cpu_leave(cc);
	preempt_enable();
	HAK_EXPECT_EVENT(test, HAK_EV_PUSHED, NR);
	KUNIT_EXPECT_EQ(test, nr_broken(obj), 0);
	alloc_all(test, c, GFP_KERNEL, obj);
	KUNIT_EXPECT_EQ(test, nr_broken(obj), 0);
	for (i = 0; i < NR; i++)
		hak_free(obj[i]);
}

/* Likewise for SLUB's objects; SLUB may use an object again later. */
static void slubs_are_constructed(struct kunit *test)
{
	struct hak_cache *c = built_cache(test, 0);
	void **obj = array(test);
	unsigned int i, round;

	for (round = 0; round < 3; round++) {
		alloc_all(test, c, GFP_KERNEL_ACCOUNT, obj);
		KUNIT_EXPECT_NULL(test, hak_test_slab_of(obj[0]));
		KUNIT_EXPECT_EQ(test, hak_fallback_live(c), (long)NR);
		KUNIT_EXPECT_EQ(test, nr_broken(obj), 0);
		KUNIT_EXPECT_EQ(test, hak_usable_size(obj[0]), sizeof(struct built));
		use_all(obj);
		for (i = 0; i < NR; i++)
			hak_cache_free(c, obj[i]);
		KUNIT_EXPECT_EQ(test, hak_fallback_live(c), 0L);
	}
}

/* An object with a constructor is not zeroed for __GFP_ZERO. */
static void never_zeroed(struct kunit *test)
{
	struct hak_cache *c = built_cache(test, 0);
	struct built *b;
	void *bulk[1];

	b = hak_cache_zalloc(c, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, b);
	KUNIT_EXPECT_EQ(test, b->magic, MAGIC);
	hak_cache_free(c, b);
	b = hak_cache_zalloc(c, GFP_KERNEL_ACCOUNT);
	KUNIT_ASSERT_NOT_NULL(test, b);
	KUNIT_EXPECT_EQ(test, b->magic, MAGIC);
	hak_cache_free(c, b);
	b = hak_cache_alloc_node(c, GFP_KERNEL | __GFP_ZERO, numa_mem_id());
	KUNIT_ASSERT_NOT_NULL(test, b);
	KUNIT_EXPECT_EQ(test, b->magic, MAGIC);
	hak_cache_free(c, b);
	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL | __GFP_ZERO, 1,
						   bulk), 1);
	b = bulk[0];
	KUNIT_EXPECT_EQ(test, b->magic, MAGIC);
	KUNIT_EXPECT_PTR_EQ(test, hak_realloc(b, 1, GFP_KERNEL | __GFP_ZERO), (void *)b);
	KUNIT_EXPECT_EQ(test, b->magic, MAGIC);
	hak_cache_free(c, b);
	b = hak_cache_alloc(c, GFP_KERNEL_ACCOUNT);
	KUNIT_ASSERT_NOT_NULL(test, b);
	KUNIT_EXPECT_PTR_EQ(test, hak_realloc(b, 1, GFP_KERNEL | __GFP_ZERO), (void *)b);
	KUNIT_EXPECT_EQ(test, b->magic, MAGIC);
	hak_cache_free(c, b);
}

/*
 * The object is zeroed for __GFP_ZERO, although it keeps its contents while it is
 * free.
 */
static void typesafe_zeroed_when_asked(struct kunit *test)
{
	struct hak_cache *c;
	unsigned int i;
	u8 *p;

	c = hak_test_cache_args(test, 100, NULL, SLAB_TYPESAFE_BY_RCU);
	KUNIT_EXPECT_EQ(test, hak_cache_size(c), 104);
	for (i = 0; i < 2; i++) {
		gfp_t gfp = i ? GFP_KERNEL_ACCOUNT : GFP_KERNEL;

		p = hak_cache_alloc(c, gfp);
		KUNIT_ASSERT_NOT_NULL(test, p);
		memset(p, 0xa5, 104);
		hak_cache_free(c, p);
		p = hak_cache_zalloc(c, gfp);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_TRUE(test, is_filled(p, 0, 104));
		memset(p, 0xa5, 104);
		KUNIT_EXPECT_PTR_EQ(test, hak_cache_zero(c, p), (void *)p);
		KUNIT_EXPECT_TRUE(test, is_filled(p, 0, 104));
		hak_free_sized(p, 100);
	}
}

/*
 * Neither the link nor init_on_free may change the bytes that a late reader looks
 * at.
 */
static void typesafe_kept_when_free(struct kunit *test)
{
	struct hak_cache *c;
	void **obj = array(test);
	unsigned int i, changed = 0;

	c = hak_test_cache_args(test, 48, NULL, SLAB_TYPESAFE_BY_RCU);
	alloc_all(test, c, GFP_KERNEL, obj);
	for (i = 0; i < NR; i++)
		memset(obj[i], 0x77, 48);
	/* These objects keep the slabs in use, so no grace period has to pass. */
	for (i = 1; i < NR; i++)
		hak_cache_free(c, obj[i]);
	rcu_read_lock();
	for (i = 0; i < NR; i++)
		changed += !is_filled(obj[i], 0x77, 48);
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, changed, 0);
	hak_cache_free(c, obj[0]);
}

/* The link lies where the caller allows it, and nowhere else. */
static void link_inside(struct kunit *test)
{
	static const struct hak_cache_args args = {
		.use_freeptr_offset = true, .freeptr_offset = 24,
	};
	struct hak_cache *c;
	void **obj = array(test);
	unsigned int i, changed = 0;

	c = hak_test_cache_args(test, 64, &args, SLAB_TYPESAFE_BY_RCU);
	KUNIT_EXPECT_EQ(test, hak_cache_size(c), 64);
	KUNIT_EXPECT_EQ(test, c->size, 64U);
	alloc_all(test, c, GFP_KERNEL, obj);
	for (i = 0; i < NR; i++)
		memset(obj[i], 0x77, 64);
	for (i = 1; i < NR; i++)
		hak_cache_free(c, obj[i]);
	for (i = 0; i < NR; i++)
		changed += !is_filled(obj[i], 0x77, 24) ||
			   !is_filled(obj[i] + 32, 0x77, 32);
	KUNIT_EXPECT_EQ(test, changed, 0);
	hak_cache_free(c, obj[0]);
}

/* All combinations of size, alignment and constructor work. */
static void every_geometry(struct kunit *test)
{
	static const unsigned int size[] = { 1, 8, 60, 100, 1024, 4096, 8192 };
	static const unsigned int align[] = { 0, 64, 4096 };
	struct hak_cache_args args = { .ctor = NULL };
	unsigned int i, j, k;
	void *obj[20];

	for (i = 0; i < ARRAY_SIZE(size); i++) {
		for (j = 0; j < ARRAY_SIZE(align); j++) {
			struct hak_cache *c;

			args.align = align[j];
			c = hak_cache_create_args("hak_geometry", size[i], &args,
						  SLAB_TYPESAFE_BY_RCU);
			KUNIT_ASSERT_NOT_NULL(test, c);
			for (k = 0; k < ARRAY_SIZE(obj); k++) {
				obj[k] = hak_cache_alloc(c, k % 5 ? GFP_KERNEL :
							 GFP_KERNEL_ACCOUNT);
				KUNIT_ASSERT_NOT_NULL(test, obj[k]);
				KUNIT_EXPECT_EQ(test, (unsigned long)obj[k] &
						(max(align[j], 8U) - 1), 0UL);
				memset(obj[k], k, size[i]);
			}
			for (k = 0; k < ARRAY_SIZE(obj); k++) {
				KUNIT_EXPECT_TRUE(test, is_filled(obj[k], k, size[i]));
				hak_cache_free(c, obj[k]);
			}
			hak_cache_destroy(c);
		}
	}
}

/*
 * As in kmem_cache_create(): an object has its own line, or a whole number of
 * objects share one.
 */
static void aligned_to_lines(struct kunit *test)
{
	static const unsigned int size[] = { 1, 8, 9, 16, 17, 33, 65, 100, 1000 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(size); i++) {
		unsigned int align = cache_line_size();
		struct hak_cache *c;
		void *p, *q;

		while (align > 8 && size[i] <= align / 2)
			align /= 2;
		c = hak_test_cache_args(test, size[i], NULL, SLAB_HWCACHE_ALIGN);
		KUNIT_EXPECT_EQ(test, hak_cache_size(c), round_up(size[i], align));
		p = hak_cache_alloc(c, GFP_KERNEL);
		q = hak_cache_alloc(c, GFP_KERNEL_ACCOUNT);
		KUNIT_EXPECT_EQ(test, (unsigned long)p % align, 0UL);
		KUNIT_EXPECT_EQ(test, (unsigned long)q % align, 0UL);
		hak_cache_free(c, p);
		hak_cache_free(c, q);
	}
}

/* hakmem cannot charge a memory cgroup, so SLUB serves all objects. */
static void accounted_ones_are_slubs(struct kunit *test)
{
	struct hak_cache *c;
	void *bulk[10], *p, *q, *r;
	unsigned int i;

	if (!SLAB_ACCOUNT)
		kunit_skip(test, "this kernel has no memory cgroups");
	c = built_cache(test, SLAB_ACCOUNT);
	p = hak_cache_alloc(c, GFP_KERNEL);
	q = hak_cache_alloc_node(c, GFP_KERNEL, numa_mem_id());
	r = hak_cache_alloc_node(c, GFP_KERNEL | __GFP_THISNODE, hak_node_near(numa_mem_id()));
	KUNIT_ASSERT_NOT_NULL(test, r);
	KUNIT_ASSERT_EQ(test, hak_cache_alloc_bulk(c, GFP_KERNEL, 10, bulk), 10);
	KUNIT_EXPECT_NULL(test, hak_test_slab_of(p));
	KUNIT_EXPECT_NULL(test, hak_test_slab_of(q));
	KUNIT_EXPECT_NULL(test, hak_test_slab_of(r));
	for (i = 0; i < 10; i++)
		KUNIT_EXPECT_NULL(test, hak_test_slab_of(bulk[i]));
	KUNIT_EXPECT_EQ(test, hak_fallback_live(c), 13L);
	KUNIT_EXPECT_EQ(test, ((struct built *)p)->magic, MAGIC);
	HAK_EXPECT_EVENT(test, HAK_EV_FOREIGN, 13);
	hak_cache_free_bulk(c, 10, bulk);
	hak_free(p);
	hak_cache_free(c, q);
	hak_cache_free(c, r);
}

/* With these flags the user may use as many bytes as without, of SLUB's objects as well. */
static void flags_that_keep_the_size(struct kunit *test)
{
	static const slab_flags_t flags[] = {
		SLAB_NO_MERGE, SLAB_RECLAIM_ACCOUNT, SLAB_POISON, SLAB_RED_ZONE,
		SLAB_PANIC, SLAB_POISON | SLAB_RED_ZONE | SLAB_PANIC,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		struct hak_cache *c = hak_test_cache_args(test, 40, NULL, flags[i]);
		void *p = hak_cache_alloc(c, GFP_KERNEL);
		void *q = hak_cache_alloc(c, GFP_KERNEL_ACCOUNT);

		KUNIT_EXPECT_EQ(test, hak_cache_size(c), 40U);
		KUNIT_EXPECT_NOT_NULL(test, hak_test_slab_of(p));
		KUNIT_EXPECT_EQ(test, hak_usable_size(q), (size_t)40);
		hak_cache_free(c, p);
		hak_cache_free(c, q);
	}
}

struct named {
	long a;
	char field[24];
	long b;
} __aligned(32);

static void macros(struct kunit *test)
{
	struct hak_cache *c = HAK_CACHE(named, 0);
	struct hak_class_stats cs;
	struct named *p;

	KUNIT_ASSERT_NOT_NULL(test, c);
	hak_class_stats_read(c, &cs);
	KUNIT_EXPECT_STREQ(test, cs.name, "named");
	KUNIT_EXPECT_EQ(test, hak_cache_size(c), sizeof(struct named));
	p = hak_cache_zalloc(c, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, (unsigned long)p % 32, 0UL);
	hak_cache_free(c, p);
	hak_cache_destroy(c);
	c = HAK_CACHE_USERCOPY(named, SLAB_HWCACHE_ALIGN, field);
	KUNIT_ASSERT_NOT_NULL(test, c);
	p = hak_cache_alloc(c, GFP_KERNEL_ACCOUNT);
	KUNIT_EXPECT_NOT_NULL(test, p);
	hak_cache_free(c, p);
	hak_cache_destroy(c);
}

/* A shrink gives back the slabs without live objects, and the others stay. */
static void shrunk(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache_shown(test, 96, 0);
	struct hak_class_stats cs;
	void **obj = array(test);
	unsigned int cpu;

	alloc_all(test, c, GFP_KERNEL, obj);
	hak_cache_free_bulk(c, NR - 1, obj + 1);
	KUNIT_EXPECT_EQ(test, hak_cache_shrink(c), 1);
	hak_class_stats_read(c, &cs);
	KUNIT_EXPECT_EQ(test, cs.slabs, 1UL);
	KUNIT_EXPECT_EQ(test, cs.live, 1L);
	hak_cache_free(c, obj[0]);
	KUNIT_EXPECT_EQ(test, hak_cache_shrink(c), 0);
	hak_class_stats_read(c, &cs);
	KUNIT_EXPECT_EQ(test, cs.slabs, 0UL);
	/* The trim need not look at a cache that is asleep. */
	for_each_online_cpu(cpu)
		KUNIT_EXPECT_FALSE(test, hak_cpu_is_awake(per_cpu_ptr(c->cpu, cpu)));
}

/* A slab is constructed from the memory that there is. */
static void constructed_without_growth(struct kunit *test)
{
	static const struct hak_cache_args args = { .ctor = build };
	struct hak_cache *c = hak_test_cache_args(test, 1024, &args, 0);
	void *p;

	KUNIT_ASSERT_GE(test, hak_superslab_grow(numa_mem_id(), GFP_KERNEL), 0);
	HAK_EXPECT_EVENT(test, HAK_EV_GROWN, 1);
	p = hak_cache_alloc(c, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	HAK_EXPECT_EVENT(test, HAK_EV_GROWN, 1);
	hak_cache_free(c, p);
}

#define ROUNDS	50

/**
 * struct contest - threads that create caches of the same names
 * @there: how often a thread has come to a round; each waits there for all others
 * @nr: threads
 * @c: the caches of each thread, by round
 */
struct contest {
	atomic_t there;
	unsigned int nr;
	struct hak_cache *c[HAK_TEST_MAX_THREADS][ROUNDS];
};

static int compete(void *arg, unsigned int id)
{
	struct contest *w = arg;
	char name[24];
	unsigned int i;
	int got = 0;

	for (i = 0; i < ROUNDS; i++) {
		snprintf(name, sizeof(name), "hak_contest_%u", i);
		atomic_inc(&w->there);
		while (atomic_read(&w->there) < (int)(w->nr * (i + 1)))
			hak_test_relax();
		w->c[id][i] = hak_cache_create(name, 64, 0, 0, NULL);
		got += !!w->c[id][i];
	}
	return got;
}

/* If several threads create a cache of the same name at once, one of them gets it. */
static void one_gets_the_name(struct kunit *test)
{
	struct hak_test_gang *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	struct contest *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	unsigned int i, id, got;

	KUNIT_ASSERT_NOT_NULL(test, g);
	KUNIT_ASSERT_NOT_NULL(test, w);
	w->nr = hak_test_nr_threads();
	KUNIT_ASSERT_EQ(test, hak_test_gang_start(g, w->nr, compete, w), 0);
	KUNIT_EXPECT_EQ(test, hak_test_gang_join(g), ROUNDS);
	for (i = 0; i < ROUNDS; i++) {
		for (got = 0, id = 0; id < w->nr; id++) {
			got += !!w->c[id][i];
			hak_cache_destroy(w->c[id][i]);
		}
		KUNIT_EXPECT_EQ(test, got, 1);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(constructed_once),
	KUNIT_CASE(constructed_in_bulk_and_by_node),
	KUNIT_CASE(kept_when_pushed),
	KUNIT_CASE(slubs_are_constructed),
	KUNIT_CASE(never_zeroed),
	KUNIT_CASE(typesafe_zeroed_when_asked),
	KUNIT_CASE(typesafe_kept_when_free),
	KUNIT_CASE(link_inside),
	KUNIT_CASE(every_geometry),
	KUNIT_CASE(aligned_to_lines),
	KUNIT_CASE(accounted_ones_are_slubs),
	KUNIT_CASE(flags_that_keep_the_size),
	KUNIT_CASE(macros),
	KUNIT_CASE(shrunk),
	KUNIT_CASE(constructed_without_growth),
	KUNIT_CASE(one_gets_the_name),
	{}
};

static struct kunit_suite hak_typed_suite = {
	.name = "hak_typed",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_typed_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: constructors and flags of caches");
MODULE_LICENSE("GPL");
