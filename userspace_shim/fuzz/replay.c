// SPDX-License-Identifier: GPL-2.0
/*
 * Takes libFuzzer's place where there is none, under the thread sanitizer: the counters by
 * which libFuzzer knows what was reached race with each other. Runs the programs that are
 * given again and again, since the threads do not run in the same order twice.
 *
 * usage: replay SECONDS FILE...
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MOST	4096

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t program[MOST];

static size_t read_file(const char *name)
{
	FILE *f = fopen(name, "r");
	size_t n;

	if (!f) {
		perror(name);
		exit(2);
	}
	n = fread(program, 1, sizeof(program), f);
	fclose(f);
	return n;
}

int main(int argc, char **argv)
{
	time_t until;
	unsigned long n = 0;

	if (argc < 3)
		return 2;
	until = time(NULL) + strtol(argv[1], NULL, 0);
	LLVMFuzzerInitialize(&argc, &argv);
	do {
		LLVMFuzzerTestOneInput(program, read_file(argv[2 + n % (argc - 2)]));
		n++;
	} while (n < (unsigned long)argc - 2 || time(NULL) < until);
	printf("%lu programs\n", n);
	return 0;
}
