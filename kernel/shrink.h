/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HAK_SHRINK_H
#define _HAK_SHRINK_H

#include <linux/types.h>

int hak_shrink_init(void);
void hak_shrink_exit(void);
u64 hak_shrink(void);

#endif /* _HAK_SHRINK_H */
