// SPDX-License-Identifier: GPL-2.0
/* What null_blk's trace events print, for both. */
#ifdef CONFIG_BLK_DEV_ZONED
#include <../drivers/block/null_blk/trace.c>
#endif
