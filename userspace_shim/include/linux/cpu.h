/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * cpus_read_lock() keeps threads from coming online and going offline; it
 * excludes other readers too and may be nested by its holder.
 */
#ifndef _SHIM_LINUX_CPU_H
#define _SHIM_LINUX_CPU_H

#include <linux/cpumask.h>
#include <linux/cpuhotplug.h>

void cpus_read_lock(void);
void cpus_read_unlock(void);
int cpus_read_trylock(void);
#define cpus_write_lock()	cpus_read_lock()
#define cpus_write_unlock()	cpus_read_unlock()

#endif
