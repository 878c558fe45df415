/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tells the kernel which line of code allocates, for /proc/allocinfo. hakmem.h includes
 * this header.
 *
 * With CONFIG_MEM_ALLOC_PROFILING each call below becomes a call in alloc_hooks(), as
 * the kernel does with kmalloc(). Without the option this header is empty. A macro does
 * not apply to a name that no parenthesis follows, so &hak_alloc is the function, and
 * (hak_alloc)(size, gfp) is a call that keeps the tag its caller has set.
 *
 * A header with an allocating function of its own, whose callers are to be counted and
 * not the header, calls so, and wraps the function in the same way:
 *
 *   #ifdef hak_tagged
 *   #define my_alloc(...)	hak_tagged(my_alloc(__VA_ARGS__))
 *   #endif
 *
 * If HAKMEM_NO_TAGS is defined, hakmem.h does not include this header.
 */
#ifndef _HAKMEM_TAGS_H
#define _HAKMEM_TAGS_H

#ifdef CONFIG_MEM_ALLOC_PROFILING

#include <linux/alloc_tag.h>
#include <linux/sched.h>

#define hak_tagged(do_alloc)		alloc_hooks(do_alloc)

#define hak_alloc(...)			hak_tagged(hak_alloc(__VA_ARGS__))
#define hak_zalloc(...)			hak_tagged(hak_zalloc(__VA_ARGS__))
#define hak_alloc_node(...)		hak_tagged(hak_alloc_node(__VA_ARGS__))
#define hak_zalloc_node(...)		hak_tagged(hak_zalloc_node(__VA_ARGS__))
#define hak_alloc_array(...)		hak_tagged(hak_alloc_array(__VA_ARGS__))
#define hak_calloc(...)			hak_tagged(hak_calloc(__VA_ARGS__))
#define hak_calloc_node(...)		hak_tagged(hak_calloc_node(__VA_ARGS__))
#define hak_realloc(...)		hak_tagged(hak_realloc(__VA_ARGS__))
#define hak_realloc_array(...)		hak_tagged(hak_realloc_array(__VA_ARGS__))
#define hak_strdup(...)			hak_tagged(hak_strdup(__VA_ARGS__))
#define hak_memdup(...)			hak_tagged(hak_memdup(__VA_ARGS__))
#define hak_alloc_bulk(...)		hak_tagged(hak_alloc_bulk(__VA_ARGS__))
#define hak_cache_alloc(...)		hak_tagged(hak_cache_alloc(__VA_ARGS__))
#define hak_cache_zalloc(...)		hak_tagged(hak_cache_zalloc(__VA_ARGS__))
#define hak_cache_alloc_node(...)	hak_tagged(hak_cache_alloc_node(__VA_ARGS__))
#define hak_cache_alloc_lru(...)		hak_tagged(hak_cache_alloc_lru(__VA_ARGS__))
#define hak_cache_alloc_bulk(...)	hak_tagged(hak_cache_alloc_bulk(__VA_ARGS__))
#define hak_mempool_alloc(...)		hak_tagged(hak_mempool_alloc(__VA_ARGS__))

#endif /* CONFIG_MEM_ALLOC_PROFILING */

#endif /* _HAKMEM_TAGS_H */
