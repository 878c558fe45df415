/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Links between the free objects of a slab. With hardened=1 a link is stored encoded,
 * so that nobody who can write to a free object can tell what to write there, and a
 * link that was overwritten decodes to an address that is in no slab.
 */
#ifndef _HAK_FREE_LINK_H
#define _HAK_FREE_LINK_H

#include <linux/compiler.h>
#include <linux/llist.h>
#include <linux/swab.h>

#include "modes.h"

/* Chosen when hakmem is loaded with hardened=1. */
extern unsigned long hak_link_secret;

/*
 * What is stored in @n for a link to @next, and what is linked to for what is stored:
 * the same operation does both. The address is swapped because its lower bytes vary
 * most, and would else leave the upper half of the secret bare.
 */
static __always_inline struct llist_node *
hak_link_code(const struct llist_node *n, const struct llist_node *next)
{
	return (struct llist_node *)((unsigned long)next ^ hak_link_secret ^
				     swab64((unsigned long)n));
}

/* What free object's link @n leads to; NULL at the end of a chain. */
static __always_inline struct llist_node *hak_link_next(const struct llist_node *n)
{
	struct llist_node *next = n->next;

	return hak_is_hardened() ? hak_link_code(n, next) : next;
}

static __always_inline void hak_link_set(struct llist_node *n, struct llist_node *next)
{
	n->next = hak_is_hardened() ? hak_link_code(n, next) : next;
}

/* llist_add_batch() for such links. */
static __always_inline void hak_link_add_batch(struct llist_node *first,
					       struct llist_node *last,
					       struct llist_head *head)
{
	struct llist_node *old = READ_ONCE(head->first);

	do {
		WRITE_ONCE(last->next, hak_link_code(last, old));
	} while (!try_cmpxchg(&head->first, &old, first));
}

#endif /* _HAK_FREE_LINK_H */
