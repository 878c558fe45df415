/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * Attributes and annotations. The sparse annotations (__percpu, __rcu,
 * __user, __must_hold and so on) expand to nothing; the rest are the
 * compiler's attributes as in the kernel.
 */
#ifndef _SHIM_LINUX_COMPILER_TYPES_H
#define _SHIM_LINUX_COMPILER_TYPES_H

#define __percpu
#define __rcu
#define __user
#define __iomem
#define __kernel
#define __force
#define __bitwise
#define __private
#define __must_hold(x)
#define __acquires(x)
#define __releases(x)
#define __cond_acquires(x)
#define __acquire(x)	(void)0
#define __release(x)	(void)0
#define ACCESS_PRIVATE(p, member)	((p)->member)

#undef __always_inline
#define __always_inline		inline __attribute__((__always_inline__))
#if __has_attribute(__uninitialized__)
#define __uninitialized		__attribute__((__uninitialized__))
#else
#define __uninitialized
#endif

#ifndef noinline
#define noinline		__attribute__((__noinline__))
#endif
#define __noinline		__attribute__((__noinline__))
#define noinline_for_stack	noinline
#define __noclone		__attribute__((__noclone__))
#define __must_check		__attribute__((__warn_unused_result__))
#define __maybe_unused		__attribute__((__unused__))
#define __always_unused		__attribute__((__unused__))
#define __used			__attribute__((__used__))
#define __weak			__attribute__((__weak__))
#define __packed		__attribute__((__packed__))
#define __aligned(x)		__attribute__((__aligned__(x)))
#define __printf(a, b)		__attribute__((__format__(printf, a, b)))
#undef __cold
#define __cold			__attribute__((__cold__))
#define __hot			__attribute__((__hot__))
#undef __pure
#define __pure			__attribute__((__pure__))
#undef __attribute_const__
#define __attribute_const__	__attribute__((__const__))
#define __malloc		__attribute__((__malloc__))
#define __noreturn		__attribute__((__noreturn__))
#define __section(s)		__attribute__((__section__(s)))
#define __hidden		__attribute__((__visibility__("hidden")))
#define __visible		__attribute__((__externally_visible__))
#define __deprecated
#define __flatten		__attribute__((__flatten__))
#define __assume_aligned(a, ...) \
	__attribute__((__assume_aligned__(a, ##__VA_ARGS__)))
#define __alloc_size(x, ...)	__attribute__((__alloc_size__(x, ##__VA_ARGS__)))
#define __realloc_size(x, ...)	__attribute__((__alloc_size__(x, ##__VA_ARGS__)))
#define __cleanup(f)		__attribute__((__cleanup__(f)))
#define __counted_by(m)
#define __nonstring
#define __nocast
#define __safe
#define __no_sanitize_address	__attribute__((__no_sanitize_address__))
#define __no_kasan_or_inline	__always_inline
#define __no_kcsan
#define __no_sanitize_or_inline	__always_inline
#define noinstr			noinline
#define notrace
#define __nokprobe
#define __randomize_layout
#define randomized_struct_fields_start
#define randomized_struct_fields_end
#define asmlinkage

#ifndef fallthrough
#define fallthrough		__attribute__((__fallthrough__))
#endif

#define __same_type(a, b)	__builtin_types_compatible_p(typeof(a), typeof(b))
#define __native_word(t) \
	(sizeof(t) == 1 || sizeof(t) == 2 || sizeof(t) == 4 || sizeof(t) == 8)
#define __unqual_scalar_typeof(x) \
	typeof(__builtin_choose_expr(1, (__typeof__(x))0, 0))
#define TYPEOF_UNQUAL(x)	typeof(x)

#define ___PASTE(a, b)		a##b
#define __PASTE(a, b)		___PASTE(a, b)
#define __UNIQUE_ID(prefix)	__PASTE(__PASTE(__UNIQUE_ID_, prefix), __COUNTER__)

#ifndef asm_inline
#define asm_inline		asm
#endif

#endif
