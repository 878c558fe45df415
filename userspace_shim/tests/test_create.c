// SPDX-License-Identifier: GPL-2.0
/*
 * SLAB_PANIC: if a cache cannot be made, the program ends, as the kernel would. And what is
 * kept of caches that are gone; and threads that come while a cache is made.
 */
#include "test.h"

#include <sys/wait.h>
#include <unistd.h>

#include "core.h"
#include "shim.h"

void __real_hak_cpu_cache_init(struct hak_cpu_cache *cc, struct hak_cache *c, unsigned int cap,
			       unsigned int mags);
void __wrap_hak_cpu_cache_init(struct hak_cpu_cache *cc, struct hak_cache *c, unsigned int cap,
			       unsigned int mags);

static unsigned int filled, filled_locked;

void __wrap_hak_cpu_cache_init(struct hak_cpu_cache *cc, struct hak_cache *c, unsigned int cap,
			       unsigned int mags)
{
	filled++;
	filled_locked += shim_lock_mine(&hak_cache_mutex.lock);
	__real_hak_cpu_cache_init(cc, c, cap, mags);
}

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

static void *come_and_stay(void *others)
{
	pthread_barrier_wait(others);
	free(opaque(malloc(8)));
	pthread_barrier_wait(others);
	return NULL;
}

/*
 * A new id's per-CPU memory is a copy of the template's. It is not copied while the per-CPU
 * caches of a new cache are being filled in, so either they are filled in before, or the new
 * one is among them.
 */
static void test_no_id_meanwhile(void **state)
{
	unsigned int ids, meanwhile;
	pthread_barrier_t others;
	struct hak_cache *c;
	pthread_t t;

	/* This thread has its id, and allocates nothing while it holds the mutex. */
	free(opaque(malloc(8)));
	ids = num_possible_cpus();
	pthread_barrier_init(&others, NULL, 2);
	pthread_create(&t, NULL, come_and_stay, &others);
	mutex_lock(&hak_cache_mutex);
	pthread_barrier_wait(&others);
	for (int i = 0; i < 50 && num_possible_cpus() == ids; i++)
		usleep(1000);
	meanwhile = num_possible_cpus();
	mutex_unlock(&hak_cache_mutex);
	pthread_barrier_wait(&others);
	pthread_join(t, NULL);
	assert_int_equal(meanwhile, ids);
	assert_int_equal(num_possible_cpus(), ids + 1);

	filled = 0;
	filled_locked = 0;
	c = hak_cache_create("filled", 64, 0, 0, NULL);
	assert_non_null(c);
	hak_cache_destroy(c);
	assert_int_equal(filled, ids + 1);
	assert_int_equal(filled_locked, ids + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_panics),
		cmocka_unit_test(test_one_after_the_other),
		cmocka_unit_test(test_no_id_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
