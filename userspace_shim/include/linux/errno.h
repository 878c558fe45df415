/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * The kernel's numbers (the system's uapi ones) plus the kernel-internal
 * ENOTSUPP.
 */
#ifndef _SHIM_LINUX_ERRNO_H
#define _SHIM_LINUX_ERRNO_H

#include <asm/errno.h>

#ifndef ENOTSUPP
#define ENOTSUPP	524
#endif
#ifndef EPROBE_DEFER
#define EPROBE_DEFER	517
#endif

#endif
