/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: stub
 *
 * The shim follows the interfaces of Linux 7.0.
 */
#ifndef _SHIM_LINUX_VERSION_H
#define _SHIM_LINUX_VERSION_H

#define KERNEL_VERSION(a, b, c) \
	(((a) << 16) + ((b) << 8) + ((c) > 255 ? 255 : (c)))
#define LINUX_VERSION_CODE	KERNEL_VERSION(7, 0, 0)

#endif
