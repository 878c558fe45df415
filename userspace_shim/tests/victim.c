// SPDX-License-Identifier: GPL-2.0
/* A program that gets harmed on purpose; cli.sh says how. */
#define _GNU_SOURCE
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
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

/* A page of a file that has none. */
static volatile char *beyond_the_end(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(tmpfile()), 0);
}

static void *signal_stack(void)
{
	stack_t now;

	return sigaltstack(NULL, &now) || now.ss_flags & SS_DISABLE ? NULL : now.ss_sp;
}

static pthread_key_t last;
static void *stack_at_the_end;

/* In the last round it comes after the library's own destructor, whose key is older. */
static void at_the_end(void *round)
{
	stack_at_the_end = signal_stack();
	if ((long)round < PTHREAD_DESTRUCTOR_ITERATIONS)
		pthread_setspecific(last, (char *)round + 1);
}

/* What is to be this thread's signal stack, or NULL for the one that it gets. */
static void *stack_thread(void *own)
{
	stack_t stack = { .ss_sp = own, .ss_size = 64 << 10 };

	if (own)
		sigaltstack(&stack, NULL);
	free(malloc(10));
	pthread_setspecific(last, (void *)1);
	return signal_stack();
}

/* A thread keeps a signal stack of its own. It gives back the one that it was lent. */
static int use_stacks(void)
{
	void *own = malloc(64 << 10), *of_mine, *lent;
	pthread_t t;

	pthread_key_create(&last, at_the_end);
	pthread_create(&t, NULL, stack_thread, own);
	pthread_join(t, &of_mine);
	if (of_mine != own || stack_at_the_end != own)
		return puts("the thread's own stack has gone") > 0;
	pthread_create(&t, NULL, stack_thread, NULL);
	pthread_join(t, &lent);
	if (!lent || stack_at_the_end)
		return puts("the stack that was lent has stayed") > 0;
	return puts("fine") < 0;
}

static char *stack_end;
static long process_id, thread_id;

/* Take up the stack, except for so little that no signal's frame has room. */
static int __attribute__((noinline)) use_up_stack(void)
{
	volatile char here[256];

	here[0] = 0;
	if ((char *)here > stack_end + 700)
		return use_up_stack() + here[0];
	return syscall(SYS_tgkill, process_id, thread_id, SIGUSR2) + here[0];
}

static void *no_room_thread(void *arg)
{
	free(malloc(10));
	process_id = syscall(SYS_getpid);
	thread_id = syscall(SYS_gettid);
	return (void *)(long)use_up_stack();
}

/* A handler that uses the thread's stack cannot run, and the kernel sends SIGSEGV instead. */
static int get_signal_without_room(void)
{
	pthread_attr_t attr;
	pthread_t t;

	/* On arm64 the C library refuses less than 128 KiB. */
	size_t size = 256 << 10, guard = 64 << 10;

	signal(SIGUSR2, own_handler);
	stack_end = mmap(NULL, guard + size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(stack_end, guard, PROT_NONE);
	stack_end += guard;
	pthread_attr_init(&attr);
	if (pthread_attr_setstack(&attr, stack_end, size) ||
	    pthread_create(&t, &attr, no_room_thread, NULL))
		return 1;
	pthread_join(t, NULL);
	return puts("survived") < 0;
}

static int harm(const char *how)
{
	volatile char *p = malloc(64);
	pthread_t t;

	p[0] = 1;
	if (!strcmp(how, "segv")) {
		*(volatile char *)0x10 = 1;
	} else if (!strcmp(how, "sent-segv")) {
		kill(getpid(), SIGSEGV);
	} else if (!strcmp(how, "sent-abort")) {
		kill(getpid(), SIGABRT);
	} else if (!strcmp(how, "bus")) {
		*beyond_the_end() = 1;
	} else if (!strcmp(how, "stacks")) {
		return use_stacks();
	} else if (!strcmp(how, "segv-object")) {
		printf("it was object %lu\n", ((unsigned long)p & 65535) / 64);
		fflush(stdout);
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
	} else if (!strcmp(how, "no-room")) {
		return get_signal_without_room();
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
