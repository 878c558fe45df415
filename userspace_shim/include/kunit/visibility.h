/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shim: stub
 *
 * Nothing is hidden from tests.
 */
#ifndef _SHIM_KUNIT_VISIBILITY_H
#define _SHIM_KUNIT_VISIBILITY_H

#define VISIBLE_IF_KUNIT
#define EXPORT_SYMBOL_IF_KUNIT(sym)	extern int __shim_no_module

#endif
