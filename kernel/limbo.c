// SPDX-License-Identifier: GPL-2.0
/*
 * Limbo: whole slabs of SLAB_TYPESAFE_BY_RCU caches that wait for a grace period.
 *
 * A reader that found an object before it was freed may look at it until the
 * reader leaves its RCU critical section. Until then the memory has to hold an
 * object of the same cache, live or free, so the slot cannot become another
 * cache's. The reaper, which owns a slab it has found whole, puts it here, and
 * releases it when a grace period has passed. Since the slab is in no pool
 * meanwhile, no CPU adopts it.
 *
 * Everything here is under hak_cache_mutex.
 */
#include <linux/list.h>
#include <linux/rcupdate.h>

#include "core.h"

/* In the order they came, so that the first is the first to be released. */
static LIST_HEAD(hak_limbo);

/**
 * hak_limbo_put() - have a slab released after a grace period
 * @s: a whole slab the caller owns
 *
 * Context: task; hak_cache_mutex held.
 */
void hak_limbo_put(struct hak_slab *s)
{
	lockdep_assert_held(&hak_cache_mutex);

	s->grace = start_poll_synchronize_rcu();
	list_add_tail(&s->list, &hak_limbo);
	hak_reaper_arm();
}

/*
 * Release @s, whose readers are gone. If it is not whole any more, a caller freed an
 * object of it a second time while it was here; then it goes to its pool, where the
 * statistics find the excess.
 */
static void hak_limbo_end(struct hak_slab *s)
{
	list_del(&s->list);
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
 * Return: true if there are others.
 */
bool hak_limbo_release(void)
{
	struct hak_slab *s, *next;

	lockdep_assert_held(&hak_cache_mutex);

	list_for_each_entry_safe(s, next, &hak_limbo, list) {
		if (!poll_state_synchronize_rcu(s->grace))
			return true;
		hak_limbo_end(s);
	}
	return false;
}

/**
 * hak_limbo_drain() - wait for the slabs of one cache to be released
 * @c: the cache, of which no slab becomes whole any more
 *
 * Context: task, may sleep.
 */
void hak_limbo_drain(struct hak_cache *c)
{
	struct hak_slab *s, *next;

	if (!(c->flags & SLAB_TYPESAFE_BY_RCU))
		return;
	synchronize_rcu();
	mutex_lock(&hak_cache_mutex);
	list_for_each_entry_safe(s, next, &hak_limbo, list)
		if (s->cache == c)
			hak_limbo_end(s);
	mutex_unlock(&hak_cache_mutex);
}

/**
 * hak_limbo_drain_all() - wait for all slabs in limbo to be released
 *
 * Context: task, may sleep.
 */
void hak_limbo_drain_all(void)
{
	bool more;

	for (;;) {
		mutex_lock(&hak_cache_mutex);
		more = hak_limbo_release();
		mutex_unlock(&hak_cache_mutex);
		if (!more)
			return;
		synchronize_rcu();
	}
}
