/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hard interrupts for tests that allocate and free in them.
 *
 * In a hard interrupt hakmem calls SLUB if it must, except on PREEMPT_RT. Where it may,
 * lockdep with CONFIG_PROVE_RAW_LOCK_NESTING allows it only in interrupts that PREEMPT_RT
 * would run in a thread. So these are marked as hard on PREEMPT_RT alone, and run in hard
 * interrupts everywhere.
 */
#ifndef _HAK_TEST_IRQ_H
#define _HAK_TEST_IRQ_H

#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/kconfig.h>

#define HAK_TEST_HARD_TIMER						\
	(IS_ENABLED(CONFIG_PREEMPT_RT) ? HRTIMER_MODE_REL_PINNED_HARD :	\
					 HRTIMER_MODE_REL_PINNED)

#define HAK_TEST_IRQ_WORK(fn)						\
	(IS_ENABLED(CONFIG_PREEMPT_RT) ? IRQ_WORK_INIT_HARD(fn) : IRQ_WORK_INIT(fn))

#endif /* _HAK_TEST_IRQ_H */
