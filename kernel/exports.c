// SPDX-License-Identifier: GPL-2.0
/*
 * The symbols of the core that the KUnit suites use, exported in a namespace of
 * their own. A kernel without KUnit exports none of them.
 */
#include <linux/export.h>

#include "core.h"
#include "memory_hotplug.h"
#include "rcu_free.h"
#include "shrink.h"

#if IS_ENABLED(CONFIG_KUNIT)

HAK_EXPORT_INTERNAL(hak_arena_alloc);
HAK_EXPORT_INTERNAL(hak_arena_bytes);
HAK_EXPORT_INTERNAL(hak_arena_discard);
HAK_EXPORT_INTERNAL(hak_arena_free_slot);
HAK_EXPORT_INTERNAL(hak_arena_node_bytes);
HAK_EXPORT_INTERNAL(hak_arena_returned);
HAK_EXPORT_INTERNAL(hak_arena_split);
HAK_EXPORT_INTERNAL(hak_bad_free_limit);
HAK_EXPORT_INTERNAL(hak_cache_mutex);
HAK_EXPORT_INTERNAL(hak_cache_set_listed);
HAK_EXPORT_INTERNAL(hak_caches);
HAK_EXPORT_INTERNAL(hak_check_live);
HAK_EXPORT_INTERNAL(hak_check_track);
HAK_EXPORT_INTERNAL(hak_check_wanted);
HAK_EXPORT_INTERNAL(hak_class);
HAK_EXPORT_INTERNAL(hak_class_stats_read);
HAK_EXPORT_INTERNAL(hak_core_leaks);
HAK_EXPORT_INTERNAL(hak_corrupt_limit);
HAK_EXPORT_INTERNAL(hak_cpu_alloc_slow);
HAK_EXPORT_INTERNAL(hak_cpu_awake_mark);
HAK_EXPORT_INTERNAL(hak_cpu_cache_bytes);
HAK_EXPORT_INTERNAL(hak_cpu_cache_init);
HAK_EXPORT_INTERNAL(hak_cpu_dead);
HAK_EXPORT_INTERNAL(hak_cpu_flush);
HAK_EXPORT_INTERNAL(hak_cpu_flush_this);
HAK_EXPORT_INTERNAL(hak_cpu_holds);
HAK_EXPORT_INTERNAL(hak_cpu_online);
HAK_EXPORT_INTERNAL(hak_cpu_outbox);
HAK_EXPORT_INTERNAL(hak_cpu_make_room);
HAK_EXPORT_INTERNAL(hak_cpu_put);
HAK_EXPORT_INTERNAL(hak_cpu_refill);
HAK_EXPORT_INTERNAL(hak_cpu_scan_idle);
HAK_EXPORT_INTERNAL(hak_cpu_spill);
HAK_EXPORT_INTERNAL(hak_cpu_take);
HAK_EXPORT_INTERNAL(hak_debug);
HAK_EXPORT_INTERNAL(hak_deferred);
HAK_EXPORT_INTERNAL(hak_depot_flush);
HAK_EXPORT_INTERNAL(hak_depot_trim);
HAK_EXPORT_INTERNAL(hak_event_name);
HAK_EXPORT_INTERNAL(hak_events);
HAK_EXPORT_INTERNAL(hak_fallback_cache);
HAK_EXPORT_INTERNAL(hak_fallback_live);
HAK_EXPORT_INTERNAL(hak_fallback_owns);
HAK_EXPORT_INTERNAL(hak_fallback_sync);
HAK_EXPORT_INTERNAL(hak_fast_cap);
HAK_EXPORT_INTERNAL(hak_flushes_asked);
HAK_EXPORT_INTERNAL(hak_hardened);
HAK_EXPORT_INTERNAL(hak_hardened_on);
HAK_EXPORT_INTERNAL(hak_limbo_drain_all);
HAK_EXPORT_INTERNAL(hak_limbo_put);
HAK_EXPORT_INTERNAL(hak_limbo_release);
HAK_EXPORT_INTERNAL(hak_lock_stats_on);
HAK_EXPORT_INTERNAL(hak_magazine_objects);
HAK_EXPORT_INTERNAL(hak_memory_notify);
HAK_EXPORT_INTERNAL(hak_no_leaf);
HAK_EXPORT_INTERNAL(hak_node);
HAK_EXPORT_INTERNAL(hak_node_near);
HAK_EXPORT_INTERNAL(hak_node_next);
HAK_EXPORT_INTERNAL(hak_node_ram_span);
HAK_EXPORT_INTERNAL(hak_numa);
HAK_EXPORT_INTERNAL(hak_oom_age);
HAK_EXPORT_INTERNAL(hak_oom_notify);
HAK_EXPORT_INTERNAL(hak_outbox_bytes);
HAK_EXPORT_INTERNAL(hak_outbox_objects);
HAK_EXPORT_INTERNAL(hak_outbox_put);
HAK_EXPORT_INTERNAL(hak_param_find);
HAK_EXPORT_INTERNAL(hak_param_set);
HAK_EXPORT_INTERNAL(hak_param_show);
HAK_EXPORT_INTERNAL(hak_paranoid_drain);
HAK_EXPORT_INTERNAL(hak_paranoid_scan);
HAK_EXPORT_INTERNAL(hak_pool_adopt);
HAK_EXPORT_INTERNAL(hak_pool_put);
HAK_EXPORT_INTERNAL(hak_pool_reap);
HAK_EXPORT_INTERNAL(hak_pool_reap_taken);
HAK_EXPORT_INTERNAL(hak_pool_take_queue);
HAK_EXPORT_INTERNAL(hak_rcu_cpu_lock);
HAK_EXPORT_INTERNAL(hak_reap_all);
HAK_EXPORT_INTERNAL(hak_reap_irq);
HAK_EXPORT_INTERNAL(hak_reap_queue);
HAK_EXPORT_INTERNAL(hak_registry);
HAK_EXPORT_INTERNAL(hak_registry_cover);
HAK_EXPORT_INTERNAL(hak_registry_covers);
HAK_EXPORT_INTERNAL(hak_registry_prepare);
HAK_EXPORT_INTERNAL(hak_registry_set);
HAK_EXPORT_INTERNAL(hak_report_bad_free);
HAK_EXPORT_INTERNAL(hak_report_object);
HAK_EXPORT_INTERNAL(hak_report_slab);
HAK_EXPORT_INTERNAL(hak_shrink);
HAK_EXPORT_INTERNAL(hak_shrink_count);
HAK_EXPORT_INTERNAL(hak_shrink_for_oom);
HAK_EXPORT_INTERNAL(hak_shrink_scan);
HAK_EXPORT_INTERNAL(hak_size_index);
HAK_EXPORT_INTERNAL(hak_slab_count);
HAK_EXPORT_INTERNAL(hak_slab_drain);
HAK_EXPORT_INTERNAL(hak_slab_give);
HAK_EXPORT_INTERNAL(hak_slab_init);
HAK_EXPORT_INTERNAL(hak_slab_link);
HAK_EXPORT_INTERNAL(hak_slab_park);
HAK_EXPORT_INTERNAL(hak_slab_push);
HAK_EXPORT_INTERNAL(hak_slab_release);
HAK_EXPORT_INTERNAL(hak_slab_take);
HAK_EXPORT_INTERNAL(hak_slab_validate);
HAK_EXPORT_INTERNAL(hak_slow_only_get);
HAK_EXPORT_INTERNAL(hak_slow_only_put);
HAK_EXPORT_INTERNAL(hak_stats_read);
HAK_EXPORT_INTERNAL(hak_superslab_break);
HAK_EXPORT_INTERNAL(hak_superslab_claim);
HAK_EXPORT_INTERNAL(hak_superslab_empty_pages);
HAK_EXPORT_INTERNAL(hak_superslab_grow);
HAK_EXPORT_INTERNAL(hak_superslab_shrink);
HAK_EXPORT_INTERNAL(hak_superslab_trim);
HAK_EXPORT_INTERNAL(hak_superslabs);
HAK_EXPORT_INTERNAL(hak_trace_name);
HAK_EXPORT_INTERNAL(hak_tracing);
HAK_EXPORT_INTERNAL(hak_trim_pause);
HAK_EXPORT_INTERNAL(hak_trim_step);
HAK_EXPORT_INTERNAL(hak_trim_stopped);

#endif
