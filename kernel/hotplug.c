// SPDX-License-Identifier: GPL-2.0
/*
 * CPU hotplug. The caches of a CPU that is not up are marked busy, so nothing uses them.
 *
 * hak_cpu_online() makes a CPU up, in the prepare stage. Up is not the same as online:
 * an administrator may hold a CPU between the two for any time. A cache that is created
 * meanwhile must not be marked busy on that CPU, because nothing would ever clear it.
 */
#define pr_fmt(fmt) "hakmem: " fmt

#include <linux/percpu.h>
#include <linux/printk.h>

#include "core.h"

/* True while the CPU is up; under hak_cache_mutex. */
static DEFINE_PER_CPU(bool, hak_cpu_up);

/* Is @cpu up, so that its caches may be used? Context: hak_cache_mutex held. */
bool hak_cpu_is_up(unsigned int cpu)
{
	lockdep_assert_held(&hak_cache_mutex);
	return per_cpu(hak_cpu_up, cpu);
}

/* CPU hotplug's prepare stage, for a CPU that comes: its caches may be used. */
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
 * hak_cpu_dead() - CPU hotplug's prepare stage, for a CPU that is gone: empty its caches
 * @cpu: the CPU
 *
 * Here, as when a cache is destroyed, another CPU acts as the owner. A CPU cannot go away
 * inside its busy section, because preemption is off there. But the child of fork() may
 * lack a thread that was inside. If a cache is marked busy, this leaves the cache and its
 * slab alone.
 *
 * Context: task, may sleep.
 * Return: 0; the kernel allows no failure once a CPU is gone.
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
		hak_cpu_enter(cc);	/* it stays busy until the CPU is up again */
		hak_cpu_flush(c, cc);
		preempt_enable();
	}
	mutex_unlock(&hak_cache_mutex);
	pr_debug("cpu %u gone\n", cpu);
	return 0;
}
