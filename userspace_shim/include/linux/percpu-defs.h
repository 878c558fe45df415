/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * See percpu.h.
 */
#ifndef _SHIM_LINUX_PERCPU_DEFS_H
#define _SHIM_LINUX_PERCPU_DEFS_H

#include <linux/compiler.h>
#include <linux/types.h>
#include <linux/preempt.h>
#include <linux/cache.h>

/* Distance of a CPU's chunk from the static one; 0 is the chunk of id 0. */
extern __thread unsigned long shim_cpu_delta;
extern __thread unsigned int shim_cpu;
extern unsigned long shim_cpu_deltas[];

#define DECLARE_PER_CPU(type, name)	extern __typeof__(type) name
#define DEFINE_PER_CPU(type, name) \
	__section("hak_percpu") __typeof__(type) name
#define DECLARE_PER_CPU_ALIGNED(type, name)	DECLARE_PER_CPU(type, name)
#define DEFINE_PER_CPU_ALIGNED(type, name) \
	DEFINE_PER_CPU(type, name) ____cacheline_aligned
#define DEFINE_PER_CPU_SHARED_ALIGNED(type, name) \
	DEFINE_PER_CPU_ALIGNED(type, name)
#define DECLARE_PER_CPU_SHARED_ALIGNED(type, name)	DECLARE_PER_CPU(type, name)

#define per_cpu_ptr(ptr, cpu) \
	((typeof(ptr))((unsigned long)(ptr) + READ_ONCE(shim_cpu_deltas[cpu])))
#define raw_cpu_ptr(ptr) \
	((typeof(ptr))((unsigned long)(ptr) + shim_cpu_delta))
#define this_cpu_ptr(ptr)	raw_cpu_ptr(ptr)
#define per_cpu(var, cpu)	(*per_cpu_ptr(&(var), cpu))
#define get_cpu_var(var)	(*({ preempt_disable(); this_cpu_ptr(&(var)); }))
#define put_cpu_var(var)	do { (void)&(var); preempt_enable(); } while (0)
#define get_cpu_ptr(ptr)	({ preempt_disable(); this_cpu_ptr(ptr); })
#define put_cpu_ptr(ptr)	do { (void)(ptr); preempt_enable(); } while (0)

/* Atomic, because many threads share the chunk of id 0. */
#define this_cpu_read(v)	READ_ONCE(*raw_cpu_ptr(&(v)))
#define this_cpu_write(v, x)	WRITE_ONCE(*raw_cpu_ptr(&(v)), x)
#define this_cpu_add(v, x) \
	((void)__atomic_fetch_add(raw_cpu_ptr(&(v)), x, __ATOMIC_RELAXED))
#define this_cpu_sub(v, x) \
	((void)__atomic_fetch_sub(raw_cpu_ptr(&(v)), x, __ATOMIC_RELAXED))
#define this_cpu_inc(v)		this_cpu_add(v, 1)
#define this_cpu_dec(v)		this_cpu_sub(v, 1)
#define this_cpu_or(v, x) \
	((void)__atomic_fetch_or(raw_cpu_ptr(&(v)), x, __ATOMIC_RELAXED))
#define this_cpu_and(v, x) \
	((void)__atomic_fetch_and(raw_cpu_ptr(&(v)), x, __ATOMIC_RELAXED))
#define this_cpu_add_return(v, x) \
	__atomic_add_fetch(raw_cpu_ptr(&(v)), x, __ATOMIC_RELAXED)
#define this_cpu_inc_return(v)	this_cpu_add_return(v, 1)
#define this_cpu_dec_return(v)	this_cpu_add_return(v, -1)
#define this_cpu_xchg(v, x) \
	__atomic_exchange_n(raw_cpu_ptr(&(v)), x, __ATOMIC_RELAXED)
#define this_cpu_cmpxchg(v, o, n)					\
({									\
	typeof(v) __old = (o);						\
	__atomic_compare_exchange_n(raw_cpu_ptr(&(v)), &__old, (n), false, \
				    __ATOMIC_RELAXED, __ATOMIC_RELAXED); \
	__old;								\
})
#define this_cpu_try_cmpxchg(v, po, n) \
	__atomic_compare_exchange_n(raw_cpu_ptr(&(v)), (po), (n), false, \
				    __ATOMIC_RELAXED, __ATOMIC_RELAXED)

/* The caller excludes others; on id 0 an update may be lost. */
#define __shim_raw_op(v, op, x)						\
do {									\
	typeof(&(v)) __p = raw_cpu_ptr(&(v));				\
	WRITE_ONCE(*__p, READ_ONCE(*__p) op (x));			\
} while (0)
#define raw_cpu_read(v)		this_cpu_read(v)
#define raw_cpu_write(v, x)	this_cpu_write(v, x)
#define raw_cpu_add(v, x)	__shim_raw_op(v, +, x)
#define raw_cpu_sub(v, x)	__shim_raw_op(v, -, x)
#define raw_cpu_or(v, x)	__shim_raw_op(v, |, x)
#define raw_cpu_and(v, x)	__shim_raw_op(v, &, x)
#define raw_cpu_inc(v)		raw_cpu_add(v, 1)
#define raw_cpu_dec(v)		raw_cpu_sub(v, 1)
#define __this_cpu_read(v)	this_cpu_read(v)
#define __this_cpu_write(v, x)	this_cpu_write(v, x)
#define __this_cpu_add(v, x)	raw_cpu_add(v, x)
#define __this_cpu_sub(v, x)	raw_cpu_sub(v, x)
#define __this_cpu_inc(v)	raw_cpu_inc(v)
#define __this_cpu_dec(v)	raw_cpu_dec(v)
#define __this_cpu_or(v, x)	raw_cpu_or(v, x)
#define __this_cpu_and(v, x)	raw_cpu_and(v, x)
#define __this_cpu_xchg(v, x)	this_cpu_xchg(v, x)

#endif
