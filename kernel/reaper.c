// SPDX-License-Identifier: GPL-2.0
/*
 * The reaper: task context in which whole slabs become unused slots again and
 * empty superslabs go back. Armed from any context by the free that makes a
 * pooled slab whole.
 */
#define pr_fmt(fmt) "hakmem: " fmt

#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/nodemask.h>
#include <linux/printk.h>
#include <linux/rculist.h>
#include <linux/workqueue.h>

#include "core.h"

#define HAK_REAP_AT_ONCE	64
#define HAK_STRANDED_PASSES	3

atomic_t hak_reap_armed;
struct irq_work hak_reap_irq;
static struct delayed_work hak_reap_work;
static hak_reap_hook_t hak_reap_fn;

/**
 * hak_reaper_arm() - have the pools looked at soon
 *
 * Context: any, NMI included.
 */
void hak_reaper_arm(void)
{
	if (!atomic_read(&hak_reap_armed) && !atomic_xchg(&hak_reap_armed, 1))
		irq_work_queue(&hak_reap_irq);
}

static void hak_reap_irq_run(struct irq_work *work)
{
	queue_delayed_work(hak_unbound_wq, &hak_reap_work,
			   msecs_to_jiffies(HAK_REAP_DELAY_MS));
}

/* Release what is said to be whole, a few slabs for each time the mutex is had. */
static void hak_reap_told(void)
{
	/* Before it looks: who arms from here on has it run once more. */
	atomic_xchg(&hak_reap_armed, 0);

	do {
		mutex_lock(&hak_cache_mutex);
		hak_pool_reap_told(HAK_REAP_AT_ONCE, NULL);
		mutex_unlock(&hak_cache_mutex);
	} while (hak_pool_any_told());
}

/**
 * hak_reap_all() - release every whole slab there is in a pool
 *
 * Looks at all of them, so it is for when memory is wanted.
 *
 * Context: task, may sleep.
 */
void hak_reap_all(void)
{
	unsigned int n = 0;
	struct hak_cache *c;
	int nid;

	mutex_lock(&hak_cache_mutex);
	list_for_each_entry(c, &hak_caches, list)
		for_each_node(nid)
			n += hak_pool_reap(c->pool[nid]);
	mutex_unlock(&hak_cache_mutex);
	pr_debug("%u slabs reaped\n", n);
}

/* Have @fn called in task context, soon after each hak_reaper_arm(). */
void hak_reaper_hook(hak_reap_hook_t fn)
{
	WRITE_ONCE(hak_reap_fn, fn);
	if (!fn)
		flush_delayed_work(&hak_reap_work);
}

static void hak_reap_work_run(struct work_struct *work)
{
	hak_reap_hook_t fn = READ_ONCE(hak_reap_fn);

	hak_reap_told();
	if (fn)
		fn();
}

/* Why nobody will ever find @s, by its looks; NULL if somebody will. */
static const char *hak_looks_stranded(struct hak_slab *s)
{
	u32 rc = atomic_read_acquire(&s->rc); /* pairs with hak_slab_init() */
	struct hak_cache *c = READ_ONCE(s->cache);

	switch (hak_rc_state(rc)) {
	case HAK_PARKED:
		/* A free that was counted before the slab was parked is lost, too. */
		if (rc >> HAK_FREED_SHIFT || !llist_empty(&s->remote))
			return "parked with frees waiting";
		break;
	case HAK_POOLED:
		/* A cache in no list is not reaped. */
		if (c && c->listed && !(rc & HAK_TOLD) &&
		    hak_rc_whole(s, rc))
			return "whole, but the reaper was not told";
		break;
	default:
		break;
	}
	return NULL;
}

/* Once over all slabs; those that look stranded for the @pass-th time. */
static unsigned long hak_stranded_pass(unsigned int pass)
{
	struct hak_superslab *ss;
	unsigned long found = 0;
	unsigned int i;

	rcu_read_lock();
	list_for_each_entry_rcu(ss, &hak_superslabs, all) {
		for (i = 0; i < HAK_MAX_SLOTS; i++) {
			struct hak_slab *s = &ss->slab[i];
			const char *why;

			if (!(READ_ONCE(ss->used) & BIT_ULL(i)))
				continue;
			why = hak_looks_stranded(s);
			if (!why)
				s->stranded = 0;
			else if (pass == 1)
				s->stranded = 1;
			else if (s->stranded == pass - 1)
				s->stranded = pass;
			if (s->stranded < pass)
				continue;
			found++;
			if (pass == HAK_STRANDED_PASSES)
				hak_report_corrupt(s, NULL, why);
		}
	}
	rcu_read_unlock();
	return found;
}

/**
 * hak_paranoid_scan() - look for slabs nobody can find
 *
 * A parked slab with frees waiting is on its way to a pool, in the hands of
 * the pusher who counted first, and who has preemption off. So has who makes a
 * pooled slab whole until the reaper was told. A slab that still looks so after
 * some grace periods is lost, and reported.
 *
 * Context: task, may sleep. Where preemption cannot be turned off, which is in
 * userspace, only while nobody frees.
 * Return: stranded slabs found.
 */
unsigned long hak_paranoid_scan(void)
{
	unsigned long found = 0;
	unsigned int pass;

	mutex_lock(&hak_cache_mutex);
	for (pass = 1; pass <= HAK_STRANDED_PASSES; pass++) {
		found = hak_stranded_pass(pass);
		if (!found)
			break;
		synchronize_rcu();
	}
	mutex_unlock(&hak_cache_mutex);
	return found;
}

void hak_reaper_init(void)
{
	atomic_set(&hak_reap_armed, 0);
	init_irq_work(&hak_reap_irq, hak_reap_irq_run);
	INIT_DELAYED_WORK(&hak_reap_work, hak_reap_work_run);
}

/* Nobody frees any more. Runs what is pending to its end. */
void hak_reaper_exit(void)
{
	irq_work_sync(&hak_reap_irq);
	cancel_delayed_work_sync(&hak_reap_work);
	hak_reap_all();
}
