/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#include "adapters/postgres/utf8.h"

#include <stdint.h>

/* How long a sequence is that begins with that byte; 0: none does. */
static int sequence_length(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
}

/* The length of the well-formed sequence at `text`, which ends with NUL; 0: there is none. */
static int well_formed(const unsigned char *text)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	int length = sequence_length(text[0]);
	uint32_t point = length > 1 ? text[0] & (0x7fU >> length) : text[0];

	for (int i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (text[i] & 0x3fU);
	}
	if (point < least[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return 0;
	return length;
}

char *utf8_repaired(struct arena *arena, const char *text)
{
	char *copy = arena_strdup(arena, text);

	for (unsigned char *at = (unsigned char *)copy; *at;) {
		int length = well_formed(at);

		if (!length)
			*at = '?';
		at += length ? length : 1;
	}
	return copy;
}
