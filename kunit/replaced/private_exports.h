/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A library of the kernel's inside a module: it exports nothing, since the kernel
 * has the same symbols, and the module uses those of its own.
 */
#ifndef _HAK_PRIVATE_EXPORTS_H
#define _HAK_PRIVATE_EXPORTS_H

#include <linux/export.h>
#include <linux/percpu.h>

#undef EXPORT_SYMBOL
#define EXPORT_SYMBOL(sym)
#undef EXPORT_SYMBOL_GPL
#define EXPORT_SYMBOL_GPL(sym)
#undef EXPORT_PER_CPU_SYMBOL
#define EXPORT_PER_CPU_SYMBOL(sym)
#undef EXPORT_PER_CPU_SYMBOL_GPL
#define EXPORT_PER_CPU_SYMBOL_GPL(sym)

#endif /* _HAK_PRIVATE_EXPORTS_H */
