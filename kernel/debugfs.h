/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HAK_DEBUGFS_H
#define _HAK_DEBUGFS_H

void hak_debugfs_init(void);
void hak_debugfs_exit(void);

#endif /* _HAK_DEBUGFS_H */
