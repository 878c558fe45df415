// SPDX-License-Identifier: GPL-2.0
/* The bodies of the trace events, which the kernel's headers generate. */
#include "core.h"

#define CREATE_TRACE_POINTS
#include "tracepoints.h"
