/*
 * Days and instants: an input is the text of one, and its first bytes are the number of one.
 *
 * Judge: libc, which knows the calendar (timegm, gmtime), and the shape of RFC 3339 as a pattern.
 */
#include "core/base/calendar.h"
#include "fuzz.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define US_PER_SECOND INT64_C(1000000)
#define US_PER_DAY    (86400 * US_PER_SECOND)

/* Whether the text begins with this pattern, where 0 is any digit and T is T, t or a space. */
static bool begins_like(const char *text, const char *pattern)
{
	for (; *pattern; pattern++, text++) {
		if (*pattern == '0'   ? !isdigit((unsigned char)*text)
		    : *pattern == 'T' ? !*text || !strchr("Tt ", *text)
				      : *text != *pattern)
			return false;
	}
	return true;
}

static int number(const char *text, int digits)
{
	int value = 0;

	for (int i = 0; i < digits; i++)
		value = value * 10 + (text[i] - '0');
	return value;
}

/* Reads YYYY-MM-DD.  libc turns a day that does not exist into another one. */
static bool day_by_libc(const char *text, int64_t *day)
{
	struct tm date = {0}, same;

	if (!begins_like(text, "0000-00-00") || number(text, 4) == 0)
		return false;
	date.tm_year = number(text, 4) - 1900;
	date.tm_mon = number(text + 5, 2) - 1;
	date.tm_mday = number(text + 8, 2);
	same = date;
	*day = timegm(&same) / 86400;
	return same.tm_year == date.tm_year && same.tm_mon == date.tm_mon && same.tm_mday == date.tm_mday;
}

/* Reads what follows the seconds: a fraction, and Z or an offset; returns the microseconds to add. */
static bool rest_on_paper(const char *text, int64_t *us)
{
	char fraction[] = "000000";

	if (*text == '.') {
		if (!isdigit((unsigned char)*++text))
			return false;
		for (size_t i = 0; isdigit((unsigned char)*text); i++, text++)
			if (i < 6)
				fraction[i] = *text;
	}
	*us = number(fraction, 6);
	if (!strcmp(text, "Z") || !strcmp(text, "z"))
		return true;
	if (strlen(text) != 6 || !(begins_like(text, "+00:00") || begins_like(text, "-00:00")) ||
	    number(text + 1, 2) > 23 || number(text + 4, 2) > 59)
		return false;
	*us += (*text == '-' ? 1 : -1) * (number(text + 1, 2) * 60 + number(text + 4, 2)) * 60 *
	       US_PER_SECOND;
	return true;
}

static bool instant_by_libc(const char *text, int64_t *instant)
{
	int64_t day, us;

	if (!day_by_libc(text, &day) || !begins_like(text + 10, "T00:00:00") || number(text + 11, 2) > 23 ||
	    number(text + 14, 2) > 59 || number(text + 17, 2) > 60 || !rest_on_paper(text + 19, &us))
		return false;
	*instant = day * US_PER_DAY + us +
		   (number(text + 11, 2) * 3600 + number(text + 14, 2) * 60 + number(text + 17, 2)) *
			   US_PER_SECOND;
	return true;
}

static void read_text(const char *text, size_t size)
{
	int64_t instant = 0, expected = 0, expected_day = 0;
	int32_t day = 0;
	bool is_text = strlen(text) == size, is_day;

	fuzz_expect(instant_parse(text, size, &instant) == (is_text && instant_by_libc(text, &expected)),
		    "libc judges this instant otherwise: %s", text);
	fuzz_expect(instant == expected, "libc reads another instant: %s", text);
	is_day = day_parse(text, size, &day);
	if (is_day)
		fuzz_expect(day_by_libc(text, &expected_day) && day == expected_day,
			    "libc reads another day: %s", text);
	else
		fuzz_expect(!is_text || !day_by_libc(text, &expected_day) ||
				    (size > 10 && !instant_by_libc(text, &expected)),
			    "libc reads a day: %s", text);
}

/* A year of four digits is written; of another one only the last four. */
static void write_instant(int64_t instant)
{
	char text[INSTANT_TEXT_SIZE], expected[64];
	int64_t us = ((instant % US_PER_SECOND) + US_PER_SECOND) % US_PER_SECOND, again;
	time_t seconds = (time_t)(instant / US_PER_SECOND - (instant % US_PER_SECOND < 0));
	struct tm date;

	instant_format(instant, text);
	fuzz_expect(strlen(text) == INSTANT_TEXT_SIZE - 1, "an instant of another length: %s", text);
	gmtime_r(&seconds, &date);
	if (date.tm_year < 1 - 1900 || date.tm_year > 9999 - 1900)
		return;
	snprintf(expected, sizeof expected, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", date.tm_year + 1900,
		 date.tm_mon + 1, date.tm_mday, date.tm_hour, date.tm_min, date.tm_sec, (int)us);
	fuzz_expect(!strcmp(text, expected), "libc writes %s, and not %s", expected, text);
	fuzz_expect(instant_parse(text, strlen(text), &again) && again == instant, "%s is read otherwise",
		    text);
}

static void write_day(int32_t day)
{
	char text[DAY_TEXT_SIZE], instant[INSTANT_TEXT_SIZE];

	day_format(day, text);
	fuzz_expect(strlen(text) == DAY_TEXT_SIZE - 1, "a day of another length: %s", text);
	if (day > -4000000 && day < 4000000) {
		instant_format(day * US_PER_DAY, instant);
		fuzz_expect(!strncmp(text, instant, DAY_TEXT_SIZE - 1), "the day of %s is not %s", instant,
			    text);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 1);
	int64_t instant = 0;

	fuzz_expect(text, "out of memory");
	memcpy(text, data, size);
	read_text(text, size);
	free(text);
	memcpy(&instant, data, size < sizeof instant ? size : sizeof instant);
	write_instant(instant);
	write_instant(instant % (10000 * 366 * US_PER_DAY));
	write_day((int32_t)instant);
	return 0;
}
