/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A cache. Size classes and the caches made by hak_cache_create(), which are
 * called typed caches, are both a struct hak_cache.
 */
#ifndef _HAK_CACHE_H
#define _HAK_CACHE_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/types.h>

struct hak_cache_args;
struct hak_class_stats;
struct hak_cpu_cache;
struct hak_pool;

/**
 * struct hak_cache - a size class, or a cache made by hak_cache_create()
 * @cpu: the per-CPU caches
 * @size: distance from one object in a slab to the next, in bytes
 * @recip: floor(2^32 / @size) + 1, see hak_multiple()
 * @step: @recip * @size - 2^32
 * @capacity: objects in a slab
 * @cap: most objects that a per-CPU cache holds; see hak_cpu_cap()
 * @link: offset of the free link from the start of an object; with a constructor
 *	or SLAB_TYPESAFE_BY_RCU the link lies beyond @usable
 * @pool: its pools, by memory node
 * @fallback: kmem_cache that serves the objects that hakmem cannot (typed caches)
 * @zero: bytes of an object to zero when the caller or the system asks for that;
 *	0 if free objects keep their contents, see hak_object_init()
 * @usable: bytes of an object that its user may use
 * @fallback_live: objects allocated from @fallback less objects freed to it, per
 *	CPU
 * @tail_known: do frees look for tails where those of @fallback's objects are? They do
 *	once SLUB has served one
 * @align: alignment of the objects; @size is a multiple of it (typed caches)
 * @flags: the SLAB_ flags the cache was made with (typed caches)
 * @ctor: constructor, or NULL. It runs once for each object when the cache gets
 *	the object's slab
 * @checks: HAK_CHECK_ flags, what is checked of its objects
 * @map: offset in a slab of the marks of its live objects; 0 if it has none
 * @track: offset in an object's stride of who allocated and freed it; 0 if it has none
 * @bytes: distance from one object to the next if the cache were not checked; so many
 *	bytes of an object are counted in /proc/allocinfo
 * @tags: offset in a slab of its objects' tags; 0 if it has none
 * @order: with hardened=1, the order in which a slab's objects are carved, or NULL
 * @name: its name in reports, debugfs and trace events
 * @named: place in hak_named, from before the cache is made until nothing is left of it
 *	(typed caches)
 * @nr_slabs: its slabs, so that who destroys a cache that has none need not look at all
 *	slabs; in a line of its own, because CPUs that refill read the others
 * @list: place in hak_caches; readers use RCU
 * @listed: true while it is in hak_caches; under hak_cache_mutex
 * @stats: where a reader of debugfs counts its slabs, or NULL; under
 *	hak_cache_mutex
 */
struct hak_cache {
	struct hak_cpu_cache __percpu *cpu;
	u32 size;
	u32 recip;
	u32 step;
	u32 capacity;
	u32 cap;
	u32 link;
	struct hak_pool **pool;
	struct kmem_cache *fallback;
	u32 zero;
	u32 usable;
	const char *name;
	struct list_head list;
	bool listed;
	struct hak_class_stats *stats;
	long __percpu *fallback_live;
	bool tail_known;
	u32 align;
	slab_flags_t flags;
	void (*ctor)(void *p);
	u32 checks;
	u32 map;
	u32 track;
	u32 bytes;
	u32 tags;
	u16 *order;
	struct list_head named;

	/* Written when a slab is claimed or released. */
	atomic_t nr_slabs __aligned(64);
} __aligned(128);

/* The largest stride: an object of HAK_CACHE_MAX_SIZE, its link, and its alignment. */
#define HAK_MAX_STRIDE		(2 * HAK_CACHE_MAX_SIZE)

/*
 * Likewise, with what debug= adds behind an object. An object as large as its alignment
 * takes up that alignment twice.
 */
#define HAK_MAX_PADDED		(2 * HAK_MAX_STRIDE)

extern struct list_head hak_caches;
extern struct list_head hak_named;
extern struct mutex hak_cache_mutex;
void hak_cache_set_listed(struct hak_cache *c, bool listed);
int hak_cache_setup(struct hak_cache *c, u32 size);
void hak_cache_enable(struct hak_cache *c);
bool hak_cache_args_ok(const char *name, unsigned int size,
		       const struct hak_cache_args *args, slab_flags_t flags);
void hak_cache_layout(struct hak_cache *c, const char *name, unsigned int size,
		      const struct hak_cache_args *args, slab_flags_t flags);
void hak_cache_teardown(struct hak_cache *c);
void hak_cache_flush_this(struct hak_cache *c);

/*
 * Have every CPU flush its cache of @c, each by itself. It is in shrink.c; the userspace
 * build has a function of its own. Context: task, may sleep.
 */
void hak_cache_flush_cpus(struct hak_cache *c);
void hak_cache_exit(void);

/*
 * Does SLUB serve all objects of @c? It does if they are accounted, since hakmem
 * cannot charge a memory cgroup.
 */
static inline bool hak_cache_is_slub_only(const struct hak_cache *c)
{
	return c->flags & SLAB_ACCOUNT;
}

/*
 * Does a free object keep the contents it had when it was freed? If so, hakmem
 * writes neither a link nor zeroes into it.
 */
static inline bool hak_keeps_contents(slab_flags_t flags, void (*ctor)(void *))
{
	return ctor || flags & SLAB_TYPESAFE_BY_RCU;
}

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

/*
 * Is @off a multiple of the size whose reciprocal is @recip? @off is less than
 * HAK_SLAB_SIZE.
 *
 * The product off * recip is taken modulo 2^32. From one multiple of the size to
 * the next it grows by step = recip * size - 2^32, which is 1 to size. So for the
 * n-th multiple it is n * step. For sizes up to HAK_MAX_PADDED that is at most
 * 2^16 and less than recip. From a multiple on, each further byte adds recip,
 * without a wrap before the next multiple; so between multiples the product is at
 * least recip.
 */
static __always_inline bool hak_multiple(u32 off, u32 recip)
{
	return off * recip < recip;
}

/* Is @off, an offset in a slab of @c, the start of an object? */
static __always_inline bool hak_offset_valid(const struct hak_cache *c, u32 off)
{
	return hak_multiple(off, c->recip);
}

#endif /* _HAK_CACHE_H */
