/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: stub
 *
 * There are no devices, so no buffer needs cache lines of its own, as on machines
 * whose DMA is coherent.
 */
#ifndef _SHIM_LINUX_DMA_MAPPING_H
#define _SHIM_LINUX_DMA_MAPPING_H

#define dma_get_cache_alignment()	1

#endif
