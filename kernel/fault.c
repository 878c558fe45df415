// SPDX-License-Identifier: GPL-2.0
/*
 * fail_hak: the kernel's fault injection for hakmem's own requests for memory. Its files
 * are in debugfs beside those of failslab and fail_page_alloc, and
 * Documentation/fault-injection/ explains them.
 */
#include <linux/dcache.h>
#include <linux/debugfs.h>
#include <linux/fault-inject.h>

#include "core.h"

static DECLARE_FAULT_ATTR(hak_fault);
static struct dentry *hak_fault_dir;

/**
 * hak_should_fail() - does a test want this request to fail?
 * @bytes: size of the request
 *
 * It is called for each superslab, for per-CPU memory and for each typed cache. If a task
 * has set fail-nth in /proc, these requests are counted with its other ones.
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
#ifndef FAULT_ATTR_DNAME_LEN
	/* An older kernel keeps the directory for its name. A newer one copies the name. */
	dput(hak_fault.dname);
#endif
}
