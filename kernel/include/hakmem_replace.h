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
 * Frees are always mapped, including kfree(), kvfree(), kfree_rcu(), kvfree_rcu(),
 * kfree_const(), kfree_sensitive() and __free(kfree), because hak_free() also takes memory from
 * kmalloc(). kmalloc(), kvmalloc() and their variants are mapped only if
 * HAKMEM_REPLACE_KMALLOC is defined before this header is included. Define it only
 * if no such memory leaves the module for code that gives it to kfree() or ksize();
 * hakmem.h lists the functions that must not get it. Not mapped, so they must not get
 * such memory either, are kfree_rcu_nolock(), kfree_nolock(), __free(kvfree_atomic), the
 * address of kvfree_atomic(), and the functions of devres. kvfree_rcu_barrier() is not
 * mapped and does not wait for objects of hakmem's; hak_free_rcu_barrier() does. With
 * HAKMEM_REPLACE_KMALLOC, a call that reallocates with an alignment does not compile.
 * kfree_rcu() with a struct kvfree_rcu_head does not either.
 *
 * If a module gets a cache from kernel code, or gives one to it, that cache is a
 * kmem_cache and not a hak_cache, so its functions must not be mapped. Headers of the
 * kernel have such caches in inline functions and macros. So this header includes those
 * it knows of before it maps anything: their inline functions use SLUB, and their macros
 * do not build with a cache of SLUB's. With -include, any other such header that a
 * module includes later is compiled with the mapped names, and nothing reports that.
 */
#ifndef _HAKMEM_REPLACE_H
#define _HAKMEM_REPLACE_H

#include <linux/fs.h>
#include <linux/kasan.h>
#include <linux/kconfig.h>
#include <linux/kmemleak.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#if IS_ENABLED(CONFIG_JBD2)
#include <linux/jbd2.h>
#endif
#ifdef CONFIG_INET
#include <net/request_sock.h>
#endif

#include "hakmem.h"

#ifdef __getname
/* In 6.12 these macros have a cache of the kernel's. */
static inline char *hak_replace_getname(void)
{
	return __getname();
}

static inline void hak_replace_putname(const void *name)
{
	__putname(name);
}

#undef __getname
#define __getname()			hak_replace_getname()
#undef __putname
#define __putname(name)			hak_replace_putname(name)
#endif

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

static inline void hak_replace_kvfree_sensitive(const void *p, size_t len)
{
	if (likely(!ZERO_OR_NULL_PTR(p))) {
		memzero_explicit((void *)p, len);
		hak_replace_kvfree(p);
	}
}

/* Objects that SLUB serves are charged as they would be without hakmem; hakmem's cannot be. */
static inline bool hak_replace_charge(void *p, gfp_t gfp)
{
	return hak_owns(p) || kmem_cache_charge(p, gfp);
}

/* Memory from kmalloc() is described by the kernel. */
static inline bool hak_replace_dump_obj(void *p)
{
	return hak_dump_obj(p) || kmem_dump_obj(p);
}

/* Only the kernel knows what is in its section of constants. What has a size is not. */
static inline void hak_replace_kfree_const(const void *p)
{
	if (hak_owns(p) || hak_usable_size(p))
		hak_free(p);
	else
		kfree_const(p);
}

DEFINE_FREE(hak_free_sensitive, void *, hak_free_sensitive(_T))
DEFINE_FREE(hak_replace_kvfree, void *, IS_ERR(_T) ? (void)0 : hak_replace_kvfree(_T))

/* hakmem serves small requests. The kernel serves the others, which may need vmalloc(). */
static inline __alloc_size(1) void *
hak_replace_kvmalloc_node(size_t size, gfp_t gfp, int node)
{
	if (size <= HAK_MAX_SIZE)
		return (hak_alloc_node)(size, gfp, node);
	return kvmalloc_node_noprof(size, gfp, node);
}

static inline __alloc_size(1) void *hak_replace_kvmalloc(size_t size, gfp_t gfp)
{
	if (size <= HAK_MAX_SIZE)
		return (hak_alloc)(size, gfp);
	return kvmalloc_noprof(size, gfp);
}

static inline __alloc_size(1, 2) void *
hak_replace_kvmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes)))
		return NULL;
	return hak_replace_kvmalloc(bytes, gfp);
}

/*
 * The kernel's kvrealloc_node() without the tag of this line: it is counted for the line that
 * calls a function of this header.
 */
static inline __realloc_size(2) __must_check void *
hak_replace_kernels_kvrealloc(const void *p, size_t size, gfp_t gfp, int node)
{
#ifdef PASS_TOKEN_PARAMS
	return kvrealloc_node_align_noprof(p, PASS_TOKEN_PARAMS(size, __kmalloc_token(size)), 1,
					   gfp, node);
#elif defined(kvrealloc_node)
	return kvrealloc_node_align_noprof(p, size, 1, gfp, node);
#else
	return kvrealloc_noprof(p, size, gfp);
#endif
}

/*
 * Move the contents of @p, which has @had bytes, to @new, which has @size bytes, and free @p.
 * Memory from kmalloc() is copied as the kernel does it: to its end, although KASAN and the
 * compiler forbid what lies beyond the size that was asked for.
 */
static inline void *hak_replace_move(void *new, size_t size, const void *p, size_t had)
{
	const void *from = kasan_reset_tag(p);

	OPTIMIZER_HIDE_VAR(from);
	kasan_disable_current();
	memcpy(new, from, min(had, size));
	kasan_enable_current();
	hak_free(p);
	return new;
}

/* Only with __GFP_THISNODE the memory has to be of the node, and then it may have to move. */
static inline __realloc_size(2) __must_check void *
hak_replace_krealloc_node(const void *p, size_t size, gfp_t gfp, int node)
{
	size_t had;
	void *new;

	if (ZERO_OR_NULL_PTR(p))
		return (hak_alloc_node)(size, gfp, node);
	if (!(gfp & __GFP_THISNODE) || node == NUMA_NO_NODE || !size)
		return (hak_realloc)(p, size, gfp);
	had = hak_usable_size(p);
	/* If @p has no size, hak_realloc() reports the address. */
	if (!had || (size <= had && page_to_nid(virt_to_page(p)) == node))
		return (hak_realloc)(p, size, gfp);
	new = (hak_alloc_node)(size, gfp, node);
	return new ? hak_replace_move(new, size, p, had) : NULL;
}

/*
 * The kernel's kvrealloc_node() with hak_realloc() in place of krealloc(). That takes all
 * memory but vmalloc()'s. The kernel's would take the tail of an object that SLUB serves for a
 * cache of hakmem's for a part of the object, and the cache would count the object as live for
 * ever.
 */
static inline __realloc_size(2) __must_check void *
hak_replace_kvrealloc_node(const void *p, size_t size, gfp_t gfp, int node)
{
	gfp_t try = gfp;
	size_t had;
	void *new;

	if (ZERO_OR_NULL_PTR(p))
		return hak_replace_kvmalloc_node(size, gfp, node);
	if (is_vmalloc_addr(p))
		return hak_replace_kernels_kvrealloc(p, size, gfp, node);
	/* If kmalloc() does not have so much at hand, vmalloc() may. */
	if (size > PAGE_SIZE)
		try = (gfp | __GFP_NOWARN) & ~(__GFP_DIRECT_RECLAIM | __GFP_NOFAIL);
	new = hak_replace_krealloc_node(p, size, try, node);
	if (new || size <= PAGE_SIZE)
		return new;
	had = hak_usable_size(p);
	/* Then hak_realloc() has reported the address. */
	if (!had)
		return NULL;
	new = kvmalloc_node_noprof(size, gfp, node);
	return new ? hak_replace_move(new, size, p, had) : NULL;
}

#ifdef kmem_cache_alloc_from_sheaf

/**
 * struct hak_sheaf - objects that are allocated in advance, in place of a slab_sheaf
 * @nr: objects in @obj
 * @room: pointers that @obj has room for
 * @obj: the objects
 *
 * SLUB's sheaves are parts of a CPU's cache. Their users rely on less: as long as a
 * sheaf holds objects, taking one of them cannot fail.
 */
struct hak_sheaf {
	unsigned int nr;
	unsigned int room;
	void *obj[];
};

static inline struct hak_sheaf *hak_sheaf_new(unsigned int room, gfp_t gfp)
{
	struct hak_sheaf *sheaf = (hak_alloc)(struct_size(sheaf, obj, room), gfp);

	if (sheaf) {
		sheaf->nr = 0;
		sheaf->room = room;
	}
	return sheaf;
}

/* Have @sheaf, which has the room, hold @size objects; false if memory is short. */
static inline bool hak_sheaf_fill(struct hak_cache *c, gfp_t gfp,
				  struct hak_sheaf *sheaf, unsigned int size)
{
	if (sheaf->nr < size)
		sheaf->nr += (hak_cache_alloc_bulk)(c, gfp, size - sheaf->nr,
						    sheaf->obj + sheaf->nr);
	return sheaf->nr >= size;
}

static inline void hak_replace_return_sheaf(struct hak_cache *c, gfp_t gfp,
					    struct slab_sheaf *theirs)
{
	struct hak_sheaf *sheaf = (struct hak_sheaf *)theirs;

	hak_cache_free_bulk(c, sheaf->nr, sheaf->obj);
	hak_free(sheaf);
}

static inline struct slab_sheaf *
hak_replace_prefill_sheaf(struct hak_cache *c, gfp_t gfp, unsigned int size)
{
	struct hak_sheaf *sheaf = size ? hak_sheaf_new(size, gfp) : NULL;

	if (sheaf && !hak_sheaf_fill(c, gfp, sheaf, size)) {
		hak_replace_return_sheaf(c, gfp, (struct slab_sheaf *)sheaf);
		return NULL;
	}
	return (struct slab_sheaf *)sheaf;
}

/* If memory is short, the caller keeps its sheaf, and the sheaf its objects. */
static inline int hak_replace_refill_sheaf(struct hak_cache *c, gfp_t gfp,
					   struct slab_sheaf **theirs,
					   unsigned int size)
{
	struct hak_sheaf *old, *sheaf;

	if (!theirs || !*theirs)
		return -EINVAL;
	old = (struct hak_sheaf *)*theirs;
	if (old->room >= size)
		return hak_sheaf_fill(c, gfp, old, size) ? 0 : -ENOMEM;
	sheaf = hak_sheaf_new(size, gfp);
	if (!sheaf)
		return -ENOMEM;
	memcpy(sheaf->obj, old->obj, old->nr * sizeof(old->obj[0]));
	sheaf->nr = old->nr;
	if (!hak_sheaf_fill(c, gfp, sheaf, size)) {
		hak_free(sheaf);
		return -ENOMEM;
	}
	hak_free(old);
	*theirs = (struct slab_sheaf *)sheaf;
	return 0;
}

/*
 * As with SLUB's, @gfp matters only for __GFP_ZERO and __GFP_ACCOUNT, and while the sheaf
 * holds objects, the call never fails. An empty one gives NULL. hakmem's objects are not
 * charged, so with __GFP_ACCOUNT it is a new object, or an uncharged one if that cannot be
 * had.
 */
static inline void *hak_replace_alloc_from_sheaf(struct hak_cache *c, gfp_t gfp,
						 struct slab_sheaf *theirs)
{
	struct hak_sheaf *sheaf = (struct hak_sheaf *)theirs;
	void *p, *charged;

	if (!sheaf->nr)
		return NULL;
	charged = gfp & __GFP_ACCOUNT ? (hak_cache_alloc)(c, gfp | __GFP_NOWARN) : NULL;
	p = sheaf->obj[--sheaf->nr];
	if (charged) {
		hak_cache_free(c, p);
		return charged;
	}
	return gfp & __GFP_ZERO ? hak_cache_zero(c, p) : p;
}

static inline unsigned int hak_replace_sheaf_size(struct slab_sheaf *theirs)
{
	return ((struct hak_sheaf *)theirs)->nr;
}

/* What a sheaf holds is counted for the line that fills it. */
#ifdef hak_tagged
#define hak_replace_prefill_sheaf(...)	hak_tagged(hak_replace_prefill_sheaf(__VA_ARGS__))
#define hak_replace_refill_sheaf(...)	hak_tagged(hak_replace_refill_sheaf(__VA_ARGS__))
#endif

#define kmem_cache_prefill_sheaf	hak_replace_prefill_sheaf
#define kmem_cache_refill_sheaf		hak_replace_refill_sheaf
#define kmem_cache_return_sheaf		hak_replace_return_sheaf
#undef kmem_cache_alloc_from_sheaf
#define kmem_cache_alloc_from_sheaf	hak_replace_alloc_from_sheaf
#define kmem_cache_sheaf_size		hak_replace_sheaf_size

#endif /* kmem_cache_alloc_from_sheaf */

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
/* It may return more than the size asked for, which is what SLUB's returns. */
#define kmem_cache_size			hak_cache_size
#define ksize(p)			hak_usable_size(p)
#define kmem_dump_obj			hak_replace_dump_obj
#define kmem_cache_charge		hak_replace_charge
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
#undef kmem_cache_alloc_lru
#define kmem_cache_alloc_lru(c, lru, gfp) hak_cache_alloc_lru(c, lru, gfp)
/* mempool_create() takes any pointer; this one is of a cache of hakmem's. */
#define hak_replace_cache(c)						\
({									\
	struct hak_cache *__hak_cache = (c);				\
									\
	__hak_cache;							\
})
#undef mempool_create_slab_pool
#define mempool_create_slab_pool(nr, c)					\
	mempool_create(nr, (hak_mempool_alloc), hak_mempool_free, hak_replace_cache(c))
#undef mempool_init_slab_pool
#define mempool_init_slab_pool(pool, nr, c)				\
	mempool_init(pool, nr, (hak_mempool_alloc), hak_mempool_free,	\
		     hak_replace_cache(c))
/* Modules give these to mempool_create() by name, with the cache as a void pointer. */
#define mempool_alloc_slab		hak_mempool_alloc
#define mempool_free_slab		hak_mempool_free

/* Without arguments, because modules also have their addresses taken. */
#undef kfree
#define kfree				hak_free
#undef kvfree
#define kvfree				hak_replace_kvfree
#undef kfree_sensitive
#define kfree_sensitive			hak_free_sensitive
#undef kvfree_sensitive
#define kvfree_sensitive		hak_replace_kvfree_sensitive
#undef kfree_const
#define kfree_const			hak_replace_kfree_const
/* A kernel that lacks it has no caller. */
#define kvfree_atomic(p)						\
do {									\
	const void *__hak_p = (p);					\
									\
	if (is_vmalloc_addr(__hak_p))					\
		(kvfree_atomic)(__hak_p);				\
	else								\
		hak_free(__hak_p);					\
} while (0)
#undef kfree_bulk
#define kfree_bulk(n, p)		hak_free_bulk(n, p)
/*
 * kmemleak scans hakmem's objects and reports none, so there is nothing to tell it of one. It
 * would take what it is told for the object's whole slot, or warn that it knows no such object.
 */
#define hak_replace_kmemleak(annotate, p, ...)				\
do {									\
	const void *__hak_p = (p);					\
									\
	if (!hak_owns(__hak_p))						\
		(annotate)(__hak_p, ##__VA_ARGS__);			\
} while (0)
#define kmemleak_not_leak(p)		hak_replace_kmemleak(kmemleak_not_leak, p)
#define kmemleak_transient_leak(p)	hak_replace_kmemleak(kmemleak_transient_leak, p)
#define kmemleak_ignore(p)		hak_replace_kmemleak(kmemleak_ignore, p)
#define kmemleak_no_scan(p)		hak_replace_kmemleak(kmemleak_no_scan, p)
#define kmemleak_scan_area(p, size, gfp) \
	hak_replace_kmemleak(kmemleak_scan_area, p, size, gfp)

/* These also take what vmalloc() gave, which is the kernel's to free. */
#undef kfree_rcu
#define kfree_rcu(p, rhf)						\
do {									\
	typeof(p) __hak_p = (p);					\
									\
	if (is_vmalloc_addr(__hak_p))					\
		kvfree_rcu_arg_2(__hak_p, rhf);				\
	else								\
		hak_free_rcu(__hak_p, rhf);				\
} while (0)
#undef kvfree_rcu
#define kvfree_rcu(p, rhf)		kfree_rcu(p, rhf)
#undef kfree_rcu_mightsleep
#define kfree_rcu_mightsleep(p)						\
do {									\
	typeof(p) __hak_p = (p);					\
									\
	if (is_vmalloc_addr(__hak_p))					\
		kvfree_rcu_arg_1(__hak_p);				\
	else								\
		hak_free_rcu_mightsleep(__hak_p);			\
} while (0)
#undef kvfree_rcu_mightsleep
#define kvfree_rcu_mightsleep(p)	kfree_rcu_mightsleep(p)
/* __free(kfree), __free(kfree_sensitive) and __free(kvfree) use these functions. */
#define __free_kfree			__free_hak_free
#define __free_kfree_sensitive		__free_hak_free_sensitive
#define __free_kvfree			__free_hak_replace_kvfree

#ifdef HAKMEM_REPLACE_KMALLOC

void *hak_replace_realloc_align(void)
	__compiletime_error("hakmem_replace.h has no reallocation with an alignment");

/* hakmem_tags.h does the same with the functions of hakmem.h. */
#ifdef hak_tagged
#define hak_replace_kvmalloc(...)	hak_tagged(hak_replace_kvmalloc(__VA_ARGS__))
#define hak_replace_kvmalloc_node(...)	hak_tagged(hak_replace_kvmalloc_node(__VA_ARGS__))
#define hak_replace_kvmalloc_array(...)	hak_tagged(hak_replace_kvmalloc_array(__VA_ARGS__))
#define hak_replace_krealloc_node(...)	hak_tagged(hak_replace_krealloc_node(__VA_ARGS__))
#define hak_replace_kvrealloc_node(...)	hak_tagged(hak_replace_kvrealloc_node(__VA_ARGS__))
#endif

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
#ifdef krealloc_node
#undef krealloc_node
#define krealloc_node(p, size, gfp, node) hak_replace_krealloc_node(p, size, gfp, node)
#undef krealloc_node_align
#define krealloc_node_align(...)	hak_replace_realloc_align()
#endif
#undef krealloc_array
#define krealloc_array(p, n, size, gfp)	hak_realloc_array(p, n, size, gfp)
#undef kmemdup
#define kmemdup(p, size, gfp)		hak_memdup(p, size, gfp)
#undef kstrdup
#define kstrdup(s, gfp)			hak_strdup(s, gfp)
#undef kvmalloc
#define kvmalloc(size, gfp)		hak_replace_kvmalloc(size, gfp)
#undef kvzalloc
#define kvzalloc(size, gfp)		hak_replace_kvmalloc(size, (gfp) | __GFP_ZERO)
#undef kvmalloc_node
#define kvmalloc_node(size, gfp, node)	hak_replace_kvmalloc_node(size, gfp, node)
#undef kvzalloc_node
#define kvzalloc_node(size, gfp, node) \
	hak_replace_kvmalloc_node(size, (gfp) | __GFP_ZERO, node)
#undef kvmalloc_array
#define kvmalloc_array(n, size, gfp)	hak_replace_kvmalloc_array(n, size, gfp)
#undef kvcalloc
#define kvcalloc(n, size, gfp) \
	hak_replace_kvmalloc_array(n, size, (gfp) | __GFP_ZERO)
#undef kvrealloc
#define kvrealloc(p, size, gfp)		hak_replace_kvrealloc_node(p, size, gfp, NUMA_NO_NODE)
#ifdef kvrealloc_node
#undef kvrealloc_node
#define kvrealloc_node(p, size, gfp, node) hak_replace_kvrealloc_node(p, size, gfp, node)
#undef kvrealloc_node_align
#define kvrealloc_node_align(...)	hak_replace_realloc_align()
#endif

#endif /* HAKMEM_REPLACE_KMALLOC */

#endif /* _HAKMEM_REPLACE_H */
