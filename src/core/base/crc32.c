/*
 * Bit by bit, without a table: a SKU is short, and it is computed once for a message that changes streams.
 * (RFC 1952, section 8, has the polynomial and the same algorithm with a table.)
 */
#include "core/base/crc32.h"

uint32_t crc32_of(const char *text)
{
	uint32_t crc = UINT32_MAX;

	for (; *text; text++) {
		crc ^= (unsigned char)*text;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
	}
	return ~crc;
}
