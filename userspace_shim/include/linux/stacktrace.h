/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * One frame, the caller's return address.
 */
#ifndef _SHIM_LINUX_STACKTRACE_H
#define _SHIM_LINUX_STACKTRACE_H

#include <linux/types.h>
#include <linux/instruction_pointer.h>

static inline unsigned int
stack_trace_save(unsigned long *store, unsigned int size, unsigned int skip)
{
	if (!size)
		return 0;
	store[0] = _RET_IP_;
	return 1;
}

#endif
