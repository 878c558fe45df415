/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * Doubly linked lists as the kernel documents them, those operations that are
 * used: no hlists, no splicing, no debugging. A new entry points into the list
 * before the list points to it.
 */
#ifndef _SHIM_LINUX_LIST_H
#define _SHIM_LINUX_LIST_H

#include <linux/compiler.h>
#include <linux/container_of.h>
#include <linux/poison.h>
#include <linux/types.h>

#define LIST_HEAD_INIT(name)	{ .next = &(name), .prev = &(name) }
#define LIST_HEAD(name)		struct list_head name = LIST_HEAD_INIT(name)

/* Make @b follow @a. */
static inline void shim_list_join(struct list_head *a, struct list_head *b)
{
	WRITE_ONCE(b->prev, a);
	WRITE_ONCE(a->next, b);
}

/* Put @e between @a and what follows it. */
static inline void shim_list_insert(struct list_head *e, struct list_head *a)
{
	struct list_head *b = a->next;

	shim_list_join(e, b);
	shim_list_join(a, e);
}

static inline void INIT_LIST_HEAD(struct list_head *h)
{
	shim_list_join(h, h);
}

static inline bool list_empty(const struct list_head *h)
{
	return READ_ONCE(h->next) == h;
}

static inline void list_add(struct list_head *e, struct list_head *h)
{
	shim_list_insert(e, h);
}

static inline void list_add_tail(struct list_head *e, struct list_head *h)
{
	shim_list_insert(e, h->prev);
}

/* Take @e out of its list; the pointers of @e itself stay. */
static inline void __list_del_entry(struct list_head *e)
{
	shim_list_join(e->prev, e->next);
}

static inline void list_del(struct list_head *e)
{
	__list_del_entry(e);
	e->next = LIST_POISON1;
	e->prev = LIST_POISON2;
}

static inline void list_del_init(struct list_head *e)
{
	__list_del_entry(e);
	INIT_LIST_HEAD(e);
}

static inline void list_move(struct list_head *e, struct list_head *h)
{
	__list_del_entry(e);
	list_add(e, h);
}

static inline void list_move_tail(struct list_head *e, struct list_head *h)
{
	__list_del_entry(e);
	list_add_tail(e, h);
}

#define list_entry(p, type, field)	container_of(p, type, field)
#define list_first_entry(h, type, field) list_entry((h)->next, type, field)
#define list_last_entry(h, type, field)	list_entry((h)->prev, type, field)
#define list_first_entry_or_null(h, type, field)			\
({									\
	struct list_head *__h = (h), *__e = READ_ONCE(__h->next);	\
									\
	__e == __h ? NULL : list_entry(__e, type, field);		\
})

/*
 * The entry after @e; after the last one, the address an entry would have that
 * contained the head.
 */
#define shim_list_after(e, field) \
	list_entry((e)->field.next, typeof(*(e)), field)

#define list_for_each_entry(e, h, field)				\
	for (e = list_first_entry(h, typeof(*(e)), field);		\
	     &(e)->field != (h); e = shim_list_after(e, field))

#define list_for_each_entry_safe(e, after, h, field)			\
	for (e = list_first_entry(h, typeof(*(e)), field),		\
	     after = shim_list_after(e, field);				\
	     &(e)->field != (h);					\
	     e = after, after = shim_list_after(e, field))

#endif
