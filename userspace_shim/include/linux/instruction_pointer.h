/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * _RET_IP_ and _THIS_IP_.
 */
#ifndef _SHIM_LINUX_INSTRUCTION_POINTER_H
#define _SHIM_LINUX_INSTRUCTION_POINTER_H

#define _RET_IP_	((unsigned long)__builtin_return_address(0))
#define _THIS_IP_ \
	({ __label__ __here; __here: (unsigned long)&&__here; })

#endif
