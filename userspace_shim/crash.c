// SPDX-License-Identifier: GPL-2.0
/*
 * The crash report. On SIGSEGV, SIGBUS and SIGABRT it prints where the crash
 * happened in hakmem's terms and dumps the trace ring; then the program dies as
 * it would have. Everything that the handler calls is async-signal-safe. The
 * handler is installed only on request (HAKMEM_CRASH_REPORT=1,
 * HAKMEM_TINY_TRACE_RING=1, or the function below). Only then does a thread that
 * has no signal stack of its own get one, in its per-CPU chunk.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include <linux/kernel.h>
#include <linux/rcupdate.h>

#include "core.h"
#include "shim.h"

#define STACK_BYTES	(32UL << 10)

static char __percpu *stacks;

/* The caller is a reader under RCU, so the slab's metadata stays. */
static void report_address(unsigned long addr)
{
	struct hak_slab *s = hak_slab_of((void *)addr);
	struct hak_cache *c;

	c = s ? READ_ONCE(s->cache) : NULL;
	if (!c) {
		_printk("hakmem: %p is in no superslab\n", (void *)addr);
		return;
	}
	_printk("hakmem: %p is in a superslab: slab %p of %s, object %lu of %u, byte %lu of %u\n",
		(void *)addr, (void *)s->addr, c->name,
		(addr - s->addr) / c->size, c->capacity,
		(addr - s->addr) % c->size, c->size);
}

static void report_trace(void)
{
	struct hak_trace_iter it = { 0 };
	struct hak_trace_event ev;

	if (!hak_trace_ring)
		return;
	_printk("hakmem: trace ring, oldest first: number ns cpu event slab object size n\n");
	while (hak_trace_next(&it, &ev))
		_printk("hakmem: %llu %llu %u %s %#lx %#lx %u %u\n", ev.seq,
			ev.ns, ev.cpu, hak_trace_name[ev.what], ev.slab,
			ev.obj, ev.size, ev.n);
	_printk("hakmem: end of trace ring\n");
}

static const char *signal_name(int sig)
{
	return sig == SIGSEGV ? "SIGSEGV" : sig == SIGBUS ? "SIGBUS" : "SIGABRT";
}

/* Is the signal about the address in @info? If the kernel says SI_KERNEL, there is none. */
static bool has_address(int sig, const siginfo_t *info)
{
	return sig != SIGABRT && info->si_code > 0 && info->si_code != SI_KERNEL;
}

/*
 * Does the fault happen again when its instruction runs again? If there was no room for the
 * frame of another signal, or if memory that nobody has read is damaged, the kernel sends a
 * signal as well, and the instruction that was interrupted may be fine.
 */
static bool happens_again(int sig, const siginfo_t *info)
{
	int code = info->si_code;

	if (sig == SIGSEGV)
		return code == SEGV_MAPERR || code == SEGV_ACCERR;
	return sig == SIGBUS && (code == BUS_ADRALN || code == BUS_ADRERR ||
				 code == BUS_OBJERR || code == BUS_MCEERR_AR);
}

static void crash(int sig, siginfo_t *info, void *context)
{
	bool fault = has_address(sig, info);

	/* SA_RESETHAND has restored the default action. */
	_printk("hakmem: %s in thread with CPU %u, address %p\n",
		signal_name(sig), shim_cpu, fault ? info->si_addr : NULL);
	if (fault) {
		rcu_read_lock();
		report_address((unsigned long)info->si_addr);
		rcu_read_unlock();
	}
	report_trace();
	/* If the fault happens again, a core file has its address. */
	if (!happens_again(sig, info))
		raise(sig);
}

/**
 * shim_crash_stack() - the calling thread gets an id, or gives it up
 * @cpu: the id
 * @online: does it get the id?
 *
 * If crashes are to be reported, a thread uses the signal stack of its id, unless it has
 * one of its own.
 */
void shim_crash_stack(unsigned int cpu, bool online)
{
	int saved = errno;
	stack_t old, new;
	void *mine;

	if (!READ_ONCE(stacks))
		return;
	mine = per_cpu_ptr(stacks, cpu);
	if (!sigaltstack(NULL, &old)) {
		new = (stack_t){ .ss_sp = mine, .ss_size = STACK_BYTES };
		if (!online)
			new = (stack_t){ .ss_flags = SS_DISABLE };
		if (online ? (old.ss_flags & SS_DISABLE) : old.ss_sp == mine)
			sigaltstack(&new, NULL);
	}
	errno = saved;
}

/**
 * hakmem_install_crash_report() - report crashes from now on
 *
 * For threads that came online earlier the handler runs on the stack they use.
 *
 * Return: 0 or a negative error.
 */
int hakmem_install_crash_report(void)
{
	static const int sigs[] = { SIGSEGV, SIGBUS, SIGABRT };
	struct sigaction sa = { .sa_sigaction = crash };
	char __percpu *all;
	unsigned int i;

	if (stacks)
		return 0;
	all = __alloc_percpu(STACK_BYTES, 64);
	if (!all)
		return -ENOMEM;
	WRITE_ONCE(stacks, all);
	if (shim_cpu != SHIM_NOBODY)
		shim_crash_stack(shim_cpu, true);

	sa.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND;
	sigemptyset(&sa.sa_mask);
	for (i = 0; i < ARRAY_SIZE(sigs); i++) {
		if (sigaction(sigs[i], &sa, NULL))
			return -errno;
	}
	return 0;
}
