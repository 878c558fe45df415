/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * As much of KUnit as hakmem's suites use, so that the same files run here as
 * programs: a suite's cases become cmocka tests (tests/kunit_main.c). Kept: a
 * failed expectation lets the case go on, a failed assertion ends it, exit()
 * and kunit_*alloc() clean up in either case, kunit_skip(), warnings that a
 * test expects. Not kept: parameters, resources, attributes, stubs, log levels.
 *
 * Assertions are for the thread that runs the case.
 */
#ifndef _SHIM_KUNIT_TEST_H
#define _SHIM_KUNIT_TEST_H

#include <linux/bug.h>
#include <linux/compiler.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/types.h>

struct kunit;
struct kunit_suite;

struct kunit_case {
	void (*run_case)(struct kunit *test);
	const char *name;
};

struct kunit_suite {
	const char name[256];
	int (*suite_init)(struct kunit_suite *suite);
	void (*suite_exit)(struct kunit_suite *suite);
	int (*init)(struct kunit *test);
	void (*exit)(struct kunit *test);
	struct kunit_case *test_cases;
};

struct kunit {
	void *priv;
	const char *name;
};

#define KUNIT_CASE(fn)		{ .run_case = fn, .name = #fn }
#define KUNIT_CASE_SLOW(fn)	KUNIT_CASE(fn)

extern struct kunit_suite *const kunit_suites[];
#define kunit_test_suites(...) \
	struct kunit_suite *const kunit_suites[] = { __VA_ARGS__, NULL }
#define kunit_test_suite(suite)	kunit_test_suites(&suite)

void *kunit_kmalloc(struct kunit *test, size_t size, gfp_t gfp);

static inline void *kunit_kzalloc(struct kunit *test, size_t size, gfp_t gfp)
{
	return kunit_kmalloc(test, size, gfp | __GFP_ZERO);
}

static inline void *kunit_kcalloc(struct kunit *test, size_t n, size_t size,
				  gfp_t gfp)
{
	return kunit_kzalloc(test, size_mul(n, size), gfp);
}

/* Note a failure; ends the case if @fatal. */
void kunit_failed(struct kunit *test, bool fatal, const char *file, int line,
		  const char *what, long long left, long long right);
void __noreturn kunit_skip_case(struct kunit *test, const char *file, int line);
void kunit_log_line(const char *fmt, ...) __printf(1, 2);

#define kunit_skip(test, fmt, ...)					\
	do {								\
		kunit_log_line(fmt, ##__VA_ARGS__);			\
		kunit_skip_case(test, __FILE__, __LINE__);		\
	} while (0)
#define kunit_info(test, fmt, ...)	kunit_log_line(fmt, ##__VA_ARGS__)
#define kunit_warn(test, fmt, ...)	kunit_log_line(fmt, ##__VA_ARGS__)

#define KUNIT_BINARY(test, fatal, left, op, right)			\
	do {								\
		const typeof(left) __l = (left);			\
		const typeof(right) __r = (right);			\
									\
		if (!(__l op __r))					\
			kunit_failed(test, fatal, __FILE__, __LINE__,	\
				     #left " " #op " " #right,		\
				     (long long)__l, (long long)__r);	\
	} while (0)

#define KUNIT_PTR_BINARY(test, fatal, left, op, right)			\
	do {								\
		const void *__l = (left), *__r = (right);		\
									\
		if (!(__l op __r))					\
			kunit_failed(test, fatal, __FILE__, __LINE__,	\
				     #left " " #op " " #right,		\
				     (long)__l, (long)__r);		\
	} while (0)

#define KUNIT_UNARY(test, fatal, cond, what)				\
	do {								\
		if (!(cond))						\
			kunit_failed(test, fatal, __FILE__, __LINE__,	\
				     what, 0, 0);			\
	} while (0)

#define KUNIT_EXPECT_EQ(t, l, r)	KUNIT_BINARY(t, false, l, ==, r)
#define KUNIT_EXPECT_NE(t, l, r)	KUNIT_BINARY(t, false, l, !=, r)
#define KUNIT_EXPECT_LT(t, l, r)	KUNIT_BINARY(t, false, l, <, r)
#define KUNIT_EXPECT_LE(t, l, r)	KUNIT_BINARY(t, false, l, <=, r)
#define KUNIT_EXPECT_GT(t, l, r)	KUNIT_BINARY(t, false, l, >, r)
#define KUNIT_EXPECT_GE(t, l, r)	KUNIT_BINARY(t, false, l, >=, r)
#define KUNIT_EXPECT_PTR_EQ(t, l, r)	KUNIT_PTR_BINARY(t, false, l, ==, r)
#define KUNIT_EXPECT_PTR_NE(t, l, r)	KUNIT_PTR_BINARY(t, false, l, !=, r)
#define KUNIT_EXPECT_NULL(t, p)		KUNIT_PTR_BINARY(t, false, p, ==, NULL)
#define KUNIT_EXPECT_NOT_NULL(t, p)	KUNIT_PTR_BINARY(t, false, p, !=, NULL)
#define KUNIT_EXPECT_TRUE(t, c)		KUNIT_UNARY(t, false, c, #c)
#define KUNIT_EXPECT_FALSE(t, c)	KUNIT_UNARY(t, false, !(c), "!(" #c ")")
#define KUNIT_EXPECT_STREQ(t, l, r) \
	KUNIT_UNARY(t, false, !strcmp(l, r), #l " is " #r)
#define KUNIT_EXPECT_MEMEQ(t, l, r, n) \
	KUNIT_UNARY(t, false, !memcmp(l, r, n), #l " holds what " #r " does")
#define KUNIT_EXPECT_NOT_ERR_OR_NULL(t, p) \
	KUNIT_UNARY(t, false, !IS_ERR_OR_NULL(p), #p)

#define KUNIT_ASSERT_EQ(t, l, r)	KUNIT_BINARY(t, true, l, ==, r)
#define KUNIT_ASSERT_NE(t, l, r)	KUNIT_BINARY(t, true, l, !=, r)
#define KUNIT_ASSERT_LT(t, l, r)	KUNIT_BINARY(t, true, l, <, r)
#define KUNIT_ASSERT_LE(t, l, r)	KUNIT_BINARY(t, true, l, <=, r)
#define KUNIT_ASSERT_GT(t, l, r)	KUNIT_BINARY(t, true, l, >, r)
#define KUNIT_ASSERT_GE(t, l, r)	KUNIT_BINARY(t, true, l, >=, r)
#define KUNIT_ASSERT_PTR_EQ(t, l, r)	KUNIT_PTR_BINARY(t, true, l, ==, r)
#define KUNIT_ASSERT_PTR_NE(t, l, r)	KUNIT_PTR_BINARY(t, true, l, !=, r)
#define KUNIT_ASSERT_NULL(t, p)		KUNIT_PTR_BINARY(t, true, p, ==, NULL)
#define KUNIT_ASSERT_NOT_NULL(t, p)	KUNIT_PTR_BINARY(t, true, p, !=, NULL)
#define KUNIT_ASSERT_TRUE(t, c)		KUNIT_UNARY(t, true, c, #c)
#define KUNIT_ASSERT_FALSE(t, c)	KUNIT_UNARY(t, true, !(c), "!(" #c ")")
#define KUNIT_ASSERT_NOT_ERR_OR_NULL(t, p) \
	KUNIT_UNARY(t, true, !IS_ERR_OR_NULL(p), #p)
#define KUNIT_FAIL(t, fmt, ...)		KUNIT_UNARY(t, false, false, fmt)

/* Warnings are printed all the same, but counted as a test expects. */
#define kunit_warning_suppress(test)					\
	for (int __warned = READ_ONCE(shim_warnings), __once = 1; __once; \
	     __once = 0)
#define KUNIT_SUPPRESSED_WARNING_COUNT() \
	(READ_ONCE(shim_warnings) - __warned)
#define KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, expected) \
	KUNIT_EXPECT_EQ(test, KUNIT_SUPPRESSED_WARNING_COUNT(), expected)

/*
 * A test that sleeps or gives way is a good place for deferred work, which has
 * no thread of its own, and for the test's other threads.
 */
void kunit_msleep(unsigned int ms);

#undef msleep
#define msleep(ms)	kunit_msleep(ms)
#undef cond_resched
#define cond_resched()	shim_yield()

#endif
