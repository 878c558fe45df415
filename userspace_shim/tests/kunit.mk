# SPDX-License-Identifier: GPL-2.0
# The KUnit suites of ../kunit, each as a program of this build. They are linked
# without the malloc front end, so only the suite uses the core and its counters are
# exact. The suite of interrupts needs a kernel.

KUNIT_SUITES := fault size_class registry slab remote pcpu_cache spill depot magazine outbox \
		pool superslab reaper idle lost api helpers zero bulk bad_input fallback typed rcu \
		stress abuse broken check quick tags
KUNIT_TESTS := $(KUNIT_SUITES:%=$(D)/tests/test_kunit_%)
KUNIT_FLAGS := $(BASE) -I. $(INC) -fno-strict-aliasing -fwrapv \
	       -fno-delete-null-pointer-checks -ftls-model=initial-exec $(WARN)
KUNIT_COMMON := $(addprefix $(O)/kunit/,hak_test.o kunit_main.o kunit_threads.o)
KUNIT_SHIM := $(filter-out $(O)/shim/malloc.o,$(SHIM))

$(O)/kunit/%.o: ../kunit/%.c $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(KUNIT_FLAGS) -c $< -o $@

$(O)/kunit/%.o: tests/%.c $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(KUNIT_FLAGS) -c $< -o $@

$(KUNIT_TESTS): $(D)/tests/test_kunit_%: $(O)/kunit/%_test.o $(KUNIT_COMMON) \
		$(CORE) $(KUNIT_SHIM)
	@mkdir -p $(@D)
	$(CC) $(LINK-$(BUILD)) $^ -lcmocka $(LIBS) -o $@

.SECONDARY: $(KUNIT_SUITES:%=$(O)/kunit/%_test.o) $(KUNIT_COMMON)

# The suites alone, without the shim's own tests.
.PHONY: kunit check-kunit
kunit: $(KUNIT_TESTS)
tests: kunit
check-kunit: kunit
	tests/run --bin $(D) --filter '^test_kunit_'
