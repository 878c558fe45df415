/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * str_yes_no and the like.
 */
#ifndef _SHIM_LINUX_STRING_CHOICES_H
#define _SHIM_LINUX_STRING_CHOICES_H

#include <linux/types.h>

#define str_yes_no(v)		((v) ? "yes" : "no")
#define str_on_off(v)		((v) ? "on" : "off")
#define str_enabled_disabled(v)	((v) ? "enabled" : "disabled")
#define str_plural(n)		((n) == 1 ? "" : "s")

#endif
