/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Moves a module to hakmem without a change to its source. The macros below turn
 * the kernel's names of kmem_cache functions into names of hakmem.
 *
 * A source file includes this header after all others. If the source has to stay
 * unchanged, the module's Kbuild makes the compiler include it:
 *
 *   ccflags-y += -include hakmem_replace.h
 *
 * Frees are always mapped, including kfree(), kvfree(), kfree_rcu() and
 * kfree_sensitive(), because hak_free() also takes memory from kmalloc().
 * kmalloc() and its variants are mapped only if HAKMEM_REPLACE_KMALLOC is defined
 * before this header is included. Define it only if no such memory leaves the
 * module for code that gives it to kfree() or ksize(); hakmem.h lists the
 * functions that must not get it.
 *
 * If a module gets a cache from kernel code, or gives one to it, that cache is a
 * kmem_cache and not a hak_cache, so its functions must not be mapped. One
 * example is mempool_create_slab_pool(); use hak_mempool_alloc() instead.
 */
#ifndef _HAKMEM_REPLACE_H
#define _HAKMEM_REPLACE_H

#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "hakmem.h"

static inline struct hak_cache *
hak_replace_create(const char *name, unsigned int size,
		   const struct kmem_cache_args *args, slab_flags_t flags)
{
	struct hak_cache_args ours = {
		.align = args->align,
		.useroffset = args->useroffset,
		.usersize = args->usersize,
		.freeptr_offset = args->freeptr_offset,
		.use_freeptr_offset = args->use_freeptr_offset,
		.ctor = args->ctor,
	};

	return hak_cache_create_args(name, size, &ours, flags);
}

static inline struct hak_cache *
hak_replace_create_default(const char *name, unsigned int size, const void *none,
			   slab_flags_t flags)
{
	return hak_cache_create_args(name, size, NULL, flags);
}

static inline struct hak_cache *
hak_replace_create_usercopy(const char *name, unsigned int size,
			    unsigned int align, slab_flags_t flags,
			    unsigned int useroffset, unsigned int usersize,
			    void (*ctor)(void *))
{
	struct hak_cache_args args = {
		.align = align,
		.useroffset = useroffset,
		.usersize = usersize,
		.ctor = ctor,
	};

	return hak_cache_create_args(name, size, &args, flags);
}

static inline void hak_replace_kvfree(const void *p)
{
	if (is_vmalloc_addr(p))
		vfree(p);
	else
		hak_free(p);
}

#define kmem_cache hak_cache

/* With four arguments or with five, as the kernel's own. */
#undef kmem_cache_create
#define kmem_cache_create(__name, __size, __args, ...)			\
	__builtin_choose_expr(						\
		__same_type((__args), struct kmem_cache_args *),	\
		hak_replace_create,					\
		__builtin_choose_expr(__same_type((__args), void *),	\
				      hak_replace_create_default,	\
				      hak_cache_create)			\
	)(__name, __size, __args, __VA_ARGS__)
#define kmem_cache_create_usercopy	hak_replace_create_usercopy
#undef KMEM_CACHE
#define KMEM_CACHE(__struct, __flags)	HAK_CACHE(__struct, __flags)
#undef KMEM_CACHE_USERCOPY
#define KMEM_CACHE_USERCOPY(__struct, __flags, __field) \
	HAK_CACHE_USERCOPY(__struct, __flags, __field)

#define kmem_cache_destroy		hak_cache_destroy
#define kmem_cache_shrink		hak_cache_shrink
#define kmem_cache_size			hak_cache_size
#define kmem_dump_obj			hak_dump_obj
#define kmem_cache_free			hak_cache_free
#define kmem_cache_free_bulk(c, n, p)	hak_cache_free_bulk(c, n, p)
#undef kmem_cache_alloc
#define kmem_cache_alloc(c, gfp)	hak_cache_alloc(c, gfp)
#undef kmem_cache_zalloc
#define kmem_cache_zalloc(c, gfp)	hak_cache_zalloc(c, gfp)
#undef kmem_cache_alloc_node
#define kmem_cache_alloc_node(c, gfp, node) hak_cache_alloc_node(c, gfp, node)
#undef kmem_cache_alloc_bulk
#define kmem_cache_alloc_bulk(c, gfp, n, p) hak_cache_alloc_bulk(c, gfp, n, p)
/* The list_lru of reclaimable objects is per memory cgroup; hakmem ignores it. */
#undef kmem_cache_alloc_lru
#define kmem_cache_alloc_lru(c, lru, gfp) ((void)(lru), hak_cache_alloc(c, gfp))

#undef kfree
#define kfree(p)			hak_free(p)
#undef kvfree
#define kvfree(p)			hak_replace_kvfree(p)
#undef kfree_sensitive
#define kfree_sensitive(p)		hak_free_sensitive(p)
#undef kfree_bulk
#define kfree_bulk(n, p)		hak_free_bulk(n, p)
#undef kfree_rcu
#define kfree_rcu(p, rhf)		hak_free_rcu(p, rhf)
#undef kfree_rcu_mightsleep
#define kfree_rcu_mightsleep(p)		hak_free_rcu_mightsleep(p)

#ifdef HAKMEM_REPLACE_KMALLOC

#undef kmalloc
#define kmalloc(size, gfp)		hak_alloc(size, gfp)
#undef kzalloc
#define kzalloc(size, gfp)		hak_zalloc(size, gfp)
#undef kcalloc
#define kcalloc(n, size, gfp)		hak_calloc(n, size, gfp)
#undef kmalloc_array
#define kmalloc_array(n, size, gfp)	hak_alloc_array(n, size, gfp)
#undef kmalloc_node
#define kmalloc_node(size, gfp, node)	hak_alloc_node(size, gfp, node)
#undef kzalloc_node
#define kzalloc_node(size, gfp, node)	hak_zalloc_node(size, gfp, node)
#undef kcalloc_node
#define kcalloc_node(n, size, gfp, node) hak_calloc_node(n, size, gfp, node)
#undef krealloc
#define krealloc(p, size, gfp)		hak_realloc(p, size, gfp)
#undef krealloc_array
#define krealloc_array(p, n, size, gfp)	hak_realloc_array(p, n, size, gfp)
#undef kmemdup
#define kmemdup(p, size, gfp)		hak_memdup(p, size, gfp)
#undef kstrdup
#define kstrdup(s, gfp)			hak_strdup(s, gfp)
#undef ksize
#define ksize(p)			hak_usable_size(p)

#endif /* HAKMEM_REPLACE_KMALLOC */

#endif /* _HAKMEM_REPLACE_H */
