/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * smp_mb and friends, acquire loads and release stores. The standalone
 * barriers are instructions ThreadSanitizer does not see; the acquire and
 * release operations it does.
 */
#ifndef _SHIM_ASM_BARRIER_H
#define _SHIM_ASM_BARRIER_H

#include <linux/compiler.h>

#if defined(__x86_64__)
#define smp_mb()	__asm__ __volatile__("lock; addl $0,-4(%%rsp)" : : : "memory", "cc")
#define smp_rmb()	barrier()
#define smp_wmb()	barrier()
#define cpu_relax()	__asm__ __volatile__("pause" : : : "memory")
/* A locked instruction is a full barrier already. */
#define __shim_mb_after_rmw()	do { } while (0)
#elif defined(__aarch64__)
#define smp_mb()	__asm__ __volatile__("dmb ish" : : : "memory")
#define smp_rmb()	__asm__ __volatile__("dmb ishld" : : : "memory")
#define smp_wmb()	__asm__ __volatile__("dmb ishst" : : : "memory")
#define cpu_relax()	__asm__ __volatile__("yield" : : : "memory")
/* C11's seq_cst lets a later load pass the store of an ldaxr/stlxr pair. */
#define __shim_mb_after_rmw()	smp_mb()
#else
#error "hakmem's userspace shim knows x86-64 and arm64 only"
#endif

#define mb()		smp_mb()
#define rmb()		smp_rmb()
#define wmb()		smp_wmb()
#define smp_mb__before_atomic()	smp_mb()
#define smp_mb__after_atomic()	smp_mb()
#define smp_mb__after_spinlock()	smp_mb()
#define smp_acquire__after_ctrl_dep()	smp_rmb()

#define smp_load_acquire(p)	__atomic_load_n((p), __ATOMIC_ACQUIRE)
#define smp_store_release(p, v)	__atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define smp_store_mb(var, v) \
	do { WRITE_ONCE(var, v); smp_mb(); } while (0)
#define smp_cond_load_acquire(p, cond)					\
({									\
	typeof(*(p)) VAL;						\
	while (VAL = smp_load_acquire(p), !(cond))			\
		cpu_relax();						\
	VAL;								\
})

#endif
