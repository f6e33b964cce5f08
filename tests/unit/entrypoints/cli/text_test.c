/* Checks and conversions of text from users. */
#include "core/base/utf8.h"
#include "entrypoints/cli/text.h"
#include "support/suites.h"

#include <stdlib.h>
#include <string.h>

START_TEST(numbers_are_digits_and_fit)
{
	int64_t number = -1;

	ck_assert(text_to_number("0", &number) && number == 0);
	ck_assert(text_to_number("9223372036854775807", &number) && number == INT64_MAX);
	ck_assert(!text_to_number("9223372036854775808", &number));
	ck_assert(!text_to_number("", &number));
	ck_assert(!text_to_number("-1", &number));
	ck_assert(!text_to_number("1 ", &number));
	ck_assert(!text_to_number("0x1", &number));
}
END_TEST

START_TEST(seconds_may_have_a_fraction)
{
	int64_t ms = -1;

	ck_assert(text_to_ms("30", &ms) && ms == 30000);
	ck_assert(text_to_ms("0", &ms) && ms == 0);
	ck_assert(text_to_ms("1.5", &ms) && ms == 1500);
	ck_assert(text_to_ms("0.05", &ms) && ms == 50);
	ck_assert(text_to_ms("0.005", &ms) && ms == 5);
	ck_assert(text_to_ms("1000000000", &ms) && ms == INT64_C(1000000000000));
	ck_assert(!text_to_ms("1000000000.1", &ms));
	ck_assert(!text_to_ms("", &ms));
	ck_assert(!text_to_ms(".5", &ms));
	ck_assert(!text_to_ms("5.", &ms));
	ck_assert(!text_to_ms("1.2.3", &ms));
	ck_assert(!text_to_ms("0.0001", &ms));
	ck_assert(!text_to_ms("-1", &ms));
	ck_assert(!text_to_ms("1e3", &ms));
	ck_assert(!text_to_ms("00000000000000000000000000000001.5", &ms));
}
END_TEST

START_TEST(characters_are_counted_not_bytes)
{
	size_t count = 0;

	ck_assert(text_count("a\xc3\xa9\xf0\x9d\x84\x9e", 7, &count));
	ck_assert_uint_eq(count, 3);
	ck_assert(!text_count("\xff", 1, &count));
	ck_assert(!text_count("\xed\xa0\x80", 3, &count));
}
END_TEST

START_TEST(control_characters_are_not_printable)
{
	ck_assert(text_is_printable("caf\xc3\xa9"));
	ck_assert(!text_is_printable("a\tb"));
	ck_assert(!text_is_printable("a\x7f"));
	ck_assert(!text_is_printable("\xc3"));
	ck_assert(!text_is_printable("a\xc2\x9b"));
	ck_assert(!text_is_printable("a\xe2\x80\x8f"));
	ck_assert(
		text_is_printable("\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb")); /* two joined by U+200D */
}
END_TEST

static const struct {
	const char *text, *printable;
} printed[] = {
	{"caf\xc3\xa9 \xf0\x9f\xaa\x91", "caf\xc3\xa9 \xf0\x9f\xaa\x91"},
	{"a\x1b[2J\x7f", "a\\u001b[2J\\u007f"},
	{"\xc2\x80\xc2\x9b"
	 "31m\xc2\x9f",
	 "\\u0080\\u009b31m\\u009f"},
	/* NOLINTNEXTLINE(misc-misleading-bidirectional): escaped here, too. */
	{"\xd8\x9c\xe2\x80\xae\xe2\x81\xa6\xef\xbb\xbf", "\\u061c\\u202e\\u2066\\ufeff"},
	{"x\xc3", "x\xef\xbf\xbd"}, /* cut in the middle of a character */
	{"x\xe2\x82", "x\xef\xbf\xbd\xef\xbf\xbd"},
	{"x\xf0\x9f\xaa", "x\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
	{"\xff", "\xef\xbf\xbd"},
};

/* The copy is exactly as large as the text, so that a sanitizer reports reads beyond it. */
START_TEST(control_characters_are_escaped)
{
	char *text = strdup(printed[_i].text);
	struct arena *arena = arena_new(1024);

	ck_assert_str_eq(utf8_printable(arena, text), printed[_i].printable);
	arena_free(&arena);
	free(text);
}
END_TEST

START_TEST(distance_counts_the_edits)
{
	ck_assert_uint_eq(text_distance("kitten", "sitting"), 3);
	ck_assert_uint_eq(text_distance("", "abc"), 3);
	ck_assert_uint_eq(text_distance("abc", ""), 3);
	ck_assert_uint_eq(text_distance("same", "same"), 0);
	ck_assert_uint_eq(text_distance("LEVLE", "LEVEL"), 1);
	ck_assert_uint_eq(text_distance("ab", "bca"), 3);
}
END_TEST

static const struct {
	const char *word;
	const char *hint;
} hints[] = {
	{"levle", "; did you mean --level?"},
	{"leve", "; did you mean --level?"},
	{"lebal", "; did you mean --level?"},
	{"labal", ""},
	{"lvl", ""},
	{"table", "; did you mean --tables?"},
};

START_TEST(only_a_name_that_is_much_like_the_word_is_offered)
{
	struct arena *arena = arena_new(256);
	struct nearest nearest = {.word = hints[_i].word};

	nearest_consider(&nearest, "tables");
	nearest_consider(&nearest, "level");
	nearest_consider(&nearest, "quite-another-name");

	ck_assert_str_eq(nearest_hint(&nearest, "--", arena), hints[_i].hint);
	arena_free(&arena);
}
END_TEST

SUITE("text")
{
	tcase_add_test(tests, numbers_are_digits_and_fit);
	tcase_add_test(tests, seconds_may_have_a_fraction);
	tcase_add_test(tests, characters_are_counted_not_bytes);
	tcase_add_test(tests, control_characters_are_not_printable);
	tcase_add_loop_test(tests, control_characters_are_escaped, 0, sizeof printed / sizeof printed[0]);
	tcase_add_test(tests, distance_counts_the_edits);
	tcase_add_loop_test(tests, only_a_name_that_is_much_like_the_word_is_offered, 0, COUNT(hints));
}
