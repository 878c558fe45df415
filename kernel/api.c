// SPDX-License-Identifier: GPL-2.0
/*
 * The API's entry points: kmalloc()'s contracts over the size classes, and
 * kmem_cache_alloc()'s over a cache.
 */
#include <linux/export.h>
#include <linux/instruction_pointer.h>
#include <linux/overflow.h>
#include <linux/string.h>

#include "core.h"
#include "pcpu_cache.h"

/* Zero bytes, too many, or flags that are SLUB's. */
static noinline void *hak_alloc_other(size_t size, gfp_t gfp, int node)
{
	if (!size)
		return ZERO_SIZE_PTR;
	return hak_fallback_alloc(size, gfp, node, size > HAK_MAX_SIZE ?
				  HAK_EV_LARGE : HAK_EV_FOREIGN);
}

static __always_inline bool hak_is_tiny(size_t size, gfp_t gfp)
{
	return size - 1 < HAK_MAX_SIZE && !(gfp & HAK_GFP_FOREIGN);
}

static __always_inline void *hak_init_on_alloc(struct hak_cache *c, void *p,
					       gfp_t gfp)
{
	if (unlikely(want_init_on_alloc(gfp)) && p)
		memset(p, 0, c->size);
	return p;
}

/**
 * hak_alloc() - allocate memory
 * @size: bytes wanted
 * @gfp: as for kmalloc()
 *
 * Contracts are kmalloc()'s: 0 bytes give ZERO_SIZE_PTR, sizes that are powers
 * of two are naturally aligned and others to their largest power-of-two
 * divisor (at least 8), __GFP_ZERO and init_on_alloc zero, __GFP_NOFAIL holds.
 * Requests above HAK_MAX_SIZE and with __GFP_ACCOUNT, __GFP_DMA or __GFP_DMA32
 * are kmalloc()'s own. An allocation of up to HAK_MAX_SIZE bytes may share
 * cache lines with its neighbours, so on machines whose DMA is not coherent it
 * is no DMA buffer below ARCH_DMA_MINALIGN.
 *
 * Context: any but NMI, as @gfp allows. Atomic context on PREEMPT_RT, where
 * kmalloc() is illegal, gets memory only while some is cached.
 * Return: the memory, or NULL.
 */
void *hak_alloc(size_t size, gfp_t gfp)
{
	struct hak_cache *c;
	void *p;

	if (unlikely(!hak_is_tiny(size, gfp)))
		return hak_alloc_other(size, gfp, NUMA_NO_NODE);

	c = hak_size_class(size);
	p = hak_cpu_alloc(c, gfp);
	return hak_init_on_alloc(c, p, gfp);
}
EXPORT_SYMBOL_GPL(hak_alloc);

/**
 * hak_alloc_node() - allocate memory on a node
 * @size: bytes wanted
 * @gfp: as for kmalloc_node()
 * @node: memory node, or NUMA_NO_NODE for the local one
 *
 * Context: as for hak_alloc().
 * Return: as for hak_alloc().
 */
void *hak_alloc_node(size_t size, gfp_t gfp, int node)
{
	struct hak_cache *c;
	void *p;

	if (unlikely(!hak_is_tiny(size, gfp)))
		return hak_alloc_other(size, gfp, node);

	c = hak_size_class(size);
	p = hak_node_alloc(c, gfp, node);
	return hak_init_on_alloc(c, p, gfp);
}
EXPORT_SYMBOL_GPL(hak_alloc_node);

/**
 * hak_cache_alloc() - allocate an object
 * @c: the cache
 * @gfp: as for kmem_cache_alloc()
 *
 * Context: as for hak_alloc().
 * Return: the object, or NULL.
 */
void *hak_cache_alloc(struct hak_cache *c, gfp_t gfp)
{
	return hak_init_on_alloc(c, hak_cpu_alloc(c, gfp), gfp);
}
EXPORT_SYMBOL_GPL(hak_cache_alloc);

/**
 * hak_cache_alloc_node() - allocate an object on a node
 * @c: the cache
 * @gfp: as for kmem_cache_alloc_node()
 * @node: memory node, or NUMA_NO_NODE
 *
 * Context: as for hak_alloc().
 * Return: the object, or NULL.
 */
void *hak_cache_alloc_node(struct hak_cache *c, gfp_t gfp, int node)
{
	return hak_init_on_alloc(c, hak_node_alloc(c, gfp, node), gfp);
}
EXPORT_SYMBOL_GPL(hak_cache_alloc_node);

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

/*
 * The cache of @p, whose registry entry is @entry, if an object begins there
 * that was allocated at some time; else NULL. Preemption is off.
 */
static __always_inline struct hak_cache *
hak_object_cache(unsigned long entry, const void *p)
{
	u32 off = (unsigned long)p & HAK_SLAB_MASK;
	struct hak_cache *c = hak_entry_cache(entry);
	u32 limit;

	/* A slab that is gone: only a bad free gets to see one. */
	if (unlikely((entry & HAK_ENTRY_CLASS) == HAK_CLASS_TYPED && !c))
		return NULL;
	limit = c->limit;
	if (!(entry & HAK_ENTRY_CARVED))
		limit = READ_ONCE(hak_entry_slab(entry)->bump) * c->size;
	return off * c->recip < c->recip && off < limit ? c : NULL;
}

/* hak_object_cache() said no: say why. */
static noinline void hak_bad_free(unsigned long entry, const void *p,
				  unsigned long caller)
{
	struct hak_cache *c = hak_entry_cache(entry);
	u32 off = (unsigned long)p & HAK_SLAB_MASK;
	const char *why = "never allocated";

	if (!c)
		why = "slab is gone";
	else if (off * c->recip >= c->recip)
		why = "not the start of an object";
	else if (off >= c->limit)
		why = "beyond the last object";
	hak_report_bad_free(p, c, why, caller);
}

static __always_inline void hak_init_on_free(struct hak_cache *c, void *p)
{
	if (unlikely(want_init_on_free()))
		memset(p, 0, c->size);
}

/* Free @p, which is to be an object of @want unless that is NULL. */
static __always_inline void __hak_free(const void *p, struct hak_cache *want,
				       unsigned long caller)
{
	unsigned long entry;
	struct hak_cache *c;

	/* Also keeps the metadata of its type: readers are under RCU. */
	preempt_disable();
	entry = hak_registry_entry(p);
	if (unlikely(!entry)) {
		preempt_enable();
		hak_fallback_free(p, caller);
		return;
	}
	c = hak_object_cache(entry, p);
	if (unlikely(!c)) {
		hak_bad_free(entry, p, caller);
	} else if (unlikely(want && c != want)) {
		hak_report_bad_free(p, want, "object of another cache", caller);
	} else {
		hak_init_on_free(c, (void *)p);
		hak_cpu_free(c, hak_entry_slab(entry), (void *)p);
	}
	preempt_enable();
}

/**
 * hak_free() - free memory
 * @p: from any of hak_alloc() and its kin, hak_cache_alloc(), or kmalloc();
 *	NULL is ignored
 *
 * An address inside a superslab that is not an object's, or one that neither
 * hakmem nor SLUB handed out, is reported and left alone.
 *
 * Context: any, NMI included.
 */
void hak_free(const void *p)
{
	__hak_free(p, NULL, _RET_IP_);
}
EXPORT_SYMBOL_GPL(hak_free);

/**
 * hak_cache_free() - free an object of a given cache
 * @c: the cache it must be of
 * @p: the object, or NULL
 *
 * An object of another cache is reported and left alone.
 *
 * Context: any, NMI included.
 */
void hak_cache_free(struct hak_cache *c, void *p)
{
	__hak_free(p, c, _RET_IP_);
}
EXPORT_SYMBOL_GPL(hak_cache_free);

/**
 * hak_free_sized() - free memory whose size the caller knows
 * @p: as for hak_free()
 * @size: what was asked for
 *
 * A size of another class than the object's is reported, and the object is
 * left alone.
 *
 * Context: as for hak_free().
 */
void hak_free_sized(const void *p, size_t size)
{
	unsigned long entry = hak_registry_entry(p);

	if (entry && (entry & HAK_ENTRY_CLASS) != HAK_CLASS_TYPED) {
		struct hak_cache *c = hak_entry_cache(entry);

		if (unlikely(size - 1 >= HAK_MAX_SIZE ||
			     hak_size_class(size) != c)) {
			hak_report_bad_free(p, c, "size of another class",
					    _RET_IP_);
			return;
		}
	}
	__hak_free(p, NULL, _RET_IP_);
}
EXPORT_SYMBOL_GPL(hak_free_sized);

/**
 * hak_free_bulk() - free many objects
 * @n: how many
 * @p: the objects; entries may be NULL
 *
 * Context: as for hak_free().
 */
void hak_free_bulk(unsigned int n, void **p)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		__hak_free(p[i], NULL, _RET_IP_);
}
EXPORT_SYMBOL_GPL(hak_free_bulk);

/**
 * hak_alloc_bulk() - allocate many objects of one size
 * @size: bytes of each
 * @gfp: as for hak_alloc()
 * @n: how many
 * @p: filled in
 *
 * Context: as for hak_alloc().
 * Return: @n, or 0 with nothing allocated.
 */
unsigned int hak_alloc_bulk(size_t size, gfp_t gfp, unsigned int n, void **p)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		p[i] = hak_alloc(size, gfp);
		if (unlikely(!p[i])) {
			hak_free_bulk(i, p);
			return 0;
		}
	}
	return n;
}
EXPORT_SYMBOL_GPL(hak_alloc_bulk);

/**
 * hak_usable_size() - bytes that may be used behind a pointer
 * @p: as for hak_free()
 *
 * Context: any.
 * Return: the object's size, at least what was asked for; 0 for NULL,
 * ZERO_SIZE_PTR, and what is nobody's.
 */
size_t hak_usable_size(const void *p)
{
	unsigned long entry = hak_registry_entry(p);

	if (likely(entry))
		return hak_entry_cache(entry)->size;
	if (ZERO_OR_NULL_PTR(p) || !hak_fallback_owns(p))
		return 0;
	return ksize(p);
}
EXPORT_SYMBOL_GPL(hak_usable_size);

/**
 * hak_realloc() - resize memory
 * @p: as for hak_free(); NULL allocates
 * @size: bytes wanted; 0 frees
 * @gfp: as for hak_alloc()
 *
 * Memory that is large enough stays where it is. As with krealloc(),
 * __GFP_ZERO clears what is added only if it was given from the start.
 *
 * Context: as for hak_alloc().
 * Return: the memory with its old contents up to the smaller of both sizes,
 * ZERO_SIZE_PTR for 0 bytes, or NULL, and then @p is as it was.
 */
void *hak_realloc(const void *p, size_t size, gfp_t gfp)
{
	size_t old;
	void *new;

	if (!size) {
		hak_free(p);
		return ZERO_SIZE_PTR;
	}
	if (ZERO_OR_NULL_PTR(p))
		return hak_alloc(size, gfp);

	if (!hak_registry_entry(p) && size > HAK_MAX_SIZE)
		return krealloc(p, size, gfp);
	old = hak_usable_size(p);
	if (size <= old)
		return (void *)p;
	new = hak_alloc(size, gfp);
	if (!new)
		return NULL;
	memcpy(new, p, old);
	hak_free(p);
	return new;
}
EXPORT_SYMBOL_GPL(hak_realloc);
