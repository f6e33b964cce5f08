/* Header fields of any text, and bodies that any server accepts. */
#include "support/suites.h"

#include "adapters/smtp/mail_format.h"
#include "core/base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct arena *arena;
static char *written;
static size_t size;
static FILE *out;

static void set_up(void)
{
	arena = arena_new(1024);
	out = open_memstream(&written, &size);
}

static void tear_down(void)
{
	if (out)
		fclose(out);
	free(written);
	arena_free(&arena);
}

static const char *text(void)
{
	fclose(out);
	out = NULL;
	return written;
}

static void expect_short_lines(void)
{
	for (const char *line = written; *line; line = strstr(line, "\r\n") + 2) {
		ck_assert_ptr_nonnull(strstr(line, "\r\n"));
		ck_assert_uint_le((size_t)(strstr(line, "\r\n") - line), 76);
	}
}

START_TEST(a_short_ascii_field_is_written_unchanged)
{
	mail_write_field(out, "Subject", "Out of stock: 3 of LAMP");

	ck_assert_str_eq(text(), "Subject: Out of stock: 3 of LAMP\r\n");
}
END_TEST

START_TEST(a_field_that_is_not_ascii_becomes_an_encoded_word)
{
	mail_write_field(out, "Subject", "L\xc3\x84MP");

	ck_assert_str_eq(text(), "Subject: =?UTF-8?B?TMOETVA=?=\r\n");
}
END_TEST

START_TEST(a_field_that_looks_like_an_encoded_word_is_encoded)
{
	mail_write_field(out, "Subject", "=?UTF-8?B?TMOETVA=?=");

	ck_assert_ptr_null(strstr(text(), "TMOETVA"));
}
END_TEST

START_TEST(a_long_field_is_folded_and_no_character_is_split)
{
	char long_text[3 * 255 + 1] = "";

	for (int i = 0; i < 255; i++)
		strcat(long_text, _i ? "\xe2\x82\xac" : "x");
	mail_write_field(out, "Subject", long_text);

	text();
	expect_short_lines();
	for (const char *word = written; (word = strstr(word, "=?UTF-8?B?")); word++)
		ck_assert_uint_eq((strcspn(word + 10, "?")) % 4,
				  0); /* whole groups, since decoders read each word alone */
}
END_TEST

START_TEST(no_printable_character_ends_a_line_of_the_header)
{
	static const struct {
		const char *from, *to;
	} texts[] = {
		{"a\r\nBcc: x@y", "a\\u000d\\u000aBcc: x@y"},
		{"a\nb", "a\\u000ab"},
		{"\x1b[2J", "\\u001b[2J"},
		{"a\xe2\x80\xaf", "a\xe2\x80\xaf"},
		{"a\xe2\x80\xa8"
		 "b",
		 "a\\u2028b"},
		{"a\xe2\x80\xae\xe2\x80\xac"
		 "b",
		 "a\\u202e\\u202cb"},
		{"caf\xe9", "caf\xef\xbf\xbd"},
		{"L\xc3\x84MP", "L\xc3\x84MP"},
	};

	ck_assert_str_eq(utf8_printable(arena, texts[_i].from), texts[_i].to);
}
END_TEST

START_TEST(a_date_has_the_form_of_rfc_5322)
{
	mail_write_date(out, 1796724000);

	ck_assert_str_eq(text(), "Date: Tue, 8 Dec 2026 10:00:00 +0000\r\n");
}
END_TEST

START_TEST(a_body_is_quoted_printable_with_short_lines)
{
	char body[600] = "a = b\ntrailing \nL\xc3\x84MP\n";

	memset(body + strlen(body), 'x', 500);
	strcat(body, "\n");
	mail_write_body(out, body);

	text();
	ck_assert_ptr_eq(strstr(written, "a =3D b\r\ntrailing=20\r\nL=C3=84MP\r\nxxx"), written);
	expect_short_lines();
}
END_TEST

SUITE("mail format", set_up, tear_down)
{
	tcase_add_test(tests, a_short_ascii_field_is_written_unchanged);
	tcase_add_test(tests, a_field_that_is_not_ascii_becomes_an_encoded_word);
	tcase_add_test(tests, a_field_that_looks_like_an_encoded_word_is_encoded);
	tcase_add_loop_test(tests, a_long_field_is_folded_and_no_character_is_split, 0, 2);
	tcase_add_loop_test(tests, no_printable_character_ends_a_line_of_the_header, 0, 8);
	tcase_add_test(tests, a_date_has_the_form_of_rfc_5322);
	tcase_add_test(tests, a_body_is_quoted_printable_with_short_lines);
}
