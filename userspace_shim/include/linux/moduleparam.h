/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: stub
 *
 * Parameters come from the environment through the core's parameter table.
 */
#ifndef _SHIM_LINUX_MODULEPARAM_H
#define _SHIM_LINUX_MODULEPARAM_H

#define MODULE_PARM_DESC(name, desc)		extern int __shim_no_param
#define module_param(name, type, perm)		extern int __shim_no_param
#define module_param_named(n, v, type, perm)	extern int __shim_no_param
#define module_param_cb(n, ops, arg, perm)	extern int __shim_no_param
#define core_param(n, v, type, perm)		extern int __shim_no_param

#endif
