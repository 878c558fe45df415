/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: stub
 *
 * No trace events: trace_x() does nothing, and what turns an event on is never
 * called. TRACE_EVENT() and its kin declare as much as the core's events need.
 */
#ifndef _SHIM_LINUX_TRACEPOINT_H
#define _SHIM_LINUX_TRACEPOINT_H

#include <linux/tracepoint-defs.h>
#include <linux/types.h>

#define PARAMS(args...)		args
#define TP_PROTO(args...)	args
#define TP_ARGS(args...)	args

#define __SHIM_NO_EVENT(name, proto)				\
	static inline void trace_##name(proto) { }		\
	static inline bool trace_##name##_enabled(void) { return false; }

#define DECLARE_EVENT_CLASS(name, proto, args, tstruct, assign, print)	\
	struct __shim_no_class_##name
#define DEFINE_EVENT(template, name, proto, args)		\
	__SHIM_NO_EVENT(name, PARAMS(proto)) struct __shim_no_class_##template
#define DEFINE_EVENT_FN(template, name, proto, args, reg, unreg)	\
	DEFINE_EVENT(template, name, PARAMS(proto), PARAMS(args))
#define TRACE_EVENT(name, proto, args, tstruct, assign, print)	\
	__SHIM_NO_EVENT(name, PARAMS(proto)) struct __shim_no_class_##name
#define TRACE_EVENT_FN(name, proto, args, tstruct, assign, print, reg, unreg)	\
	TRACE_EVENT(name, PARAMS(proto), PARAMS(args), tstruct, assign, print)

#endif
