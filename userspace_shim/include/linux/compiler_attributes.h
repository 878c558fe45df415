/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * See compiler_types.h.
 */
#ifndef _SHIM_LINUX_COMPILER_ATTRIBUTES_H
#define _SHIM_LINUX_COMPILER_ATTRIBUTES_H

#include <linux/compiler_types.h>

#endif
