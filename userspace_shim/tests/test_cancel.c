// SPDX-License-Identifier: GPL-2.0
/*
 * Cancelled threads. malloc() and free() are no cancellation points, and neither is what the
 * library does in signal handlers. So each thread here, which is to be cancelled at the next
 * such point, comes out at the other end.
 */
#include "test.h"
#include "listen.h"

#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/slab.h>

#include "core.h"
#include "shim.h"

static bool came_out;

/* Ask for this thread's end, and then do @arg. */
static void *do_cancelled(void *arg)
{
	void (*f)(void) = arg;

	free(opaque(malloc(8)));
	pthread_cancel(pthread_self());
	f();
	came_out = true;
	pthread_testcancel();
	return NULL;
}

static bool goes_through(void (*f)(void))
{
	void *result = NULL;
	pthread_t t;

	came_out = false;
	assert_int_equal(pthread_create(&t, NULL, do_cancelled, f), 0);
	assert_int_equal(pthread_join(t, &result), 0);
	assert_ptr_equal(result, PTHREAD_CANCELED);
	return came_out;
}

static void free_in_the_middle(void)
{
	char *p = opaque(malloc(64));

	free(opaque(p + 8));
	free(p);
}

static void free_in_thread(void *through)
{
	*(bool *)through = goes_through(free_in_the_middle);
}

/* What is wrong with the block is said on standard error. */
static void test_bad_free(void **state)
{
	static char text[1 << 16];
	bool through = false;

	listen_to(free_in_thread, &through, text, sizeof(text));
	assert_non_null(strstr(text, "hakmem: "));
	assert_true(through);
}

static void fail_once_in_kmalloc(void)
{
	shim_fail_after(0, false);
	kfree(kmalloc(64, GFP_KERNEL | __GFP_NOFAIL));
}

static struct kmem_cache *things;

static void fail_once_in_a_cache(void)
{
	shim_fail_after(0, false);
	kmem_cache_free(things, kmem_cache_alloc(things, GFP_KERNEL | __GFP_NOFAIL));
}

static void fail_once_for_pages(void)
{
	shim_fail_after(0, false);
	__free_pages(alloc_pages(GFP_KERNEL | __GFP_NOFAIL, 4), 4);
}

/* Here the thread sleeps until there is memory. */
static void test_sleeps(void **state)
{
	things = kmem_cache_create("things", 64, 0, 0, NULL);
	assert_non_null(things);
	assert_true(goes_through(fail_once_in_kmalloc));
	assert_true(shim_fail_end());
	assert_true(goes_through(fail_once_in_a_cache));
	assert_true(shim_fail_end());
	assert_true(goes_through(fail_once_for_pages));
	assert_true(shim_fail_end());
	kmem_cache_destroy(things);
}

/* The name of a file, and that with the process's number. */
static char name[32], snapshot[sizeof(name) + 16];

static void get_snapshot(void)
{
	raise(SIGUSR1);
}

static void test_snapshot(void **state)
{
	static char text[1 << 20];
	ssize_t n;
	int fd;

	assert_true(goes_through(get_snapshot));
	fd = open(snapshot, O_RDONLY);
	assert_true(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	unlink(snapshot);
	assert_in_range(n, 1, sizeof(text) - 2);
	assert_non_null(strstr(text, "==> superslabs <=="));
	assert_memory_equal(text + n - 2, "\n\n", 2);
}

static void crash(void)
{
	int fd = open("/dev/null", O_WRONLY);

	dup2(fd, STDERR_FILENO);
	close(fd);
	if (hakmem_install_crash_report())
		_exit(1);
	pthread_cancel(pthread_self());
	raise(SIGBUS);
}

/* If the only thread of a process were cancelled, the process would end with status 0. */
static void test_crash(void **state)
{
	int status = in_child(crash);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGBUS);
}

static int take_setting(void **state)
{
	int fd;

	free(opaque(malloc(8)));
	strcpy(name, "/tmp/hakmem-cancel-XXXXXX");
	fd = mkstemp(name);
	if (fd < 0)
		return -1;
	close(fd);
	unlink(name);
	sprintf(snapshot, "%s.%d", name, getpid());
	if (shim_snapshot_setting("signal", name))
		return -1;
	shim_snapshot_init();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crash),
		cmocka_unit_test(test_bad_free),
		cmocka_unit_test(test_sleeps),
		cmocka_unit_test(test_snapshot),
	};

	int failed = cmocka_run_group_tests(tests, take_setting, NULL);

	/* A process that ends in another way writes a snapshot at its end. */
	fflush(NULL);
	_exit(failed);
}
