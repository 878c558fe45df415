// SPDX-License-Identifier: GPL-2.0
/*
 * A program of one thread forks in a signal handler, wherever its malloc() and
 * free() are interrupted.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t forks, bad;

static void on_timer(int sig)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	forks++;
	if (waitpid(pid, &status, 0) != pid || status)
		bad = 1;
}

int main(void)
{
	struct sigaction sa = { .sa_handler = on_timer, .sa_flags = SA_RESTART };
	struct itimerval often = { { 0, 1000 }, { 0, 1000 } }, never = { 0 };
	static void *p[20000];

	alarm(60);
	sigaction(SIGPROF, &sa, NULL);
	setitimer(ITIMER_PROF, &often, NULL);
	while (forks < 500) {
		for (int i = 0; i < 20000; i++)
			p[i] = malloc(i % 4 * 300 + 16);
		for (int i = 0; i < 20000; i++)
			free(p[i]);
	}
	setitimer(ITIMER_PROF, &never, NULL);
	if (bad)
		return 1;
	puts("fine");
	return 0;
}
