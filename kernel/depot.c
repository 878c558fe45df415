// SPDX-License-Identifier: GPL-2.0
/*
 * The depot: how objects that one CPU frees reach a CPU that allocates, without either
 * of them touching the objects.
 *
 * If a freed object were linked into a list through itself, its cache line would move
 * to the CPU that frees it. Then the CPU that walks the list would fetch these lines,
 * one after the other. A magazine is an array of pointers instead: a batch of 32
 * objects takes five cache lines, whatever the objects' size.
 *
 * Who may do what to a magazine
 *
 *   send     the CPU whose magazine it is, with its busy mark set, while the magazine
 *            is home (@full is 0)
 *   take     a receiver or a flush that holds the depot's lock
 *   release  the receiver or flush that took it, when it has copied @obj
 *
 * A sender fills a magazine only while it is home, and a magazine comes home only when
 * the receiver is done with it. So one CPU never writes what another reads, and there
 * is no need for a list of empty magazines. Only the holder of the lock takes magazines
 * off the stack, so a magazine cannot return to the top of the stack while another CPU
 * compares it (there is no ABA problem).
 *
 * Objects in a magazine count as used, so their slabs are not concerned. If no magazine
 * is home, a CPU spills to slabs instead of sending. If no magazine has come, or other
 * CPUs keep taking them, a CPU takes objects from slabs instead of receiving. Only
 * hak_depot_flush() waits for the lock, in task context.
 *
 * If a CPU goes away, its magazines stay where they are and are received like any
 * other, because per-CPU memory outlives its CPU.
 */
#include <linux/align.h>
#include <linux/minmax.h>
#include <linux/nodemask.h>
#include <linux/prefetch.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "core.h"

/*
 * How often a receiver tries the lock: some 200 to 500 ns, after which a batch
 * from its own slab costs less than to wait longer (docs/scaling.md).
 */
#define HAK_DEPOT_TRIES		12

void hak_depot_init(struct hak_depot *d)
{
	raw_spin_lock_init(&d->lock);
	init_llist_head(&d->incoming);
}

/* Offset of the magazines in a per-CPU cache of @cap objects. */
size_t hak_magazine_offset(unsigned int cap)
{
	return ALIGN(offsetof(struct hak_cpu_cache, obj) +
		     max(cap, 1U) * sizeof(void *), 64);
}

/* Bytes of a magazine. */
size_t hak_magazine_bytes(unsigned int cap)
{
	return ALIGN(offsetof(struct hak_magazine, obj) +
		     (cap + 1) / 2 * sizeof(void *), 64);
}

static struct hak_magazine *hak_cpu_magazine(struct hak_cpu_cache *cc,
					     unsigned int i)
{
	return (void *)cc + hak_magazine_offset(cc->cap) +
	       i * hak_magazine_bytes(cc->cap);
}

/* Objects in those magazines of @cc that are not home, wherever they are. */
unsigned int hak_magazine_objects(struct hak_cpu_cache *cc)
{
	unsigned int i, n = 0;

	for (i = 0; i < cc->mags; i++) {
		struct hak_magazine *m = hak_cpu_magazine(cc, i);

		if (READ_ONCE(m->full))
			n += READ_ONCE(m->nr);
	}
	return n;
}

/**
 * hak_magazine_next() - the magazine that a CPU fills next
 * @cc: its per-CPU cache, busy
 *
 * Return: the magazine, which is home and the caller's to fill; NULL if it is under way.
 */
struct hak_magazine *hak_magazine_next(struct hak_cpu_cache *cc)
{
	struct hak_magazine *m;

	if (!cc->mags)
		return NULL;
	m = hak_cpu_magazine(cc, cc->sends % cc->mags);
	/* Pairs with the release in hak_magazine_release(). */
	if (smp_load_acquire(&m->full))
		return NULL;
	return m;
}

/**
 * hak_magazine_send() - send a magazine
 * @c: the cache
 * @cc: the per-CPU cache, busy
 * @m: what hak_magazine_next() gave, filled
 * @n: objects in it
 * @nid: the node whose CPUs are to receive it
 *
 * Context: preemption off.
 */
void hak_magazine_send(struct hak_cache *c, struct hak_cpu_cache *cc,
		       struct hak_magazine *m, unsigned int n, int nid)
{
	WRITE_ONCE(m->nr, n);
	WRITE_ONCE(m->full, 1);
	/* Ordered by llist_add()'s cmpxchg, pairs with hak_depot_take(). */
	llist_add(&m->link, &c->pool[nid]->depot.incoming);
	WRITE_ONCE(cc->sends, cc->sends + 1);
	hak_trim_kick();
	hak_trace(HAK_TR_SEND, c, 0, m, n);
}

/**
 * hak_depot_send() - send the older half of a full per-CPU cache
 * @c: the cache
 * @cc: the per-CPU cache, busy, with a batch of objects at least
 *
 * The objects are copied; the caller then moves the younger half over them.
 *
 * Context: preemption off.
 * Return: true if they were sent; false if the CPU's next magazine is not home, and
 * then nothing was done.
 */
bool hak_depot_send(struct hak_cache *c, struct hak_cpu_cache *cc)
{
	struct hak_magazine *m = hak_magazine_next(cc);
	unsigned int n = hak_cpu_batch(cc);

	if (!m)
		return false;
	hak_move_objects(m->obj, cc->obj, n);
	hak_magazine_send(c, cc, m, n, hak_node_near(numa_mem_id()));
	return true;
}

/*
 * Take a magazine off the depot; NULL if there is none. Those that have come since the lock's
 * holder last took all of them wait until these are used up. Of each lot the newest is first.
 */
static struct hak_magazine *hak_depot_take(struct hak_depot *d)
{
	struct llist_node *n;

	lockdep_assert_held(&d->lock);

	n = d->chain;
	if (!n)
		n = llist_del_all(&d->incoming);
	if (!n)
		return NULL;
	WRITE_ONCE(d->chain, n->next);
	return llist_entry(n, struct hak_magazine, link);
}

/* The caller has read all it needs of @m: send it home, where its CPU may fill it. */
static void hak_magazine_release(struct hak_magazine *m)
{
	/* Pairs with the acquire in hak_magazine_next(). */
	smp_store_release(&m->full, 0);
}

/*
 * The magazine on top was filled by another CPU, and the receiver is about to copy
 * it. A locked operation on the way there waits for the reads before it, so the
 * lines are asked for now and come while the lock does. If another receiver gets
 * the magazine, nothing is lost but that.
 */
static void hak_depot_prefetch(const struct hak_depot *d, size_t bytes)
{
	const void *top = READ_ONCE(d->chain) ?: READ_ONCE(d->incoming.first);
	size_t i;

	BUILD_BUG_ON(offsetof(struct hak_magazine, link));
	for (i = 0; i < bytes; i += 64)
		prefetch(top + i);
}

/*
 * Take the lock, if the depot has a magazine. False if it has none, or if other CPUs
 * hold the lock for longer than it tries.
 */
static bool hak_depot_trylock(struct hak_depot *d)
{
	unsigned int i;

	for (i = 0; i < HAK_DEPOT_TRIES && !hak_depot_empty(d); i++) {
		if (hak_trylock(&d->lock, HAK_LOCK_DEPOT))
			return true;
		cpu_relax();
	}
	return false;
}

/**
 * hak_depot_receive() - refill a per-CPU cache from a depot
 * @c: the cache
 * @cc: the per-CPU cache, busy and empty
 * @nid: the node
 *
 * It only tries the lock, for a short time. If other CPUs keep taking magazines, this
 * CPU uses its slab instead. So the lock's holder may have interrupts on.
 *
 * Context: any but NMI; preemption off.
 * Return: objects now in @cc; 0 if it got no magazine.
 */
unsigned int hak_depot_receive(struct hak_cache *c, struct hak_cpu_cache *cc,
			       int nid)
{
	struct hak_depot *d = &c->pool[nid]->depot;
	struct hak_magazine *m;
	unsigned int n;

	if (!cc->mags || hak_depot_empty(d))
		return 0;
	hak_depot_prefetch(d, hak_magazine_bytes(cc->cap));
	if (!hak_depot_trylock(d))
		return 0;
	m = hak_depot_take(d);
	if (m)
		WRITE_ONCE(d->received, d->received + 1);
	raw_spin_unlock(&d->lock);
	if (!m)
		return 0;

	n = m->nr;
	hak_move_objects(cc->obj, m->obj, n);
	hak_magazine_release(m);
	hak_cpu_set_nr(cc, n);
	hak_cpu_count(&cc->refills);
	hak_trim_kick();
	hak_trace(HAK_TR_RECEIVE, c, 0, m, n);
	return n;
}

/* Give the objects of a chain of magazines back to their slabs, and send them home. */
static void hak_depot_spill(struct hak_cache *c, struct llist_node *n)
{
	struct llist_node *next;

	for (; n; n = next) {
		struct hak_magazine *m = llist_entry(n, struct hak_magazine, link);

		/* When it is home, its CPU may send it again, and change the link. */
		next = n->next;
		preempt_disable();
		hak_cpu_spill(c, NULL, m->obj, m->nr);
		hak_magazine_release(m);
		preempt_enable();
		cond_resched();
	}
}

/**
 * hak_depot_flush() - give all objects in a depot back to their slabs
 * @c: the cache
 * @nid: the node
 *
 * It empties the magazines that are there when it begins. CPUs may send others as fast
 * as it spills these, and the caller holds hak_cache_mutex, so it leaves those alone.
 *
 * Context: task, may sleep.
 */
void hak_depot_flush(struct hak_cache *c, int nid)
{
	struct hak_depot *d = &c->pool[nid]->depot;
	struct llist_node *earlier, *late;
	unsigned long flags;

	if (hak_depot_empty(d))
		return;
	hak_lock(&d->lock, flags, HAK_LOCK_DEPOT);
	earlier = d->chain;
	WRITE_ONCE(d->chain, NULL);
	late = llist_del_all(&d->incoming);
	hak_unlock(&d->lock, flags);

	hak_depot_spill(c, earlier);
	hak_depot_spill(c, late);
}

static bool hak_depot_idle(struct hak_depot *d)
{
	unsigned long received = READ_ONCE(d->received);
	bool idle = received == d->seen;

	d->seen = received;
	return idle;
}

/**
 * hak_depot_trim() - flush the depots that no CPU has received from since the last call
 * @all: flush all other depots, too
 *
 * Context: task, may sleep.
 * Return: true if any depot had a magazine.
 */
bool hak_depot_trim(bool all)
{
	struct hak_cache *c;
	bool any = false;
	int nid;

	mutex_lock(&hak_cache_mutex);
	list_for_each_entry(c, &hak_caches, list) {
		for_each_node(nid) {
			struct hak_depot *d = &c->pool[nid]->depot;
			bool idle = hak_depot_idle(d);

			if (hak_depot_empty(d))
				continue;
			any = true;
			if (idle || all)
				hak_depot_flush(c, nid);
		}
	}
	mutex_unlock(&hak_cache_mutex);
	return any;
}
