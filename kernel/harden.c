// SPDX-License-Identifier: GPL-2.0
/*
 * hardened=1: links are encoded (free_link.h), each free is checked against the bits of
 * live objects (check.c), and the objects of a new slab are carved in random order.
 *
 * The fast paths do not know of the bits, so a mark keeps them out of the per-CPU caches
 * (HAK_CPU_SLOW_ONLY). hak_harden_alloc() and hak_harden_free() take their place. They
 * leave all rare cases to the slow paths.
 */
#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/hash.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "core.h"
#include "fast_path.h"

DEFINE_STATIC_KEY_FALSE(hak_hardened_on);

/* No slab has been claimed yet. */
void hak_harden_init(void)
{
	if (hak_hardened)
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
 * one from the slab's secret and a counter.
 *
 * Return: an index into the order.
 */
u32 hak_harden_start(const struct hak_cache *c, const struct hak_slab *s)
{
	static atomic_t count;
	unsigned long mix = s->secret ^ (unsigned long)atomic_inc_return(&count) << 48;

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

/**
 * hak_harden_alloc() - allocate with hardened=1
 * @c: the cache
 * @gfp: the caller's flags
 * @caller: return address of the caller that allocates
 *
 * This CPU's cache holds an object most of the time. In any other case
 * hak_cpu_alloc_checked() allocates one.
 *
 * Return: as for hak_alloc().
 */
void *hak_harden_alloc(struct hak_cache *c, gfp_t gfp, unsigned long caller)
{
	struct hak_cpu_cache *cc;
	void *p = NULL;

	preempt_disable();
	cc = this_cpu_ptr(c->cpu);
	if (likely(hak_harden_may_enter(cc))) {
		hak_cpu_enter(cc);
		if (likely(cc->nr))
			p = hak_cpu_pop_last(cc);
		hak_cpu_leave(cc);
	}
	preempt_enable();
	if (unlikely(!p) || unlikely(!hak_mark_live(c, p)))
		return hak_cpu_alloc_checked(c, gfp, caller);
	return hak_init_on_alloc(c, p, gfp);
}

/*
 * hak_harden_free() if this CPU's cache is full, or may not be used. Preemption is off,
 * and is on again at the end. An NMI must not make room, because that may need a lock.
 */
static noinline void hak_harden_free_other(const struct hak_cache *want, const void *p,
					   unsigned long caller,
					   struct hak_cpu_cache *cc)
{
	bool freed = false;

	if (hak_harden_may_free(cc) && cc->cap && !in_nmi()) {
		hak_cpu_enter(cc);
		freed = hak_mark_free(cc->cache, p);
		if (likely(freed)) {
			if (cc->nr >= cc->cap)
				hak_cpu_make_room(cc->cache, cc);
			hak_cpu_push_last(cc, p);
		}
		hak_cpu_leave(cc);
	}
	preempt_enable();
	if (!freed)
		hak_free_slow(want, p, caller);
}

/**
 * hak_harden_free() - free with hardened=1
 * @want: the cache it must be of, or NULL
 * @p: the object, its address checked
 * @caller: return address of the caller
 * @cpu: the per-CPU caches of its cache
 *
 * The object is marked as free while the owner is inside the cache. If an interrupt
 * frees the same object at that time, it takes the slow path, and one of the two finds
 * that the object is not live any more. hak_free_slow() then reports it.
 *
 * Context: any, NMI included; preemption is off, and is on again at the end.
 */
void hak_harden_free(const struct hak_cache *want, const void *p,
		     unsigned long caller, struct hak_cpu_cache __percpu *cpu)
{
	struct hak_cpu_cache *cc = this_cpu_ptr(cpu);

	if (likely(hak_harden_may_free(cc))) {
		hak_cpu_enter(cc);
		if (likely(cc->nr < cc->cap) && likely(hak_mark_free(cc->cache, p))) {
			hak_cpu_push_last(cc, p);
			hak_cpu_leave(cc);
			preempt_enable();
			return;
		}
		hak_cpu_leave(cc);
	}
	hak_harden_free_other(want, p, caller, cc);
}
