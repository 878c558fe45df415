/* SPDX-License-Identifier: GPL-2.0 */
/*
 * hakmem: a slab allocator for tiny objects that are allocated on one CPU and
 * freed on another. This is the only header a caller needs.
 */
#ifndef _HAKMEM_H
#define _HAKMEM_H

#include <linux/compiler.h>
#include <linux/gfp.h>
#include <linux/numa.h>
#include <linux/slab.h>
#include <linux/types.h>

#define HAKMEM_VERSION		"0.1.0"

/* The largest request, in bytes, that hak_alloc() serves itself. */
#define HAK_MAX_SIZE		1024

/* The largest object, in bytes, that hak_cache_create() accepts. */
#define HAK_CACHE_MAX_SIZE	8192

struct hak_cache;

void hak_free(const void *p);
void hak_free_sized(const void *p, size_t size);
void hak_free_bulk(unsigned int n, void **p);

void *hak_alloc(size_t size, gfp_t gfp)
	__alloc_size(1) __malloc;
void *hak_alloc_node(size_t size, gfp_t gfp, int node)
	__alloc_size(1) __malloc;
void *hak_calloc(size_t n, size_t size, gfp_t gfp)
	__alloc_size(1, 2) __malloc;
void *hak_realloc(const void *p, size_t size, gfp_t gfp)
	__alloc_size(2) __must_check;
unsigned int hak_alloc_bulk(size_t size, gfp_t gfp, unsigned int n, void **p);
size_t hak_usable_size(const void *p);

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

struct hak_cache *hak_cache_create(const char *name, unsigned int size,
				   unsigned int align, slab_flags_t flags,
				   void (*ctor)(void *));
void hak_cache_destroy(struct hak_cache *c);
void *hak_cache_alloc(struct hak_cache *c, gfp_t gfp) __malloc;
void *hak_cache_alloc_node(struct hak_cache *c, gfp_t gfp, int node) __malloc;
void hak_cache_free(struct hak_cache *c, void *p);
unsigned int hak_cache_size(const struct hak_cache *c);

#endif /* _HAKMEM_H */
