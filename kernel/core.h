/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The core's own declarations. Read docs/design.md first: it is the theory,
 * this is its vocabulary in C.
 *
 * Slab states (the low bits of hak_slab.rc)
 *
 *   state    owner  on a pool list  may touch freelist, bump, taken
 *   UNUSED   no     no              nobody (a claimer, before it is visible)
 *   OWNED    yes    no              the owner, busy mark set
 *   PARKED   no     no              nobody; no free object but those waiting
 *   POOLED   no     yes             nobody; whoever pops it becomes the owner
 *
 *   UNUSED -> OWNED     hak_superslab_claim()   under the node lock
 *   OWNED  -> PARKED    hak_slab_park()         the owner
 *   OWNED  -> POOLED    hak_pool_put()          the owner
 *   PARKED -> POOLED    hak_pool_put()          the pusher whose count crossed
 *   POOLED -> OWNED     hak_pool_adopt()        whoever popped it
 *   POOLED -> UNUSED    hak_slab_release()      the reaper, which popped it
 *
 * What may run together on one slab
 *
 *           push drain park publish adopt release
 *   push     yes  yes   yes    yes    yes    no    an uncounted push keeps the
 *   drain          -     -      -      -     -     slab from being whole
 *   park                 -      -      -     -
 *   publish                     -      -     -     "-": both need to be the
 *   adopt                              -     -     slab's one owner (or its
 *   release                                  -     one crosser, one popper)
 *
 * Locks. None of them nests in another; each is held O(1) with interrupts off
 * and never across a call to the page allocator or SLUB.
 *
 *   hak_pool.lock      pops of one (cache, node)
 *   hak_node.lock      slots of the node's superslabs
 *   hak_all_lock       the list of all superslabs (readers: RCU)
 *   hak_cache_mutex    the list of caches, and reaping; task context; inside
 *                      cpus_read_lock(), outside the raw locks; nothing is
 *                      allocated under it
 *
 * hak_free() takes none of them in any context.
 */
#ifndef _HAK_CORE_H
#define _HAK_CORE_H

#include <linux/align.h>
#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/cache.h>
#include <linux/compiler.h>
#include <linux/gfp.h>
#include <linux/hardirq.h>
#include <linux/jump_label.h>
#include <linux/kconfig.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/numa.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/topology.h>
#include <linux/types.h>

#include "compat.h"
#include "include/hakmem.h"
#include "params.h"
#include "trace_ring.h"

#ifndef HAK_CHECKS
#define HAK_CHECKS	0
#endif

#define HAK_SLAB_SHIFT		16
#define HAK_SLAB_SIZE		BIT(HAK_SLAB_SHIFT)
#define HAK_SLAB_MASK		(HAK_SLAB_SIZE - 1)

/* A superslab is 2 MiB where that can be had, one slab at the least. */
#define HAK_MIN_ORDER		(HAK_SLAB_SHIFT - PAGE_SHIFT)
#define HAK_MAX_ORDER		\
	(21 - PAGE_SHIFT < MAX_PAGE_ORDER ? 21 - PAGE_SHIFT : MAX_PAGE_ORDER)
#define HAK_NR_ORDERS		(HAK_MAX_ORDER - HAK_MIN_ORDER + 1)
#define HAK_MAX_SLOTS		(1U << (HAK_MAX_ORDER - HAK_MIN_ORDER))

#define HAK_NR_CLASSES		22
#define HAK_MIN_SIZE		8

/* Wholly empty superslabs a node keeps for the next claim. */
#define HAK_STOCK		1

/* How long to ask for little after a node had nothing to give, in ms. */
#define HAK_BACKOFF_MS		100

/* How long a whole slab may wait in its pool to be used again, in ms. */
#define HAK_REAP_DELAY_MS	20

/* Requests that are SLUB's: hakmem neither charges memcgs nor has zones. */
#define HAK_GFP_FOREIGN		(__GFP_ACCOUNT | __GFP_DMA | __GFP_DMA32)

enum hak_slab_state {
	HAK_OWNED,
	HAK_PARKED,
	HAK_POOLED,
	HAK_UNUSED,
};

#define HAK_STATE_BITS		2
#define HAK_STATE_MASK		((u32)GENMASK(HAK_STATE_BITS - 1, 0))

/**
 * struct hak_slab - metadata of 64 KiB of objects of one cache
 * @freelist: free objects; links checked as they are popped
 * @drained: objects taken off @remote and not yet looked at
 * @addr: first byte of the slab
 * @ss: the superslab it is a slot of
 * @entry: its entry in the registry
 * @bump: objects carved so far; those beyond were never allocated
 * @taken: objects handed out less those the owner took back, since freed
 *	was last set to 0
 * @slot: index in @ss
 * @stranded: hak_paranoid_scan()'s, under hak_cache_mutex
 * @remote: objects freed by anyone but the owner
 * @rc: freed << HAK_STATE_BITS | enum hak_slab_state
 * @nid: memory node of the pages
 * @cache: whose objects these are
 * @link: place in hak_pool.incoming or hak_pool.chain
 * @list: place in hak_pool.list
 *
 * used = taken - freed counts objects that are live, cached by some CPU, or
 * pushed and not counted yet. Invariants: 0 <= used <= bump <= capacity; a
 * slab with used == 0 has no pusher.
 */
struct hak_slab {
	/* Written by the owner only. */
	struct llist_node *freelist;
	struct llist_node *drained;
	unsigned long addr;
	struct hak_superslab *ss;
	struct hak_entry *entry;
	u32 bump;
	u32 taken;
	u32 slot;
	u32 stranded;

	/* Written by anyone. */
	struct llist_head remote __aligned(64);
	atomic_t rc;
	int nid;
	struct hak_cache *cache;
	union {
		struct llist_node link;
		struct list_head list;
	};
} __aligned(128);

/**
 * struct hak_superslab - naturally aligned block of slabs
 * @all: place in hak_superslabs, RCU
 * @avail: place in hak_node.avail while a slot is unused
 * @used: a bit per slot in use, or HAK_SS_DEAD; under hak_node.lock
 * @full: @used with every slot in use that has its pages; under hak_node.lock
 * @addr: first byte
 * @order: page order of the block
 * @nid: memory node of the pages
 * @slab: metadata, one per slot
 * @rcu: for readers of @all
 */
struct hak_superslab {
	struct list_head all;
	struct list_head avail;
	u64 used;
	u64 full;
	unsigned long addr;
	unsigned int order;
	int nid;
	struct hak_slab *slab;
	struct rcu_head rcu;
};

#define HAK_SS_DEAD		BIT_ULL(63)

/**
 * struct hak_node - superslabs of one memory node
 * @lock: protects the rest
 * @avail: superslabs with an unused slot, fullest first
 * @nr_empty: superslabs without a slot in use
 * @empty_pages: pages in those
 * @near: the nearest node that had memory as the core came up
 * @growing: somebody is asking for a superslab
 * @failed: when the page allocator had not even one slab, in jiffies; 0 if it
 *	has had since
 */
struct hak_node {
	raw_spinlock_t lock;
	struct list_head avail;
	unsigned int nr_empty;
	unsigned long empty_pages;
	int near;
	atomic_t growing;
	unsigned long failed;
};

/**
 * struct hak_pool - partial and empty slabs of one cache on one node
 * @incoming: lock-free stack of new arrivals
 * @nr: slabs in the pool; a hint
 * @lock: protects @chain and @list
 * @chain: arrivals taken off @incoming
 * @list: slabs the reaper has looked at, longest ago first
 */
struct hak_pool {
	struct llist_head incoming;
	atomic_t nr;
	raw_spinlock_t lock ____cacheline_aligned_in_smp;
	struct llist_node *chain;
	struct list_head list;
};

/**
 * struct hak_cpu_cache - one CPU's stock of ready objects of one cache
 * @busy: the owner is inside, or the CPU is not online
 * @batch: objects moved by a refill or a spill
 * @nr: objects in @obj
 * @cap: most objects @obj may hold after a free
 * @seen: refills and spills as the idle trim last saw them; the trim's
 * @cur: the slab this CPU owns
 * @refills: times objects were taken from a slab
 * @spills: times objects were given back
 * @pushes: groups pushed to slabs of others
 * @drains: times a remote list was taken
 * @none: always NULL, so that there is something before the first object
 * @obj: the objects, in the order they came
 *
 * Only its CPU touches it, with preemption off and, beyond reading @busy,
 * with @busy set by itself.
 */
struct hak_cpu_cache {
	u8 busy;
	u16 batch;
	u32 nr;
	u32 cap;
	u32 seen;
	struct hak_slab *cur;
	unsigned long refills;
	unsigned long spills;
	unsigned long pushes;
	unsigned long drains;
	void *none;
	void *obj[] __aligned(64);
};

/* The object that was freed last, of the first @nr in @cc; NULL for none. */
static __always_inline void *hak_cpu_last(const struct hak_cpu_cache *cc,
					  unsigned int nr)
{
	BUILD_BUG_ON(offsetof(struct hak_cpu_cache, obj) !=
		     offsetof(struct hak_cpu_cache, none) + sizeof(void *));
	return cc->obj[(long)nr - 1];
}

/**
 * struct hak_cache - a size class, or a cache made by hak_cache_create()
 * @cpu: the per-CPU caches
 * @size: bytes of an object, its stride in the slab
 * @recip: ceil(2^32 / @size): an offset is a multiple of @size exactly when
 *	(u32)(offset * recip) < recip, for the 16 bits an offset has
 * @capacity: objects of a slab
 * @link: offset of the free link inside an object
 * @publish_at: waiting frees that make a parked slab findable
 * @pool: by node
 * @fallback: SLUB cache for when no superslab can be had (typed caches)
 * @name: for people
 * @list: place in hak_caches
 * @stats: where its slabs are being counted, or NULL; under hak_cache_mutex
 */
struct hak_cache {
	struct hak_cpu_cache __percpu *cpu;
	u32 size;
	u32 recip;
	u32 capacity;
	u32 link;
	u32 publish_at;
	struct hak_pool **pool;
	struct kmem_cache *fallback;
	const char *name;
	struct list_head list;
	struct hak_class_stats *stats;
} __aligned(128);

/**
 * enum hak_event - what is counted per CPU, in any context
 * @HAK_EV_NESTED: allocations that interrupted the owner, sent to SLUB
 * @HAK_EV_PUSHED: frees that interrupted the owner, or came in NMI
 * @HAK_EV_LARGE: requests above HAK_MAX_SIZE, sent to SLUB
 * @HAK_EV_FOREIGN: requests with flags that are SLUB's
 * @HAK_EV_NOMEM: requests sent to SLUB for want of a superslab
 * @HAK_EV_ATOMIC: requests refused in atomic context on PREEMPT_RT, or in NMI
 * @HAK_EV_DEFERRED: SLUB objects whose kfree() had to wait
 * @HAK_EV_BAD_FREE: frees refused
 * @HAK_EV_CORRUPT: broken free links or books found
 * @HAK_EV_PARKED: slabs parked
 * @HAK_EV_POOLED: slabs put into a pool
 * @HAK_EV_KEPT: slabs to be parked that were kept, as frees had come (stage 0)
 * @HAK_EV_ADOPTED_WHOLE: whole slabs adopted from a pool (stage 0.5)
 * @HAK_EV_ADOPTED: partial slabs adopted from a pool (stage 1)
 * @HAK_EV_CLAIMED: unused slots claimed (stage 2)
 * @HAK_EV_GROWN: superslabs asked for (stage 3)
 * @HAK_EV_BACKOFF: of those, kept small, as one had failed a moment before
 * @HAK_EV_RELEASED: whole slabs released
 * @HAK_NR_EVENTS: how many there are
 */
enum hak_event {
	HAK_EV_NESTED,
	HAK_EV_PUSHED,
	HAK_EV_LARGE,
	HAK_EV_FOREIGN,
	HAK_EV_NOMEM,
	HAK_EV_ATOMIC,
	HAK_EV_DEFERRED,
	HAK_EV_BAD_FREE,
	HAK_EV_CORRUPT,
	HAK_EV_PARKED,
	HAK_EV_POOLED,
	HAK_EV_KEPT,
	HAK_EV_ADOPTED_WHOLE,
	HAK_EV_ADOPTED,
	HAK_EV_CLAIMED,
	HAK_EV_GROWN,
	HAK_EV_BACKOFF,
	HAK_EV_RELEASED,
	HAK_NR_EVENTS,
};

struct hak_events {
	unsigned long nr[HAK_NR_EVENTS];
};

extern struct hak_events __percpu *hak_events;

static __always_inline void hak_count(enum hak_event ev)
{
	this_cpu_inc(hak_events->nr[ev]);
}

struct hak_stats;

/* Kinds of raw locks, for lock_stats. */
enum hak_lock_kind {
	HAK_LOCK_POOL,
	HAK_LOCK_NODE,
	HAK_LOCK_ALL,
	HAK_NR_LOCKS,
};

extern const char *const hak_lock_name[HAK_NR_LOCKS];
DECLARE_STATIC_KEY_FALSE(hak_lock_stats_on);
void hak_lock_counted(raw_spinlock_t *lock, enum hak_lock_kind kind);

/* Interrupts off, then @lock; with lock_stats, counted. */
#define hak_lock(lock, flags, kind)				\
	do {							\
		local_irq_save(flags);				\
		if (static_branch_unlikely(&hak_lock_stats_on))	\
			hak_lock_counted(lock, kind);		\
		else						\
			raw_spin_lock(lock);			\
	} while (0)

#define hak_unlock(lock, flags)	raw_spin_unlock_irqrestore(lock, flags)

/* On while trace_ring or paranoid_drain is: sends every operation the slow way. */
DECLARE_STATIC_KEY_FALSE(hak_modes);

/* On with more than one memory node. */
DECLARE_STATIC_KEY_FALSE(hak_numa);

static __always_inline bool hak_has_nodes(void)
{
	return IS_ENABLED(CONFIG_NUMA) && static_branch_unlikely(&hak_numa);
}

/* size_class.c */
extern struct hak_cache hak_class[HAK_NR_CLASSES];
extern u8 hak_size_index[HAK_MAX_SIZE / HAK_MIN_SIZE + 1];
int hak_size_class_init(void);
void hak_size_class_exit(void);

/* Is @c a size class, not a cache made by hak_cache_create()? */
static inline bool hak_is_size_class(const struct hak_cache *c)
{
	return c >= hak_class && c < hak_class + HAK_NR_CLASSES;
}

/* Class that serves @size, 1..HAK_MAX_SIZE bytes. */
static __always_inline struct hak_cache *hak_size_class(size_t size)
{
	struct hak_cache *c;

	c = &hak_class[hak_size_index[(size + HAK_MIN_SIZE - 1) / HAK_MIN_SIZE]];
	/* Computed once, and not again for each use. */
	OPTIMIZER_HIDE_VAR(c);
	return c;
}

/* registry.c */

/**
 * struct hak_entry - what the registry knows of a slab's 64 KiB
 * @limit: bytes of it in which objects were ever allocated; 0 where there are
 *	none, so a free that is within the limit needs no other check that the
 *	address is hakmem's
 * @nid: memory node of the pages
 * @cache: whose objects they are; any that lasts where there are none
 * @slab: its metadata, NULL without a slab
 *
 * All that a free needs, on a line that is written when a slab is claimed,
 * carved and released only.
 */
struct hak_entry {
	u32 limit;
	int nid;
	struct hak_cache *cache;
	struct hak_slab *slab;
} __aligned(32);

#define HAK_LEAF_BITS		(PAGE_SHIFT - 5)

/**
 * struct hak_registry - the entries, two levels of them
 * @base: first address covered
 * @nr: slabs covered
 * @leaf: entries of BIT(HAK_LEAF_BITS) slabs each, NULL while none is hakmem's
 */
struct hak_registry {
	unsigned long base;
	unsigned long nr;
	struct hak_entry **leaf;
};

extern struct hak_registry hak_registry;
int hak_registry_init(void);
void hak_registry_exit(void);
int hak_registry_prepare(unsigned long addr, unsigned int nr, gfp_t gfp);
void hak_registry_set(struct hak_slab *s);
void hak_registry_clear(struct hak_slab *s);

/* Is there an entry for the 64 KiB that hold @p? Then it is *@e. */
static __always_inline bool hak_registry_find(const void *p,
					      struct hak_entry **e)
{
	unsigned long i = ((unsigned long)p - hak_registry.base) >> HAK_SLAB_SHIFT;
	struct hak_entry *leaf;

	if (unlikely(i >= hak_registry.nr))
		return false;
	/* Pairs with the cmpxchg in hak_registry_prepare(). */
	leaf = READ_ONCE(hak_registry.leaf[i >> HAK_LEAF_BITS]);
	if (unlikely(!leaf))
		return false;
	*e = &leaf[i & (BIT(HAK_LEAF_BITS) - 1)];
	return true;
}

/* The slab that holds @p; NULL if that is none of hakmem's. */
static __always_inline struct hak_slab *hak_slab_of(const void *p)
{
	struct hak_entry *e = NULL;

	if (unlikely(!hak_registry_find(p, &e)))
		return NULL;
	/* By address dependency, pairs with the release in hak_registry_set(). */
	return READ_ONCE(e->slab);
}

/* page_arena.c */
void *hak_arena_alloc(int nid, unsigned int order, gfp_t gfp);
void hak_arena_split(void *addr, unsigned int order);
void hak_arena_free(void *addr, unsigned int order);
u64 hak_arena_bytes(void);
u64 hak_arena_returned(void);

/* superslab.c */
extern struct list_head hak_superslabs;
int hak_superslab_init(void);
void hak_superslab_exit(void);
int hak_superslab_grow(int nid, gfp_t gfp);
int hak_node_near(int nid);
struct hak_slab *hak_superslab_claim(struct hak_cache *c, int nid);
void hak_superslab_unclaim(struct hak_slab *s);
void hak_superslab_trim(unsigned int keep);
void hak_superslab_break(void);
unsigned long hak_superslab_empty_pages(int nid);
unsigned long hak_superslab_shrink(int nid, unsigned long pages);
void hak_superslab_stats(struct hak_stats *st);
void hak_superslab_forked(void);

/* slab.c */
void hak_slab_init(struct hak_slab *s, struct hak_cache *c);
unsigned int hak_slab_take(struct hak_cache *c, struct hak_slab *s,
			   void **obj, unsigned int want);
bool hak_slab_drain(struct hak_cache *c, struct hak_slab *s);
bool hak_slab_park(struct hak_slab *s);
void hak_slab_give(struct hak_slab *s, struct llist_node *first,
		   struct llist_node *last, unsigned int n);
void hak_slab_link(struct hak_slab *s, struct llist_node *first,
		   struct llist_node *last);
void hak_slab_count(struct hak_slab *s, unsigned int n);
void hak_slab_push(struct hak_slab *s, struct llist_node *first,
		   struct llist_node *last, unsigned int n);
void hak_slab_release(struct hak_slab *s);
bool hak_slab_validate(struct hak_slab *s);

static __always_inline struct llist_node *hak_to_link(const struct hak_cache *c,
						      const void *p)
{
	return (struct llist_node *)((char *)p + c->link);
}

static __always_inline void *hak_from_link(const struct hak_cache *c,
					   struct llist_node *n)
{
	return (char *)n - c->link;
}

/* Is @off, less than HAK_SLAB_SIZE, a multiple of what @recip is of? */
static __always_inline bool hak_multiple(u32 off, u32 recip)
{
	return off * recip < recip;
}

/* ... of the objects' size? */
static __always_inline bool hak_offset_valid(const struct hak_cache *c, u32 off)
{
	return hak_multiple(off, c->recip);
}

/*
 * Does an object begin at @p that was allocated at some time? Then *@e is its
 * slab's entry and *@c its cache. RCU keeps a cache that is being destroyed:
 * preemption is off.
 */
static __always_inline bool hak_find_object(const void *p, struct hak_entry **e,
					    struct hak_cache **c)
{
	u32 off = (unsigned long)p & HAK_SLAB_MASK;

	if (unlikely(!hak_registry_find(p, e)))
		return false;
	/*
	 * Whoever frees an object got it from whoever carved it, with all that
	 * was written here before. Whoever does not may see one word old and one
	 * new, but never a cache that is no more.
	 */
	if (unlikely(off >= READ_ONCE((*e)->limit)))
		return false;
	*c = READ_ONCE((*e)->cache);
	return likely(hak_offset_valid(*c, off));
}

static __always_inline enum hak_slab_state hak_rc_state(u32 rc)
{
	return rc & HAK_STATE_MASK;
}

/* Objects neither in the slab nor counted back; see struct hak_slab. */
static __always_inline u32 hak_slab_used(struct hak_slab *s)
{
	u32 rc = atomic_read(&s->rc);

	return ((READ_ONCE(s->taken) << HAK_STATE_BITS) -
		(rc & ~HAK_STATE_MASK)) >> HAK_STATE_BITS;
}

/* Was every object that left the slab counted back? @rc is the slab's. */
static __always_inline bool hak_rc_whole(struct hak_slab *s, u32 rc)
{
	return (rc & ~HAK_STATE_MASK) == READ_ONCE(s->taken) << HAK_STATE_BITS;
}

/* pool.c */
int hak_pool_create(struct hak_cache *c);
void hak_pool_destroy(struct hak_cache *c);
void hak_pool_put(struct hak_slab *s, enum hak_slab_state from);
struct hak_slab *hak_pool_adopt(struct hak_cache *c, int nid);
unsigned int hak_pool_reap(struct hak_pool *pool);

/* pcpu_cache.c */
size_t hak_cpu_cache_bytes(unsigned int cap);
void hak_cpu_cache_init(struct hak_cpu_cache *cc, unsigned int cap);
void *hak_cpu_alloc_slow(struct hak_cache *c, gfp_t gfp);
void hak_cpu_free(struct hak_cache *c, struct hak_slab *s, void *p);
void *hak_node_alloc(struct hak_cache *c, gfp_t gfp, int nid);
unsigned int hak_cpu_alloc_bulk(struct hak_cache *c, unsigned int n, void **p);
unsigned int hak_cpu_free_bulk(const struct hak_cache *want, unsigned int n,
			       void **p);
unsigned int hak_cpu_refill(struct hak_cache *c, struct hak_cpu_cache *cc,
			    int nid);
void hak_cpu_spill(struct hak_cache *c, struct hak_cpu_cache *cc,
		   void **obj, unsigned int n);
void *hak_cpu_take(struct hak_cache *c, struct hak_cpu_cache *cc, int nid);
void hak_cpu_put(struct hak_cache *c, struct hak_cpu_cache *cc,
		 struct hak_slab *s, void *p);
void hak_cpu_flush(struct hak_cache *c, struct hak_cpu_cache *cc);
void hak_cpu_flush_this(bool all);
bool hak_cpu_holds(unsigned int cpu);
bool hak_cpu_look(unsigned int cpu, bool *idle);
extern int hak_trim_off;
void hak_trim_pause(bool pause);	/* shrink.c; the module only */
int hak_cpu_online(unsigned int cpu);
int hak_cpu_dead(unsigned int cpu);

/*
 * Most bytes of slabs that @cpus CPUs own while they use @caches caches: one
 * slab each. Objects cached there may keep as many slabs again as there are
 * objects; the idle trim ends both.
 */
static inline u64 hak_owned_bytes(unsigned int cpus, unsigned int caches)
{
	return (u64)cpus * caches * HAK_SLAB_SIZE;
}

/* cache.c */
extern struct list_head hak_caches;
extern struct mutex hak_cache_mutex;
int hak_cache_setup(struct hak_cache *c, const char *name, u32 size);
void hak_cache_teardown(struct hak_cache *c);

/* fallback.c */
int hak_fallback_init(void);
void hak_fallback_exit(void);
void hak_fallback_sync(void);
bool hak_may_call_mm(void);
void *hak_fallback_alloc(size_t size, gfp_t gfp, int node, enum hak_event why);
void *hak_fallback_object(struct hak_cache *c, gfp_t gfp, int node,
			  enum hak_event why);
void *hak_fallback_realloc(const void *p, size_t size, gfp_t gfp,
			   unsigned long caller);
void hak_fallback_free(const void *p, unsigned long caller);
bool hak_fallback_owns(const void *p);
void hak_fallback_forked(void);

/* reaper.c */
void hak_reaper_init(void);
void hak_reaper_exit(void);
void hak_reaper_arm(void);
void hak_reap_all(void);
void hak_reaper_forked(void);
typedef void (*hak_reap_hook_t)(void);
void hak_reaper_hook(hak_reap_hook_t fn);
unsigned long hak_paranoid_scan(void);

/* report.c */
void hak_report_bad_free(const void *p, const struct hak_cache *c,
			 const char *why, unsigned long caller);
void hak_report_corrupt(struct hak_slab *s, const void *p, const char *why);
void hak_report_stray(const struct hak_cache *c, const void *p, unsigned int n);

/* stats.c */
struct hak_class_stats {
	const char *name;
	u32 size;
	u32 capacity;
	long live;		/* objects callers hold */
	unsigned long cached;	/* objects in per-CPU caches */
	unsigned long slabs;
	unsigned long slabs_active; /* those with an object in use */
	unsigned long refills, spills, pushes, drains;
};

struct hak_stats {
	unsigned long event[HAK_NR_EVENTS];
	unsigned long superslabs;
	unsigned long superslabs_empty;
	unsigned long pages;		/* in superslabs */
	unsigned long slots_used;
	u64 grown, shrunk;		/* superslabs got and given back */
	u64 broken;			/* times one gave back unused slots */
	u64 grown_order[HAK_NR_ORDERS];
	u64 locked[HAK_NR_LOCKS];	/* with lock_stats=1 */
	u64 contended[HAK_NR_LOCKS];
};

extern const char *const hak_event_name[HAK_NR_EVENTS];
void hak_stats_read(struct hak_stats *st);
void hak_class_stats_begin(struct hak_cache *c, struct hak_class_stats *cs);
void hak_class_stats_add(struct hak_class_stats *cs, struct hak_slab *s);
void hak_class_stats_read(struct hak_cache *c, struct hak_class_stats *cs);
int hak_stats_init(void);
void hak_stats_exit(void);

/* init.c */
int hak_core_init(void);
void hak_core_exit(void);
void hak_core_forked(void);
long hak_core_leaks(void);

#endif /* _HAK_CORE_H */
