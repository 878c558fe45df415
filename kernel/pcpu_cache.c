// SPDX-License-Identifier: GPL-2.0
/*
 * The per-CPU cache: refill from the slab this CPU owns, spill to the slabs
 * the objects came from. Fast paths are in fast_path.h.
 *
 * Nothing here calls the page allocator or SLUB with preemption off or the
 * busy mark set, so the caller's context is all those ever see.
 */
#include <linux/bitops.h>
#include <linux/minmax.h>
#include <linux/rculist.h>
#include <linux/string.h>

#include "core.h"
#include "fast_path.h"

/* Groups a spill gathers before it has to let one go. */
#define HAK_SPILL_GROUPS	16

/* The idle trim is off and wants to be started; only the module has one. */
int hak_trim_off;

u8 hak_cpu_left __read_mostly = HAK_CPU_READY;

/*
 * Let frees use the fast path, unless each has something to do that the fast path
 * has not, with init_on_free, or is to come by the slow way.
 */
static void hak_cpu_open(struct hak_cpu_cache *cc)
{
	if (!want_init_on_free() && hak_cpu_left == HAK_CPU_READY)
		cc->limit = cc->cap;
}

/*
 * The owner goes in by the slow way. If the cache was asleep, the idle trim has to look
 * at it again. A cache that woke while a mode was on is closed to frees, also when the
 * mode has gone off since, so it is opened here and not as it wakes.
 */
static void hak_cpu_wake(struct hak_cpu_cache *cc)
{
	bool asleep = hak_cpu_is_asleep(cc);

	hak_cpu_enter(cc);
	hak_cpu_open(cc);
	if (unlikely(asleep))
		hak_trim_kick();
}

/**
 * struct hak_spill_group - objects of one slab
 * @nr: the upper bits of their addresses, from HAK_SLAB_SHIFT on
 * @slab: the slab
 * @first: chain of their links
 * @last: its end
 * @n: objects in it
 */
struct hak_spill_group {
	unsigned long nr;
	struct hak_slab *slab;
	struct llist_node *first;
	struct llist_node *last;
	unsigned int n;
};

/* Give the objects of @g to their slab: to its freelist if it is this CPU's. */
static void hak_spill_group(struct hak_cpu_cache *cc, struct hak_spill_group *g)
{
	if (cc && g->slab == cc->cur) {
		hak_slab_give(g->slab, g->first, g->last, g->n);
		return;
	}
	hak_slab_push(g->slab, g->first, g->last, g->n);
	if (cc)
		cc->pushes++;
}

/*
 * Begin group @g with the object whose link is @node; if @used, the group that is
 * there goes to its slab first. False if the object's slab is gone.
 */
static noinline bool hak_spill_begin(struct hak_cpu_cache *cc,
				     struct hak_spill_group *g, bool used,
				     struct llist_node *node)
{
	if (used)
		hak_spill_group(cc, g);
	g->nr = (unsigned long)node >> HAK_SLAB_SHIFT;
	g->slab = hak_slab_of(node);
	g->first = node;
	g->last = node;
	g->n = 1;
	return g->slab;
}

/*
 * The slab of the objects from @obj on is gone, so more objects were freed than there
 * were. They are reported, and nothing is written into memory that is somebody else's.
 * Returns where the objects of another slab begin, @end at the latest.
 */
static noinline void **hak_spill_stray(struct hak_cache *c, void **obj, void **end)
{
	void **begin = obj;

	while (++obj != end && !(((unsigned long)*obj ^ (unsigned long)*begin) >>
				 HAK_SLAB_SHIFT))
		;
	hak_report_stray(c, *begin, obj - begin);
	return obj;
}

/*
 * Put the objects from @obj up to @end before the chain of @g, for as long as they
 * are of its slab. Four at a time: they are if none differs in the upper bits.
 * Returns where it stopped.
 */
static __always_inline void **hak_spill_run(struct hak_spill_group *g, u32 link,
					    void **obj, void **end)
{
	const unsigned long addr = g->nr << HAK_SLAB_SHIFT;
	struct llist_node *first = g->first;
	void **begin = obj, **four = obj + (end - obj) / 4 * 4;

	for (; obj != four; obj += 4) {
		struct llist_node *a = obj[0] + link, *b = obj[1] + link;
		struct llist_node *c = obj[2] + link, *d = obj[3] + link;

		if ((((unsigned long)a ^ addr) | ((unsigned long)b ^ addr) |
		     ((unsigned long)c ^ addr) | ((unsigned long)d ^ addr)) >=
		    HAK_SLAB_SIZE)
			break;
		a->next = first;
		b->next = a;
		c->next = b;
		d->next = c;
		first = d;
	}
	for (; obj != end; obj++) {
		struct llist_node *a = *obj + link;

		if (((unsigned long)a ^ addr) >= HAK_SLAB_SIZE)
			break;
		a->next = first;
		first = a;
	}
	g->first = first;
	g->n += obj - begin;
	return obj;
}

/**
 * hak_cpu_spill() - give objects back to the slabs they came from
 * @c: their cache
 * @cc: the per-CPU cache, busy; NULL for a caller that owns no slab
 * @obj: the objects
 * @n: how many
 *
 * The current slab's go to its freelist; all others, for this CPU does not own
 * their slabs, are pushed, one push a group. The groups are gathered in a small
 * direct-mapped table: when two slabs fall on one entry the earlier is pushed.
 */
void hak_cpu_spill(struct hak_cache *c, struct hak_cpu_cache *cc,
		   void **obj, unsigned int n)
{
	struct hak_spill_group group[HAK_SPILL_GROUPS] __uninitialized;
	unsigned long used = 0;	/* groups that are there */
	void **end = obj + n;
	const u32 link = c->link;

	while (obj != end) {
		struct llist_node *node = *obj++ + link;
		unsigned long nr = (unsigned long)node >> HAK_SLAB_SHIFT;
		unsigned int i = nr % HAK_SPILL_GROUPS;
		struct hak_spill_group *g = &group[i];

		if (used & BIT(i) && g->nr == nr) {
			node->next = g->first;
			g->first = node;
			g->n++;
		} else if (likely(hak_spill_begin(cc, g, used & BIT(i), node))) {
			used |= BIT(i);
		} else {
			used &= ~BIT(i);
			obj = hak_spill_stray(c, obj - 1, end);
			continue;
		}
		if (obj != end && ((unsigned long)*obj >> HAK_SLAB_SHIFT) == nr)
			obj = hak_spill_run(g, link, obj, end);
	}
	for (; used; used &= used - 1)
		hak_spill_group(cc, &group[__ffs(used)]);
	if (cc) {
		cc->spills++;
		hak_trim_kick();
	}
	hak_trace(HAK_TR_SPILL, c, 0, NULL, n);
}

/* Up to @want objects of @s, which this CPU owns. Returns how many. */
static unsigned int hak_cpu_take_current(struct hak_cache *c,
					 struct hak_cpu_cache *cc,
					 struct hak_slab *s, void **obj,
					 unsigned int want)
{
	unsigned int n;

	if (!llist_empty(&s->remote))
		cc->drains++;
	n = hak_slab_take(c, s, obj, want);
	if (n) {
		cc->refills++;
		hak_trim_kick();
		hak_trace(HAK_TR_REFILL, c, s->addr, NULL, n);
	}
	return n;
}

/*
 * Take up to @want objects from the slab this CPU owns, which is reached
 * directly; every other one with waiting frees is through the pool. Every round
 * either returns or lets a slab without objects go, except when a park fails,
 * and then there are objects to drain. Returns how many, 0 if the node has no
 * slab left.
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
			cc->cur = s;
			WRITE_ONCE(s->entry->home, hak_cpu_tag(cc));
		}
		n = hak_cpu_take_current(c, cc, s, obj, want);
		if (n)
			return n;
		if (hak_slab_park(s))
			cc->cur = NULL;
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
 * What another CPU has sent comes first, for it is in no slab; then what the slab
 * has that this CPU owns.
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
 * hak_cpu_take() - one object for this CPU
 * @c: the cache
 * @cc: its per-CPU cache, busy
 * @nid: as for hak_cpu_refill()
 *
 * Return: the object, or NULL if the node has no slab left.
 */
void *hak_cpu_take(struct hak_cache *c, struct hak_cpu_cache *cc, int nid)
{
	if (!cc->nr && !hak_cpu_refill(c, cc, nid))
		return NULL;
	return hak_cpu_pop_last(cc);
}

/*
 * Are these objects from slabs of another CPU? One stands for all: it is a
 * question of speed.
 */
static bool hak_cpu_foreign(const struct hak_cpu_cache *cc, const void *p)
{
	struct hak_entry *e = NULL;

	return hak_registry_find(p, &e) && READ_ONCE(e->home) != hak_cpu_tag(cc);
}

/*
 * Get rid of the older half of a full cache. If the objects came from another
 * CPU they are sent where CPUs look that allocate; if they are this CPU's own,
 * or cannot be sent, they are spilled, so that what is only used here neither
 * leaves nor keeps slabs from becoming whole.
 */
void hak_cpu_make_room(struct hak_cache *c, struct hak_cpu_cache *cc)
{
	unsigned int n = hak_cpu_batch(cc);

	if (!hak_cpu_foreign(cc, cc->obj[0]) || !hak_depot_send(c, cc))
		hak_cpu_spill(c, cc, cc->obj, n);
	hak_cpu_set_nr(cc, cc->nr - n);
	hak_move_objects(cc->obj, cc->obj + n, cc->nr);
}

/**
 * hak_cpu_put() - take one object back
 * @c: its cache
 * @cc: the per-CPU cache, busy
 * @s: its slab
 * @p: the object
 *
 * With the cache off the object goes to its slab.
 */
void hak_cpu_put(struct hak_cache *c, struct hak_cpu_cache *cc,
		 struct hak_slab *s, void *p)
{
	if (!cc->cap) {
		struct llist_node *link = hak_to_link(c, p);
		struct hak_spill_group g = {
			.slab = s, .first = link, .last = link, .n = 1,
		};

		hak_spill_group(cc, &g);
		return;
	}
	if (cc->nr >= cc->cap)
		hak_cpu_make_room(c, cc);
	hak_cpu_push_last(cc, p);
}

/*
 * paranoid_drain: take in what waits on every slab this CPU owns. Preemption is
 * off, so no cache goes away meanwhile.
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
			cc->drains++;
		hak_cpu_leave(cc);
	}
	rcu_read_unlock();
}

/*
 * One try for @nid, NUMA_NO_NODE being the node of whatever CPU this is; @nested: the
 * owner, or something above it, was inside.
 *
 * A caller that names a node may have been moved to another CPU since it looked.
 * It is harmless: this CPU then owns a slab of a node that is not its own until
 * that is used up, as it does when its own node has no memory. The objects stay
 * usable, and when they are freed they go to the node they are of.
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

/* Likewise; objects that a constructor has to make first are made now. */
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
 * The local node has neither slab nor pages: look on the others, nearest first
 * and as far as the caller may use them. The superslabs they have are used up
 * before one of them is asked for another.
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
	for (pos = 0; (nid = hak_node_next(local, &pos)) != NUMA_NO_NODE;)
		if (nid != local && hak_superslab_grow(nid, gfp) >= 0)
			return hak_cpu_try(c, nid, nested);
	return NULL;
}

/*
 * Is there no slab to be had anyway, so that SLUB may as well be asked at once?
 * A short cut for memory in crumbs, where every allocation comes here. It may
 * lead past an object that has just become available, which the next finds.
 */
static bool hak_cpu_barren(struct hak_cache *c)
{
	const struct hak_cpu_cache *cc = raw_cpu_ptr(c->cpu);

	/* Where caches are HAK_CPU_WATCHED it comes here with objects cached. */
	return !hak_has_nodes() && !hak_cpu_objects(cc) && !READ_ONCE(cc->cur) &&
	       hak_node_barren(c, numa_mem_id());
}

/*
 * The commonest of what is slow: the cache is ready and empty, nobody has sent
 * objects, and the slab this CPU owns has some. NULL if it is not that.
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
	s = cc->cur;
	if (likely(s && !cc->nr && hak_depot_empty(&c->pool[s->nid]->depot)))
		hak_cpu_set_nr(cc, hak_cpu_take_current(c, cc, s, cc->obj,
							max(hak_cpu_batch(cc), 1U)));
	if (likely(cc->nr))
		p = hak_cpu_pop_last(cc);
	hak_cpu_leave(cc);
out:
	preempt_enable();
	return p;
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
	int nid;
	bool nested;
	void *p;

	p = hak_cpu_refill_quick(c);
	if (likely(p))
		return hak_init_on_alloc(c, p, gfp);
	if (unlikely(hak_cache_is_slubs(c)))
		return hak_fallback_object(c, gfp, NUMA_NO_NODE, HAK_EV_FOREIGN);
	if (hak_cpu_barren(c))
		return hak_fallback_object(c, gfp, NUMA_NO_NODE, HAK_EV_NOMEM);
	p = hak_cpu_try(c, NUMA_NO_NODE, &nested);
	if (!p && !nested && hak_may_call_mm()) {
		nid = hak_node_near(numa_mem_id());
		if (hak_superslab_grow(nid, gfp) >= 0)
			p = hak_cpu_try(c, nid, &nested);
		if (!p && !nested)
			p = hak_cpu_try_remote(c, gfp, nid, &nested);
	}
	if (likely(p)) {
		hak_trace(HAK_TR_ALLOC, c, 0, p, 1);
		return hak_init_on_alloc(c, p, gfp);
	}
	return hak_fallback_object(c, gfp, NUMA_NO_NODE,
				   nested ? HAK_EV_NESTED : HAK_EV_NOMEM);
}

/**
 * hak_cpu_free() - free an object, whatever is special about it
 * @c: the cache
 * @s: the object's slab
 * @p: the object
 *
 * In NMI and inside the owner's busy section the free only pushes. An object of
 * another memory node goes to the outbox.
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
	if (cc->outbox && hak_is_away(s->nid))
		hak_outbox_put(c, cc, p);
	else
		hak_cpu_put(c, cc, s, p);
	hak_cpu_leave(cc);
}

/**
 * hak_cpu_add_full() - free an object into a per-CPU cache that may be full
 * @cpu: the per-CPU caches of its cache
 * @p: the object, its address checked
 *
 * Context: any; preemption off.
 * Return: false if it is not that simple, with nothing done.
 */
bool hak_cpu_add_full(struct hak_cpu_cache __percpu *cpu, const void *p)
{
	struct hak_cpu_cache *cc = this_cpu_ptr(cpu);
	bool new;

	if (!hak_cpu_is_ready(cc) || !cc->limit || in_nmi())
		return false;
	hak_cpu_enter(cc);
	/* What was the last to be freed is not freed again. */
	new = hak_cpu_last(cc, cc->nr) != p;
	if (likely(new)) {
		if (cc->nr >= cc->cap)
			hak_cpu_make_room(cc->cache, cc);
		hak_cpu_push_last(cc, p);
	}
	hak_cpu_leave(cc);
	return new;
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
	cc->cur = NULL;
	if (!s)
		return;
	/* With something to give it is to be found, else only once it has. */
	if (s->freelist || s->drained || s->bump < c->capacity ||
	    !hak_slab_park(s))
		hak_pool_put(s, HAK_OWNED);
}

/*
 * Objects of @size bytes a CPU keeps: fast_cap of them up to HAK_MAX_SIZE, and
 * above that as many as take no more memory, but one unless the cache is off.
 */
unsigned int hak_cpu_cap(u32 size)
{
	if (size <= HAK_MAX_SIZE || !hak_fast_cap)
		return hak_fast_cap;
	return max(hak_fast_cap * HAK_MAX_SIZE / size, 1U);
}

/*
 * Bytes of a per-CPU cache that holds @cap objects, with its magazines and, on a
 * machine of several nodes, its outbox; never without room for one object.
 */
size_t hak_cpu_cache_bytes(unsigned int cap)
{
	size_t bytes = hak_magazine_offset(cap);

	if (!cap)
		return bytes;
	bytes += HAK_MAGAZINES * hak_magazine_bytes(cap);
	return hak_has_nodes() ? bytes + hak_outbox_bytes(cap) : bytes;
}

/* A fresh per-CPU cache is busy: its CPU is not up, as far as it knows. */
void hak_cpu_cache_init(struct hak_cpu_cache *cc, struct hak_cache *c,
			unsigned int cap, unsigned int mags)
{
	cc->mark = HAK_CPU_INSIDE;
	cc->mags = cap ? mags : 0;
	cc->outbox = cap && hak_has_nodes();
	cc->cap = cap;
	cc->cache = c;
}
