/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * There are no interrupts. Debug builds remember per thread that they were
 * 'disabled', so that irqs_disabled() answers truly and sleeping then aborts.
 */
#ifndef _SHIM_LINUX_IRQFLAGS_H
#define _SHIM_LINUX_IRQFLAGS_H

#include <linux/compiler.h>
#include <linux/types.h>

#ifdef HAK_SHIM_DEBUG
extern __thread unsigned long shim_irqs_off;

#define local_irq_disable()	do { shim_irqs_off = 1; barrier(); } while (0)
#define local_irq_enable()	do { barrier(); shim_irqs_off = 0; } while (0)
#define local_irq_save(flags) \
	do { (flags) = shim_irqs_off; local_irq_disable(); } while (0)
#define local_irq_restore(flags) \
	do { barrier(); shim_irqs_off = (flags); } while (0)
#define irqs_disabled()		(shim_irqs_off != 0)
#define local_save_flags(flags)	((flags) = shim_irqs_off)
#else
#define local_irq_disable()	barrier()
#define local_irq_enable()	barrier()
#define local_irq_save(flags)	do { (flags) = 0; barrier(); } while (0)
#define local_irq_restore(flags)	do { (void)(flags); barrier(); } while (0)
#define irqs_disabled()		false
#define local_save_flags(flags)	((flags) = 0)
#endif
#define irqs_disabled_flags(flags)	((flags) != 0)

#endif
