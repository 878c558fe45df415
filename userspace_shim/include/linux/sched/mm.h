/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * might_alloc() checks in debug builds that a blocking allocation is not made
 * where sleeping is not allowed; the memalloc scopes do nothing.
 */
#ifndef _SHIM_LINUX_SCHED_MM_H
#define _SHIM_LINUX_SCHED_MM_H

#include <linux/gfp.h>
#include <linux/preempt.h>
#include <linux/sched.h>

#define might_alloc(gfp)	might_sleep_if(gfpflags_allow_blocking(gfp))
#define current_gfp_context(gfp)	(gfp)
#define memalloc_noreclaim_save()	0U
#define memalloc_noreclaim_restore(f)	do { (void)(f); } while (0)
#define memalloc_nofs_save()		0U
#define memalloc_nofs_restore(f)	do { (void)(f); } while (0)
#define memalloc_noio_save()		0U
#define memalloc_noio_restore(f)	do { (void)(f); } while (0)

#endif
