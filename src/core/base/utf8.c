/* The program's only UTF-8 decoder: validation, counting, cutting, repair and escaping share it. */
#include "core/base/utf8.h"

#include <stdio.h>
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

/* Returns the length of the valid sequence at `at`, or 0 if there is no such sequence. */
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

/* Most text is ASCII, which is skipped eight bytes at a time. */
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

static size_t valid_length(const char *text, size_t length)
{
	const unsigned char *bytes = (const unsigned char *)text;
	size_t i = skip_ascii(bytes, length);

	while (i < length) {
		size_t step = sequence_length(bytes + i, length - i);

		if (!step)
			break;
		i += step;
	}
	return i;
}

size_t utf8_valid_length(const char *text, size_t length)
{
	return valid_length(text, length);
}

bool utf8_is_valid(const char *text, size_t length)
{
	return valid_length(text, length) == length;
}

size_t utf8_count(const char *text, size_t length)
{
	size_t ascii = skip_ascii((const unsigned char *)text, length), count = ascii;

	for (size_t i = ascii; i < length; i++)
		count += !is_continuation((unsigned char)text[i]);
	return count;
}

size_t utf8_next(const char *text, size_t length, uint32_t *code, bool *is_valid)
{
	const unsigned char *bytes = (const unsigned char *)text;
	size_t width = sequence_length(bytes, length);

	*is_valid = width > 0;
	if (!width) {
		*code = UTF8_REPLACEMENT;
		return 1;
	}
	*code = width == 1 ? bytes[0] : bytes[0] & (0x7fU >> width);
	for (size_t i = 1; i < width; i++)
		*code = *code << 6 | (bytes[i] & 0x3fU);
	return width;
}

/* Returns the length of the sequence that a lead byte announces. */
static size_t promised_length(unsigned char lead)
{
	if (is_between(lead, 0xc2, 0xdf))
		return 2;
	if (is_between(lead, 0xe0, 0xef))
		return 3;
	return is_between(lead, 0xf0, 0xf4) ? 4 : 1;
}

/* Only the last three bytes before the limit can begin a sequence that crosses it. */
size_t utf8_cut(const char *text, size_t length, size_t limit)
{
	if (length <= limit)
		return length;
	for (size_t back = 1; back <= 3 && back <= limit; back++) {
		unsigned char byte = (unsigned char)text[limit - back];

		if (!is_continuation(byte))
			return promised_length(byte) > back ? limit - back : limit;
	}
	return limit;
}

void utf8_repair(char *text)
{
	size_t left = strlen(text), width;
	uint32_t code;
	bool is_valid;

	for (; left; left -= width, text += width) {
		width = utf8_next(text, left, &code, &is_valid);
		if (!is_valid)
			*text = '?';
	}
}

char *utf8_repaired(struct arena *arena, const char *text)
{
	char *copy = arena_strdup(arena, text);

	utf8_repair(copy);
	return copy;
}

void utf8_vformat(char *buffer, size_t size, const char *format, va_list arguments)
{
	int length = vsnprintf(buffer, size, format, arguments);

	if (length >= 0 && (size_t)length >= size)
		buffer[utf8_cut(buffer, (size_t)length, size - 1)] = '\0';
	utf8_repair(buffer);
}

void utf8_format(char *buffer, size_t size, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	utf8_vformat(buffer, size, format, arguments);
	va_end(arguments);
}

bool utf8_is_control(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0x00, 0x1f},     {0x7f, 0x9f},     {0x61c, 0x61c},   {0x200b, 0x200b}, {0x200e, 0x200f},
		{0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb},
	};

	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0] && code >= ranges[i].first; i++) {
		if (code <= ranges[i].last)
			return true;
	}
	return false;
}

/* The length of the printable ASCII that the text begins with, which most text is made of. */
static size_t plain_length(const char *text)
{
	size_t length = 0;

	while (text[length] >= ' ' && text[length] <= '~')
		length++;
	return length;
}

static char *put_printable(char *to, const char *text, size_t left, size_t *width)
{
	uint32_t code;
	bool is_valid;

	*width = utf8_next(text, left, &code, &is_valid);
	if (utf8_is_control(code))
		return to + sprintf(to, "\\u%04x", (unsigned)code);
	return is_valid ? mempcpy(to, text, *width) : stpcpy(to, "\xef\xbf\xbd");
}

const char *utf8_printable(struct arena *arena, const char *text)
{
	size_t left = strlen(text), width;
	char *copy = arena_reserve(arena, 6 * left + 1), *end = copy;

	for (; left; left -= width, text += width) {
		width = plain_length(text);
		if (width)
			end = mempcpy(end, text, width);
		else
			end = put_printable(end, text, left, &width);
	}
	*end = '\0';
	return copy;
}
