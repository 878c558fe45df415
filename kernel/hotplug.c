// SPDX-License-Identifier: GPL-2.0
/*
 * CPUs that come and go. A CPU's caches are busy while it is not online.
 */
#define pr_fmt(fmt) "hakmem: " fmt

#include <linux/errno.h>
#include <linux/printk.h>

#include "core.h"

/* CPU hotplug, prepare stage: the caches of @cpu may be used. */
int hak_cpu_online(unsigned int cpu)
{
	struct hak_cache *c;

	mutex_lock(&hak_cache_mutex);
	list_for_each_entry(c, &hak_caches, list)
		WRITE_ONCE(per_cpu_ptr(c->cpu, cpu)->busy, 0);
	mutex_unlock(&hak_cache_mutex);
	pr_debug("cpu %u online\n", cpu);
	return 0;
}

/**
 * hak_cpu_dead() - CPU hotplug, prepare stage: @cpu is gone, take its stock
 * @cpu: the CPU
 *
 * This is the one place where somebody else acts as owner. A CPU cannot die
 * inside its busy section; a thread can vanish there by fork(), and then what
 * it was working on is left alone.
 *
 * Return: 0, or -EBUSY if something had to be left alone.
 */
int hak_cpu_dead(unsigned int cpu)
{
	struct hak_cache *c;
	int err = 0;

	mutex_lock(&hak_cache_mutex);
	list_for_each_entry(c, &hak_caches, list) {
		struct hak_cpu_cache *cc = per_cpu_ptr(c->cpu, cpu);

		if (READ_ONCE(cc->busy)) {
			err = -EBUSY;
			continue;
		}
		preempt_disable();
		hak_cpu_enter(cc);	/* and never leave */
		hak_cpu_flush(c, cc);
		preempt_enable();
	}
	mutex_unlock(&hak_cache_mutex);
	pr_debug("cpu %u gone%s\n", cpu, err ? " inside a busy section" : "");
	return err;
}
