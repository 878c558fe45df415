// SPDX-License-Identifier: GPL-2.0
/*
 * SLAB_PANIC: if a cache cannot be made, the program ends, as the kernel would. And what is
 * kept of caches that are gone.
 */
#include "test.h"

#include <sys/wait.h>
#include <unistd.h>

#include "core.h"

static int created(unsigned int size, slab_flags_t flags)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		close(STDERR_FILENO);
		_exit(!hak_cache_create("panicky", size, 0, flags, NULL));
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void test_panics(void **state)
{
	int status = created(0, SLAB_PANIC);

	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_int_equal(created(64, SLAB_PANIC), 0);
	status = created(0, 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

/*
 * Where SLUB's objects have their tails is kept for ever, once for each place. There are more
 * caches here than there are places.
 */
static void test_one_after_the_other(void **state)
{
	for (int i = 0; i < HAK_MAX_STRIDE / HAK_MIN_SIZE + 100; i++) {
		struct hak_cache *c = hak_cache_create("next", 64, 0, 0, NULL);
		void *p = c ? hak_cache_alloc(c, GFP_KERNEL_ACCOUNT) : NULL;

		assert_non_null(p);
		hak_cache_free(c, p);
		hak_cache_destroy(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_panics),
		cmocka_unit_test(test_one_after_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
