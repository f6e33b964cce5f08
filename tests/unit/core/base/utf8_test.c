/* UTF-8: the edges of RFC 3629's table. */
#include "core/base/utf8.h"

#include "support/suites.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *text;
	size_t count;
} valid[] = {
	{"", 0},
	{"a", 1},
	{"\x7f", 1},
	{"\xc2\x80", 1},
	{"\xdf\xbf", 1},
	{"\xe0\xa0\x80", 1},
	{"\xed\x9f\xbf", 1},
	{"\xee\x80\x80", 1},
	{"\xef\xbf\xbf", 1},
	{"\xf0\x90\x80\x80", 1},
	{"\xf4\x8f\xbf\xbf", 1},
	{"a\xc3\xa4\xe2\x82\xac\xf0\x9f\xaa\x91z", 5},
	{"12345678", 8},
	{"1234567\xc3\xa4", 8},
	{"12345678\xc3\xa4", 9},
};

START_TEST(valid_text_is_counted)
{
	ck_assert(utf8_is_valid(valid[_i].text, strlen(valid[_i].text)));
	ck_assert_uint_eq(utf8_count(valid[_i].text, strlen(valid[_i].text)), valid[_i].count);
}
END_TEST

static const char *const invalid_texts[] = {
	"\x80",
	"\xbf",
	"\xc0\x80", /* overlong */
	"\xc1\xbf",
	"\xe0\x9f\xbf",
	"\xf0\x8f\xbf\xbf",
	"\xed\xa0\x80", /* surrogates */
	"\xed\xbf\xbf",
	"\xf4\x90\x80\x80", /* above U+10FFFF */
	"\xf5\x80\x80\x80",
	"\xfe",
	"\xff",
	"\xc2", /* cut short */
	"\xc2z",
	"\xe2\x82",
	"\xe2\x82z",
	"\xf0\x9f\xaa",
	"\xf0\x9f\xaaz",
	"\xf0\x9f",
	"12345678\xff",
	"1234567\xff",
	"\xc3\xa4\xa4",
};

START_TEST(invalid_text_is_refused)
{
	ck_assert(!utf8_is_valid(invalid_texts[_i], strlen(invalid_texts[_i])));
}
END_TEST

static size_t encode(uint32_t code_point, char text[4])
{
	if (code_point < 0x80) {
		text[0] = (char)code_point;
		return 1;
	}
	if (code_point < 0x800) {
		text[0] = (char)(0xc0 | code_point >> 6);
		text[1] = (char)(0x80 | (code_point & 0x3f));
		return 2;
	}
	if (code_point < 0x10000) {
		text[0] = (char)(0xe0 | code_point >> 12);
		text[1] = (char)(0x80 | (code_point >> 6 & 0x3f));
		text[2] = (char)(0x80 | (code_point & 0x3f));
		return 3;
	}
	text[0] = (char)(0xf0 | code_point >> 18);
	text[1] = (char)(0x80 | (code_point >> 12 & 0x3f));
	text[2] = (char)(0x80 | (code_point >> 6 & 0x3f));
	text[3] = (char)(0x80 | (code_point & 0x3f));
	return 4;
}

START_TEST(every_code_point_but_the_surrogates_is_valid)
{
	for (uint32_t code_point = 0; code_point <= 0x110000; code_point++) {
		bool expected = !(code_point >= 0xd800 && code_point <= 0xdfff) && code_point <= 0x10ffff;
		char text[4];
		size_t length = encode(code_point, text);

		if (utf8_is_valid(text, length) != expected)
			ck_abort_msg("U+%04X", code_point);
	}
}
END_TEST

START_TEST(every_code_point_is_decoded)
{
	for (uint32_t code_point = 0; code_point <= 0x110000; code_point++) {
		bool expected = !(code_point >= 0xd800 && code_point <= 0xdfff) && code_point <= 0x10ffff;
		char text[4];
		size_t length = encode(code_point, text), width;
		uint32_t decoded;
		bool whole;

		width = utf8_next(text, length, &decoded, &whole);
		if (whole != expected || decoded != (expected ? code_point : UTF8_REPLACEMENT) ||
		    width != (expected ? length : 1))
			ck_abort_msg("U+%04X", code_point);
	}
}
END_TEST

/* A character of one, two, three and four bytes. */
static const char *const characters[] = {"a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\xaa\x91"};

/* Every length of character at every distance from the limit. */
START_TEST(a_text_is_cut_between_characters)
{
	size_t width = strlen(characters[_i]);

	for (size_t offset = 0; offset < 4; offset++) {
		char text[64] = "xxx";

		text[offset] = '\0';
		for (size_t size = offset; size + width < sizeof text; size += width)
			memcpy(text + size, characters[_i], width + 1);
		for (size_t limit = 0; limit <= sizeof text; limit++) {
			size_t length = strlen(text), cut = utf8_cut(text, length, limit);

			ck_assert_uint_le(cut, limit);
			ck_assert(utf8_is_valid(text, cut));
			ck_assert(cut == length || cut + width > limit || (limit < offset && cut == limit));
		}
	}
}
END_TEST

/* Any bytes are accepted, and none beyond them is read: they are in memory of exactly their size. */
START_TEST(no_byte_beyond_the_text_is_read)
{
	for (unsigned byte = 0; byte < 256; byte++) {
		for (size_t length = 1; length <= 4; length++) {
			char *bytes = malloc(length);
			uint32_t code;
			bool whole;

			memset(bytes, 0xbf, length);
			bytes[0] = (char)byte;
			ck_assert_uint_le(utf8_next(bytes, length, &code, &whole), length);
			ck_assert_uint_le(utf8_cut(bytes, length + 1, length), length);
			free(bytes);
		}
	}
}
END_TEST

START_TEST(a_formatted_text_is_cut_between_characters)
{
	for (size_t offset = 0; offset < 4; offset++) {
		char text[64] = "xxx", buffer[16];

		text[offset] = '\0';
		for (int i = 0; i < 12; i++)
			strcat(text, characters[_i]);
		for (size_t size = 1; size <= sizeof buffer; size++) {
			utf8_format(buffer, size, "%s", text);
			ck_assert_uint_lt(strlen(buffer), size);
			ck_assert_uint_eq(strlen(buffer), utf8_cut(text, strlen(text), size - 1));
			ck_assert_mem_eq(buffer, text, strlen(buffer));
		}
	}
}
END_TEST

static const struct {
	const char *text;
	const char *repaired;
} broken[] = {
	{"", ""},
	{"plain", "plain"},
	{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x92\xa1", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x92\xa1"},
	{"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf",
	 "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"}, /* the edges */
	{"a\xff"
	 "b",
	 "a?b"},
	{"\x80", "?"}, /* a continuation without a beginning */
	{"\xc3", "?"}, /* cut off */
	{"\xe2\x82", "??"},
	{"\xf0\x9f\xaa", "???"},
	{"\xf0\x9f\xaaz", "???z"},
	{"\xc3(", "?("},
	{"\xc0\xaf", "??"}, /* overlong */
	{"\xe0\x80\xaf", "???"},
	{"\xf0\x80\x80\xaf", "????"},
	{"\xed\xa0\x80", "???"},      /* a surrogate */
	{"\xf4\x90\x80\x80", "????"}, /* above U+10FFFF */
	{"\xf5\x80\x80\x80", "????"},
};

START_TEST(bytes_that_are_not_utf8_become_question_marks)
{
	struct arena *arena = arena_new(1024);
	char buffer[32];

	ck_assert_str_eq(utf8_repaired(arena, broken[_i].text), broken[_i].repaired);
	utf8_format(buffer, sizeof buffer, "<%s>", broken[_i].text);
	ck_assert_str_eq(buffer, arena_printf(arena, "<%s>", broken[_i].repaired));
	arena_free(&arena);
}
END_TEST

static const uint32_t obeyed[] = {0,      0x1b,   0x1f,   0x7f,   0x80,   0x9b,   0x9f,
				  0x61c,  0x200b, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a,
				  0x202e, 0x2060, 0x2066, 0x2069, 0xfeff, 0xfff9};
static const uint32_t shown[] = {' ',    '~',    0xa0,   0xad,   0xe9,   0x200a, 0x200c,
				 0x200d, 0x2010, 0x2027, 0x202f, 0x20ac, 0x1f600};

START_TEST(control_characters_of_terminals_are_known)
{
	for (size_t i = 0; i < COUNT(obeyed); i++)
		ck_assert_msg(utf8_is_control(obeyed[i]), "U+%04X", obeyed[i]);
	for (size_t i = 0; i < COUNT(shown); i++)
		ck_assert_msg(!utf8_is_control(shown[i]), "U+%04X", shown[i]);
}
END_TEST

SUITE("utf8")
{
	tcase_add_loop_test(tests, valid_text_is_counted, 0, COUNT(valid));
	tcase_add_loop_test(tests, invalid_text_is_refused, 0, COUNT(invalid_texts));
	tcase_add_test(tests, every_code_point_but_the_surrogates_is_valid);
	tcase_add_test(tests, every_code_point_is_decoded);
	tcase_add_loop_test(tests, a_text_is_cut_between_characters, 0, COUNT(characters));
	tcase_add_test(tests, no_byte_beyond_the_text_is_read);
	tcase_add_loop_test(tests, a_formatted_text_is_cut_between_characters, 0, COUNT(characters));
	tcase_add_loop_test(tests, bytes_that_are_not_utf8_become_question_marks, 0, COUNT(broken));
	tcase_add_test(tests, control_characters_of_terminals_are_known);
}
