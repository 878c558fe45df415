/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * See preempt.h.
 */
#ifndef _SHIM_LINUX_HARDIRQ_H
#define _SHIM_LINUX_HARDIRQ_H

#include <linux/preempt.h>

#define nmi_enter()	do { } while (0)
#define nmi_exit()	do { } while (0)

#endif
