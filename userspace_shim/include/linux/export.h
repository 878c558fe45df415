/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * EXPORT_SYMBOL_GPL makes the symbol visible in the shared library, which is
 * built with hidden visibility otherwise.
 */
#ifndef _SHIM_LINUX_EXPORT_H
#define _SHIM_LINUX_EXPORT_H

#include <linux/compiler_types.h>

#define EXPORT_SYMBOL(sym) \
	extern __typeof__(sym) sym __attribute__((__visibility__("default")))
#define EXPORT_SYMBOL_GPL(sym)			EXPORT_SYMBOL(sym)
#define EXPORT_SYMBOL_NS_GPL(sym, ns)		EXPORT_SYMBOL(sym)
#define EXPORT_SYMBOL_FOR_MODULES(sym, mods)	EXPORT_SYMBOL(sym)
#define EXPORT_PER_CPU_SYMBOL_GPL(sym)		EXPORT_SYMBOL(sym)
#define EXPORT_TRACEPOINT_SYMBOL_GPL(name)	extern int __shim_no_##name

#endif
