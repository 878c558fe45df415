// SPDX-License-Identifier: GPL-2.0
/*
 * The C library knows the program's name, and a constructor gets its arguments
 * from it. The plugin that is opened is this file, too.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#ifdef PLUGIN
int started_argc;
char **started_argv;

static void __attribute__((constructor)) plugin_init(int argc, char **argv)
{
	started_argc = argc;
	started_argv = argv;
}
#else
int main(int argc, char **argv)
{
	void *plugin = dlopen(argv[1], RTLD_NOW);
	int *plugin_argc;
	char ***plugin_argv;

	if (!plugin) {
		puts(dlerror());
		return 1;
	}
	plugin_argc = dlsym(plugin, "started_argc");
	plugin_argv = dlsym(plugin, "started_argv");
	if (strcmp(program_invocation_name, argv[0]) ||
	    strcmp(program_invocation_short_name, strrchr(argv[0], '/') + 1))
		return 2;
	if (*plugin_argc != argc || *plugin_argv != argv)
		return 3;
	puts("fine");
	return 0;
}
#endif
