/* Log lines of any content. */
#include "adapters/system/log_line.h"

#include "support/suites.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NOON 1769860800000000 /* 2026-01-31T12:00:00Z */

static struct log_line line;

static void format(enum log_format log_format, const struct log_field *fields, size_t count)
{
	log_line_format(&line, (struct log_style){log_format, false}, NOON, LOG_WARN, "message rejected",
			fields, count);
}

static void assert_line(const char *expected)
{
	ck_assert_msg(line.size == strlen(expected) && !memcmp(line.text, expected, line.size), "%.*s",
		      (int)line.size, line.text);
}

static const struct log_field two_fields[] = {{"channel", "allocate", 0}, {"attempts", NULL, -2}};

START_TEST(logfmt_writes_plain_words_without_quotes)
{
	format(LOG_FORMAT_LOGFMT, two_fields, 2);

	assert_line("time=2026-01-31T12:00:00.000000Z level=warn msg=\"message rejected\" channel=allocate "
		    "attempts=-2\n");
}
END_TEST

START_TEST(a_json_line_is_one_object)
{
	format(LOG_FORMAT_JSON, two_fields, 2);

	assert_line(
		"{\"time\":\"2026-01-31T12:00:00.000000Z\",\"level\":\"warn\",\"msg\":\"message rejected\","
		"\"channel\":\"allocate\",\"attempts\":-2}\n");
}
END_TEST

static const struct {
	enum log_level level;
	enum log_format format;
	const char *expected;
} of_journald[] = {
	{LOG_ERROR, LOG_FORMAT_LOGFMT, "<3>level=error msg=no n=1\n"},
	{LOG_WARN, LOG_FORMAT_LOGFMT, "<4>level=warn msg=no n=1\n"},
	{LOG_INFO, LOG_FORMAT_LOGFMT, "<6>level=info msg=no n=1\n"},
	{LOG_DEBUG, LOG_FORMAT_JSON, "<7>{\"level\":\"debug\",\"msg\":\"no\",\"n\":1}\n"},
};

START_TEST(a_line_for_journald_begins_with_its_priority_and_has_no_time)
{
	log_line_format(&line, (struct log_style){of_journald[_i].format, true}, NOON, of_journald[_i].level,
			"no", &LOG_NUMBER("n", 1), 1);
	assert_line(of_journald[_i].expected);
}
END_TEST

START_TEST(a_field_with_an_empty_text_is_left_out)
{
	const char *unknown = NULL;
	const struct log_field fields[] = {LOG_TEXT("a", ""), LOG_NUMBER("b", 0), LOG_TEXT("c", unknown),
					   LOG_TEXT("d", "x")};

	format(LOG_FORMAT_LOGFMT, fields, 4);
	assert_line("time=2026-01-31T12:00:00.000000Z level=warn msg=\"message rejected\" b=0 d=x\n");

	format(LOG_FORMAT_JSON, fields, 4);
	assert_line("{\"time\":\"2026-01-31T12:00:00.000000Z\",\"level\":\"warn\","
		    "\"msg\":\"message rejected\",\"b\":0,\"d\":\"x\"}\n");
}
END_TEST

static const struct {
	const char *text, *logfmt, *json;
} texts[] = {
	{"plain", "plain", "\"plain\""},
	{"a b", "\"a b\"", "\"a b\""},
	{"a=b", "\"a=b\"", "\"a=b\""},
	{"a\"b", "\"a\\\"b\"", "\"a\\\"b\""},
	{"a\\b", "\"a\\\\b\"", "\"a\\\\b\""},
	{"a\nb\rc\td", "\"a\\nb\\rc\\td\"", "\"a\\nb\\rc\\td\""},
	{"\x01\x1b[31m\x7f", "\"\\u0001\\u001b[31m\\u007f\"", "\"\\u0001\\u001b[31m\\u007f\""},
	{"é€😀", "\"é€😀\"", "\"é€😀\""},
	{"\xc2\x85", "\"\\u0085\"", "\"\\u0085\""},     /* next line: some terminals execute it */
	{"\xe2\x80\xa8", "\"\\u2028\"", "\"\\u2028\""}, /* line separator */
	{"\xe2\x80\xae\xe2\x80\xac", "\"\\u202e\\u202c\"",
	 "\"\\u202e\\u202c\""},                                 /* right-to-left override, and back */
	{"\xff", "\"\xef\xbf\xbd\"", "\"\xef\xbf\xbd\""},       /* never UTF-8 */
	{"a\x80z", "\"a\xef\xbf\xbdz\"", "\"a\xef\xbf\xbdz\""}, /* a continuation alone */
	{"\xc3", "\"\xef\xbf\xbd\"", "\"\xef\xbf\xbd\""},       /* cut off */
	{"\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
	{"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"", "\"\xef\xbf\xbd\xef\xbf\xbd\""}, /* overlong */
	{"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"",
	 "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
	{"\xf5\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\"", "\"\xef\xbf\xbd\xef\xbf\xbd\""}, /* above U+10FFFF */
};

static void assert_ends_with(const char *name_and_sign, const char *value, const char *end)
{
	char expected[128];
	size_t size = (size_t)snprintf(expected, sizeof expected, "%s%s%s", name_and_sign, value, end);

	ck_assert_msg(line.size > size && !memcmp(line.text + line.size - size, expected, size), "%.*s",
		      (int)line.size, line.text);
}

START_TEST(a_text_with_control_characters_is_escaped)
{
	struct log_field field = {"x", texts[_i].text, 0};

	format(LOG_FORMAT_LOGFMT, &field, 1);
	assert_ends_with(" x=", texts[_i].logfmt, "\n");

	format(LOG_FORMAT_JSON, &field, 1);
	assert_ends_with(",\"x\":", texts[_i].json, "}\n");
}
END_TEST

static json_t *parse_json(void)
{
	json_error_t error;
	json_t *object = json_loadb(line.text, line.size, JSON_REJECT_DUPLICATES, &error);

	ck_assert_msg(object, "%s in %.*s", error.text, (int)line.size, line.text);
	return object;
}

START_TEST(a_long_text_is_cut_between_characters)
{
	char text[3 * 1000 + 1] = "";
	struct log_field field = {"x", text, 0};
	json_t *object;
	const char *cut;

	for (int i = 0; i < 1000; i++)
		memcpy(text + strlen(text), "€", sizeof "€");
	format(LOG_FORMAT_JSON, &field, 1);
	object = parse_json();

	cut = json_string_value(json_object_get(object, "x"));
	ck_assert_uint_eq(strlen(cut), 1023 + strlen("…"));
	ck_assert_mem_eq(cut, text, 1023);
	ck_assert_str_eq(cut + 1023, "…");
	json_decref(object);
}
END_TEST

START_TEST(a_text_of_exactly_the_limit_is_not_cut)
{
	char text[LOG_TEXT_MAX + 2];
	struct log_field field = {"x", text, 0};

	memset(text, 'y', sizeof text);
	text[LOG_TEXT_MAX] = '\0';
	format(LOG_FORMAT_LOGFMT, &field, 1);
	ck_assert_ptr_null(memmem(line.text, line.size, "…", 3));

	text[LOG_TEXT_MAX] = 'y';
	text[LOG_TEXT_MAX + 1] = '\0';
	format(LOG_FORMAT_LOGFMT, &field, 1);
	ck_assert_ptr_nonnull(memmem(line.text, line.size, "…", 3));
}
END_TEST

START_TEST(a_line_without_room_for_a_field_ends_in_truncated)
{
	char text[LOG_TEXT_MAX + 1];
	struct log_field fields[6];
	json_t *object;

	memset(text, '\n', sizeof text);
	text[LOG_TEXT_MAX] = '\0';
	for (size_t i = 0; i < 6; i++)
		fields[i] = (struct log_field){(const char *[]){"a", "b", "c", "d", "e", "f"}[i], text, 0};
	format(LOG_FORMAT_JSON, fields, 6);
	object = parse_json();

	ck_assert_uint_le(line.size, LOG_LINE_MAX);
	ck_assert(json_is_true(json_object_get(object, "truncated")));
	ck_assert_ptr_nonnull(json_object_get(object, "c"));
	ck_assert_ptr_null(json_object_get(object, "d"));
	ck_assert_ptr_null(json_object_get(object, "f"));
	json_decref(object);
}
END_TEST

/* Fills the line to its last byte: no byte is written beyond it, and JSON stays valid. */
START_TEST(a_line_never_exceeds_its_bound)
{
	char last[LOG_TEXT_MAX + 1], full[LOG_TEXT_MAX + 1];
	json_t *object;

	memset(full, 'x', LOG_TEXT_MAX);
	full[LOG_TEXT_MAX] = '\0';
	memset(last, 'y', sizeof last);
	for (size_t size = 0; size <= LOG_TEXT_MAX; size++) {
		struct log_field fields[] = {{"a", full, 0}, {"b", full, 0}, {"c", full, 0}, {"d", last, 0}};

		last[size] = '\0';
		format(LOG_FORMAT_JSON, fields, 4);
		last[size] = 'y';
		ck_assert_uint_le(line.size, LOG_LINE_MAX);
		ck_assert_int_eq(line.text[line.size - 1], '\n');
		object = parse_json();
		ck_assert((size > 0 && !json_object_get(object, "d")) ==
			  json_is_true(json_object_get(object, "truncated")));
		json_decref(object);
	}
}
END_TEST

/* The line ends once, and jansson, which is strict about JSON and UTF-8, parses it. */
START_TEST(random_bytes_in_a_text_give_one_valid_line_of_json)
{
	unsigned seed = (unsigned)_i;

	for (int round = 0; round < 2000; round++) {
		char text[40];
		struct log_field field = {"x", text, 0};
		size_t size = (size_t)rand_r(&seed) % sizeof text;

		for (size_t i = 0; i < size; i++)
			text[i] = (char)(rand_r(&seed) % 255 + 1);
		text[size] = '\0';
		format(LOG_FORMAT_JSON, &field, 1);
		json_decref(parse_json());
		ck_assert_ptr_eq(memchr(line.text, '\n', line.size), line.text + line.size - 1);
	}
}
END_TEST

SUITE("log line")
{
	tcase_add_test(tests, logfmt_writes_plain_words_without_quotes);
	tcase_add_test(tests, a_json_line_is_one_object);
	tcase_add_loop_test(tests, a_line_for_journald_begins_with_its_priority_and_has_no_time, 0,
			    COUNT(of_journald));
	tcase_add_test(tests, a_field_with_an_empty_text_is_left_out);
	tcase_add_loop_test(tests, a_text_with_control_characters_is_escaped, 0, COUNT(texts));
	tcase_add_test(tests, a_long_text_is_cut_between_characters);
	tcase_add_test(tests, a_text_of_exactly_the_limit_is_not_cut);
	tcase_add_test(tests, a_line_without_room_for_a_field_ends_in_truncated);
	tcase_add_test(tests, a_line_never_exceeds_its_bound);
	tcase_add_loop_test(tests, random_bytes_in_a_text_give_one_valid_line_of_json, 0, 8);
}
