/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The runtime behind the shim's headers: the interfaces between its files, and
 * those for tests. The core includes none of this.
 */
#ifndef _SHIM_H
#define _SHIM_H

#include <linux/bitops.h>
#include <linux/compiler.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/shim_lock.h>
#include <linux/types.h>
#include <asm/barrier.h>

/*
 * A thread is a CPU. It comes online at its first malloc-family call and goes
 * offline in the last round of its thread-specific destructors. If it ends online, other
 * threads take its id offline.
 *
 *   state   runs on     malloc() by      how the thread gets there
 *   NEW     id 0        (goes ONLINE)    it starts
 *   MOVING  id 0        the C library    coming online; init(); fork()'s handlers
 *   ONLINE  an id       hakmem           its first malloc-family call
 *   SHARED  id 0        the C library    there was no id, chunk or key for it
 *   DEAD    id 0        the C library    its destructor has run
 *
 * In the last two states the call goes through the core, which finds a per-CPU
 * cache that is never online: every allocation is a kmalloc(), every free a push.
 */
enum shim_thread_state {
	SHIM_NEW,
	SHIM_MOVING,
	SHIM_ONLINE,
	SHIM_SHARED,
	SHIM_DEAD,
};

extern __thread enum shim_thread_state shim_thread;

enum shim_state {
	SHIM_COLD,	/* nothing was called yet */
	SHIM_STARTING,	/* one thread is in shim_init() */
	SHIM_READY,
	SHIM_FAILED,	/* the core did not start: the C library serves all */
};

extern int shim_state;

static inline bool shim_is_ready(void)
{
	/* Pairs with smp_store_release() in shim_init(). */
	return smp_load_acquire(&shim_state) == SHIM_READY;
}

#define SHIM_EXPORT	__attribute__((__visibility__("default")))

#define DEFINE_SHIM_LOCK(name)						\
	static struct shim_futex name = SHIM_LOCK_INIT;			\
	__SHIM_LIST_LOCK(name, name)

/* init.c */
void shim_init(void);

/* environment.c: settings, each 0 or 1 */
extern unsigned int shim_verbose;	/* print on stderr whether and how the library serves */
extern unsigned int shim_crash_report;
extern unsigned int shim_redirect;	/* see linker.c */
extern unsigned int shim_align_8;	/* malloc(8) need not be aligned to 16 */
extern unsigned int shim_use_arena;	/* see arena.c */
void shim_environment(void);
void shim_say_started(int err);

/* system.c */
void shim_write(int fd, const char *buf, size_t len);
int shim_open_log(const char *path);
void shim_close_log(int fd);
int shim_mlockall(int flags);
void shim_current_forked(void);

/* snapshot.c */
int shim_snapshot_setting(const char *when, const char *where);
void shim_snapshot_init(void);

/* malloc.c; programs that use only the core are linked without it */
void __weak shim_front_use(bool online);
void __weak shim_redirect_libc(void);

/* fork.c, and the lock of glibc's list of streams, which other C libraries lack */
int shim_fork_init(void);
void __weak _IO_list_lock(void);
void __weak _IO_list_unlock(void);
void __weak _IO_list_resetlock(void);

/* linker.c */
struct shim_symbol {
	const char *name;
	void *ours;
};

void shim_stay(void);
bool shim_is_bound(const struct shim_symbol *sym);
int shim_rebind_libc(const struct shim_symbol *sym, unsigned int n);
void *shim_libc_function(const char *name);

/* lock.c */
void shim_locks_take_all(void);
void shim_locks_release_all(void);
void shim_locks_forget(const void *start, size_t size);
void shim_locks_copied(const void *start, size_t size, unsigned long delta);
bool shim_may_hold_lock(const void *p);

/* percpu.c: id 0 belongs to no thread, and id 1 is the template; see there. */
#define SHIM_NOBODY	0U
#define SHIM_TEMPLATE	1U
#define SHIM_FIRST_CPU	2U
int shim_percpu_init(void);
void shim_percpu_exit(void);
int shim_percpu_map(unsigned int cpu);

/* thread.c */
extern struct shim_futex shim_hotplug_lock;
int shim_thread_init(void);
void shim_thread_online(void);
void shim_thread_offline(void);
void shim_thread_bury_ended(void);
void shim_thread_bury_others(void);
void shim_thread_forked(void);
void shim_take_down(unsigned int cpu);

/* parked.c */
void shim_park(unsigned int id);
int shim_unpark(void);
void shim_look_later(void);
void shim_flush_parked(void);
void shim_try_flush_parked(void);
unsigned int shim_nr_parked(void);

/* deferred.c */
#define SHIM_PENDING_NOW	1
#define SHIM_PENDING_LATER	2
extern int shim_pending __hidden;
/*
 * The largest request that malloc() may serve without a further check:
 * HAK_MAX_SIZE. It is 0 while work is pending that may give back memory.
 * Then malloc() looks every few dozen calls whether work is due; otherwise a program
 * that needs no slow path would never give back the memory it freed before.
 */
extern unsigned long shim_largest __hidden;
void shim_pending_check(void);
void shim_run_pending(void);

/* May this thread take mutexes here? Builds that are no debug builds know of locks only. */
static inline bool shim_may_sleep(void)
{
	return preemptible() && in_task();
}

void shim_deferred_lock(void);
void shim_deferred_unlock(void);
void shim_deferred_forked(void);
bool shim_nobody_reads(void);

/* forked.c */
void shim_core_forked(void);

/* reserve.c */
void *shim_reserve(size_t size);
bool shim_reserve_at(void *p, size_t size);
int shim_open(const void *p, size_t size);
bool shim_close(void *p, size_t size);
unsigned long shim_address_space(void);

struct hak_entry;

/**
 * struct shim_arena - the arena, see arena.c
 * @base: its first address
 * @ready: bytes from @base on whose entries can be read. It only grows.
 * @table: the entries, one for each 64 KiB
 * @bytes: its size; 0 if there is no arena. mlockall() may change it, under the page source's
 *	lock. Who does not hold that reads it by READ_ONCE().
 */
struct shim_arena {
	unsigned long base;
	unsigned long ready;
	struct hak_entry *table;
	unsigned long bytes;
};

extern struct shim_arena shim_arena __hidden;
void shim_arena_init(void);
void shim_arena_exit(void);
void shim_arena_say(void);
void *shim_arena_take(unsigned long bytes);

/* pages.c */
extern unsigned long shim_pages_out;	/* pages handed out */
bool shim_pages_lock(void);
void shim_pages_unlock(void);

/* faults.c */
void shim_fail_pages_after(long n);	/* n more succeed; < 0: never fail */
void shim_fail_kmalloc_after(long n);	/* likewise, per-CPU memory included */
void shim_fail_after(long n, bool all);
bool shim_fail_end(void);
bool shim_pages_must_fail(void);
bool shim_kmalloc_must_fail(void);

/* kmalloc.c: the allocator underneath */
void shim_kmalloc_init(void);
void *shim_libc_malloc(size_t size);
void *shim_libc_calloc(size_t n, size_t size);
void *shim_libc_realloc(void *p, size_t size);
void *shim_libc_memalign(size_t align, size_t size);
void shim_libc_free(void *p);
size_t shim_libc_usable(void *p);
int shim_libc_trim(size_t pad);
void shim_libc_keep_more(void);

/* crash.c */
void shim_crash_stack(unsigned int cpu, bool online);

/* crash.c and stats.c: for programs, so the library exports these */
#pragma GCC visibility push(default)
#include "hakmem_lib.h"
#pragma GCC visibility pop

#endif
