# SPDX-License-Identifier: GPL-2.0
# The programs that libc.sh runs: they know nothing of the library, and neither do
# the libraries that they link with or open.

ifneq ($(filter release debug,$(BUILD)),)
LIBC_TESTS := $(addprefix $(D)/tests/libc/,flush forks deepbind deepbind_fixed own_malloc \
	      wrapped large unload cfree lookup started signal forks_static deepbind_static started_static \
	      own_mlockall own_mlockall_static \
	      plugin.so plugin_static.so started_plugin.so wrapper.so)
endif
LIBC_CC = @mkdir -p $(@D); $(CC) -O1 -g -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter \
	  -Wno-use-after-free -fno-builtin -pthread

$(D)/tests/libc/%: tests/libc/%.c
	$(LIBC_CC) $< -ldl -o $@

$(D)/tests/libc/%.so: tests/libc/%.c
	$(LIBC_CC) -fPIC -shared $< -ldl -o $@

$(D)/tests/libc/forks: tests/libc/forks.c $(D)/tests/libc/early.so
	$(LIBC_CC) $^ -o $@

# The program itself calls no malloc().
$(D)/tests/libc/forks_static: tests/libc/forks.c $(D)/tests/libc/early.so $(D)/libhakmem.a
	$(LIBC_CC) -Wl,-u,malloc $^ $(LIBS) -o $@

# At a fixed address, with the address of free() in the program itself.
$(D)/tests/libc/deepbind_fixed: tests/libc/deepbind.c
	$(LIBC_CC) -fno-pic -no-pie $< -ldl -o $@

$(D)/tests/libc/deepbind_static: tests/libc/deepbind.c $(D)/libhakmem.a
	$(LIBC_CC) $^ $(LIBS) -o $@

$(D)/tests/libc/own_mlockall_static: tests/libc/own_mlockall.c $(D)/libhakmem.a
	$(LIBC_CC) $^ $(LIBS) -o $@

$(D)/tests/libc/plugin_static.so: tests/libc/plugin.c $(D)/libhakmem.a
	$(LIBC_CC) -fPIC -shared -DSTATIC $^ $(LIBS) -o $@

$(D)/tests/libc/started_static: tests/libc/started.c $(D)/libhakmem.a
	$(LIBC_CC) -Wl,-u,malloc $^ $(LIBS) -o $@

$(D)/tests/libc/started_plugin.so: tests/libc/started.c
	$(LIBC_CC) -fPIC -shared -DPLUGIN $< -o $@

tests: $(LIBC_TESTS)
