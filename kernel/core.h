/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every file of the core includes this header. Read it first after docs/design.md:
 * it has the states of a slab, what may run together on one, and the locks. Each
 * structure is declared in the header named after it, together with its functions.
 *
 * Slab states (the low bits of hak_slab.rc)
 *
 *   state    owner  on a pool list  may touch freelist, bump, taken
 *   UNUSED   no     no              no CPU (the claimer, before others can find it)
 *   OWNED    yes    no              the owner, with its busy mark set
 *   PARKED   no     no              no CPU; all its free objects are in remote
 *   POOLED   no     yes             no CPU; the one that pops it becomes the owner
 *
 *   UNUSED -> OWNED     hak_superslab_claim()   under the node lock
 *   OWNED  -> PARKED    hak_slab_park()         the owner
 *   OWNED  -> POOLED    hak_pool_put()          the owner
 *   PARKED -> POOLED    hak_pool_put()          the pusher that counted first
 *   POOLED -> OWNED     hak_pool_adopt()        the adopter, which popped it
 *                       hak_pool_reap_taken()   the reaper, if it is whole
 *                       hak_pool_reap()         likewise, in a walk of the pool
 *   OWNED  -> UNUSED    hak_slab_release()      the reaper; of a cache that is
 *                                               SLAB_TYPESAFE_BY_RCU after a
 *                                               grace period, see limbo.c
 *
 * HAK_REAP_QUEUED beside the state says that the slab is in the reaper's queue, or that
 * a CPU is about to put it there. The CPU that finds a POOLED slab whole sets it. The
 * reaper clears it, whatever the state has become, and does not release a slab that has
 * it.
 *
 * What may run together on one slab
 *
 *           push drain park publish adopt release
 *   push     yes  yes   yes    yes    yes    no    no: until a push is counted the
 *   drain          -     -      -      -     -     slab is not whole
 *   park                 -      -      -     -
 *   publish                     -      -     -     -: only one CPU can do either,
 *   adopt                              -     -     the slab's owner, the pusher that
 *   release                                  -     counted first, or its adopter
 *
 * Mutexes, in the order in which they nest. Under none of them does hakmem allocate memory,
 * except for a cache that is created by a caller with cpus_read_lock() held.
 *
 *   cpus_read_lock()   a shrink that a person asked for, or of one cache, and cache
 *                      destruction
 *   hak_shrink_mutex   one shrink at a time; its holder waits for the CPUs' flush
 *                      workers for a bounded time, and these take hak_cache_mutex
 *   hak_cache_mutex    the list of caches (readers: RCU), filling in a cache's
 *                      per-CPU caches, and reaping; the callbacks of CPU hotplug
 *                      take it, too
 *
 * Raw locks. None nests in another; each is held for O(1) with interrupts off, and
 * never across a call to the page allocator or SLUB:
 *
 *   hak_pool.lock      popping slabs of one cache and node
 *   hak_node.lock      slots of the node's superslabs
 *   hak_depot.lock     taking a magazine; CPUs only try it, so its holder may have
 *                      interrupts on
 *   hak_all_lock       the list of all superslabs (readers: RCU)
 *   hak_rcu_cpu.lock   what a CPU has collected for hak_free_rcu(); interrupts, and
 *                      callers with interrupts or softirqs off, only try it, so its
 *                      holder has interrupts on
 *
 * Apart from all these:
 *
 *   hak_cover_mutex    growth of the registry; taken inside the locks of memory
 *                      hotplug, and no other lock of hakmem is taken under it
 *   hak_rcu_mutex      one hak_free_rcu_barrier() at a time; its holder waits for a grace
 *                      period, and for frees that are under way, which take no mutex
 *   hak_name_mutex     the list of the names of typed caches; held for a walk of the
 *                      list only, and no other lock is taken under it
 *
 * hak_free() takes none of these locks in any context. Mutexes are taken in task
 * context only.
 */
#ifndef _HAK_CORE_H
#define _HAK_CORE_H

/* What the core allocates for a caller is counted for the caller's line, not for its own. */
#ifndef HAKMEM_NO_TAGS
#define HAKMEM_NO_TAGS
#endif

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
#include "check.h"
#include "compat.h"
#include "depot.h"
#include "fault.h"
#include "fallback.h"
#include "free_link.h"
#include "geometry.h"
#include "harden.h"
#include "include/hakmem.h"
#include "init.h"
#include "limbo.h"
#include "lock.h"
#include "modes.h"
#include "node.h"
#include "outbox.h"
#include "page_arena.h"
#include "params.h"
#include "pcpu_cache.h"
#include "pool.h"
#include "reaper.h"
#include "rcu_free.h"
#include "registry.h"
#include "report.h"
#include "size_class.h"
#include "slab.h"
#include "stats.h"
#include "superslab.h"
#include "trace.h"
#include "trace_ring.h"

#endif /* _HAK_CORE_H */
