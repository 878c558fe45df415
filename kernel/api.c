// SPDX-License-Identifier: GPL-2.0
/*
 * The API's entry points. The functions for memory of any size keep kmalloc()'s
 * contracts; the functions for a cache keep those of kmem_cache_alloc().
 */
#include <linux/export.h>
#include <linux/instruction_pointer.h>
#include <linux/kasan.h>
#include <linux/lockdep.h>
#include <linux/overflow.h>
#include <linux/string.h>

#include "core.h"
#include "fast_path.h"

/*
 * Serve a request that no size class can: its size is 0 or above HAK_MAX_SIZE, or
 * its GFP flags are for SLUB.
 */
noinline void *hak_alloc_other(size_t size, gfp_t gfp, int node)
{
	if (!size)
		return ZERO_SIZE_PTR;
	return hak_fallback_alloc(size, gfp, node, size > HAK_MAX_SIZE ?
				  HAK_EV_LARGE : HAK_EV_FOREIGN);
}

/* Serve a request that the fast path left because of its size or its GFP flags. */
static noinline void *hak_alloc_special(size_t size, gfp_t gfp)
{
	if (unlikely(!hak_is_tiny(size, gfp)))
		return hak_alloc_other(size, gfp, NUMA_NO_NODE);
	return hak_object_alloc(hak_size_class(size), gfp);
}

/*
 * Serve a request for an object of @c that the fast path left because of its GFP
 * flags.
 */
static noinline void *hak_cache_alloc_special(struct hak_cache *c, gfp_t gfp)
{
	if (unlikely(gfp & HAK_GFP_FOREIGN))
		return hak_fallback_object(c, gfp, NUMA_NO_NODE, HAK_EV_FOREIGN);
	return hak_typed_alloc(c, gfp);
}

/**
 * __hak_alloc() - allocate memory of a size that is known at run time only
 * @size: as for hak_alloc()
 * @gfp: likewise
 *
 * Context: as for hak_alloc().
 * Return: as for hak_alloc().
 */
void *__hak_alloc(size_t size, gfp_t gfp)
{
	void *p = NULL;

	if (unlikely(size - 1 >= HAK_MAX_SIZE) || unlikely(hak_is_special(gfp)))
		return hak_alloc_special(size, gfp);
	hak_might_alloc(gfp);
	if (likely(hak_cpu_pop(hak_size_cpu[(size - 1) / HAK_MIN_SIZE], &p)))
		return p;
	return hak_cpu_alloc_slow(hak_size_class(size), gfp);
}
EXPORT_SYMBOL_GPL(__hak_alloc);

/**
 * __hak_alloc_class() - allocate memory of a size class
 * @index: the class, from hak_class_index()
 * @gfp: as for hak_alloc()
 * @size: the size that was asked for, for the compiler and for SLUB
 *
 * Context: as for hak_alloc().
 * Return: as for hak_alloc().
 */
void *__hak_alloc_class(unsigned long index, gfp_t gfp, size_t size)
{
	void *p = NULL;

	if (unlikely(hak_is_special(gfp)))
		return hak_alloc_special(size, gfp);
	hak_might_alloc(gfp);
	if (likely(hak_cpu_pop(hak_class_cpu[index], &p)))
		return p;
	return hak_cpu_alloc_slow(&hak_class[index], gfp);
}
EXPORT_SYMBOL_GPL(__hak_alloc_class);

/**
 * __hak_alloc_plain() - __hak_alloc() for GFP flags that are known not to be special
 * @size: as for hak_alloc()
 * @gfp: likewise, without the flags of HAK_GFP_SPECIAL
 *
 * Context: as for hak_alloc().
 * Return: as for hak_alloc().
 */
void *__hak_alloc_plain(size_t size, gfp_t gfp)
{
	void *p = NULL;

	if (unlikely(size - 1 >= HAK_MAX_SIZE) || want_init_on_alloc(0))
		return hak_alloc_special(size, gfp);
	hak_might_alloc(gfp);
	if (likely(hak_cpu_pop(hak_size_cpu[(size - 1) / HAK_MIN_SIZE], &p)))
		return p;
	return hak_cpu_alloc_slow(hak_size_class(size), gfp);
}
EXPORT_SYMBOL_GPL(__hak_alloc_plain);

/**
 * __hak_alloc_class_plain() - __hak_alloc_class() for GFP flags that are not special
 * @index: the class, from hak_class_index()
 * @gfp: as for __hak_alloc_plain()
 * @size: as for __hak_alloc_class()
 *
 * Context: as for hak_alloc().
 * Return: as for hak_alloc().
 */
void *__hak_alloc_class_plain(unsigned long index, gfp_t gfp, size_t size)
{
	void *p = NULL;

	if (want_init_on_alloc(0))
		return hak_alloc_special(size, gfp);
	hak_might_alloc(gfp);
	if (likely(hak_cpu_pop(hak_class_cpu[index], &p)))
		return p;
	return hak_cpu_alloc_slow(&hak_class[index], gfp);
}
EXPORT_SYMBOL_GPL(__hak_alloc_class_plain);

/**
 * hak_alloc_node() - allocate memory on a node
 * @size: bytes wanted
 * @gfp: as for kmalloc_node()
 * @node: memory node that is preferred, or NUMA_NO_NODE for the local one. With
 *	__GFP_THISNODE no other node will do
 *
 * Context: as for hak_alloc().
 * Return: as for hak_alloc().
 */
void *hak_alloc_node(size_t size, gfp_t gfp, int node)
{
	if (unlikely(!hak_is_tiny(size, gfp)))
		return hak_alloc_other(size, gfp, node);
	return hak_node_alloc(hak_size_class(size), gfp, node);
}
EXPORT_SYMBOL_GPL(hak_alloc_node);

/**
 * hak_object_init() - zero an object that is about to be handed out
 * @c: the cache of the object
 * @p: the object
 * @gfp: the caller's flags; the caller or init_on_alloc asks for zeroes
 *
 * If the objects of @c keep their contents while they are free, init_on_alloc
 * does not zero them; __GFP_ZERO does. If they also have a constructor,
 * __GFP_ZERO is the caller's mistake: it is reported, and the object stays as it
 * was constructed.
 *
 * Return: @p.
 */
void *hak_object_init(struct hak_cache *c, void *p, gfp_t gfp)
{
	if (likely(c->zero))
		return memset(p, 0, c->zero);
	if (!(gfp & __GFP_ZERO))
		return p;
	if (!c->ctor)
		return memset(p, 0, c->usable);
	hak_report_zero(c);
	return p;
}

/**
 * __hak_cache_alloc() - hak_cache_alloc() for any GFP flags
 * @c: the cache
 * @gfp: as for kmem_cache_alloc()
 *
 * Context: as for hak_alloc().
 * Return: the object, or NULL.
 */
void *__hak_cache_alloc(struct hak_cache *c, gfp_t gfp)
{
	void *p = NULL;

	if (unlikely(hak_is_special(gfp)))
		return hak_cache_alloc_special(c, gfp);
	hak_might_alloc(gfp);
	if (likely(hak_cpu_pop(c->cpu, &p)))
		return p;
	return hak_cpu_alloc_slow(c, gfp);
}
EXPORT_SYMBOL_GPL(__hak_cache_alloc);

/**
 * __hak_cache_alloc_plain() - hak_cache_alloc() for GFP flags that are not special
 * @c: the cache
 * @gfp: as for __hak_alloc_plain()
 *
 * Context: as for hak_alloc().
 * Return: the object, or NULL.
 */
void *__hak_cache_alloc_plain(struct hak_cache *c, gfp_t gfp)
{
	void *p = NULL;

	if (want_init_on_alloc(0))
		return hak_cache_alloc_special(c, gfp);
	hak_might_alloc(gfp);
	if (likely(hak_cpu_pop(c->cpu, &p)))
		return p;
	return hak_cpu_alloc_slow(c, gfp);
}
EXPORT_SYMBOL_GPL(__hak_cache_alloc_plain);

/**
 * hak_cache_alloc_node() - allocate an object on a node
 * @c: the cache
 * @gfp: as for kmem_cache_alloc_node()
 * @node: as for hak_alloc_node()
 *
 * Context: as for hak_alloc().
 * Return: the object, or NULL.
 */
void *hak_cache_alloc_node(struct hak_cache *c, gfp_t gfp, int node)
{
	if (unlikely(gfp & HAK_GFP_FOREIGN))
		return hak_fallback_object(c, gfp, node, HAK_EV_FOREIGN);
	return hak_node_alloc(c, gfp, node);
}
EXPORT_SYMBOL_GPL(hak_cache_alloc_node);

/**
 * hak_cache_alloc_lru() - allocate an object that may be put on a list_lru
 * @c: the cache
 * @lru: the list_lru, or NULL
 * @gfp: as for kmem_cache_alloc_lru()
 *
 * A list_lru has lists for each memory cgroup. hakmem's objects belong to no memory
 * cgroup. If the object is charged to one, SLUB serves it, and makes the lists.
 *
 * Context: as for hak_alloc().
 * Return: the object, or NULL.
 */
void *hak_cache_alloc_lru(struct hak_cache *c, struct list_lru *lru, gfp_t gfp)
{
	if (hak_cache_is_slub_only(c) || (gfp & HAK_GFP_FOREIGN))
		return hak_fallback_object_lru(c, lru, gfp);
	return __hak_cache_alloc(c, gfp);
}
EXPORT_SYMBOL_GPL(hak_cache_alloc_lru);

/**
 * hak_cache_zero() - zero an object, as __GFP_ZERO does
 * @c: its cache
 * @p: the object
 *
 * If the cache has a constructor, that is reported, and the object stays as it is.
 *
 * Context: any.
 * Return: @p.
 */
void *hak_cache_zero(struct hak_cache *c, void *p)
{
	return hak_object_init(c, p, __GFP_ZERO);
}
EXPORT_SYMBOL_GPL(hak_cache_zero);

/**
 * hak_calloc() - allocate a zeroed array
 * @n: elements
 * @size: bytes of an element
 * @gfp: as for hak_alloc()
 *
 * Context: as for hak_alloc().
 * Return: as for hak_alloc(); NULL if the product overflows.
 */
void *hak_calloc(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes)))
		return NULL;
	return hak_alloc(bytes, gfp | __GFP_ZERO);
}
EXPORT_SYMBOL_GPL(hak_calloc);

/* Why is @p not an object of @c that was ever allocated? NULL if it is one. */
static const char *hak_why_bad(struct hak_slab *s, const struct hak_cache *c,
			       const void *p)
{
	u32 off = (unsigned long)p & HAK_SLAB_MASK;

	if (!c)
		return "slab is gone";
	if (!hak_offset_valid(c, off))
		return "not the start of an object";
	if (off >= c->capacity * c->size)
		return "beyond the last object";
	if (off >= READ_ONCE(s->bump) * c->size && !c->order)
		return "never allocated";
	return NULL;
}

/*
 * Is @p the object that was freed last into this CPU's cache, and still there? If
 * an interrupt came while the owner was inside the cache, the answer is no: the
 * owner may have given the object to its slab already, and another CPU may have
 * allocated it from there. If the cache is off (fast_cap=0), is @p the object that was
 * freed last into the slab that this CPU owns?
 */
static bool hak_cpu_freed_last(const struct hak_cache *c, const void *p)
{
	const struct hak_cpu_cache *cc = this_cpu_ptr(c->cpu);
	const struct hak_slab *s;

	if (!hak_cpu_is_awake(cc))
		return false;
	if (!cc->cap) {
		s = READ_ONCE(cc->cur);
		/*
		 * An interrupt may change both. Whatever slab this is then, what its
		 * freelist begins with is free.
		 */
		return !c->checks && s && data_race(s->freelist) == hak_to_link(c, p);
	}
	return hak_cpu_last(cc, READ_ONCE(cc->nr)) == p || hak_outbox_last(cc) == p;
}

/*
 * Free @p where hak_free_object() cannot. If @want is not NULL, @p has to be an
 * object of that cache. Preemption stays off while the slab's metadata is in use.
 * That makes this an RCU reader, so the metadata may come to describe another
 * slab, but it stays a struct hak_slab.
 */
noinline void hak_free_slow(const struct hak_cache *want, const void *p,
			    unsigned long caller)
{
	struct hak_slab *s;
	struct hak_cache *c;
	const char *why;

	preempt_disable();
	s = hak_slab_of(p);
	if (!s) {
		preempt_enable();
		hak_fallback_free(p, want, caller);
		return;
	}
	c = READ_ONCE(s->cache);
	why = hak_why_bad(s, c, p);
	if (!why && want && c != want)
		why = "object of another cache";
	if (!why && hak_cpu_freed_last(c, p))
		why = "freed twice in a row";
	if (!why && unlikely(c->checks))
		why = hak_check_free(c, (void *)p, caller);
	if (why) {
		hak_report_bad_free(p, c, why, caller);
	} else {
		/* hak_check_free() has already zeroed the objects of a checked cache. */
		if (want_init_on_free() && !c->checks)
			memset((void *)p, 0, c->zero);
		hak_cpu_free(c, s, (void *)p);
	}
	preempt_enable();
}

/*
 * The cache of the object that begins at @p; NULL if none begins there, or if it is known
 * that the object is free. The caller has the object, which keeps the cache.
 */
static struct hak_cache *hak_object_cache(const void *p)
{
	struct hak_entry *e = NULL;
	struct hak_cache *c = NULL;

	preempt_disable();
	if (unlikely(!hak_find_object(p, &e, &c)) ||
	    unlikely(c->checks && !hak_check_live(c, p)))
		c = NULL;
	preempt_enable();
	return c;
}

/* Does @p lie in a slab of hakmem? */
static bool hak_in_slab(const void *p)
{
	bool ours;

	preempt_disable();
	ours = hak_slab_of(p);
	preempt_enable();
	return ours;
}

/* Report that @p, which lies in a slab, is not a live object. */
static void hak_report_not_live(const void *p, unsigned long caller)
{
	struct hak_cache *c = NULL;
	struct hak_slab *s;
	const char *why;

	preempt_disable();
	s = hak_slab_of(p);
	if (s)
		c = READ_ONCE(s->cache);
	why = hak_why_bad(s, c, p) ?: "freed, or never allocated";
	hak_report_bad_free(p, c, why, caller);
	preempt_enable();
}

/**
 * hak_free() - free memory
 * @p: memory from any allocation function of hakmem or from kmalloc(); NULL is
 *	ignored
 *
 * A bad free is reported, and nothing changes. It is bad if the address lies in a slab
 * of hakmem where no object begins, if the object was never allocated, if neither
 * hakmem nor SLUB allocated the memory, or if the object is the one of its class or
 * cache that this CPU freed last, and this CPU still holds it. With debug= or
 * hardened=1 every free of an object that is not live is bad. If an address lies inside
 * an object of SLUB's, hakmem does not notice, and kfree() gets the address.
 *
 * Context: any, NMI included.
 */
void hak_free(const void *p)
{
	hak_free_object(p, false, NULL);
}
EXPORT_SYMBOL_GPL(hak_free);

/**
 * hak_cache_free() - free an object of a given cache
 * @c: the cache that the object must be of
 * @p: the object, or NULL
 *
 * A free of an object of another cache, or of memory from kmalloc() or a
 * kmem_cache, is reported, and nothing changes.
 *
 * Context: any, NMI included.
 */
void hak_cache_free(struct hak_cache *c, void *p)
{
	hak_free_object(p, true, c);
}
EXPORT_SYMBOL_GPL(hak_cache_free);

/* Can a user who asked for @size bytes have got an object of @c? */
static bool hak_size_fits(const struct hak_cache *c, size_t size)
{
	if (likely(hak_is_size_class(c)))
		return size - 1 < HAK_MAX_SIZE && hak_size_class(size) == c;
	if (hak_keeps_contents(c->flags, c->ctor))
		return size && round_up(size, HAK_MIN_SIZE) ==
			       round_up(c->usable, HAK_MIN_SIZE);
	return size && round_up(size, c->align) == round_up(c->usable, c->align);
}

/*
 * The typed cache of an object that SLUB served; NULL for any other memory. The
 * caller has preemption off because the registry may grow meanwhile.
 */
static struct hak_cache *hak_foreign_cache(const void *p)
{
	lockdep_assert_preemption_disabled();

	if (ZERO_OR_NULL_PTR(p) || hak_slab_of(p) || !hak_fallback_owns(p))
		return NULL;
	return hak_fallback_cache(p);
}

/**
 * hak_free_sized() - free memory whose size the caller knows
 * @p: as for hak_free()
 * @size: the size that was asked for. If hak_realloc() left the memory where it was, it is
 *	the size that was asked for before; so a caller that reallocates should use
 *	hak_free(), or pass hak_usable_size().
 *
 * If the object is of another size class, or its cache cannot have been made for
 * that size, the free is reported, and nothing changes. Memory from kmalloc()
 * goes to kfree(), which checks no size.
 *
 * Context: as for hak_free().
 */
void hak_free_sized(const void *p, size_t size)
{
	struct hak_entry *e = NULL;
	struct hak_cache *c = NULL;

	preempt_disable();
	if (unlikely(!hak_find_object(p, &e, &c)))
		c = hak_foreign_cache(p);
	if (unlikely(c && !hak_size_fits(c, size))) {
		hak_report_bad_free(p, c, "size of another class", _RET_IP_);
		preempt_enable();
		return;
	}
	preempt_enable();
	hak_free_object(p, false, NULL);
}
EXPORT_SYMBOL_GPL(hak_free_sized);

/**
 * hak_free_sensitive() - wipe memory, and free it
 * @p: as for hak_free()
 *
 * It wipes as many bytes as hak_usable_size() returns, which may be more than
 * were asked for. If no object begins at the address, or if hakmem knows that the object
 * is free, that is reported, and nothing is written.
 *
 * Context: as for hak_free().
 */
void hak_free_sensitive(const void *p)
{
	size_t size = hak_usable_size(p);

	/*
	 * Memory from kmalloc() is wiped to its end, as kfree_sensitive() does, but
	 * tagged KASAN forbids what lies beyond the size that was asked for. Through an
	 * address without a tag, memory with any tag may be written.
	 */
	if (size)
		memzero_explicit((void *)kasan_reset_tag(p), size);
	hak_free_object(p, false, NULL);
}
EXPORT_SYMBOL_GPL(hak_free_sensitive);

/* The cache of an object; also if SLUB served it for a typed cache. */
static struct hak_cache *hak_known_cache(const void *p)
{
	struct hak_cache *c = hak_object_cache(p);

	if (likely(c))
		return c;
	preempt_disable();
	c = hak_foreign_cache(p);
	preempt_enable();
	return c;
}

/**
 * hak_usable_size() - bytes that may be used behind a pointer
 * @p: as for hak_free()
 *
 * The compiler knows the size that was asked for, so with CONFIG_FORTIFY_SOURCE a memset() of
 * more bytes panics. Who wants to use them calls hak_realloc() with the usable size. The
 * memory stays where it is, and the compiler learns its size. For memory from kmalloc() that
 * holds, too.
 *
 * Context: any.
 * Return: the size of the object, which is at least the size asked for. For
 * memory from kmalloc() it is ksize(). 0 for NULL and ZERO_SIZE_PTR, if no object begins
 * at @p, if neither hakmem nor SLUB allocated the memory, and, with debug= or hardened=1,
 * if the object is free.
 */
size_t hak_usable_size(const void *p)
{
	const struct hak_cache *c = hak_known_cache(p);

	if (likely(c))
		return c->usable;
	if (ZERO_OR_NULL_PTR(p) || hak_in_slab(p) || !hak_fallback_owns(p))
		return 0;
	return ksize(p);
}
EXPORT_SYMBOL_GPL(hak_usable_size);

/**
 * hak_owns() - is an address hakmem's?
 * @p: any address
 *
 * Memory that hakmem got from SLUB for a caller is SLUB's. Unless the caller has memory
 * there, the answer may be out of date.
 *
 * Context: any.
 * Return: true if @p lies in a slab of hakmem.
 */
bool hak_owns(const void *p)
{
	return hak_in_slab(p);
}
EXPORT_SYMBOL_GPL(hak_owns);

/* Zero the end of an object that stays where it is, from @size on. */
static void hak_zero_rest(struct hak_cache *c, void *p, size_t size, gfp_t gfp)
{
	if (!c->zero && !(gfp & __GFP_ZERO))
		return;
	if (!c->zero && c->ctor)
		hak_report_zero(c);
	else
		memset((char *)p + size, 0, c->usable - size);
}

/**
 * hak_realloc() - resize memory
 * @p: as for hak_free(); NULL allocates
 * @size: bytes wanted; 0 frees
 * @gfp: as for hak_alloc()
 *
 * If the memory is large enough it stays where it is, and hak_free_sized() then takes the
 * size from before. Memory from kmalloc() is left to krealloc(). As with krealloc(),
 * __GFP_ZERO clears the added bytes only if every call from the first had that flag, and
 * nothing is cleared in an object that was constructed. If no object begins at @p, or if
 * hakmem knows that it is free, that is reported, and nothing changes.
 *
 * Context: as for hak_alloc().
 * Return: the memory, with its contents kept up to the smaller of both sizes;
 * ZERO_SIZE_PTR for 0 bytes; or NULL, and then nothing has changed, so @p is still
 * valid if it was before.
 */
void *hak_realloc(const void *p, size_t size, gfp_t gfp)
{
	struct hak_cache *c;
	void *new;

	if (!size) {
		hak_free(p);
		return ZERO_SIZE_PTR;
	}
	if (ZERO_OR_NULL_PTR(p))
		return hak_alloc(size, gfp);

	c = hak_known_cache(p);
	if (unlikely(!c)) {
		if (!hak_in_slab(p))
			return hak_fallback_realloc(p, size, gfp, _RET_IP_);
		hak_report_not_live(p, _RET_IP_);
		return NULL;
	}
	if (size <= c->usable) {
		if (want_init_on_alloc(gfp))
			hak_zero_rest(c, (void *)p, size, gfp);
		return (void *)p;
	}
	new = hak_alloc(size, gfp);
	if (!new)
		return NULL;
	memcpy(new, p, c->usable);
	hak_free(p);
	return new;
}
EXPORT_SYMBOL_GPL(hak_realloc);
