// SPDX-License-Identifier: GPL-2.0
/*
 * Bring hakmem into a state in which there is something of everything, and keep it
 * there: objects that are live, in per-CPU caches, in magazines, in outboxes, on remote
 * lists and on freelists, of a size class, of a typed cache and of one with a
 * constructor. The idle trim is stopped meanwhile, so that nothing moves.
 *
 * Loading the module logs a line for some objects, "hak_stopped: ADDRESS WORDS", where
 * the words say what is known of the object, and has hak_dump_obj() describe each.
 */
#define pr_fmt(fmt) "hak_stopped: " fmt

#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include <hakmem.h>

#include "core.h"
#include "shrink.h"

#define OBJECTS		3000
#define KINDS		3

/* What each CPU frees of each kind: objects from .. to - 1. */
static const struct {
	unsigned int from, to;
} freed[] = {
	{ 0, 700 },		/* CPU 0 itself: the cache's, and then the freelist's */
	{ 700, 1200 },		/* CPU 1 */
	{ 1200, 1600 },		/* CPU 2 */
};

static void *obj[KINDS][OBJECTS];
static struct hak_cache *typed, *built;

struct job {
	unsigned int kind;
	unsigned int from, to;
};

static void construct(void *p)
{
	memset(p, 0x11, 136);
}

static struct hak_cache *cache_of(unsigned int kind)
{
	return kind == 0 ? hak_size_class(64) : kind == 1 ? typed : built;
}

static long allocate(void *arg)
{
	struct job *job = arg;
	unsigned int i;

	for (i = job->from; i < job->to; i++) {
		obj[job->kind][i] = job->kind ? hak_cache_alloc(cache_of(job->kind), GFP_KERNEL) :
						hak_alloc(64, GFP_KERNEL);
		if (!obj[job->kind][i])
			return -ENOMEM;
	}
	return 0;
}

static long give_back(void *arg)
{
	struct job *job = arg;
	unsigned int i;

	for (i = job->from; i < job->to; i++)
		hak_free(obj[job->kind][i]);
	return 0;
}

static void tell(const void *p, const char *what)
{
	pr_info("%p %s\n", p, what);
	hak_dump_obj(p);
}

/* Some objects of one kind, and addresses that are no objects. */
static void tell_kind(unsigned int kind)
{
	struct hak_cache *c = cache_of(kind);
	unsigned int cpu;

	tell(obj[kind][OBJECTS - 1], "live");
	tell((char *)obj[kind][OBJECTS / 2 + 200] + 9, "live");
	for_each_online_cpu(cpu) {
		struct hak_cpu_cache *cc = per_cpu_ptr(c->cpu, cpu);

		if (hak_cpu_objects(cc))
			tell(hak_cpu_last(cc, hak_cpu_objects(cc)), "cache");
		if (hak_outbox_objects(cc))
			tell(hak_cpu_outbox(cc)->obj[0], "outbox");
	}
}

static int fill(unsigned int kind)
{
	struct job job = { .kind = kind, .to = OBJECTS };
	unsigned int cpu, i = 0;
	int err;

	err = work_on_cpu(cpumask_first(cpu_online_mask), allocate, &job);
	if (err)
		return err;
	for_each_online_cpu(cpu) {
		if (i == ARRAY_SIZE(freed))
			break;
		job.from = freed[i].from;
		job.to = freed[i++].to;
		work_on_cpu(cpu, give_back, &job);
	}
	tell_kind(kind);
	return 0;
}

static int __init hak_stopped_init(void)
{
	unsigned int kind;
	int err = 0;

	typed = hak_cache_create("stopped", 200, 0, 0, NULL);
	built = hak_cache_create("stopped_built", 136, 0, 0, construct);
	if (!typed || !built)
		return -ENOMEM;
	hak_trim_pause(true);
	for (kind = 0; kind < KINDS && !err; kind++)
		err = fill(kind);
	tell(&typed, "none");
	tell(obj, "none");
	return err;
}
module_init(hak_stopped_init);

HAK_IMPORT_INTERNAL();
MODULE_DESCRIPTION("Something of everything, for a look at hakmem from outside");
MODULE_LICENSE("GPL");
