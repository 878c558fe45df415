// SPDX-License-Identifier: GPL-2.0
/*
 * Kernel threads and completions over POSIX threads, for the KUnit suites.
 */
#include "test.h"

#include <linux/completion.h>
#include <linux/container_of.h>
#include <linux/err.h>
#include <linux/kthread.h>

#include "shim.h"

struct kthread {
	struct task_struct task;
	pthread_t thread;
	bool started;
	int (*fn)(void *data);
	void *data;
	int ret;
};

static void *run(void *arg)
{
	struct kthread *k = arg;

	/* hak_alloc() does not bring the thread online, as malloc() does. */
	shim_thread_online();
	k->ret = k->fn(k->data);
	return NULL;
}

struct task_struct *kthread_create(int (*fn)(void *data), void *data,
				   const char *fmt, ...)
{
	struct kthread *k = calloc(1, sizeof(*k));
	va_list ap;

	if (!k)
		return ERR_PTR(-ENOMEM);
	k->fn = fn;
	k->data = data;
	va_start(ap, fmt);
	vsnprintf(k->task.comm, sizeof(k->task.comm), fmt, ap);
	va_end(ap);
	return &k->task;
}

int wake_up_process(struct task_struct *task)
{
	struct kthread *k = container_of(task, struct kthread, task);

	if (k->started)
		return 0;
	if (pthread_create(&k->thread, NULL, run, k)) {
		fprintf(stderr, "no thread to be had\n");
		abort();
	}
	k->started = true;
	return 1;
}

int kthread_stop(struct task_struct *task)
{
	struct kthread *k = container_of(task, struct kthread, task);
	int ret = -EINTR;

	if (k->started) {
		pthread_join(k->thread, NULL);
		ret = k->ret;
	}
	free(k);
	return ret;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

void init_completion(struct completion *x)
{
	x->done = 0;
}

static void add(struct completion *x, unsigned int n)
{
	pthread_mutex_lock(&lock);
	x->done += n;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

void complete(struct completion *x)
{
	add(x, 1);
}

void complete_all(struct completion *x)
{
	add(x, UINT_MAX / 2);
}

void wait_for_completion(struct completion *x)
{
	pthread_mutex_lock(&lock);
	while (!x->done)
		pthread_cond_wait(&changed, &lock);
	x->done--;
	pthread_mutex_unlock(&lock);
}
