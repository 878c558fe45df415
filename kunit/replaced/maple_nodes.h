/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HAK_MAPLE_NODES_H
#define _HAK_MAPLE_NODES_H

void maple_nodes_init(void);
void maple_nodes_exit(void);

#endif /* _HAK_MAPLE_NODES_H */
