/* Text that may be anything, made fit for Postgres. */
#include "adapters/postgres/utf8.h"

#include "suites.h"

static const struct {
	const char *text;
	const char *repaired;
} texts[] = {
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
	{"\xc3(", "?("},
	{"\xc0\xaf", "??"}, /* overlong */
	{"\xe0\x80\xaf", "???"},
	{"\xf0\x80\x80\xaf", "????"},
	{"\xed\xa0\x80", "???"},      /* a surrogate */
	{"\xf4\x90\x80\x80", "????"}, /* above U+10FFFF */
	{"\xf5\x80\x80\x80", "????"},
};

START_TEST(what_is_not_utf8_becomes_question_marks)
{
	struct arena *arena = arena_new(1024);

	ck_assert_str_eq(utf8_repaired(arena, texts[_i].text), texts[_i].repaired);
	arena_free(&arena);
}
END_TEST

Suite *utf8_suite(void)
{
	Suite *suite = suite_create("utf8");
	TCase *tests = tcase_create("utf8");

	tcase_add_loop_test(tests, what_is_not_utf8_becomes_question_marks, 0,
			    (int)(sizeof texts / sizeof texts[0]));
	suite_add_tcase(suite, tests);
	return suite;
}
