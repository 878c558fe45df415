/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: stub
 *
 * The module's own entry and exit are not built for userspace; what is left
 * of a module's description is dropped.
 */
#ifndef _SHIM_LINUX_MODULE_H
#define _SHIM_LINUX_MODULE_H

#include <linux/export.h>
#include <linux/init.h>
#include <linux/kconfig.h>
#include <linux/moduleparam.h>
#include <linux/stringify.h>

#define __MODULE_DROP		extern int __shim_no_module
#define MODULE_LICENSE(x)	__MODULE_DROP
#define MODULE_AUTHOR(x)	__MODULE_DROP
#define MODULE_DESCRIPTION(x)	__MODULE_DROP
#define MODULE_VERSION(x)	__MODULE_DROP
#define MODULE_ALIAS(x)		__MODULE_DROP
#define MODULE_IMPORT_NS(x)	__MODULE_DROP
#define MODULE_SOFTDEP(x)	__MODULE_DROP
#define module_init(f)		__MODULE_DROP
#define module_exit(f)		__MODULE_DROP
#define THIS_MODULE		((struct module *)0)
#define try_module_get(m)	true
#define module_put(m)		do { } while (0)
struct module;

#endif
