/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: stub
 *
 * Pages have no reference counts; see mm.h.
 */
#ifndef _SHIM_LINUX_PAGE_REF_H
#define _SHIM_LINUX_PAGE_REF_H

#include <linux/mm.h>

#endif
