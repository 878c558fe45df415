// SPDX-License-Identifier: GPL-2.0
/*
 * The per-CPU cache: how it gets objects when it is empty, and all operations on it
 * that the fast paths (fast_path.h) leave. What happens when it is full is in spill.c.
 *
 * No function here calls the page allocator or SLUB while it has disabled preemption or
 * set the busy mark. So they are called in the context of the caller of hakmem.
 */
#include <linux/instruction_pointer.h>
#include <linux/minmax.h>
#include <linux/rculist.h>

#include "core.h"
#include "fast_path.h"
#include "uncached.h"

/*
 * True while the idle trim has stopped, so that the next refill or spill has to start
 * it. The userspace build has no idle trim, so there it stays 0.
 */
int hak_trim_stopped;

u8 hak_cpu_awake_mark __read_mostly = HAK_CPU_READY;

/*
 * Let frees use the fast path. With init_on_free they cannot, since the fast path does
 * not zero objects. With trace_ring and paranoid_drain they must not, since it neither
 * traces nor drains.
 */
static void hak_cpu_open(struct hak_cpu_cache *cc)
{
	if (!want_init_on_free() && READ_ONCE(hak_cpu_awake_mark) == HAK_CPU_READY)
		WRITE_ONCE(cc->limit, cc->cap);
}

/*
 * The owner begins to use the cache by a slow path. If the cache was asleep, the idle
 * trim has to look at it again. Not only the slow path that wakes the cache opens it: if
 * the cache woke while a mode was on, it is still closed to frees when the mode is off again.
 */
static void hak_cpu_wake(struct hak_cpu_cache *cc)
{
	bool asleep = hak_cpu_is_asleep(cc);

	hak_cpu_enter(cc);
	hak_cpu_open(cc);
	if (unlikely(asleep))
		hak_trim_kick();
}

/* Take up to @want objects from @s, which this CPU owns. Returns how many it got. */
static __always_inline unsigned int
hak_cpu_take_current(struct hak_cache *c, struct hak_cpu_cache *cc,
		     struct hak_slab *s, void **obj, unsigned int want)
{
	bool waiting = !llist_empty(&s->remote);
	unsigned int n;

	n = hak_slab_take(c, s, obj, want);
	/* If a free has come meanwhile, a drain is not seen, and not counted. */
	if (waiting && llist_empty(&s->remote))
		hak_cpu_count(&cc->drains);
	if (n) {
		hak_cpu_count(&cc->refills);
		hak_trim_kick();
		hak_trace(HAK_TR_REFILL, c, s->addr, NULL, n);
	}
	return n;
}

/*
 * Take up to @want objects from the slab that this CPU owns. If that has none, park it
 * and get another. A park fails if a free has arrived meanwhile; then the slab has
 * objects after all, and the next round takes them. Returns how many objects it got, 0
 * if the node has no slab left.
 */
unsigned int hak_cpu_take_from_slab(struct hak_cache *c,
				    struct hak_cpu_cache *cc, int nid,
				    void **obj, unsigned int want)
{
	unsigned int n;

	for (;;) {
		struct hak_slab *s = cc->cur;

		if (!s) {
			s = hak_slab_get(c, nid);
			if (!s)
				return 0;
			WRITE_ONCE(cc->cur, s);
			/* If its metadata are broken, its entry may be, too. It is let go below. */
			if (likely(!c->checks) || hak_check_slab(c, s))
				WRITE_ONCE(s->entry->owner_tag, hak_cpu_tag(cc));
		}
		n = hak_cpu_take_current(c, cc, s, obj, want);
		if (n)
			return n;
		if (hak_slab_park(s))
			WRITE_ONCE(cc->cur, NULL);
		else
			hak_count(HAK_EV_KEPT);
	}
}

/**
 * hak_cpu_refill() - get a batch of objects
 * @c: the cache
 * @cc: its per-CPU cache, busy and empty
 * @nid: node to adopt or claim a slab on when there is none
 *
 * If another CPU has sent a magazine, its objects are used first, because no slab
 * can hand them out. Otherwise the objects come from the slab that this CPU owns.
 *
 * Return: objects now in @cc; 0 if the node has no slab left.
 */
unsigned int hak_cpu_refill(struct hak_cache *c, struct hak_cpu_cache *cc,
			    int nid)
{
	unsigned int n;

	if (hak_depot_receive(c, cc, nid))
		return cc->nr;
	n = hak_cpu_take_from_slab(c, cc, nid, cc->obj, max(hak_cpu_batch(cc), 1U));
	hak_cpu_set_nr(cc, n);
	return n;
}

/**
 * hak_cpu_take_uncached() - one object of this CPU's slab while the cache is off (fast_cap=0)
 * @c: the cache
 * @cc: its per-CPU cache, busy
 *
 * Objects are taken in the order in which hak_slab_take() takes them.
 *
 * Return: the object; NULL if this CPU has no slab, or the slab has none left or is
 * broken, or if the cache is not off, or its @direct is not set. Then hak_cpu_refill() does
 * the work.
 */
void *hak_cpu_take_uncached(struct hak_cache *c, struct hak_cpu_cache *cc)
{
	struct hak_slab *s = cc->cur;
	void *p = NULL;

	if (unlikely(!cc->direct) || unlikely(!s) || unlikely(cc->nr))
		return NULL;
	if (!s->freelist && !s->drained && hak_slab_drain(c, s))
		hak_cpu_count(&cc->drains);
	if (!s->freelist) {
		/* So the next objects are taken by hak_cpu_take_direct(). */
		s->freelist = s->drained;
		s->drained = NULL;
	}
	if (s->freelist ? !hak_slab_take_one(s, &p) : !hak_slab_carve_one(c, s, &p))
		return NULL;
	hak_cpu_count(&cc->refills);
	hak_trim_kick();
	hak_trace(HAK_TR_REFILL, c, s->addr, NULL, 1);
	return p;
}

/**
 * hak_cpu_take() - one object for this CPU
 * @c: the cache
 * @cc: its per-CPU cache, busy
 * @nid: as for hak_cpu_refill()
 *
 * Return: the object, or NULL if the node has no slab left.
 */
void *hak_cpu_take(struct hak_cache *c, struct hak_cpu_cache *cc, int nid)
{
	void *p = cc->cap ? NULL : hak_cpu_take_uncached(c, cc);

	if (p)
		return p;
	if (!cc->nr && !hak_cpu_refill(c, cc, nid))
		return NULL;
	return hak_cpu_pop_last(cc);
}

/**
 * hak_cpu_put() - take one object back
 * @c: its cache
 * @cc: the per-CPU cache, busy
 * @s: its slab
 * @p: the object
 *
 * If the cache is off (fast_cap=0), the object goes to its slab.
 */
void hak_cpu_put(struct hak_cache *c, struct hak_cpu_cache *cc,
		 struct hak_slab *s, void *p)
{
	if (!cc->cap) {
		struct llist_node *link = hak_to_link(c, p);

		hak_cpu_give(cc, s, link, link, 1);
		return;
	}
	if (cc->nr >= cc->cap)
		hak_cpu_make_room(c, cc);
	hak_cpu_push_last(cc, p);
}

/*
 * With paranoid_drain: drain every slab that this CPU owns. The caller has preemption
 * off, so no cache is freed meanwhile.
 */
static void hak_cpu_drain_all(void)
{
	struct hak_cache *c;

	rcu_read_lock();
	list_for_each_entry_rcu(c, &hak_caches, list) {
		struct hak_cpu_cache *cc = this_cpu_ptr(c->cpu);

		if (!hak_cpu_is_awake(cc))
			continue;
		hak_cpu_enter(cc);
		if (cc->cur && hak_slab_drain(c, cc->cur))
			hak_cpu_count(&cc->drains);
		hak_cpu_leave(cc);
	}
	rcu_read_unlock();
}

/*
 * Try once to allocate an object of @c, from a slab of @nid if one is needed.
 * NUMA_NO_NODE stands for the node of this CPU. If the owner was inside the cache, or
 * this is an NMI, *@nested is set, and nothing is allocated.
 *
 * If the caller names a node, it may have been moved to another CPU since it chose
 * that. Then this CPU owns a slab of a node that is not its own until the slab is used
 * up, as it does when its own node has no memory. That is harmless: when the objects
 * are freed, they go to the node they are of.
 */
static void *hak_cpu_try_once(struct hak_cache *c, int nid, bool *nested)
{
	struct hak_cpu_cache *cc;
	void *p = NULL;

	preempt_disable();
	if (hak_paranoid_drain)
		hak_cpu_drain_all();
	cc = this_cpu_ptr(c->cpu);
	*nested = in_nmi() || hak_cpu_inside(cc);
	if (!*nested) {
		if (nid == NUMA_NO_NODE)
			nid = hak_node_near(numa_mem_id());
		hak_cpu_wake(cc);
		p = hak_cpu_take(c, cc, nid);
		hak_cpu_leave(cc);
	}
	preempt_enable();
	return p;
}

/*
 * hak_cpu_try_once(), and if the cache has a constructor and no objects are left, make
 * objects and try again.
 */
static void *hak_cpu_try(struct hak_cache *c, int nid, bool *nested)
{
	void *p = hak_cpu_try_once(c, nid, nested);

	if (p || *nested || !c->ctor)
		return p;
	if (nid == NUMA_NO_NODE)
		nid = hak_node_near(numa_mem_id());
	return hak_slab_construct(c, nid) ? hak_cpu_try_once(c, nid, nested) : NULL;
}

/*
 * Have the node get a superslab, and allocate from that. If CPUs allocate at the same
 * time, each gets a superslab of one slab, and another CPU may claim it first. So this
 * tries again, but not for ever.
 */
static void *hak_cpu_grow_and_try(struct hak_cache *c, gfp_t gfp, int nid, bool *nested)
{
	unsigned int tries;
	void *p = NULL;

	for (tries = 0; !p && !*nested && tries < HAK_GROW_TRIES; tries++) {
		if (hak_superslab_grow(nid, gfp) < 0)
			break;
		p = hak_cpu_try(c, nid, nested);
	}
	return p;
}

/*
 * Allocate from another node, because the local one has neither a slab nor pages. The
 * nearest node comes first, and nodes that the caller may not use are left out. Each
 * node's superslabs are tried before any node is asked for a new one.
 */
static void *hak_cpu_try_remote(struct hak_cache *c, gfp_t gfp, int local,
				bool *nested)
{
	unsigned int pos;
	void *p;
	int nid;

	if (!hak_has_nodes() || (gfp & __GFP_THISNODE))
		return NULL;

	for (pos = 0; (nid = hak_node_next(local, &pos)) != NUMA_NO_NODE;) {
		if (nid == local || !hak_node_allowed(nid))
			continue;
		p = hak_cpu_try(c, nid, nested);
		if (p || *nested)
			return p;
	}
	for (pos = 0; (nid = hak_node_next(local, &pos)) != NUMA_NO_NODE;) {
		if (nid == local)
			continue;
		p = hak_cpu_grow_and_try(c, gfp, nid, nested);
		if (p || *nested)
			return p;
	}
	return NULL;
}

/*
 * Is it certain that no slab can be had, so that SLUB can be asked at once? This saves
 * work while free memory is in pieces too small for a slab, since then every allocation
 * comes here. The answer may miss an object that has just been freed; the next
 * allocation finds it.
 */
static bool hak_cpu_barren(struct hak_cache *c)
{
	const struct hak_cpu_cache *cc = raw_cpu_ptr(c->cpu);

	/* If the cache is HAK_CPU_SLOW_ONLY, it may hold objects here. */
	return !hak_has_nodes() && !hak_cpu_objects(cc) && !READ_ONCE(cc->cur) &&
	       hak_node_barren(c, numa_mem_id());
}

/*
 * The most common of the slow cases: the cache is ready and empty, no CPU has sent
 * objects, and the slab that this CPU owns has some. Returns NULL in any other case.
 */
static void *hak_cpu_refill_quick(struct hak_cache *c)
{
	struct hak_cpu_cache *cc;
	struct hak_slab *s;
	void *p = NULL;

	preempt_disable();
	cc = this_cpu_ptr(c->cpu);
	if (unlikely(!hak_cpu_is_ready(cc) || in_nmi()))
		goto out;
	hak_cpu_enter(cc);
	if (unlikely(!cc->cap)) {
		p = hak_cpu_take_uncached(c, cc);
		if (p)
			goto leave;
	}
	s = cc->cur;
	if (likely(s && !cc->nr && hak_depot_empty(&c->pool[s->nid]->depot)))
		hak_cpu_set_nr(cc, hak_cpu_take_current(c, cc, s, cc->obj,
							max(hak_cpu_batch(cc), 1U)));
	if (likely(cc->nr))
		p = hak_cpu_pop_last(cc);
leave:
	hak_cpu_leave(cc);
out:
	preempt_enable();
	return p;
}

/*
 * An object from wherever hakmem has one; NULL if SLUB has to serve it, and *@why is then
 * what that counts as.
 */
void *hak_cpu_find(struct hak_cache *c, gfp_t gfp, enum hak_event *why)
{
	bool nested;
	void *p;
	int nid;

	*why = HAK_EV_FOREIGN;
	if (unlikely(hak_cache_is_slub_only(c)))
		return NULL;
	*why = HAK_EV_NOMEM;
	if (hak_cpu_barren(c))
		return NULL;
	p = hak_cpu_try(c, NUMA_NO_NODE, &nested);
	if (!p && !nested && hak_may_call_mm()) {
		nid = hak_node_near(numa_mem_id());
		p = hak_cpu_grow_and_try(c, gfp, nid, &nested);
		if (!p && !nested)
			p = hak_cpu_try_remote(c, gfp, nid, &nested);
	}
	if (nested)
		*why = HAK_EV_NESTED;
	return p;
}

/* All cases of hak_cpu_alloc_slow() that hak_cpu_refill_quick() leaves. */
static noinline void *hak_cpu_alloc_other(struct hak_cache *c, gfp_t gfp)
{
	enum hak_event why;
	void *p;

	p = hak_cpu_find(c, gfp, &why);
	if (unlikely(!p))
		return hak_fallback_object(c, gfp, NUMA_NO_NODE, why);
	hak_trace(HAK_TR_ALLOC, c, 0, p, 1);
	return hak_init_on_alloc(c, p, gfp);
}

/*
 * hak_cpu_alloc_slow() for a cache that is not checked. It is a function of its own, so
 * that the others need not save the registers that it uses.
 */
static noinline void *hak_cpu_alloc_refill(struct hak_cache *c, gfp_t gfp)
{
	void *p = hak_cpu_refill_quick(c);

	if (likely(p))
		return hak_init_on_alloc(c, p, gfp);
	return hak_cpu_alloc_other(c, gfp);
}

/**
 * hak_cpu_alloc_slow() - allocate when the per-CPU cache has nothing
 * @c: the cache
 * @gfp: the caller's flags
 *
 * Return: as for hak_alloc().
 */
void *hak_cpu_alloc_slow(struct hak_cache *c, gfp_t gfp)
{
	might_alloc(gfp);
	if (hak_is_hardened())
		return hak_harden_alloc(c, gfp, _RET_IP_);
	if (unlikely(c->checks))
		return hak_cpu_alloc_checked(c, gfp, _RET_IP_);
	return hak_cpu_alloc_refill(c, gfp);
}

/**
 * hak_cpu_free() - free an object, whatever is special about it
 * @c: the cache
 * @s: the object's slab
 * @p: the object
 *
 * In an NMI, and in an interrupt that came while the owner was inside the cache, the
 * object is pushed to its slab. An object of another node goes to the outbox.
 *
 * Context: any; preemption off.
 */
void hak_cpu_free(struct hak_cache *c, struct hak_slab *s, void *p)
{
	struct hak_cpu_cache *cc = this_cpu_ptr(c->cpu);
	struct llist_node *link = hak_to_link(c, p);

	hak_trace(HAK_TR_FREE, c, s->addr, p, 1);
	if (in_nmi() || hak_cpu_inside(cc)) {
		hak_count(HAK_EV_PUSHED);
		hak_slab_push(s, link, link, 1);
		return;
	}
	if (hak_paranoid_drain)
		hak_cpu_drain_all();
	hak_cpu_wake(cc);
	if (cc->outbox && hak_is_other_node(s->nid))
		hak_outbox_put(c, cc, p);
	else
		hak_cpu_put(c, cc, s, p);
	hak_cpu_leave(cc);
}

/**
 * hak_cpu_flush() - empty a per-CPU cache and let its slab go
 * @c: the cache
 * @cc: the per-CPU cache; the caller owns it, or its CPU is gone
 */
void hak_cpu_flush(struct hak_cache *c, struct hak_cpu_cache *cc)
{
	struct hak_slab *s;

	if (cc->outbox)
		hak_outbox_flush(c, cc);
	if (cc->nr)
		hak_cpu_spill(c, cc, cc->obj, cc->nr);
	hak_cpu_set_nr(cc, 0);
	s = cc->cur;
	WRITE_ONCE(cc->cur, NULL);
	if (s)
		hak_slab_leave(s);
}

/*
 * How many objects of @size bytes a CPU keeps. Up to HAK_MAX_SIZE it is fast_cap. Above
 * that it is as many as take no more memory than fast_cap of HAK_MAX_SIZE do, and at
 * least one unless fast_cap is 0.
 */
unsigned int hak_cpu_cap(u32 size)
{
	if (size <= HAK_MAX_SIZE || !hak_fast_cap)
		return hak_fast_cap;
	return max(hak_fast_cap * HAK_MAX_SIZE / size, 1U);
}

/*
 * Bytes of a per-CPU cache for @cap objects, its magazines and, on a machine of several
 * nodes, its outbox. There is room for one object even if @cap is 0.
 */
size_t hak_cpu_cache_bytes(unsigned int cap)
{
	size_t bytes = hak_magazine_offset(cap);

	if (!cap)
		return bytes;
	bytes += HAK_MAGAZINES * hak_magazine_bytes(cap);
	return hak_has_nodes() ? bytes + hak_outbox_bytes(cap) : bytes;
}

/*
 * Initialise a per-CPU cache, which is zeroed. Its mark says HAK_CPU_CLOSED until the
 * CPU is noted as up.
 */
void hak_cpu_cache_init(struct hak_cpu_cache *cc, struct hak_cache *c,
			unsigned int cap, unsigned int mags)
{
	cc->mark = HAK_CPU_CLOSED;
	cc->mags = cap ? mags : 0;
	/* The cache of a hardened module is a checked one. */
	cc->direct = !cap && !c->checks && !c->link && !want_init_on_free();
	cc->outbox = cap && hak_has_nodes();
	cc->cap = cap;
	cc->cache = c;
}
