/* UTF-8: the edges of RFC 3629's table. */
#include "core/utf8.h"

#include "suites.h"

#include <stdint.h>
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

Suite *utf8_suite(void)
{
	Suite *suite = suite_create("utf8");
	TCase *tests = tcase_create("utf8");

	tcase_add_loop_test(tests, valid_text_is_counted, 0, COUNT(valid));
	tcase_add_loop_test(tests, invalid_text_is_refused, 0, COUNT(invalid_texts));
	tcase_add_test(tests, every_code_point_but_the_surrogates_is_valid);
	suite_add_tcase(suite, tests);
	return suite;
}
