/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * Log levels are dropped.
 */
#ifndef _SHIM_LINUX_KERN_LEVELS_H
#define _SHIM_LINUX_KERN_LEVELS_H

#define KERN_SOH	""
#define KERN_EMERG	""
#define KERN_ALERT	""
#define KERN_CRIT	""
#define KERN_ERR	""
#define KERN_WARNING	""
#define KERN_NOTICE	""
#define KERN_INFO	""
#define KERN_DEBUG	""
#define KERN_CONT	""
#define KERN_DEFAULT	""

#endif
