// SPDX-License-Identifier: GPL-2.0
/* The registry: which addresses are hakmem's, and in which slab they lie. */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "hak_test.h"
#include "hak_test_threads.h"

static int static_data;

static void foreign_addresses(struct kunit *test)
{
	void *heap = kmalloc(64, GFP_KERNEL);
	void *large = kmalloc(1 << 16, GFP_KERNEL);
	void *virt = vmalloc(PAGE_SIZE);
	int on_stack = 0;

	KUNIT_EXPECT_NULL(test, hak_slab_of(NULL));
	KUNIT_EXPECT_NULL(test, hak_slab_of(ZERO_SIZE_PTR));
	KUNIT_EXPECT_NULL(test, hak_slab_of((void *)~0UL));
	KUNIT_EXPECT_NULL(test, hak_slab_of((void *)0x1000000));
	KUNIT_EXPECT_NULL(test, hak_slab_of(&on_stack));
	KUNIT_EXPECT_NULL(test, hak_slab_of(&static_data));
	KUNIT_EXPECT_NULL(test, hak_slab_of(foreign_addresses));
	KUNIT_EXPECT_NULL(test, hak_slab_of(heap));
	KUNIT_EXPECT_NULL(test, hak_slab_of(large));
	KUNIT_EXPECT_NULL(test, hak_slab_of(virt));
	vfree(virt);
	kfree(large);
	kfree(heap);
}

static void ends_of_the_map(struct kunit *test)
{
	unsigned long base = hak_registry.base;
	unsigned long end = base + hak_registry.bytes;

	KUNIT_EXPECT_NULL(test, hak_slab_of((void *)(base - 1)));
	KUNIT_EXPECT_NULL(test, hak_slab_of((void *)base));
	KUNIT_EXPECT_NULL(test, hak_slab_of((void *)(end - 1)));
	KUNIT_EXPECT_NULL(test, hak_slab_of((void *)end));

	KUNIT_EXPECT_EQ(test, hak_registry_prepare(end, 1, GFP_KERNEL), -ERANGE);
	KUNIT_EXPECT_EQ(test, hak_registry_prepare(end - HAK_SLAB_SIZE, 2,
						   GFP_KERNEL), -ERANGE);
	if (base)
		KUNIT_EXPECT_EQ(test, hak_registry_prepare(base - HAK_SLAB_SIZE,
							   1, GFP_KERNEL),
				-ERANGE);
	/* The last slab that is covered is accepted, also a second time. */
	KUNIT_EXPECT_EQ(test, hak_registry_prepare(end - HAK_SLAB_SIZE, 1,
						   GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, hak_registry_prepare(end - HAK_SLAB_SIZE, 1,
						   GFP_KERNEL), 0);
}

/* The slabs of one block may have their entries in two leaves. */
static void block_across_two_leaves(struct kunit *test)
{
	unsigned long leaf = HAK_SLAB_SIZE << HAK_LEAF_BITS;
	unsigned long end = hak_registry.base + hak_registry.bytes - leaf;
	struct hak_entry *e = NULL;

	KUNIT_ASSERT_EQ(test, hak_registry_prepare(end - HAK_SLAB_SIZE, 2, GFP_KERNEL), 0);
	preempt_disable();
	KUNIT_EXPECT_TRUE(test, hak_registry_find((void *)(end - 1), &e));
	KUNIT_EXPECT_TRUE(test, hak_registry_find((void *)end, &e));
	preempt_enable();
	/*
	 * And a block from the middle of a leaf to the beginning of the next but
	 * one.
	 */
	end -= 4 * leaf;
	/* The first of its leaves exists already. */
	KUNIT_ASSERT_EQ(test, hak_registry_prepare(end - leaf / 2, 1, GFP_KERNEL), 0);
	KUNIT_ASSERT_EQ(test, hak_registry_prepare(end - leaf / 2,
						   3 * leaf / 2 / HAK_SLAB_SIZE + 1,
						   GFP_KERNEL), 0);
	preempt_disable();
	KUNIT_EXPECT_TRUE(test, hak_registry_find((void *)(end - 1), &e));
	KUNIT_EXPECT_TRUE(test, hak_registry_find((void *)end, &e));
	KUNIT_EXPECT_TRUE(test, hak_registry_find((void *)(end + leaf), &e));
	preempt_enable();
}

struct shared_leaf {
	struct hak_slab slab;
	bool made;
	bool failed;
};

static int use_shared_leaf(void *arg, unsigned int id)
{
	struct shared_leaf *l = arg;

	if (!id) {
		if (hak_registry_prepare(l->slab.addr, 1, GFP_KERNEL))
			WRITE_ONCE(l->failed, true);
		WRITE_ONCE(l->made, true);
		return 0;
	}
	/* Nothing here orders what the first thread wrote before. */
	while (!READ_ONCE(l->made))
		hak_test_relax();
	if (READ_ONCE(l->failed) || hak_registry_prepare(l->slab.addr, 1, GFP_KERNEL))
		return 1;
	hak_registry_set(&l->slab);
	return 0;
}

/*
 * One CPU makes a leaf, and at the same time another has slabs in it. The other must not
 * write an entry before it sees that as the leaf's maker has initialised it.
 */
static void leaf_made_by_another(struct kunit *test)
{
	unsigned long leaf = HAK_SLAB_SIZE << HAK_LEAF_BITS;
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	struct hak_slab *s = hak_test_slab(test, c);
	struct hak_test_gang gang;
	struct shared_leaf l = {};

	/* No slab is there. */
	l.slab.cache = c;
	l.slab.nid = s->nid;
	l.slab.addr = hak_registry.base + hak_registry.bytes - 8 * leaf;
	KUNIT_EXPECT_EQ(test, hak_test_gang_start(&gang, 2, use_shared_leaf, &l), 0);
	KUNIT_EXPECT_EQ(test, hak_test_gang_join(&gang), 0);
	if (l.slab.entry) {
		KUNIT_EXPECT_PTR_EQ(test, l.slab.entry->slab, &l.slab);
		KUNIT_EXPECT_PTR_EQ(test, l.slab.entry->cpu, c->cpu);
		WRITE_ONCE(l.slab.entry->cpu, hak_class[0].cpu);
		WRITE_ONCE(l.slab.entry->slab, NULL);
	}
	hak_pool_put(s, HAK_OWNED);
}

static void entry_of_a_slab(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	struct hak_slab *s = hak_test_slab(test, c);
	struct hak_entry *e = NULL;

	KUNIT_EXPECT_EQ(test, s->addr & HAK_SLAB_MASK, 0UL);
	KUNIT_EXPECT_PTR_EQ(test, hak_slab_of((void *)s->addr), s);
	KUNIT_ASSERT_TRUE(test, hak_registry_find((void *)s->addr, &e));
	KUNIT_EXPECT_PTR_EQ(test, e->slab, s);
	KUNIT_EXPECT_PTR_EQ(test, e->cpu, c->cpu);
	KUNIT_EXPECT_EQ(test, e->nid, s->nid);
	KUNIT_EXPECT_EQ(test, e->bound, 0);
	KUNIT_EXPECT_PTR_EQ(test, s->entry, e);
	KUNIT_EXPECT_PTR_EQ(test, hak_slab_of((void *)(s->addr + HAK_SLAB_MASK)), s);
	KUNIT_EXPECT_PTR_NE(test, hak_test_slab_of((void *)(s->addr - 1)), s);
	KUNIT_EXPECT_PTR_NE(test, hak_test_slab_of((void *)(s->addr +
							    HAK_SLAB_SIZE)), s);
	hak_pool_put(s, HAK_OWNED);
}

/*
 * Of all addresses in @s exactly those of carved objects are found. Returns the
 * number of errors.
 */
static unsigned int not_found_rightly(struct hak_slab *s)
{
	const u32 size = s->cache->size;
	unsigned int wrong = 0;
	u32 off;

	preempt_disable();
	for (off = 0; off < HAK_SLAB_SIZE; off++) {
		struct hak_entry *e = NULL;
		struct hak_cache *c = NULL;
		bool found = hak_find_object((void *)(s->addr + off), &e, &c);

		wrong += found != (off % size == 0 && off / size < s->bump);
		wrong += found && c != s->cache;
	}
	preempt_enable();
	return wrong;
}

/* Exactly the objects that were never allocated are beyond the bound. */
static void bound_follows_carving(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 6000, 0);
	struct hak_slab *s = hak_test_slab(test, c);
	unsigned int i;
	void *obj[16];

	KUNIT_EXPECT_EQ(test, not_found_rightly(s), 0);
	for (i = 0; i < c->capacity; i++) {
		KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, obj + i, 1), 1);
		KUNIT_EXPECT_EQ(test, not_found_rightly(s), 0);
	}
	while (s->taken)
		hak_test_give(s, obj[s->taken - 1]);
	/* A free object still counts as one that was allocated. */
	KUNIT_EXPECT_EQ(test, s->entry->bound, c->capacity * c->step);
	KUNIT_EXPECT_EQ(test, not_found_rightly(s), 0);
	hak_pool_put(s, HAK_OWNED);
}

static void class_entries(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < HAK_NR_CLASSES; i++) {
		void *p = hak_alloc(hak_class[i].usable, GFP_KERNEL);
		struct hak_entry *e = NULL;

		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_ASSERT_TRUE(test, hak_registry_find(p, &e));
		KUNIT_EXPECT_PTR_EQ(test, e->cpu, hak_class[i].cpu);
		KUNIT_EXPECT_PTR_EQ(test, e->slab->cache, &hak_class[i]);
		hak_free(p);
	}
}

static void cleared_on_release(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 64, 0);
	struct hak_slab *keep = hak_test_slab(test, c);
	struct hak_slab *s = hak_test_slab(test, c);
	struct hak_entry *e = s->entry;
	unsigned long addr = s->addr;
	void *p;

	KUNIT_ASSERT_EQ(test, hak_slab_take(c, s, &p, 1), 1);
	hak_test_give(s, p);
	hak_pool_put(s, HAK_OWNED);
	KUNIT_EXPECT_PTR_EQ(test, hak_test_slab_of((void *)addr), s);
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), 1);
	KUNIT_EXPECT_EQ(test, e->bound, 0);
	KUNIT_EXPECT_NULL(test, s->cache);
	KUNIT_EXPECT_NULL(test, e->slab);
	/* The cache may be destroyed while a late reader still uses the entry. */
	KUNIT_EXPECT_TRUE(test, e->cpu == hak_class[0].cpu);
	KUNIT_EXPECT_NULL(test, hak_slab_of((void *)addr));
	hak_pool_put(keep, HAK_OWNED);
}

/*
 * A slab goes back while it is described, and its metadata becomes that of a superslab
 * that has just been allocated. Then it has no entry.
 */
static void described_without_an_entry(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, 64, 0);
	struct hak_slab *s = hak_test_slab(test, c);
	struct hak_entry *e = s->entry;

	WRITE_ONCE(s->entry, NULL);
	preempt_disable();
	hak_report_slab(s, c);
	preempt_enable();
	KUNIT_EXPECT_TRUE(test, hak_dump_obj((void *)s->addr));
	WRITE_ONCE(s->entry, e);
	hak_pool_put(s, HAK_OWNED);
}

/*
 * A slab goes back while it is described or reported, and its pages leave the kernel's
 * map. The last slab that the registry covers stands for it, where there is no memory.
 */
static void described_without_memory(struct kunit *test)
{
	unsigned long end = hak_registry.base + hak_registry.bytes;
	char *gone = (char *)end - HAK_SLAB_SIZE;
	struct hak_entry *e = NULL;
	struct hak_cache *c;
	struct hak_slab *s;

	/* There are marks of live objects in the slab, and tracks in the objects. */
	c = hak_test_cache_args(test, 64, NULL, SLAB_STORE_USER);
	s = hak_test_slab(test, c);
	KUNIT_ASSERT_EQ(test, hak_registry_prepare((unsigned long)gone, 1, GFP_KERNEL), 0);
	preempt_disable();
	hak_registry_find(gone, &e);
	preempt_enable();
	KUNIT_ASSERT_NOT_NULL(test, e);
	KUNIT_ASSERT_NULL(test, e->slab);
	WRITE_ONCE(e->slab, s);
	KUNIT_EXPECT_TRUE(test, hak_dump_obj(gone + c->size));
	hak_report_bad_free(gone + c->size, c, "a test", _RET_IP_);
	WRITE_ONCE(e->slab, NULL);
	hak_test_provoke(test, HAK_EV_BAD_FREE, 1);
	hak_pool_put(s, HAK_OWNED);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(foreign_addresses),
	KUNIT_CASE(ends_of_the_map),
	KUNIT_CASE(block_across_two_leaves),
	KUNIT_CASE(leaf_made_by_another),
	KUNIT_CASE(entry_of_a_slab),
	KUNIT_CASE(bound_follows_carving),
	KUNIT_CASE(class_entries),
	KUNIT_CASE(cleared_on_release),
	KUNIT_CASE(described_without_an_entry),
	KUNIT_CASE(described_without_memory),
	{}
};

static struct kunit_suite hak_registry_suite = {
	.name = "hak_registry",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_registry_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: registry");
MODULE_LICENSE("GPL");
