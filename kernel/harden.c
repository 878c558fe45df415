// SPDX-License-Identifier: GPL-2.0
/*
 * hardened=1: links are encoded (free_link.h), each free is checked against the bits of
 * live objects (check.c), and the objects of a new slab are carved in random order.
 */
#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/hash.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "core.h"

DEFINE_STATIC_KEY_FALSE(hak_hardened_on);

unsigned long hak_link_secret __read_mostly;

/* No slab has been claimed yet. */
void hak_harden_init(void)
{
	if (!hak_hardened)
		return;
	hak_link_secret = get_random_long();
	static_branch_enable(&hak_hardened_on);
}

/* No slab is left. */
void hak_harden_exit(void)
{
	if (hak_hardened)
		static_branch_disable(&hak_hardened_on);
}

/**
 * hak_harden_cache() - choose the order in which a cache's slabs are carved
 * @c: the cache; its capacity is known
 *
 * The order is a permutation of the objects of a slab. Each slab begins at a place of its
 * own in it.
 *
 * Context: task.
 * Return: 0 or -ENOMEM.
 */
int hak_harden_cache(struct hak_cache *c)
{
	u32 i, j;

	if (!hak_is_hardened())
		return 0;
	c->order = kvmalloc_array(c->capacity, sizeof(*c->order), GFP_KERNEL);
	if (!c->order)
		return -ENOMEM;
	for (i = 0; i < c->capacity; i++) {
		j = get_random_u32_below(i + 1);
		c->order[i] = c->order[j];
		c->order[j] = i;
	}
	return 0;
}

/**
 * hak_harden_start() - where a slab begins in its cache's order
 * @c: the cache
 * @s: the slab
 *
 * On PREEMPT_RT the kernel gives no random numbers while preemption is off, so this makes
 * one from the secret and a counter.
 *
 * Return: an index into the order.
 */
u32 hak_harden_start(const struct hak_cache *c, const struct hak_slab *s)
{
	static atomic_t count;
	unsigned long mix = hak_link_secret ^ s->addr ^
			    (unsigned long)atomic_inc_return(&count) << 48;

	return (u64)hash_64(mix, 32) * c->capacity >> 32;
}

/**
 * hak_shuffled() - the object that is carved next
 * @c: its cache
 * @s: the slab
 * @i: objects of the slab that were carved before
 *
 * Return: the object.
 */
void *hak_shuffled(const struct hak_cache *c, const struct hak_slab *s, u32 i)
{
	u32 pos = s->start + i;

	if (pos >= c->capacity)
		pos -= c->capacity;
	return (char *)s->addr + (unsigned long)c->order[pos] * c->size;
}
