/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * The lock-less list with the kernel's concurrency rules, those operations
 * that are used: any number of llist_add() and llist_add_batch() together with
 * llist_del_all() need no lock, nor with one llist_del_first() at a time.
 * llist_add_batch() is inline.
 */
#ifndef _SHIM_LINUX_LLIST_H
#define _SHIM_LINUX_LLIST_H

#include <linux/atomic.h>
#include <linux/container_of.h>
#include <linux/stddef.h>
#include <linux/types.h>

struct llist_node {
	struct llist_node *next;
};

struct llist_head {
	struct llist_node *first;
};

#define LLIST_HEAD(name)	struct llist_head name = { .first = NULL }

static inline void init_llist_head(struct llist_head *h)
{
	h->first = NULL;
}

static inline bool llist_empty(const struct llist_head *h)
{
	return !READ_ONCE(h->first);
}

/* Put the chain from @first to @last in front; was the list empty? */
static inline bool llist_add_batch(struct llist_node *first,
				   struct llist_node *last,
				   struct llist_head *h)
{
	struct llist_node *seen = READ_ONCE(h->first);

	for (;;) {
		WRITE_ONCE(last->next, seen);
		if (try_cmpxchg(&h->first, &seen, first))
			return seen == NULL;
	}
}

static inline bool llist_add(struct llist_node *n, struct llist_head *h)
{
	return llist_add_batch(n, n, h);
}

/* The whole list, newest first. */
static inline struct llist_node *llist_del_all(struct llist_head *h)
{
	return xchg(&h->first, NULL);
}

/* The newest; only one caller at a time, and no llist_del_all() meanwhile. */
static inline struct llist_node *llist_del_first(struct llist_head *h)
{
	struct llist_node *n = smp_load_acquire(&h->first);

	while (n && !try_cmpxchg(&h->first, &n, READ_ONCE(n->next)))
		;
	return n;
}

static inline struct llist_node *llist_reverse_order(struct llist_node *n)
{
	struct llist_node *turned = NULL, *rest;

	for (; n; n = rest) {
		rest = n->next;
		n->next = turned;
		turned = n;
	}
	return turned;
}

#define llist_entry(n, type, field)	container_of(n, type, field)

#endif
