// SPDX-License-Identifier: GPL-2.0
/*
 * The page arena: how and when pages go back, and memory that the registry does
 * not cover, or not yet. Needs a kernel: the shim's pages have no reference
 * counts, and its registry covers every address.
 */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/page_ref.h>
#include <linux/sched.h>
#include <linux/vmstat.h>

#include "hak_test.h"
#include "hak_test_threads.h"
#include "memory_hotplug.h"

#define ROUNDS		20000	/* blocks, if no page is met */

/*
 * hak_superslab_grow() in memory that the registry does not cover, in atomic
 * context. The block is of no use and goes back at once. On PREEMPT_RT the page
 * allocator's locks sleep, so it may not be called with preemption off.
 */
static void uncovered_goes_back(struct kunit *test)
{
	const bool atomic = !IS_ENABLED(CONFIG_PREEMPT_RT);
	int nid = hak_node_near(numa_mem_id()), ret;
	unsigned long covered = hak_registry.bytes;
	u64 bytes = hak_arena_bytes();

	if (atomic)
		preempt_disable();
	WRITE_ONCE(hak_registry.bytes, 0);
	ret = hak_superslab_grow(nid, GFP_ATOMIC);
	WRITE_ONCE(hak_registry.bytes, covered);
	if (atomic)
		preempt_enable();
	KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
	KUNIT_EXPECT_EQ(test, hak_arena_bytes(), bytes);
	/*
	 * Blocks of smaller orders are not tried: the registry does not cover
	 * them either.
	 */
	HAK_EXPECT_EVENT(test, HAK_EV_UNCOVERED, 1);

	/* The node must not count as one that has no memory. */
	msleep(2 * HAK_BACKOFF_MS);
	KUNIT_EXPECT_GE(test, hak_superslab_grow(nid, GFP_KERNEL), 0);
}

/* Allocate and free until the test says stop; return the number of errors. */
static int use_objects(void *arg, unsigned int id)
{
	bool *stop = arg;
	unsigned int i, bad = 0;
	void *obj[64];

	while (!READ_ONCE(*stop)) {
		for (i = 0; i < ARRAY_SIZE(obj); i++) {
			obj[i] = hak_alloc(1024 - 16 * i, GFP_KERNEL);
			bad += hak_usable_size(obj[i]) < 1024 - 16 * i;
		}
		for (i = 0; i < ARRAY_SIZE(obj); i++)
			hak_free(obj[i]);
		cond_resched();
	}
	return bad;
}

static unsigned long registry_end(void)
{
	return hak_registry.base + hak_registry.bytes;
}

/*
 * The registry grows while threads use hakmem, and they notice nothing. The end
 * of the test checks the statistics.
 */
static void registry_grows(struct kunit *test)
{
	struct hak_test_gang *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	struct hak_cache *c = hak_test_cache(test, 1024, 0);
	struct hak_slab *s = hak_test_slab(test, c);
	unsigned long end, bytes = hak_registry.bytes;
	bool stop = false;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, g);
	KUNIT_EXPECT_EQ(test, hak_registry_cover(hak_registry.base, registry_end()), 0);
	KUNIT_EXPECT_EQ(test, hak_registry.bytes, bytes);
	hak_test_gang_start(g, hak_test_nr_threads(), use_objects, &stop);
	for (i = 0; i < 3; i++) {
		end = registry_end();
		KUNIT_EXPECT_FALSE(test, hak_registry_covers(end, 1));
		KUNIT_EXPECT_EQ(test, hak_registry_prepare(end, 1, GFP_KERNEL), -ERANGE);
		KUNIT_ASSERT_EQ(test, hak_registry_cover(end, end + 1), 0);
		/*
		 * It at least doubles, so many small pieces do not make it grow
		 * each time.
		 */
		KUNIT_EXPECT_GE(test, hak_registry.bytes, 2 * bytes << i);
		KUNIT_EXPECT_TRUE(test, hak_registry_covers(end, 1));
		KUNIT_EXPECT_EQ(test, hak_registry_prepare(end - HAK_SLAB_SIZE, 2,
							   GFP_KERNEL), 0);
		KUNIT_EXPECT_NULL(test, hak_test_slab_of((void *)end));
		KUNIT_EXPECT_PTR_EQ(test, hak_test_slab_of((void *)s->addr), s);
		msleep(20);
	}
	WRITE_ONCE(stop, true);
	KUNIT_EXPECT_EQ(test, hak_test_gang_join(g), 0);
	hak_pool_put(s, HAK_OWNED);
}

/**
 * struct watched - a block that one task splits while another task, the onlooker,
 * takes references to its pages
 * @first: its first page
 * @nr: pages of the block
 * @turn: odd while there is a block for the onlooker
 * @seen: the last turn that the onlooker has finished
 * @got: the page that the onlooker has taken a reference to
 * @split: references to that page after the block was split
 * @freed: likewise after the block was freed
 * @rounds: blocks that were split
 * @stop: the onlooker has to end
 */
struct watched {
	struct page *first;
	unsigned int nr;
	unsigned int turn;
	unsigned int seen;
	struct page *got;
	int split;
	int freed;
	unsigned int rounds;
	bool stop;
};

/* Take a reference to the first page whose count is not 0. */
static int look_on(struct watched *w)
{
	unsigned int i, turn;

	while (!READ_ONCE(w->stop)) {
		/* Pairs with the releases in split_one(). */
		turn = smp_load_acquire(&w->turn);
		for (i = 0; turn % 2 && i < w->nr && !w->got; i++)
			if (get_page_unless_zero(w->first + i))
				w->got = w->first + i;
		/* Pairs with the acquire in split_one(). */
		smp_store_release(&w->seen, turn);
		cond_resched();
	}
	return 0;
}

/* Split a block. True if the onlooker got a page of it. */
static bool split_one(struct watched *w)
{
	unsigned int order = HAK_MAX_ORDER;
	char *addr;
	long i;

	do
		addr = hak_arena_alloc(numa_mem_id(), order, GFP_KERNEL);
	while (!addr && order-- > HAK_MIN_ORDER + 1);
	if (!addr)
		return false;
	w->first = virt_to_page(addr);
	w->nr = 1 << order;
	/* Pairs with the acquire in look_on(), and so does the next. */
	smp_store_release(&w->turn, w->turn + 1);
	hak_arena_split(addr, order);
	/* See above. */
	smp_store_release(&w->turn, w->turn + 1);
	/* Pairs with the release in look_on(). */
	while (smp_load_acquire(&w->seen) != w->turn)
		hak_test_relax();
	if (w->got)
		w->split = page_ref_count(w->got);
	for (i = 0; i < PAGE_SIZE << order; i += HAK_SLAB_SIZE)
		hak_arena_free_slot(addr + i);
	if (w->got)
		w->freed = page_ref_count(w->got);
	return w->got;
}

static int watched_thread(void *arg, unsigned int id)
{
	struct watched *w = arg;

	if (!id)
		return look_on(w);
	while (w->rounds < ROUNDS) {
		w->rounds++;
		if (split_one(w))
			break;
	}
	WRITE_ONCE(w->stop, true);
	return 0;
}

/*
 * A page that is split off has a reference count for a moment. If another task
 * takes a reference then, it may be the one that frees the page.
 */
static void split_keeps_references(struct kunit *test)
{
	struct hak_test_gang *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	struct watched *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	u64 bytes = hak_arena_bytes();

	if (num_online_cpus() < 2)
		kunit_skip(test, "one CPU; nobody can look on");
	KUNIT_ASSERT_NOT_NULL(test, g);
	KUNIT_ASSERT_NOT_NULL(test, w);
	KUNIT_EXPECT_EQ(test, hak_test_gang_start(g, 2, watched_thread, w), 0);
	hak_test_gang_join(g);
	KUNIT_EXPECT_EQ(test, hak_arena_bytes(), bytes);
	if (!w->got)
		kunit_skip(test, "no page was met in %u blocks", w->rounds);
	kunit_info(test, "met a page of block %u", w->rounds);
	/*
	 * References of hakmem and the onlooker; after hakmem's free the
	 * onlooker's only.
	 */
	KUNIT_EXPECT_EQ(test, w->split, 2);
	KUNIT_EXPECT_EQ(test, w->freed, 1);
	if (w->freed == 1)
		put_page(w->got);
}

/*
 * Pages are marked as slab pages are: no task can take a reference, and memory
 * offlining fails at once.
 */
static void pages_are_marked(struct kunit *test)
{
	unsigned int i, reserved = 0, referenced = 0;
	char *addr = hak_arena_alloc(numa_mem_id(), HAK_MIN_ORDER + 1, GFP_KERNEL);
	struct page *first;

	KUNIT_ASSERT_NOT_NULL(test, addr);
	first = virt_to_page(addr);
	for (i = 0; i < 2 << HAK_MIN_ORDER; i++) {
		reserved += PageReserved(first + i);
		referenced += !!page_ref_count(first + i);
	}
	KUNIT_EXPECT_EQ(test, referenced, 0);
	/* The first page of every slot. */
	KUNIT_EXPECT_EQ(test, reserved, 2);
	KUNIT_EXPECT_TRUE(test, PageReserved(first));
	KUNIT_EXPECT_TRUE(test, PageReserved(first + (1 << HAK_MIN_ORDER)));
	hak_arena_split(addr, HAK_MIN_ORDER + 1);
	hak_arena_free_slot(addr);
	hak_arena_free_slot(addr + HAK_SLAB_SIZE);
	KUNIT_EXPECT_FALSE(test, PageReserved(first));
}

#define BLOCKS		16
#define BLOCK_PAGES	((long)BLOCKS << HAK_MAX_ORDER)

/* What /proc/meminfo shows as SUnreclaim, in pages. */
static long slab_pages(void)
{
	return global_node_page_state_pages(NR_SLAB_UNRECLAIMABLE_B);
}

/*
 * Blocks are counted while hakmem has them, and not after that. Others allocate slabs, too,
 * and each CPU keeps a part of the count to itself, so half as much more or less will do.
 */
static void meminfo_counts_blocks(struct kunit *test)
{
	int nid = first_node(node_states[N_NORMAL_MEMORY]);
	long before = slab_pages(), held, after;
	void *block[BLOCKS];
	unsigned int i, n = 0;

	while (n < BLOCKS) {
		block[n] = hak_arena_alloc(nid, HAK_MAX_ORDER, GFP_KERNEL);
		if (!block[n])
			break;
		n++;
	}
	held = slab_pages();
	for (i = 0; i < n; i++)
		hak_arena_discard(block[i], HAK_MAX_ORDER);
	after = slab_pages();
	if (n < BLOCKS)
		kunit_skip(test, "there are not enough free blocks");
	KUNIT_EXPECT_GT(test, held - before, BLOCK_PAGES / 2);
	KUNIT_EXPECT_LT(test, held - before, BLOCK_PAGES * 3 / 2);
	KUNIT_EXPECT_LT(test, abs(after - before), BLOCK_PAGES / 2);
}

static struct kunit_case arena_cases[] = {
	KUNIT_CASE(uncovered_goes_back),
	KUNIT_CASE(registry_grows),
	KUNIT_CASE(pages_are_marked),
	KUNIT_CASE(split_keeps_references),
	KUNIT_CASE(meminfo_counts_blocks),
	{}
};

static struct kunit_suite arena_suite = {
	.name = "hak_arena",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = arena_cases,
};

kunit_test_suite(arena_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: page arena");
MODULE_LICENSE("GPL");
