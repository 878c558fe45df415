// SPDX-License-Identifier: GPL-2.0
/*
 * A CPU that does not answer: a real-time task that never yields, on a CPU whose
 * caches hold something, as polling drivers and isolated CPUs do. It gives up
 * after some seconds.
 */
#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>

#include <hakmem.h>

static unsigned int cpu = 1;
module_param(cpu, uint, 0444);
MODULE_PARM_DESC(cpu, "the CPU to occupy");

static unsigned int seconds = 60;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "for how long, unless the module goes before");

static bool spinning;
module_param(spinning, bool, 0444);
MODULE_PARM_DESC(spinning, "is it still at it?");

static struct task_struct *task;

static int spin(void *unused)
{
	unsigned long end = jiffies + seconds * HZ;

	/* An object to flush, which will have to wait. */
	hak_free(hak_alloc(64, GFP_KERNEL));
	WRITE_ONCE(spinning, true);
	while (!kthread_should_stop() && time_before(jiffies, end))
		cpu_relax();
	WRITE_ONCE(spinning, false);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ / 10);
	return 0;
}

static int __init hak_spin_init(void)
{
	if (cpu >= nr_cpu_ids || !cpu_online(cpu))
		return -EINVAL;
	task = kthread_create(spin, NULL, "hak_spin");
	if (IS_ERR(task))
		return PTR_ERR(task);
	kthread_bind(task, cpu);
	sched_set_fifo(task);
	wake_up_process(task);
	while (!READ_ONCE(spinning))
		schedule_timeout_uninterruptible(1);
	return 0;
}

static void __exit hak_spin_exit(void)
{
	kthread_stop(task);
}

module_init(hak_spin_init);
module_exit(hak_spin_exit);

MODULE_DESCRIPTION("Occupies a CPU with a real-time task, for testing");
MODULE_LICENSE("GPL");
