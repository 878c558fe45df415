/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * DEFINE_FREE, __free, no_free_ptr, return_ptr, DEFINE_GUARD, guard() for the
 * shim's locks.
 */
#ifndef _SHIM_LINUX_CLEANUP_H
#define _SHIM_LINUX_CLEANUP_H

#include <linux/compiler.h>

#define DEFINE_FREE(_name, _type, _free) \
	static inline void __free_##_name(void *p) \
	{ _type _T = *(_type *)p; _free; }
#define __free(_name)	__cleanup(__free_##_name)
#define __get_and_null(p, nullvalue) \
	({ __auto_type __ptr = &(p); __auto_type __val = *__ptr; \
	   *__ptr = nullvalue; __val; })
#define no_free_ptr(p)	((typeof(p))__get_and_null(p, NULL))
#define return_ptr(p)	return no_free_ptr(p)
#define DEFINE_GUARD(_name, _type, _lock, _unlock)			\
	typedef _type class_##_name##_t;				\
	static inline void class_##_name##_destructor(_type *p)		\
	{ _type _T = *p; if (_T) { _unlock; } }				\
	static inline _type class_##_name##_constructor(_type _T)	\
	{ _lock; return _T; }
#define guard(_name)							\
	class_##_name##_t __UNIQUE_ID(guard)				\
	__cleanup(class_##_name##_destructor) = class_##_name##_constructor

#endif
