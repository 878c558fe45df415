# SPDX-License-Identifier: GPL-2.0
# The fuzz targets, of BUILD=fuzz: libFuzzer is clang's. Messages that a target expects are
# not printed.

FUZZ_FLAGS := $(filter-out -Wno-use-after-free $(TEST_RENAME-$(BUILD)),$(TEST_FLAGS)) -Ifuzz

$(O)/fuzz/%.o: fuzz/%.c $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(FUZZ_FLAGS) -c $< -o $@

FUZZ_TARGETS := $(D)/fuzz_api $(D)/fuzz_threads

$(D)/fuzz_api: $(addprefix $(O)/fuzz/,fuzz_api.o calls.o misuse.o model.o start.o)
$(D)/fuzz_threads: $(addprefix $(O)/fuzz/,fuzz_threads.o threads_calls.o start.o)

$(FUZZ_TARGETS): $(CORE) $(KUNIT_SHIM)
	@mkdir -p $(@D)
	$(CC) $(FUZZ_FLAGS) -fsanitize=fuzzer -Wl,--wrap=_printk $(filter %.o,$^) $(LIBS) -o $@

# Of BUILD=tsan, without libFuzzer.
$(D)/replay_threads: $(addprefix $(O)/fuzz/,fuzz_threads.o threads_calls.o start.o replay.o) $(CORE) $(KUNIT_SHIM)
	@mkdir -p $(@D)
	$(CC) $(LINK-$(BUILD)) -Wl,--wrap=_printk $^ $(LIBS) -o $@
