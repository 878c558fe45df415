/* SPDX-License-Identifier: GPL-2.0 */
/* Starting and stopping the core. */
#ifndef _HAK_INIT_H
#define _HAK_INIT_H

int hak_core_init(void);
void hak_core_exit(void);
long hak_core_leaks(void);

#endif /* _HAK_INIT_H */
