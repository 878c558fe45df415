/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * Callbacks run in the order of the kernel's prepare stage, with cpus_read_lock()
 * held. Startup runs before the thread is online, on the thread itself, which
 * counts as id 0 then. Teardown runs some time after the thread went offline, on
 * any thread, unless another thread takes the id over before. If a startup fails
 * the thread has no CPU. In addition to the kernel's meaning, in a forked child
 * teardown runs for every thread that is gone. There are dynamic states only, all
 * treated alike.
 */
#ifndef _SHIM_LINUX_CPUHOTPLUG_H
#define _SHIM_LINUX_CPUHOTPLUG_H

#include <linux/types.h>

enum cpuhp_state {
	CPUHP_INVALID = -1,
	CPUHP_OFFLINE = 0,
	CPUHP_BP_PREPARE_DYN,
	CPUHP_BP_PREPARE_DYN_END = CPUHP_BP_PREPARE_DYN + 20,
	CPUHP_AP_ONLINE_DYN,
	CPUHP_AP_ONLINE_DYN_END = CPUHP_AP_ONLINE_DYN + 20,
	CPUHP_ONLINE,
};

int __cpuhp_setup_state(enum cpuhp_state state, const char *name, bool invoke,
			int (*startup)(unsigned int cpu),
			int (*teardown)(unsigned int cpu));
void __cpuhp_remove_state(enum cpuhp_state state, bool invoke);

#define cpuhp_setup_state(s, n, up, down) \
	__cpuhp_setup_state(s, n, true, up, down)
#define cpuhp_setup_state_nocalls(s, n, up, down) \
	__cpuhp_setup_state(s, n, false, up, down)
#define cpuhp_remove_state(s)		__cpuhp_remove_state(s, true)
#define cpuhp_remove_state_nocalls(s)	__cpuhp_remove_state(s, false)

#endif
