/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * kmalloc() and the rest end in the C library's allocator (__libc_malloc, so
 * that a program's malloc can be hakmem itself; in sanitizer builds malloc).
 * Kept: ZERO_SIZE_PTR, alignment to the largest power of two that divides the
 * size (16 at least, a page at most), 8 bytes as the smallest size, __GFP_ZERO,
 * __GFP_NOFAIL, errors by NULL.
 * kvmalloc() aligns to 16 only, and large zeroed blocks are not touched.
 * Not kept: size limits (there are none), accounting, nodes. Blocks given to
 * kfree_rcu() are never given back to the C library, not even by a later
 * kfree(), see rcupdate.h. The SLAB_
 * flags have the meaning, not the values, of any one kernel configuration; of a
 * kmem_cache size, alignment, constructor and SLAB_TYPESAFE_BY_RCU matter.
 * hak_slab_rest() is not the kernel's, see kernel/compat.h. Blocks of the C
 * library are in no slabs, so no more can be read than the block.
 */
#ifndef _SHIM_LINUX_SLAB_H
#define _SHIM_LINUX_SLAB_H

#include <linux/cache.h>
#include <linux/gfp.h>
#include <linux/overflow.h>
#include <linux/types.h>
#include <linux/cleanup.h>
#include <linux/rcupdate.h>
#include <linux/shim_lock.h>
#include <asm/page.h>

#define SLAB_CONSISTENCY_CHECKS	((slab_flags_t)0x00000001u)
#define SLAB_RED_ZONE		((slab_flags_t)0x00000002u)
#define SLAB_POISON		((slab_flags_t)0x00000004u)
#define SLAB_KMALLOC		((slab_flags_t)0x00000008u)
#define SLAB_HWCACHE_ALIGN	((slab_flags_t)0x00000010u)
#define SLAB_CACHE_DMA		((slab_flags_t)0x00000020u)
#define SLAB_CACHE_DMA32	((slab_flags_t)0x00000040u)
#define SLAB_STORE_USER		((slab_flags_t)0x00000080u)
#define SLAB_PANIC		((slab_flags_t)0x00000100u)
#define SLAB_TYPESAFE_BY_RCU	((slab_flags_t)0x00000200u)
#define SLAB_TRACE		((slab_flags_t)0x00000400u)
#define SLAB_NOLEAKTRACE	((slab_flags_t)0x00000800u)
#define SLAB_NO_MERGE		((slab_flags_t)0x00001000u)
#define SLAB_RECLAIM_ACCOUNT	((slab_flags_t)0x00002000u)
#define SLAB_ACCOUNT		((slab_flags_t)0x00004000u)
#define SLAB_NO_USER_FLAGS	((slab_flags_t)0x00008000u)
#define SLAB_MEM_SPREAD		((slab_flags_t)0u)
#define SLAB_TEMPORARY		SLAB_RECLAIM_ACCOUNT

#define ZERO_SIZE_PTR		((void *)16)
#define ZERO_OR_NULL_PTR(x) \
	((unsigned long)(x) <= (unsigned long)ZERO_SIZE_PTR)

#define ARCH_KMALLOC_MINALIGN	8
#define ARCH_SLAB_MINALIGN	8
#define KMALLOC_MIN_SIZE	8
#define KMALLOC_SHIFT_HIGH	(PAGE_SHIFT + 1)
#define KMALLOC_SHIFT_MAX	(PAGE_SHIFT + 10)
#define KMALLOC_MAX_SIZE	(1UL << KMALLOC_SHIFT_MAX)
#define KMALLOC_MAX_CACHE_SIZE	(1UL << KMALLOC_SHIFT_HIGH)

void *kmalloc(size_t size, gfp_t gfp) __alloc_size(1);
void *kvmalloc(size_t size, gfp_t gfp) __alloc_size(1);
void *krealloc(const void *p, size_t size, gfp_t gfp) __alloc_size(2);
void kfree(const void *p);
size_t ksize(const void *p);
#define hak_slab_rest(p)	ksize(p)

static inline void *kzalloc(size_t size, gfp_t gfp)
{
	return kmalloc(size, gfp | __GFP_ZERO | __GFP_SHIM_REUSE);
}

static inline void *kmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	return kmalloc(size_mul(n, size), gfp);
}

static inline void *kcalloc(size_t n, size_t size, gfp_t gfp)
{
	return kzalloc(size_mul(n, size), gfp);
}

static inline void kfree_sensitive(const void *p)
{
	if (!ZERO_OR_NULL_PTR(p))
		__builtin_memset((void *)p, 0, ksize(p));
	__asm__ __volatile__("" : : "r"(p) : "memory");
	kfree(p);
}

#define kmalloc_node(size, gfp, node)	((void)(node), kmalloc(size, gfp))
#define kmalloc_node_noprof(size, gfp, node) kmalloc_node(size, gfp, node)
#define krealloc_noprof(p, size, gfp)	krealloc(p, size, gfp)
#define kzalloc_node(size, gfp, node)	((void)(node), kzalloc(size, gfp))
#define kcalloc_node(n, size, gfp, node) ((void)(node), kcalloc(n, size, gfp))
#define kmalloc_array_node(n, size, gfp, node) \
	((void)(node), kmalloc_array(n, size, gfp))
#define kmalloc_track_caller(size, gfp)	kmalloc(size, gfp)
#define kmalloc_node_track_caller(size, gfp, node) kmalloc_node(size, gfp, node)
#define kvzalloc(size, gfp)		kvmalloc(size, (gfp) | __GFP_ZERO)
#define kvcalloc(n, size, gfp)		kvzalloc(size_mul(n, size), gfp)
#define kvmalloc_array(n, size, gfp)	kvmalloc(size_mul(n, size), gfp)
#define kvmalloc_node(size, gfp, node)	((void)(node), kvmalloc(size, gfp))
#define kvzalloc_node(size, gfp, node)	((void)(node), kvzalloc(size, gfp))
#define kvfree(p)			kfree(p)
#define kmalloc_size_roundup(size)	(size)

DEFINE_FREE(kfree, void *, if (_T) kfree(_T))
DEFINE_FREE(kvfree, void *, if (_T) kvfree(_T))

struct kmem_cache {
	const char *name;
	unsigned int object_size;
	unsigned int size;
	unsigned int align;
	slab_flags_t flags;
	void (*ctor)(void *);
	struct shim_futex lock;
	void *free;
};

struct kmem_cache *kmem_cache_create(const char *name, unsigned int size,
				     unsigned int align, slab_flags_t flags,
				     void (*ctor)(void *));
#define kmem_cache_create_usercopy(name, size, align, flags, offset, usersize, ctor) \
	((void)(offset), (void)(usersize),				\
	 kmem_cache_create(name, size, align, flags, ctor))
void kmem_cache_destroy(struct kmem_cache *s);
void *kmem_cache_alloc(struct kmem_cache *s, gfp_t gfp);
void kmem_cache_free(struct kmem_cache *s, void *p);

#define kmem_cache_zalloc(s, gfp)	kmem_cache_alloc(s, (gfp) | __GFP_ZERO)
#define kmem_cache_alloc_node(s, gfp, node) \
	((void)(node), kmem_cache_alloc(s, gfp))
#define kmem_cache_alloc_node_noprof(s, gfp, node) kmem_cache_alloc_node(s, gfp, node)
#define kmem_cache_alloc_lru_noprof(s, lru, gfp) ((void)(lru), kmem_cache_alloc(s, gfp))
int kmem_cache_shrink(struct kmem_cache *s);

#define KMEM_CACHE(__struct, __flags) \
	kmem_cache_create(#__struct, sizeof(struct __struct), \
			  __alignof__(struct __struct), (__flags), NULL)
#define slab_is_available()		true

#endif
