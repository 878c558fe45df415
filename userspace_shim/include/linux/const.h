/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: full
 *
 * Constants shared with assembler.
 */
#ifndef _SHIM_LINUX_CONST_H
#define _SHIM_LINUX_CONST_H

#define _AC(x, y)	x##y
#define _UL(x)		(_AC(x, UL))
#define _ULL(x)		(_AC(x, ULL))
#define _BITUL(x)	(_UL(1) << (x))
#define _BITULL(x)	(_ULL(1) << (x))
#define UL(x)		(_UL(x))
#define ULL(x)		(_ULL(x))

#endif
