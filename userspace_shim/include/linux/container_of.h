/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * container_of, typechecked as in the kernel.
 */
#ifndef _SHIM_LINUX_CONTAINER_OF_H
#define _SHIM_LINUX_CONTAINER_OF_H

#include <linux/build_bug.h>
#include <linux/stddef.h>

#ifndef typeof_member
#define typeof_member(T, m)	typeof(((T *)0)->m)
#endif

#define container_of(ptr, type, member) ({				\
	void *__mptr = (void *)(ptr);					\
	_Static_assert(__builtin_types_compatible_p(typeof(*(ptr)),	\
				typeof(((type *)0)->member)) ||		\
		       __builtin_types_compatible_p(typeof(*(ptr)), void), \
		       "pointer type mismatch in container_of()");	\
	((type *)(__mptr - offsetof(type, member))); })
#define container_of_const(ptr, type, member) \
	container_of(ptr, type, member)

#endif
