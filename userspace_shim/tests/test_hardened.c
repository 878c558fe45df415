// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suites as programs of their own, with hardened=1 and with debug=, what the
 * reports of misuse say, and frees that the C library has to refuse. The suites are next
 * to this program, or next to the script that has an emulator run it.
 */
#include "test.h"

#include <libgen.h>
#include <linux/array_size.h>

#include "core.h"

static char *folder;
static char said[1 << 20];

/*
 * Runs a program with a variable set, or none. Returns its status; said is its standard
 * error.
 */
static int run_program(const char *path, const char *argument, const char *variable,
		       const char *value)
{
	size_t n = 0;
	ssize_t got;
	int fd[2], status;
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, STDOUT_FILENO);
		dup2(fd[1], STDERR_FILENO);
		close(fd[0]);
		close(fd[1]);
		if (variable)
			setenv(variable, value, 1);
		execl(path, path, argument, NULL);
		_exit(127);
	}
	close(fd[1]);
	while ((got = read(fd[0], said + n, sizeof(said) - 1 - n)) > 0)
		n += got;
	close(fd[0]);
	said[n] = '\0';
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* Likewise a suite. */
static int run(const char *suite, const char *variable, const char *value)
{
	char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/test_kunit_%s", folder, suite);
	return run_program(path, NULL, variable, value);
}

static void hardened(void **state)
{
	static const char *const suite[] = {
		"abuse", "broken", "check", "api", "bulk", "helpers", "rcu", "stress", "typed",
		"zero", "bad_input", "fallback",
	};
	char path[PATH_MAX + 64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(suite); i++) {
		print_message("# %s\n", suite[i]);
		assert_int_equal(run(suite[i], "HAKMEM_HARDENED", "1"), 0);
	}
	/* The short paths of hardened=1 leave it to the slow ones to trace. */
	print_message("# test_trace\n");
	snprintf(path, sizeof(path), "%s/test_trace", folder);
	assert_int_equal(run_program(path, NULL, "HAKMEM_HARDENED", "1"), 0);
}

static void debugged(void **state)
{
	static const char *const suite[] = { "rcu", "stress" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(suite); i++) {
		print_message("# %s\n", suite[i]);
		assert_int_equal(run(suite[i], "HAKMEM_DEBUG", "FZPU"), 0);
	}
}

/* What misuse leads to, with each letter for all caches, and with several. */
static void each_letter(void **state)
{
	static const char *const suite[] = {
		"abuse", "broken", "bad_input", "fallback", "check",
	};
	static const char *const letters[] = { "F", "Z", "P", "U", "T", "FZPU" };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(letters); i++) {
		for (j = 0; j < ARRAY_SIZE(suite); j++) {
			print_message("# %s: %s\n", letters[i], suite[j]);
			assert_int_equal(run(suite[j], "HAKMEM_DEBUG", letters[i]), 0);
		}
	}
}

#ifndef HAK_SHIM_SANITIZER
static char *self;

/* Frees the address that @what names. The bytes before it are zero, so it is no block. */
static int free_it(const char *what)
{
	static char data[256] __attribute__((aligned(16)));
	char stack[256] __attribute__((aligned(16))) = { 0 };
	char *p = strcmp(what, "stack") ? data : stack;

	free(opaque(p + 128));
	return 0;
}

/*
 * An address that is not in the arena may be a block of the C library, so hakmem passes it
 * on. The C library ends the program, in each mode.
 */
/* Are a hundred allocations and frees in the trace ring? */
static int trace_them(void)
{
	unsigned int i, allocs = 0, frees = 0;
	struct hak_trace_iter it = { 0 };
	struct hak_trace_event ev;

	for (i = 0; i < 100; i++)
		free(opaque(malloc(640)));
	while (hak_trace_next(&it, &ev)) {
		allocs += ev.size == 640 && ev.what == HAK_TR_ALLOC;
		frees += ev.size == 640 && ev.what == HAK_TR_FREE;
	}
	return allocs != 100 || frees != 100;
}

/* While the trace ring is on, no call of malloc() or free() takes a path that is not traced. */
static void all_are_traced(void **state)
{
	assert_int_equal(run_program(self, "trace", "HAKMEM_TINY_TRACE_RING", "1"), 0);
}

static void left_to_the_c_library(void **state)
{
	static const char *const debug[] = { "-", "F", "Z", "P", "U", "T" };
	unsigned int i;

	assert_int_equal(WTERMSIG(run_program(self, "stack", "HAKMEM_HARDENED", "1")), SIGABRT);
	assert_int_equal(WTERMSIG(run_program(self, "data", "HAKMEM_HARDENED", "1")), SIGABRT);
	for (i = 0; i < ARRAY_SIZE(debug); i++) {
		assert_int_equal(WTERMSIG(run_program(self, "stack", "HAKMEM_DEBUG", debug[i])),
				 SIGABRT);
		assert_int_equal(WTERMSIG(run_program(self, "data", "HAKMEM_DEBUG", debug[i])),
				 SIGABRT);
	}
}
#endif

/* Is @text in what was said, and then the others in this order? */
static void expect_said(const char *const *text, unsigned int n)
{
	const char *at = said;
	unsigned int i;

	for (i = 0; i < n; i++) {
		const char *found = strstr(at, text[i]);

		if (!found)
			print_message("# nothing says \"%s\"\n", text[i]);
		assert_non_null(found);
		at = found;
	}
}

/* Class, slab, owner, object, bytes, and who allocated and freed it. */
static void reports(void **state)
{
	static const char *const text[] = {
		"bad free of 0x", "(class hak_test_6)", "refused: freed twice",
		"slab 0x", "last owned by CPU ", "object 0 of ", "not live",
		"first bytes: 6b 6b ", "last bytes, and beyond:", " a5 bb bb ",
		"allocated by task ", "freed by task ",
	};

	assert_int_equal(run("abuse", NULL, NULL), 0);
	expect_said(text, ARRAY_SIZE(text));
}

/* A value that is refused ends the program, and says which letters there are. */
static void refused(void **state)
{
	static const char *const text[] = {
		"HAKMEM_DEBUG: \"FQ\" is refused; it takes letters of FZPUT",
	};

	assert_int_equal(WEXITSTATUS(run("abuse", "HAKMEM_DEBUG", "FQ")), 2);
	expect_said(text, ARRAY_SIZE(text));
	assert_int_equal(WEXITSTATUS(run("abuse", "HAKMEM_HARDENED", "maybe")), 2);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(hardened),
		cmocka_unit_test(debugged),
		cmocka_unit_test(each_letter),
#ifndef HAK_SHIM_SANITIZER
		cmocka_unit_test(left_to_the_c_library),
		cmocka_unit_test(all_are_traced),
#endif
		cmocka_unit_test(reports),
		cmocka_unit_test(refused),
	};

#ifndef HAK_SHIM_SANITIZER
	if (argc == 2 && !strcmp(argv[1], "trace"))
		return trace_them();
	if (argc == 2)
		return free_it(argv[1]);
	self = strdup(argv[0]);
#endif
	folder = dirname(argv[0]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
