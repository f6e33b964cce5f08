/* Multiply and fold, eight bytes at a time. */
#include "core/hash.h"

#include <string.h>

/* 2^64 by the golden ratio: its multiples spread well (Knuth, The Art of Computer Programming, 6.4). */
#define SPREAD UINT64_C(0x9e3779b97f4a7c15)

/* The high half of a product is mixed best: it is folded into the low one. */
uint64_t hash_number(uint64_t hash, uint64_t number)
{
	uint64_t product = (hash ^ number) * SPREAD;

	return product ^ product >> 32;
}

uint64_t hash_text(const char *text)
{
	size_t length = strlen(text), left = length;
	uint64_t hash = 0, word;

	for (; left >= sizeof word; left -= sizeof word, text += sizeof word) {
		memcpy(&word, text, sizeof word);
		hash = hash_number(hash, word);
	}
	word = 0;
	while (left--)
		word = word << 8 | (unsigned char)text[left];
	/* Once more: a last byte sits high in its word, and has not come down to the low bits yet. */
	return hash_number(hash_number(hash, word), length);
}
