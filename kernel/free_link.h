/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Links between the free objects of a slab. With hardened=1 a link is stored encoded. An
 * attacker who can write to a free object does not know which value to write, and a link
 * that was overwritten decodes to an address outside its slab. Each slab has a secret of
 * its own, so one that was found out from a slab's links is of no use in another slab.
 */
#ifndef _HAK_FREE_LINK_H
#define _HAK_FREE_LINK_H

#include <linux/compiler.h>
#include <linux/llist.h>
#include <linux/swab.h>

#include "modes.h"
#include "slab.h"

/*
 * Encode the link from @n to @next, or decode a stored link, with a slab's secret; the
 * operation is its own inverse. The bytes of the address of @n are swapped because the
 * lower ones vary most: otherwise the upper half of each stored link would show the same
 * bits of the secret.
 */
static __always_inline struct llist_node *
hak_link_code(unsigned long secret, const struct llist_node *n,
	      const struct llist_node *next)
{
	return (struct llist_node *)((unsigned long)next ^ secret ^
				     swab64((unsigned long)n));
}

/* The link that follows @n in a chain of @s; NULL at the end. */
static __always_inline struct llist_node *hak_link_next(const struct hak_slab *s,
							const struct llist_node *n)
{
	struct llist_node *next = n->next;

	return hak_is_hardened() ? hak_link_code(s->secret, n, next) : next;
}

static __always_inline void hak_link_set(const struct hak_slab *s, struct llist_node *n,
					 struct llist_node *next)
{
	n->next = hak_is_hardened() ? hak_link_code(s->secret, n, next) : next;
}

/* llist_add_batch() to the remote list of @s, with encoded links. */
static __always_inline void hak_link_add_batch(struct hak_slab *s,
					       struct llist_node *first,
					       struct llist_node *last)
{
	struct llist_node *old = READ_ONCE(s->remote.first);

	do {
		WRITE_ONCE(last->next, hak_link_code(s->secret, last, old));
	} while (!try_cmpxchg(&s->remote.first, &old, first));
}

#endif /* _HAK_FREE_LINK_H */
