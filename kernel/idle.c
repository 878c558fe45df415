// SPDX-License-Identifier: GPL-2.0
/*
 * Idle per-CPU caches: which caches are idle, and how a CPU empties its own.
 */
#include "core.h"

/* A number that changes whenever a batch of objects enters or leaves @cc. */
static u32 hak_cpu_activity(const struct hak_cpu_cache *cc)
{
	return READ_ONCE(cc->refills) + READ_ONCE(cc->spills) +
	       READ_ONCE(cc->sends);
}

static bool hak_cpu_idle(const struct hak_cpu_cache *cc)
{
	return hak_cpu_activity(cc) == READ_ONCE(cc->seen);
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
		if (!READ_ONCE(cc->busy) && (all || hak_cpu_idle(cc))) {
			hak_cpu_enter(cc);
			hak_cpu_flush(c, cc);
			hak_cpu_sleep(cc);
		}
		preempt_enable();
	}
	mutex_unlock(&hak_cache_mutex);
}

static bool hak_cpu_cache_holds(const struct hak_cpu_cache *cc)
{
	return READ_ONCE(cc->nr) || READ_ONCE(cc->cur);
}

/* Is @cc empty, and will its owner have to wake it before it can hold anything? */
static bool hak_cpu_asleep(const struct hak_cpu_cache *cc)
{
	return READ_ONCE(cc->busy) == HAK_CPU_ASLEEP;
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
 * hak_cpu_look() - see which caches of a CPU are idle
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
bool hak_cpu_look(unsigned int cpu, bool *idle)
{
	struct hak_cache *c;
	bool active = false;

	*idle = false;
	mutex_lock(&hak_cache_mutex);
	list_for_each_entry(c, &hak_caches, list) {
		struct hak_cpu_cache *cc = per_cpu_ptr(c->cpu, cpu);
		u32 now = hak_cpu_activity(cc);

		if (now != cc->seen) {
			WRITE_ONCE(cc->seen, now);
			active = true;
		} else if (!hak_cpu_asleep(cc)) {
			*idle = true;
		}
	}
	mutex_unlock(&hak_cache_mutex);
	return active;
}
