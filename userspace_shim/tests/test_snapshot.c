// SPDX-License-Identifier: GPL-2.0
/*
 * Snapshots: who writes one, if signals come while another is written. All of it
 * happens as a snapshot's file is opened, which is replaced (--wrap).
 */
#include "test.h"

#include <linux/delay.h>

#include "core.h"
#include "shim.h"
#include "text.h"

int __real_shim_open_log(const char *path);
int __wrap_shim_open_log(const char *path);

static void (*meanwhile)(void);
static int opened;
static int written = -1;	/* where the snapshot goes */

int __wrap_shim_open_log(const char *path)
{
	void (*f)(void) = meanwhile;

	opened++;
	meanwhile = NULL;
	if (f)
		f();
	return written < 0 ? __real_shim_open_log("/dev/null") : dup(written);
}

static int reset(void **state)
{
	opened = 0;
	meanwhile = NULL;
	return 0;
}

/* Each signal has its snapshot, one after the other. */
static void test_one_by_one(void **state)
{
	for (int i = 1; i < 4; i++) {
		raise(SIGUSR1);
		assert_int_equal(opened, i);
	}
}

static bool go, handled;

static void *signal_itself(void *unused)
{
	while (!__atomic_load_n(&go, __ATOMIC_ACQUIRE))
		usleep(100);
	raise(SIGUSR1);
	__atomic_store_n(&handled, true, __ATOMIC_RELEASE);
	return unused;
}

static void wait_for_other(void)
{
	__atomic_store_n(&go, true, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&handled, __ATOMIC_ACQUIRE))
		usleep(100);
}

/* While a thread writes, another that gets the signal leaves it at that. */
static void test_one_writer(void **state)
{
	pthread_t t;

	pthread_create(&t, NULL, signal_itself, NULL);
	meanwhile = wait_for_other;
	raise(SIGUSR1);
	pthread_join(t, NULL);
	assert_int_equal(opened, 1);
}

static int child_status;

static void fork_amid(void)
{
	sigset_t set;
	pid_t pid = fork();

	if (!pid) {
		sigemptyset(&set);
		sigaddset(&set, SIGUSR1);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
		raise(SIGUSR1);
		_exit(opened);
	}
	waitpid(pid, &child_status, 0);
}

/* A child that is forked meanwhile has a file of its own, and writes to it. */
static void test_child_of_the_writer(void **state)
{
	meanwhile = fork_amid;
	raise(SIGUSR1);
	assert_int_equal(opened, 1);
	assert_true(WIFEXITED(child_status));
	assert_int_equal(WEXITSTATUS(child_status), 2);
}

static bool inside;

static void take_long(void)
{
	__atomic_store_n(&inside, true, __ATOMIC_RELEASE);
	usleep(300000);
}

/* The main thread returns from main() while another is writing. */
static void end_amid(void)
{
	pthread_t t;

	meanwhile = take_long;
	go = true;
	pthread_create(&t, NULL, signal_itself, NULL);
	pthread_detach(t);
	while (!__atomic_load_n(&inside, __ATOMIC_ACQUIRE))
		usleep(100);
	exit(0);
}

/* The end of the process waits for a thread that is writing, and has a snapshot as well. */
static void test_end_waits(void **state)
{
	static char text[1 << 18];
	unsigned int n = 0;
	pid_t pid;

	written = memfd_create("snapshot", 0);
	fflush(NULL);
	pid = fork();
	if (!pid)
		end_amid();
	waitpid(pid, &child_status, 0);
	assert_true(WIFEXITED(child_status));
	assert_int_equal(WEXITSTATUS(child_status), 0);
	assert_in_range(pread(written, text, sizeof(text) - 1, 0), 1, sizeof(text) - 2);
	close(written);
	written = -1;
	for (char *at = text; (at = strstr(at, "==> time <==\n")); at++)
		n++;
	assert_int_equal(n, 2);
}

/* The lines of a snapshot below the heading of its superslabs. */
static unsigned long superslabs_shown(void)
{
	static char text[1 << 20];
	unsigned long n = 0;
	char *line;

	written = memfd_create("snapshot", 0);
	raise(SIGUSR1);
	assert_in_range(pread(written, text, sizeof(text) - 1, 0), 1, sizeof(text) - 2);
	close(written);
	written = -1;
	line = strstr(text, HAK_SUPERSLABS_HEADING);
	assert_non_null(line);
	for (line = strchr(line, '\n') + 1; *line && *line != '\n'; line = strchr(line, '\n') + 1)
		n++;
	return n;
}

/* Superslabs without a slab are left out, as they are in debugfs. */
static void test_superslabs(void **state)
{
	static void *heap[16 << 10];
	struct hak_stats st;

	for (int i = 0; i < ARRAY_SIZE(heap); i++)
		heap[i] = opaque(malloc(1024));
	hak_stats_read(&st);
	assert_true(st.superslabs - st.superslabs_empty > 1);
	assert_int_equal(superslabs_shown(), st.superslabs - st.superslabs_empty);
	for (int i = 0; i < ARRAY_SIZE(heap); i++)
		free(heap[i]);
	for (int i = 0; i < 100; i++) {
		hak_stats_read(&st);
		if (st.superslabs_empty)
			break;
		msleep(20);
		shim_run_pending();
	}
	assert_true(st.superslabs_empty > 0);
	assert_int_equal(superslabs_shown(), st.superslabs - st.superslabs_empty);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_one_by_one, reset),
		cmocka_unit_test_setup(test_one_writer, reset),
		cmocka_unit_test_setup(test_child_of_the_writer, reset),
		cmocka_unit_test_setup(test_end_waits, reset),
		cmocka_unit_test_setup(test_superslabs, reset),
	};

	free(opaque(malloc(8)));
	if (shim_snapshot_setting("signal", "unused"))
		return 1;
	shim_snapshot_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
