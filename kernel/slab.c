// SPDX-License-Identifier: GPL-2.0
/*
 * Slabs: 64 KiB of objects of one cache. The slab's owner takes objects from the
 * freelist, from the list it drained, and from never-used space. All other CPUs push
 * freed objects onto the remote list. core.h has the table of what may run together.
 */
#include <linux/bitmap.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "core.h"

#define HAK_MAX_CAPACITY	(HAK_SLAB_SIZE / HAK_MIN_SIZE)

/**
 * hak_slab_init() - make an unused slot a slab of a cache, owned by the caller
 * @s: the slot's metadata; no other CPU can find it yet
 * @c: the cache
 */
void hak_slab_init(struct hak_slab *s, struct hak_cache *c)
{
	s->freelist = NULL;
	s->drained = NULL;
	WRITE_ONCE(s->bump, 0);
	s->broken = false;
	WRITE_ONCE(s->taken, 0);
	init_llist_head(&s->remote);
	if (unlikely(c->checks))
		hak_check_slab_init(c, s);
	WRITE_ONCE(s->cache, c);
	atomic_inc(&c->nr_slabs);
	/*
	 * Pairs with the acquire in hak_looks_stranded(): a reader that sees the
	 * state sees the cache.
	 */
	atomic_set_release(&s->rc, HAK_OWNED);
	hak_registry_set(s);
}

/*
 * Bytes at the start of @s that have all objects that were ever allocated. With hardened=1
 * objects are carved in random order, so these are all bytes.
 */
static unsigned long hak_carved_bytes(const struct hak_cache *c, const struct hak_slab *s)
{
	return (unsigned long)(hak_is_hardened() ? c->capacity : s->bump) * c->size;
}

/* Is @n the link of an object of @s that was ever allocated? */
static bool hak_link_valid(struct hak_cache *c, struct hak_slab *s,
			   struct llist_node *n)
{
	unsigned long off = (unsigned long)hak_from_link(c, n) - s->addr;

	return off < hak_carved_bytes(c, s) && hak_offset_valid(c, off);
}

/**
 * struct hak_link_bounds - what the links of a slab's free objects are checked against
 * @addr: the first object's link
 * @limit: bytes of objects carved
 * @recip: the cache's
 * @secret: the slab's
 * @link: the cache's
 * @wipe: clear each link, see hak_chain_take()
 */
struct hak_link_bounds {
	unsigned long addr;
	unsigned long limit;
	unsigned long secret;
	u32 recip;
	u32 link;
	bool wipe;
};

/*
 * If *@n is the link of an object of the slab, take the object, and set *@n to the next
 * link. The end of a chain is in no slab. If @coded, links are encoded.
 */
static __always_inline bool hak_take_one(const struct hak_link_bounds *t,
					 struct llist_node **n, void **to,
					 const bool coded)
{
	unsigned long off = (unsigned long)*n - t->addr;
	struct llist_node *node;

	if (unlikely(off >= t->limit || !hak_multiple(off, t->recip)))
		return false;
	node = (struct llist_node *)(t->addr + off);
	*to = (char *)node - t->link;
	*n = coded ? hak_link_code(t->secret, node, node->next) : node->next;
	if (t->wipe)
		node->next = NULL;
	return true;
}

/* Take up to @want objects, four at a time. Returns where in @to it stopped. */
static __always_inline void **hak_take(const struct hak_link_bounds t,
				       struct llist_node **n, void **to,
				       unsigned int want, const bool coded)
{
	void **end = to + want, **four = to + want / 4 * 4;

	for (; to != four; to += 4) {
		if (!hak_take_one(&t, n, to, coded))
			return to;
		if (!hak_take_one(&t, n, to + 1, coded))
			return to + 1;
		if (!hak_take_one(&t, n, to + 2, coded))
			return to + 2;
		if (!hak_take_one(&t, n, to + 3, coded))
			return to + 3;
	}
	for (; to != end; to++)
		if (!hak_take_one(&t, n, to, coded))
			break;
	return to;
}

/*
 * The owner finds that the link at the end of a chain, @n, leads nowhere. It was that of
 * @obj, which the owner has taken; NULL if another user has the object by now. The
 * objects behind the link are lost.
 */
static noinline void hak_chain_broken(struct hak_cache *c, struct hak_slab *s,
				      const void *obj, struct llist_node *n)
{
	hak_report_corrupt(s, c, obj, n, "free link out of its slab");
	/* So the slab never counts as whole, and nobody else gets its memory. */
	WRITE_ONCE(s->taken, s->taken + 1);
}

/* hak_chain_take() for a cache whose objects have their links at @link. */
static __always_inline unsigned int
__hak_chain_take(struct hak_cache *c, struct hak_slab *s, struct llist_node **chain,
		 void **obj, unsigned int want, const u32 link, const bool wipe,
		 const bool coded)
{
	const struct hak_link_bounds t = {
		.addr = s->addr + link,
		.limit = hak_carved_bytes(c, s),
		.secret = coded ? s->secret : 0,
		.recip = c->recip,
		.link = link,
		.wipe = wipe,
	};
	struct llist_node *n = *chain;
	unsigned int taken = hak_take(t, &n, obj, want, coded) - obj;

	if (unlikely(n && taken < want)) {
		hak_chain_broken(c, s, taken ? obj[taken - 1] : NULL, n);
		n = NULL;
	}
	*chain = n;
	return taken;
}

/* hak_chain_take() if links are to be wiped, or are not where objects begin. */
static unsigned int __hak_chain_take_other(struct hak_cache *c, struct hak_slab *s,
					   struct llist_node **chain, void **obj,
					   unsigned int want)
{
	if (hak_is_hardened())
		return __hak_chain_take(c, s, chain, obj, want, c->link,
					want_init_on_free(), true);
	if (want_init_on_free())
		return __hak_chain_take(c, s, chain, obj, want, c->link, true, false);
	return __hak_chain_take(c, s, chain, obj, want, c->link, false, false);
}

/*
 * Likewise. If the cache is checked, look at the next link, too, which the last object
 * held. Its users can be reported now; later it has a new one.
 */
static noinline unsigned int hak_chain_take_other(struct hak_cache *c,
						  struct hak_slab *s,
						  struct llist_node **chain,
						  void **obj, unsigned int want)
{
	unsigned int n = __hak_chain_take_other(c, s, chain, obj, want);

	if (c->checks && n && *chain && unlikely(!hak_link_valid(c, s, *chain))) {
		hak_chain_broken(c, s, obj[n - 1], *chain);
		*chain = NULL;
	}
	return n;
}

/*
 * Pop up to @want objects off a chain that only the owner can reach. Every link is
 * checked before it is followed. If one is broken, the objects behind it are lost,
 * and the slab stays allocated for ever. For the books one of its objects is live.
 *
 * With init_on_free, hak_free() zeroed the object, and hakmem has written nothing into
 * it since but the link. Every object leaves its slab here, so this wipes the link, and
 * the object is handed out zeroed.
 */
static __always_inline unsigned int hak_chain_take(struct hak_cache *c,
						   struct hak_slab *s,
						   struct llist_node **chain,
						   void **obj, unsigned int want)
{
	if (want_init_on_free() || hak_is_hardened() || unlikely(c->link) ||
	    unlikely(c->checks))
		return hak_chain_take_other(c, s, chain, obj, want);
	return __hak_chain_take(c, s, chain, obj, want, 0, false, false);
}

/*
 * Carve never-used objects. The one at the lowest address comes last in @obj, as
 * callers use @obj from its end, so addresses go up as objects are handed out. If @all,
 * the registry counts all objects of the slab as allocated from the first on. It must not
 * count fewer in between, because other CPUs look up live objects meanwhile.
 */
static __always_inline unsigned int hak_slab_carve(struct hak_cache *c,
						   struct hak_slab *s, void **obj,
						   unsigned int want, const bool all)
{
	unsigned int n = min(want, c->capacity - s->bump);
	const unsigned long size = c->size;
	char *p = (char *)s->addr + (s->bump + n) * size;
	void **end = obj + n, **four = obj + n / 4 * 4;

	if (unlikely(s->bump > c->capacity)) {
		if (!s->broken)
			hak_report_corrupt(s, c, NULL, NULL,
					   "more carved than there is room for");
		s->broken = true;
		return 0;
	}
	for (; obj != four; obj += 4) {
		obj[0] = p -= size;
		obj[1] = p -= size;
		obj[2] = p -= size;
		obj[3] = p -= size;
	}
	for (; obj != end; obj++)
		*obj = p -= size;
	if (n) {
		WRITE_ONCE(s->bump, s->bump + n);
		if (all)
			WRITE_ONCE(s->entry->bound, c->capacity * c->step);
		else
			WRITE_ONCE(s->entry->bound, s->bump * c->step);
	}
	return n;
}

/*
 * Carve objects of a cache that is checked. With hardened=1 they come in random order. If
 * one was never allocated, its bit says that it is not live.
 */
static noinline unsigned int hak_slab_carve_checked(struct hak_cache *c,
						    struct hak_slab *s, void **obj,
						    unsigned int want)
{
	unsigned int i, n, first = s->bump;

	if (c->order) {
		n = hak_slab_carve(c, s, obj, want, true);
		for (i = 0; i < n; i++)
			obj[i] = hak_shuffled(c, s, first + i);
	} else {
		n = hak_slab_carve(c, s, obj, want, false);
	}
	hak_check_new(c, obj, n);
	return n;
}

/*
 * Check a drained chain: each link is that of an object of the slab, none comes
 * twice, and there are no more of them than the slab has objects.
 */
static noinline void hak_chain_check(struct hak_cache *c, struct hak_slab *s,
				     struct llist_node *n)
{
	unsigned long seen[BITS_TO_LONGS(HAK_MAX_CAPACITY)] = { 0 };
	unsigned int i = 0;

	for (; n; n = hak_link_next(s, n)) {
		unsigned long idx;

		if (++i > c->capacity || !hak_link_valid(c, s, n)) {
			hak_report_corrupt(s, c, NULL, n,
					   "drained chain leaves its slab");
			return;
		}
		idx = ((unsigned long)n - s->addr) / c->size;
		if (__test_and_set_bit(idx, seen)) {
			hak_report_corrupt(s, c, hak_from_link(c, n), n,
					   "object twice in a drained chain");
			return;
		}
	}
}

/**
 * hak_slab_drain() - take the whole remote list of a slab
 * @c: its cache
 * @s: the slab, owned by the caller
 *
 * The list is not walked; it becomes @s->drained. If objects of an earlier drain are
 * left there, they become the freelist first. If the freelist is not empty either,
 * nothing is taken, and the objects stay in the remote list.
 *
 * Return: true if the list was taken.
 */
bool hak_slab_drain(struct hak_cache *c, struct hak_slab *s)
{
	if (llist_empty(&s->remote))
		return false;
	if (s->drained) {
		if (s->freelist)
			return false;
		s->freelist = s->drained;
	}
	s->drained = llist_del_all(&s->remote);
	if (HAK_CHECKS || hak_paranoid_drain)
		hak_chain_check(c, s, s->drained);
	hak_trace(HAK_TR_DRAIN, c, s->addr, s->drained, 0);
	return true;
}

/*
 * Take up to @want more objects, if the first chain had too few. The first chain was the
 * freelist, or @drained if the freelist was empty.
 */
static noinline unsigned int hak_slab_take_more(struct hak_cache *c, struct hak_slab *s,
						void **obj, unsigned int want)
{
	unsigned int n;

	n = hak_chain_take(c, s, &s->drained, obj, want);
	if (n < want && hak_slab_drain(c, s))
		n += hak_chain_take(c, s, &s->drained, obj + n, want - n);
	if (n < want && unlikely(c->checks))
		n += hak_slab_carve_checked(c, s, obj + n, want - n);
	else if (n < want)
		n += hak_slab_carve(c, s, obj + n, want - n, false);
	return n;
}

/**
 * hak_slab_take() - take free objects out of a slab
 * @c: its cache
 * @s: the slab, owned by the caller
 * @obj: room for @want pointers
 * @want: objects wanted
 *
 * Objects come from the freelist first, then from the remote list, and from
 * never-used space last, so that memory that has been used before is used again.
 *
 * Return: objects taken; 0 when the slab has none.
 */
unsigned int hak_slab_take(struct hak_cache *c, struct hak_slab *s,
			   void **obj, unsigned int want)
{
	struct llist_node **chain = s->freelist ? &s->freelist : &s->drained;
	unsigned int n;

	if (unlikely(c->checks) && !hak_check_slab(c, s))
		return 0;
	n = hak_chain_take(c, s, chain, obj, want);
	if (unlikely(n < want))
		n += hak_slab_take_more(c, s, obj + n, want - n);
	WRITE_ONCE(s->taken, s->taken + n);
	return n;
}

/**
 * hak_slab_give() - put objects back on the freelist
 * @s: the slab, owned by the caller
 * @first: chain of its objects' links
 * @last: its end
 * @n: objects in it
 */
void hak_slab_give(struct hak_slab *s, struct llist_node *first,
		   struct llist_node *last, unsigned int n)
{
	hak_link_set(s, last, s->freelist);
	s->freelist = first;
	WRITE_ONCE(s->taken, s->taken - n);
}

/**
 * hak_slab_park() - give up a slab that has no free objects
 * @s: the slab, owned by the caller; freelist, drained and never-used space
 *	are used up
 *
 * The owner reads @rc first, then checks that @remote is empty, then replaces @rc by
 * a cmpxchg. If a pusher linked an object before the check, the owner sees it and
 * keeps the slab. If a pusher counted after @rc was read, the cmpxchg fails. If it
 * counts later, it finds the slab PARKED and puts it into the pool.
 *
 * Parking sets freed back to 0, and lessens taken by what freed was. So a pusher
 * knows from the value of its own count whether it is the first since the slab was
 * parked. It could not read anything else to find out, as a new owner may have the
 * slab by then.
 *
 * A slab whose metadata is broken is let go for good: it stays OWNED, and no CPU
 * owns it.
 *
 * Return: true if the slab is parked, and then the caller must not touch it again;
 * false if a free has arrived, and then the caller still owns it.
 */
bool hak_slab_park(struct hak_slab *s)
{
	/* Pairs with atomic_add_return() in hak_slab_count(). */
	int v = atomic_read_acquire(&s->rc), was;
	u32 freed = (u32)v >> HAK_FREED_SHIFT;
	const struct hak_cache *c = s->cache;
	unsigned long addr = s->addr;

	if (unlikely(s->broken))
		return true;
	if (!llist_empty(&s->remote))
		return false;
	WRITE_ONCE(s->taken, s->taken - freed);
	for (;;) {
		was = atomic_cmpxchg(&s->rc, v, HAK_PARKED | (v & HAK_REAP_QUEUED));
		if (was == v) {
			hak_count(HAK_EV_PARKED);
			hak_trace(HAK_TR_PARK, c, addr, NULL, 0);
			return true;
		}
		/* If only HAK_REAP_QUEUED differs, the reaper cleared it, and no free came. */
		if ((was ^ v) != HAK_REAP_QUEUED)
			break;
		v = was;
	}
	WRITE_ONCE(s->taken, s->taken + freed);
	return false;
}

/**
 * hak_slab_leave() - give up a slab, whatever it holds
 * @s: the slab, owned by the caller
 *
 * If the slab has free objects, it goes to the pool, where CPUs find it. If not, it is
 * parked, and the first free puts it there.
 *
 * Context: any but NMI; preemption off.
 */
void hak_slab_leave(struct hak_slab *s)
{
	if (s->freelist || s->drained || s->bump < s->cache->capacity || !hak_slab_park(s))
		hak_pool_put(s, HAK_OWNED);
}

/* First half of a push. From here on the slab's owner can drain the objects. */
void hak_slab_link(struct hak_slab *s, struct llist_node *first,
		   struct llist_node *last)
{
	if (hak_is_hardened())
		hak_link_add_batch(s, first, last);
	else
		hak_llist_add_batch(first, last, &s->remote);
}

/*
 * Second half of a push. Until it is done the slab has used > 0, so the reaper does
 * not release it. After it the slab may be released at any time. What this reads of
 * @s then may be stale, though RCU keeps the memory a slab's metadata: at worst a slab
 * is queued for the reaper for nothing, but none is missed.
 */
void hak_slab_count(struct hak_slab *s, unsigned int n)
{
	u32 v = atomic_add_return(n << HAK_FREED_SHIFT, &s->rc);

	switch (hak_rc_state(v)) {
	case HAK_PARKED:
		/* Exactly one pusher's count is the first after the slab was parked. */
		if (v >> HAK_FREED_SHIFT == n)
			hak_pool_put(s, HAK_PARKED);
		break;
	case HAK_POOLED:
		hak_pool_queue_reap(s, v);
		break;
	default:
		break;
	}
}

static noinline void hak_slab_push_traced(struct hak_slab *s, struct llist_node *first,
					  struct llist_node *last, unsigned int n)
{
	hak_trace(HAK_TR_PUSH, READ_ONCE(s->cache), s->addr, first, n);
	hak_slab_link(s, first, last);
	hak_slab_count(s, n);
}

/**
 * hak_slab_push() - free objects of a slab that the caller does not own
 * @s: the slab
 * @first: chain of its objects' links
 * @last: its end
 * @n: objects in it
 *
 * Lock-free: one cmpxchg loop and one atomic add, whatever @n is.
 *
 * Context: any, NMI included; preemption off.
 */
void hak_slab_push(struct hak_slab *s, struct llist_node *first,
		   struct llist_node *last, unsigned int n)
{
	/* A function of its own, so that no registers need to be saved here. */
	if (static_branch_unlikely(&hak_tracing)) {
		hak_slab_push_traced(s, first, last, n);
		return;
	}
	hak_slab_link(s, first, last);
	hak_slab_count(s, n);
}

/**
 * hak_slab_construct() - get a slab, and call the constructor for all its objects
 * @c: a cache with a constructor
 * @nid: the node, exactly
 *
 * The slab goes to the pool, for hak_slab_get() to find. Nothing of hakmem's is
 * held meanwhile, so what the constructor may do depends on who allocates, as it
 * does in a kmem_cache.
 *
 * Context: any but NMI, as the caller of hak_cache_alloc() has it.
 * Return: false if the node has no unused slot.
 */
bool hak_slab_construct(struct hak_cache *c, int nid)
{
	struct hak_slab *s = hak_superslab_claim(c, nid);
	unsigned int i;

	if (!s)
		return false;
	for (i = 0; i < c->capacity; i++)
		c->ctor((void *)(s->addr + (unsigned long)i * c->size));
	preempt_disable();
	hak_pool_put(s, HAK_OWNED);
	preempt_enable();
	return true;
}

/**
 * hak_slab_get() - become the owner of a slab with free objects
 * @c: the cache
 * @nid: the node, exactly
 *
 * One from the pool, else an unused slot of a superslab. Objects of a cache with
 * a constructor have to be made first, by hak_slab_construct(), and where there
 * are such the slab is in the pool.
 *
 * Context: any but NMI; preemption off.
 * Return: the slab, or NULL.
 */
struct hak_slab *hak_slab_get(struct hak_cache *c, int nid)
{
	struct hak_slab *s = hak_pool_adopt(c, nid);

	if (!s && !c->ctor)
		s = hak_superslab_claim(c, nid);
	return s;
}

/**
 * hak_slab_release() - make a whole slab an unused slot again
 * @s: the slab, owned by the caller; used == 0, and HAK_REAP_QUEUED not set
 *
 * With init_on_free this wipes the links and the constructed objects, because the
 * slot's next cache takes never-used space to be zeroed.
 *
 * Context: task.
 */
void hak_slab_release(struct hak_slab *s)
{
	struct hak_cache *c = s->cache;

	if (unlikely(c->checks))
		hak_check_slab_exit(c, s);
	if (want_init_on_free())
		memset((void *)s->addr, 0, c->checks ? HAK_SLAB_SIZE :
		       (size_t)(c->ctor ? c->capacity : s->bump) * c->size);
	hak_trace(HAK_TR_RELEASE, c, s->addr, NULL, 0);
	hak_registry_clear(s);
	/* The slot belongs to no cache until one claims it. */
	WRITE_ONCE(s->cache, NULL);
	atomic_set(&s->rc, HAK_UNUSED);
	atomic_dec(&c->nr_slabs);
	hak_count(HAK_EV_RELEASED);
	hak_superslab_unclaim(s);
}

static unsigned int hak_chain_len(struct hak_cache *c, struct hak_slab *s,
				  struct llist_node *n)
{
	unsigned int i = 0;

	for (; n && i <= c->capacity && hak_link_valid(c, s, n);
	     n = hak_link_next(s, n))
		i++;
	return n ? c->capacity + 1 : i;
}

/**
 * hak_slab_validate() - check a slab's books
 * @s: a slab that no other CPU is using
 *
 * Every object that was carved has to be in one of the slab's chains, or used.
 *
 * Return: true if the counts agree; false if not, and then it has been reported.
 */
bool hak_slab_validate(struct hak_slab *s)
{
	struct hak_cache *c = s->cache;
	int free;

	free = hak_chain_len(c, s, s->freelist) +
	       hak_chain_len(c, s, s->drained) +
	       hak_chain_len(c, s, READ_ONCE(s->remote.first));
	if (s->bump <= c->capacity && free + hak_slab_used(s) == s->bump)
		return true;
	hak_report_corrupt(s, c, NULL, NULL, "free + used differs from carved");
	return false;
}
