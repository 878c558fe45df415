// SPDX-License-Identifier: GPL-2.0
/*
 * The outbox: objects of another memory node, which CPU B frees and CPU A, at home on
 * that node, allocates. Both are pretended, see hak_test.h, so one node will do.
 */
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/string.h>

#include "hak_test.h"

#define CAP	8	/* objects a pretended CPU keeps */
#define BATCH	4	/* objects in an outbox */
#define SIZE	1024

static struct hak_depot *depot_of(struct hak_cache *c, const void *p)
{
	return &c->pool[hak_test_slab_of(p)->nid]->depot;
}

/* @cc frees @n objects of another node. */
static void put_many(struct hak_cache *c, struct hak_cpu_cache *cc, void **obj,
		     unsigned int n)
{
	unsigned int i;

	preempt_disable();
	for (i = 0; i < n; i++)
		hak_outbox_put(c, cc, obj[i]);
	preempt_enable();
}

static void flush(struct hak_cache *c, struct hak_cpu_cache *cc)
{
	preempt_disable();
	hak_cpu_flush(c, cc);
	preempt_enable();
}

/* There is room for a batch. */
static void there_is_room_for_a_batch(struct kunit *test)
{
	static const unsigned int cap[] = { 1, 2, 3, 8, 13, 15, 31, 32, 47, 64, 256 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cap); i++) {
		const struct hak_cpu_cache cc = { .cap = cap[i] };

		KUNIT_EXPECT_GE(test, hak_outbox_bytes(cap[i]),
				offsetof(struct hak_outbox, obj) +
				hak_cpu_batch(&cc) * sizeof(void *));
	}
}

static void a_batch_travels_whole(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu_outbox(test, c, CAP);
	struct hak_cpu_cache *b = hak_test_cpu_outbox(test, c, CAP);
	void *obj[CAP], *again[BATCH];
	struct hak_slab *s;
	unsigned int i;
	int v;

	migrate_disable();
	hak_test_alloc_many(test, c, a, obj, CAP);
	s = a->cur;
	v = atomic_read(&s->rc);
	for (i = 0; i < BATCH + 1; i++)
		memset(obj[i], 0x5a, SIZE);
	put_many(c, b, obj, BATCH);
	KUNIT_EXPECT_EQ(test, b->sends, 0);
	KUNIT_EXPECT_EQ(test, hak_outbox_objects(b), BATCH);
	put_many(c, b, obj + BATCH, 1);
	KUNIT_EXPECT_EQ(test, b->sends, 1);
	KUNIT_EXPECT_EQ(test, b->spills, 0UL);
	KUNIT_EXPECT_EQ(test, b->nr, 0);
	KUNIT_EXPECT_EQ(test, hak_outbox_objects(b), 1);
	KUNIT_EXPECT_EQ(test, hak_magazine_objects(b), BATCH);

	KUNIT_ASSERT_EQ(test, a->nr, 0);
	hak_test_alloc_many(test, c, a, again, BATCH);
	KUNIT_EXPECT_EQ(test, depot_of(c, obj[0])->received, 1);
	KUNIT_EXPECT_EQ(test, hak_magazine_objects(b), 0);
	for (i = 0; i < BATCH; i++) {
		KUNIT_EXPECT_PTR_EQ(test, again[i], obj[BATCH - 1 - i]);
		/* Neither CPU wrote to them, nor does their slab know. */
		KUNIT_EXPECT_PTR_EQ(test, memchr_inv(again[i], 0x5a, SIZE), NULL);
	}
	KUNIT_EXPECT_TRUE(test, llist_empty(&s->remote));
	KUNIT_EXPECT_EQ(test, atomic_read(&s->rc), v);
	put_many(c, b, again, BATCH);
	put_many(c, b, obj + BATCH + 1, CAP - BATCH - 1);
	migrate_enable();
}

/* Both magazines are under way, so each slab gets its objects by one push. */
static void without_a_magazine_slabs_get_all(struct kunit *test)
{
	const unsigned int n = (HAK_MAGAZINES + 1) * BATCH + 1;
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu_outbox(test, c, CAP);
	struct hak_cpu_cache *b = hak_test_cpu_outbox(test, c, CAP);
	struct hak_slab *s;
	void *obj[64];

	migrate_disable();
	KUNIT_ASSERT_LE(test, n, ARRAY_SIZE(obj));
	hak_test_alloc_many(test, c, a, obj, n);
	s = a->cur;
	put_many(c, b, obj, n);
	KUNIT_EXPECT_EQ(test, b->sends, HAK_MAGAZINES);
	KUNIT_EXPECT_EQ(test, b->spills, 1UL);
	KUNIT_EXPECT_EQ(test, b->pushes, 1UL);
	KUNIT_EXPECT_EQ(test, hak_magazine_objects(b), HAK_MAGAZINES * BATCH);
	KUNIT_EXPECT_EQ(test, hak_outbox_objects(b), 1);
	KUNIT_EXPECT_EQ(test, hak_test_chain_len(READ_ONCE(s->remote.first)), BATCH);
	migrate_enable();
}

static void no_magazines_no_sending(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu(test, c, CAP);
	struct hak_cpu_cache *b = hak_test_cpu(test, c, CAP);
	void *obj[CAP];

	migrate_disable();
	b->outbox = true;
	hak_test_alloc_many(test, c, a, obj, CAP);
	put_many(c, b, obj, CAP);
	KUNIT_EXPECT_EQ(test, b->sends, 0);
	KUNIT_EXPECT_EQ(test, hak_outbox_objects(b), BATCH);
	KUNIT_EXPECT_TRUE(test, hak_depot_empty(depot_of(c, obj[0])));
	migrate_enable();
}

/* Its two magazines and the outbox lie behind one another, whatever they hold. */
static void every_size_holds_a_batch(struct kunit *test)
{
	static const unsigned int cap[] = { 1, 2, 3, 13, 29, 64 };
	void **obj = kunit_kcalloc(test, 128, sizeof(*obj), GFP_KERNEL);
	unsigned int i, j, k, n, batch, found;

	migrate_disable();
	KUNIT_ASSERT_NOT_NULL(test, obj);
	for (i = 0; i < ARRAY_SIZE(cap); i++) {
		struct hak_cache *c = hak_test_cache(test, 512, 0);
		struct hak_cpu_cache *a = hak_test_cpu_outbox(test, c, cap[i]);
		struct hak_cpu_cache *b = hak_test_cpu_outbox(test, c, cap[i]);

		batch = hak_cpu_batch(b);
		n = 3 * batch;
		hak_test_alloc_many(test, c, a, obj, n);
		put_many(c, b, obj, n);
		KUNIT_EXPECT_EQ(test, b->sends, 2);
		KUNIT_EXPECT_EQ(test, hak_outbox_objects(b), batch);
		flush(c, a);
		KUNIT_EXPECT_EQ(test, hak_test_event(test, HAK_EV_CORRUPT), 0UL);
		/* The magazines have what came first, and the outbox the rest. */
		for (j = 0, found = 0; j < 2 * batch; j++) {
			void *p = hak_test_alloc(test, c, a);

			for (k = 0; k < 2 * batch; k++)
				if (obj[k] == p) {
					obj[k] = NULL;
					found++;
					break;
				}
			hak_test_push(hak_test_slab_of(p), p);
		}
		KUNIT_EXPECT_EQ(test, found, 2 * batch);
		for (j = 0; j < batch; j++)
			KUNIT_EXPECT_PTR_EQ(test, hak_cpu_outbox(b)->obj[j],
					    obj[2 * batch + j]);
		flush(c, a);
		flush(c, b);
	}
	migrate_enable();
}

static void a_flush_gives_all_back(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *a = hak_test_cpu_outbox(test, c, CAP);
	struct hak_cpu_cache *b = hak_test_cpu_outbox(test, c, CAP);
	struct hak_slab *s;
	void *obj[CAP];

	migrate_disable();
	hak_test_alloc_many(test, c, a, obj, CAP);
	s = a->cur;
	put_many(c, b, obj, BATCH - 1);
	flush(c, b);
	KUNIT_EXPECT_EQ(test, hak_outbox_objects(b), 0);
	KUNIT_EXPECT_EQ(test, hak_test_chain_len(READ_ONCE(s->remote.first)), BATCH - 1);
	KUNIT_EXPECT_EQ(test, b->spills, 1UL);
	/* ... once. */
	flush(c, b);
	KUNIT_EXPECT_EQ(test, b->spills, 1UL);
	put_many(c, b, obj + BATCH - 1, CAP - BATCH + 1);
	flush(c, a);
	flush(c, b);
	hak_depot_flush(c, s->nid);
	KUNIT_EXPECT_EQ(test, hak_slab_used(s), 0);
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), 1);
	migrate_enable();
}

/* A CPU may own a slab of another node, and then its freelist gets the objects. */
static void a_flush_gives_its_own_slab_objects(struct kunit *test)
{
	struct hak_cache *c = hak_test_cache(test, SIZE, 0);
	struct hak_cpu_cache *b = hak_test_cpu_outbox(test, c, CAP);
	struct hak_slab *s;
	void *obj[BATCH];

	migrate_disable();
	hak_test_alloc_many(test, c, b, obj, BATCH);
	s = b->cur;
	put_many(c, b, obj, BATCH);
	flush(c, b);
	KUNIT_EXPECT_EQ(test, b->pushes, 0UL);
	KUNIT_EXPECT_EQ(test, hak_test_freed(s), 0);
	KUNIT_EXPECT_EQ(test, hak_slab_used(s), 0);
	KUNIT_EXPECT_EQ(test, hak_test_reap(c), 1);
	migrate_enable();
}

static struct kunit_case cases[] = {
	KUNIT_CASE(there_is_room_for_a_batch),
	KUNIT_CASE(a_batch_travels_whole),
	KUNIT_CASE(without_a_magazine_slabs_get_all),
	KUNIT_CASE(no_magazines_no_sending),
	KUNIT_CASE(every_size_holds_a_batch),
	KUNIT_CASE(a_flush_gives_all_back),
	KUNIT_CASE(a_flush_gives_its_own_slab_objects),
	{}
};

static struct kunit_suite hak_outbox_suite = {
	.name = "hak_outbox",
	.init = hak_test_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_outbox_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: the outbox");
MODULE_LICENSE("GPL");
