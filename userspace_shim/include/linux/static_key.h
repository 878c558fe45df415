/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: custom
 *
 * See jump_label.h.
 */
#ifndef _SHIM_LINUX_STATIC_KEY_H
#define _SHIM_LINUX_STATIC_KEY_H

#include <linux/jump_label.h>

#endif
