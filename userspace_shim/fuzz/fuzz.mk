# SPDX-License-Identifier: GPL-2.0
# The fuzz target, of BUILD=fuzz: libFuzzer is clang's.

$(D)/fuzz_api: fuzz/fuzz_api.c $(CORE) $(KUNIT_SHIM) $(O)/flags
	@mkdir -p $(@D) $(O)/tests
	$(CC) $(filter-out -Wno-use-after-free,$(TEST_FLAGS)) -fsanitize=fuzzer -MF $(O)/tests/fuzz_api.d -MT $@ $< $(CORE) \
		$(KUNIT_SHIM) $(LIBS) -o $@
