/*
 * Multilinear-HM: Lemire and Kaser, "Strongly universal string hashing is fast" (The Computer Journal 57,
 * 2014).  With a random key any two texts have the same hash with a probability of 2^-32, so an attacker who
 * does not know the key can do no better than chance.  SipHash-1-3 would also withstand an attacker who sees
 * hashes, which are never shown, and would cost 5 to 8 % of the instructions of a message.
 */
#include "core/base/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* The only state that the core keeps: every table of a process shares it. */
static uint64_t key[HASH_KEY_WORDS];
static bool has_key;

void hash_set_key(const uint64_t fresh[HASH_KEY_WORDS])
{
	memcpy(key, fresh, sizeof key);
	has_key = true;
}

/* The constant key: splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators). */
static void set_default_key(void)
{
	uint64_t state = 0;

	for (size_t i = 0; i < HASH_KEY_WORDS; i++) {
		uint64_t word = state += UINT64_C(0x9e3779b97f4a7c15);

		word = (word ^ word >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		word = (word ^ word >> 27) * UINT64_C(0x94d049bb133111eb);
		key[i] = word ^ word >> 31;
	}
	has_key = true;
}

/* Each half of a word is added to a word of the key, and the sums are multiplied. */
static inline uint64_t product(const uint64_t pair[2], uint64_t word)
{
	return (pair[0] + (uint32_t)word) * (pair[1] + (word >> 32));
}

/* The last word is never full: it holds the rest of the text and, above that, the length. */
static inline uint64_t sum_of(const uint64_t *at, const char *text)
{
	size_t length = strnlen(text, HASH_TEXT_MAX), left = length;
	uint64_t sum = 0, word;

	for (; left >= sizeof word; left -= sizeof word, text += sizeof word, at += 2) {
		memcpy(&word, text, sizeof word);
		sum += product(at, word);
	}
	word = (uint64_t)length;
	while (left--)
		word = word << 8 | (unsigned char)text[left];
	return sum + product(at, word);
}

/*
 * The high half of a sum is the hash.  Numbered names have sums at equal distances: multiplying by 2^64 over
 * the golden ratio (Knuth, The Art of Computer Programming, 6.4) and folding spreads their low bits evenly
 * and keeps different hashes different.
 */
static inline uint64_t spread(uint64_t sum)
{
	uint64_t wide = (sum >> 32) * UINT64_C(0x9e3779b97f4a7c15);

	return wide ^ wide >> 32;
}

uint64_t hash_text(const char *text)
{
	if (!has_key)
		set_default_key();
	return spread(key[0] + sum_of(key + 3, text));
}

uint64_t hash_text_with(const char *text, uint64_t number)
{
	if (!has_key)
		set_default_key();
	return spread(key[0] + product(key + 1, number) + sum_of(key + 3, text));
}

uint64_t fnv1a(uint64_t hash, const void *bytes, size_t size)
{
	const unsigned char *byte = bytes;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
	return hash;
}
