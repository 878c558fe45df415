// SPDX-License-Identifier: GPL-2.0
/*
 * The API's entry points: kmalloc()'s contracts over the size classes, and
 * kmem_cache_alloc()'s over a cache.
 */
#include <linux/export.h>
#include <linux/instruction_pointer.h>
#include <linux/lockdep.h>
#include <linux/overflow.h>
#include <linux/string.h>

#include "core.h"
#include "fast_path.h"

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

/* Memory of a size that is not tiny, or with flags that are special. */
static noinline void *hak_alloc_special(size_t size, gfp_t gfp)
{
	if (unlikely(!hak_is_tiny(size, gfp)))
		return hak_alloc_other(size, gfp, NUMA_NO_NODE);
	return hak_object_alloc(hak_size_class(size), gfp);
}

/* Likewise an object of @c. */
static noinline void *hak_cache_alloc_special(struct hak_cache *c, gfp_t gfp)
{
	if (unlikely(gfp & HAK_GFP_FOREIGN))
		return hak_fallback_object(c, gfp, NUMA_NO_NODE, HAK_EV_FOREIGN);
	return hak_typed_alloc(c, gfp);
}

/**
 * __hak_alloc() - allocate memory, of a size known at run time
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
	might_alloc(gfp);
	if (likely(hak_cpu_pop(hak_size_cpu[(size - 1) / HAK_MIN_SIZE], &p)))
		return p;
	return hak_cpu_alloc_slow(hak_size_class(size), gfp);
}
EXPORT_SYMBOL_GPL(__hak_alloc);

/**
 * __hak_alloc_class() - allocate memory of a size class
 * @index: the class, from hak_class_index()
 * @gfp: as for hak_alloc()
 *
 * Context: as for hak_alloc().
 * Return: as for hak_alloc().
 */
void *__hak_alloc_class(unsigned long index, gfp_t gfp)
{
	void *p = NULL;

	if (unlikely(hak_is_special(gfp)))
		return hak_alloc_special(hak_class[index].size, gfp);
	might_alloc(gfp);
	if (likely(hak_cpu_pop(hak_class_cpu[index], &p)))
		return p;
	return hak_cpu_alloc_slow(&hak_class[index], gfp);
}
EXPORT_SYMBOL_GPL(__hak_alloc_class);

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
	if (unlikely(!hak_is_tiny(size, gfp)))
		return hak_alloc_other(size, gfp, node);
	return hak_node_alloc(hak_size_class(size), gfp, node);
}
EXPORT_SYMBOL_GPL(hak_alloc_node);

/**
 * hak_object_init() - zero an object that is about to be handed out
 * @c: its cache
 * @p: the object
 * @gfp: the caller's flags, if the caller or the system wants zeroes
 *
 * An object that keeps what it holds while it is free is not zeroed because the
 * system wants it so, but only if the caller asks. If it was constructed, that is
 * the caller's mistake, and it stays as it is.
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
 * hak_cache_alloc() - allocate an object
 * @c: the cache
 * @gfp: as for kmem_cache_alloc()
 *
 * Context: as for hak_alloc().
 * Return: the object, or NULL.
 */
void *hak_cache_alloc(struct hak_cache *c, gfp_t gfp)
{
	void *p = NULL;

	if (unlikely(hak_is_special(gfp)))
		return hak_cache_alloc_special(c, gfp);
	might_alloc(gfp);
	if (likely(hak_cpu_pop(c->cpu, &p)))
		return p;
	return hak_cpu_alloc_slow(c, gfp);
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
	if (unlikely(gfp & HAK_GFP_FOREIGN))
		return hak_fallback_object(c, gfp, node, HAK_EV_FOREIGN);
	return hak_node_alloc(c, gfp, node);
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

/* Why @p, in a slab of @c, is no object that was ever allocated; or NULL. */
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
	if (off >= READ_ONCE(s->bump) * c->size)
		return "never allocated";
	return NULL;
}

/*
 * Is @p what this CPU's cache was given last? Not to be known while the owner is
 * inside: it may have given the object to its slab, and somebody allocated it.
 */
static bool hak_cpu_freed_last(const struct hak_cache *c, const void *p)
{
	const struct hak_cpu_cache *cc = this_cpu_ptr(c->cpu);

	return hak_cpu_is_awake(cc) && hak_cpu_last(cc, READ_ONCE(cc->nr)) == p;
}

/*
 * Free @p, which is to be an object of @want unless that is NULL: all that
 * hak_free_object() leaves. Preemption off keeps the metadata of its type, for
 * readers of that are under RCU.
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
	if (why) {
		hak_report_bad_free(p, c, why, caller);
	} else {
		if (want_init_on_free())
			memset((void *)p, 0, c->zero);
		hak_cpu_free(c, s, (void *)p);
	}
	preempt_enable();
}

/*
 * Free @p, an object that has passed the checks of its address, when this CPU's cache
 * @cpu did not take it, most likely because it is full. Preemption is off, and is
 * on again at the end.
 */
noinline void hak_free_full(const struct hak_cache *want, const void *p,
			    unsigned long caller, struct hak_cpu_cache __percpu *cpu)
{
	bool done = hak_cpu_add_full(cpu, p);

	preempt_enable();
	if (unlikely(!done))
		hak_free_slow(want, p, caller);
}

/* Bytes of the object that begins at @p; 0 if none does. */
static size_t hak_object_size(const void *p)
{
	struct hak_entry *e = NULL;
	struct hak_cache *c = NULL;
	size_t size = 0;

	preempt_disable();
	if (likely(hak_find_object(p, &e, &c)))
		size = c->usable;
	preempt_enable();
	return size;
}

/* Is @p in a slab of hakmem's? */
static bool hak_in_slab(const void *p)
{
	bool ours;

	preempt_disable();
	ours = hak_slab_of(p);
	preempt_enable();
	return ours;
}

/**
 * hak_free() - free memory
 * @p: from any of hak_alloc() and its kin, hak_cache_alloc(), or kmalloc();
 *	NULL is ignored
 *
 * An address inside a superslab that is not an object's, one that neither
 * hakmem nor SLUB handed out, and an object that was the last of its class to be
 * freed on this CPU, is reported and left alone.
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
 * @c: the cache it must be of
 * @p: the object, or NULL
 *
 * An object of another cache is reported and left alone, and so is memory that
 * kmalloc() or somebody's kmem_cache gave.
 *
 * Context: any, NMI included.
 */
void hak_cache_free(struct hak_cache *c, void *p)
{
	hak_free_object(p, true, c);
}
EXPORT_SYMBOL_GPL(hak_cache_free);

/* Is it the size of an object of @c, as its user may know it? */
static bool hak_size_fits(const struct hak_cache *c, size_t size)
{
	if (likely(hak_is_size_class(c)))
		return size - 1 < HAK_MAX_SIZE && hak_size_class(size) == c;
	if (hak_flags_keep(c->flags, c->ctor))
		return size && round_up(size, HAK_MIN_SIZE) == c->usable;
	return size && round_up(size, c->align) == c->usable;
}

/*
 * The typed cache of an object that SLUB served; NULL for all other memory.
 * Preemption is off, as the registry may be growing.
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
 * @size: what was asked for
 *
 * A size of another class than the object's, or one that its cache would not
 * have been made for, is reported, and the object is left alone. Memory that
 * kmalloc() gave is kfree()'s, which asks for no size.
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
 * All that hak_usable_size() tells of is wiped, which may be more than was asked
 * for. An address that is no object's is reported, and nothing is written.
 *
 * Context: as for hak_free().
 */
void hak_free_sensitive(const void *p)
{
	size_t size = hak_usable_size(p);

	if (size)
		memzero_explicit((void *)p, size);
	hak_free_object(p, false, NULL);
}
EXPORT_SYMBOL_GPL(hak_free_sensitive);

/* Bytes of the object of a typed cache that SLUB served; 0 if @p is none. */
static size_t hak_foreign_size(const void *p)
{
	const struct hak_cache *c;
	size_t size;

	preempt_disable();
	c = hak_foreign_cache(p);
	size = unlikely(c) ? c->usable : 0;
	preempt_enable();
	return size;
}

static void __hak_free_bulk(const struct hak_cache *want, unsigned int n, void **p,
			    unsigned long caller)
{
	unsigned int i, done;

	for (i = 0; i < n; i += done) {
		done = hak_cpu_free_bulk(want, n - i, p + i);
		if (!done) {
			hak_free_slow(want, p[i], caller);
			done = 1;
		}
	}
}

/* @n objects of @c, or none. */
static unsigned int __hak_alloc_bulk(struct hak_cache *c, gfp_t gfp,
				     unsigned int n, void **p, unsigned long caller)
{
	unsigned int i, j, got;

	might_alloc(gfp);
	for (i = 0; i < n; i += got) {
		got = 0;
		if (likely(!(gfp & HAK_GFP_FOREIGN)))
			got = hak_cpu_alloc_bulk(c, n - i, p + i);
		if (likely(got)) {
			for (j = i; want_init_on_alloc(gfp) && j < i + got; j++)
				hak_object_init(c, p[j], gfp);
			continue;
		}
		p[i] = hak_cache_alloc(c, gfp);
		if (unlikely(!p[i])) {
			__hak_free_bulk(c, i, p, caller);
			return 0;
		}
		got = 1;
	}
	return n;
}

/**
 * hak_free_bulk() - free many objects
 * @n: how many
 * @p: the objects; entries may be NULL
 *
 * Context: as for hak_free().
 */
void hak_free_bulk(unsigned int n, void **p)
{
	__hak_free_bulk(NULL, n, p, _RET_IP_);
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

	if (likely(hak_is_tiny(size, gfp)))
		return __hak_alloc_bulk(hak_size_class(size), gfp, n, p, _RET_IP_);

	for (i = 0; i < n; i++) {
		p[i] = hak_alloc_other(size, gfp, NUMA_NO_NODE);
		if (unlikely(!p[i])) {
			hak_free_bulk(i, p);
			return 0;
		}
	}
	return n;
}
EXPORT_SYMBOL_GPL(hak_alloc_bulk);

/**
 * hak_cache_free_bulk() - free many objects of a cache
 * @c: the cache they must be of
 * @n: how many
 * @p: the objects; entries may be NULL
 *
 * Context: as for hak_free().
 */
void hak_cache_free_bulk(struct hak_cache *c, unsigned int n, void **p)
{
	__hak_free_bulk(c, n, p, _RET_IP_);
}
EXPORT_SYMBOL_GPL(hak_cache_free_bulk);

/**
 * hak_cache_alloc_bulk() - allocate many objects of a cache
 * @c: the cache
 * @gfp: as for hak_cache_alloc()
 * @n: how many
 * @p: filled in
 *
 * Context: as for hak_alloc().
 * Return: @n, or 0 with nothing allocated.
 */
unsigned int hak_cache_alloc_bulk(struct hak_cache *c, gfp_t gfp, unsigned int n,
				  void **p)
{
	return __hak_alloc_bulk(c, gfp, n, p, _RET_IP_);
}
EXPORT_SYMBOL_GPL(hak_cache_alloc_bulk);

/**
 * hak_usable_size() - bytes that may be used behind a pointer
 * @p: as for hak_free()
 *
 * Context: any.
 * Return: the object's size, at least what was asked for; 0 for NULL,
 * ZERO_SIZE_PTR, and what is nobody's or not the start of an object. Of memory
 * that kmalloc() gave, it is ksize(), which is not the caller's to use.
 */
size_t hak_usable_size(const void *p)
{
	size_t size = hak_object_size(p) ?: hak_foreign_size(p);

	if (likely(size))
		return size;
	if (ZERO_OR_NULL_PTR(p) || hak_in_slab(p) || !hak_fallback_owns(p))
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
 * Memory that is large enough stays where it is; what kmalloc() gave stays
 * kmalloc()'s. As with krealloc(), __GFP_ZERO clears what is added only if it
 * was given in every call from the first. An address that is no object's is
 * reported and left alone.
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

	old = hak_object_size(p) ?: hak_foreign_size(p);
	if (unlikely(!old)) {
		if (!hak_in_slab(p))
			return hak_fallback_realloc(p, size, gfp, _RET_IP_);
		hak_free_slow(NULL, p, _RET_IP_);	/* says what is wrong */
		return NULL;
	}
	if (size <= old) {
		if (want_init_on_alloc(gfp))
			memset((char *)p + size, 0, old - size);
		return (void *)p;
	}
	new = hak_alloc(size, gfp);
	if (!new)
		return NULL;
	memcpy(new, p, old);
	hak_free(p);
	return new;
}
EXPORT_SYMBOL_GPL(hak_realloc);
