// SPDX-License-Identifier: GPL-2.0
/*
 * mlockall() under a limit on locked memory. The arena counts against it, so the library gives
 * back what was never taken of it if the kernel refuses to lock so much, and only then.
 *
 * The tests that lock memory do so in a child. A sanitizer's shadow is terabytes of address
 * space that can be read: no limit allows to lock it, and without a limit it would become
 * resident. An emulator would lock its own memory. So there they are skipped. The others ask a
 * kernel that the test plays.
 */
#include "test.h"

#include <sys/resource.h>

#include <linux/kernel.h>
#include <linux/mm.h>

#include "core.h"
#include "front.h"
#include "shim.h"

#define MIB		(1UL << 20)
#define LEAF_SPAN	(1UL << HAK_LEAF_SHIFT)
#define NOBODY		65534
#define CANNOT		77	/* the child may not set its limit */
#define THREADS		4
#if defined(HAK_SHIM_SANITIZER) || defined(HAK_SHIM_EMULATED)
#define SHADOW		true
#else
#define SHADOW		false
#endif
#define KEPT		1000
#define MAPPINGS	200000	/* the system allows fewer, mostly 65,530 */
#define MANY		(100 * 1024)	/* of 1 KiB: more than the used part of the arena */

/* In a child, where cmocka's functions would go on with the next test. */
#define check(what)							\
	do {								\
		if (!(what)) {						\
			dprintf(2, "# line %d: %s\n", __LINE__, #what);	\
			_exit(1);					\
		}							\
	} while (0)

static void *kept[KEPT], *many[MANY];

/* Another mapping comes to where the arena was. */
static bool intrude;
static char *intruder;

/* The kernel that the test plays allows an arena of so much to be locked. */
static bool play;
static unsigned long allowed;
static int calls;

/* The limit that the system would not set. Then the test looks whether all is below it. */
static unsigned long not_set;

int __real_shim_mlockall(int flags);
int __wrap_shim_mlockall(int flags);

static unsigned long address_space(void)
{
	char text[64] = "";
	int fd = open("/proc/self/statm", O_RDONLY);

	check(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return strtoul(text, NULL, 10) * getpagesize();
}

static int kernel(int flags)
{
	if (not_set && (flags & MCL_CURRENT) && address_space() > not_set)
		return -ENOMEM;
	return __real_shim_mlockall(flags);
}

int __wrap_shim_mlockall(int flags)
{
	calls++;
	if (!play)
		return kernel(flags);
	if (intrude && calls == 2)
		intruder = mmap((char *)shim_arena.base + shim_arena.bytes, PAGE_SIZE,
				PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
				-1, 0);
	return (flags & MCL_CURRENT) && READ_ONCE(shim_arena.bytes) > allowed ? -ENOMEM : 0;
}

static u64 bad_frees(void)
{
	struct hak_stats st;

	hak_stats_read(&st);
	return st.event[HAK_EV_BAD_FREE] + st.event[HAK_EV_CORRUPT];
}

static bool is_mapped(unsigned long addr)
{
	unsigned char resident;

	return !mincore((void *)addr, PAGE_SIZE, &resident);
}

static unsigned long table_at(unsigned long off)
{
	return (unsigned long)(shim_arena.table + (off >> HAK_SLAB_SHIFT));
}

/* Was everything given back that was never taken, of an arena that had @bytes? */
static bool rest_is_gone(unsigned long bytes)
{
	unsigned long now = shim_arena.bytes, end = shim_arena.base + now;

	return now >= LEAF_SPAN && now < bytes && now % LEAF_SPAN == 0 &&
	       shim_in_arena((void *)(end - 1)) && is_mapped(end - PAGE_SIZE) &&
	       is_mapped(table_at(now) - PAGE_SIZE) &&
	       !shim_in_arena((void *)end) && !is_mapped(end) &&
	       !is_mapped(shim_arena.base + bytes - PAGE_SIZE) &&
	       !is_mapped(table_at(now)) && !is_mapped(table_at(bytes) - PAGE_SIZE);
}

/* Is it all there, of an arena that had @bytes? */
static bool is_whole(unsigned long bytes)
{
	return shim_arena.bytes == bytes && is_mapped(shim_arena.base + bytes - PAGE_SIZE) &&
	       is_mapped(table_at(bytes) - PAGE_SIZE) &&
	       shim_in_arena((void *)(shim_arena.base + bytes - 1));
}

/* free() finds an object in the used part of the arena in one step. */
static bool all_are_found(void)
{
	struct hak_entry *e;

	for (int i = 0; i < KEPT; i++)
		if (!front_find(kept[i], &e))
			return false;
	return true;
}

/* Use up what is left of the arena, and more. */
static void use_more(void)
{
	u64 before = bad_frees();
	long inside = 0;
	int i;

	for (i = 0; i < MANY; i++) {
		many[i] = opaque(malloc(1024));
		check(many[i]);
		memset(many[i], i, 1024);
		inside += shim_in_arena(many[i]);
	}
	check(inside > 0 && inside < MANY);
	for (i = 0; i < MANY; i++) {
		check(*(unsigned char *)many[i] == (unsigned char)i);
		free(many[i]);
	}
	check(bad_frees() == before);
	check(all_are_found());
}

/* For a user without privileges, who may lock @bytes. */
static void set_limit(unsigned long bytes)
{
	struct rlimit lim = { bytes, bytes };

	if (!setrlimit(RLIMIT_MEMLOCK, &lim)) {
		if (!geteuid() && setresuid(NOBODY, NOBODY, NOBODY))
			_exit(CANNOT);
		return;
	}
	/* Only the super-user may raise it, and not everywhere. */
	if (SHADOW || __real_shim_mlockall(MCL_CURRENT | MCL_ONFAULT) || munlockall())
		_exit(CANNOT);
	not_set = bytes;
}

static long locked_kib(void)
{
	static char text[8192];
	int fd = open("/proc/self/status", O_RDONLY);
	char *at;

	check(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	at = strstr(text, "VmLck:");
	return at ? atol(at + strlen("VmLck:")) : 0;
}

static void lock_with_some(void)
{
	unsigned long bytes = shim_arena.bytes;

	set_limit(200 * MIB);
	check(kernel(MCL_CURRENT | MCL_FUTURE) == -ENOMEM);
	errno = EDOM;
	check(!mlockall(MCL_CURRENT | MCL_FUTURE));
	check(errno == EDOM);
	check(rest_is_gone(bytes));
	check(locked_kib() > 0);
	check(all_are_found());
	use_more();
	/* There is nothing left to give back. */
	bytes = shim_arena.bytes;
	check(!mlockall(MCL_CURRENT));
	check(is_whole(bytes));
}

static void lock_with_capability(void)
{
	unsigned long bytes = shim_arena.bytes;
	struct rlimit lim;

	getrlimit(RLIMIT_MEMLOCK, &lim);
	lim.rlim_cur = min(lim.rlim_max, 200 * MIB);
	if (setrlimit(RLIMIT_MEMLOCK, &lim) || __real_shim_mlockall(MCL_CURRENT))
		_exit(CANNOT);
	errno = EDOM;
	check(!mlockall(MCL_CURRENT | MCL_FUTURE));
	check(errno == EDOM);
	check(calls == 1);
	check(is_whole(bytes));
	check(all_are_found());
}

static void lock_without_limit(void)
{
	unsigned long bytes = shim_arena.bytes;

	set_limit(RLIM_INFINITY);
	check(!mlockall(MCL_CURRENT | MCL_FUTURE));
	check(calls == 1);
	check(is_whole(bytes));
}

/* As without the library. What was given back in vain is taken again. */
static void lock_with_little(void)
{
	unsigned long bytes = shim_arena.bytes;

	set_limit(MIB);
	errno = 0;
	check(mlockall(MCL_CURRENT | MCL_FUTURE) == -1);
	check(errno == ENOMEM);
	check(is_whole(bytes));
	check(all_are_found());
	free(opaque(malloc(1024)));
}

static void lock_with_none(void)
{
	unsigned long bytes = shim_arena.bytes;

	set_limit(0);
	errno = 0;
	check(mlockall(MCL_CURRENT) == -1);
	check(errno == EPERM);
	check(calls == 1);
	check(is_whole(bytes));
}

static void run(void (*f)(void))
{
	int status;

	calls = 0;
	status = in_child(f);
	if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT)
		skip();
	assert_int_equal(status, 0);
}

static void test_some(void **state)
{
	if (SHADOW)
		skip();
	run(lock_with_some);
}

static void test_capability(void **state)
{
	if (SHADOW)
		skip();
	run(lock_with_capability);
}

static void test_no_limit(void **state)
{
	if (SHADOW)
		skip();
	run(lock_without_limit);
}

static void test_little(void **state)
{
	run(lock_with_little);
}

static void test_none(void **state)
{
	run(lock_with_none);
}

static void test_bad_flags(void **state)
{
	unsigned long bytes = shim_arena.bytes;

	errno = 0;
	assert_int_equal(mlockall(0), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(mlockall(1 << 20), -1);
	assert_int_equal(errno, EINVAL);
	assert_true(is_whole(bytes));
}

static void lock_and_use(void)
{
	unsigned long bytes = shim_arena.bytes;

	errno = EDOM;
	check(!mlockall(MCL_CURRENT));
	check(errno == EDOM);
	check(calls == 2);
	check(rest_is_gone(bytes));
	check(all_are_found());
	use_more();
}

/* As test_some(), but it is not a real limit. */
static void test_played(void **state)
{
	play = true;
	allowed = shim_arena.bytes / 2;
	run(lock_and_use);
	play = false;
}

static void lock_in_vain(void)
{
	unsigned long bytes = shim_arena.bytes;

	check(mlockall(MCL_CURRENT) == -1);
	check(errno == ENOMEM);
	check(is_whole(bytes));
	/* MCL_FUTURE alone needs nothing of the arena. */
	allowed = 0;
	check(!mlockall(MCL_FUTURE));
	check(is_whole(bytes));
}

/* What another mapping has come to is not the arena's any more. */
static void lock_and_lose(void)
{
	unsigned long bytes = shim_arena.bytes;

	intrude = true;
	check(mlockall(MCL_CURRENT) == -1);
	check(errno == ENOMEM);
	check((unsigned long)intruder == shim_arena.base + shim_arena.bytes);
	check(shim_arena.bytes < bytes && !shim_in_arena(intruder));
	*intruder = 1;
	check(all_are_found());
	use_more();
}

static void *mapping(bool can_be_read)
{
	return mmap(NULL, PAGE_SIZE, can_be_read ? PROT_READ : PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* The process has as many mappings as it may have, so nothing of the arena can go. */
static void lock_with_many_mappings(void)
{
	unsigned long bytes = shim_arena.bytes;
	int n = 0;

	/* Neighbours of the same kind would become one. */
	while (n < MAPPINGS && mapping(n % 2) != MAP_FAILED)
		n++;
	if (n == MAPPINGS)
		_exit(CANNOT);
	check(mlockall(MCL_CURRENT) == -1);
	check(errno == ENOMEM);
	check(shim_arena.bytes == bytes);
	check(shim_in_arena((void *)(shim_arena.base + bytes - 1)));
	check(all_are_found());
}

static void test_many_mappings(void **state)
{
	/* A sanitizer ends the program if it gets no mapping of its own. */
	if (SHADOW)
		skip();
	play = true;
	allowed = 0;
	run(lock_with_many_mappings);
	play = false;
}

static void test_in_vain(void **state)
{
	play = true;
	allowed = 0;
	run(lock_in_vain);
	run(lock_and_lose);
	play = false;
}

/* The library has not started yet, or another thread is just starting it. */
static void test_not_started(void **state)
{
	unsigned long bytes = shim_arena.bytes;
	int was = shim_state;

	play = true;
	allowed = 0;
	for (int i = 0; i < 2; i++) {
		calls = 0;
		errno = 0;
		WRITE_ONCE(shim_state, i ? SHIM_COLD : SHIM_STARTING);
		assert_int_equal(mlockall(MCL_CURRENT), -1);
		WRITE_ONCE(shim_state, was);
		assert_int_equal(errno, ENOMEM);
		assert_int_equal(calls, 1);
		assert_true(is_whole(bytes));
	}
	play = false;
}

/* A handler that was registered before the library's runs while the thread has all locks. */
static bool handlers_on;
static int in_handler;

static void handler(void)
{
	if (handlers_on && mlockall(MCL_CURRENT) && errno == ENOMEM)
		in_handler++;
}

static void register_handlers(void)
{
	pthread_atfork(handler, handler, handler);
}

static void (*const preinit)(void) __used
	__section(".preinit_array") = register_handlers;

static void *nothing(void *arg)
{
	return arg;
}

static void use_child(void)
{
	check(in_handler == 2);
	check(all_are_found());
	handlers_on = false;
	allowed = shim_arena.bytes / 2;
	calls = 0;
	lock_and_use();
}

/* In a child of a process with several threads the arena can be given back, too. */
static void test_in_fork(void **state)
{
	unsigned long bytes = shim_arena.bytes;
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, nothing, NULL), 0);
	assert_int_equal(pthread_join(t, NULL), 0);
	play = true;
	allowed = 0;
	handlers_on = true;
	run(use_child);
	handlers_on = false;
	play = false;
	assert_int_equal(in_handler, 2);
	assert_true(is_whole(bytes));
}

#define SUPERSLABS	60	/* of each thread */

static int grown;

static void *grow(void *arg)
{
	long bad = 0;

	for (int i = 0; i < SUPERSLABS; i++) {
		void *p = opaque(malloc(512));

		hak_superslab_grow(0, GFP_KERNEL);
		bad += !p;
		free(p);
		__atomic_fetch_add(&grown, 1, __ATOMIC_RELAXED);
	}
	return (void *)bad;
}

/* Threads take regions and leaves meanwhile. */
static void test_growing(void **state)
{
	unsigned long bytes = shim_arena.bytes, now;
	u64 before = bad_frees();
	pthread_t t[THREADS];
	void *bad;

	play = true;
	allowed = 0;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, grow, NULL), 0);
	while (__atomic_load_n(&grown, __ATOMIC_RELAXED) < THREADS * SUPERSLABS / 2) {
		errno = 0;
		assert_int_equal(mlockall(MCL_CURRENT), -1);
		assert_int_equal(errno, ENOMEM);
		sched_yield();
	}
	allowed = bytes / 2;
	assert_int_equal(mlockall(MCL_CURRENT), 0);
	now = READ_ONCE(shim_arena.bytes);
	assert_in_range(now, LEAF_SPAN, bytes / 2);
	assert_int_equal(now % LEAF_SPAN, 0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(t[i], &bad), 0);
		assert_null(bad);
	}
	play = false;
	assert_int_equal(shim_arena.bytes, now);
	assert_in_range(shim_arena.ready, 0, now);
	assert_true(all_are_found());
	hak_superslab_trim(0);
	for (int i = 0; i < KEPT; i++)
		free(kept[i]);
	assert_int_equal(bad_frees(), before);
}

static int prepare(void **state)
{
	for (int i = 0; i < KEPT; i++)
		kept[i] = opaque(malloc(1024));
	alarm(300);
	return !shim_arena.bytes;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_some),
		cmocka_unit_test(test_capability),
		cmocka_unit_test(test_no_limit),
		cmocka_unit_test(test_little),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_bad_flags),
		cmocka_unit_test(test_played),
		cmocka_unit_test(test_in_vain),
		cmocka_unit_test(test_many_mappings),
		cmocka_unit_test(test_not_started),
		cmocka_unit_test(test_in_fork),
		cmocka_unit_test(test_growing),
	};

	return cmocka_run_group_tests(tests, prepare, NULL);
}
