// SPDX-License-Identifier: GPL-2.0
/*
 * The page arena: how pages go back, when and where. Needs a kernel, for the
 * shim's pages have no reference counts.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/page_ref.h>
#include <linux/sched.h>

#include "hak_test.h"
#include "hak_test_threads.h"

#define ROUNDS		20000	/* blocks, if no page is met */

/* hak_superslab_grow() where the registry covers nothing, in atomic context. */
static int grow_uncovered(int nid)
{
	unsigned long nr = hak_registry.nr;
	int ret;

	preempt_disable();
	WRITE_ONCE(hak_registry.nr, 0);
	ret = hak_superslab_grow(nid, GFP_ATOMIC);
	WRITE_ONCE(hak_registry.nr, nr);
	preempt_enable();
	return ret;
}

/* What was got in atomic context and is of no use goes back right there. */
static void failure_in_atomic_context(struct kunit *test)
{
	u64 bytes = hak_arena_bytes();

	KUNIT_EXPECT_EQ(test, grow_uncovered(hak_node_near(numa_mem_id())),
			-ENOMEM);
	KUNIT_EXPECT_EQ(test, hak_arena_bytes(), bytes);
}

/**
 * struct watched - a block that one task splits while another looks on
 * @first: its first page
 * @nr: pages of it; 0 while there is none to look at
 * @idle: the onlooker has seen that there is none
 * @got: the page that the onlooker has taken a reference to
 * @split: references to that page after the block was split
 * @freed: likewise after the block was freed
 * @rounds: blocks that were split
 * @stop: the onlooker is to end
 */
struct watched {
	struct page *first;
	unsigned int nr;
	bool idle;
	struct page *got;
	int split;
	int freed;
	unsigned int rounds;
	bool stop;
};

/* Take a reference to the first page that has any. */
static int look_on(struct watched *w)
{
	unsigned int i, nr;

	while (!READ_ONCE(w->stop)) {
		nr = smp_load_acquire(&w->nr);
		for (i = 0; i < nr && !w->got; i++)
			if (get_page_unless_zero(w->first + i))
				w->got = w->first + i;
		smp_store_release(&w->idle, !nr);
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
	w->idle = false;
	smp_store_release(&w->nr, 1 << order);
	hak_arena_split(addr, order);
	WRITE_ONCE(w->nr, 0);
	while (!smp_load_acquire(&w->idle))
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
 * A page has a reference count for a moment as it is split off. Whoever meets
 * it then may hold on to it, and be the one that frees it.
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
	/* Hakmem's and the onlooker's, then the onlooker's alone. */
	KUNIT_EXPECT_EQ(test, w->split, 2);
	KUNIT_EXPECT_EQ(test, w->freed, 1);
	if (w->freed == 1)
		put_page(w->got);
}

static struct kunit_case arena_cases[] = {
	KUNIT_CASE(failure_in_atomic_context),
	KUNIT_CASE(split_keeps_references),
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
