// SPDX-License-Identifier: GPL-2.0
/*
 * fork() with the handlers of early.c; with an argument, while another thread
 * holds the lock they take.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "early.h"

static int stop;

static void *use(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		early_use();
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
		pid_t pid = fork();

		if (!pid) {
			alarm(60);
			early_use();
			_exit(0);
		}
		if (waitpid(pid, &status, 0) != pid || status)
			return 2;
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	if (argc > 1)
		pthread_join(t, NULL);
	early_use();
	puts("fine");
	return 0;
}
