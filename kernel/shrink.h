/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HAK_SHRINK_H
#define _HAK_SHRINK_H

int hak_shrink_init(void);
void hak_shrink_exit(void);
void hak_shrink(void);

#endif /* _HAK_SHRINK_H */
