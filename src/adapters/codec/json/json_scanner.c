/* Scans JSON: texts, numbers, and values that are skipped. */
#include "adapters/codec/json/json_scanner.h"

#include <string.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

void json_scan_init(struct json_scan *in, struct bytes payload)
{
	const char *start = payload.size ? payload.data : "", *end = start + payload.size;
	size_t mark = payload.size >= 3 && !memcmp(start, BYTE_ORDER_MARK, 3) ? 3 : 0;

	*in = (struct json_scan){.start = start, .at = start + mark, .end = end};
	json_skip_blanks(in);
}

/* ---- texts ---- */

/* The value of a hexadecimal digit, or -1. */
static int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

bool json_skip_escape(struct json_scan *in)
{
	if (in->at == in->end || !*in->at || !strchr("\"\\/bfnrtu", *in->at))
		return false;
	if (*in->at++ != 'u')
		return true;
	for (int i = 0; i < 4; i++, in->at++) {
		if (in->at == in->end || hex_value(*in->at) < 0)
			return false;
	}
	return true;
}

/* The UTF-16 code unit of an escape's four digits, which the scan has checked. */
static uint32_t code_unit(const char *digits)
{
	uint32_t unit = 0;

	for (int i = 0; i < 4; i++)
		unit = unit << 4 | (uint32_t)hex_value(digits[i]);
	return unit;
}

static bool is_high_surrogate(uint32_t unit)
{
	return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low_surrogate(uint32_t unit)
{
	return unit >= 0xdc00 && unit <= 0xdfff;
}

static char *append_code_point(char *to, uint32_t code)
{
	if (code < 0x80) {
		*to++ = (char)code;
		return to;
	}
	if (code < 0x800) {
		*to++ = (char)(0xc0 | code >> 6);
	} else {
		if (code < 0x10000) {
			*to++ = (char)(0xe0 | code >> 12);
		} else {
			*to++ = (char)(0xf0 | code >> 18);
			*to++ = (char)(0x80 | (code >> 12 & 0x3f));
		}
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
	}
	*to++ = (char)(0x80 | (code & 0x3f));
	return to;
}

/* Appends the character of one or two \uXXXX, from after the first `u`; false for half of a pair. */
static bool append_escape(char **to, const char **from, const char *end)
{
	uint32_t unit = code_unit(*from);

	*from += 4;
	if (is_high_surrogate(unit) && end - *from >= 6 && (*from)[0] == '\\' && (*from)[1] == 'u' &&
	    is_low_surrogate(code_unit(*from + 2))) {
		*to = append_code_point(*to,
					0x10000 + ((unit - 0xd800) << 10) + (code_unit(*from + 2) - 0xdc00));
		*from += 6;
		return true;
	}
	*to = append_code_point(*to, unit);
	return !is_high_surrogate(unit) && !is_low_surrogate(unit);
}

bool json_unescape(struct text raw, struct arena *arena, struct text *text)
{
	static const char letters[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
	const char *from = raw.start, *end = from + raw.length;
	char *copy = arena_alloc(arena, raw.length + 1), *to = copy;
	bool is_unicode = true;

	while (from < end) {
		if (*from != '\\') {
			*to++ = *from++;
		} else if (from[1] == 'u') {
			from += 2;
			is_unicode = append_escape(&to, &from, end) && is_unicode;
		} else {
			const char *letter = letters;

			while (*letter != from[1])
				letter += 2;
			*to++ = letter[1];
			from += 2;
		}
	}
	*text = (struct text){copy, (size_t)(to - copy)};
	return is_unicode;
}

/* ---- numbers ---- */

static bool skip_digits(struct json_scan *in)
{
	const char *first = in->at;

	while (in->at < in->end && *in->at >= '0' && *in->at <= '9')
		in->at++;
	return in->at > first;
}

bool json_skip_number(struct json_scan *in)
{
	json_accept(in, '-');
	if (!json_accept(in, '0') && !skip_digits(in))
		return false;
	if (json_accept(in, '.') && !skip_digits(in))
		return false;
	if (!json_accept(in, 'e') && !json_accept(in, 'E'))
		return true;
	if (!json_accept(in, '+'))
		json_accept(in, '-');
	return skip_digits(in);
}

/* A payload is too short for the digits that an exponent of a million would need. */
#define EXPONENT_MAX 1000000

/* Returns 0 for a number without an exponent. */
static int scan_exponent(struct json_scan *in)
{
	bool is_negative;
	int exponent = 0;

	if (!json_accept(in, 'e') && !json_accept(in, 'E'))
		return 0;
	is_negative = json_accept(in, '-');
	json_accept(in, '+');
	for (; in->at < in->end && exponent < EXPONENT_MAX; in->at++)
		exponent = exponent * 10 + (*in->at - '0');
	return is_negative ? -exponent : exponent;
}

static struct text scan_digits(struct json_scan *in)
{
	const char *start = in->at;

	skip_digits(in);
	return (struct text){start, (size_t)(in->at - start)};
}

/* Accumulates a negative value, because INT64_MIN has no positive counterpart. */
static bool append_digit(int64_t *value, int digit)
{
	if (*value < (INT64_MIN + digit) / 10)
		return false;
	*value = *value * 10 - digit;
	return true;
}

/* `places` counts the digits before the decimal point; after it only zeros are allowed. */
static bool append_digits(int64_t *value, struct text digits, int64_t *places)
{
	for (size_t i = 0; i < digits.length; i++) {
		if ((*places)-- > 0 ? !append_digit(value, digits.start[i] - '0') : digits.start[i] != '0')
			return false;
	}
	return true;
}

bool json_to_integer(struct text number, int64_t *integer)
{
	struct json_scan in = {.at = number.start, .end = number.start + number.length};
	bool is_negative = json_accept(&in, '-');
	struct text whole = scan_digits(&in), fraction = {in.at, 0};
	int64_t value = 0, places;

	if (json_accept(&in, '.'))
		fraction = scan_digits(&in);
	places = (int64_t)whole.length + scan_exponent(&in);
	if (!append_digits(&value, whole, &places) || !append_digits(&value, fraction, &places))
		return false;
	for (; value && places > 0; places--) {
		if (!append_digit(&value, 0))
			return false;
	}
	if (!is_negative && value == INT64_MIN)
		return false;
	*integer = is_negative ? value : -value;
	return true;
}

/* ---- values that are skipped ---- */

static bool skip_word(struct json_scan *in, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(in->end - in->at) < length || memcmp(in->at, word, length) != 0)
		return false;
	in->at += length;
	return true;
}

static bool skip_member(struct json_scan *in)
{
	struct json_text ignored;

	return json_scan_text(in, &ignored) && json_accept_mark(in, ':') && json_skip_value(in);
}

/* Skips the items between two brackets, with commas between them, and the closing bracket. */
static bool skip_items(struct json_scan *in, char close, bool (*skip_item)(struct json_scan *))
{
	if (!json_open(in))
		return false;
	if (!json_accept_mark(in, close)) {
		do {
			if (!skip_item(in))
				return false;
		} while (json_accept_mark(in, ','));
		if (!json_accept_mark(in, close))
			return false;
	}
	json_close(in);
	return true;
}

bool json_skip_value(struct json_scan *in)
{
	struct json_text ignored;

	if (in->at < in->end && *in->at == '"')
		return json_scan_text(in, &ignored);
	if (json_accept_mark(in, '{'))
		return skip_items(in, '}', skip_member);
	if (json_accept_mark(in, '['))
		return skip_items(in, ']', json_skip_value);
	return skip_word(in, "true") || skip_word(in, "false") || skip_word(in, "null") ||
	       skip_word(in, "NaN") || skip_word(in, "Infinity") || skip_word(in, "-Infinity") ||
	       json_skip_number(in);
}
