/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * Unaligned access.
 */
#ifndef _SHIM_LINUX_UNALIGNED_H
#define _SHIM_LINUX_UNALIGNED_H

#define get_unaligned(p) \
	({ const struct { typeof(*(p)) x; } __attribute__((packed)) *__p = \
		(const void *)(p); __p->x; })
#define put_unaligned(v, p) \
	do { struct { typeof(*(p)) x; } __attribute__((packed)) *__p = \
		(void *)(p); __p->x = (v); } while (0)

#endif
