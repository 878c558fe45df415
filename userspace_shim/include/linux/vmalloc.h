/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: stub
 *
 * There is one kind of address; vmalloc() is kmalloc().
 */
#ifndef _SHIM_LINUX_VMALLOC_H
#define _SHIM_LINUX_VMALLOC_H

#include <linux/shim_table.h>
#include <linux/slab.h>

#define vmalloc(size)	kmalloc(size, GFP_KERNEL)
#define vzalloc(size)	kzalloc(size, GFP_KERNEL)
#define vfree(p)	kfree(p)

#endif
