/*
 * Finds the end of what JSON (RFC 8259) writes as it is: the reader and the writer need it for every text.
 *
 * Eight bytes are compared at once: hasless() and haszero() of Anderson's "Bit Twiddling Hacks".  They set
 * the high bit of each byte that is found, and perhaps of bytes behind it: the lowest bit is exact.
 */
#ifndef ALLOCD_ADAPTERS_CODEC_JSON_JSON_PLAIN_H
#define ALLOCD_ADAPTERS_CODEC_JSON_JSON_PLAIN_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define JSON_EIGHT_TIMES(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Finds bytes below `limit`, which is 128 at most. */
static inline uint64_t json_find_below(uint64_t eight, unsigned char limit)
{
	return (eight - JSON_EIGHT_TIMES(limit)) & ~eight & JSON_EIGHT_TIMES(0x80);
}

static inline uint64_t json_find_byte(uint64_t eight, unsigned char byte)
{
	return json_find_below(eight ^ JSON_EIGHT_TIMES(byte), 1);
}

/* How many bytes at the beginning of a text are no quotes, backslashes or control characters. */
static inline size_t json_plain_length(const char *text, size_t length)
{
	size_t plain = 0;
	uint64_t eight, found;

	for (; length - plain >= sizeof eight; plain += sizeof eight) {
		memcpy(&eight, text + plain, sizeof eight);
		eight = le64toh(eight);
		found = json_find_below(eight, ' ') | json_find_byte(eight, '"') |
			json_find_byte(eight, '\\');
		if (found)
			return plain + (size_t)__builtin_ctzll(found) / 8;
	}
	while (plain < length && (unsigned char)text[plain] >= ' ' && text[plain] != '"' &&
	       text[plain] != '\\')
		plain++;
	return plain;
}

#endif
