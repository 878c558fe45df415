/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The depot: batches of objects on their way from the CPUs that freed them to
 * those that allocate. What may run together is in depot.c.
 */
#ifndef _HAK_DEPOT_H
#define _HAK_DEPOT_H

#include <linux/cache.h>
#include <linux/llist.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct hak_cache;
struct hak_class_stats;
struct hak_cpu_cache;

/* Magazines a CPU has of each cache: how many batches it may have under way. */
#define HAK_MAGAZINES		2

/**
 * struct hak_magazine - a batch of pointers to objects
 * @link: place in hak_depot.incoming or hak_depot.chain
 * @full: 0 while the magazine is home, and its CPU may fill it; 1 from the moment it is
 *	sent until a receiver has copied @obj
 * @nr: objects in @obj
 * @obj: the objects, in the order in which they were freed
 *
 * Only the CPU whose per-CPU memory it is in fills a magazine and sends it.
 */
struct hak_magazine {
	struct llist_node link;
	u32 full;
	u32 nr;
	void *obj[];
};

/**
 * struct hak_depot - full magazines of one cache on one node
 * @incoming: lock-free stack of magazines that were sent
 * @lock: protects the other fields; only its holder takes magazines
 * @chain: magazines taken off @incoming, the newest first
 * @received: how many magazines CPUs have received
 * @seen: @received as hak_depot_trim() last saw it
 *
 * Senders and receivers write different cache lines.
 */
struct hak_depot {
	struct llist_head incoming ____cacheline_aligned_in_smp;
	raw_spinlock_t lock ____cacheline_aligned_in_smp;
	struct llist_node *chain;
	unsigned long received;
	unsigned long seen;
};

void hak_depot_init(struct hak_depot *d);
struct hak_magazine *hak_magazine_next(struct hak_cpu_cache *cc);
void hak_magazine_send(struct hak_cache *c, struct hak_cpu_cache *cc,
		       struct hak_magazine *m, unsigned int n, int nid);
bool hak_depot_send(struct hak_cache *c, struct hak_cpu_cache *cc);
unsigned int hak_depot_receive(struct hak_cache *c, struct hak_cpu_cache *cc,
			       int nid);
void hak_depot_flush(struct hak_cache *c, int nid);
bool hak_depot_trim(bool all);
size_t hak_magazine_offset(unsigned int cap);
size_t hak_magazine_bytes(unsigned int cap);
unsigned int hak_magazine_objects(struct hak_cpu_cache *cc);

/* Is @d empty? The answer may be out of date as soon as the caller gets it. */
static inline bool hak_depot_empty(const struct hak_depot *d)
{
	return !READ_ONCE(d->chain) && llist_empty(&d->incoming);
}

#endif /* _HAK_DEPOT_H */
