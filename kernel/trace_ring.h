/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A ring of the last events, kept with trace_ring=1 and dumped on a crash.
 */
#ifndef _HAK_TRACE_RING_H
#define _HAK_TRACE_RING_H

#include <linux/jump_label.h>
#include <linux/types.h>

struct hak_slab;

enum hak_trace_what {
	HAK_TR_ALLOC,
	HAK_TR_FREE,
	HAK_TR_REFILL,
	HAK_TR_SPILL,
	HAK_TR_PUSH,
	HAK_TR_DRAIN,
	HAK_TR_PARK,
	HAK_TR_POOL,
	HAK_TR_ADOPT,
	HAK_TR_CLAIM,
	HAK_TR_RELEASE,
	HAK_TR_SEND,
	HAK_TR_RECEIVE,
	HAK_TR_BAD_FREE,
	HAK_NR_TRACE,
};

extern const char *const hak_trace_name[HAK_NR_TRACE];

/**
 * struct hak_trace_event - one entry of the ring
 * @seq: its number, from 1; with the highest bit set while it is written
 * @ns: local clock, nanoseconds
 * @slab: first byte of the slab, or 0
 * @obj: the object, or 0
 * @what: enum hak_trace_what
 * @size: object size, bytes
 * @cpu: where
 * @n: objects
 */
struct hak_trace_event {
	u64 seq;
	u64 ns;
	unsigned long slab;
	unsigned long obj;
	u32 what;
	u32 size;
	u32 cpu;
	u32 n;
};

/* Zero-initialise, then call hak_trace_next() until it says false; see there. */
struct hak_trace_iter {
	u64 next;
	u64 end;
};

DECLARE_STATIC_KEY_FALSE(hak_tracing);

int hak_trace_init(void);
void hak_trace_exit(void);
void __hak_trace(enum hak_trace_what what, struct hak_slab *s, const void *obj,
		 unsigned int n);
bool hak_trace_next(struct hak_trace_iter *it, struct hak_trace_event *ev);

#define hak_trace(what, s, obj, n)				\
	do {							\
		if (static_branch_unlikely(&hak_tracing))	\
			__hak_trace(what, s, obj, n);		\
	} while (0)

#endif /* _HAK_TRACE_RING_H */
