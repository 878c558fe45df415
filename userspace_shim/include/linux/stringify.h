/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * __stringify.
 */
#ifndef _SHIM_LINUX_STRINGIFY_H
#define _SHIM_LINUX_STRINGIFY_H

#ifndef __stringify
#define __stringify_1(x...)	#x
#define __stringify(x...)	__stringify_1(x)
#endif

#endif
