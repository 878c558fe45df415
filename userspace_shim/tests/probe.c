// SPDX-License-Identifier: GPL-2.0
/*
 * A program that prints facts about its own process. It is built without the
 * library, with libhakmem.a and with libhakmem.so; footprint.sh, environment.sh
 * and snapshot.sh compare the output.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define MAX_THREADS	64

static pthread_barrier_t barrier;

/* Allocate one small block of each of some sizes, as any program does. */
static int use_malloc(void)
{
	size_t size;
	void *p;

	for (size = 1; size <= 1024; size += 31) {
		p = malloc(size);
		if (!p)
			return 1;
		memset(p, 1, size);
		free(p);
	}
	return 0;
}

/* The private memory that is mapped with permission @what, of files only if it is 'w'. */
static long mapped_kib(char what)
{
	unsigned long start, end;
	char line[4096], perms[8];
	long sum = 0;
	FILE *f = fopen("/proc/self/maps", "r");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx %7s", &start, &end, perms) == 3 &&
		    strchr(perms, what) && perms[3] == 'p' &&
		    (what == 'w' || !strpbrk(line, "/[")))
			sum += (end - start) >> 10;
	}
	if (!f || fclose(f))
		return -1;
	return sum;
}

/* The memory that the system counts as committed if overcommit is off. */
static long committed_kib(void)
{
	return mapped_kib('w');
}

/*
 * The memory of no file that can be read. If it is locked, or read, it may become resident:
 * not every kernel has a page of zeroes that all share.
 */
static int readable(void)
{
	if (use_malloc())
		return 1;
	printf("%ld\n", mapped_kib('r'));
	return 0;
}

/* A line of /proc/self/status, in KiB. */
static long status_kib(const char *name)
{
	char line[256];
	long kib = -1;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, name, strlen(name)))
			kib = atol(line + strlen(name) + 1);
	}
	if (f)
		fclose(f);
	return kib;
}

static void *thread(void *arg)
{
	free(malloc(64));
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return arg;
}

/* The committed memory while @threads threads exist, with their stacks. */
static int commit(int threads)
{
	pthread_t t[MAX_THREADS];
	int i;

	if (use_malloc() || threads < 0 || threads > MAX_THREADS)
		return 1;
	pthread_barrier_init(&barrier, NULL, threads + 1);
	for (i = 0; i < threads; i++) {
		if (pthread_create(&t[i], NULL, thread, NULL))
			return 1;
	}
	pthread_barrier_wait(&barrier);
	printf("%ld\n", committed_kib());
	pthread_barrier_wait(&barrier);
	for (i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	return 0;
}

/*
 * The memory at the peak of a heap of @mib MiB of small blocks, and a while after
 * it was freed.
 */
static int peak(unsigned long mib)
{
	unsigned long i, n = mib << 10;
	void **p = calloc(n, sizeof(*p));
	long high;

	for (i = 0; p && i < n; i++)
		p[i] = memset(malloc(1024), 1, 1024);
	high = committed_kib();
	for (i = 0; p && i < n; i++)
		free(p[i]);
	free(p);
	/* Deferred work runs in a free() that finds it due. */
	for (i = 0; i < 20; i++) {
		usleep(20000);
		use_malloc();
	}
	printf("%ld %ld\n", high, committed_kib());
	return 0;
}

/* Let the program take most of its address space itself. */
static int take(unsigned long kib)
{
	char *p = malloc(kib << 10);

	if (!p || use_malloc())
		return 1;
	p[0] = 1;
	free(p);
	return puts("fine") < 0;
}

static void *use_malloc_too(void *arg)
{
	free(malloc(2000));
	return use_malloc() ? NULL : arg;
}

/*
 * Limit the address space to @mib MiB when malloc() is in use, then get a large
 * block and a thread.
 */
static int limit(unsigned long mib)
{
	struct rlimit lim = { mib << 20, mib << 20 };
	pthread_t t;
	void *p, *done;

	if (use_malloc() || setrlimit(RLIMIT_AS, &lim))
		return 1;
	p = malloc(64 << 20);
	if (!p)
		return puts("no block") < 0;
	if (pthread_create(&t, NULL, use_malloc_too, p))
		return puts("no thread") < 0;
	if (pthread_join(t, &done) || done != p)
		return 1;
	free(p);
	return puts("fine") < 0;
}

/*
 * The resident memory if all memory is locked, and the memory that can still be
 * allocated then.
 */
static int locked(void)
{
	if (use_malloc())
		return 1;
	if (mlockall(MCL_CURRENT | MCL_FUTURE)) {
		perror("mlockall");
		return 3;
	}
	if (use_malloc())
		return 1;
	printf("%ld\n", status_kib("VmRSS"));
	return 0;
}

/* The alignment that all blocks of up to 8 bytes have. */
static int align(void)
{
	unsigned long bits = 0, i;

	for (i = 0; i < 1000; i++)
		bits |= (unsigned long)malloc(1 + i % 8);
	for (i = 0; i < 1000; i++)
		bits |= (unsigned long)calloc(1, 1 + i % 8);
	printf("%lu\n", bits & -bits);
	return 0;
}

static int ends[2];
static int read_errno;

static void *read_byte(void *unused)
{
	char c;

	read_errno = read(ends[0], &c, 1) == 1 ? 0 : errno;
	return unused;
}

/* What SIGUSR1 changes for the program: its errno, and a read() that waits. */
static int signalled(void)
{
	int after;
	pthread_t t;

	if (use_malloc() || pipe(ends) || pthread_create(&t, NULL, read_byte, NULL))
		return 1;
	errno = EDOM;
	raise(SIGUSR1);
	after = errno;
	usleep(100000);
	pthread_kill(t, SIGUSR1);
	usleep(100000);
	if (write(ends[1], "x", 1) != 1)
		return 1;
	pthread_join(t, NULL);
	return printf("%d %d\n", after - EDOM, read_errno) < 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int n = argc > 2 ? atoi(argv[2]) : 0;

	if (!strcmp(what, "commit"))
		return commit(n);
	if (!strcmp(what, "peak"))
		return peak(n);
	if (!strcmp(what, "take"))
		return take(n);
	if (!strcmp(what, "limit"))
		return limit(n);
	if (!strcmp(what, "readable"))
		return readable();
	if (!strcmp(what, "locked"))
		return locked();
	if (!strcmp(what, "size"))
		return use_malloc() || printf("%ld\n", status_kib("VmSize")) < 0;
	if (!strcmp(what, "align"))
		return align();
	if (!strcmp(what, "signal"))
		return signalled();
	if (!strcmp(what, "secure"))
		return printf("%lu\n", getauxval(AT_SECURE)) < 0;
	if (!strcmp(what, "fine"))
		return use_malloc() || puts("fine") < 0;
	return 2;
}
