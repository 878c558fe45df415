/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * Whole-string number parsing with the kernel's results: -EINVAL, -ERANGE;
 * one trailing newline is allowed.
 */
#ifndef _SHIM_LINUX_KSTRTOX_H
#define _SHIM_LINUX_KSTRTOX_H

#include <linux/types.h>

int kstrtouint(const char *s, unsigned int base, unsigned int *res);
int kstrtobool(const char *s, bool *res);

#endif
