// SPDX-License-Identifier: GPL-2.0
/*
 * The system's clocks, randomness and scheduling, under the kernel's names, and files.
 *
 * malloc() and free() are no cancellation points, and neither is a signal handler that a
 * cancelled thread runs. If a thread were cancelled in the middle of one, it would keep the
 * locks that it holds for ever. But the C library's write(), open(), close() and
 * clock_nanosleep() are cancellation points. So the library calls none of these functions. It
 * makes these system calls itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <asm/page.h>
#include <linux/compiler.h>
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "core.h"
#include "shim.h"

static u64 clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

u64 ktime_get_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

u64 ktime_get_coarse_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC_COARSE);
}

void shim_sleep_ns(u64 ns)
{
	struct timespec ts = { ns / 1000000000, ns % 1000000000 };
	int saved = errno;

	might_sleep();
	while (syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &ts, &ts) && errno == EINTR)
		;
	errno = saved;
}

/*
 * The coarse clock, and jiffies with it, stands still for some milliseconds at a time. As
 * in the kernel, at least @ms of its time pass.
 */
void shim_msleep(u64 ms)
{
	u64 end = ktime_get_coarse_ns() + ms * 1000000, now;

	shim_sleep_ns(ms * 1000000);
	while ((now = ktime_get_coarse_ns()) < end)
		shim_sleep_ns(end - now);
}

void shim_yield(void)
{
	sched_yield();
}

/**
 * shim_write() - write to a file, if it can be written to
 * @fd: the file
 * @buf: what is written
 * @len: its size
 *
 * Context: any; a signal handler may call this.
 */
void shim_write(int fd, const char *buf, size_t len)
{
	int saved = errno;
	long n;

	while (len) {
		n = syscall(SYS_write, fd, buf, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		buf += n;
		len -= n;
	}
	errno = saved;
}

/**
 * shim_open_log() - open a file to which shim_write() appends, and create it if there is none
 * @path: its name
 *
 * Context: any; a signal handler may call this.
 * Return: the file, or a negative error.
 */
int shim_open_log(const char *path)
{
	int saved = errno;
	long fd;

	fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0)
		fd = -errno;
	errno = saved;
	return fd;
}

void shim_close_log(int fd)
{
	int saved = errno;

	syscall(SYS_close, fd);
	errno = saved;
}

/* The system call, since the C library's function may lead to hakmem's. 0 or a negative error. */
int shim_mlockall(int flags)
{
	int saved = errno, err = 0;

	if (syscall(SYS_mlockall, flags))
		err = -errno;
	errno = saved;
	return err;
}

/*
 * Can the eight bytes that @addr is among be read? The system reads the new signal mask
 * before it refuses to do what is no operation. Unlike the system calls that copy memory,
 * this one is allowed in any sandbox, and emulators have it.
 */
static bool readable(unsigned long addr)
{
	return syscall(SYS_rt_sigprocmask, ~0, addr & ~7UL, NULL, 8UL) == 0 ||
	       errno != EFAULT;
}

long copy_from_kernel_nofault(void *dst, const void *src, size_t size)
{
	unsigned long addr = (unsigned long)src, end = addr + size;
	bool ok = true;
	int saved = errno;

	for (; ok && addr < end; addr = (addr & PAGE_MASK) + PAGE_SIZE)
		ok = readable(addr);
	errno = saved;
	if (!ok)
		return -EFAULT;
	for (addr = 0; addr < size; addr++)
		/* Another thread may write there: what is read is for a report. */
		((u8 *)dst)[addr] = data_race(((const u8 *)src)[addr]);
	return 0;
}

static u64 mix(u64 x)
{
	x = (x ^ x >> 32) * 0xd6e8feb86659fd93ULL;
	x = (x ^ x >> 32) * 0xd6e8feb86659fd93ULL;
	return x ^ x >> 32;
}

/*
 * A number that differs between calls, and between processes, because the system gives each of
 * them some random bytes.
 */
static u64 makeshift(void)
{
	const void *given = (const void *)getauxval(AT_RANDOM);
	u64 words[2] = { 0 };

	if (given)
		memcpy(words, given, sizeof(words));
	return mix(mix(ktime_get_ns() ^ words[0]) ^ words[1]);
}

/*
 * Early in the boot of a machine the system has no randomness yet. hardened=1 waits for it,
 * because the numbers become secrets. A program without that is not held up.
 */
void get_random_bytes(void *buf, size_t len)
{
	unsigned int flags = hak_hardened ? 0 : GRND_NONBLOCK;
	int saved = errno;
	size_t done = 0;

	while (done < len) {
		long n = syscall(SYS_getrandom, (char *)buf + done, len - done, flags);

		if (n > 0)
			done += n;
		else if (errno != EINTR)
			break;
	}
	while (done < len) {
		u64 number = makeshift();
		size_t n = min(len - done, sizeof(number));

		memcpy((char *)buf + done, &number, n);
		done += n;
	}
	errno = saved;
}

u64 get_random_u64(void)
{
	u64 v;

	get_random_bytes(&v, sizeof(v));
	return v;
}

static __thread struct task_struct task;

struct task_struct *shim_current(void)
{
	if (!task.pid) {
		task.pid = syscall(SYS_gettid);
		strscpy(task.comm, "thread", sizeof(task.comm));
	}
	return &task;
}

/* In a forked child the thread has another number. */
void shim_current_forked(void)
{
	task.pid = 0;
}
