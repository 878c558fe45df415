// SPDX-License-Identifier: GPL-2.0
/*
 * The core in the child of fork(). The child has only the thread that forked; the other
 * threads vanished in the middle of what they did. The handler of fork() held all locks,
 * so no lock is left taken. But a vanished thread may have left a mark that the core
 * sets without a lock, so this file resets these marks. A kernel does not fork, so this
 * is not part of the core, although it knows the core's structures.
 */
#include <linux/cpumask.h>
#include <linux/irq_work.h>
#include <linux/nodemask.h>
#include <linux/rculist.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "core.h"
#include "shim.h"

/* A vanished thread may have marked the item as queued, and not queued it. */
static void forget_queued(struct irq_work *work)
{
	init_irq_work(work, work->func);
}

/* A vanished thread may have been asking for a superslab. */
static void nodes_forked(void)
{
	int nid;

	for_each_node(nid)
		atomic_set(&hak_node[nid]->growing, 0);
}

/* Objects may wait for work that a vanished thread was about to queue. */
static void fallback_forked(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		struct hak_deferred *d = per_cpu_ptr(hak_deferred, cpu);

		forget_queued(&d->irq);
		if (!llist_empty(&d->list) || !llist_empty(&d->tails))
			irq_work_queue(&d->irq);
	}
}

/*
 * A vanished thread may have been freeing what hak_free_rcu() was given, and
 * hak_free_rcu_barrier() would wait for it for ever. Or it may have marked the work item as
 * queued, and not queued it.
 */
static void rcu_free_forked(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		struct hak_rcu_cpu *rc = per_cpu_ptr(hak_rcu_cpu, cpu);

		atomic_set(&rc->freeing[0], 0);
		atomic_set(&rc->freeing[1], 0);
		if (rc->armed)
			queue_delayed_work(system_wq, &rc->work, 1);
	}
}

/* A vanished thread may have set HAK_REAP_QUEUED, and not queued the slab. */
static void queue_again(struct hak_slab *s)
{
	if (atomic_read(&s->rc) & HAK_REAP_QUEUED)
		atomic_andnot(HAK_REAP_QUEUED, &s->rc);
	hak_pool_queue_reap(s, atomic_read(&s->rc));
}

static void reaper_forked(void)
{
	struct hak_superslab *ss;
	unsigned int i;

	forget_queued(&hak_reap_irq);
	atomic_set(&hak_reap_armed, 0);
	init_llist_head(&hak_reap_queue);
	list_for_each_entry(ss, &hak_superslabs, all) {
		u64 used = ss->used & ss->full;

		for (i = 0; used >> i; i++)
			if (used & BIT_ULL(i))
				queue_again(&ss->slab[i]);
	}
	hak_reaper_arm();
}

static struct hak_magazine *magazine(struct hak_cpu_cache *cc, unsigned int i)
{
	return (void *)cc + hak_magazine_offset(cc->cap) +
	       i * hak_magazine_bytes(cc->cap);
}

/* The value of hak_magazine.full of magazines in a depot, while this file checks them. */
#define IN_DEPOT	2

static void mark_magazines(struct llist_node *n, u32 full)
{
	for (; n; n = n->next)
		llist_entry(n, struct hak_magazine, link)->full = full;
}

static void mark_depot(struct hak_depot *d, u32 full)
{
	mark_magazines(d->chain, full);
	mark_magazines(d->incoming.first, full);
}

/*
 * If the thread of @cc vanished after it had filled @m, and before it took the objects
 * out of @cc, take them out. A cache that is not full did not send.
 */
static void finish_send(struct hak_cpu_cache *cc, struct hak_magazine *m)
{
	if (!hak_cpu_inside(cc) || !m->full || cc->nr < cc->cap ||
	    memcmp(cc->obj, m->obj, m->nr * sizeof(*m->obj)))
		return;
	cc->nr -= m->nr;
	memmove(cc->obj, cc->obj + m->nr, cc->nr * sizeof(*cc->obj));
}

/*
 * A vanished thread may have filled a magazine and not sent it, or have taken one off and
 * not copied it. Such a magazine is full and in no depot. No other thread knows of it, so
 * its objects go to their slabs.
 */
static void magazines_forked(struct hak_cache *c, unsigned int cpu)
{
	struct hak_cpu_cache *cc = per_cpu_ptr(c->cpu, cpu);
	unsigned int i;

	for (i = 0; i < cc->mags; i++) {
		struct hak_magazine *m = magazine(cc, i);

		finish_send(cc, m);
		if (m->full != 1)
			continue;
		preempt_disable();
		hak_cpu_spill(c, NULL, m->obj, m->nr);
		preempt_enable();
		m->full = 0;
	}
}

/* How many objects of @s are in the chain @n. */
static unsigned int in_chain(const struct hak_slab *s, const struct llist_node *n)
{
	unsigned int nr = 0;

	for (; n && nr < s->bump && (unsigned long)n - s->addr < HAK_SLAB_SIZE; n = n->next)
		nr++;
	return nr;
}

/*
 * With fast_cap=0 a thread takes objects off its slab's freelist, and puts them back, without
 * a mark, and it may have vanished before it counted that. Then the slab's books would not
 * agree when it is released, which debug builds take for corruption. So they are made to: an
 * object that is in no chain counts as used. If the thread was inside, its slab may be another's
 * by now, or gone; and what it still has stays its own.
 */
static void current_forked(struct hak_cache *c, unsigned int cpu)
{
	struct hak_cpu_cache *cc = per_cpu_ptr(c->cpu, cpu);
	struct hak_slab *s = cc->cur;
	unsigned int nr;

	if (!cc->direct || !s || hak_cpu_inside(cc))
		return;
	nr = in_chain(s, s->freelist) + in_chain(s, s->drained) + in_chain(s, s->remote.first);
	s->taken += s->bump - nr - hak_slab_used(s);
}

static void caches_forked(void)
{
	struct hak_cache *c;
	unsigned int cpu;
	int nid;

	list_for_each_entry(c, &hak_caches, list) {
		for_each_node(nid)
			mark_depot(&c->pool[nid]->depot, IN_DEPOT);
		for_each_possible_cpu(cpu) {
			current_forked(c, cpu);
			magazines_forked(c, cpu);
		}
		for_each_node(nid)
			mark_depot(&c->pool[nid]->depot, 1);
	}
}

/*
 * A vanished thread may have been creating a cache, or destroying one. Then the cache is
 * not listed, and no thread of the child knows it. Its memory is lost, but not its name.
 */
static void names_forked(void)
{
	struct hak_cache *c, *next;

	list_for_each_entry_safe(c, next, &hak_named, named)
		if (!c->listed)
			list_del_init(&c->named);
}

/* Runs in the child; the core is up, and no lock is held. */
void shim_core_forked(void)
{
	names_forked();
	nodes_forked();
	fallback_forked();
	rcu_free_forked();
	caches_forked();
	reaper_forked();
}
