// SPDX-License-Identifier: GPL-2.0
/*
 * The core's counters as JSON.
 */
#include <stdarg.h>
#include <stdio.h>

#include <linux/kernel.h>

#include "core.h"
#include "shim.h"

struct json {
	char *buf;
	size_t size, len;
};

static void __printf(2, 3) add(struct json *j, const char *fmt, ...)
{
	bool fits = j->len < j->size;
	va_list args;

	va_start(args, fmt);
	j->len += vsnprintf(fits ? j->buf + j->len : NULL,
			    fits ? j->size - j->len : 0, fmt, args);
	va_end(args);
}

static void add_totals(struct json *j)
{
	struct hak_stats st;
	unsigned int i;

	hak_stats_read(&st);
	for (i = 0; i < HAK_NR_EVENTS; i++)
		add(j, "\"%s\":%lu,", hak_event_name[i], st.event[i]);
	add(j, "\"superslabs\":%lu,\"superslabs_empty\":%lu,",
	    st.superslabs, st.superslabs_empty);
	add(j, "\"superslabs_grown\":%llu,\"superslabs_shrunk\":%llu,",
	    st.grown, st.shrunk);
	add(j, "\"pages\":%lu,\"slots_used\":%lu,\"arena_bytes\":%llu,",
	    st.pages, st.slots_used, hak_arena_bytes());
	/*
	 * With this on, a program reads the counters only after it has stopped
	 * freeing.
	 */
	add(j, "\"stranded\":%lu,",
	    hak_paranoid_drain ? hak_paranoid_scan() : 0);
	add(j, "\"threads_online\":%u,\"threads_parked\":%u,\"threads_possible\":%u,",
	    num_online_cpus(), shim_nr_parked(), num_possible_cpus());
}

static void add_cache(struct json *j, struct hak_cache *c)
{
	struct hak_class_stats cs;

	hak_class_stats_read(c, &cs);
	add(j, "{\"name\":\"%s\",\"size\":%u,\"capacity\":%u,",
	    cs.name, cs.size, cs.capacity);
	add(j, "\"live\":%ld,\"excess_frees\":%lu,\"cached\":%lu,\"slabs\":%lu,",
	    cs.live, cs.excess, cs.cached, cs.slabs);
	add(j, "\"refills\":%lu,\"spills\":%lu,\"pushes\":%lu,\"drains\":%lu}",
	    cs.refills, cs.spills, cs.pushes, cs.drains);
}

/**
 * hakmem_stats_json() - write the counters as one JSON object
 * @buf: filled in, and terminated unless @len is 0
 * @len: its size
 *
 * Return: the length of the whole object, as snprintf(); -1 if the core is not
 * running.
 */
int hakmem_stats_json(char *buf, unsigned long len)
{
	struct json j = { buf, len, 0 };
	struct hak_cache *c;
	bool first = true;

	if (!shim_is_ready())
		return -1;
	add(&j, "{\"version\":\"%s\",", HAKMEM_VERSION);
	add_totals(&j);
	add(&j, "\"caches\":[");
	mutex_lock(&hak_cache_mutex);
	list_for_each_entry(c, &hak_caches, list) {
		if (!first)
			add(&j, ",");
		add_cache(&j, c);
		first = false;
	}
	mutex_unlock(&hak_cache_mutex);
	add(&j, "]}");
	return j.len;
}
