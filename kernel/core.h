/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every file of the core includes, and what to read first after
 * docs/design.md: the states of a slab, what may run together, and the locks.
 * Each structure is declared in the header of its noun, with its functions.
 *
 * Slab states (the low bits of hak_slab.rc)
 *
 *   state    owner  on a pool list  may touch freelist, bump, taken
 *   UNUSED   no     no              nobody (a claimer, before it is visible)
 *   OWNED    yes    no              the owner, busy mark set
 *   PARKED   no     no              nobody; no free object but those waiting
 *   POOLED   no     yes             nobody; whoever pops it becomes the owner
 *
 *   UNUSED -> OWNED     hak_superslab_claim()   under the node lock
 *   OWNED  -> PARKED    hak_slab_park()         the owner
 *   OWNED  -> POOLED    hak_pool_put()          the owner
 *   PARKED -> POOLED    hak_pool_put()          the pusher who counted first
 *   POOLED -> OWNED     hak_pool_adopt()        whoever popped it
 *                       hak_pool_reap_told()    the reaper, if it is whole
 *   OWNED  -> UNUSED    hak_slab_release()      the reaper
 *
 * HAK_TOLD beside the state says that the slab is, or is just being put, on the
 * reaper's list. It is set while the slab is POOLED, by whoever finds it whole,
 * and cleared by the reaper, whatever the state is by then; a slab that has it
 * is not released.
 *
 * What may run together on one slab
 *
 *           push drain park publish adopt release
 *   push     yes  yes   yes    yes    yes    no    an uncounted push keeps the
 *   drain          -     -      -      -     -     slab from being whole
 *   park                 -      -      -     -
 *   publish                     -      -     -     "-": both need to be the
 *   adopt                              -     -     slab's one owner (or its
 *   release                                  -     one crosser, one popper)
 *
 * Locks, in the order in which they nest; the raw ones do not nest in each
 * other. Nothing is allocated under them, but under the first.
 *
 *   hak_create_mutex   the coming and going of typed caches; RCU is waited for
 *                      under it, too
 *   cpus_read_lock()   a shrink somebody asked for, a cache that goes
 *   hak_shrink_mutex   one shrink at a time; its holder waits for the workers
 *                      of CPUs, but not for long, and so for hak_cache_mutex
 *   hak_cache_mutex    the list of caches (readers: RCU), and reaping; CPU
 *                      hotplug's callbacks take it, too
 *
 * Raw locks, each held O(1) with interrupts off and never across a call to the
 * page allocator or SLUB:
 *
 *   hak_pool.lock      pops of one (cache, node)
 *   hak_node.lock      slots of the node's superslabs
 *   hak_depot.lock     who takes a magazine; CPUs only try it, so it may be held
 *                      with interrupts on
 *   hak_all_lock       the list of all superslabs (readers: RCU)
 *
 * And apart from all these:
 *
 *   hak_cover_mutex    growth of the registry; inside the locks of memory
 *                      hotplug, with nothing of hakmem's inside
 *
 * hak_free() takes none of them in any context. The mutexes are for task context.
 */
#ifndef _HAK_CORE_H
#define _HAK_CORE_H

#include <linux/align.h>
#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/cache.h>
#include <linux/compiler.h>
#include <linux/gfp.h>
#include <linux/hardirq.h>
#include <linux/jump_label.h>
#include <linux/kconfig.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/numa.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/topology.h>
#include <linux/types.h>

#include "cache.h"
#include "compat.h"
#include "depot.h"
#include "fallback.h"
#include "geometry.h"
#include "include/hakmem.h"
#include "init.h"
#include "lock.h"
#include "modes.h"
#include "node.h"
#include "page_arena.h"
#include "params.h"
#include "pcpu_cache.h"
#include "pool.h"
#include "reaper.h"
#include "registry.h"
#include "report.h"
#include "size_class.h"
#include "slab.h"
#include "stats.h"
#include "superslab.h"
#include "trace_ring.h"

#endif /* _HAK_CORE_H */
