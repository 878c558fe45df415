/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * NULL, offsetof, sizeof_field, offsetofend, struct_group.
 */
#ifndef _SHIM_LINUX_STDDEF_H
#define _SHIM_LINUX_STDDEF_H

#include <stddef.h>
#include <stdbool.h>

#define sizeof_field(T, m)	sizeof((((T *)0)->m))
#ifndef offsetofend
#define offsetofend(T, m)	(offsetof(T, m) + sizeof_field(T, m))
#endif
#define struct_group(NAME, ...) \
	union { struct { __VA_ARGS__ }; struct { __VA_ARGS__ } NAME; }

/* What the system's own uapi headers expect of <linux/stddef.h>. */
#define __struct_group(TAG, NAME, ATTRS, ...) \
	union { struct { __VA_ARGS__ } ATTRS; \
		struct TAG { __VA_ARGS__ } ATTRS NAME; } ATTRS
#define __DECLARE_FLEX_ARRAY(TYPE, NAME) \
	struct { struct { } __empty_##NAME; TYPE NAME[]; }
#define DECLARE_FLEX_ARRAY(TYPE, NAME)	__DECLARE_FLEX_ARRAY(TYPE, NAME)

#endif
