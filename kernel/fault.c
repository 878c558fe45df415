// SPDX-License-Identifier: GPL-2.0
/*
 * fail_hak: the kernel's fault injection for what hakmem asks for. Its files are in
 * debugfs beside those of failslab and fail_page_alloc, and mean what
 * Documentation/fault-injection/ says.
 */
#include <linux/debugfs.h>
#include <linux/fault-inject.h>

#include "core.h"

static DECLARE_FAULT_ATTR(hak_fault);
static struct dentry *hak_fault_dir;

/**
 * hak_should_fail() - does a test want this request to fail?
 * @bytes: what is asked for
 *
 * Requests for superslabs, for per-CPU memory and for typed caches ask. A task that
 * has a fail-nth in /proc counts them with its other requests for memory.
 *
 * Context: any but NMI.
 * Return: true if the caller has to fail.
 */
bool hak_should_fail(size_t bytes)
{
	return should_fail(&hak_fault, bytes);
}

void hak_fault_init(void)
{
	hak_fault_dir = fault_create_debugfs_attr("fail_hak", NULL, &hak_fault);
}

void hak_fault_exit(void)
{
	debugfs_remove(hak_fault_dir);
}
