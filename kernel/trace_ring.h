/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A ring of the last events, kept with trace_ring=1 and dumped on a crash.
 */
#ifndef _HAK_TRACE_RING_H
#define _HAK_TRACE_RING_H

#include <linux/types.h>

#include "trace.h"

struct hak_cache;

/**
 * struct hak_trace_event - one entry of the ring
 * @seq: its number, counted from 1; the highest bit is set while it is being
 *	written
 * @ns: local clock, nanoseconds
 * @slab: first byte of the slab, or 0
 * @obj: the object, or 0
 * @what: enum hak_trace_what
 * @size: object size, bytes
 * @cpu: the CPU
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

/* Set it to zero, then call hak_trace_next() until that returns false. */
struct hak_trace_iter {
	u64 next;
	u64 end;
};

int hak_trace_init(void);
void hak_trace_exit(void);
void hak_ring_write(enum hak_trace_what what, const struct hak_cache *c,
		    unsigned long slab, const void *obj, unsigned int n);
bool hak_trace_next(struct hak_trace_iter *it, struct hak_trace_event *ev);

#endif /* _HAK_TRACE_RING_H */
