// SPDX-License-Identifier: GPL-2.0
/*
 * Run a KUnit suite with cmocka. Every case is one test, with init() before it
 * and exit() after it, however the case ends.
 */
#include "test.h"

#include <kunit/test.h>

#include "core.h"
#include "shim.h"
#include "../../kunit/hak_test_fault.h"
#include "../../kunit/hak_test_log.h"

/* The userspace build has no idle trim. */
void hak_trim_pause(bool pause)
{
}

void hak_test_fail(unsigned int n, bool all)
{
	shim_fail_after(n, all);
}

bool hak_test_fail_end(void)
{
	return shim_fail_end();
}

static char heard[64 << 10];
static int heard_fd = -1, console_fd = -1;

/* The core writes to standard error, which is a file meanwhile. */
bool hak_test_hear(void)
{
	if (heard_fd < 0) {
		heard_fd = memfd_create("heard", MFD_CLOEXEC);
		console_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
	}
	if (heard_fd < 0 || console_fd < 0)
		return false;
	if (ftruncate(heard_fd, 0) || lseek(heard_fd, 0, SEEK_SET))
		return false;
	return dup2(heard_fd, STDERR_FILENO) >= 0;
}

const char *hak_test_heard(void)
{
	ssize_t n = pread(heard_fd, heard, sizeof(heard) - 1, 0);

	dup2(console_fd, STDERR_FILENO);
	heard[n > 0 ? n : 0] = '\0';
	if (n > 0 && write(STDERR_FILENO, heard, n) != n)
		return NULL;
	return heard;
}

struct memory {
	struct memory *next;
	char bytes[] __attribute__((__aligned__(16)));
};

/* One case at a time runs, in the main thread. */
static struct {
	struct kunit test;
	struct memory *memory;
	jmp_buf out;
	bool failed;
} now;

static pthread_t main_thread;

void *kunit_kmalloc(struct kunit *test, size_t size, gfp_t gfp)
{
	struct memory *m = kmalloc(sizeof(*m) + size, gfp);

	if (!m)
		return NULL;
	m->next = now.memory;
	now.memory = m;
	return m->bytes;
}

static void free_memory(void)
{
	struct memory *m;

	while ((m = now.memory)) {
		now.memory = m->next;
		kfree(m);
	}
}

void kunit_log_line(const char *fmt, ...)
{
	char line[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	line[strcspn(line, "\n")] = '\0';
	print_message("# %s: %s\n", now.test.name, line);
}

void kunit_failed(struct kunit *test, bool fatal, const char *file, int line,
		  const char *what, long long left, long long right)
{
	__atomic_store_n(&now.failed, true, __ATOMIC_RELAXED);
	print_message("# %s: %s:%d: not so: %s (%lld and %lld)\n",
		      now.test.name, file, line, what, left, right);
	if (!fatal)
		return;
	if (!pthread_equal(pthread_self(), main_thread))
		abort();
	longjmp(now.out, 1);
}

void kunit_skip_case(struct kunit *test, const char *file, int line)
{
	print_message("# %s: skipped at %s:%d\n", now.test.name, file, line);
	longjmp(now.out, 1);
}

void kunit_msleep(unsigned int ms)
{
	shim_msleep(ms);
	shim_run_pending();
}

static struct kunit_suite *suite;

/* @state points to the case. */
static void run_case(void **state)
{
	struct kunit_case *c = *state;

	memset(&now, 0, sizeof(now));
	now.test.name = c->name;
	if (!setjmp(now.out)) {
		if (suite->init && suite->init(&now.test))
			now.failed = true;
		else
			c->run_case(&now.test);
	}
	if (!setjmp(now.out) && suite->exit)
		suite->exit(&now.test);
	free_memory();
	/* Programs that read cmocka's TAP count its skip() as a failure. */
	if (now.failed)
		fail();
}

static int run_suite(struct kunit_suite *s)
{
	struct CMUnitTest *tests;
	unsigned int i, n = 0;
	int failures;

	while (s->test_cases[n].run_case)
		n++;
	tests = calloc(n, sizeof(*tests));
	assert_non_null(tests);
	for (i = 0; i < n; i++)
		tests[i] = (struct CMUnitTest){
			.name = s->test_cases[i].name,
			.test_func = run_case,
			.initial_state = &s->test_cases[i],
		};
	suite = s;
	if (s->suite_init && s->suite_init(s))
		return 1;
	failures = _cmocka_run_group_tests(s->name, tests, n, NULL, NULL);
	if (s->suite_exit)
		s->suite_exit(s);
	free(tests);
	return failures;
}

int main(void)
{
	struct kunit_suite *const *s;
	int failures = 0;

	main_thread = pthread_self();
	shim_init();
	shim_thread_online();
	for (s = kunit_suites; *s; s++)
		failures += run_suite(*s);
	return failures != 0;
}
