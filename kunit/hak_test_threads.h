/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Threads for the suites, one for each CPU: kthreads in the kernel, and POSIX
 * threads by the shim's <linux/kthread.h> in userspace.
 */
#ifndef _HAK_TEST_THREADS_H
#define _HAK_TEST_THREADS_H

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kconfig.h>
#include <linux/kthread.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/task.h>

#define HAK_TEST_MAX_THREADS	8

struct hak_test_gang;

struct hak_test_thread {
	struct hak_test_gang *gang;
	unsigned int id;
	struct task_struct *task;
	struct completion done;
	int ret;
};

/**
 * struct hak_test_gang - threads that start together
 * @fn: function of each thread; it gets @arg and the thread's number
 * @arg: for @fn
 * @nr: threads started
 * @go: lets them start
 * @thread: the threads
 */
struct hak_test_gang {
	int (*fn)(void *arg, unsigned int id);
	void *arg;
	unsigned int nr;
	struct completion go;
	struct hak_test_thread thread[HAK_TEST_MAX_THREADS];
};

static inline int hak_test_thread_fn(void *data)
{
	struct hak_test_thread *t = data;

	wait_for_completion(&t->gang->go);
	t->ret = t->gang->fn(t->gang->arg, t->id);
	complete(&t->done);
	return 0;
}

/* The @n-th CPU that is online, counted round and round. */
static inline unsigned int hak_test_nth_cpu(unsigned int n)
{
	unsigned int cpu, last = 0;

	n %= num_online_cpus();
	for_each_online_cpu(cpu) {
		last = cpu;
		if (!n--)
			break;
	}
	return last;
}

/**
 * hak_test_gang_start() - start threads, bound to the CPUs in turn
 * @g: filled in
 * @nr: how many, at most HAK_TEST_MAX_THREADS
 * @fn: what each runs
 * @arg: for @fn
 *
 * Return: 0, or an error; then the caller still has to join the threads that were
 * created.
 */
static inline int hak_test_gang_start(struct hak_test_gang *g, unsigned int nr,
				      int (*fn)(void *arg, unsigned int id),
				      void *arg)
{
	int err = 0;

	g->fn = fn;
	g->arg = arg;
	init_completion(&g->go);
	for (g->nr = 0; g->nr < nr; g->nr++) {
		struct hak_test_thread *t = &g->thread[g->nr];

		t->gang = g;
		t->id = g->nr;
		t->ret = 0;
		init_completion(&t->done);
		t->task = kthread_create(hak_test_thread_fn, t, "hak_test/%u",
					 g->nr);
		if (IS_ERR(t->task)) {
			err = PTR_ERR(t->task);
			break;
		}
		kthread_bind(t->task, hak_test_nth_cpu(g->nr));
		/* The thread may have ended before it is stopped. */
		get_task_struct(t->task);
		wake_up_process(t->task);
	}
	complete_all(&g->go);
	return err;
}

/* Wait for all threads. Return: the sum of their results. */
static inline int hak_test_gang_join(struct hak_test_gang *g)
{
	unsigned int i;
	int sum = 0;

	for (i = 0; i < g->nr; i++) {
		struct hak_test_thread *t = &g->thread[i];

		wait_for_completion(&t->done);
		kthread_stop(t->task);
		put_task_struct(t->task);
		sum += t->ret;
	}
	return sum;
}

/* Let time pass and deferred work run. */
static inline void hak_test_sleep(unsigned int ms)
{
	msleep(ms);
}

/* Wait a moment for another thread to do something. */
static inline void hak_test_relax(void)
{
	/*
	 * KCSAN reports a race in the kernel between a high-resolution sleep and
	 * the timer that ends it, so do not sleep there.
	 */
	if (IS_ENABLED(CONFIG_KCSAN))
		cond_resched();
	else
		usleep_range(5, 50);
}

/* Two threads for each CPU, at least 4 and at most HAK_TEST_MAX_THREADS. */
static inline unsigned int hak_test_nr_threads(void)
{
	return clamp(2 * num_online_cpus(), 4U, (unsigned int)HAK_TEST_MAX_THREADS);
}

#endif /* _HAK_TEST_THREADS_H */
