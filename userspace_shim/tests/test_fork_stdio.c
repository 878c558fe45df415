// SPDX-License-Identifier: GPL-2.0
/*
 * fork() and the C library's streams, one of which allocates when it is flushed,
 * and fork() with a handler that runs while all locks are held.
 */
#include "test.h"

#include <linux/kernel.h>

#include "core.h"
#include "shim.h"

static int stop __maybe_unused;
static void (*in_flush)(void);
static FILE *stream;

static ssize_t write_stream(void *cookie, const char *buf, size_t n)
{
	if (in_flush)
		in_flush();
	return n;
}

static void flush_all(void)
{
	fputc('x', stream);
	fflush(NULL);
}

static void allocate(void)
{
	void *p[256];

	for (int i = 0; i < 256; i++)
		p[i] = malloc(i % 4 ? 1000 : i);
	for (int i = 0; i < 256; i++)
		free(p[i]);
}

static void *open_stream(void *arg)
{
	FILE *f = fopen("/dev/null", "w");

	allocate();
	return (void *)(long)(!f || fclose(f));
}

/* Two threads take the lock of the list of streams: the first has to release it. */
static void use_in_threads(void)
{
	void *res = NULL;
	pthread_t t;

	alarm(60);
	for (int i = 0; i < 2; i++) {
		if (pthread_create(&t, NULL, open_stream, NULL) ||
		    pthread_join(t, &res) || res)
			_exit(3);
	}
}

static pid_t child;

static void fork_once(void)
{
	allocate();
	child = fork();
	allocate();
	in_flush = NULL;
}

/* The child goes on in the flush that its parent forked in. */
static void fork_in_flush(void)
{
	int status;

	in_flush = fork_once;
	flush_all();
	use_in_threads();
	if (!child)
		_exit(0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* This test is the first, because the process has had no other thread then. */
static void test_fork_in_flush(void **state)
{
	fork_in_flush();
}

#ifndef __SANITIZE_THREAD__
static void test_fork_in_flush_of_several(void **state)
{
	fork_in_flush();
}

static void *flush_on(void *arg)
{
	while (!READ_ONCE(stop))
		flush_all();
	return NULL;
}

static void use_all(void)
{
	alarm(60);
	allocate();
	flush_all();
	use_in_threads();
}

static void test_fork_against_flush(void **state)
{
	pthread_t t;

	in_flush = allocate;
	assert_int_equal(pthread_create(&t, NULL, flush_on, NULL), 0);
	for (int i = 0; i < 300 / SLOW; i++)
		assert_int_equal(in_child(use_all), 0);
	WRITE_ONCE(stop, 1);
	pthread_join(t, NULL);
	in_flush = NULL;
}
#endif

static bool handlers_on;
static void *kept[3000];

static void release_and_keep(void)
{
	for (int i = 0; i < ARRAY_SIZE(kept); i += 2) {
		free(kept[i]);
		kept[i] = NULL;
	}
	for (int i = 0; i < ARRAY_SIZE(kept); i++) {
		kept[i] = realloc(kept[i], i % 1100 + 1);
		memset(kept[i], i, i % 1100 + 1);
	}
}

static void handler(void)
{
	if (handlers_on)
		release_and_keep();
}

static void use_and_check(void)
{
	struct hak_stats st;

	alarm(60);
	release_and_keep();
	allocate();
	hak_stats_read(&st);
	if (st.event[HAK_EV_BAD_FREE] || st.event[HAK_EV_CORRUPT])
		_exit(4);
}

/* Handlers registered before the library's run between its own. */
static void test_handlers(void **state)
{
	void *p = malloc(64);

	handlers_on = true;
	release_and_keep();
	for (int i = 0; i < 20; i++)
		assert_int_equal(in_child(use_and_check), 0);
	handlers_on = false;
	/* The thread is the CPU it was. */
	assert_int_equal(shim_thread, SHIM_ONLINE);
	free(p);
	assert_ptr_equal(malloc(64), p);
	free(p);
	for (int i = 0; i < ARRAY_SIZE(kept); i++)
		free(kept[i]);
}

/* Before the constructors of any library. */
static void register_handlers(void)
{
	pthread_atfork(handler, handler, handler);
}

static void (*const preinit)(void) __used
	__section(".preinit_array") = register_handlers;

static int prepare(void **state)
{
	cookie_io_functions_t funcs = { .write = write_stream };

	free(opaque(malloc(8)));
	alarm(300);
	stream = fopencookie(NULL, "w", funcs);
	return !stream || shim_thread != SHIM_ONLINE;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fork_in_flush),
/* ThreadSanitizer loses count of threads after a fork() with several. */
#ifndef __SANITIZE_THREAD__
		cmocka_unit_test(test_fork_in_flush_of_several),
		cmocka_unit_test(test_fork_against_flush),
#endif
		cmocka_unit_test(test_handlers),
	};

	return cmocka_run_group_tests(tests, prepare, NULL);
}
