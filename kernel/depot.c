// SPDX-License-Identifier: GPL-2.0
/*
 * The depot: how objects that one CPU frees reach another that allocates,
 * without either touching them.
 *
 * If a freed object were linked through itself into a list, its cache line would
 * move to the CPU that frees it and then, one after the other, to the CPU that
 * walks the list. A magazine is an array of pointers instead: five lines for a
 * batch of 32, whatever the size of the objects.
 *
 * What may run together on one magazine
 *
 *   send     its CPU, busy mark set, while it is home (@full is false)
 *   take     whoever holds the depot's lock
 *   release  whoever took it, once @obj has been copied
 *
 * A sender fills a magazine only while it is home, and it comes home only when
 * its taker is done with it. So nobody writes what another reads, an empty
 * magazine needs no list, and since only the lock's holder takes magazines off
 * the stack, none can come back to its top while somebody is comparing (there
 * is no ABA).
 *
 * Objects in a magazine count as used, so their slabs know nothing of all this.
 * Where a magazine cannot be sent or received at once, because none is home,
 * none has come, or other CPUs keep taking them, the objects go to or come
 * from slabs. Nobody waits for a lock but hak_depot_flush(), in task context.
 *
 * Magazines of a CPU that is gone stay where they are and are received like
 * any other: per-CPU memory outlives its CPU.
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

/* Where in a per-CPU cache of @cap objects the magazines begin. */
size_t hak_magazine_offset(unsigned int cap)
{
	return ALIGN(offsetof(struct hak_cpu_cache, obj) +
		     max(cap, 1U) * sizeof(void *), 64);
}

/* From one magazine to the next. */
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

/* Objects under way in the magazines of @cc, wherever those are. */
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
 * hak_depot_send() - send the older half of a full per-CPU cache
 * @c: the cache
 * @cc: the per-CPU cache, busy, with a batch of objects at least
 *
 * The objects stay in @cc->obj for the caller to move the others over them.
 *
 * Context: preemption off.
 * Return: false if no magazine of this CPU is home; nothing is done then.
 */
bool hak_depot_send(struct hak_cache *c, struct hak_cpu_cache *cc)
{
	int nid = hak_node_near(numa_mem_id());
	unsigned int n = hak_cpu_batch(cc);
	struct hak_magazine *m;

	if (!cc->mags)
		return false;
	m = hak_cpu_magazine(cc, cc->sends % cc->mags);
	/* Pairs with the release in hak_magazine_release(). */
	if (smp_load_acquire(&m->full))
		return false;

	memcpy(m->obj, cc->obj, n * sizeof(*m->obj));
	WRITE_ONCE(m->nr, n);
	WRITE_ONCE(m->full, 1);
	/* Ordered by llist_add()'s cmpxchg, pairs with hak_depot_take(). */
	llist_add(&m->link, &c->pool[nid]->depot.incoming);
	WRITE_ONCE(cc->sends, cc->sends + 1);
	hak_trim_kick();
	hak_trace(HAK_TR_SEND, NULL, m, n);
	return true;
}

/* The newest magazine, now the caller's; NULL if there is none. */
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

/* All that was to be read of @m has been read: its CPU may fill it again. */
static void hak_magazine_release(struct hak_magazine *m)
{
	/* Pairs with the acquire in hak_depot_send(). */
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

/* Is there a magazine, and the lock ours to take it? Tries for a short time. */
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
 * The lock is only tried, for a short time: if other CPUs keep taking magazines
 * this one has its slab. So the lock may be held with interrupts on.
 *
 * Context: any but NMI; preemption off.
 * Return: objects now in @cc; 0 if there are none to be had at once.
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
	memcpy(cc->obj, m->obj, n * sizeof(*m->obj));
	hak_magazine_release(m);
	WRITE_ONCE(cc->nr, n);
	cc->refills++;
	hak_trim_kick();
	hak_trace(HAK_TR_RECEIVE, NULL, m, n);
	return n;
}

/* Give the objects of these magazines back to the slabs, and the magazines home. */
static void hak_depot_spill(struct hak_cache *c, struct llist_node *n)
{
	struct llist_node *next;

	for (; n; n = next) {
		struct hak_magazine *m = llist_entry(n, struct hak_magazine, link);

		/* Once home, it may be on its way again. */
		next = n->next;
		preempt_disable();
		hak_cpu_spill(c, NULL, m->obj, m->nr);
		hak_magazine_release(m);
		preempt_enable();
		cond_resched();
	}
}

/**
 * hak_depot_flush() - give what is in a depot back to the slabs
 * @c: the cache
 * @nid: the node
 *
 * All that is there as it begins. CPUs may send as fast as it spills, and whoever
 * flushes holds hak_cache_mutex, so what comes meanwhile is left alone.
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
	u32 received = READ_ONCE(d->received);
	bool idle = received == d->seen;

	d->seen = received;
	return idle;
}

/**
 * hak_depot_trim() - flush the depots nobody has received from since last time
 * @all: flush the others, too
 *
 * Context: task, may sleep.
 * Return: true if magazines are left, or were there.
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
