// SPDX-License-Identifier: GPL-2.0
/*
 * Per-CPU caches that nobody uses: which they are, and how a CPU empties its own.
 */
#include "core.h"

/* A number that is another whenever objects came into or left @cc in a batch. */
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

/* Is there nothing in @cc, and can nothing get there without its owner's waking it? */
static bool hak_cpu_asleep(const struct hak_cpu_cache *cc)
{
	return READ_ONCE(cc->busy) == HAK_CPU_ASLEEP;
}

/* Has @cpu objects cached, or a slab? As of some moment. Context: task. */
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
 * @idle: set to whether one is awake and has neither been refilled nor spilled
 *	since the last look; with nothing in it, frees may still come unnoticed
 *
 * A cache is looked at by itself: a CPU of a machine at work uses some of them
 * all the time.
 *
 * Context: task; one caller at a time.
 * Return: true if one has been refilled or spilled.
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
