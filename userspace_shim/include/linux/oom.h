/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: stub
 *
 * There is no OOM killer; notifiers are accepted and never called.
 */
#ifndef _SHIM_LINUX_OOM_H
#define _SHIM_LINUX_OOM_H

#include <linux/notifier.h>

#define register_oom_notifier(nb)	((void)(nb), 0)
#define unregister_oom_notifier(nb)	((void)(nb), 0)

#endif
