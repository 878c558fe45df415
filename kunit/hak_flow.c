// SPDX-License-Identifier: GPL-2.0
/*
 * A known number of operations, for tests that watch trace events and counters.
 * Loading the module does them; it stays loaded. Public API only.
 *
 * ops=N allocates and frees N objects in each way there is. rounds=N passes
 * objects N times from one CPU to another, or to another thread if there is one
 * CPU only. bad=N frees N addresses where no object begins.
 */
#define pr_fmt(fmt) "hak_flow: " fmt

#include <linux/completion.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/topology.h>

#include <hakmem.h>

#include "hak_test_threads.h"

static unsigned int ops;
module_param(ops, uint, 0444);
MODULE_PARM_DESC(ops, "objects to allocate and free in each way");

static unsigned int rounds;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "times objects are passed on");

static unsigned int bad;
module_param(bad, uint, 0444);
MODULE_PARM_DESC(bad, "bad frees");

#define BATCH	4096
#define BULK	16
#define SIZE	1024

static void *one_of(unsigned int way, struct hak_cache *c, size_t size)
{
	switch (way) {
	case 0:
		return hak_alloc(64, GFP_KERNEL);
	case 1:
		return hak_alloc(size, GFP_KERNEL);
	case 2:
		return hak_zalloc(size, GFP_KERNEL);
	case 3:
		return hak_alloc_node(size, GFP_KERNEL, numa_mem_id());
	case 4:
		return hak_alloc_node(size, GFP_KERNEL | __GFP_THISNODE, numa_mem_id());
	case 5:
		return hak_realloc(NULL, size, GFP_KERNEL);
	default:
		return hak_cache_alloc(c, GFP_KERNEL);
	}
}

#define WAYS	7

static void free_one(unsigned int way, struct hak_cache *c, void *p, size_t size)
{
	if (way == WAYS - 1)
		hak_cache_free(c, p);
	else if (way == 1)
		hak_free_sized(p, size);
	else if (way == 2)
		hak_free_sensitive(p);
	else
		hak_free(p);
}

/* BULK objects per call; returns the number of objects. */
static unsigned int bulk(struct hak_cache *c, size_t size)
{
	void *obj[BULK];

	if (hak_alloc_bulk(size, GFP_KERNEL, BULK, obj) != BULK)
		return 0;
	hak_free_bulk(BULK, obj);
	if (hak_cache_alloc_bulk(c, GFP_KERNEL, BULK, obj) != BULK)
		return 0;
	hak_cache_free_bulk(c, BULK, obj);
	return 2 * BULK;
}

static int flow_ops(struct hak_cache *c)
{
	unsigned int i, way, n, done = 0;
	size_t size = 64;

	/* The size must not be constant, or the compiler would choose the class. */
	OPTIMIZER_HIDE_VAR(size);
	for (i = 0; i < ops; i++) {
		for (way = 0; way < WAYS; way++) {
			void *p = one_of(way, c, size);

			if (!p)
				return -ENOMEM;
			free_one(way, c, p, size);
			done++;
		}
		n = bulk(c, size);
		if (!n)
			return -ENOMEM;
		done += n;
	}
	pr_info("%u objects allocated and freed\n", done);
	return 0;
}

struct flow {
	void *obj[BATCH];
	struct completion full, empty;
};

/*
 * The first thread allocates and the third frees, in turn. If there are two
 * memory nodes, CPUs 0 and 2 are on the same one, so no object goes home to
 * another node.
 */
static int flow_thread(void *arg, unsigned int id)
{
	struct flow *f = arg;
	unsigned int i, round, failed = 0;

	if (id == 1)
		return 0;
	for (round = 0; round < rounds; round++) {
		wait_for_completion(id ? &f->full : &f->empty);
		for (i = 0; i < BATCH; i++) {
			if (id) {
				hak_free(f->obj[i]);
				continue;
			}
			f->obj[i] = hak_alloc(SIZE, GFP_KERNEL);
			failed += !f->obj[i];
		}
		complete(id ? &f->empty : &f->full);
	}
	return failed;
}

static int flow_pass(void)
{
	struct hak_test_gang *g = kzalloc(sizeof(*g), GFP_KERNEL);
	struct flow *f = kvzalloc(sizeof(*f), GFP_KERNEL);
	int err = -ENOMEM;

	if (g && f) {
		init_completion(&f->full);
		init_completion(&f->empty);
		complete(&f->empty);
		err = hak_test_gang_start(g, 3, flow_thread, f);
		if (hak_test_gang_join(g))
			err = -ENOMEM;
		pr_info("%u objects passed on\n", rounds * BATCH);
	}
	kvfree(f);
	kfree(g);
	return err;
}

/* Not __init, because the caller's name has to be known later. */
static noinline int flow_bad(void)
{
	char *p = hak_alloc(64, GFP_KERNEL);
	unsigned int i;

	if (!p)
		return -ENOMEM;
	for (i = 0; i < bad; i++)
		hak_free(p + 1);
	hak_free(p);
	return 0;
}

static int __init hak_flow_init(void)
{
	struct hak_cache *c;
	int err = 0;

	if (ops) {
		c = hak_cache_create("hak_flow", 200, 8, 0, NULL);
		if (!c)
			return -ENOMEM;
		err = flow_ops(c);
		hak_cache_destroy(c);
	}
	if (!err && rounds)
		err = flow_pass();
	if (!err && bad)
		err = flow_bad();
	return err;
}

static void __exit hak_flow_exit(void)
{
}

module_init(hak_flow_init);
module_exit(hak_flow_exit);

MODULE_DESCRIPTION("A known number of operations of hakmem's");
MODULE_LICENSE("GPL");
