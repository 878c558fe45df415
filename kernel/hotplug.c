// SPDX-License-Identifier: GPL-2.0
/*
 * CPUs that come and go. A CPU's caches are busy while it is not up.
 *
 * Up is what hak_cpu_online() makes it, in the prepare stage, and not the same as
 * online: a CPU may stay between the two for as long as an administrator likes,
 * and a cache that is made meanwhile is not to be busy there for ever.
 */
#define pr_fmt(fmt) "hakmem: " fmt

#include <linux/percpu.h>
#include <linux/printk.h>

#include "core.h"

/* Is the CPU up? Under hak_cache_mutex. */
static DEFINE_PER_CPU(bool, hak_cpu_up);

/* Are the caches of @cpu in use? Context: hak_cache_mutex held. */
bool hak_cpu_is_up(unsigned int cpu)
{
	lockdep_assert_held(&hak_cache_mutex);
	return per_cpu(hak_cpu_up, cpu);
}

/* CPU hotplug, prepare stage: the caches of @cpu may be used. */
int hak_cpu_online(unsigned int cpu)
{
	struct hak_cache *c;

	mutex_lock(&hak_cache_mutex);
	per_cpu(hak_cpu_up, cpu) = true;
	list_for_each_entry(c, &hak_caches, list)
		hak_cpu_sleep(per_cpu_ptr(c->cpu, cpu));
	mutex_unlock(&hak_cache_mutex);
	pr_debug("cpu %u online\n", cpu);
	return 0;
}

/**
 * hak_cpu_dead() - CPU hotplug, prepare stage: @cpu is gone, take its stock
 * @cpu: the CPU
 *
 * This is the one place where somebody else acts as owner. A CPU cannot die
 * inside its busy section. What died there all the same, a thread that vanished
 * by fork(), is left alone with what it was working on.
 *
 * Return: 0; the kernel takes nothing else of a CPU that is gone.
 */
int hak_cpu_dead(unsigned int cpu)
{
	struct hak_cache *c;

	mutex_lock(&hak_cache_mutex);
	per_cpu(hak_cpu_up, cpu) = false;
	list_for_each_entry(c, &hak_caches, list) {
		struct hak_cpu_cache *cc = per_cpu_ptr(c->cpu, cpu);

		if (hak_cpu_inside(cc))
			continue;
		preempt_disable();
		hak_cpu_enter(cc);	/* and never leave */
		hak_cpu_flush(c, cc);
		preempt_enable();
	}
	mutex_unlock(&hak_cache_mutex);
	pr_debug("cpu %u gone\n", cpu);
	return 0;
}
