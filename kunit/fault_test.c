// SPDX-License-Identifier: GPL-2.0
/*
 * Memory fails at every single point of an operation: the first request, the second,
 * and so on until the operation goes through without one that fails; that one alone,
 * and that one with all that follow. Each time the operation works or says that it
 * does not, nothing is left of it, and it works once there is memory.
 */
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/string.h>

#include "hak_test.h"
#include "hak_test_fault.h"

#define ENOUGH	2000	/* more points than an operation has */
#define MANY	300	/* objects, of 512 bytes in three slabs */
#define SIZE	512

/* What an operation works with. */
struct work {
	struct kunit *test;
	struct hak_cache *c;	/* its cache, or the one it makes */
	void *obj[MANY];
	unsigned int n;		/* objects in @obj */
};

/**
 * struct op - an operation that memory fails for
 * @name: for people
 * @prepare: what it needs; not under test
 * @run: the operation: 0 or an error
 * @undo: frees what it has got, if it worked
 * @never_fails: it has to do without memory
 * @nofail: it insists on memory
 * @least: requests for memory it has at the least, or else the test tests nothing
 */
struct op {
	const char *name;
	void (*prepare)(struct work *w);
	int (*run)(struct work *w);
	void (*undo)(struct work *w);
	bool never_fails;
	bool nofail;
	unsigned int least;
};

/* What has to be the same before and after. */
struct books {
	unsigned long live;
	unsigned long caches;
	unsigned long slabs;
	u64 bytes;
};

static int some_node(void)
{
	return hak_node_near(numa_mem_id());
}

/* A node that had nothing is asked again at once. */
static void forget_failures(void)
{
	int nid;

	for_each_node(nid)
		WRITE_ONCE(hak_node[nid]->failed, 0);
}

/* Whatever is free goes back. */
static void settle(struct hak_cache *c)
{
	if (c)
		hak_cache_shrink(c);
	hak_reap_all();
	hak_superslab_trim(0);
	forget_failures();
}

static void read_books(struct hak_cache *c, struct books *b)
{
	struct hak_class_stats cs = { .slabs = 0 };
	struct hak_cache *other;

	memset(b, 0, sizeof(*b));
	b->live = hak_test_live();
	b->bytes = hak_arena_bytes();
	if (c)
		hak_class_stats_read(c, &cs);
	b->slabs = cs.slabs;
	mutex_lock(&hak_cache_mutex);
	list_for_each_entry(other, &hak_caches, list)
		b->caches++;
	mutex_unlock(&hak_cache_mutex);
}

/* A point of an operation: memory fails after @n requests, @all of it or one. */
struct point {
	const struct op *op;
	unsigned int n;
	bool all;
};

static void expect(struct kunit *test, const struct point *at, const char *what,
		   long is, long want)
{
	KUNIT_EXPECT_EQ(test, is, want);
	if (is != want)
		kunit_info(test, "%s: %s is %ld and not %ld, %s failing after %u\n",
			   at->op->name, what, is, want,
			   at->all ? "all" : "one", at->n);
}

static void expect_same(struct kunit *test, const struct point *at,
			const struct books *is, const struct books *was)
{
	expect(test, at, "live", is->live, was->live);
	expect(test, at, "bytes", is->bytes, was->bytes);
	expect(test, at, "slabs", is->slabs, was->slabs);
	expect(test, at, "caches", is->caches, was->caches);
}

/* Once more, with memory. */
static void retry(struct kunit *test, const struct point *at, struct work *w)
{
	int err;

	if (at->op->prepare)
		at->op->prepare(w);
	err = at->op->run(w);
	expect(test, at, "the error once there is memory", err, 0);
	if (!err)
		at->op->undo(w);
}

/* One try; adds to @errors. Return: did a request fail? */
static bool try_point(struct kunit *test, const struct point *at, struct work *w,
		      unsigned int *errors)
{
	const struct op *op = at->op;
	struct hak_cache *c = w->c;
	struct books was, is;
	bool failed;
	int err;

	settle(c);
	read_books(c, &was);
	if (op->prepare)
		op->prepare(w);
	hak_test_fail(at->n, at->all);
	err = op->run(w);
	failed = hak_test_fail_end();

	if (err && failed && !op->never_fails) {
		expect(test, at, "the error", err, -ENOMEM);
		*errors += 1;
	} else {
		expect(test, at, "the error", err, 0);
	}
	if (!err)
		op->undo(w);
	settle(c);
	read_books(c, &is);
	expect_same(test, at, &is, &was);
	if (!failed)
		return false;
	retry(test, at, w);
	settle(c);
	read_books(c, &is);
	expect_same(test, at, &is, &was);
	return true;
}

/* Points from the first one on, until one that the operation does not reach. */
static void try_points(struct kunit *test, struct point *at, struct work *w,
		       unsigned int *errors)
{
	for (at->n = 0; at->n < ENOUGH; at->n++)
		if (!try_point(test, at, w, errors))
			break;
	KUNIT_EXPECT_LT(test, at->n, (unsigned int)ENOUGH);
	KUNIT_EXPECT_GE(test, at->n, at->op->least);
	kunit_info(test, "%s: each of %u requests failed, %s; %u errors so far\n",
		   at->op->name, at->n, at->all ? "and all after it" : "alone", *errors);
}

static void every_point(struct kunit *test, const struct op *op, struct hak_cache *c)
{
	struct work *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	struct point at = { .op = op };
	unsigned int errors = 0;

	KUNIT_ASSERT_NOT_NULL(test, w);
	w->test = test;
	w->c = c;
	/* What is allocated once and kept is none of the operation's. */
	settle(c);
	retry(test, &at, w);

	try_points(test, &at, w, &errors);
	/* A request that may not fail would wait for ever if all of them failed. */
	if (op->nofail)
		return;
	at.all = true;
	try_points(test, &at, w, &errors);
	/* Without memory it cannot work, or else nothing was tested. */
	if (!op->never_fails)
		KUNIT_EXPECT_GT(test, errors, 0U);
}

/* --- growth --- */

static int grow(struct work *w)
{
	u64 returned = hak_arena_returned();
	int nid = some_node(), err;

	err = hak_superslab_grow(nid, GFP_KERNEL);
	if (err < 0) {
		/* Pages that came to no use are none that anybody has now. */
		KUNIT_EXPECT_EQ(w->test, hak_arena_returned(), returned);
		KUNIT_EXPECT_NE(w->test, READ_ONCE(hak_node[nid]->failed), 0UL);
		return err;
	}
	KUNIT_EXPECT_EQ(w->test, READ_ONCE(hak_node[nid]->failed), 0UL);
	return 0;
}

static void nothing(struct work *w)
{
}

static void growth(struct kunit *test)
{
	static const struct op op = {
		.name = "growth", .run = grow, .undo = nothing, .least = 3,
	};

	every_point(test, &op, NULL);
}

/* --- refill --- */

static void free_all(struct work *w)
{
	hak_free_bulk(w->n, w->obj);
	w->n = 0;
}

static int got(struct work *w, void *p)
{
	w->obj[0] = p;
	w->n = !!p;
	return p ? 0 : -ENOMEM;
}

static int alloc_one(struct work *w)
{
	return got(w, hak_cache_alloc(w->c, GFP_KERNEL));
}

static int alloc_zeroed(struct work *w)
{
	return got(w, hak_cache_alloc(w->c, GFP_KERNEL | __GFP_ZERO));
}

static int alloc_atomic(struct work *w)
{
	return got(w, hak_cache_alloc(w->c, GFP_ATOMIC));
}

static int alloc_node(struct work *w)
{
	return got(w, hak_cache_alloc_node(w->c, GFP_KERNEL, some_node()));
}

static void refill(struct kunit *test)
{
	static const struct op op[] = {
		{ .name = "one object", .run = alloc_one, .undo = free_all, .least = 3 },
		{ .name = "one zeroed", .run = alloc_zeroed, .undo = free_all, .least = 3 },
		{ .name = "one, GFP_ATOMIC", .run = alloc_atomic, .undo = free_all, .least = 3 },
		{ .name = "one of a node", .run = alloc_node, .undo = free_all, .least = 3 },
	};
	struct hak_cache *c = hak_test_cache_shown(test, SIZE, 0);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(op); i++)
		every_point(test, &op[i], c);
}

static void construct(void *p)
{
	memset(p, 0x5a, SIZE);
}

/* What is constructed has to be so, whoever it is from. */
static int alloc_constructed(struct work *w)
{
	int err = got(w, hak_cache_alloc(w->c, GFP_KERNEL));

	if (!err)
		KUNIT_EXPECT_NULL(w->test, memchr_inv(w->obj[0], 0x5a, SIZE));
	return err;
}

static void refill_of_constructed(struct kunit *test)
{
	static const struct op op = {
		.name = "one constructed", .run = alloc_constructed,
		.undo = free_all, .least = 3,
	};
	struct hak_cache_args args = { .ctor = construct };

	every_point(test, &op, hak_test_cache_args(test, SIZE, &args, 0));
}

static int alloc_typed_bulk(struct work *w)
{
	w->n = hak_cache_alloc_bulk(w->c, GFP_KERNEL, MANY, w->obj);
	if (w->n)
		KUNIT_EXPECT_EQ(w->test, w->n, (unsigned int)MANY);
	return w->n ? 0 : -ENOMEM;
}

static int alloc_bulk(struct work *w)
{
	w->n = hak_alloc_bulk(SIZE, GFP_KERNEL, MANY, w->obj);
	if (w->n)
		KUNIT_EXPECT_EQ(w->test, w->n, (unsigned int)MANY);
	return w->n ? 0 : -ENOMEM;
}

/* All or nothing, wherever it fails. */
static void bulk(struct kunit *test)
{
	static const struct op typed = {
		.name = "many, typed", .run = alloc_typed_bulk, .undo = free_all,
		.least = 3,
	};
	static const struct op sized = {
		.name = "many", .run = alloc_bulk, .undo = free_all, .least = 3,
	};

	every_point(test, &typed, hak_test_cache_shown(test, SIZE, 0));
	every_point(test, &sized, hak_size_class(SIZE));
}

/* --- caches --- */

/* Is there a cache of that name, whole or half made? */
static bool is_listed(const char *name)
{
	struct hak_cache *c;
	bool found = false;

	mutex_lock(&hak_cache_mutex);
	list_for_each_entry(c, &hak_caches, list)
		found |= !strcmp(c->name, name);
	mutex_unlock(&hak_cache_mutex);
	return found;
}

static int create(struct work *w)
{
	struct hak_cache_args args = { .align = 64, .ctor = construct };
	struct hak_cache *c;

	c = hak_cache_create_args("hak_fault", SIZE, &args, 0);
	w->obj[0] = c;
	if (!c) {
		KUNIT_EXPECT_FALSE(w->test, is_listed("hak_fault"));
		return -ENOMEM;
	}
	return 0;
}

static void destroy(struct work *w)
{
	hak_cache_destroy(w->obj[0]);
	KUNIT_EXPECT_FALSE(w->test, is_listed("hak_fault"));
}

static void creation(struct kunit *test)
{
	static const struct op op = {
		.name = "creation", .run = create, .undo = destroy, .least = 5,
	};

	every_point(test, &op, NULL);
}

/* --- what has to do without memory --- */

static void make_used_cache(struct work *w)
{
	void *p;

	KUNIT_EXPECT_EQ(w->test, create(w), 0);
	p = hak_cache_alloc(w->obj[0], GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(w->test, p);
	hak_cache_free(w->obj[0], p);
}

static int destroy_it(struct work *w)
{
	destroy(w);
	return 0;
}

static void destruction(struct kunit *test)
{
	static const struct op op = {
		.name = "destruction", .prepare = make_used_cache, .run = destroy_it,
		.undo = nothing, .never_fails = true,
	};

	every_point(test, &op, NULL);
}

static void fill(struct work *w)
{
	KUNIT_EXPECT_EQ(w->test, alloc_typed_bulk(w), 0);
}

static int free_them(struct work *w)
{
	unsigned int i;

	for (i = 0; i < MANY / 3; i++)
		hak_free(w->obj[i]);
	hak_free_bulk(MANY / 3, w->obj + i);
	for (i += MANY / 3; i < MANY; i++)
		hak_cache_free(w->c, w->obj[i]);
	w->n = 0;
	return 0;
}

struct with_head {
	struct rcu_head rcu;
};

/* Objects whose batch cannot be had are chained, or waited for. */
static int free_them_later(struct work *w)
{
	unsigned int i;

	for (i = 0; i < MANY - 2; i++) {
		struct with_head *p = w->obj[i];

		hak_free_rcu(p, rcu);
	}
	for (; i < MANY; i++)
		hak_free_rcu_mightsleep(w->obj[i]);
	hak_free_rcu_barrier();
	w->n = 0;
	return 0;
}

/* Slabs, superslabs and parts of them go back. */
static int give_back(struct work *w)
{
	hak_free_bulk(MANY - 1, w->obj);
	hak_cache_shrink(w->c);
	hak_reap_all();
	hak_superslab_break();
	hak_free(w->obj[MANY - 1]);
	hak_cache_shrink(w->c);
	hak_superslab_trim(0);
	w->n = 0;
	return 0;
}

static void frees_and_shrinks(struct kunit *test)
{
	static const struct op op[] = {
		{ .name = "frees", .prepare = fill, .run = free_them,
		  .undo = nothing, .never_fails = true },
		{ .name = "frees after a grace period", .prepare = fill,
		  .run = free_them_later, .undo = nothing, .never_fails = true },
		{ .name = "shrinks", .prepare = fill, .run = give_back,
		  .undo = nothing, .never_fails = true },
	};
	struct hak_cache *c = hak_test_cache_shown(test, SIZE, 0);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(op); i++)
		every_point(test, &op[i], c);
}

/* A request that must not fail does not, whatever else does. */
static int alloc_nofail(struct work *w)
{
	return got(w, hak_cache_alloc(w->c, GFP_KERNEL | __GFP_NOFAIL));
}

static void nofail(struct kunit *test)
{
	static const struct op op = {
		.name = "__GFP_NOFAIL", .run = alloc_nofail, .undo = free_all,
		.never_fails = true, .nofail = true, .least = 1,
	};

	every_point(test, &op, hak_test_cache_shown(test, SIZE, 0));
}

static int fault_init(struct kunit *test)
{
	void *p;

	/* Where nothing can be made to fail, nothing would be tested. */
	hak_test_fail(0, true);
	p = kmalloc(SIZE, GFP_KERNEL);
	hak_test_fail_end();
	kfree(p);
	if (p)
		return -ENODEV;
	return hak_test_init(test);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(growth),
	KUNIT_CASE(refill),
	KUNIT_CASE(refill_of_constructed),
	KUNIT_CASE(bulk),
	KUNIT_CASE(creation),
	KUNIT_CASE(destruction),
	KUNIT_CASE(frees_and_shrinks),
	KUNIT_CASE(nofail),
	{}
};

static struct kunit_suite hak_fault_suite = {
	.name = "hak_fault",
	.init = fault_init,
	.exit = hak_test_exit,
	.test_cases = cases,
};

kunit_test_suites(&hak_fault_suite);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("KUnit suite: memory that fails");
MODULE_LICENSE("GPL");
