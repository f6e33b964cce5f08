/* UTF-8, checked and counted. */
#include "core/utf8.h"

#include <stdint.h>
#include <string.h>

static bool is_between(unsigned char byte, unsigned char least, unsigned char most)
{
	return byte >= least && byte <= most;
}

static bool is_continuation(unsigned char byte)
{
	return is_between(byte, 0x80, 0xbf);
}

/* The second byte of a sequence excludes overlong forms, surrogates and what lies above U+10FFFF. */
static bool fits_lead(unsigned char lead, unsigned char second)
{
	switch (lead) {
	case 0xe0:
		return is_between(second, 0xa0, 0xbf);
	case 0xed:
		return is_between(second, 0x80, 0x9f);
	case 0xf0:
		return is_between(second, 0x90, 0xbf);
	case 0xf4:
		return is_between(second, 0x80, 0x8f);
	default:
		return is_continuation(second);
	}
}

/* The length of the valid sequence at `at`, or 0. */
static size_t sequence_length(const unsigned char *at, size_t left)
{
	unsigned char lead = at[0];

	if (lead < 0x80)
		return 1;
	if (is_between(lead, 0xc2, 0xdf))
		return left >= 2 && fits_lead(lead, at[1]) ? 2 : 0;
	if (is_between(lead, 0xe0, 0xef))
		return left >= 3 && fits_lead(lead, at[1]) && is_continuation(at[2]) ? 3 : 0;
	if (is_between(lead, 0xf0, 0xf4))
		return left >= 4 && fits_lead(lead, at[1]) && is_continuation(at[2]) && is_continuation(at[3])
			       ? 4
			       : 0;
	return 0;
}

/* Most text is ASCII: eight bytes at a time. */
static size_t skip_ascii(const unsigned char *text, size_t length)
{
	size_t i = 0;
	uint64_t eight;

	for (; length - i >= sizeof eight; i += sizeof eight) {
		memcpy(&eight, text + i, sizeof eight);
		if (eight & UINT64_C(0x8080808080808080))
			break;
	}
	return i;
}

bool utf8_is_valid(const char *text, size_t length)
{
	const unsigned char *bytes = (const unsigned char *)text;
	size_t i = skip_ascii(bytes, length);

	while (i < length) {
		size_t step = sequence_length(bytes + i, length - i);

		if (!step)
			return false;
		i += step;
	}
	return true;
}

size_t utf8_count(const char *text, size_t length)
{
	size_t ascii = skip_ascii((const unsigned char *)text, length), count = ascii;

	for (size_t i = ascii; i < length; i++)
		count += !is_continuation((unsigned char)text[i]);
	return count;
}
