/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * scnprintf and vscnprintf are the shim's own formatter, the one pr_*() uses:
 * no malloc, async-signal-safe, the integer and string conversions and %p
 * with any extension printed as an address. snprintf and vsnprintf are the C
 * library's.
 */
#ifndef _SHIM_LINUX_SPRINTF_H
#define _SHIM_LINUX_SPRINTF_H

#include <linux/types.h>
#include <stdarg.h>

int scnprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
int vscnprintf(char *buf, size_t size, const char *fmt, va_list args);
int snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
int vsnprintf(char *buf, size_t size, const char *fmt, va_list args);
int sprintf(char *buf, const char *fmt, ...) __printf(2, 3);

#endif
