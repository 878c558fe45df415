// SPDX-License-Identifier: GPL-2.0
/*
 * Snapshots for haktop and hakmap: the counters in the form of debugfs' files, one
 * after the other, appended to a file as the program ends or gets SIGUSR1.
 *
 * The signal's handler writes by itself. That is async-signal-safe: what it reads is
 * RCU's or single words, and it formats and writes without a lock or memory of
 * anybody's. So it does not matter what it has interrupted.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <linux/kernel.h>
#include <linux/rculist.h>
#include <linux/string.h>

#include "core.h"
#include "shim.h"
#include "text.h"

/* More than any one line's part takes. */
#define PART_MAX	640

struct snapshot {
	struct hak_text to;
	int fd;
	size_t len;
	char buf[4 * PART_MAX];
};

enum { STATS_OFF, STATS_EXIT, STATS_SIGNAL };

static int mode;
static char file[PATH_MAX - 32] = "hakmem-stats";

/* Process whose thread is writing; that of a parent is not in a fork()ed child. */
static int writer;

static void flush(struct snapshot *s)
{
	size_t done = 0;
	ssize_t n;

	while (done < s->len) {
		n = write(s->fd, s->buf + done, s->len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += n;
	}
	s->len = 0;
}

static void snapshot_vprint(struct hak_text *to, const char *fmt, va_list args)
{
	struct snapshot *s = container_of(to, struct snapshot, to);

	if (sizeof(s->buf) - s->len < PART_MAX)
		flush(s);
	s->len += vscnprintf(s->buf + s->len, sizeof(s->buf) - s->len, fmt, args);
}

static void __printf(2, 3) say(struct snapshot *s, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	snapshot_vprint(&s->to, fmt, args);
	va_end(args);
}

static void write_all(struct snapshot *s)
{
	struct hak_class_stats cs;
	struct hak_superslab *ss;
	struct hak_cache *c;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	say(s, "==> time <==\n%lld.%03ld\n", (long long)now.tv_sec,
	    now.tv_nsec / 1000000);
	say(s, "\n==> stats <==\n");
	hak_text_stats(&s->to);
	say(s, "\n==> classes <==\n" HAK_CLASSES_HEADING);
	rcu_read_lock();
	list_for_each_entry_rcu(c, &hak_caches, list) {
		hak_class_stats_read(c, &cs);
		hak_text_class(&s->to, &cs);
	}
	say(s, "\n==> superslabs <==\n" HAK_SUPERSLABS_HEADING);
	list_for_each_entry_rcu(ss, &hak_superslabs, all)
		if (READ_ONCE(ss->used))
			hak_text_superslab(&s->to, ss);
	rcu_read_unlock();
	say(s, "\n");
	flush(s);
}

/* Is this thread to write? One at a time of a process does. */
static bool become_writer(int pid)
{
	int was = __atomic_load_n(&writer, __ATOMIC_RELAXED);

	return was != pid && __atomic_compare_exchange_n(&writer, &was, pid, false,
							 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void stop_writing(void)
{
	__atomic_store_n(&writer, 0, __ATOMIC_RELEASE);
}

static void take_snapshot(void)
{
	struct snapshot s = { .to.vprint = snapshot_vprint };
	char path[PATH_MAX];

	scnprintf(path, sizeof(path), "%s.%d", file, (int)getpid());
	s.fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (s.fd < 0) {
		_printk("hakmem: cannot write to %s: error %d\n", path, errno);
		return;
	}
	write_all(&s);
	close(s.fd);
}

static void on_signal(int sig)
{
	int saved = errno;

	if (shim_is_ready() && become_writer(getpid())) {
		take_snapshot();
		stop_writing();
	}
	errno = saved;
}

/* The last of all that the process does, but for what ends it at once. */
static void __attribute__((destructor(101))) at_exit(void)
{
	unsigned int tries = 1000;

	if (!mode || !shim_is_ready())
		return;
	/* A thread that is not done with a signal's gets some time. */
	while (!become_writer(getpid()) && --tries)
		usleep(1000);
	if (tries)
		take_snapshot();
}

/**
 * shim_snapshot_setting() - take the variables' values
 * @when: HAKMEM_STATS, or NULL
 * @where: HAKMEM_STATS_FILE, or NULL
 *
 * Return: 0, or a negative error, and why is printed.
 */
int shim_snapshot_setting(const char *when, const char *where)
{
	if (where && (!*where || strlen(where) >= sizeof(file))) {
		_printk("hakmem: HAKMEM_STATS_FILE: takes a file's name\n");
		return -EINVAL;
	}
	if (where)
		strscpy(file, where, sizeof(file));
	if (!when || !strcmp(when, "off"))
		return 0;
	if (strcmp(when, "exit") && strcmp(when, "signal")) {
		_printk("hakmem: HAKMEM_STATS: '%s' is not a value it takes: off, exit, signal\n",
			when);
		return -EINVAL;
	}
	mode = *when == 'e' ? STATS_EXIT : STATS_SIGNAL;
	return 0;
}

/* The core is up. A handler that the program installs later replaces this one. */
void shim_snapshot_init(void)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	if (mode != STATS_SIGNAL)
		return;
	sigemptyset(&sa.sa_mask);
	sigaction(SIGUSR1, &sa, NULL);
}
