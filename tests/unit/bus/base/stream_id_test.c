/* Ids of stream entries, as text and as numbers. */
#include "bus/base/stream_id.h"

#include "support/suites.h"

static const struct {
	const char *text;
	struct stream_id id;
} valid[] = {
	{"0-0", {0, 0}},
	{"1700000000000-12", {1700000000000, 12}},
	{"1700000000000", {1700000000000, 0}},
	{"18446744073709551615-18446744073709551615", {UINT64_MAX, UINT64_MAX}},
};

START_TEST(a_valid_id_is_read)
{
	struct stream_id id;

	ck_assert(stream_id_parse(valid[_i].text, &id));

	ck_assert_uint_eq(id.ms, valid[_i].id.ms);
	ck_assert_uint_eq(id.seq, valid[_i].id.seq);
}
END_TEST

static const char *const invalid[] = {
	"",
	"-",
	"-1",
	"1-",
	"+1-1",
	" 1-1",
	"1-1 ",
	"1--1",
	"1-x",
	"1-1-1",
	"18446744073709551616-0",
	"0-18446744073709551616",
	"99999999999999999999-0",
	"100000000000000000000-0",
};

START_TEST(an_invalid_id_is_refused)
{
	struct stream_id id;

	ck_assert(!stream_id_parse(invalid[_i], &id));
}
END_TEST

START_TEST(an_id_is_written_as_it_was_read)
{
	char text[STREAM_ID_TEXT];

	stream_id_format(valid[1].id, text);

	ck_assert_str_eq(text, valid[1].text);
}
END_TEST

SUITE("stream ids")
{
	tcase_add_loop_test(tests, a_valid_id_is_read, 0, COUNT(valid));
	tcase_add_loop_test(tests, an_invalid_id_is_refused, 0, COUNT(invalid));
	tcase_add_test(tests, an_id_is_written_as_it_was_read);
}
