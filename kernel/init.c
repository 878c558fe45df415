// SPDX-License-Identifier: GPL-2.0
/* Starting and stopping the core, in both builds. */
#define pr_fmt(fmt) "hakmem: " fmt

#include <linux/cpuhotplug.h>
#include <linux/minmax.h>
#include <linux/nodemask.h>
#include <linux/printk.h>

#include "core.h"

DEFINE_STATIC_KEY_FALSE(hak_numa);

static int hak_cpuhp_state;
static bool hak_slow_only_wanted;	/* a parameter asks for the slow paths */

/* How many users want every operation on the slow paths; under hak_cache_mutex. */
static unsigned int hak_slow_only_users;

/**
 * hak_slow_only_get() - send every operation through the slow paths
 *
 * paranoid_drain, trace_ring, hardened and the trace events of single objects need this.
 * Each calls hak_slow_only_put() later. If a trace event is on, its put may come after
 * hak_core_exit(), when the module is removed, and its get before hak_core_init().
 *
 * This sets the mark of all per-CPU caches that are ready to HAK_CPU_SLOW_ONLY. From then
 * on the slow paths leave that mark behind.
 *
 * Context: task, may sleep; with the kernel's tracepoints_mutex held.
 */
void hak_slow_only_get(void)
{
	mutex_lock(&hak_cache_mutex);
	if (!hak_slow_only_users++) {
		WRITE_ONCE(hak_cpu_awake_mark, HAK_CPU_SLOW_ONLY);
		hak_cpu_set_slow_only_all();
	}
	mutex_unlock(&hak_cache_mutex);
}

/*
 * Undo hak_slow_only_get(). After the last user's call, the slow paths leave the per-CPU
 * caches ready for the fast paths again.
 */
void hak_slow_only_put(void)
{
	mutex_lock(&hak_cache_mutex);
	if (!--hak_slow_only_users)
		WRITE_ONCE(hak_cpu_awake_mark, HAK_CPU_READY);
	mutex_unlock(&hak_cache_mutex);
}

static void hak_modes_set(void)
{
	hak_harden_init();
	hak_slow_only_wanted = hak_paranoid_drain || hak_trace_ring || hak_hardened;
	if (hak_slow_only_wanted)
		hak_slow_only_get();
	if (hak_lock_stats)
		static_branch_enable(&hak_lock_stats_on);
	if (nr_node_ids > 1)
		static_branch_enable(&hak_numa);
}

static void hak_modes_clear(void)
{
	if (hak_slow_only_wanted)
		hak_slow_only_put();
	hak_slow_only_wanted = false;
}

/**
 * hak_core_init() - start the core
 *
 * The parameters have been set before.
 *
 * Context: task, may sleep.
 * Return: 0, or a negative error with everything undone. The caller reports it.
 */
int hak_core_init(void)
{
	int err;

	err = hak_stats_init();
	if (err)
		return err;
	err = hak_registry_init();
	if (err)
		goto exit_stats;
	err = hak_node_init();
	if (err)
		goto exit_registry;
	hak_superslab_init();
	err = hak_trace_init();
	if (err)
		goto exit_superslab;
	err = hak_fallback_init();
	if (err)
		goto exit_trace;
	hak_reaper_init();
	/* Before there are caches, which would have to be closed. */
	hak_modes_set();
	err = hak_size_class_init();
	if (err)
		goto exit_fallback;
	err = hak_rcu_free_init();
	if (err)
		goto exit_classes;
	err = cpuhp_setup_state(CPUHP_BP_PREPARE_DYN, "mm/hakmem:prepare",
				hak_cpu_online, hak_cpu_dead);
	if (err < 0)
		goto exit_rcu_free;
	hak_cpuhp_state = err;
	return 0;

exit_rcu_free:
	hak_rcu_free_exit();
exit_classes:
	hak_size_class_exit();
exit_fallback:
	hak_modes_clear();
	hak_harden_exit();
	hak_fallback_exit();
exit_trace:
	hak_trace_exit();
exit_superslab:
	hak_superslab_exit();
	hak_node_exit();
exit_registry:
	hak_registry_exit();
exit_stats:
	hak_stats_exit();
	return err;
}

/**
 * hak_core_leaks() - report live objects, excess frees, and caches that were not
 * destroyed
 *
 * Return: the number of live objects of all caches.
 */
long hak_core_leaks(void)
{
	struct hak_class_stats cs;
	struct hak_cache *c;
	long live = 0;

	mutex_lock(&hak_cache_mutex);
	list_for_each_entry(c, &hak_caches, list) {
		hak_class_stats_read(c, &cs);
		if (cs.live > 0)
			pr_err("%s: %ld objects of %u bytes in %lu slabs were never freed; their superslabs stay allocated\n",
			       cs.name, cs.live, cs.size, cs.slabs);
		if (cs.excess || cs.live < 0)
			pr_err("%s: %lu more frees than allocations; something of %u bytes was freed twice\n",
			       cs.name, cs.excess + max(-cs.live, 0L), cs.size);
		if (cs.fallback)
			pr_err("%s: %ld objects of %u bytes from SLUB were never freed\n",
			       cs.name, cs.fallback, cs.size);
		if (!hak_is_size_class(c))
			pr_err("%s: the cache was never destroyed\n", cs.name);
		live += max(cs.live, 0L) + cs.fallback;
	}
	mutex_unlock(&hak_cache_mutex);
	return live;
}

/**
 * hak_core_exit() - stop the core
 *
 * No user may be left. Live objects are reported, and their superslabs stay
 * allocated. Caches that their users have not destroyed are reported and
 * destroyed.
 *
 * Context: task, may sleep.
 */
void hak_core_exit(void)
{
	hak_rcu_free_exit();
	/*
	 * This calls hak_cpu_dead() for each CPU, which empties its per-CPU
	 * caches.
	 */
	cpuhp_remove_state(hak_cpuhp_state);
	hak_modes_clear();
	hak_depot_trim(true);
	hak_reaper_exit();
	hak_fallback_sync();
	hak_core_leaks();
	hak_cache_exit();
	hak_size_class_exit();
	hak_fallback_exit();
	hak_superslab_exit();
	hak_harden_exit();
	hak_node_exit();
	hak_trace_exit();
	hak_registry_exit();
	hak_stats_exit();
}
