// SPDX-License-Identifier: GPL-2.0
/*
 * A program without hakmem, for userspace_shim/verify_arm64.sh: a thread joins another
 * and forks, and the child starts a thread. Where this fails, the emulator or the C
 * library is at fault, and what test_fork says means nothing.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS	200

static void *end(void *arg)
{
	return arg;
}

static int start_and_join(void)
{
	pthread_t t;

	return pthread_create(&t, NULL, end, NULL) || pthread_join(t, NULL);
}

/* A child that hangs in the emulator does not notice a signal, so it is not waited for. */
static int child_ends(pid_t pid)
{
	int status;

	for (int ms = 0; ms < 5000; ms++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return !status;
		usleep(1000);
	}
	kill(pid, SIGKILL);
	return 0;
}

int main(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		pid_t pid;

		if (start_and_join())
			return 2;
		pid = fork();
		if (!pid)
			_exit(start_and_join());
		if (!child_ends(pid)) {
			printf("child %d did not end\n", i);
			return 1;
		}
	}
	return 0;
}
