/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * ARRAY_SIZE, refusing pointers.
 */
#ifndef _SHIM_LINUX_ARRAY_SIZE_H
#define _SHIM_LINUX_ARRAY_SIZE_H

#include <linux/compiler.h>

#define ARRAY_SIZE(arr)	(sizeof(arr) / sizeof((arr)[0]) + __must_be_array(arr))

#endif
