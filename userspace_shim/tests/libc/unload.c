// SPDX-License-Identifier: GPL-2.0
/*
 * A thread uses the malloc() of the library that the argument names, and ends
 * after dlclose() of the library. Its block stays readable, and fork() works.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_barrier_t barrier;
static void *lib;

static void *use(void *arg)
{
	void *(*alloc)(size_t size) = dlsym(lib, "malloc");
	void (*release)(void *p) = dlsym(lib, "free");
	char *p = strcpy(alloc(40), "kept");

	pthread_barrier_wait(&barrier);
	/* It is being closed. */
	pthread_barrier_wait(&barrier);
	p = strcmp(p, "kept") ? NULL : p;
	release(p);
	return p;
}

int main(int argc, char **argv)
{
	pthread_t t;
	void *kept;
	int status;
	pid_t pid;

	lib = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
	if (!lib) {
		puts(dlerror());
		return 1;
	}
	pthread_barrier_init(&barrier, NULL, 2);
	if (pthread_create(&t, NULL, use, NULL))
		return 1;
	pthread_barrier_wait(&barrier);
	dlclose(lib);
	pthread_barrier_wait(&barrier);
	pthread_join(t, &kept);
	pid = fork();
	if (!pid)
		_exit(0);
	if (!kept || waitpid(pid, &status, 0) != pid || status)
		return 2;
	puts("fine");
	return 0;
}
