/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * READ_ONCE and WRITE_ONCE are relaxed __atomic accesses, so they are untorn,
 * may not be merged or invented by the compiler in any way the kernel relies
 * on, and are seen as atomic by ThreadSanitizer. They take scalars of 1, 2, 4
 * or 8 bytes only. data_race() is a plain access, which ThreadSanitizer is told
 * to ignore.
 */
#ifndef _SHIM_LINUX_COMPILER_H
#define _SHIM_LINUX_COMPILER_H

#include <linux/compiler_types.h>

#ifndef likely
#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#endif

#define barrier()	__asm__ __volatile__("" : : : "memory")
#define barrier_data(p)	__asm__ __volatile__("" : : "r"(p) : "memory")
#define OPTIMIZER_HIDE_VAR(v)	__asm__("" : "=r"(v) : "0"(v))
#define RELOC_HIDE(p, off) \
	({ unsigned long __p; __asm__("" : "=r"(__p) : "0"(p)); \
	   (typeof(p))(__p + (off)); })

#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v)	__atomic_store_n(&(x), (v), __ATOMIC_RELAXED)
/* Of words, as in the kernel: an address the sanitizer need not know of. */
static __no_sanitize_address __attribute__((__noinline__, __unused__))
unsigned long __read_once_word_nocheck(const void *p)
{
	return *(const volatile unsigned long *)p;
}

#ifdef HAK_SHIM_SANITIZER
#define READ_ONCE_NOCHECK(x)	((typeof(x))__read_once_word_nocheck(&(x)))
#else
#define READ_ONCE_NOCHECK(x)	READ_ONCE(x)
#endif

#ifdef __SANITIZE_THREAD__
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);
#define data_race(expr)							\
({									\
	AnnotateIgnoreReadsBegin(__FILE__, __LINE__);			\
	AnnotateIgnoreWritesBegin(__FILE__, __LINE__);			\
	__auto_type __v = (expr);					\
	AnnotateIgnoreWritesEnd(__FILE__, __LINE__);			\
	AnnotateIgnoreReadsEnd(__FILE__, __LINE__);			\
	__v;								\
})
#else
#define data_race(expr)		({ __auto_type __v = (expr); __v; })
#endif
#define ASSERT_EXCLUSIVE_WRITER(x)	do { } while (0)
#define ASSERT_EXCLUSIVE_ACCESS(x)	do { } while (0)

#define unreachable()		__builtin_unreachable()
#define is_signed_type(t)	(((t)(-1)) < (__force t)1)
#define is_unsigned_type(t)	(!is_signed_type(t))
#define __is_constexpr(x) \
	(sizeof(int) == sizeof(*(8 ? ((void *)((long)(x) * 0l)) : (int *)8)))
#define statically_true(x)	(__builtin_constant_p(x) && (x))

#ifndef __has_builtin
#define __has_builtin(x)	0
#endif

#include <linux/build_bug.h>
#define __must_be_array(a) \
	BUILD_BUG_ON_ZERO(__same_type((a), &(a)[0]))

#endif
