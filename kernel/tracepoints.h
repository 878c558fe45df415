/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The trace events hakmem:*; see docs/tracing.md. The userspace build has none,
 * and there all of this compiles to nothing.
 *
 * Each event may come in hard interrupts and in NMI, and with raw locks held. For
 * memory that SLUB served see the events kmem:*.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM hakmem

#if !defined(_HAK_TRACEPOINTS_H) || defined(TRACE_HEADER_MULTI_READ)
#define _HAK_TRACEPOINTS_H

#include <linux/mm.h>
#include <linux/tracepoint.h>

#include "cache.h"
#include "trace.h"

/* After a double free an object may have no cache. */
#ifndef HAK_TRACE_NAME
#define HAK_TRACE_NAME(c)	((c) ? (c)->name : "none")
#endif

/* Single objects. While one of these is on, every operation takes the slow path. */
DECLARE_EVENT_CLASS(hak_object,
	TP_PROTO(const struct hak_cache *c, const void *ptr),
	TP_ARGS(c, ptr),
	TP_STRUCT__entry(
		__field(const void *, ptr)
		__field(u32, size)
		__string(cache, HAK_TRACE_NAME(c))
	),
	TP_fast_assign(
		__entry->ptr = ptr;
		__entry->size = c ? c->size : 0;
		__assign_str(cache);
	),
	TP_printk("ptr=%p cache=%s size=%u", __entry->ptr, __get_str(cache),
		  __entry->size)
);

DEFINE_EVENT_FN(hak_object, alloc,
	TP_PROTO(const struct hak_cache *c, const void *ptr),
	TP_ARGS(c, ptr), hak_trace_object_get, hak_trace_object_put);

DEFINE_EVENT_FN(hak_object, free,
	TP_PROTO(const struct hak_cache *c, const void *ptr),
	TP_ARGS(c, ptr), hak_trace_object_get, hak_trace_object_put);

/* Batches of objects of several slabs. */
DECLARE_EVENT_CLASS(hak_batch,
	TP_PROTO(const struct hak_cache *c, unsigned int objects),
	TP_ARGS(c, objects),
	TP_STRUCT__entry(
		__field(u32, objects)
		__field(u32, size)
		__string(cache, HAK_TRACE_NAME(c))
	),
	TP_fast_assign(
		__entry->objects = objects;
		__entry->size = c ? c->size : 0;
		__assign_str(cache);
	),
	TP_printk("cache=%s size=%u objects=%u", __get_str(cache), __entry->size,
		  __entry->objects)
);

DEFINE_EVENT_FN(hak_batch, spill,
	TP_PROTO(const struct hak_cache *c, unsigned int objects),
	TP_ARGS(c, objects), hak_trace_get, hak_trace_put);

DEFINE_EVENT_FN(hak_batch, send,
	TP_PROTO(const struct hak_cache *c, unsigned int objects),
	TP_ARGS(c, objects), hak_trace_get, hak_trace_put);

DEFINE_EVENT_FN(hak_batch, receive,
	TP_PROTO(const struct hak_cache *c, unsigned int objects),
	TP_ARGS(c, objects), hak_trace_get, hak_trace_put);

/* Batches of objects of one slab. */
DECLARE_EVENT_CLASS(hak_slab_batch,
	TP_PROTO(const struct hak_cache *c, unsigned long slab, unsigned int objects),
	TP_ARGS(c, slab, objects),
	TP_STRUCT__entry(
		__field(unsigned long, slab)
		__field(u32, objects)
		__field(u32, size)
		__string(cache, HAK_TRACE_NAME(c))
	),
	TP_fast_assign(
		__entry->slab = slab;
		__entry->objects = objects;
		__entry->size = c ? c->size : 0;
		__assign_str(cache);
	),
	TP_printk("slab=%p cache=%s size=%u objects=%u", (void *)__entry->slab,
		  __get_str(cache), __entry->size, __entry->objects)
);

DEFINE_EVENT_FN(hak_slab_batch, refill,
	TP_PROTO(const struct hak_cache *c, unsigned long slab, unsigned int objects),
	TP_ARGS(c, slab, objects), hak_trace_get, hak_trace_put);

DEFINE_EVENT_FN(hak_slab_batch, push,
	TP_PROTO(const struct hak_cache *c, unsigned long slab, unsigned int objects),
	TP_ARGS(c, slab, objects), hak_trace_get, hak_trace_put);

/* The life of a slab. */
DECLARE_EVENT_CLASS(hak_slab,
	TP_PROTO(const struct hak_cache *c, unsigned long slab),
	TP_ARGS(c, slab),
	TP_STRUCT__entry(
		__field(unsigned long, slab)
		__field(u32, size)
		__string(cache, HAK_TRACE_NAME(c))
	),
	TP_fast_assign(
		__entry->slab = slab;
		__entry->size = c ? c->size : 0;
		__assign_str(cache);
	),
	TP_printk("slab=%p cache=%s size=%u", (void *)__entry->slab,
		  __get_str(cache), __entry->size)
);

DEFINE_EVENT_FN(hak_slab, drain,
	TP_PROTO(const struct hak_cache *c, unsigned long slab),
	TP_ARGS(c, slab), hak_trace_get, hak_trace_put);

DEFINE_EVENT_FN(hak_slab, park,
	TP_PROTO(const struct hak_cache *c, unsigned long slab),
	TP_ARGS(c, slab), hak_trace_get, hak_trace_put);

DEFINE_EVENT_FN(hak_slab, adopt,
	TP_PROTO(const struct hak_cache *c, unsigned long slab),
	TP_ARGS(c, slab), hak_trace_get, hak_trace_put);

DEFINE_EVENT_FN(hak_slab, claim,
	TP_PROTO(const struct hak_cache *c, unsigned long slab),
	TP_ARGS(c, slab), hak_trace_get, hak_trace_put);

DEFINE_EVENT_FN(hak_slab, release,
	TP_PROTO(const struct hak_cache *c, unsigned long slab),
	TP_ARGS(c, slab), hak_trace_get, hak_trace_put);

TRACE_EVENT_FN(publish,
	TP_PROTO(const struct hak_cache *c, unsigned long slab, bool by_pusher),
	TP_ARGS(c, slab, by_pusher),
	TP_STRUCT__entry(
		__field(unsigned long, slab)
		__field(u32, size)
		__field(bool, by_pusher)
		__string(cache, HAK_TRACE_NAME(c))
	),
	TP_fast_assign(
		__entry->slab = slab;
		__entry->size = c ? c->size : 0;
		__entry->by_pusher = by_pusher;
		__assign_str(cache);
	),
	TP_printk("slab=%p cache=%s size=%u by_pusher=%d", (void *)__entry->slab,
		  __get_str(cache), __entry->size, __entry->by_pusher),
	hak_trace_get, hak_trace_put
);

DECLARE_EVENT_CLASS(hak_superslab,
	TP_PROTO(unsigned long addr, unsigned int order),
	TP_ARGS(addr, order),
	TP_STRUCT__entry(
		__field(unsigned long, addr)
		__field(u32, order)
		__field(int, node)
	),
	TP_fast_assign(
		__entry->addr = addr;
		__entry->order = order;
		__entry->node = page_to_nid(virt_to_page((void *)addr));
	),
	TP_printk("addr=%p order=%u node=%d", (void *)__entry->addr,
		  __entry->order, __entry->node)
);

DEFINE_EVENT_FN(hak_superslab, superslab_new,
	TP_PROTO(unsigned long addr, unsigned int order),
	TP_ARGS(addr, order), hak_trace_get, hak_trace_put);

DEFINE_EVENT_FN(hak_superslab, superslab_free,
	TP_PROTO(unsigned long addr, unsigned int order),
	TP_ARGS(addr, order), hak_trace_get, hak_trace_put);

TRACE_EVENT_FN(bad_free,
	TP_PROTO(const void *ptr, const struct hak_cache *c, const char *why,
		 unsigned long caller),
	TP_ARGS(ptr, c, why, caller),
	TP_STRUCT__entry(
		__field(const void *, ptr)
		__field(unsigned long, caller)
		__string(cache, HAK_TRACE_NAME(c))
		__string(why, why)
	),
	TP_fast_assign(
		__entry->ptr = ptr;
		__entry->caller = caller;
		__assign_str(cache);
		__assign_str(why);
	),
	TP_printk("ptr=%p cache=%s caller=%pS why=%s", __entry->ptr,
		  __get_str(cache), (void *)__entry->caller, __get_str(why)),
	hak_trace_get, hak_trace_put
);

#endif /* _HAK_TRACEPOINTS_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE tracepoints
#include <trace/define_trace.h>
