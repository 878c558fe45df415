# SPDX-License-Identifier: GPL-2.0
# make help tells what there is.

KERNEL ?= newest
BUILD ?= release
# An OUT that is empty is none, and a relative one is below this directory.
override OUT := $(if $(filter /%,$(firstword $(OUT))),$(OUT),$(CURDIR)/$(or $(OUT),out))
# In what the commands below run, make would take that of the command line for another.
MAKEOVERRIDES := $(filter-out OUT=%,$(MAKEOVERRIDES))
export OUT

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help:
	@echo 'make run            insert hakmem.ko in a VM, exercise it, run Larson on the same core, KUnit, short benchmarks'
	@echo 'make check          the tests; ends on "N passed, N failed"'
	@echo 'make check CI=1     also packages, documents, Debian'\''s kernel, other programs, memory'
	@echo 'make check-all      all of these and what takes long: more kernels, all interleavings'
	@echo ''
	@echo 'make module [KDIR=/lib/modules/$$(uname -r)/build]'
	@echo '                    kernel/hakmem.ko for that kernel; HAK_CHECKS=1 adds assertions'
	@echo 'make shim [BUILD=release|debug|asan|tsan]'
	@echo '                    out/BUILD/{libhakmem.so,libhakmem.a,larson_hakmem,larson}'
	@echo 'make check-shim     the tests of the userspace build'
	@echo 'make install [KDIR=...] [INSTALL_MOD_PATH=ROOT] [DESTDIR=DIR] [PREFIX=/usr/local]'
	@echo '                    hakmem.ko, hakmem.h and Module.symvers; docs/install.md tells where and how to sign'
	@echo '                    haktop, hakmap and hakcore, too; make install-tools installs these alone'
	@echo 'make install-lib    libhakmem.{so,a}, hakmem_lib.h and hakmem.pc; make install-source for DKMS'
	@echo 'make uninstall uninstall-tools uninstall-lib uninstall-source'
	@echo '                    what these have put there, given the same variables'
	@echo 'make check-kunit [KERNEL=newest|6.12|PATH] [FLAVOUR=kunit|kasan|kcsan|rt] [CPUS=4]'
	@echo '                    the KUnit suites in a VM'
	@echo 'make listing [KERNEL=newest|6.12|PATH] [FLAVOUR=bench-plain|kunit]'
	@echo '                    the fast paths, disassembled and counted: out/listing'
	@echo 'make model [FULL=1] a model of the slab protocol and the depot: all interleavings, and defects to be found'
	@echo 'make mutants [JOBS=N] [ONLY=RE] [NATIVE=1]'
	@echo '                    puts one bug after the other into a copy, each of which a test has to notice'
	@echo 'make fuzz [SECONDS=600]  random programs of API calls against a model of what they should do'
	@echo 'make soak HOURS=8   both builds under load with modes, CPUs and memory that change; 0.02 is 72 seconds'
	@echo 'make lint           checkpatch, sparse, W=1, kernel-doc, clang-tidy, shellcheck'
	@echo 'make bench-slub [KERNEL=newest|6.12|PATH] [BACKEND=auto|icount|uml|kvm] [CPUS=2] [SHORT=1|FULL=1]'
	@echo '                [HARDENED=0|1]'
	@echo '                    hakmem and SLUB in one kernel, in turn: out/bench-slub/results.{md,json}, plots'
	@echo 'make bench-mem [KERNEL=newest|6.12|PATH] [SECONDS=60]'
	@echo '                    memory taken by hakmem and SLUB: out/bench-mem; SECONDS is for producer and consumer'
	@echo 'make bench-day      a day in miniature, holdings and compaction beside SLUB: out/bench-day'
	@echo 'make bench-larson [LIBS="PATH.so..."] [SHORT=1] [PROGRAMS=DIR]'
	@echo '                    larson under every allocator there is here: out/bench-larson; also programs'
	@echo '                    of mimalloc-bench that are in DIR'
	@echo 'make bench-pairs [LIBS="PATH.so..."]'
	@echo '                    instructions of malloc() and free() under every allocator: out/bench-pairs'
	@echo 'make bench-hardened instructions with hardened=1, without, and of a hardened SLUB: out/bench-hardened'
	@echo 'make bench-io       an I/O of null_blk with its memory from SLUB and from hakmem: out/bench-io'
	@echo 'make bench-docs     all of these in full, and their figures into docs/benchmarks.md, docs/memory.md, README.md'
	@echo 'make docs           docs/api.md, from the comments in kernel/'
	@echo 'make clean          remove out/ and what Kbuild left in kernel/'
	@echo ''
	@echo 'Kernels are cached in $${HAKMEM_CACHE:-~/.cache/hakmem}. Every script has --help.'

.PHONY: run
run:
	@qemu/demo

.PHONY: check
check:
	@.ci/check $(if $(CI),--ci)

# Sets $$kdir, or says what is wrong with KDIR.
find_kdir = kdir=$$(bash -c '. qemu/lib/kdir.sh && make_kdir "$$1"' make '$(KDIR)')

.PHONY: module
module:
	@$(find_kdir) && $(MAKE) -C "$$kdir" M="$(CURDIR)/kernel" modules

.PHONY: shim
shim:
	@qemu/deps shim
	$(MAKE) -C userspace_shim BUILD=$(BUILD) OUT="$(OUT)"

.PHONY: check-all
check-all:
	@.ci/check --all

.PHONY: check-shim
check-shim:
	@qemu/deps shim programs
	@.ci/check --ci --only=shim

.PHONY: check-kunit
check-kunit:
	@qemu/deps run kernel
	kunit/run --kernel=$(KERNEL) --flavour=$(or $(FLAVOUR),kunit) --cpus=$(or $(CPUS),4)

.PHONY: listing
listing:
	@qemu/deps run kernel
	qemu/bench/listing --kernel=$(KERNEL) $(if $(FLAVOUR),--flavour=$(FLAVOUR))

.PHONY: model
model:
	@qemu/deps model
	@kunit/model/run $(if $(FULL),--full)

.PHONY: mutants
mutants:
	@qemu/deps shim $(if $(NATIVE),,run kernel)
	@kunit/mutants/run $(if $(JOBS),--jobs=$(JOBS)) $(if $(ONLY),--only='$(ONLY)') $(if $(NATIVE),--native)

.PHONY: fuzz
fuzz:
	@qemu/deps fuzz
	@userspace_shim/fuzz/run $(if $(SECONDS),--seconds=$(SECONDS))

.PHONY: soak
soak:
	@qemu/deps shim run kernel
	@kunit/soak --hours=$(or $(HOURS),1)

.PHONY: bench-slub
bench-slub:
	@qemu/bench/bench-slub --kernel=$(KERNEL) --backend=$(or $(BACKEND),auto) --cpus=$(or $(CPUS),2) \
		$(if $(SHORT),--short) $(if $(FULL),--full) \
		$(patsubst 0,--slub=plain,$(patsubst 1,--slub=hardened,$(HARDENED)))

.PHONY: bench-mem
bench-mem:
	@qemu/deps run kernel bench
	qemu/bench/bench-mem --kernel=$(KERNEL) --flavour=bench-plain --seconds=$(or $(SECONDS),60)

.PHONY: bench-day
bench-day:
	@qemu/deps run kernel
	qemu/bench/bench-day

.PHONY: bench-larson
bench-larson:
	@qemu/bench/bench-larson $(if $(SHORT),--short,--callgrind) \
		$(if $(PROGRAMS),--programs=$(PROGRAMS)) $(LIBS)

.PHONY: bench-pairs
bench-pairs:
	@qemu/bench/bench-pairs $(LIBS)

.PHONY: bench-hardened
bench-hardened:
	@qemu/bench/bench-hardened

.PHONY: bench-io
bench-io:
	@qemu/bench/bench-io --backend=icount
	@qemu/bench/bench-io --backend=uml --blocks=20000

.PHONY: bench-docs
bench-docs:
	qemu/bench/bench-slub --kernel=newest --full
	qemu/bench/bench-slub --kernel=6.12 --full
	$(MAKE) --no-print-directory bench-mem SECONDS=600
	$(MAKE) --no-print-directory bench-day bench-larson bench-pairs bench-hardened bench-io
	qemu/bench/bench-document

# --- installing; docs/install.md tells about it ---

# The one place that says the version; .ci/lint compares the others with it.
VERSION = $(shell sed -n 's/^.define HAKMEM_VERSION[[:space:]]*"\(.*\)"/\1/p' kernel/include/hakmem.h)
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
SRCDIR ?= /usr/src

symbols := $(DESTDIR)$(PREFIX)/lib/hakmem
headers := $(DESTDIR)$(PREFIX)/include/hakmem
modroot := $(abspath $(DESTDIR)$(INSTALL_MOD_PATH))
library := $(DESTDIR)$(LIBDIR)
library_header := $(DESTDIR)$(PREFIX)/include/hakmem_lib.h
tools := $(DESTDIR)$(PREFIX)
programs := haktop hakmap hakcore
shared := hakmem_snapshot.py hakmem_core.py
sources = $(DESTDIR)$(SRCDIR)/hakmem-$(VERSION)

# DESTDIR is where a package is put together, so modules.dep is not its business.
run_depmod = $(if $(DESTDIR),:,PATH="$$PATH:/usr/sbin:/sbin" \
	depmod $(if $(modroot),-b "$(modroot)") "$$release")

# $(call copy_tree,FROM,TO,FIND EXPRESSION)
copy_tree = (cd $(1) && find . -type f \( $(3) \) ! -name '*.mod.c') | \
	while read -r file; do install -D -m 644 "$(1)/$$file" "$(2)/$$file" || exit; done

.PHONY: install
install:
	@$(find_kdir) && read -r release <"$$kdir/include/config/kernel.release" && \
	$(MAKE) -C "$$kdir" M="$(CURDIR)/kernel" modules && \
	$(MAKE) -C "$$kdir" M="$(CURDIR)/kernel" INSTALL_MOD_PATH="$(modroot)" \
		INSTALL_MOD_DIR=updates DEPMOD=true modules_install && \
	install -D -m 644 kernel/Module.symvers "$(symbols)/$$release/Module.symvers" && \
	$(call copy_tree,kernel/include,$(headers),-name '*.h') && \
	$(MAKE) --no-print-directory install-tools && \
	$(run_depmod)

# Headers and tools go with the last kernel's Module.symvers.
.PHONY: uninstall
uninstall:
	@$(find_kdir) && read -r release <"$$kdir/include/config/kernel.release" && \
	rm -f "$(modroot)/lib/modules/$$release/updates/hakmem.ko"* && \
	rm -rf "$(symbols)/$$release" && \
	{ ! rmdir "$(symbols)" 2>/dev/null || { rm -rf "$(headers)" && \
		$(MAKE) --no-print-directory uninstall-tools; }; } && \
	$(run_depmod)

# The tools, and what they share.
.PHONY: install-tools
install-tools:
	@install -d "$(tools)/bin" "$(tools)/share/hakmem"
	@install -m 755 $(addprefix tools/,$(programs)) "$(tools)/bin"
	@install -m 644 $(addprefix tools/,$(shared)) "$(tools)/share/hakmem"

.PHONY: uninstall-tools
uninstall-tools:
	@rm -f $(addprefix "$(tools)/bin/,$(addsuffix ",$(programs))) $(addprefix "$(tools)/share/hakmem/,$(addsuffix ",$(shared)))
	@rmdir "$(tools)/share/hakmem" 2>/dev/null || :

.PHONY: install-lib
install-lib:
	$(MAKE) -C userspace_shim BUILD=release OUT="$(OUT)" "$(OUT)/release/libhakmem.so" "$(OUT)/release/libhakmem.a"
	install -d "$(library)/pkgconfig"
	install -m 644 "$(OUT)/release/libhakmem.so" "$(OUT)/release/libhakmem.a" "$(library)"
	install -D -m 644 userspace_shim/hakmem_lib.h "$(library_header)"
	printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(LIBDIR)' '' 'Name: hakmem' \
		'Description: malloc() and its kin, served by the hakmem slab allocator' \
		'Version: $(VERSION)' 'Cflags: -I$${prefix}/include' \
		'Libs: -L$${libdir} -lhakmem' 'Libs.private: -pthread -ldl' \
		>"$(library)/pkgconfig/hakmem.pc"

.PHONY: uninstall-lib
uninstall-lib:
	rm -f "$(library)/libhakmem.so" "$(library)/libhakmem.a" "$(library)/pkgconfig/hakmem.pc" \
		"$(library_header)"

# What DKMS builds from: after it, dkms install hakmem/VERSION.
.PHONY: install-source
install-source:
	@$(call copy_tree,kernel,$(sources)/kernel,-name '*.[ch]' -o -name Kbuild -o -name '*.mk')
	@install -m 644 dkms.conf COPYING "$(sources)"

.PHONY: uninstall-source
uninstall-source:
	rm -rf "$(sources)"

# What is made from the comments in kernel/.
.PHONY: docs
docs:
	@docs/render-api

.PHONY: lint
lint:
	@.ci/check --only=lint

.PHONY: clean
clean:
	rm -rf "$(OUT)"
	find kernel kunit qemu/bench \( -name '*.o' -o -name '*.ko' -o -name '*.mod' -o -name '*.mod.c' \
		-o -name '.*.cmd' -o -name modules.order -o -name Module.symvers \) -delete
