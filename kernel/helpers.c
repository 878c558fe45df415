// SPDX-License-Identifier: GPL-2.0
/*
 * Helpers: counterparts of the kernel's functions around kmalloc() and
 * kmem_cache, made from the API's basic functions.
 */
#include <linux/export.h>
#include <linux/overflow.h>
#include <linux/string.h>

#include "core.h"

/**
 * hak_calloc_node() - allocate a zeroed array on a node
 * @n: elements
 * @size: bytes of an element
 * @gfp: as for hak_alloc()
 * @node: as for hak_alloc_node()
 *
 * Context: as for hak_alloc().
 * Return: as for hak_alloc(); NULL if the product overflows.
 */
void *hak_calloc_node(size_t n, size_t size, gfp_t gfp, int node)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes)))
		return NULL;
	return hak_alloc_node(bytes, gfp | __GFP_ZERO, node);
}
EXPORT_SYMBOL_GPL(hak_calloc_node);

/**
 * hak_realloc_array() - resize an array
 * @p: as for hak_realloc()
 * @n: elements wanted; 0 frees
 * @size: bytes of an element; 0 frees
 * @gfp: as for hak_alloc()
 *
 * Context: as for hak_alloc().
 * Return: as for hak_realloc(); NULL if the product overflows, and then @p is
 * still valid and unchanged.
 */
void *hak_realloc_array(const void *p, size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes)))
		return NULL;
	return hak_realloc(p, bytes, gfp);
}
EXPORT_SYMBOL_GPL(hak_realloc_array);

/**
 * hak_memdup() - allocate a copy of memory
 * @src: the memory
 * @size: its bytes
 * @gfp: as for hak_alloc()
 *
 * Context: as for hak_alloc().
 * Return: the copy, as for hak_alloc().
 */
void *hak_memdup(const void *src, size_t size, gfp_t gfp)
{
	void *p = hak_alloc(size, gfp);

	if (likely(!ZERO_OR_NULL_PTR(p)))
		memcpy(p, src, size);
	return p;
}
EXPORT_SYMBOL_GPL(hak_memdup);

/**
 * hak_strdup() - allocate a copy of a string
 * @s: the string, or NULL
 * @gfp: as for hak_alloc()
 *
 * If another CPU changes the string meanwhile, the copy is terminated all the
 * same.
 *
 * Context: as for hak_alloc().
 * Return: the copy; NULL if there is no memory, or @s is NULL.
 */
char *hak_strdup(const char *s, gfp_t gfp)
{
	size_t len;
	char *copy;

	if (!s)
		return NULL;
	len = strlen(s);
	copy = hak_memdup(s, len + 1, gfp);
	if (likely(copy))
		copy[len] = '\0';
	return copy;
}
EXPORT_SYMBOL_GPL(hak_strdup);

/**
 * hak_mempool_alloc() - allocate an element of a mempool
 * @gfp: as for hak_cache_alloc()
 * @pool_data: the hak_cache
 *
 * For mempool_create(), together with hak_mempool_free() and the cache as pool
 * data. Destroy the pool before the cache.
 *
 * Context: as for hak_alloc().
 * Return: an object of the cache, or NULL.
 */
void *hak_mempool_alloc(gfp_t gfp, void *pool_data)
{
	return hak_cache_alloc(pool_data, gfp);
}
EXPORT_SYMBOL_GPL(hak_mempool_alloc);

/**
 * hak_mempool_free() - free an element of a mempool
 * @element: the object
 * @pool_data: the hak_cache
 *
 * Context: as for hak_free().
 */
void hak_mempool_free(void *element, void *pool_data)
{
	hak_cache_free(pool_data, element);
}
EXPORT_SYMBOL_GPL(hak_mempool_free);
