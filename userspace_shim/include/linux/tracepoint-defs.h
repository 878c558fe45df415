/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: stub
 *
 * No tracepoints: tracepoint_enabled() is false.
 */
#ifndef _SHIM_LINUX_TRACEPOINT_DEFS_H
#define _SHIM_LINUX_TRACEPOINT_DEFS_H

#define DECLARE_TRACEPOINT(tp)	extern int __shim_no_tracepoint
#define tracepoint_enabled(tp)	false

#endif
