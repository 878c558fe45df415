# SPDX-License-Identifier: GPL-2.0
# The soak program. Linked without the malloc front end: its counters are exact.

$(O)/soak/%.o: soak/%.c $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(KUNIT_FLAGS) -Isoak -c $< -o $@

$(D)/soak: $(O)/soak/soak.o $(O)/soak/work.o $(CORE) $(KUNIT_SHIM)
	$(CC) $(LINK-$(BUILD)) $^ $(LIBS) -o $@
