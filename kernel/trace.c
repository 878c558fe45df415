// SPDX-License-Identifier: GPL-2.0
/*
 * Passing events on to the trace ring and to the trace events.
 *
 * The ring exists beside the trace events because it works without CONFIG_TRACING
 * and in the userspace build, is on without a user having started a trace, and is
 * dumped by an oops.
 */
#include "core.h"
#include "tracepoints.h"

DEFINE_STATIC_KEY_FALSE(hak_tracing);

const char *const hak_trace_name[HAK_NR_TRACE] = {
	[HAK_TR_ALLOC] = "alloc",
	[HAK_TR_FREE] = "free",
	[HAK_TR_REFILL] = "refill",
	[HAK_TR_SPILL] = "spill",
	[HAK_TR_SEND] = "send",
	[HAK_TR_RECEIVE] = "receive",
	[HAK_TR_PUSH] = "push",
	[HAK_TR_DRAIN] = "drain",
	[HAK_TR_PARK] = "park",
	[HAK_TR_PUBLISH] = "publish",
	[HAK_TR_ADOPT] = "adopt",
	[HAK_TR_CLAIM] = "claim",
	[HAK_TR_RELEASE] = "release",
	[HAK_TR_SUPERSLAB_NEW] = "superslab_new",
	[HAK_TR_SUPERSLAB_FREE] = "superslab_free",
	[HAK_TR_BAD_FREE] = "bad_free",
};

/* The trace events about a slab as a whole. */
static void hak_trace_slab(enum hak_trace_what what, const struct hak_cache *c,
			   unsigned long slab, unsigned int n)
{
	switch (what) {
	case HAK_TR_DRAIN:
		trace_drain(c, slab);
		break;
	case HAK_TR_PARK:
		trace_park(c, slab);
		break;
	case HAK_TR_PUBLISH:
		trace_publish(c, slab, n);
		break;
	case HAK_TR_ADOPT:
		trace_adopt(c, slab);
		break;
	case HAK_TR_CLAIM:
		trace_claim(c, slab);
		break;
	case HAK_TR_RELEASE:
		trace_release(c, slab);
		break;
	case HAK_TR_SUPERSLAB_NEW:
		trace_superslab_new(slab, n);
		break;
	case HAK_TR_SUPERSLAB_FREE:
		trace_superslab_free(slab, n);
		break;
	default:
		break;
	}
}

/**
 * __hak_trace() - pass an event to the trace ring and the trace events
 * @what: what happened
 * @c: the cache, or NULL
 * @slab: see enum hak_trace_what
 * @obj: likewise
 * @n: likewise
 *
 * Context: any, NMI included, and under raw locks; preemption may be on.
 */
void __hak_trace(enum hak_trace_what what, const struct hak_cache *c,
		 unsigned long slab, const void *obj, unsigned int n)
{
	hak_ring_write(what, c, slab, obj, n);
	switch (what) {
	case HAK_TR_ALLOC:
		trace_alloc(c, obj);
		break;
	case HAK_TR_FREE:
		trace_free(c, obj);
		break;
	case HAK_TR_REFILL:
		trace_refill(c, slab, n);
		break;
	case HAK_TR_SPILL:
		trace_spill(c, n);
		break;
	case HAK_TR_SEND:
		trace_send(c, n);
		break;
	case HAK_TR_RECEIVE:
		trace_receive(c, n);
		break;
	case HAK_TR_PUSH:
		trace_push(c, slab, n);
		break;
	default:
		hak_trace_slab(what, c, slab, n);
		break;
	}
}

/**
 * __hak_trace_bad_free() - pass a refused free to the trace ring and the trace
 * events
 * @p: the address
 * @c: cache of the slab that the address points into, or NULL
 * @why: what is wrong with it
 * @caller: return address of the caller
 *
 * Context: as for __hak_trace().
 */
void __hak_trace_bad_free(const void *p, const struct hak_cache *c,
			  const char *why, unsigned long caller)
{
	hak_ring_write(HAK_TR_BAD_FREE, c, 0, p, 1);
	trace_bad_free(p, c, why, caller);
}

/* A trace event other than those of single objects is switched on, and off. */
int hak_trace_get(void)
{
	static_branch_inc(&hak_tracing);
	return 0;
}

void hak_trace_put(void)
{
	static_branch_dec(&hak_tracing);
}

/*
 * A trace event of single objects is switched on, and off. Only the slow paths
 * have it.
 */
int hak_trace_object_get(void)
{
	hak_slow_only_get();
	return hak_trace_get();
}

void hak_trace_object_put(void)
{
	hak_trace_put();
	hak_slow_only_put();
}
