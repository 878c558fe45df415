/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the core logs, for the suites. A kernel tells it by a trace event, and the
 * userspace build writes it to standard error.
 */
#ifndef _HAK_TEST_LOG_H
#define _HAK_TEST_LOG_H

#include <linux/types.h>

/**
 * hak_test_hear() - begin to keep what this task logs
 *
 * What was kept before is dropped. hak_test_heard() ends it.
 *
 * Return: true; false in a kernel that does not tell.
 */
bool hak_test_hear(void);

/* Return: the lines logged since hak_test_hear(), until that is called again. */
const char *hak_test_heard(void);

#endif /* _HAK_TEST_LOG_H */
