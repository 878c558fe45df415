// SPDX-License-Identifier: GPL-2.0
/*
 * Hundreds of thousands of threads: each lives for a moment, and later threads
 * free its objects. The memory does not grow.
 */
#include "test.h"

#include "shim.h"

#define THREADS		100000
#define AT_ONCE		4
#define MAILBOXES	64
#define LETTERS		40	/* objects a thread leaves behind */

struct letter {
	struct letter *next;
	size_t size;
};

static struct letter *mailbox[MAILBOXES];
static unsigned long born;

static size_t letter_size(unsigned long n)
{
	return sizeof(struct letter) + n * 2654435761UL % 1000;
}

/* Free the objects that an earlier thread left here, and leave as many. */
static void *live(void *arg)
{
	unsigned long me = __atomic_fetch_add(&born, 1, __ATOMIC_RELAXED);
	struct letter *head = NULL, *l, *next;
	long bad = 0;

	for (unsigned long i = 0; i < LETTERS; i++) {
		size_t size = letter_size(me * LETTERS + i);

		l = opaque(malloc(size));
		if (!l)
			return (void *)1;
		memset(l, (unsigned char)size, size);
		l->size = size;
		l->next = head;
		head = l;
	}
	l = __atomic_exchange_n(&mailbox[me * 31 % MAILBOXES], head,
				__ATOMIC_ACQ_REL);
	for (; l; l = next) {
		unsigned char *p = (unsigned char *)l;

		next = l->next;
		for (size_t i = sizeof(*l); i < l->size; i++)
			bad += p[i] != (unsigned char)l->size;
		free(l);
	}
	return (void *)bad;
}

static __maybe_unused long resident_kb(void)
{
	char line[128];
	long kb = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmRSS: %ld", &kb) == 1)
			break;
	fclose(f);
	return kb;
}

/*
 * An emulator does not give back what it needs for a thread (QEMU 36 KiB), so there only
 * the pages that hakmem has count.
 */
static long memory_kb(void)
{
#ifdef HAK_SHIM_EMULATED
	return READ_ONCE(shim_pages_out) * 4;
#else
	return resident_kb();
#endif
}

static void generations(unsigned long threads)
{
	pthread_t t[AT_ONCE];
	void *bad;

	for (unsigned long i = 0; i < threads; i += AT_ONCE) {
		for (int j = 0; j < AT_ONCE; j++)
			assert_int_equal(pthread_create(&t[j], NULL, live, NULL), 0);
		for (int j = 0; j < AT_ONCE; j++) {
			assert_int_equal(pthread_join(t[j], &bad), 0);
			assert_null(bad);
		}
	}
}

static void test_memory_stays_flat(void **state)
{
	long early, late;

	generations(THREADS / SLOW / 10);
	early = memory_kb();
	generations(THREADS / SLOW / 10 * 9);
	late = memory_kb();
	print_message("%lu threads, %ld kB after a tenth, %ld kB at the end\n",
		      born, early, late);
#ifndef HAK_SHIM_SANITIZER
	/* One object lost by each thread would be 45 MiB, or 4.5 under an emulator. */
	assert_in_range(late, 0, early + 2048);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_stays_flat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
