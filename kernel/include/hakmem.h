/* SPDX-License-Identifier: GPL-2.0 */
/*
 * hakmem: a slab allocator for tiny objects that are allocated on one CPU and
 * freed on another. A caller needs no other header.
 *
 * Free memory from hakmem with hak_free() and its variants. hak_free() also takes
 * memory from kmalloc(), but memory from hakmem must never go to the functions
 * below. They do not call hakmem, so hakmem cannot catch the mistake:
 *
 *   kfree(), kvfree(), kfree_bulk(), kfree_rcu(), kvfree_rcu(), their variants,
 *   kfree_nolock(), mempools of kmalloc() memory, __free(kfree):
 *     the object is not freed. The kernel warns in free_large_kmalloc(), once
 *     per boot, with "page dumped because: Not a kmalloc allocation". (6.12
 *     says "object pointer: 0x..." and drops a reference that the page does not
 *     have.) With the kfree_rcu() family a kworker does so later, and the
 *     report does not name the caller.
 *   ksize():
 *     it warns in __ksize() and returns the size of a page (on 6.12: 0).
 *   krealloc(), kvrealloc(), kfree_sensitive():
 *     they warn and rely on ksize(). On 7.3 krealloc() leaves the object in
 *     place up to the size of a page, and kfree_sensitive() clears as many
 *     bytes, so both overwrite neighbours.
 *   devm_kfree():
 *     it warns in devm_kfree(), because devres does not know the object.
 *   kmem_cache_free():
 *     with CONFIG_SLAB_FREELIST_HARDENED it warns, otherwise it may crash.
 *   kmem_cache_free_bulk():
 *     it may crash.
 *   kmem_cache_charge():
 *     if there are memory cgroups it crashes (on 6.12 it charges a page).
 *   kmemleak_not_leak(), kmemleak_ignore(), kmemleak_no_scan():
 *     kmemleak warns "Found object by alias", unless the object is the first of its
 *     slab. Then all objects of 64 KiB are ignored, or not scanned.
 *   kmemleak_scan_area():
 *     from then on only such areas of those 64 KiB are scanned, so kmemleak reports
 *     memory that only hakmem's other objects there point to.
 *
 * If SLUB had to serve an object, the wrong function frees it without a warning.
 * So the mistake may show only under load, and if the object is of a cache, that
 * cache counts it as live for ever. Use these instead:
 *
 *   kfree_rcu(p, rcu)      hak_free_rcu(p, rcu)
 *   krealloc(), ksize()    hak_realloc(), hak_usable_size()
 *   kmem_cache_charge()    __GFP_ACCOUNT, with which SLUB serves the object
 *   kfree_sensitive()      hak_free_sensitive()
 *   kfree_const()          hak_free(), unless hak_usable_size() is 0
 *   __free(kfree)          __free(hak_free)
 *   kmemleak_ignore() ...  nothing: kmemleak never reports an object of hakmem
 *   devm_kmalloc()         devm_add_action_or_reset()
 *   a kmalloc() mempool    mempool_create() with hak_mempool_alloc(),
 *                          hak_mempool_free() and a hak_cache
 */
#ifndef _HAKMEM_H
#define _HAKMEM_H

#include <linux/build_bug.h>
#include <linux/cleanup.h>
#include <linux/compiler.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/numa.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/stddef.h>
#include <linux/types.h>

struct list_lru;

#define HAKMEM_VERSION		"0.1.0"

/* The largest request, in bytes, that hak_alloc() serves itself. */
#define HAK_MAX_SIZE		1024

/* The largest object, in bytes, that hak_cache_create() accepts. */
#define HAK_CACHE_MAX_SIZE	8192

/* The longest name, in characters, that hak_cache_create() accepts. */
#define HAK_CACHE_NAME_MAX	63

/*
 * GFP flags that hakmem passes to SLUB: it does not charge memory cgroups, and
 * its memory belongs to no particular zone.
 */
#define HAK_GFP_FOREIGN		(__GFP_ACCOUNT | __GFP_DMA | __GFP_DMA32)

/* GFP flags with which an allocation leaves the fast path. */
#define HAK_GFP_SPECIAL		(HAK_GFP_FOREIGN | __GFP_ZERO)

/*
 * Does the compiler know that @gfp has none of HAK_GFP_SPECIAL? Then the allocation
 * has an entry point that does not look at the flags.
 */
#define HAK_GFP_IS_PLAIN(gfp)						\
	(__builtin_constant_p(gfp) && !((gfp) & HAK_GFP_SPECIAL))

struct hak_cache;

void hak_free(const void *p);
void hak_free_sized(const void *p, size_t size);
void hak_free_bulk(unsigned int n, void **p);
void hak_free_sensitive(const void *p);

void *__hak_alloc(size_t size, gfp_t gfp)
	__alloc_size(1) __malloc;
void *__hak_alloc_plain(size_t size, gfp_t gfp)
	__alloc_size(1) __malloc;
void *__hak_alloc_class(unsigned long index, gfp_t gfp, size_t size)
	__alloc_size(3) __malloc;
void *__hak_alloc_class_plain(unsigned long index, gfp_t gfp, size_t size)
	__alloc_size(3) __malloc;
void *hak_alloc_node(size_t size, gfp_t gfp, int node)
	__alloc_size(1) __malloc;
void *hak_calloc(size_t n, size_t size, gfp_t gfp)
	__alloc_size(1, 2) __malloc;
void *hak_calloc_node(size_t n, size_t size, gfp_t gfp, int node)
	__alloc_size(1, 2) __malloc;
void *hak_realloc(const void *p, size_t size, gfp_t gfp)
	__realloc_size(2) __must_check;
void *hak_realloc_array(const void *p, size_t n, size_t size, gfp_t gfp)
	__realloc_size(2, 3) __must_check;
char *hak_strdup(const char *s, gfp_t gfp) __malloc;
void *hak_memdup(const void *src, size_t size, gfp_t gfp)
	__alloc_size(2) __malloc;
unsigned int hak_alloc_bulk(size_t size, gfp_t gfp, unsigned int n, void **p);
size_t hak_usable_size(const void *p);
bool hak_owns(const void *p);

/**
 * hak_class_index() - index of the size class that serves a request
 * @size: bytes wanted, 1..HAK_MAX_SIZE
 *
 * The classes are 8 16 24 32 48 64, then four per doubling. If @size is constant
 * the compiler computes the index.
 *
 * Context: any.
 * Return: the index of the class.
 */
static __always_inline unsigned int hak_class_index(size_t size)
{
	unsigned int log;

	if (size <= 32)
		return (size - 1) / 8;
	if (size <= 64)
		return 2 + (size - 1) / 16;
	log = ilog2(size - 1);
	return 6 + 4 * (log - 6) + ((size - 1) >> (log - 2)) % 4;
}

/**
 * hak_alloc() - allocate memory
 * @size: bytes wanted
 * @gfp: as for kmalloc()
 *
 * The contract is that of kmalloc(). 0 bytes give ZERO_SIZE_PTR. If @size is a
 * power of two the memory is aligned to @size, otherwise to the largest power of
 * two that divides @size, and to at least 8. __GFP_ZERO and init_on_alloc zero
 * the memory, and __GFP_NOFAIL holds. Requests above HAK_MAX_SIZE, and those with
 * __GFP_ACCOUNT, __GFP_DMA or __GFP_DMA32, go to kmalloc().
 *
 * The memory may be a DMA buffer wherever kmalloc()'s may be. Where DMA is not
 * coherent (dma_get_cache_alignment() is not 1), the DMA layer knows by the size
 * whether kmalloc() would have given the buffer whole cache lines, and bounces it
 * if not. hakmem gives whole lines to the same sizes. If lines have 64 bytes, as
 * on most arm64, requests of 33 to 48 bytes take 64, 97 to 112 take 128, 129 to
 * 160 take 192, and 193 to 224 take 256, as with kmalloc().
 *
 * Context: any but NMI, as @gfp allows. In atomic context on PREEMPT_RT, where
 * kmalloc() is not allowed, only memory that hakmem already has can be allocated.
 * Return: the memory, or NULL.
 */
static __always_inline __alloc_size(1) void *hak_alloc(size_t size, gfp_t gfp)
{
	const bool plain = HAK_GFP_IS_PLAIN(gfp);

	/*
	 * gcc forgets the __alloc_size of a function that it has inlined. So the function
	 * that is called gets the size, too, by which CONFIG_FORTIFY_SOURCE checks accesses.
	 */
	if (__builtin_constant_p(size) && size - 1 < HAK_MAX_SIZE)
		return plain ? __hak_alloc_class_plain(hak_class_index(size), gfp, size) :
			       __hak_alloc_class(hak_class_index(size), gfp, size);
	return plain ? __hak_alloc_plain(size, gfp) : __hak_alloc(size, gfp);
}

/**
 * hak_zalloc() - allocate zeroed memory
 * @size: bytes wanted
 * @gfp: as for hak_alloc()
 *
 * Context: as for hak_alloc().
 * Return: as for hak_alloc(), the whole object zeroed.
 */
static inline __alloc_size(1) void *hak_zalloc(size_t size, gfp_t gfp)
{
	return hak_alloc(size, gfp | __GFP_ZERO);
}

/**
 * hak_zalloc_node() - allocate zeroed memory on a node
 * @size: bytes wanted
 * @gfp: as for hak_alloc()
 * @node: as for hak_alloc_node()
 *
 * Context: as for hak_alloc().
 * Return: as for hak_alloc(), the whole object zeroed.
 */
static inline __alloc_size(1) void *hak_zalloc_node(size_t size, gfp_t gfp,
						    int node)
{
	return hak_alloc_node(size, gfp | __GFP_ZERO, node);
}

/**
 * hak_alloc_array() - allocate an array
 * @n: elements
 * @size: bytes of an element
 * @gfp: as for hak_alloc()
 *
 * Context: as for hak_alloc().
 * Return: as for hak_alloc(); NULL if the product overflows.
 */
static __always_inline __alloc_size(1, 2) void *
hak_alloc_array(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes)))
		return NULL;
	return hak_alloc(bytes, gfp);
}

/**
 * struct hak_cache_args - arguments for a new cache, as struct kmem_cache_args
 * @align: alignment in bytes, 0 for 8, else a power of two up to PAGE_SIZE. Where
 *	pages are larger than 16 KiB, it is 16 KiB at most
 * @useroffset: start of the part of an object that may be copied to and from user
 *	space
 * @usersize: size of that part in bytes, 0 for the whole object. The kernel
 *	checks such copies by the kind of page. It checks objects that SLUB
 *	serves, and refuses copies outside this part. It does not check hakmem's
 *	pages, so any part of those objects can be copied
 * @freeptr_offset: where in a free object its link may lie; used only if
 *	@use_freeptr_offset is true
 * @use_freeptr_offset: put the link at @freeptr_offset. Allowed only with @ctor
 *	or SLAB_TYPESAFE_BY_RCU. Otherwise the link of such objects lies behind
 *	them and takes 8 more bytes, unless the alignment leaves room
 * @ctor: constructor. It is called for each object of a slab when the cache gets
 *	the slab, in the context of an allocation, for up to 64 KiB of objects. It
 *	is not called when objects are allocated, because they keep their contents
 *	while they are free. Such objects are never zeroed, and __GFP_ZERO is
 *	reported
 */
struct hak_cache_args {
	unsigned int align;
	unsigned int useroffset;
	unsigned int usersize;
	unsigned int freeptr_offset;
	bool use_freeptr_offset;
	void (*ctor)(void *p);
};

struct hak_cache *hak_cache_create_args(const char *name, unsigned int size,
					const struct hak_cache_args *args,
					slab_flags_t flags);

/**
 * HAK_CACHE() - make a cache for a structure
 * @__struct: the tag of the structure, which becomes the name of the cache
 * @__flags: as for hak_cache_create_args()
 *
 * As KMEM_CACHE(): size and alignment are those of the structure.
 *
 * Context: task, may sleep.
 * Return: as for hak_cache_create_args().
 */
#define HAK_CACHE(__struct, __flags)					\
	hak_cache_create_args(#__struct, sizeof(struct __struct),	\
		&(struct hak_cache_args) {				\
			.align = __alignof__(struct __struct),		\
		}, (__flags))

/**
 * HAK_CACHE_USERCOPY() - make a cache for a structure of which one field is for users
 * @__struct: as for HAK_CACHE()
 * @__flags: likewise
 * @__field: the field
 *
 * As KMEM_CACHE_USERCOPY(). If SLUB serves an object, only @__field may be copied to
 * and from user space. Of an object of hakmem's every part may be copied, see struct
 * hak_cache_args.
 *
 * Context: task, may sleep.
 * Return: as for hak_cache_create_args().
 */
#define HAK_CACHE_USERCOPY(__struct, __flags, __field)			\
	hak_cache_create_args(#__struct, sizeof(struct __struct),	\
		&(struct hak_cache_args) {				\
			.align = __alignof__(struct __struct),		\
			.useroffset = offsetof(struct __struct, __field), \
			.usersize = sizeof_field(struct __struct, __field), \
		}, (__flags))

struct hak_cache *hak_cache_create(const char *name, unsigned int size,
				   unsigned int align, slab_flags_t flags,
				   void (*ctor)(void *));
void hak_cache_destroy(struct hak_cache *c);
void *__hak_cache_alloc(struct hak_cache *c, gfp_t gfp) __malloc;
void *__hak_cache_alloc_plain(struct hak_cache *c, gfp_t gfp) __malloc;
void *hak_cache_alloc_node(struct hak_cache *c, gfp_t gfp, int node) __malloc;
void *hak_cache_alloc_lru(struct hak_cache *c, struct list_lru *lru, gfp_t gfp) __malloc;
void *hak_cache_zero(struct hak_cache *c, void *p);
void hak_cache_free(struct hak_cache *c, void *p);
unsigned int hak_cache_alloc_bulk(struct hak_cache *c, gfp_t gfp, unsigned int n,
				  void **p);
void hak_cache_free_bulk(struct hak_cache *c, unsigned int n, void **p);
unsigned int hak_cache_size(const struct hak_cache *c);
int hak_cache_shrink(struct hak_cache *c);

/**
 * hak_cache_alloc() - allocate an object
 * @c: the cache
 * @gfp: as for kmem_cache_alloc()
 *
 * Context: as for hak_alloc().
 * Return: the object, or NULL.
 */
static __always_inline __malloc void *hak_cache_alloc(struct hak_cache *c, gfp_t gfp)
{
	return HAK_GFP_IS_PLAIN(gfp) ? __hak_cache_alloc_plain(c, gfp) :
				       __hak_cache_alloc(c, gfp);
}

/**
 * hak_cache_zalloc() - allocate a zeroed object
 * @c: the cache
 * @gfp: as for hak_cache_alloc()
 *
 * If the cache has a constructor the object is not zeroed, and the call is reported.
 *
 * Context: as for hak_alloc().
 * Return: the object, or NULL. Unless there is a constructor, all of it is zeroed.
 */
static inline __malloc void *hak_cache_zalloc(struct hak_cache *c, gfp_t gfp)
{
	return hak_cache_alloc(c, gfp | __GFP_ZERO);
}

void __hak_free_rcu(const void *p, struct rcu_head *head);
void hak_free_rcu_barrier(void);
bool hak_dump_obj(const void *p);

/**
 * hak_free_rcu() - free memory after a grace period
 * @ptr: as for hak_free(); NULL is ignored
 * @...: the name of the struct rcu_head in *@ptr, or nothing
 *
 * As kfree_rcu(). With the name of a member the call never sleeps, and the member
 * may lie anywhere in the object. Without the name this is
 * hak_free_rcu_mightsleep(). If no object begins at the address, that is reported
 * when the grace period is over, and the report cannot name the caller.
 * hak_cache_destroy() waits for the objects given to this function;
 * hak_free_rcu_barrier() waits for all of them.
 *
 * With preemption or interrupts off it calls neither SLUB nor the page allocator. With
 * interrupts off it starts no grace period either, so it wakes no task. (A kernel
 * without PREEMPT_COUNT cannot tell that preemption is off.)
 *
 * Context: any but NMI. The caller may hold any lock, raw spinlocks included, except
 * those that queue_delayed_work() takes and, on PREEMPT_RT, a spinlock_t of SLUB or of
 * the page allocator. Without the name of a member: task, may sleep.
 */
#define hak_free_rcu(ptr, ...)						\
	__HAK_FREE_RCU(ptr, ##__VA_ARGS__, __hak_free_rcu_head,		\
		       hak_free_rcu_mightsleep)(ptr, ##__VA_ARGS__)
#define __HAK_FREE_RCU(ptr, rhf, which, ...)	which

#define __hak_free_rcu_head(ptr, rhf)					\
do {									\
	typeof(ptr) __hak_ptr = (ptr);					\
	const size_t __hak_off = offsetof(typeof(*__hak_ptr), rhf);	\
									\
	BUILD_BUG_ON(!__same_type(__hak_ptr->rhf, struct rcu_head));	\
	if (__hak_ptr)							\
		__hak_free_rcu(__hak_ptr, (void *)__hak_ptr + __hak_off); \
} while (0)

/**
 * hak_free_rcu_mightsleep() - free memory that has no rcu_head after a grace period
 * @ptr: as for hak_free(); NULL is ignored
 *
 * It sleeps only if there is no memory in which to record the object.
 *
 * Context: task, may sleep.
 */
#define hak_free_rcu_mightsleep(ptr)					\
do {									\
	typeof(ptr) __hak_ptr = (ptr);					\
									\
	might_sleep();							\
	if (__hak_ptr)							\
		__hak_free_rcu(__hak_ptr, NULL);			\
} while (0)

void *hak_mempool_alloc(gfp_t gfp, void *pool_data);
void hak_mempool_free(void *element, void *pool_data);

/* __free(hak_free): free the memory when the variable goes out of scope. */
DEFINE_FREE(hak_free, void *, if (!IS_ERR_OR_NULL(_T)) hak_free(_T))

#ifndef HAKMEM_NO_TAGS
#include "hakmem_tags.h"
#endif

#endif /* _HAKMEM_H */
