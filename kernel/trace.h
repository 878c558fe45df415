/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracing: at each place of interest the core calls hak_trace(), which feeds both
 * the trace events of the module (tracepoints.h) and the trace ring
 * (trace_ring.h). One static key guards all these places, so they cost nothing
 * while tracing is off.
 */
#ifndef _HAK_TRACE_H
#define _HAK_TRACE_H

#include <linux/jump_label.h>
#include <linux/types.h>

struct hak_cache;
struct hak_superslab;

/**
 * enum hak_trace_what - events, and the arguments of hak_trace() that each uses
 * @HAK_TR_ALLOC: an object was allocated; @obj
 * @HAK_TR_FREE: an object is freed; @slab, @obj
 * @HAK_TR_REFILL: @n objects were taken from a slab; @slab
 * @HAK_TR_SPILL: @n objects went back to their slabs
 * @HAK_TR_SEND: @n objects were sent to the depot; @obj is the magazine
 * @HAK_TR_RECEIVE: @n objects were received from the depot; @obj is the magazine
 * @HAK_TR_PUSH: @n objects are pushed; @slab; @obj is the link of the first
 * @HAK_TR_DRAIN: the owner took a slab's remote list; @slab; @obj is the first
 *	link
 * @HAK_TR_PARK: the owner parked a slab without free objects; @slab
 * @HAK_TR_PUBLISH: a slab is put into its pool; @slab; @n is 1 if a pusher does
 *	so, 0 if the owner does
 * @HAK_TR_ADOPT: a CPU became the owner of a slab from a pool; @slab
 * @HAK_TR_CLAIM: a CPU became the owner of an unused slot; @slab
 * @HAK_TR_RELEASE: a whole slab becomes an unused slot; @slab
 * @HAK_TR_SUPERSLAB_NEW: a superslab came from the page allocator; @slab is its
 *	address, @n its order
 * @HAK_TR_SUPERSLAB_FREE: a superslab goes back to the page allocator; likewise
 * @HAK_TR_BAD_FREE: a free was refused; @obj
 * @HAK_NR_TRACE: number of events
 */
enum hak_trace_what {
	HAK_TR_ALLOC,
	HAK_TR_FREE,
	HAK_TR_REFILL,
	HAK_TR_SPILL,
	HAK_TR_SEND,
	HAK_TR_RECEIVE,
	HAK_TR_PUSH,
	HAK_TR_DRAIN,
	HAK_TR_PARK,
	HAK_TR_PUBLISH,
	HAK_TR_ADOPT,
	HAK_TR_CLAIM,
	HAK_TR_RELEASE,
	HAK_TR_SUPERSLAB_NEW,
	HAK_TR_SUPERSLAB_FREE,
	HAK_TR_BAD_FREE,
	HAK_NR_TRACE,
};

extern const char *const hak_trace_name[HAK_NR_TRACE];

/* On while the trace ring or any trace event is on. */
DECLARE_STATIC_KEY_FALSE(hak_tracing);

void __hak_trace(enum hak_trace_what what, const struct hak_cache *c,
		 unsigned long slab, const void *obj, unsigned int n);
void __hak_trace_bad_free(const void *p, const struct hak_cache *c,
			  const char *why, unsigned long caller);
int hak_trace_get(void);
void hak_trace_put(void);
int hak_trace_object_get(void);
void hak_trace_object_put(void);

#define hak_trace(what, c, slab, obj, n)			\
	do {							\
		if (static_branch_unlikely(&hak_tracing))	\
			__hak_trace(what, c, slab, obj, n);	\
	} while (0)

#endif /* _HAK_TRACE_H */
