/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HAK_SHRINK_H
#define _HAK_SHRINK_H

#include <linux/types.h>

struct shrink_control;
struct shrinker;

int hak_shrink_init(void);
void hak_shrink_exit(void);
void hak_shrink(void);
unsigned long hak_shrink_for_oom(void);
bool hak_trim_step(void);
unsigned long hak_shrink_count(struct shrinker *s, struct shrink_control *sc);

#endif /* _HAK_SHRINK_H */
