# SPDX-License-Identifier: GPL-2.0
# The allocator core: the list of files that both builds compile (kernel/Kbuild and
# userspace_shim/Makefile). These files may include only <linux/...>.
hak-core-objs := api.o bulk.o cache.o cache_args.o check.o depot.o dump.o fallback.o \
		 harden.o helpers.o hotplug.o idle.o init.o limbo.o node.o node_alloc.o \
		 outbox.o page_arena.o params.o pcpu_cache.o pool.o rcu_chain.o rcu_free.o \
		 reaper.o registry.o report.o size_class.o slab.o spill.o stats.o \
		 superslab.o text.o trace.o trace_ring.o
