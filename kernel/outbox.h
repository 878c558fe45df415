/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The outbox: objects of other memory nodes that a CPU has freed, and sends to their nodes
 * in magazines; see outbox.c.
 */
#ifndef _HAK_OUTBOX_H
#define _HAK_OUTBOX_H

#include <linux/topology.h>
#include <linux/types.h>

#include "modes.h"
#include "node.h"
#include "pcpu_cache.h"

struct hak_cache;

/**
 * struct hak_outbox - objects of other memory nodes that a CPU has freed
 * @nr: objects in @obj, a batch at most
 * @obj: the objects, in the order in which they were freed
 *
 * It is a part of the per-CPU cache: only its CPU touches it, with the busy mark set.
 */
struct hak_outbox {
	u32 nr;
	void *obj[];
};

size_t hak_outbox_bytes(unsigned int cap);
struct hak_outbox *hak_cpu_outbox(const struct hak_cpu_cache *cc);
void *hak_outbox_last(const struct hak_cpu_cache *cc);
unsigned int hak_outbox_objects(const struct hak_cpu_cache *cc);
void hak_outbox_put(struct hak_cache *c, struct hak_cpu_cache *cc, void *p);
unsigned int hak_outbox_add_bulk(const struct hak_cache *want, unsigned int n,
				 void **p);
void hak_outbox_flush(struct hak_cache *c, struct hak_cpu_cache *cc);

/* Is @nid another node than the one this CPU allocates from? Preemption is off. */
static inline bool hak_is_other_node(int nid)
{
	return hak_has_nodes() && nid != hak_node_near(numa_mem_id());
}

#endif /* _HAK_OUTBOX_H */
