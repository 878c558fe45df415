/* SPDX-License-Identifier: GPL-2.0 */
void *plugin_use(void *p);
