/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: stub
 *
 * Opaque.
 */
#ifndef _SHIM_LINUX_MM_TYPES_H
#define _SHIM_LINUX_MM_TYPES_H

#include <linux/types.h>

struct page;
struct folio;

#endif
