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

#include <linux/cpuhotplug.h>
#include <linux/kernel.h>

#include "core.h"
#include "shim.h"

#define STACK_BYTES	(32UL << 10)

static char __percpu *stacks;

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

static void crash(int sig, siginfo_t *info, void *context)
{
	bool fault = sig != SIGABRT && info->si_code > 0;

	/* SA_RESETHAND has restored the default action. */
	_printk("hakmem: %s in thread with CPU %u, address %p\n",
		signal_name(sig), shim_cpu, fault ? info->si_addr : NULL);
	if (fault)
		report_address((unsigned long)info->si_addr);
	report_trace();
	/* A fault happens again when its instruction runs again. */
	if (!fault)
		raise(sig);
}

/* Use @stack for the calling thread, unless it has a signal stack. */
static void use_stack(void *stack)
{
	stack_t old, new = { .ss_sp = stack, .ss_size = STACK_BYTES };

	if (!sigaltstack(NULL, &old) && (old.ss_flags & SS_DISABLE))
		sigaltstack(&new, NULL);
}

static int stack_up(unsigned int cpu)
{
	int saved = errno;

	use_stack(per_cpu_ptr(stacks, cpu));
	errno = saved;
	return 0;
}

static int stack_down(unsigned int cpu)
{
	stack_t old, none = { .ss_flags = SS_DISABLE };
	int saved = errno;

	if (!sigaltstack(NULL, &old) &&
	    old.ss_sp == (void *)per_cpu_ptr(stacks, cpu))
		sigaltstack(&none, NULL);
	errno = saved;
	return 0;
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
	unsigned int i;
	int err;

	if (stacks)
		return 0;
	stacks = __alloc_percpu(STACK_BYTES, 64);
	if (!stacks)
		return -ENOMEM;
	err = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "shim:sigstack",
					stack_up, stack_down);
	if (err < 0)
		return err;
	if (shim_cpu != SHIM_NOBODY)
		use_stack(per_cpu_ptr(stacks, shim_cpu));

	sa.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND;
	sigemptyset(&sa.sa_mask);
	for (i = 0; i < ARRAY_SIZE(sigs); i++) {
		if (sigaction(sigs[i], &sa, NULL))
			return -errno;
	}
	return 0;
}
