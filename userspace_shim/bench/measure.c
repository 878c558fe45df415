// SPDX-License-Identifier: GPL-2.0
/*
 * measure.c - how long a program takes, and how much memory it has at most
 *
 * usage: measure PROGRAM [ARGUMENT]...
 *
 * Standard error gets a line with the seconds, and the peak of its resident memory in
 * KiB; what the program writes there is lost. The kernel counts for that peak what a
 * process was before it called exec(), so a large program, such as Python, cannot ask
 * for another's without a small one in between.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FAILED	125

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void become(char **command)
{
	int null = open("/dev/null", O_WRONLY);

	if (null >= 0)
		dup2(null, STDERR_FILENO);
	execvp(command[0], command);
	_exit(FAILED);
}

int main(int argc, char **argv)
{
	double begin = now();
	struct rusage used;
	int status;
	pid_t pid;

	if (argc < 2 || !strcmp(argv[1], "--help")) {
		fprintf(argc < 2 ? stderr : stdout, "usage: measure PROGRAM [ARGUMENT]...\n");
		return argc < 2 ? 2 : 0;
	}
	pid = fork();
	if (!pid)
		become(argv + 1);
	if (pid < 0 || wait4(pid, &status, 0, &used) < 0)
		return FAILED;
	fprintf(stderr, "%.6f %ld\n", now() - begin, used.ru_maxrss);
	return WIFEXITED(status) ? WEXITSTATUS(status) : FAILED;
}
