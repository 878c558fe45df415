// SPDX-License-Identifier: GPL-2.0
/*
 * The outbox: how objects of other memory nodes get back to their nodes.
 *
 * If a CPU pushed each such object to its slab, each would cost two locked operations on
 * a cache line that CPUs of two nodes write. So the CPU collects a batch of them, of any
 * nodes. When the batch is complete, the CPU takes the objects of one node, that of the
 * oldest object, and sends them to that node's depot in one of its magazines. The objects
 * of other nodes stay. If the CPU frees to F other nodes equally often, a batch of B
 * objects becomes magazines of 2 * B / (F + 1) objects; docs/scaling.md has the sum.
 *
 * The oldest object decides. Otherwise an object of a node to which the CPU seldom frees
 * could stay for as long as the CPU is busy, and would keep its slab.
 *
 * In three cases objects go to their slabs instead, with one push for each slab: the
 * CPU's next magazine is not home; there are so few objects that a magazine would cost
 * more; or their node has no CPU to receive them.
 *
 * The outbox is a part of the per-CPU cache. It is there only if the machine may have
 * several nodes and fast_cap is not 0, and it is emptied whenever the cache is.
 * Interrupts that find the cache busy, and NMI, push to the slab.
 */
#include <linux/align.h>
#include <linux/minmax.h>
#include <linux/nodemask.h>

#include "core.h"
#include "fast_path.h"

/*
 * Fewer objects than this are not worth a magazine. The cache lines of the magazine and
 * of the depot, and the magazine's way home, cost as many transfers as two pushes.
 */
#define HAK_OUTBOX_LEAST	4U

/* Bytes of the outbox of a per-CPU cache of @cap objects: it holds a batch. */
size_t hak_outbox_bytes(unsigned int cap)
{
	return ALIGN(offsetof(struct hak_outbox, obj) +
		     (cap + 1) / 2 * sizeof(void *), 64);
}

/* The outbox of @cc, which has one: it lies behind the magazines. */
struct hak_outbox *hak_cpu_outbox(const struct hak_cpu_cache *cc)
{
	return (void *)cc + hak_magazine_offset(cc->cap) +
	       HAK_MAGAZINES * hak_magazine_bytes(cc->cap);
}

/* Objects in the outbox of @cc, if it has one. */
unsigned int hak_outbox_objects(const struct hak_cpu_cache *cc)
{
	return cc->outbox ? READ_ONCE(hak_cpu_outbox(cc)->nr) : 0;
}

/* The object in the outbox of @cc that was freed last; NULL if there is none. */
void *hak_outbox_last(const struct hak_cpu_cache *cc)
{
	unsigned int nr = hak_outbox_objects(cc);

	return nr ? hak_cpu_outbox(cc)->obj[nr - 1] : NULL;
}

/**
 * hak_outbox_flush() - give the objects of an outbox back to their slabs
 * @c: the cache
 * @cc: the per-CPU cache, busy, with an outbox; or its CPU is gone
 *
 * Context: preemption off.
 */
void hak_outbox_flush(struct hak_cache *c, struct hak_cpu_cache *cc)
{
	struct hak_outbox *o = hak_cpu_outbox(cc);

	if (!o->nr)
		return;
	hak_cpu_spill(c, cc, o->obj, o->nr);
	WRITE_ONCE(o->nr, 0);
}

/*
 * The memory node of @p. The registry has known the object's slab and only grows, so
 * there is an entry, and it keeps the node even after the slab is gone.
 */
static int hak_outbox_nid(const void *p)
{
	struct hak_entry *e = NULL;

	return hak_registry_find(p, &e) ? READ_ONCE(e->nid) :
					  hak_node_near(numa_mem_id());
}

/* Move the objects of node @nid to @to. The others stay, in their order. */
static unsigned int hak_outbox_take(struct hak_outbox *o, int nid, void **to)
{
	unsigned int i, n = 0, left = 0;

	for (i = 0; i < o->nr; i++) {
		void *p = o->obj[i];

		if (hak_outbox_nid(p) == nid)
			to[n++] = p;
		else
			o->obj[left++] = p;
	}
	WRITE_ONCE(o->nr, left);
	return n;
}

/* Make room in a full outbox: remove the objects of the oldest object's node. */
static void hak_outbox_make_room(struct hak_cache *c, struct hak_cpu_cache *cc,
				 struct hak_outbox *o)
{
	struct hak_magazine *m = hak_magazine_next(cc);
	int nid = hak_outbox_nid(o->obj[0]);
	unsigned int n;

	if (!m) {
		hak_outbox_flush(c, cc);
		return;
	}
	/* The magazine is home, so this CPU may fill it even if it does not send it. */
	n = hak_outbox_take(o, nid, m->obj);
	if (n >= min(HAK_OUTBOX_LEAST, hak_cpu_batch(cc)) && node_state(nid, N_CPU))
		hak_magazine_send(c, cc, m, n, nid);
	else
		hak_cpu_spill(c, cc, m->obj, n);
}

/**
 * hak_outbox_put() - free an object of another node
 * @c: its cache
 * @cc: the per-CPU cache, busy, with an outbox
 * @p: the object
 *
 * Context: any but NMI; preemption off.
 */
void hak_outbox_put(struct hak_cache *c, struct hak_cpu_cache *cc, void *p)
{
	struct hak_outbox *o = hak_cpu_outbox(cc);

	if (o->nr >= hak_cpu_batch(cc))
		hak_outbox_make_room(c, cc, o);
	o->obj[o->nr] = p;
	WRITE_ONCE(o->nr, o->nr + 1);
}

/*
 * Free @p, an object of another node whose address was checked, into the outbox of this
 * CPU's cache @cpu. Returns false, with nothing done, if hak_free_slow() has to free it.
 */
static bool hak_outbox_add(struct hak_cpu_cache __percpu *cpu, const void *p)
{
	struct hak_cpu_cache *cc = this_cpu_ptr(cpu);
	bool new;

	if (!hak_cpu_is_open(cc) || in_nmi())
		return false;
	hak_cpu_enter(cc);
	/* If @p is the object freed last, it is being freed twice. */
	new = hak_outbox_last(cc) != p;
	if (likely(new))
		hak_outbox_put(cc->cache, cc, (void *)p);
	hak_cpu_leave(cc);
	return new;
}

/**
 * hak_free_other_node() - free an object of a node that numa_mem_id() does not name
 * @want: the cache it must be of, or NULL
 * @p: the object, its address checked
 * @caller: return address of the caller
 * @e: its slab's entry
 *
 * If this CPU's own node has no memory, the objects of the nearest node come here, too.
 * They go into this CPU's cache.
 *
 * Context: any; preemption off, and on again at the end.
 */
void hak_free_other_node(const struct hak_cache *want, const void *p,
			 unsigned long caller, const struct hak_entry *e)
{
	struct hak_cpu_cache __percpu *cpu = READ_ONCE(e->cpu);
	bool done = false;

	if (!want || cpu == want->cpu) {
		if (!hak_is_other_node(READ_ONCE(e->nid))) {
			hak_free_full(want, p, caller, cpu);
			return;
		}
		done = hak_outbox_add(cpu, p);
	}
	preempt_enable();
	if (unlikely(!done))
		hak_free_slow(want, p, caller);
}

/**
 * hak_outbox_add_bulk() - free the first of many objects, if they are of other nodes
 * @want: the cache they must be of, or NULL
 * @n: how many there are
 * @p: the objects
 *
 * It stops at the first object that is of this CPU's node, or that hak_free_slow() has to
 * free.
 *
 * Context: any; the machine has several nodes.
 * Return: objects freed.
 */
unsigned int hak_outbox_add_bulk(const struct hak_cache *want, unsigned int n,
				 void **p)
{
	unsigned int i;

	n = min(n, HAK_BULK_BATCH);
	preempt_disable();
	for (i = 0; i < n; i++) {
		struct hak_cpu_cache __percpu *cpu;
		struct hak_entry *e = NULL;

		if (!hak_find_entry(p[i], &e) || !hak_is_other_node(READ_ONCE(e->nid)))
			break;
		cpu = READ_ONCE(e->cpu);
		if ((want && cpu != want->cpu) || !hak_outbox_add(cpu, p[i]))
			break;
	}
	preempt_enable();
	return i;
}
