/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The counters as text, in the form of the debugfs files. The module writes it
 * into those files, the userspace build into its snapshots.
 */
#ifndef _HAK_TEXT_H
#define _HAK_TEXT_H

#include <linux/compiler.h>
#include <linux/stdarg.h>

struct hak_class_stats;
struct hak_entry;
struct hak_superslab;

/**
 * struct hak_text - where text goes
 * @vprint: writes the next piece of text
 */
struct hak_text {
	void (*vprint)(struct hak_text *to, const char *fmt,
		       va_list args) __printf(2, 0);
};

#define HAK_CLASSES_HEADING \
	"# name size per_slab slabs live cached refills spills pushes drains depot sends receives excess_frees fallback\n"
#define HAK_SUPERSLABS_HEADING \
	"# those with slabs; a slab: size:used/carved and O owned, P parked, L in a pool; -: unused; .: given back\n"

void hak_text_stats(struct hak_text *to);
void hak_text_class(struct hak_text *to, const struct hak_class_stats *cs);
void hak_text_superslab(struct hak_text *to, struct hak_superslab *ss);
void hak_text_leaf(struct hak_text *to, const struct hak_entry *leaf);

#endif /* _HAK_TEXT_H */
