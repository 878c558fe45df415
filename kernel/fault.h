/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Requests that fail because a test wants them to, by the kernel's fault injection. In a
 * kernel without CONFIG_FAULT_INJECTION no request fails for that reason, nor does one in
 * the userspace build, where a test can make the page source and kmalloc() fail.
 */
#ifndef _HAK_FAULT_H
#define _HAK_FAULT_H

#include <linux/percpu.h>
#include <linux/types.h>

#ifdef CONFIG_FAULT_INJECTION
bool hak_should_fail(size_t bytes);
void hak_fault_init(void);
void hak_fault_exit(void);
#else
static inline bool hak_should_fail(size_t bytes)
{
	return false;
}

static inline void hak_fault_init(void)
{
}

static inline void hak_fault_exit(void)
{
}
#endif

/* The kernel has no fault injection for per-CPU memory, so hakmem's is used here. */
static inline void __percpu *hak_percpu_alloc(size_t bytes, size_t align)
{
	if (hak_should_fail(bytes))
		return NULL;
	return __alloc_percpu(bytes, align);
}

#define hak_alloc_percpu(type)						\
	((typeof(type) __percpu *)hak_percpu_alloc(sizeof(type), __alignof__(type)))

#endif /* _HAK_FAULT_H */
