/* SPDX-License-Identifier: GPL-2.0 */
void early_use(void);
