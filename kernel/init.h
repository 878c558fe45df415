/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bringing the core up and down.
 */
#ifndef _HAK_INIT_H
#define _HAK_INIT_H

int hak_core_init(void);
void hak_core_exit(void);
long hak_core_leaks(void);

#endif /* _HAK_INIT_H */
