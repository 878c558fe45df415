// SPDX-License-Identifier: GPL-2.0
/*
 * The core in the child of fork(): the other threads are gone, wherever they
 * were. No lock was held then; what is marked without one may be marked for
 * ever, and is set right here. A kernel has nothing of the kind, so this is no
 * part of the core, though it knows it well.
 */
#include <linux/cpumask.h>
#include <linux/irq_work.h>
#include <linux/nodemask.h>
#include <linux/rculist.h>

#include "core.h"
#include "shim.h"

/* It may be marked as queued, but not be. */
static void forget_queued(struct irq_work *work)
{
	init_irq_work(work, work->func);
}

/* Who was growing a node is not any more. */
static void nodes_forked(void)
{
	int nid;

	for_each_node(nid)
		atomic_set(&hak_node[nid]->growing, 0);
}

/* Objects may wait for work that was not queued. */
static void fallback_forked(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		struct hak_deferred *d = per_cpu_ptr(hak_deferred, cpu);

		forget_queued(&d->work);
		if (!llist_empty(&d->list))
			irq_work_queue(&d->work);
	}
}

/* It may be marked as told of, but not be on the list. */
static void tell_again(struct hak_slab *s)
{
	if (atomic_read(&s->rc) & HAK_TOLD)
		atomic_andnot(HAK_TOLD, &s->rc);
	hak_pool_tell(s, atomic_read(&s->rc));
}

static void reaper_forked(void)
{
	struct hak_superslab *ss;
	unsigned int i;

	forget_queued(&hak_reap_irq);
	atomic_set(&hak_reap_armed, 0);
	init_llist_head(&hak_told);
	list_for_each_entry(ss, &hak_superslabs, all) {
		u64 used = ss->used & ss->full;

		for (i = 0; used >> i; i++)
			if (used & BIT_ULL(i))
				tell_again(&ss->slab[i]);
	}
	hak_reaper_arm();
}

/* In the child; the core is up, and no lock is held. */
void shim_core_forked(void)
{
	nodes_forked();
	fallback_forked();
	reaper_forked();
}
