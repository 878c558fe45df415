// SPDX-License-Identifier: GPL-2.0
/*
 * The trace ring. It has many writers in any context, and its readers may be
 * crash handlers. A reader accepts an entry if its number is the same before and
 * after it was read.
 *
 * An entry has one writer at a time. If a writer is held up while others fill the
 * rest of the ring, the writer that comes to its entry next drops its own event.
 * If the entry already has a later event, the writer that was held up drops its
 * event.
 */
#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/sched/clock.h>
#include <linux/smp.h>

#include "core.h"

#define HAK_RING_ENTRIES	4096

static struct hak_trace_event *hak_ring;
static atomic64_t hak_ring_head;

/* Bit in hak_trace_event.seq: the entry is being written. */
#define HAK_RING_BUSY		BIT_ULL(63)

/* Become the writer of entry @e, for event @seq. False if another writer has it. */
static bool hak_ring_claim(struct hak_trace_event *e, u64 seq)
{
	u64 old = READ_ONCE(e->seq);

	/*
	 * A full barrier: a reader that sees any field of the new event also sees
	 * that the entry is busy.
	 */
	return old < seq && cmpxchg(&e->seq, old, seq | HAK_RING_BUSY) == old;
}

/* Write an event into the ring, unless the ring is off. */
void hak_ring_write(enum hak_trace_what what, const struct hak_cache *c,
		    unsigned long slab, const void *obj, unsigned int n)
{
	struct hak_trace_event *e;
	u64 seq;

	if (!hak_ring)
		return;
	seq = atomic64_inc_return(&hak_ring_head);
	e = &hak_ring[seq % HAK_RING_ENTRIES];
	if (unlikely(!hak_ring_claim(e, seq)))
		return;
	WRITE_ONCE(e->ns, local_clock());
	WRITE_ONCE(e->slab, slab);
	WRITE_ONCE(e->obj, (unsigned long)obj);
	WRITE_ONCE(e->what, what);
	WRITE_ONCE(e->size, c ? c->size : 0);
	WRITE_ONCE(e->cpu, raw_smp_processor_id());
	WRITE_ONCE(e->n, n);
	/* Pairs with smp_load_acquire() in hak_trace_next(). */
	smp_store_release(&e->seq, seq);
}

/**
 * hak_trace_next() - read the next event of the ring, oldest first
 * @it: the position. Set it to zero to begin; set @it->end to zero to continue
 *	when there may be further events
 * @ev: filled in
 *
 * Events that were overwritten meanwhile, and events that were dropped, are
 * skipped.
 *
 * Context: any, a crash handler included. Takes no lock.
 * Return: false at the end, or when the ring is off.
 */
bool hak_trace_next(struct hak_trace_iter *it, struct hak_trace_event *ev)
{
	if (!hak_ring)
		return false;

	if (!it->end) {
		it->end = atomic64_read(&hak_ring_head) + 1;
		it->next = max(it->next, it->end > HAK_RING_ENTRIES ?
					 it->end - HAK_RING_ENTRIES : 1);
	}
	for (; it->next < it->end; it->next++) {
		struct hak_trace_event *e = &hak_ring[it->next % HAK_RING_ENTRIES];

		/* Pairs with smp_store_release() in hak_ring_write(). */
		if (smp_load_acquire(&e->seq) != it->next)
			continue;
		ev->seq = it->next;
		ev->ns = READ_ONCE(e->ns);
		ev->slab = READ_ONCE(e->slab);
		ev->obj = READ_ONCE(e->obj);
		ev->what = READ_ONCE(e->what);
		ev->size = READ_ONCE(e->size);
		ev->cpu = READ_ONCE(e->cpu);
		ev->n = READ_ONCE(e->n);
		smp_rmb(); /* read the fields before the number again; pairs with cmpxchg() */
		if (READ_ONCE(e->seq) != it->next || ev->what >= HAK_NR_TRACE)
			continue;
		it->next++;
		return true;
	}
	return false;
}

int hak_trace_init(void)
{
	if (!hak_trace_ring)
		return 0;

	hak_ring = kvcalloc(HAK_RING_ENTRIES, sizeof(*hak_ring), GFP_KERNEL);
	if (!hak_ring)
		return -ENOMEM;
	return hak_trace_get();
}

void hak_trace_exit(void)
{
	if (!hak_ring)
		return;

	hak_trace_put();
	kvfree(hak_ring);
	hak_ring = NULL;
}
