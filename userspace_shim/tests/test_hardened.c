// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suites as programs of their own, with hardened=1 and with debug=, and what the
 * reports of misuse say. The suites are next to this program, or next to the script that
 * has an emulator run it.
 */
#include "test.h"

#include <libgen.h>
#include <linux/array_size.h>

static char *folder;
static char said[1 << 20];

/* Runs a suite with a variable set. Returns its status; said is its standard error. */
static int run(const char *suite, const char *variable, const char *value)
{
	char path[PATH_MAX + 64];
	size_t n = 0;
	ssize_t got;
	int fd[2], status;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/test_kunit_%s", folder, suite);
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
		execl(path, path, NULL);
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

static void hardened(void **state)
{
	static const char *const suite[] = {
		"abuse", "check", "api", "bulk", "helpers", "rcu", "stress", "typed",
		"zero",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(suite); i++) {
		print_message("# %s\n", suite[i]);
		assert_int_equal(run(suite[i], "HAKMEM_HARDENED", "1"), 0);
	}
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
		cmocka_unit_test(reports),
		cmocka_unit_test(refused),
	};

	folder = dirname(argv[0]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
