/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * copy_from_kernel_nofault() asks the system whether the pages can be read, and then copies.
 * If another thread gives the pages back in between, it faults all the same.
 */
#ifndef _SHIM_LINUX_UACCESS_H
#define _SHIM_LINUX_UACCESS_H

#include <linux/types.h>

long copy_from_kernel_nofault(void *dst, const void *src, size_t size);

#endif
