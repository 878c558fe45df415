// SPDX-License-Identifier: GPL-2.0
/*
 * Snapshots for haktop and hakmap: the counters in the form of debugfs' files,
 * one after the other, appended to a file when the program exits or gets SIGUSR1.
 *
 * The signal handler writes the snapshot itself. That is async-signal-safe: it
 * reads data under RCU or single words, and formats and writes them without
 * taking a lock or allocating memory. So it does not matter what the signal
 * interrupted.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/rculist.h>
#include <linux/string.h>

#include "core.h"
#include "shim.h"
#include "text.h"

/* More than any part of a line takes. */
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

/*
 * The process whose thread is writing. In a child of fork() it may be the parent,
 * which does not count.
 */
static int writer;

static void flush(struct snapshot *s)
{
	shim_write(s->fd, s->buf, s->len);
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

/* Become the writer; only one thread of a process can be. */
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
	s.fd = shim_open_log(path);
	if (s.fd < 0) {
		_printk("hakmem: cannot write to %s: error %d\n", path, -s.fd);
		return;
	}
	write_all(&s);
	shim_close_log(s.fd);
}

/* What it calls of the system keeps errno, see system.c. */
static void on_signal(int sig)
{
	if (shim_is_ready() && become_writer(getpid())) {
		take_snapshot();
		stop_writing();
	}
}

/* This runs last in the process, unless the process ends without destructors. */
static void __attribute__((destructor(101))) at_exit(void)
{
	unsigned int tries = 1000;

	if (!mode || !shim_is_ready())
		return;
	/* Give a thread that is still writing for a signal some time. */
	while (!become_writer(getpid()) && --tries)
		usleep_range(1000, 2000);
	if (tries)
		take_snapshot();
}

/**
 * shim_snapshot_setting() - take the values of the variables
 * @when: HAKMEM_STATS, or NULL
 * @where: HAKMEM_STATS_FILE, or NULL
 *
 * Return: 0, or a negative error after the reason was printed.
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

/*
 * Runs when the core is up. A handler that the program installs later replaces
 * this one.
 */
void shim_snapshot_init(void)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	if (mode != STATS_SIGNAL)
		return;
	sigemptyset(&sa.sa_mask);
	sigaction(SIGUSR1, &sa, NULL);
}
