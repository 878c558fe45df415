// SPDX-License-Identifier: GPL-2.0
/*
 * pattern.c - what --verify writes into a block and how it is checked
 *
 * The pattern covers the whole block and depends on its address and on a stamp
 * that no other allocation of the run has. So a block handed out twice, moved,
 * overlapped by a neighbour, or written to by the allocator while it is in use
 * does not hold the pattern any more when it is freed.
 */
#include <stddef.h>
#include <string.h>

#include "larson.h"

#define WORD		sizeof(uint64_t)
#define STEP		UINT64_C(0x9e3779b97f4a7c15)	/* odd: 2^64 words before it repeats */

static uint64_t first_word(const void *block, const struct note *note)
{
	uint64_t x = note->stamp * UINT64_C(0xd1342543de82ef95) ^ (uintptr_t)block;

	/* every bit of address and stamp reaches the first byte of the word */
	x ^= x >> 32;
	x *= UINT64_C(0xd6e8feb86659fd93);
	x ^= x >> 32;
	return x;
}

void larson_write_pattern(void *block, const struct note *note)
{
	uint64_t word = first_word(block, note);
	char *at = block;
	uint32_t left;

	for (left = note->size; left >= WORD; left -= WORD, at += WORD, word += STEP)
		memcpy(at, &word, WORD);
	memcpy(at, &word, left);
}

bool larson_check_pattern(const void *block, const struct note *note, uint32_t *bad_byte)
{
	uint64_t word = first_word(block, note);
	const char *at = block;
	uint32_t left;

	for (left = note->size; left >= WORD; left -= WORD, at += WORD, word += STEP)
		if (memcmp(at, &word, WORD))
			break;
	if (left < WORD && !memcmp(at, &word, left))
		return true;

	*bad_byte = note->size - left;
	for (const char *want = (const char *)&word; *at == *want; at++, want++)
		(*bad_byte)++;
	return false;
}

/* malloc() owes a block the alignment of whatever type could fit into it. */
bool larson_aligned(const void *block, uint32_t size)
{
	uintptr_t align = _Alignof(max_align_t);

	while (align > size)
		align /= 2;
	return !((uintptr_t)block & (align - 1));
}
