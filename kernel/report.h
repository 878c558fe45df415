/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reports of misuse and corruption.
 */
#ifndef _HAK_REPORT_H
#define _HAK_REPORT_H

#include <linux/ratelimit.h>

struct hak_cache;
struct hak_slab;

extern struct ratelimit_state hak_bad_free_limit;
extern struct ratelimit_state hak_corrupt_limit;

void hak_report_bad_free(const void *p, const struct hak_cache *c,
			 const char *why, unsigned long caller);
void hak_report_zero(const struct hak_cache *c);
void hak_report_corrupt(struct hak_slab *s, const struct hak_cache *c, const void *obj,
			const void *p, const char *why);
void hak_report_object(const struct hak_cache *c, const void *p, const char *why);
int hak_report_live(const struct hak_cache *c, const void *p);
void hak_report_slab(struct hak_slab *s, const struct hak_cache *c);
void hak_report_tail(const void *tail, const void *p);
void hak_report_stray(const struct hak_cache *c, const void *p, unsigned int n);

#endif /* _HAK_REPORT_H */
