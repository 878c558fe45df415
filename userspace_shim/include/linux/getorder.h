/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * get_order().
 */
#ifndef _SHIM_LINUX_GETORDER_H
#define _SHIM_LINUX_GETORDER_H

#include <asm/page.h>

#endif
