// SPDX-License-Identifier: GPL-2.0
/*
 * Idle per-CPU caches: which caches are idle, and how a CPU empties its own.
 */
#include <linux/delay.h>
#include <linux/rculist.h>
#include <linux/smp.h>

#include "core.h"

/* A number that changes whenever a batch of objects enters or leaves @cc. */
static u32 hak_cpu_activity(const struct hak_cpu_cache *cc)
{
	return READ_ONCE(cc->refills) + READ_ONCE(cc->spills) +
	       READ_ONCE(cc->sends);
}

/* Was there no activity before the last hak_cpu_scan_idle(), nor since? */
static bool hak_cpu_idle(const struct hak_cpu_cache *cc)
{
	return READ_ONCE(cc->idle) && hak_cpu_activity(cc) == READ_ONCE(cc->seen);
}

/**
 * hak_cpu_flush_this() - empty caches of this CPU
 * @all: all of them, not only those that are idle
 *
 * Context: task, bound to its CPU.
 */
void hak_cpu_flush_this(bool all)
{
	struct hak_cache *c;

	mutex_lock(&hak_cache_mutex);
	list_for_each_entry(c, &hak_caches, list) {
		struct hak_cpu_cache *cc;

		preempt_disable();
		cc = this_cpu_ptr(c->cpu);
		if (hak_cpu_is_awake(cc) && (all || hak_cpu_idle(cc))) {
			hak_cpu_enter(cc);
			hak_cpu_flush(c, cc);
			hak_cpu_sleep(cc);
		}
		preempt_enable();
	}
	mutex_unlock(&hak_cache_mutex);
}

/*
 * Close the caches of this CPU to the fast paths. If the owner is inside a cache, that is
 * counted in @arg, because the owner may leave the cache ready again.
 */
static void hak_cpu_set_slow_only(void *arg)
{
	atomic_t *inside = arg;
	struct hak_cache *c;

	rcu_read_lock();
	list_for_each_entry_rcu(c, &hak_caches, list) {
		struct hak_cpu_cache *cc = this_cpu_ptr(c->cpu);

		if (hak_cpu_is_ready(cc))
			WRITE_ONCE(cc->mark, HAK_CPU_SLOW_ONLY);
		else if (hak_cpu_inside(cc))
			atomic_inc(inside);
	}
	rcu_read_unlock();
}

/**
 * hak_cpu_set_slow_only_all() - close the caches of all CPUs to the fast paths
 *
 * hak_cpu_awake_mark is HAK_CPU_SLOW_ONLY. An interrupt closes the caches on each CPU. If
 * it finds an owner inside a cache, another interrupt comes a little later.
 *
 * Context: task, may sleep; hak_cache_mutex held.
 */
void hak_cpu_set_slow_only_all(void)
{
	atomic_t inside;
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		atomic_set(&inside, 0);
		on_each_cpu(hak_cpu_set_slow_only, &inside, 1);
		if (!atomic_read(&inside))
			break;
		usleep_range(1000, 2000);
	}
}

static bool hak_cpu_cache_holds(const struct hak_cpu_cache *cc)
{
	return hak_cpu_objects(cc) || hak_outbox_objects(cc) || READ_ONCE(cc->cur);
}

/*
 * Does @cpu hold cached objects, or own a slab? The answer may be out of date when the
 * caller gets it. Context: task, may sleep.
 */
bool hak_cpu_holds(unsigned int cpu)
{
	struct hak_cache *c;
	bool holds = false;

	mutex_lock(&hak_cache_mutex);
	list_for_each_entry(c, &hak_caches, list) {
		holds = hak_cpu_cache_holds(per_cpu_ptr(c->cpu, cpu));
		if (holds)
			break;
	}
	mutex_unlock(&hak_cache_mutex);
	return holds;
}

/**
 * hak_cpu_scan_idle() - see which caches of a CPU are idle
 * @cpu: the CPU
 * @idle: set to true if any cache is awake, and was neither refilled nor spilled since
 *	the last call; even if such a cache is empty now, frees may fill it unnoticed
 *
 * Each cache is judged by itself, because a CPU at work uses some of its caches all
 * the time.
 *
 * Context: task, may sleep; one caller at a time.
 * Return: true if any cache was refilled or spilled since the last call.
 */
bool hak_cpu_scan_idle(unsigned int cpu, bool *idle)
{
	struct hak_cache *c;
	bool active = false;

	*idle = false;
	mutex_lock(&hak_cache_mutex);
	list_for_each_entry(c, &hak_caches, list) {
		struct hak_cpu_cache *cc = per_cpu_ptr(c->cpu, cpu);
		u32 now = hak_cpu_activity(cc);
		bool same = now == cc->seen;

		/* The owner writes to the same cache line, so the trim writes little. */
		if (cc->idle != same)
			WRITE_ONCE(cc->idle, same);
		if (!same) {
			WRITE_ONCE(cc->seen, now);
			active = true;
		} else if (!hak_cpu_is_asleep(cc)) {
			/* Asleep, nothing gets there without its owner's waking it. */
			*idle = true;
		}
	}
	mutex_unlock(&hak_cache_mutex);
	return active;
}
