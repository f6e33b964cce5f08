/* Days and instants: known values, the edges of what is read, and all that is refused. */
#include "core/base/calendar.h"

#include "support/suites.h"

#include <stdio.h>
#include <string.h>

#define FIRST_DAY (-719162) /* 0001-01-01 */
#define LAST_DAY  2932896   /* 9999-12-31 */

static const struct {
	const char *text;
	int32_t day;
} days[] = {
	{"1970-01-01", 0},
	{"1970-01-02", 1},
	{"1969-12-31", -1},
	{"0001-01-01", FIRST_DAY},
	{"9999-12-31", LAST_DAY},
	{"2000-02-29", 11016},
	{"2000-03-01", 11017},
	{"1900-03-01", -25508},
	{"2024-02-29", 19782},
	{"2011-01-01", 14975},
	{"2038-01-19", 24855},
	{"2011-01-02T00:00:00", 14976},
	{"2011-01-02 23:59", 14976},
	{"2011-01-02t12:30:60.123456789", 14976},
	{"2011-01-02T23:59:59Z", 14976},
	{"2011-01-02T23:59z", 14976},
	{"2011-01-02T00:00:00.5+23:59", 14976},
	{"2011-01-02T00:00:00-0100", 14976},
	{"2011-01-02 00:00:00+00", 14976}, /* Postgres */
	{"2011-01-02 00:00:00.123456-03", 14976},
	{"2011-01-02 00:00:00+00:53:28", 14976},
	{"2011-01-02 00:00:00 +0000", 14976}, /* Ruby */
	{"2011-01-02 00:00:00.0000000 +05:30", 14976},
	{"2011-01-02T12:30+01", 14976},
};

START_TEST(a_day_is_read)
{
	int32_t day;

	ck_assert(day_parse(days[_i].text, strlen(days[_i].text), &day));
	ck_assert_int_eq(day, days[_i].day);
}
END_TEST

static const char *const no_days[] = {
	"",
	"2011",
	"2011-01",
	"2011-1-2",
	"11-01-02",
	"02011-01-02",
	"0000-01-01",
	"-001-01-01",
	"+2011-01-02",
	"2011-00-01",
	"2011-13-01",
	"2011-01-00",
	"2011-01-32",
	"2011-04-31",
	"2011-06-31",
	"2011-09-31",
	"2011-11-31",
	"2011-02-29",
	"2024-02-30",
	"1900-02-29",
	"2100-02-29",
	"2011/01/02",
	"20110102",
	" 2011-01-02",
	"2011-01-02 ",
	"2011-01-02T",
	"2011-01-02T1",
	"2011-01-02T12",
	"2011-01-02T24:00",
	"2011-01-02T12:60",
	"2011-01-02T12:30:61",
	"2011-01-02T12:30:",
	"2011-01-02T12:30:00.",
	"2011-01-02T12:30.5",
	"2011-01-02T12:30:00+",
	"2011-01-02T12:30:00+24:00",
	"2011-01-02T12:30:00+01:60",
	"2011-01-02T12:30:00+1",
	"2011-01-02T12:30:00+24",
	"2011-01-02T12:30:00+01:",
	"2011-01-02T12:30:00+01:3",
	"2011-01-02T12:30:00+01:00:60",
	"2011-01-02T12:30:00+01:00:00:00",
	"2011-01-02T12:30:00 ",
	"2011-01-02T12:30:00 Z",
	"2011-01-02T12:30:00  +01",
	"2011-01-02T12:30:00ZZ",
	"2011-01-02X12:30:00",
	"2011-01-02\n",
	"tomorrow",
};

START_TEST(a_text_that_is_not_a_day_is_refused)
{
	int32_t day;

	ck_assert(!day_parse(no_days[_i], strlen(no_days[_i]), &day));
}
END_TEST

START_TEST(no_byte_beyond_the_length_is_read)
{
	int32_t day;
	int64_t instant;

	ck_assert(day_parse("2011-01-0299", 10, &day));
	ck_assert_int_eq(day, 14976);
	ck_assert(!day_parse("2011-01-02", 9, &day));
	ck_assert(!day_parse("2011-01-02\0", 11, &day));
	ck_assert(instant_parse("1970-01-01T00:00:01Z5", 20, &instant));
	ck_assert_int_eq(instant, 1000000);
	ck_assert(!instant_parse("1970-01-01T00:00:01Z", 19, &instant));
}
END_TEST

/* A date that is advanced day by day in the simplest way. */
struct plain_date {
	int year, month, date;
};

static void next_day(struct plain_date *plain)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = plain->year % 4 == 0 && (plain->year % 100 != 0 || plain->year % 400 == 0);

	if (plain->date++ < lengths[plain->month - 1] + (leap && plain->month == 2))
		return;
	plain->date = 1;
	if (plain->month++ < 12)
		return;
	plain->month = 1;
	plain->year++;
}

/* Compares without ck_assert, which would write to a pipe for each of three million days. */
START_TEST(every_day_is_written_as_it_is_read)
{
	struct plain_date plain = {1, 1, 1};

	for (int32_t day = FIRST_DAY; day <= LAST_DAY; day++, next_day(&plain)) {
		char text[DAY_TEXT_SIZE], expected[64];
		int32_t again = 0;

		day_format(day, text);
		snprintf(expected, sizeof expected, "%04d-%02d-%02d", plain.year, plain.month, plain.date);
		if (strcmp(text, expected) != 0)
			ck_abort_msg("day %d is %s, not %s", day, expected, text);
		if (!day_parse(text, strlen(text), &again) || again != day)
			ck_abort_msg("day %d, %s, is read as %d", day, text, again);
	}
	ck_assert_int_eq(plain.year, 10000);
}
END_TEST

static const struct {
	const char *text;
	int64_t instant;
} instants[] = {
	{"1970-01-01T00:00:00Z", 0},
	{"1970-01-01t00:00:00z", 0},
	{"1970-01-01 00:00:00Z", 0},
	{"1970-01-01T00:00:00.000001Z", 1},
	{"1970-01-01T00:00:00.0000019999Z", 1},
	{"1970-01-01T00:00:00.5Z", 500000},
	{"1969-12-31T23:59:59.999999Z", -1},
	{"1970-01-01T01:00:00+01:00", 0},
	{"1969-12-31T22:30:00-01:30", 0},
	{"1970-01-01T00:00:00-00:00", 0},
	{"1970-01-01T23:59:00+23:59", 0},
	{"2016-12-31T23:59:60Z", INT64_C(1483228800000000)},
	{"2017-01-01T00:00:00Z", INT64_C(1483228800000000)},
	{"2001-09-09T01:46:40Z", INT64_C(1000000000000000)},
	{"9999-12-31T23:59:59.999999Z", INT64_C(253402300799999999)},
	{"0001-01-01T00:00:00Z", INT64_C(-62135596800000000)},
};

START_TEST(an_instant_is_read)
{
	int64_t instant;

	ck_assert(instant_parse(instants[_i].text, strlen(instants[_i].text), &instant));
	ck_assert_int_eq(instant, instants[_i].instant);
}
END_TEST

static const char *const no_instants[] = {
	"",
	"2011-01-02",
	"2011-01-02T12:30:00",
	"2011-01-02T12:30Z",
	"2011-01-02T12:30:00.Z",
	"2011-01-02T12:30:00.5",
	"2011-01-02T24:00:00Z",
	"2011-01-02T12:60:00Z",
	"2011-01-02T12:30:61Z",
	"2011-01-02T12:30:00+0100",
	"2011-01-02T12:30:00+24:00",
	"2011-01-02T12:30:00+01:60",
	"2011-01-02T12:30:00Z ",
	"2011-01-02T12:30:00,5Z",
	"2011-02-29T12:30:00Z",
	"0000-01-01T00:00:00Z",
	"2011-01-02_12:30:00Z",
	"1293971400",
};

START_TEST(a_text_that_is_not_an_instant_is_refused)
{
	int64_t instant;

	ck_assert(!instant_parse(no_instants[_i], strlen(no_instants[_i]), &instant));
}
END_TEST

static const struct {
	int64_t instant;
	const char *text;
} written[] = {
	{0, "1970-01-01T00:00:00.000000Z"},
	{-1, "1969-12-31T23:59:59.999999Z"},
	{INT64_C(-86400000000), "1969-12-31T00:00:00.000000Z"},
	{INT64_C(-86400000001), "1969-12-30T23:59:59.999999Z"},
	{INT64_C(1293971445000123), "2011-01-02T12:30:45.000123Z"},
	{INT64_C(253402300799999999), "9999-12-31T23:59:59.999999Z"},
	{INT64_C(-62135596800000000), "0001-01-01T00:00:00.000000Z"},
};

START_TEST(an_instant_is_written_in_utc_with_microseconds)
{
	char text[INSTANT_TEXT_SIZE];
	int64_t again;

	instant_format(written[_i].instant, text);

	ck_assert_str_eq(text, written[_i].text);
	ck_assert(instant_parse(text, strlen(text), &again));
	ck_assert_int_eq(again, written[_i].instant);
}
END_TEST

/* An instant beyond the years of four digits has no text, but does no harm. */
START_TEST(the_ends_of_time_are_written_within_bounds)
{
	static const int64_t ends[] = {INT64_MIN, INT64_MIN + 1, INT64_MAX, INT64_MAX - 1, 0};
	static const int32_t last_days[] = {INT32_MAX, INT32_MAX - 719467, INT32_MAX - 719468, INT32_MIN, 0};
	char text[INSTANT_TEXT_SIZE];

	for (size_t i = 0; i < COUNT(ends); i++) {
		instant_format(ends[i], text);
		ck_assert_uint_eq(strlen(text), INSTANT_TEXT_SIZE - 1);
	}
	for (size_t i = 0; i < COUNT(last_days); i++) {
		day_format(last_days[i], text);
		ck_assert_uint_eq(strlen(text), DAY_TEXT_SIZE - 1);
	}
}
END_TEST

START_TEST(the_warehouse_and_no_instant_come_before_all_others)
{
	ck_assert_int_lt(IN_WAREHOUSE, FIRST_DAY);
	ck_assert_int_lt(NO_INSTANT, INT64_C(-62135596800000000));
}
END_TEST

SUITE("calendar")
{
	tcase_add_loop_test(tests, a_day_is_read, 0, COUNT(days));
	tcase_add_loop_test(tests, a_text_that_is_not_a_day_is_refused, 0, COUNT(no_days));
	tcase_add_test(tests, no_byte_beyond_the_length_is_read);
	tcase_add_test(tests, every_day_is_written_as_it_is_read);
	tcase_add_loop_test(tests, an_instant_is_read, 0, COUNT(instants));
	tcase_add_loop_test(tests, a_text_that_is_not_an_instant_is_refused, 0, COUNT(no_instants));
	tcase_add_loop_test(tests, an_instant_is_written_in_utc_with_microseconds, 0, COUNT(written));
	tcase_add_test(tests, the_ends_of_time_are_written_within_bounds);
	tcase_add_test(tests, the_warehouse_and_no_instant_come_before_all_others);
}
