// SPDX-License-Identifier: GPL-2.0
/*
 * fork() while another thread flushes all streams, one of which has functions
 * of its own that allocate.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int stop;
static FILE *stream;

static ssize_t write_allocating(void *cookie, const char *buf, size_t n)
{
	void *p[256];
	int i;

	for (i = 0; i < 256; i++)
		p[i] = malloc(1000);
	for (i = 0; i < 256; i++)
		free(p[i]);
	return n;
}

static void *flush(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		fputc('x', stream);
		fflush(NULL);
		/*
		 * fork() waits for the lock that fflush() has. Where it takes long to wake a
		 * thread up, it would never get the lock without a pause.
		 */
		usleep(1);
	}
	return NULL;
}

int main(void)
{
	cookie_io_functions_t funcs = { .write = write_allocating };
	pthread_t t;
	int i, status;

	alarm(60);
	stream = fopencookie(NULL, "w", funcs);
	if (!stream || pthread_create(&t, NULL, flush, NULL))
		return 1;
	for (i = 0; i < 300; i++) {
		pid_t pid = fork();

		if (!pid) {
			alarm(60);
			free(malloc(10));
			fclose(fopen("/dev/null", "w"));
			_exit(0);
		}
		if (waitpid(pid, &status, 0) != pid || status)
			return 2;
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
	puts("fine");
	return 0;
}
