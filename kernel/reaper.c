// SPDX-License-Identifier: GPL-2.0
/*
 * The reaper: a work item that makes whole slabs unused slots again and frees empty
 * superslabs. The free that makes a pooled slab whole arms it, in any context.
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
 * hak_reaper_arm() - have the reaper run, HAK_REAP_DELAY_MS from now
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

/*
 * Release the slabs that are in the reaper's queue now, a few each time it holds the mutex,
 * and those in limbo whose grace period has passed. CPUs may queue slabs for a long time as
 * fast as this releases them. They arm the reaper again, so these have their delay, and
 * this ends.
 */
static void hak_reap_run_queue(void)
{
	bool limbo;

	mutex_lock(&hak_cache_mutex);
	/* Before it takes the queue: a CPU that queues a slab too late for it arms it again. */
	atomic_xchg(&hak_reap_armed, 0);
	hak_pool_take_queue();
	mutex_unlock(&hak_cache_mutex);
	do {
		mutex_lock(&hak_cache_mutex);
		hak_pool_reap_taken(HAK_REAP_AT_ONCE, NULL);
		limbo = hak_limbo_release();
		mutex_unlock(&hak_cache_mutex);
	} while (hak_pool_any_taken());
	if (limbo)
		hak_reaper_arm();
}

/**
 * hak_reap_all() - release every whole slab of every pool
 *
 * It checks all slabs that are in a pool, which takes long, so it is for callers that
 * need memory.
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
	hak_limbo_release();
	mutex_unlock(&hak_cache_mutex);
	pr_debug("%u slabs reaped\n", n);
}

/* Have the reaper call @fn, in task context, each time it has run; NULL for none. */
void hak_reaper_hook(hak_reap_hook_t fn)
{
	WRITE_ONCE(hak_reap_fn, fn);
	if (!fn)
		flush_delayed_work(&hak_reap_work);
}

static void hak_reap_work_run(struct work_struct *work)
{
	hak_reap_hook_t fn = READ_ONCE(hak_reap_fn);

	hak_reap_run_queue();
	if (fn)
		fn();
}

/* Why it seems that neither adopter nor reaper can ever find @s; NULL if one can. */
static const char *hak_looks_stranded(struct hak_slab *s)
{
	u32 rc = atomic_read_acquire(&s->rc); /* pairs with hak_slab_init() */
	struct hak_cache *c = READ_ONCE(s->cache);

	switch (hak_rc_state(rc)) {
	case HAK_PARKED:
		/* With a free counted or waiting, a pusher had to put it into its pool. */
		if (rc >> HAK_FREED_SHIFT || !llist_empty(&s->remote))
			return "parked with frees waiting";
		break;
	case HAK_POOLED:
		/* The reaper leaves a cache alone that is not in hak_caches. */
		if (c && c->listed && !(rc & HAK_REAP_QUEUED) &&
		    hak_rc_whole(s, rc))
			return "whole, but not in the reaper's queue";
		break;
	default:
		break;
	}
	return NULL;
}

/* Check all slabs once. Returns how many look stranded in this and all passes before. */
static unsigned long hak_stranded_pass(unsigned int pass)
{
	struct hak_superslab *ss;
	unsigned long found = 0;
	unsigned int i;

	rcu_read_lock();
	list_for_each_entry_rcu(ss, &hak_superslabs, all) {
		for (i = 0; i < 1U << (ss->order - HAK_MIN_ORDER); i++) {
			struct hak_slab *s = &ss->slab[i];
			const char *why;

			why = READ_ONCE(ss->used) & BIT_ULL(i) ? hak_looks_stranded(s) : NULL;
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
				hak_report_corrupt(s, READ_ONCE(s->cache), NULL,
						   NULL, why);
		}
	}
	rcu_read_unlock();
	return found;
}

/**
 * hak_paranoid_scan() - look for slabs that neither adopter nor reaper can find
 *
 * If a parked slab has frees waiting, the pusher that counted first is about to put it
 * into its pool. If a pooled slab is whole and not in the reaper's queue, the CPU that
 * made it whole is about to queue it. Both have preemption off meanwhile. The reaper drops
 * slabs of a cache that is not listed from its queue, but whoever lists the cache again finds
 * them before it drops the mutex. So if a slab looks like this over several grace periods, it
 * is lost, and it is reported.
 *
 * Context: task, may sleep. Where the build cannot turn preemption off, the caller
 * has to make sure that no thread frees meanwhile.
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
	/*
	 * On PREEMPT_RT a thread of each CPU does the other irq_work. If it were queued on a CPU
	 * that is going away, whose thread is parked, it would wait until that CPU is back.
	 */
	hak_reap_irq = IRQ_WORK_INIT_HARD(hak_reap_irq_run);
	INIT_DELAYED_WORK(&hak_reap_work, hak_reap_work_run);
}

/* Stop the reaper, after it has done what is pending. No CPU frees any more. */
void hak_reaper_exit(void)
{
	irq_work_sync(&hak_reap_irq);
	cancel_delayed_work_sync(&hak_reap_work);
	hak_reap_all();
	hak_limbo_drain_all();
	/*
	 * Armed once more by what went into limbo, or by the last run of the work item, which
	 * may have seen limbo before it was emptied.
	 */
	cancel_delayed_work_sync(&hak_reap_work);
	irq_work_sync(&hak_reap_irq);
	cancel_delayed_work_sync(&hak_reap_work);
}
