/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * atomic_t, atomic64_t, atomic_long_t and the operations on plain words, on
 * the compiler's __atomic builtins. Read-modify-write operations that return
 * a value are fully ordered unless they say _acquire, _release or _relaxed;
 * those that return nothing are relaxed. A cmpxchg that fails orders nothing.
 * At least as strong as the kernel's memory model; on arm64 a full barrier
 * follows each fully ordered operation.
 */
#ifndef _SHIM_LINUX_ATOMIC_H
#define _SHIM_LINUX_ATOMIC_H

#include <linux/types.h>
#include <linux/compiler.h>
#include <asm/barrier.h>

#define __shim_rmw(call) \
	({ __auto_type __r = (call); __shim_mb_after_rmw(); __r; })

/* Operations on plain words of up to eight bytes, pointers included. */
#define __shim_cmpxchg(p, o, n, order, mb)				\
({									\
	typeof(*(p)) __old = (o);					\
	if (__atomic_compare_exchange_n((p), &__old, (n), false,	\
					order, __ATOMIC_RELAXED))	\
		mb;							\
	__old;								\
})

#define __shim_try_cmpxchg(p, po, n, order, mb)				\
({									\
	bool __ok = __atomic_compare_exchange_n((p), (po), (n), false,	\
					order, __ATOMIC_RELAXED);	\
	if (__ok)							\
		mb;							\
	likely(__ok);							\
})

#define cmpxchg(p, o, n) \
	__shim_cmpxchg(p, o, n, __ATOMIC_SEQ_CST, __shim_mb_after_rmw())
#define cmpxchg_acquire(p, o, n) \
	__shim_cmpxchg(p, o, n, __ATOMIC_ACQUIRE, (void)0)
#define cmpxchg_release(p, o, n) \
	__shim_cmpxchg(p, o, n, __ATOMIC_RELEASE, (void)0)
#define cmpxchg_relaxed(p, o, n) \
	__shim_cmpxchg(p, o, n, __ATOMIC_RELAXED, (void)0)
#define cmpxchg64(p, o, n)	cmpxchg(p, o, n)
#define cmpxchg_local(p, o, n)	cmpxchg_relaxed(p, o, n)
#define try_cmpxchg(p, po, n) \
	__shim_try_cmpxchg(p, po, n, __ATOMIC_SEQ_CST, __shim_mb_after_rmw())
#define try_cmpxchg_acquire(p, po, n) \
	__shim_try_cmpxchg(p, po, n, __ATOMIC_ACQUIRE, (void)0)
#define try_cmpxchg_release(p, po, n) \
	__shim_try_cmpxchg(p, po, n, __ATOMIC_RELEASE, (void)0)
#define try_cmpxchg_relaxed(p, po, n) \
	__shim_try_cmpxchg(p, po, n, __ATOMIC_RELAXED, (void)0)
#define try_cmpxchg64(p, po, n)	try_cmpxchg(p, po, n)
#define try_cmpxchg_local(p, po, n)	try_cmpxchg_relaxed(p, po, n)

#define xchg(p, v)	\
	__shim_rmw(__atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST))
#define xchg_acquire(p, v)	__atomic_exchange_n((p), (v), __ATOMIC_ACQUIRE)
#define xchg_release(p, v)	__atomic_exchange_n((p), (v), __ATOMIC_RELEASE)
#define xchg_relaxed(p, v)	__atomic_exchange_n((p), (v), __ATOMIC_RELAXED)

#define __SHIM_ATOMIC_FETCH(pfx, A, T, op)				\
static __always_inline void pfx##_##op(T i, A *v)			\
{									\
	(void)__atomic_fetch_##op(&v->counter, i, __ATOMIC_RELAXED);	\
}									\
static __always_inline T pfx##_fetch_##op(T i, A *v)			\
{									\
	return __shim_rmw(__atomic_fetch_##op(&v->counter, i,		\
					      __ATOMIC_SEQ_CST));	\
}									\
static __always_inline T pfx##_fetch_##op##_acquire(T i, A *v)		\
{									\
	return __atomic_fetch_##op(&v->counter, i, __ATOMIC_ACQUIRE);	\
}									\
static __always_inline T pfx##_fetch_##op##_release(T i, A *v)		\
{									\
	return __atomic_fetch_##op(&v->counter, i, __ATOMIC_RELEASE);	\
}									\
static __always_inline T pfx##_fetch_##op##_relaxed(T i, A *v)		\
{									\
	return __atomic_fetch_##op(&v->counter, i, __ATOMIC_RELAXED);	\
}

#define __SHIM_ATOMIC_RETURN(pfx, A, T, op)				\
static __always_inline T pfx##_##op##_return(T i, A *v)			\
{									\
	return __shim_rmw(__atomic_##op##_fetch(&v->counter, i,		\
						__ATOMIC_SEQ_CST));	\
}									\
static __always_inline T pfx##_##op##_return_acquire(T i, A *v)		\
{									\
	return __atomic_##op##_fetch(&v->counter, i, __ATOMIC_ACQUIRE);	\
}									\
static __always_inline T pfx##_##op##_return_release(T i, A *v)		\
{									\
	return __atomic_##op##_fetch(&v->counter, i, __ATOMIC_RELEASE);	\
}									\
static __always_inline T pfx##_##op##_return_relaxed(T i, A *v)		\
{									\
	return __atomic_##op##_fetch(&v->counter, i, __ATOMIC_RELAXED);	\
}

#define __SHIM_ATOMIC_ORDERED(pfx, A, T, sfx, order, mb)		\
static __always_inline T pfx##_xchg##sfx(A *v, T n)			\
{									\
	T r = __atomic_exchange_n(&v->counter, n, order);		\
	mb;								\
	return r;							\
}									\
static __always_inline T pfx##_cmpxchg##sfx(A *v, T o, T n)		\
{									\
	return __shim_cmpxchg(&v->counter, o, n, order, mb);		\
}									\
static __always_inline bool pfx##_try_cmpxchg##sfx(A *v, T *o, T n)	\
{									\
	typeof(v->counter) __o = *o;					\
	bool ok = __shim_try_cmpxchg(&v->counter, &__o, n, order, mb);	\
	if (!ok)							\
		*o = __o;						\
	return ok;							\
}

#define __SHIM_ATOMIC(pfx, A, T)					\
static __always_inline T pfx##_read(const A *v)				\
{									\
	return __atomic_load_n(&v->counter, __ATOMIC_RELAXED);		\
}									\
static __always_inline T pfx##_read_acquire(const A *v)			\
{									\
	return __atomic_load_n(&v->counter, __ATOMIC_ACQUIRE);		\
}									\
static __always_inline void pfx##_set(A *v, T i)			\
{									\
	__atomic_store_n(&v->counter, i, __ATOMIC_RELAXED);		\
}									\
static __always_inline void pfx##_set_release(A *v, T i)		\
{									\
	__atomic_store_n(&v->counter, i, __ATOMIC_RELEASE);		\
}									\
__SHIM_ATOMIC_FETCH(pfx, A, T, add)					\
__SHIM_ATOMIC_FETCH(pfx, A, T, sub)					\
__SHIM_ATOMIC_FETCH(pfx, A, T, and)					\
__SHIM_ATOMIC_FETCH(pfx, A, T, or)					\
__SHIM_ATOMIC_FETCH(pfx, A, T, xor)					\
__SHIM_ATOMIC_RETURN(pfx, A, T, add)					\
__SHIM_ATOMIC_RETURN(pfx, A, T, sub)					\
__SHIM_ATOMIC_ORDERED(pfx, A, T, , __ATOMIC_SEQ_CST,			\
		      __shim_mb_after_rmw())				\
__SHIM_ATOMIC_ORDERED(pfx, A, T, _acquire, __ATOMIC_ACQUIRE, (void)0)	\
__SHIM_ATOMIC_ORDERED(pfx, A, T, _release, __ATOMIC_RELEASE, (void)0)	\
__SHIM_ATOMIC_ORDERED(pfx, A, T, _relaxed, __ATOMIC_RELAXED, (void)0)	\
static __always_inline void pfx##_andnot(T i, A *v)			\
{									\
	pfx##_and(~i, v);						\
}									\
static __always_inline T pfx##_fetch_andnot(T i, A *v)			\
{									\
	return pfx##_fetch_and(~i, v);					\
}									\
static __always_inline void pfx##_inc(A *v)				\
{									\
	pfx##_add(1, v);						\
}									\
static __always_inline void pfx##_dec(A *v)				\
{									\
	pfx##_sub(1, v);						\
}									\
static __always_inline T pfx##_inc_return(A *v)				\
{									\
	return pfx##_add_return(1, v);					\
}									\
static __always_inline T pfx##_dec_return(A *v)				\
{									\
	return pfx##_sub_return(1, v);					\
}									\
static __always_inline T pfx##_inc_return_relaxed(A *v)			\
{									\
	return pfx##_add_return_relaxed(1, v);				\
}									\
static __always_inline T pfx##_fetch_inc(A *v)				\
{									\
	return pfx##_fetch_add(1, v);					\
}									\
static __always_inline T pfx##_fetch_dec(A *v)				\
{									\
	return pfx##_fetch_sub(1, v);					\
}									\
static __always_inline bool pfx##_dec_and_test(A *v)			\
{									\
	return pfx##_sub_return(1, v) == 0;				\
}									\
static __always_inline bool pfx##_inc_and_test(A *v)			\
{									\
	return pfx##_add_return(1, v) == 0;				\
}									\
static __always_inline bool pfx##_sub_and_test(T i, A *v)		\
{									\
	return pfx##_sub_return(i, v) == 0;				\
}									\
static __always_inline bool pfx##_add_negative(T i, A *v)		\
{									\
	return pfx##_add_return(i, v) < 0;				\
}									\
static __always_inline T pfx##_fetch_add_unless(A *v, T a, T u)		\
{									\
	T c = pfx##_read(v);						\
	do {								\
		if (c == u)						\
			break;						\
	} while (!pfx##_try_cmpxchg(v, &c, c + a));			\
	return c;							\
}									\
static __always_inline bool pfx##_add_unless(A *v, T a, T u)		\
{									\
	return pfx##_fetch_add_unless(v, a, u) != u;			\
}									\
static __always_inline bool pfx##_inc_not_zero(A *v)			\
{									\
	return pfx##_add_unless(v, 1, 0);				\
}									\
static __always_inline T pfx##_dec_if_positive(A *v)			\
{									\
	T c = pfx##_read(v);						\
	do {								\
		if (c < 1)						\
			return c - 1;					\
	} while (!pfx##_try_cmpxchg(v, &c, c - 1));			\
	return c - 1;							\
}

__SHIM_ATOMIC(atomic, atomic_t, int)
__SHIM_ATOMIC(atomic64, atomic64_t, s64)
__SHIM_ATOMIC(atomic_long, atomic_long_t, long)

#endif
