// SPDX-License-Identifier: GPL-2.0
/*
 * fork() with the handlers of early.c; with an argument, while another thread
 * holds the lock they take.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "early.h"

static int stop, forking;

static void set(int *flag, int value)
{
	__atomic_store_n(flag, value, __ATOMIC_RELAXED);
}

/*
 * The lock favours whoever released it last, so once a fork() has begun the thread does not
 * take it again.
 */
static void *use(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		while (__atomic_load_n(&forking, __ATOMIC_RELAXED))
			sched_yield();
		early_use();
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t t;
	int i, status;

	alarm(60);
	if (argc > 1 && pthread_create(&t, NULL, use, NULL))
		return 1;
	for (i = 0; i < 100; i++) {
		pid_t pid;

		set(&forking, 1);
		pid = fork();
		if (!pid) {
			alarm(60);
			early_use();
			_exit(0);
		}
		set(&forking, 0);
		if (waitpid(pid, &status, 0) != pid || status)
			return 2;
	}
	set(&stop, 1);
	if (argc > 1)
		pthread_join(t, NULL);
	early_use();
	puts("fine");
	return 0;
}
