/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _HAK_BENCH_MIXED_H
#define _HAK_BENCH_MIXED_H

void bench_mixed_init(void);

#endif /* _HAK_BENCH_MIXED_H */
