/* SPDX-License-Identifier: GPL-2.0 */
/* Modes of all of hakmem, which cost nothing while they are off. */
#ifndef _HAK_MODES_H
#define _HAK_MODES_H

#include <linux/jump_label.h>
#include <linux/kconfig.h>

void hak_slow_only_get(void);
void hak_slow_only_put(void);

/* On if the machine has more than one memory node. */
DECLARE_STATIC_KEY_FALSE(hak_numa);

static __always_inline bool hak_has_nodes(void)
{
	return IS_ENABLED(CONFIG_NUMA) && static_branch_unlikely(&hak_numa);
}

/* On with hardened=1. */
DECLARE_STATIC_KEY_FALSE(hak_hardened_on);

static __always_inline bool hak_is_hardened(void)
{
	return static_branch_unlikely(&hak_hardened_on);
}

#endif /* _HAK_MODES_H */
