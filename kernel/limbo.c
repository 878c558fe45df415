// SPDX-License-Identifier: GPL-2.0
/*
 * Limbo: whole slabs of SLAB_TYPESAFE_BY_RCU caches that wait for a grace period.
 *
 * If a reader found an object before it was freed, it may look at the object
 * until it leaves its RCU read-side critical section. Until then the memory has
 * to hold an object of the same cache, live or free, so the slot must not go to
 * another cache. The reaper owns a slab that it has found whole. It puts the slab
 * here and releases it after a grace period. The slab is in no pool meanwhile, so
 * no CPU adopts it.
 *
 * All of this is under hak_cache_mutex.
 */
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "core.h"

/* Slabs in the order they came, so the grace period of the first ends first. */
static LIST_HEAD(hak_limbo);

/* How many slabs have come into limbo so far, and how many have left it. */
static unsigned long hak_limbo_came, hak_limbo_left;

/**
 * hak_limbo_put() - release a slab after a grace period
 * @s: a whole slab the caller owns
 *
 * Context: task; hak_cache_mutex held.
 */
void hak_limbo_put(struct hak_slab *s)
{
	lockdep_assert_held(&hak_cache_mutex);

	s->grace = start_poll_synchronize_rcu();
	list_add_tail(&s->list, &hak_limbo);
	hak_limbo_came++;
	hak_reaper_arm();
}

/*
 * Release @s after its grace period. If it is not whole any more, a caller freed
 * one of its objects twice while it was here. Then it goes to its pool, where the
 * statistics find the excess free. If its metadata were overwritten meanwhile, it is
 * kept.
 */
static void hak_limbo_end(struct hak_slab *s)
{
	list_del(&s->list);
	hak_limbo_left++;
	if (!hak_check_release(s))
		return;
	if (likely(hak_rc_whole(s, atomic_read(&s->rc)))) {
		hak_slab_release(s);
		return;
	}
	preempt_disable();
	hak_pool_put(s, HAK_OWNED);
	preempt_enable();
}

/**
 * hak_limbo_release() - release the slabs whose grace period has passed
 *
 * Context: task; hak_cache_mutex held.
 * Return: true if slabs are left whose grace period has not passed.
 */
bool hak_limbo_release(void)
{
	struct hak_slab *s, *next;

	lockdep_assert_held(&hak_cache_mutex);

	list_for_each_entry_safe(s, next, &hak_limbo, list) {
		if (!poll_state_synchronize_rcu(s->grace))
			return true;
		hak_limbo_end(s);
		cond_resched();
	}
	return false;
}

/**
 * hak_limbo_drain() - wait until the slabs of one cache are released
 * @c: the cache; none of its slabs becomes whole any more
 *
 * Context: task, may sleep.
 */
void hak_limbo_drain(struct hak_cache *c)
{
	struct hak_slab *s, *next;
	int nid;

	if (!(c->flags & SLAB_TYPESAFE_BY_RCU))
		return;
	synchronize_rcu();
	mutex_lock(&hak_cache_mutex);
	list_for_each_entry_safe(s, next, &hak_limbo, list)
		if (hak_check_owner(s, &nid) == c) {
			hak_limbo_end(s);
			cond_resched();
		}
	mutex_unlock(&hak_cache_mutex);
}

/**
 * hak_limbo_drain_all() - wait until the slabs in limbo are released
 *
 * CPUs may turn over slabs faster than a grace period passes, so it waits once, for the
 * slabs that are there when it begins. While fewer have left than had come by then, the
 * first one in the list is one of those, because slabs leave from the front. Only if
 * hak_limbo_drain() meanwhile takes some out of the middle, a few are left to the reaper.
 *
 * Context: task, may sleep.
 */
void hak_limbo_drain_all(void)
{
	unsigned long came;
	bool empty;

	mutex_lock(&hak_cache_mutex);
	came = hak_limbo_came;
	empty = list_empty(&hak_limbo);
	mutex_unlock(&hak_cache_mutex);
	if (empty)
		return;
	synchronize_rcu();
	mutex_lock(&hak_cache_mutex);
	while ((long)(hak_limbo_left - came) < 0 && !list_empty(&hak_limbo)) {
		hak_limbo_end(list_first_entry(&hak_limbo, struct hak_slab, list));
		cond_resched();
	}
	mutex_unlock(&hak_cache_mutex);
}
