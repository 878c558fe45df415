/* SPDX-License-Identifier: GPL-2.0 */
/* The fallback: requests that hakmem passes to SLUB, and the objects SLUB served. */
#ifndef _HAK_FALLBACK_H
#define _HAK_FALLBACK_H

#include <linux/gfp_types.h>
#include <linux/irq_work.h>
#include <linux/llist.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "stats.h"

struct hak_cache;
struct hak_cache_args;
struct list_lru;

/**
 * struct hak_deferred - objects of SLUB that a CPU has freed and kfree() has not
 * @list: the objects without a tail
 * @tails: the tails of the objects that have one
 * @irq: queues @work
 * @work: calls kfree() for them
 */
struct hak_deferred {
	struct llist_head list;
	struct llist_head tails;
	struct irq_work irq;
	struct work_struct work;
};

extern struct hak_deferred __percpu *hak_deferred;
int hak_fallback_init(void);
void hak_fallback_exit(void);
void hak_fallback_sync(void);
bool hak_may_call_mm(void);
int hak_fallback_create(struct hak_cache *c, const char *name,
			const struct hak_cache_args *args);
void hak_fallback_destroy(struct hak_cache *c);
long hak_fallback_live(const struct hak_cache *c);
struct hak_cache *hak_fallback_cache(const void *p);
void *hak_fallback_alloc(size_t size, gfp_t gfp, int node, enum hak_event why);
void *hak_fallback_object(struct hak_cache *c, gfp_t gfp, int node,
			  enum hak_event why);
void *hak_fallback_object_lru(struct hak_cache *c, struct list_lru *lru, gfp_t gfp);
void *hak_fallback_realloc(const void *p, size_t size, gfp_t gfp,
			   unsigned long caller);
void hak_fallback_free(const void *p, const struct hak_cache *want,
		       unsigned long caller);
bool hak_fallback_owns(const void *p);

#endif /* _HAK_FALLBACK_H */
