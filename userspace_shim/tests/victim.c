// SPDX-License-Identifier: GPL-2.0
/* A program that gets harmed on purpose; cli.sh says how. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void own_handler(int sig)
{
	static const char text[] = "own handler\n";

	(void)!write(STDOUT_FILENO, text, sizeof(text) - 1);
	_exit(0);
}

static int __attribute__((noinline)) overflow(volatile char *above)
{
	volatile char here[4096];

	here[0] = above ? above[0] : 0;
	return overflow(here) + here[0];
}

static void *overflow_thread(void *arg)
{
	free(malloc(10));
	return (void *)(long)overflow(arg);
}

static void *allocating_thread(void *arg)
{
	free(malloc(10));
	return arg;
}

static int harm(const char *how)
{
	volatile char *p = malloc(64);
	pthread_t t;

	p[0] = 1;
	if (!strcmp(how, "segv")) {
		*(volatile char *)0x10 = 1;
	} else if (!strcmp(how, "segv-object")) {
		mprotect((void *)((unsigned long)p & ~4095UL), 4096, PROT_NONE);
		p[8] = 1;
	} else if (!strcmp(how, "overflow")) {
		return overflow(NULL);
	} else if (!strcmp(how, "next-thread-overflow")) {
		/* It has the id of a thread that has ended. */
		pthread_create(&t, NULL, allocating_thread, NULL);
		pthread_join(t, NULL);
		pthread_create(&t, NULL, overflow_thread, NULL);
		pthread_join(t, NULL);
	} else if (!strcmp(how, "thread-overflow")) {
		pthread_create(&t, NULL, overflow_thread, NULL);
		pthread_join(t, NULL);
	} else if (!strcmp(how, "abort")) {
		abort();
	} else if (!strcmp(how, "handler")) {
		signal(SIGSEGV, own_handler);
		*(volatile char *)0x10 = 1;
	}
	free((void *)p);
	return puts("fine") < 0;
}

int main(int argc, char **argv)
{
	return harm(argc > 1 ? argv[1] : "fine");
}
