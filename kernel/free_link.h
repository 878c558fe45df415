/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Links between the free objects of a slab. With hardened=1 a link is stored encoded. An
 * attacker who can write to a free object does not know which value to write, and a link
 * that was overwritten decodes to an address outside its slab.
 */
#ifndef _HAK_FREE_LINK_H
#define _HAK_FREE_LINK_H

#include <linux/compiler.h>
#include <linux/llist.h>
#include <linux/swab.h>

#include "modes.h"

/* A random number chosen when hakmem is loaded with hardened=1. */
extern unsigned long hak_link_secret;

/*
 * Encode the link from @n to @next, or decode a stored link; the operation is its own
 * inverse. The bytes of the address of @n are swapped because the lower ones vary most:
 * otherwise the upper half of each stored link would show the same bits of the secret.
 */
static __always_inline struct llist_node *
hak_link_code(const struct llist_node *n, const struct llist_node *next)
{
	return (struct llist_node *)((unsigned long)next ^ hak_link_secret ^
				     swab64((unsigned long)n));
}

/* The link that follows @n in its chain; NULL at the end. */
static __always_inline struct llist_node *hak_link_next(const struct llist_node *n)
{
	struct llist_node *next = n->next;

	return hak_is_hardened() ? hak_link_code(n, next) : next;
}

static __always_inline void hak_link_set(struct llist_node *n, struct llist_node *next)
{
	n->next = hak_is_hardened() ? hak_link_code(n, next) : next;
}

/* llist_add_batch() for encoded links. */
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
