/* Checks and conversions of text from users. */
#include "entrypoints/cli/text.h"

#include "core/base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool text_is_printable(const char *text)
{
	for (size_t left = strlen(text), width; left; left -= width, text += width) {
		uint32_t code;
		bool is_valid;

		width = utf8_next(text, left, &code, &is_valid);
		if (!is_valid || utf8_is_control(code))
			return false;
	}
	return true;
}

bool text_count(const char *text, size_t length, size_t *count)
{
	if (!utf8_is_valid(text, length))
		return false;
	*count = utf8_count(text, length);
	return true;
}

bool text_to_number(const char *text, int64_t *number)
{
	int64_t value = 0;

	if (!text[0])
		return false;
	for (const char *at = text; *at; at++) {
		int digit = *at - '0';

		if (digit < 0 || digit > 9 || value > (INT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*number = value;
	return true;
}

bool text_to_ms(const char *text, int64_t *ms)
{
	static const int64_t units[] = {1000, 100, 10, 1};
	char digits[32];
	const char *point = strchr(text, '.');
	size_t length = strlen(text), decimals = point ? strlen(point + 1) : 0;
	int64_t number;

	if (length >= sizeof digits || decimals > 3 || (point && (point == text || decimals == 0)))
		return false;
	snprintf(digits, sizeof digits, "%.*s%s", (int)strcspn(text, "."), text, point ? point + 1 : "");
	if (!text_to_number(digits, &number) || number > INT64_C(1000000000) * 1000 / units[decimals])
		return false;
	*ms = number * units[decimals];
	return true;
}

static size_t least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/*
 * Fills the table of distances row by row.  The texts are names of variables: 64 characters are enough.
 */
size_t text_distance(const char *one, const char *other)
{
	enum { LONGEST = 64 };
	size_t rows = strnlen(one, LONGEST), columns = strnlen(other, LONGEST);
	size_t row[LONGEST + 1];

	for (size_t column = 0; column <= columns; column++)
		row[column] = column;
	for (size_t i = 1; i <= rows; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= columns; j++) {
			size_t changed = diagonal + (one[i - 1] != other[j - 1]);

			diagonal = row[j];
			row[j] = least(changed, row[j] + 1, row[j - 1] + 1);
		}
	}
	return row[columns];
}

const char *text_time(time_t time, struct arena *arena)
{
	char text[32] = "";
	struct tm utc;

	if (gmtime_r(&time, &utc))
		strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
	return arena_strdup(arena, text);
}
