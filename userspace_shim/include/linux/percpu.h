/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * Per-CPU data are real: a __percpu pointer is an address in the static
 * chunk, which belongs to id 0, the CPU that is never online; every other
 * CPU's copy lies a constant distance away, so this_cpu_ptr() is one addition
 * of a thread-local. A new allocation is zero in every chunk, those of ids
 * not yet in use included. Chunks are reserved when an id is first used,
 * opened as far as they are in use, never unmapped, and keep their contents
 * when the id is recycled. Static per-CPU variables start from their
 * initialiser in each chunk. this_cpu_*() operations are relaxed atomics;
 * raw_cpu_*() and __this_cpu_*() are not. Dynamic space is bounded by
 * SHIM_PERCPU_SIZE.
 */
#ifndef _SHIM_LINUX_PERCPU_H
#define _SHIM_LINUX_PERCPU_H

#include <linux/percpu-defs.h>
#include <linux/smp.h>
#include <linux/cpumask.h>

#define PERCPU_ENOUGH_ROOM	SHIM_PERCPU_SIZE
#define SHIM_PERCPU_SIZE	(448UL << 10)
#define PCPU_MIN_UNIT_SIZE	(32UL << 10)

void *__alloc_percpu(size_t size, size_t align);
void free_percpu(void *ptr);

#define __alloc_percpu_gfp(size, align, gfp)	__alloc_percpu(size, align)
#define alloc_percpu(type) \
	((typeof(type) *)__alloc_percpu(sizeof(type), __alignof__(type)))
#define alloc_percpu_gfp(type, gfp)	alloc_percpu(type)

#endif
