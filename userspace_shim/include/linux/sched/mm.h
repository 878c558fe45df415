/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * might_alloc() checks in debug builds that a blocking allocation is not made
 * where sleeping is not allowed. As other tasks of a kernel may run there,
 * deferred work that is due runs (see workqueue.h). The memalloc scopes do
 * nothing.
 */
#ifndef _SHIM_LINUX_SCHED_MM_H
#define _SHIM_LINUX_SCHED_MM_H

#include <linux/gfp.h>
#include <linux/preempt.h>
#include <linux/sched.h>

/* See deferred.c. */
extern int shim_pending __hidden;
void shim_pending_check(void);

#define might_alloc(gfp)						\
	do {								\
		if (gfpflags_allow_blocking(gfp)) {			\
			might_sleep();					\
			if (unlikely(READ_ONCE(shim_pending)))		\
				shim_pending_check();			\
		}							\
	} while (0)
#define current_gfp_context(gfp)	(gfp)
#define memalloc_noreclaim_save()	0U
#define memalloc_noreclaim_restore(f)	do { (void)(f); } while (0)
#define memalloc_nofs_save()		0U
#define memalloc_nofs_restore(f)	do { (void)(f); } while (0)
#define memalloc_noio_save()		0U
#define memalloc_noio_restore(f)	do { (void)(f); } while (0)

#endif
