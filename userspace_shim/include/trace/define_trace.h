/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: stub
 *
 * Trace events have no bodies here, see linux/tracepoint.h.
 */
