/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * NR_CPUS is the limit on threads that own a CPU id.
 */
#ifndef _SHIM_LINUX_THREADS_H
#define _SHIM_LINUX_THREADS_H

#define NR_CPUS		8192

#endif
