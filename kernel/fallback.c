// SPDX-License-Identifier: GPL-2.0
/*
 * The fallback: requests that hakmem passes to SLUB, and the objects SLUB served.
 *
 * SLUB does not tell which of its caches an object belongs to. So an object that
 * SLUB serves for a typed cache has a tail, which names the typed cache while the
 * object is live. The tail lies directly behind the bytes that the user may use. A free
 * looks at each place where a tail may be. The cache counts such objects, so that
 * hak_cache_destroy() knows whether any are live.
 *
 * kfree() may not be called in NMI, nor in atomic context on PREEMPT_RT. Objects
 * freed there wait on a per-CPU list, and a work item empties it, which an irq_work
 * queues. The list's links lie in the objects; with init_on_free, kfree() zeroes the
 * whole object afterwards. If an object has a tail, the link lies in the tail, because the
 * object may have to keep its contents while it is free.
 */
#include <linux/bug.h>
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/hash.h>
#include <linux/kasan.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/random.h>

#include "core.h"

/**
 * struct hak_fallback_tail - what lies behind an object that SLUB served for a typed
 * cache
 * @cache: the cache the object belongs to, while it is live
 * @waits: the address of the object, while it waits in hak_deferred.tails
 * @key: hak_fallback_key(), while the object is live
 * @link: place in hak_deferred.tails
 *
 * Whoever writes beyond the object overwrites @waits before @link, so @waits shows whether
 * @link can be followed.
 */
struct hak_fallback_tail {
	union {
		struct hak_cache *cache;
		void *waits;
	};
	union {
		unsigned long key;
		struct llist_node link;
	};
};

/* A random number, so that other memory does not hold a valid key by chance. */
static unsigned long hak_fallback_cookie __read_mostly;

/*
 * The offsets that tails have in their objects, each once, and 0 behind the last. An
 * offset is added when SLUB serves the first object that has its tail there, and stays. As
 * all are multiples of HAK_MIN_SIZE, there is room for every offset that there can be.
 */
static u16 hak_tail_offsets[HAK_MAX_STRIDE / HAK_MIN_SIZE + 1] __read_mostly;

struct hak_deferred __percpu *hak_deferred;

/**
 * hak_may_call_mm() - may this context call the page allocator and SLUB?
 *
 * Context: any; the caller has enabled again all that hakmem disables.
 * Return: false in NMI, and in atomic context on PREEMPT_RT.
 */
bool hak_may_call_mm(void)
{
	if (in_nmi())
		return false;
	return !IS_ENABLED(CONFIG_PREEMPT_RT) || preemptible();
}

/**
 * hak_fallback_alloc() - let kmalloc() serve a request
 * @size: bytes
 * @gfp: all flags of the caller
 * @node: memory node or NUMA_NO_NODE
 * @why: the event to count
 *
 * While the object waits for kfree(), it holds a link. So it has room for one, or a debugging
 * kernel would take the link for an overrun.
 *
 * Return: the result of kmalloc_node(), or NULL where that may not be called.
 */
void *hak_fallback_alloc(size_t size, gfp_t gfp, int node, enum hak_event why)
{
	size_t bytes = max(size, sizeof(struct llist_node));

	if (unlikely(!hak_may_call_mm())) {
		hak_count(HAK_EV_ATOMIC);
		return NULL;
	}
	hak_count(why);
	return hak_keep_tag(kmalloc_node_noprof(bytes, gfp, node));
}

/* The offset of the tail in an object of @c that SLUB serves. */
static unsigned int hak_tail_offset(const struct hak_cache *c)
{
	return round_up(c->usable, HAK_MIN_SIZE);
}

/**
 * hak_fallback_create() - make the kmem_cache that serves for a typed cache
 * @c: the typed cache, after hak_cache_layout()
 * @name: name for /proc/slabinfo
 * @args: the arguments of the typed cache
 *
 * To SLUB the tail is a part of the object. Whatever SLUB adds, for debugging or as a
 * link of free objects that keep their contents, lies behind the tail.
 *
 * SLUB merges the kmem_cache with no other. The whole object may be copied to and
 * from user space, as hakmem's own objects may, unless the caller names a part of
 * it.
 *
 * Context: task, may sleep.
 * Return: 0, or an error with everything undone.
 */
int hak_fallback_create(struct hak_cache *c, const char *name,
			const struct hak_cache_args *args)
{
	unsigned int bytes = round_up(hak_tail_offset(c) + sizeof(struct hak_fallback_tail),
				      c->align);
	slab_flags_t flags = SLAB_NO_MERGE;

	/* Otherwise hak_tail_offsets might not have room for the offset. */
	if (WARN_ON_ONCE(hak_tail_offset(c) > HAK_MAX_STRIDE))
		return -EINVAL;
	/*
	 * No flags of checks: with those the kernel would take cpus_read_lock(), which the
	 * caller may hold.
	 */
	flags |= c->flags & (SLAB_ACCOUNT | SLAB_RECLAIM_ACCOUNT | SLAB_TYPESAFE_BY_RCU);

	c->fallback_live = hak_alloc_percpu(long);
	if (!c->fallback_live)
		return -ENOMEM;
	c->fallback = kmem_cache_create_usercopy(name, bytes, c->align, flags,
						 args->useroffset,
						 args->usersize ?: c->usable,
						 c->ctor);
	if (!c->fallback) {
		free_percpu(c->fallback_live);
		return -ENOMEM;
	}
	return 0;
}

/* Undo hak_fallback_create(). SLUB warns of objects that are still live. */
void hak_fallback_destroy(struct hak_cache *c)
{
	hak_fallback_sync();
	kmem_cache_destroy(c->fallback);
	free_percpu(c->fallback_live);
}

/**
 * hak_fallback_live() - count the live objects of a cache that SLUB served
 * @c: the cache
 *
 * Return: how many; exact if no operation on @c is under way.
 */
long hak_fallback_live(const struct hak_cache *c)
{
	unsigned int cpu;
	long n = 0;

	if (!c->fallback)
		return 0;
	for_each_possible_cpu(cpu)
		n += READ_ONCE(*per_cpu_ptr(c->fallback_live, cpu));
	return n;
}

/*
 * The key of the live object @p of @c. The words of a tail may be read one word further on,
 * where another cache has its tails: then the key is taken for the cache, and what lies
 * behind it, which may be the name of @c from earlier, for the key. Without the product
 * those two would be as valid as the tail itself.
 */
static unsigned long hak_fallback_key(const void *p, const struct hak_cache *c)
{
	return (hak_fallback_cookie ^ (unsigned long)p ^ (unsigned long)c) * GOLDEN_RATIO_64;
}

/* From now on a free looks for tails that are where those of objects of @c are. */
static void hak_tail_offset_use(struct hak_cache *c)
{
	u16 was, off = hak_tail_offset(c), *at = hak_tail_offsets;

	do {
		was = cmpxchg(at++, 0, off);
	} while (was && was != off);
	/*
	 * Another CPU may have added the offset. If a third CPU sees @tail_known, and gives
	 * its object to a fourth, the fourth sees the offset.
	 */
	smp_store_release(&c->tail_known, true);
}

/*
 * How many bytes from @p on lie in a slab of SLUB's? In so many a tail of @p may be: they
 * can be read, even if they belong to other objects. 0 if @p cannot have a tail.
 */
static size_t hak_tail_room(const void *p)
{
	/*
	 * The caller may have got @p from another CPU by an address dependency, which does
	 * not order these reads. Pairs with the caller's release of @p on that CPU, which
	 * comes after hak_tail_offset_use() there.
	 */
	smp_rmb();
	if (!READ_ONCE(hak_tail_offsets[0]) || (unsigned long)p % sizeof(long))
		return 0;
	return hak_slab_rest(p);
}

static struct hak_fallback_tail *hak_tail_at(const void *p, unsigned int off)
{
	return (void *)((char *)kasan_reset_tag(p) + off);
}

/*
 * The cache of @p if @p is a live object whose tail is at @off; else NULL. The key says
 * whose tail it is, so neither the data of a user nor the tail of another object will do.
 * KASAN poisons bytes beyond the size asked for, so they are read unchecked.
 */
static struct hak_cache *hak_tail_cache(const void *p, unsigned int off, size_t room)
{
	struct hak_fallback_tail *t = hak_tail_at(p, off);
	struct hak_cache *c;

	if (off + sizeof(*t) > room)
		return NULL;
	c = READ_ONCE_NOCHECK(t->cache);
	return READ_ONCE_NOCHECK(t->key) == hak_fallback_key(p, c) ? c : NULL;
}

/**
 * hak_fallback_cache() - find the typed cache of an object that SLUB served
 * @p: an address that hak_fallback_owns()
 *
 * It only reads. ksize() would not do: with slab_debug=U it makes SLUB forget how many
 * bytes of memory from kmalloc() were asked for.
 *
 * Context: any. The cache stays as long as the object is live.
 * Return: the cache of a live object; NULL for all other memory of SLUB's.
 */
struct hak_cache *hak_fallback_cache(const void *p)
{
	size_t room = hak_tail_room(p);
	struct hak_cache *c = NULL;
	unsigned int i, off;

	if (!room)
		return NULL;
	for (i = 0; !c && (off = READ_ONCE(hak_tail_offsets[i])); i++)
		c = hak_tail_cache(p, off, room);
	return c;
}

/* Likewise, for an object that the caller takes for one of @want, or of any if NULL. */
static struct hak_cache *hak_fallback_cache_hint(const void *p,
						 const struct hak_cache *want)
{
	struct hak_cache *c = NULL;

	if (want && want->fallback)
		c = hak_tail_cache(p, hak_tail_offset(want), hak_tail_room(p));
	return c ?: hak_fallback_cache(p);
}

/* From now on @p is a live object of @c. */
static void hak_fallback_begin(struct hak_cache *c, void *p)
{
	struct hak_fallback_tail *t = hak_tail_at(p, hak_tail_offset(c));

	if (unlikely(!READ_ONCE(c->tail_known)))
		hak_tail_offset_use(c);
	t->cache = c;
	t->key = hak_fallback_key(p, c);
	this_cpu_inc(*c->fallback_live);
}

/* From now on @p is not a live object of @c. False if another free came first. */
static bool hak_fallback_end(struct hak_cache *c, const void *p)
{
	unsigned long key = hak_fallback_key(p, c);

	if (cmpxchg(&hak_tail_at(p, hak_tail_offset(c))->key, key, 0) != key)
		return false;
	this_cpu_dec(*c->fallback_live);
	return true;
}

/* Only one of @lru and @node is asked for. */
static void *__hak_fallback_object(struct hak_cache *c, struct list_lru *lru,
				   gfp_t gfp, int node, enum hak_event why)
{
	gfp_t zero = 0;
	void *p;

	if (!c->fallback)
		return hak_fallback_alloc(c->usable, gfp, node, why);

	if (unlikely(!hak_may_call_mm())) {
		hak_count(HAK_EV_ATOMIC);
		return NULL;
	}
	hak_count(why);
	if (unlikely(!c->zero)) {
		zero = gfp & __GFP_ZERO;
		gfp &= ~__GFP_ZERO;
	}
	if (lru)
		p = hak_keep_tag(kmem_cache_alloc_lru_noprof(c->fallback, lru, gfp));
	else
		p = hak_keep_tag(kmem_cache_alloc_node_noprof(c->fallback, gfp, node));
	if (unlikely(!p))
		return NULL;
	hak_fallback_begin(c, p);
	return zero ? hak_object_init(c, p, zero) : p;
}

/**
 * hak_fallback_object() - let SLUB serve a request for an object
 * @c: the cache
 * @gfp: all flags of the caller
 * @node: memory node or NUMA_NO_NODE
 * @why: the event to count
 *
 * Return: the object, or NULL as for hak_fallback_alloc().
 */
void *hak_fallback_object(struct hak_cache *c, gfp_t gfp, int node,
			  enum hak_event why)
{
	return __hak_fallback_object(c, NULL, gfp, node, why);
}

/**
 * hak_fallback_object_lru() - let SLUB serve a request for an object of a list_lru
 * @c: the cache
 * @lru: the list_lru, or NULL
 * @gfp: all flags of the caller
 *
 * Return: as for hak_fallback_object().
 */
void *hak_fallback_object_lru(struct hak_cache *c, struct list_lru *lru, gfp_t gfp)
{
	return __hak_fallback_object(c, lru, gfp, NUMA_NO_NODE, HAK_EV_FOREIGN);
}

/*
 * Is @p memory that kfree() takes? This rules out wild pointers, but it does not
 * prove that @p is live.
 */
bool hak_fallback_owns(const void *p)
{
	struct page *page;

	if (!virt_addr_valid(p))
		return false;
	page = virt_to_head_page(p);
	return PageSlab(page) || hak_page_is_large_kmalloc(page, p);
}

/**
 * hak_fallback_realloc() - let krealloc() serve a request
 * @p: an address in no slab of hakmem
 * @size: bytes wanted, not 0
 * @gfp: the caller's flags
 * @caller: return address of the caller, for the report
 *
 * Return: the result of krealloc(). NULL where that may not be called, and if @p
 * is not SLUB's memory either, which is reported.
 */
void *hak_fallback_realloc(const void *p, size_t size, gfp_t gfp,
			   unsigned long caller)
{
	if (unlikely(!hak_fallback_owns(p))) {
		hak_report_bad_free(p, NULL, "not a hakmem or kmalloc object",
				    caller);
		return NULL;
	}
	if (unlikely(!hak_may_call_mm())) {
		hak_count(HAK_EV_ATOMIC);
		return NULL;
	}
	return hak_keep_tag(krealloc_noprof(p, size, gfp));
}

/*
 * Why is an object of @c not an object of @want? NULL if it is one. @c is NULL if
 * the object belongs to no typed cache; @want is NULL if any object will do.
 */
static const char *hak_fallback_why_bad(const struct hak_cache *c,
					const struct hak_cache *want)
{
	if (!want || c == want)
		return NULL;
	if (c)
		return "object of another cache";
	/* A size class gets such memory from kmalloc(), as other users do. */
	return hak_is_size_class(want) ? NULL : "SLUB's, and no object of this cache";
}

/*
 * May @p be given back to SLUB as an object of @want, or of any cache if that is
 * NULL? If so, it is no live object any more, and *@of is its typed cache or
 * NULL. Preemption is off so that the cache named in a report stays, even if
 * another CPU frees the object meanwhile.
 */
static bool hak_fallback_release(const void *p, const struct hak_cache *want,
				 unsigned long caller, struct hak_cache **of)
{
	struct hak_cache *c;
	const char *why;

	preempt_disable();
	c = hak_fallback_cache_hint(p, want);
	*of = c;
	why = hak_fallback_why_bad(c, want);
	if (!why && c && unlikely(!hak_fallback_end(c, p)))
		why = "freed twice at once";
	if (unlikely(why))
		hak_report_bad_free(p, c, why, caller);
	preempt_enable();
	return !why;
}

/*
 * The size asked of kmalloc() may be smaller than a link. SLUB's object has room
 * for the link, but KASAN takes bytes beyond the size asked for as out of bounds.
 */
static noinline __no_sanitize_address void
hak_deferred_link(struct llist_node *n, struct llist_node *next)
{
	WRITE_ONCE(n->next, next);
}

static bool hak_deferred_add(struct hak_deferred *d, struct llist_node *n)
{
	struct llist_node *first = READ_ONCE(d->list.first);

	do {
		hak_deferred_link(n, first);
	} while (!try_cmpxchg(&d->list.first, &first, n));
	return !first;
}

/* Have a work item call kfree() for @p; @t is the tail of @p, or NULL if it has none. */
static void hak_fallback_defer(const void *p, struct hak_fallback_tail *t)
{
	struct hak_deferred *d;
	bool first;

	preempt_disable();
	d = this_cpu_ptr(hak_deferred);
	if (t) {
		t->waits = (void *)p;
		first = llist_add(&t->link, &d->tails);
	} else {
		first = hak_deferred_add(d, (struct llist_node *)p);
	}
	if (first)
		irq_work_queue(&d->irq);
	preempt_enable();
}

/**
 * hak_fallback_free() - free memory that lies in no slab of hakmem
 * @p: NULL, ZERO_SIZE_PTR, or memory that kfree() takes
 * @want: the cache it must be an object of, or NULL
 * @caller: return address of the caller, for the report
 *
 * Context: any, NMI included; the caller holds no lock or mark of hakmem.
 */
void hak_fallback_free(const void *p, const struct hak_cache *want,
		       unsigned long caller)
{
	struct hak_cache *c;

	if (ZERO_OR_NULL_PTR(p))
		return;
	if (unlikely(!hak_fallback_owns(p))) {
		hak_report_bad_free(p, NULL, "not a hakmem or kmalloc object",
				    caller);
		return;
	}
	if (unlikely(!hak_fallback_release(p, want, caller, &c)))
		return;
	if (likely(hak_may_call_mm())) {
		if (c)
			kmem_cache_free(c->fallback, (void *)p);
		else
			kfree(p);
		return;
	}
	hak_count(HAK_EV_DEFERRED);
	hak_fallback_defer(p, c ? hak_tail_at(p, hak_tail_offset(c)) : NULL);
}

static void hak_deferred_irq(struct irq_work *irq)
{
	queue_work(hak_unbound_wq, &container_of(irq, struct hak_deferred, irq)->work);
}

/* Does any cache have its tails @off bytes behind the start of its objects? */
static bool hak_tail_offset_is_known(unsigned long off)
{
	unsigned int i, known;

	for (i = 0; (known = READ_ONCE(hak_tail_offsets[i])); i++)
		if (known == off)
			return true;
	return false;
}

/*
 * Free the memory that waits by its tail @t, and return the link in the tail. If the address
 * in the tail was overwritten, the memory is lost, because SLUB would take any address for its
 * own. The link may be overwritten, too, so what is behind it is lost as well.
 */
static struct llist_node *hak_deferred_free(const struct hak_fallback_tail *t)
{
	struct llist_node *next = t->link.next;
	void *p = t->waits;

	if (unlikely(!hak_tail_offset_is_known((const char *)t -
					       (const char *)kasan_reset_tag(p)))) {
		hak_report_tail(t, p);
		return NULL;
	}
	kfree(p);
	return next;
}

static void hak_deferred_run(struct work_struct *work)
{
	struct hak_deferred *d = container_of(work, struct hak_deferred, work);
	struct llist_node *n, *next;

	for (n = llist_del_all(&d->list); n; n = next) {
		next = READ_ONCE_NOCHECK(n->next);
		kfree(n);
	}
	for (n = llist_del_all(&d->tails); n;)
		n = hak_deferred_free(container_of(n, struct hak_fallback_tail, link));
}

int hak_fallback_init(void)
{
	unsigned int cpu;

	hak_fallback_cookie = get_random_long();
	hak_deferred = hak_alloc_percpu(struct hak_deferred);
	if (!hak_deferred)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		struct hak_deferred *d = per_cpu_ptr(hak_deferred, cpu);

		init_llist_head(&d->list);
		init_llist_head(&d->tails);
		/* Hard for the reason that the reaper's is. */
		d->irq = IRQ_WORK_INIT_HARD(hak_deferred_irq);
		INIT_WORK(&d->work, hak_deferred_run);
	}
	return 0;
}

/* Wait until every object freed so far has reached kfree(). Context: task. */
void hak_fallback_sync(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		struct hak_deferred *d = per_cpu_ptr(hak_deferred, cpu);

		irq_work_sync(&d->irq);
		/*
		 * The caller may be a worker that reclaims memory, which may not wait until
		 * another has a thread. So it frees what no worker has taken, and then waits
		 * for one that has begun. In the other order a worker that began in between
		 * could still hold some. Last comes what other CPUs have freed meanwhile, if
		 * its work was cancelled.
		 */
		hak_deferred_run(&d->work);
		cancel_work_sync(&d->work);
		hak_deferred_run(&d->work);
	}
}

void hak_fallback_exit(void)
{
	hak_fallback_sync();
	free_percpu(hak_deferred);
	hak_deferred = NULL;
}
