/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The functions of libhakmem that the C library does not have. A program that calls them
 * has to be linked with the library; see docs/shim.md.
 */
#ifndef _HAKMEM_LIB_H
#define _HAKMEM_LIB_H

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Write the counters as one JSON object into @buf, which has @len bytes. The text is cut
 * off if it is longer, and terminated unless @len is 0. Returns the length of the whole
 * object, as snprintf(), or -1 if the library could not start.
 */
int hakmem_stats_json(char *buf, unsigned long len);

/*
 * Report crashes on stderr from now on, as HAKMEM_CRASH_REPORT=1 does. Returns 0, or a
 * negative errno.
 */
int hakmem_install_crash_report(void);

#ifdef __cplusplus
}
#endif

#endif
