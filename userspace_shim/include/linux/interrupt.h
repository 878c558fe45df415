/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: stub
 *
 * No interrupts; see preempt.h.
 */
#ifndef _SHIM_LINUX_INTERRUPT_H
#define _SHIM_LINUX_INTERRUPT_H

#include <linux/hardirq.h>
#include <linux/irqflags.h>

#define local_bh_disable()	preempt_disable()
#define local_bh_enable()	preempt_enable()

#endif
