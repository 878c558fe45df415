/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A cache: what a size class and a cache of hak_cache_create() have in common.
 */
#ifndef _HAK_CACHE_H
#define _HAK_CACHE_H

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
 * @size: from one object of a slab to the next, in bytes
 * @recip: floor(2^32 / @size) + 1, see hak_multiple()
 * @step: @recip * @size - 2^32
 * @capacity: objects of a slab
 * @cap: objects a CPU keeps; see hak_cpu_cap()
 * @link: offset of the free link from the start of an object; with a constructor
 *	and under SLAB_TYPESAFE_BY_RCU that is beyond @usable
 * @pool: by node
 * @fallback: SLUB cache for when no superslab can be had (typed caches)
 * @zero: bytes to zero of an object when the caller or the system wants that; 0
 *	if objects keep what they hold while they are free, see hak_object_init()
 * @usable: bytes of an object that are its user's
 * @fallback_live: per CPU, objects got from it less those given back
 * @align: what @size is a multiple of (typed caches)
 * @flags: what the cache was made with (typed caches)
 * @ctor: constructs an object, once for as long as its slab is the cache's; or NULL
 * @name: for people
 * @list: place in hak_caches, RCU
 * @listed: has it that place? Under hak_cache_mutex
 * @stats: where its slabs are being counted, or NULL; under hak_cache_mutex
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
	u32 align;
	slab_flags_t flags;
	void (*ctor)(void *p);
} __aligned(128);

/* The largest stride: an object of HAK_CACHE_MAX_SIZE, its link, and its alignment. */
#define HAK_MAX_STRIDE		(2 * HAK_CACHE_MAX_SIZE)

extern struct list_head hak_caches;
extern struct mutex hak_cache_mutex;
void hak_cache_list(struct hak_cache *c, bool listed);
int hak_cache_setup(struct hak_cache *c, const char *name, u32 size);
bool hak_cache_args_ok(const char *name, unsigned int size,
		       const struct hak_cache_args *args, slab_flags_t flags);
void hak_cache_layout(struct hak_cache *c, unsigned int size,
		      const struct hak_cache_args *args, slab_flags_t flags);
void hak_cache_teardown(struct hak_cache *c);
void hak_cache_exit(void);

/*
 * Are all its objects SLUB's? hakmem cannot charge a memory cgroup, so SLUB serves
 * every object of an accounted cache.
 */
static inline bool hak_cache_is_slubs(const struct hak_cache *c)
{
	return c->flags & SLAB_ACCOUNT;
}

/*
 * Does a free object keep what it held when it was freed? Then hakmem writes neither
 * a link nor zeroes into it.
 */
static inline bool hak_flags_keep(slab_flags_t flags, void (*ctor)(void *))
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
 * Is @off, less than HAK_SLAB_SIZE, a multiple of the size that @recip is of?
 *
 * Modulo 2^32 the product grows by step = recip * size - 2^32, which is 1 to size,
 * from one multiple to the next. So of the n-th it is n * step, 2^16 at the most
 * and less than recip, for sizes up to HAK_MAX_STRIDE. Between multiples it
 * is larger by recip for each byte, and never wraps.
 */
static __always_inline bool hak_multiple(u32 off, u32 recip)
{
	return off * recip < recip;
}

/* ... of the objects' size? */
static __always_inline bool hak_offset_valid(const struct hak_cache *c, u32 off)
{
	return hak_multiple(off, c->recip);
}

#endif /* _HAK_CACHE_H */
