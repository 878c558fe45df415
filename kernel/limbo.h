/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Limbo: whole slabs of SLAB_TYPESAFE_BY_RCU caches that wait for a grace period.
 */
#ifndef _HAK_LIMBO_H
#define _HAK_LIMBO_H

#include <linux/types.h>

struct hak_cache;
struct hak_slab;

void hak_limbo_put(struct hak_slab *s);
bool hak_limbo_release(void);
void hak_limbo_drain(struct hak_cache *c);
void hak_limbo_drain_all(void);

#endif /* _HAK_LIMBO_H */
