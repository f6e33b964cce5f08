/* Checks and conversions of text from users. */
#include "entrypoints/cli/text.h"

#include "core/base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGE_MAX (INT64_C(100) * 365 * 86400)

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

bool text_to_age(const char *text, int64_t *seconds)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'\0', 1}, {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	size_t digits = strspn(text, "0123456789");
	char number[20] = "";
	int64_t count;

	if (digits >= sizeof number || (text[digits] && text[digits + 1]))
		return false;
	memcpy(number, text, digits);
	for (size_t i = 0; text_to_number(number, &count) && i < sizeof units / sizeof units[0]; i++) {
		if (units[i].unit == text[digits] && count <= AGE_MAX / units[i].seconds) {
			*seconds = count * units[i].seconds;
			return true;
		}
	}
	return false;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Names are compared: 64 characters are enough.  table[i][j]: of the first i characters and the first j. */
size_t text_distance(const char *one, const char *other)
{
	enum { LONGEST = 64 };
	size_t rows = strnlen(one, LONGEST), columns = strnlen(other, LONGEST);
	size_t table[LONGEST + 1][LONGEST + 1];

	for (size_t i = 0; i <= rows; i++) {
		for (size_t j = 0; j <= columns; j++) {
			size_t *cell = &table[i][j];

			*cell = i + j;
			if (i == 0 || j == 0)
				continue;
			*cell = smaller(table[i - 1][j], table[i][j - 1]) + 1;
			*cell = smaller(*cell, table[i - 1][j - 1] + (one[i - 1] != other[j - 1]));
			if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1])
				*cell = smaller(*cell, table[i - 2][j - 2] + 1);
		}
	}
	return table[rows][columns];
}

void nearest_consider(struct nearest *nearest, const char *name)
{
	size_t distance = text_distance(nearest->word, name);

	if (!nearest->name || distance < nearest->distance)
		*nearest = (struct nearest){nearest->word, name, distance};
}

/* Of three characters, one may be wrong. */
const char *nearest_hint(const struct nearest *nearest, const char *dashes, struct arena *arena)
{
	if (!nearest->name || nearest->distance * 3 > strlen(nearest->word) + 1)
		return "";
	return arena_printf(arena, "; did you mean %s%s?", dashes, nearest->name);
}

const char *text_list_add(const char *list, const char *word, struct arena *arena)
{
	return arena_printf(arena, "%s%s%s", list, *list ? ", " : "", word);
}

const char *text_time(time_t time, struct arena *arena)
{
	char text[32] = "";
	struct tm utc;

	if (gmtime_r(&time, &utc))
		strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
	return arena_strdup(arena, text);
}
