/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: stub
 *
 * Sections and initcalls mean nothing here; the shim calls hak_core_init().
 */
#ifndef _SHIM_LINUX_INIT_H
#define _SHIM_LINUX_INIT_H

#define __init
#define __exit
#define __initdata
#define __initconst
#define __exitdata
#define __cpuinit
#define __meminit

#endif
