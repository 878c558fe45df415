/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HAK_XARRAY_NODES_H
#define _HAK_XARRAY_NODES_H

int xarray_nodes_init(void);
void xarray_nodes_exit(void);

#endif /* _HAK_XARRAY_NODES_H */
