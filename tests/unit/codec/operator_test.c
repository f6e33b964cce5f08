/* Functions for operators' commands: commands from text, and payloads as a line. */
#include "codec_fixture.h"
#include "core/base/calendar.h"

#include "support/suites.h"

#include <string.h>

#define PAIRS_MAX 6

static const struct {
	enum message_type type;
	const char *pairs[PAIRS_MAX];
	const char *payload;
} commands[] = {
	{MSG_ALLOCATE, {"orderid=o1", "sku=s1", "qty=10"}, "{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":10}"},
	{MSG_ALLOCATE,
	 {"qty=10", "sku=10", "orderid=a=b \"c\""},
	 "{\"orderid\":\"a=b \\\"c\\\"\",\"sku\":\"10\",\"qty\":10}"},
	{MSG_ALLOCATE,
	 {"orderid=o1", "sku=s1", "qty=1", "id=i1", "occurred_at=1970-01-01T01:00:00+01:00"},
	 "{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":1,\"id\":\"i1\",\"occurred_at\":\"1970-01-01T00:00:00.000000Z\"}"},
	{MSG_CREATE_BATCH,
	 {"batchref=b1", "sku=s1", "qty=10", "eta=2011-01-02"},
	 "{\"batchref\":\"b1\",\"sku\":\"s1\",\"qty\":10,\"eta\":\"2011-01-02\"}"},
	{MSG_CREATE_BATCH, {"ref=b1", "sku=s1", "qty=10"}, "{\"batchref\":\"b1\",\"sku\":\"s1\",\"qty\":10}"},
	{MSG_CHANGE_BATCH_QUANTITY, {"ref=b1", "batchref=b1", "qty=0"}, "{\"batchref\":\"b1\",\"qty\":0}"},
};

static size_t count_pairs(const char *const pairs[PAIRS_MAX])
{
	size_t count = 0;

	while (count < PAIRS_MAX && pairs[count])
		count++;
	return count;
}

START_TEST(a_command_is_built_from_field_value_pairs)
{
	const char *const *pairs = commands[_i].pairs;
	struct bytes payload = {NULL, 0};
	const char *error = "";

	ck_assert_msg(codec_command_from_pairs(commands[_i].type, pairs, count_pairs(pairs), arena, &payload,
					       &error),
		      "%s", error);
	ck_assert_uint_eq(payload.size, strlen(commands[_i].payload));
	ck_assert_mem_eq(payload.data, commands[_i].payload, payload.size);
	accepted(commands[_i].type, payload);
}
END_TEST

#define NO_QUANTITY "qty: expected an integer from 1 to 2147483647"

static const struct {
	enum message_type type;
	const char *pairs[PAIRS_MAX];
	const char *error;
} wrong[] = {
	{MSG_ALLOCATE, {NULL}, "orderid: missing, and required"},
	{MSG_ALLOCATE, {"orderid=o1", "sku=s1"}, "qty: missing, and required"},
	{MSG_ALLOCATE, {"orderid=o1", "sku=s1", "qty=0"}, NO_QUANTITY},
	{MSG_ALLOCATE, {"orderid=o1", "sku=s1", "qty="}, NO_QUANTITY},
	{MSG_ALLOCATE, {"orderid=o1", "sku=s1", "qty=ten"}, NO_QUANTITY},
	{MSG_ALLOCATE, {"orderid=o1", "sku=s1", "qty=10x"}, NO_QUANTITY},
	{MSG_ALLOCATE, {"orderid=o1", "sku=s1", "qty=10.5"}, NO_QUANTITY},
	{MSG_ALLOCATE, {"orderid=o1", "sku=s1", "qty=99999999999999999999"}, NO_QUANTITY},
	{MSG_ALLOCATE,
	 {"orderid=o1", "sku=", "qty=1"},
	 "sku: expected a text of 1 to 255 characters without NUL"},
	{MSG_ALLOCATE, {"orderid=o1", "sku=\xff", "qty=1"}, "sku: expected UTF-8"},
	{MSG_ALLOCATE, {"orderid"}, "allocate: expected FIELD=VALUE"},
	{MSG_ALLOCATE,
	 {"colour=red"},
	 "allocate: expected one of the fields orderid, sku, qty, id, occurred_at, not 'colour'"},
	{MSG_ALLOCATE,
	 {"=x"},
	 "allocate: expected one of the fields orderid, sku, qty, id, occurred_at, not ''"},
	{MSG_ALLOCATE, {"sku=s1", "sku=s1"}, "sku: given twice"},
	{MSG_OUT_OF_STOCK,
	 {"sku=s1", "orderid=o1", "qty=1", "version=9223372036854775808"},
	 "version: expected an integer from 1 to 9223372036854775807"},
	{MSG_CREATE_BATCH, {"ref=b1", "batchref=b2"}, "batchref: expected the same text as in its alias ref"},
	{MSG_CREATE_BATCH, {"ref=b1", "sku=s1", "qty=1", "eta=soon"}, "eta: expected a day, YYYY-MM-DD"},
	{MSG_CREATE_BATCH,
	 {"ref=b1", "sku=s1", "qty=1", "occurred_at=0001-01-01T00:00:00+01:00"},
	 "occurred_at: expected a date and time of RFC 3339, YYYY-MM-DDTHH:MM:SSZ"},
};

START_TEST(an_invalid_pair_is_refused)
{
	const char *const *pairs = wrong[_i].pairs;
	struct bytes payload;
	const char *error = NULL;

	ck_assert(!codec_command_from_pairs(wrong[_i].type, pairs, count_pairs(pairs), arena, &payload,
					    &error));
	ck_assert_str_eq(error, wrong[_i].error);
}
END_TEST

static const struct {
	struct bytes payload;
	const char *line;
} lines[] = {
	{LITERAL("{ \"b\" : [1, 2.5, true, null],\n \"a\" : \"x\\ny\" }\n"),
	 "{\"b\":[1,2.5,true,null],\"a\":\"x\\ny\"}"},
	{LITERAL("{}"), "{}"},
	{LITERAL("\x80"), "{}"},
	{LITERAL("\x87\xa1x\x01\xa1y\xff\xa1s\xa2\xc3\xa4\xa1n\xc0\xa1t\xc3\xa1"
		 "f\xc2\xa1r\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"),
	 "{\"x\":1,\"y\":-1,\"s\":\"\xc3\xa4\",\"n\":null,\"t\":true,\"f\":false,\"r\":1.5}"},
	{LITERAL("\x83\xa0\x92\x01\x81\xa1z\xa0\xa1"
		 "b\xc4\x01\xff\xa1"
		 "e\xd4\x05\xff"),
	 "{\"\":[1,{\"z\":\"\"}],\"b\":\"binary\",\"e\":\"binary\"}"},
	/* payloads of no known schema */
	{LITERAL("\xef\xbb\xbf{\"a\" : NaN, \"b\":[ -Infinity,Infinity ],\"c\":18446744073709551615}"),
	 "{\"a\":null,\"b\":[null,null],\"c\":18446744073709551615}"},
	{LITERAL("{\"a\":\"\\ud83d NaN -I\",\"a\":1e400, \"N\":-1E-5}"),
	 "{\"a\":\"\\ud83d NaN -I\",\"a\":1e400,\"N\":-1E-5}"},
	{LITERAL("\x85\x01\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00\xc4\x01z\xd6\xff"
		 "\x00\x00\x00\x00\xa1x\x01\xa1x\xd3\x80\x00\x00\x00\x00\x00\x00\x00"),
	 "{\"1\":18446744073709551615,\"-2\":null,\"binary\":\"binary\",\"x\":1,\"x\":-9223372036854775808}"},
	{LITERAL("\x83\xa3"
		 "a\0b\xcb\x7e\x37\xe4\x3c\x88\x00\x75\x9c\xa1\"\xa1\n\x90\x81\xc0\x81\xc2\xca\xff\x80\x00\x00"),
	 "{\"a\\u0000b\":1.0000000000000001e+300,\"\\\"\":\"\\n\",\"binary\":{\"binary\":{\"binary\":null}}}"},
};

START_TEST(a_payload_of_either_encoding_is_shown_as_one_line_of_json)
{
	const char *line, *error = "";

	ck_assert_msg(codec_payload_to_line(lines[_i].payload, arena, &line, &error), "%s", error);
	ck_assert_str_eq(line, lines[_i].line);
}
END_TEST

static const struct bytes no_lines[] = {
	LITERAL(""),     LITERAL("nonsense"), LITERAL("[1]"),
	LITERAL("\x81"), LITERAL("{\"a\":1"), LITERAL("{\"\xff\":1}"),
};

START_TEST(a_malformed_payload_cannot_be_shown_as_a_line)
{
	const char *line, *error = NULL;

	ck_assert(!codec_payload_to_line(no_lines[_i], arena, &line, &error));
	ck_assert_ptr_nonnull(error);
}
END_TEST

START_TEST(a_large_payload_is_shown_whole_and_one_over_64_kib_is_refused)
{
	struct bytes payload = bytes_printf("{\"x\":\"%s\"}", repeated("x", 60000));
	const char *line, *error;

	ck_assert(codec_payload_to_line(payload, arena, &line, &error));
	ck_assert_uint_eq(strlen(line), payload.size);
	ck_assert_mem_eq(line, payload.data, payload.size);
	ck_assert(!codec_payload_to_line(bytes_printf("{\"x\":\"%s\"}", repeated("x", 65536)), arena, &line,
					 &error));
}
END_TEST

SUITE("operator", codec_set_up, codec_tear_down)
{
	tcase_add_loop_test(tests, a_command_is_built_from_field_value_pairs, 0, COUNT(commands));
	tcase_add_loop_test(tests, an_invalid_pair_is_refused, 0, COUNT(wrong));
	tcase_add_loop_test(tests, a_payload_of_either_encoding_is_shown_as_one_line_of_json, 0,
			    COUNT(lines));
	tcase_add_loop_test(tests, a_malformed_payload_cannot_be_shown_as_a_line, 0, COUNT(no_lines));
	tcase_add_test(tests, a_large_payload_is_shown_whole_and_one_over_64_kib_is_refused);
}
