// SPDX-License-Identifier: GPL-2.0
/*
 * Random numbers early in the boot of a machine, when the system has no randomness yet and
 * makes who asks for it wait.
 */
#include "test.h"

#include <linux/random.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>

#include "core.h"
#include "shim.h"

/* What getrandom(2) does. A constructor starts the library, so it does so from the beginning. */
static enum { EARLY, ABSENT, READY } system_is;

static int asked, waited;

long __real_syscall(long nr, ...);
long __wrap_syscall(long nr, ...);

long __wrap_syscall(long nr, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (nr == SYS_getrandom) {
		asked++;
		waited += !(a[2] & GRND_NONBLOCK);
		if (system_is == ABSENT) {
			errno = EPERM;
			return -1;
		}
		if (system_is == EARLY && a[2] & GRND_NONBLOCK) {
			errno = EAGAIN;
			return -1;
		}
	}
	return __real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static bool clock_stands;

int __real_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);

int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	int err = __real_clock_gettime(id, ts);

	if (clock_stands)
		*ts = (struct timespec){ 1000, 0 };
	return err;
}

static const unsigned char *seed;

unsigned long __real_getauxval(unsigned long type);
unsigned long __wrap_getauxval(unsigned long type);

unsigned long __wrap_getauxval(unsigned long type)
{
	if (type == AT_RANDOM && seed)
		return (unsigned long)seed;
	return __real_getauxval(type);
}

static void test_start_does_not_wait(void **state)
{
	free(opaque(malloc(8)));
	assert_int_equal(shim_state, SHIM_READY);
	assert_true(asked > 0);
	assert_int_equal(waited, 0);
}

/* Bits of numbers that were 1 at times, and of those that were 0 at times, are all. */
static void check_numbers(void)
{
	u64 ones = 0, zeros = 0, last = 0, n;

	errno = EDOM;
	for (int i = 0; i < 1000; i++) {
		n = get_random_u64();
		assert_true(n != last);
		last = n;
		ones |= n;
		zeros |= ~n;
	}
	assert_int_equal(errno, EDOM);
	assert_true(ones == U64_MAX);
	assert_true(zeros == U64_MAX);
}

static void test_numbers_differ(void **state)
{
	waited = 0;
	for (int i = EARLY; i <= READY; i++) {
		system_is = i;
		check_numbers();
	}
	assert_int_equal(waited, 0);
	system_is = EARLY;
}

/* Two processes that start at the same time have different numbers. */
static void test_seeds_count(void **state)
{
	unsigned char seeds[16] = { 0 };
	u64 n[3];

	system_is = EARLY;
	clock_stands = true;
	seed = seeds;
	n[0] = get_random_u64();
	seeds[0] = 1;
	n[1] = get_random_u64();
	seeds[15] = 1;
	n[2] = get_random_u64();
	seed = NULL;
	clock_stands = false;
	assert_true(n[0] != n[1]);
	assert_true(n[1] != n[2]);
}

/* Secrets have to be such, and are worth a wait. */
static void test_secrets_wait(void **state)
{
	bool was = hak_hardened;

	waited = 0;
	hak_hardened = true;
	check_numbers();
	hak_hardened = was;
	assert_true(waited >= 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start_does_not_wait),
		cmocka_unit_test(test_numbers_differ),
		cmocka_unit_test(test_seeds_count),
		cmocka_unit_test(test_secrets_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
