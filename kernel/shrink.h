/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HAK_SHRINK_H
#define _HAK_SHRINK_H

#include <linux/types.h>

struct notifier_block;
struct shrink_control;
struct shrinker;

/*
 * OOM notices are a series until none has come for so long, in ms. Between two notices for
 * one allocation the page allocator reclaims memory in up to 16 rounds, and a notice may wait
 * for CPUs for half a second.
 */
#define HAK_OOM_SERIES_MS	10000

/*
 * How often in a series the pages of a node are reported without progress. Each time the
 * page allocator tries those rounds again.
 */
#define HAK_OOM_AGAIN		4

int hak_shrink_init(void);
void hak_shrink_exit(void);
void hak_shrink(void);
unsigned long hak_shrink_for_oom(void);
unsigned int hak_flushes_asked(unsigned int cpu);
void hak_oom_age(unsigned int ms);
bool hak_trim_step(void);
unsigned long hak_shrink_count(struct shrinker *s, struct shrink_control *sc);
unsigned long hak_shrink_scan(struct shrinker *s, struct shrink_control *sc);
int hak_oom_notify(struct notifier_block *nb, unsigned long unused, void *data);

#endif /* _HAK_SHRINK_H */
