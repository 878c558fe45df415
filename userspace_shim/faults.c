// SPDX-License-Identifier: GPL-2.0
/*
 * Requests for memory that fail because a test wants them to. The page source and
 * kmalloc() each count down to their own failure, and both to a common one.
 */
#include <linux/compiler.h>

#include "shim.h"

/*
 * @left more requests succeed. After that one fails if @once, else all do. If @left is
 * negative, none fails.
 */
struct countdown {
	long left;
	bool once;
	bool failed;
};

static struct countdown of_pages = { .left = -1 };
static struct countdown of_kmalloc = { .left = -1 };
static struct countdown of_any = { .left = -1 };

static bool fails_now(struct countdown *c)
{
	long left = READ_ONCE(c->left);

	if (likely(left < 0))
		return false;
	if (left) {
		WRITE_ONCE(c->left, left - 1);
		return false;
	}
	WRITE_ONCE(c->failed, true);
	if (c->once)
		WRITE_ONCE(c->left, -1);
	return true;
}

void shim_fail_pages_after(long n)
{
	WRITE_ONCE(of_pages.left, n);
}

void shim_fail_kmalloc_after(long n)
{
	WRITE_ONCE(of_kmalloc.left, n);
}

/**
 * shim_fail_after() - make a request for memory of any kind fail
 * @n: requests that succeed before it
 * @all: make all requests after it fail as well, until shim_fail_end()
 */
void shim_fail_after(long n, bool all)
{
	of_any.once = !all;
	of_any.failed = false;
	WRITE_ONCE(of_any.left, n);
}

/* From now on no request fails. Returns whether one has failed since shim_fail_after(). */
bool shim_fail_end(void)
{
	WRITE_ONCE(of_any.left, -1);
	return READ_ONCE(of_any.failed);
}

bool shim_pages_must_fail(void)
{
	return fails_now(&of_pages) || fails_now(&of_any);
}

bool shim_kmalloc_must_fail(void)
{
	return fails_now(&of_kmalloc) || fails_now(&of_any);
}
