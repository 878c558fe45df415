// SPDX-License-Identifier: GPL-2.0
/*
 * Allocations that name a memory node.
 */
#include <linux/instruction_pointer.h>
#include <linux/nodemask.h>
#include <linux/topology.h>

#include "core.h"
#include "fast_path.h"

/* Take one object from a slab of node @nid. The slab is owned for this call only. */
static void *hak_node_take_once(struct hak_cache *c, int nid)
{
	struct hak_slab *s;
	void *p = NULL;

	preempt_disable();
	s = hak_slab_get(c, nid);
	/* If a stalled pusher published the slab, it may have no free object. */
	while (s && !hak_slab_take(c, s, &p, 1)) {
		if (!hak_slab_park(s))
			continue;
		s = hak_slab_get(c, nid);
	}
	if (s)
		hak_slab_leave(s);
	preempt_enable();
	return p;
}

/*
 * Take one object from node @nid. If the node needs a new slab whose objects have
 * to be constructed, construct them.
 */
static void *hak_node_take(struct hak_cache *c, int nid, unsigned long caller)
{
	void *p;

	do {
		p = hak_node_take_once(c, nid);
		if (!p && c->ctor && hak_slab_construct(c, nid))
			p = hak_node_take_once(c, nid);
		/* If an object fails a check it is never used again. */
	} while (p && unlikely(c->checks) && !hak_check_alloc(c, p, caller));
	return p;
}

/**
 * hak_node_alloc() - allocate from a given memory node
 * @c: the cache
 * @gfp: the caller's flags; with __GFP_THISNODE no other node will do
 * @nid: the node
 *
 * Return: as for hak_alloc_node().
 */
void *hak_node_alloc(struct hak_cache *c, gfp_t gfp, int nid)
{
	unsigned int tries;
	void *p;

	if (nid == NUMA_NO_NODE || !hak_has_nodes())
		return hak_typed_alloc(c, gfp);
	if (nid == numa_mem_id() && !(gfp & __GFP_THISNODE))
		return hak_typed_alloc(c, gfp);

	might_alloc(gfp);
	if (unlikely(hak_cache_is_slub_only(c)))
		return hak_fallback_object(c, gfp, nid, HAK_EV_FOREIGN);
	if (in_nmi())
		return hak_fallback_object(c, gfp, nid, HAK_EV_NESTED);
	/* SLUB handles a node that does not exist. */
	if (nid < 0 || nid >= nr_node_ids || !node_possible(nid))
		return hak_fallback_object(c, gfp, nid, HAK_EV_FOREIGN);
	if (!(gfp & __GFP_THISNODE))
		nid = hak_node_near(nid);
	/* SLUB handles a node without memory. If the node is offline, SLUB warns. */
	if (!node_state(nid, N_NORMAL_MEMORY))
		return hak_fallback_object(c, gfp, nid, HAK_EV_FOREIGN);
	p = hak_node_take(c, nid, _RET_IP_);
	for (tries = 0; !p && hak_may_call_mm() && tries < HAK_GROW_TRIES; tries++) {
		if (hak_superslab_grow(nid, gfp) < 0)
			break;
		p = hak_node_take(c, nid, _RET_IP_);
	}
	if (p) {
		hak_trace(HAK_TR_ALLOC, c, 0, p, 1);
		return hak_init_on_alloc(c, p, gfp);
	}
	return hak_fallback_object(c, gfp, nid, HAK_EV_NOMEM);
}
