/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: stub
 *
 * No task reclaims memory, so none learns how many pages were freed meanwhile.
 */
#ifndef _SHIM_LINUX_SWAP_H
#define _SHIM_LINUX_SWAP_H

#define mm_account_reclaimed_pages(pages)	((void)(pages))

#endif
