/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: stub
 *
 * debug_locks is always 1: there is no lockdep that could have reported something.
 */
#ifndef _SHIM_LINUX_DEBUG_LOCKS_H
#define _SHIM_LINUX_DEBUG_LOCKS_H

#define debug_locks	1

#endif
