/* JSON in general: syntax, UTF-8, duplicate keys, numbers, depth and size. */
#include "codec_fixture.h"

#include "support/suites.h"

#include <stdio.h>
#include <string.h>

#define NO_OBJECT        "payload: expected a JSON object"
#define TWICE            "payload: expected JSON without duplicate keys"
#define NO_QTY           "qty: expected an integer from 1 to 2147483647"
#define NO_SKU           "sku: expected a text of 1 to 255 characters without NUL"
#define AT(byte, reason) "payload: expected JSON, but at byte " #byte ": " reason

static const struct {
	struct bytes payload;
	const char *error;
} broken[] = {
	{LITERAL(""), AT(0, "unexpected end")},
	{LITERAL(" \n"), AT(2, "unexpected end")},
	{LITERAL("\xef\xbb\xbf"), AT(3, "unexpected end")},
	{LITERAL("{"), AT(1, "unexpected end")},
	{LITERAL("{\"sku\":\"s1"), AT(10, "unexpected end")},
	{LITERAL("{\"sku\":\"s1\\"), AT(11, "unexpected end")},
	{LITERAL("{\"sku\":\"\\u00"), AT(12, "unexpected end")},
	{LITERAL("{\"sku\":-"), AT(8, "unexpected end")},
	{LITERAL("{'sku':1}"), AT(1, "invalid syntax")},
	{LITERAL("{\"qty\":01}"), AT(8, "invalid syntax")},
	{LITERAL("{\"qty\":+1}"), AT(7, "invalid syntax")},
	{LITERAL("{\"qty\":1.}"), AT(9, "invalid syntax")},
	{LITERAL("{\"qty\":.5}"), AT(7, "invalid syntax")},
	{LITERAL("{\"qty\":1e}"), AT(9, "invalid syntax")},
	{LITERAL("{\"qty\":0x1}"), AT(8, "invalid syntax")},
	{LITERAL("{\"qty\":nan}"), AT(7, "invalid syntax")},
	{LITERAL("{\"qty\":-NaN}"), AT(8, "invalid syntax")},
	{LITERAL("{\"qty\":nulls}"), AT(11, "invalid syntax")},
	{LITERAL("{\"qty\":1,}"), AT(9, "invalid syntax")},
	{LITERAL("{\"qty\" 1}"), AT(7, "invalid syntax")},
	{LITERAL("{\"x\":[1,]}"), AT(8, "invalid syntax")},
	{LITERAL("{\"x\":[1}}"), AT(7, "invalid syntax")},
	{LITERAL("{\"x\":{\"y\"}}"), AT(9, "invalid syntax")},
	{LITERAL("{\"x\":\"\\x41\"}"), AT(7, "invalid syntax")},
	{LITERAL("{\"x\":\"\\u00g1\"}"), AT(10, "invalid syntax")},
	{LITERAL("{\"qty\":1} x"), AT(10, "trailing data")},
	{LITERAL("{\"qty\":1}{}"), AT(9, "trailing data")},
	{LITERAL("{\"qty\":1}\0"), AT(9, "trailing data")},
	{LITERAL("{\"qty\":1\0}"), AT(8, "invalid syntax")},
	{LITERAL("{\"sku\":\"a\0b\"}"), AT(9, "invalid syntax")},
	{LITERAL("{\"sku\":\"a\nb\"}"), AT(9, "invalid syntax")},
	/* duplicate keys where fields are read, known or unknown, with or without escapes */
	{LITERAL("{\"qty\":1,\"qty\":1}"), TWICE},
	{LITERAL("{\"qty\":1,\"\\u0071ty\":1}"), TWICE},
	{LITERAL("{\"x\":1,\"y\":1,\"x\":2}"), TWICE},
	{LITERAL("{\"\\ud800\":1,\"\\ud800\":2}"), TWICE},
	/* UTF-8, anywhere */
	{LITERAL("{\"sku\":\"\xff\"}"), AT(8, "invalid UTF-8")},
	{LITERAL("{\"sku\":\"\xc0\x80\"}"), AT(8, "invalid UTF-8")},
	{LITERAL("{\"x\":[\"\xed\xa0\x80\"]}"), AT(7, "invalid UTF-8")},
	{LITERAL("{\"\xf4\x90\x80\x80\":1}"), AT(2, "invalid UTF-8")},
	{LITERAL("{\"x\":\"\xe2\x82\"}"), AT(6, "invalid UTF-8")},
	/* values that are not objects */
	{LITERAL("nonsense"), NO_OBJECT},
	{LITERAL("\0"), NO_OBJECT},
	{LITERAL("[]"), NO_OBJECT},
	{LITERAL("[{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":3}]"), NO_OBJECT},
	{LITERAL("\"{}\""), NO_OBJECT},
	{LITERAL("null"), NO_OBJECT},
	{LITERAL("\xef\xbb\xbf\xef\xbb\xbf{}"), NO_OBJECT},
};

START_TEST(a_payload_that_is_not_a_well_formed_json_object_is_refused)
{
	ck_assert_str_eq(refused(MSG_ALLOCATE, broken[_i].payload), broken[_i].error);
}
END_TEST

static const char *const sound[] = {
	" \t\r\n{ \"orderid\" : \"o1\" , \"sku\" : \"s1\" , \"qty\" : 3 } \n",
	"{\"\\u006frderid\":\"o1\",\"sku\":\"\\u00731\",\"qty\":3}",
	"{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":3,\"x\":[9223372036854775807,-9223372036854775808,1e308]}",
	"{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":3,\"x\":{\"sku\":1},\"y\":{\"sku\":2}}",
	"\xef\xbb\xbf{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":3}",
	"\xef\xbb\xbf \r\n{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":0.3e+1}",
	"{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":3,\"x\":\"\\ud83e\\ude91 }{][\\\" \\\\\"}",
};

/* Values of an unknown field. */
static const char *const unknown[] = {
	"\"x\":18446744073709551615",
	"\"x\":[9223372036854775808,-9223372036854775809]",
	"\"x\":1e400",
	"\"x\":{\"y\":-1e999}",
	"\"x\":1e-400",
	"\"x\":NaN",
	"\"x\":[Infinity,-Infinity,{\"y\":NaN}]",
	"\"x\":\"\\ud83d\"",
	"\"x\":[\"\\ude00\\ud83d\"]",
	"\"x\":{\"a\":1,\"a\":2}",
	"\"x\":[{\"y\":{\"z\":1,\"z\":2}}]",
	"\"x\":{\"a\\u0000b\":1}",
	"\"a\\u0000b\":1",
	"\"sku\\u0000\":1",
	"\"\\ud800\":1",
	"\"data\":{\"y\":1,\"y\":2}",
	"\"x\":\"\\u0000\"",
};

START_TEST(an_unknown_field_may_have_any_value)
{
	struct envelope envelope = accepted(
		MSG_ALLOCATE, bytes_printf("{\"orderid\":\"o1\",%s,\"sku\":\"s1\",\"qty\":3}", unknown[_i]));

	ck_assert_str_eq(envelope.message.as.allocate.sku, "s1");
	ck_assert_int_eq(envelope.message.as.allocate.qty, 3);
	accepted(MSG_ALLOCATE,
		 bytes_printf(
			 "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"allocate\",%s,"
			 "\"data\":{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":3}}",
			 strstr(unknown[_i], "data") ? "\"x\":1" : unknown[_i]));
	accepted(MSG_ALLOCATE,
		 bytes_printf("{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"allocate\","
			      "\"data\":{\"orderid\":\"o1\",\"sku\":\"s1\",%s,\"qty\":3}}",
			      unknown[_i]));
}
END_TEST

static const struct {
	const char *payload;
	const char *error;
} needed[] = {
	{"{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":1e-400}", NO_QTY},
	{"{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":1e400}", NO_QTY},
	{"{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":NaN}", NO_QTY},
	{"{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":18446744073709551617}", NO_QTY},
	{"{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":2147483647.0000000001}", NO_QTY},
	{"{\"orderid\":\"o1\",\"sku\":\"s1\\ud83d\",\"qty\":3}", NO_SKU},
	{"{\"orderid\":\"o1\",\"sku\":\"\\udc00\",\"qty\":3}", NO_SKU},
	{"{\"orderid\":\"o1\",\"sku\":\"s\\u0000\",\"qty\":3}", NO_SKU},
	{"{\"orderid\":\"o1\",\"sku\":{\"sku\":\"s1\"},\"qty\":3}", NO_SKU},
	{"{\"specversion\":\"1.0\",\"data\":{\"qty\":1,\"qty\":1}}",
	 "data: expected JSON without duplicate keys"},
};

START_TEST(the_value_of_a_needed_field_is_checked)
{
	ck_assert_str_eq(refused(MSG_ALLOCATE, bytes_of(needed[_i].payload)), needed[_i].error);
}
END_TEST

START_TEST(well_formed_json_is_accepted)
{
	struct envelope envelope = accepted(MSG_ALLOCATE, bytes_of(sound[_i]));

	ck_assert_str_eq(envelope.message.as.allocate.orderid, "o1");
	ck_assert_str_eq(envelope.message.as.allocate.sku, "s1");
	ck_assert_int_eq(envelope.message.as.allocate.qty, 3);
}
END_TEST

/* A payload of `size` bytes, which an unknown field fills. */
static struct bytes of_size(size_t size)
{
	const char *rest = "{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":3,\"x\":\"\"}";
	const char *filling = repeated("x", size - strlen(rest));

	return bytes_printf("{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":3,\"x\":\"%s\"}", filling);
}

START_TEST(a_payload_of_64_kib_is_accepted)
{
	ck_assert_uint_eq(of_size(65536).size, 65536);
	accepted(MSG_ALLOCATE, of_size(65536));
}
END_TEST

START_TEST(a_payload_over_64_kib_is_refused)
{
	ck_assert_str_eq(refused(MSG_ALLOCATE, of_size(65537)), "payload: expected at most 65536 bytes");
}
END_TEST

/*
 * The innermost of the `depth` levels is inside brackets of its own; the outermost is the payload's object.
 */
static struct bytes nested(size_t depth, const char *open, const char *innermost, const char *close)
{
	return bytes_printf("{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":3,\"x\":%s%s%s}",
			    repeated(open, depth - 1), innermost, repeated(close, depth - 1));
}

static const struct {
	const char *open;
	const char *close;
} brackets[] = {{"[", "]"}, {"{\"x\":", "}"}, {"[\"]\\\"]\",", "]"}};

START_TEST(a_payload_nested_32_deep_is_accepted)
{
	accepted(MSG_ALLOCATE, nested(32, brackets[_i].open, "1", brackets[_i].close));
}
END_TEST

START_TEST(a_payload_nested_33_deep_is_refused)
{
	ck_assert_str_eq(refused(MSG_ALLOCATE, nested(33, brackets[_i].open, "1", brackets[_i].close)),
			 "payload: expected JSON nested at most 32 deep");
}
END_TEST

START_TEST(brackets_in_a_text_do_not_count_as_nesting)
{
	accepted(MSG_ALLOCATE,
		 bytes_printf("{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":3,\"x\":\"%s\\\"%s\"}",
			      repeated("[", 40), repeated("{", 40)));
}
END_TEST

START_TEST(a_payload_of_opening_brackets_only_is_refused)
{
	ck_assert_str_eq(refused(MSG_ALLOCATE, bytes_of(repeated("[", 65536))), NO_OBJECT);
	ck_assert_str_eq(refused(MSG_ALLOCATE, bytes_printf("{\"x\":%s", repeated("[", 65530))),
			 "payload: expected JSON nested at most 32 deep");
	ck_assert_str_eq(refused(MSG_ALLOCATE, bytes_of(repeated("{\"\":", 16384))),
			 "payload: expected JSON nested at most 32 deep");
}
END_TEST

static struct bytes many_keys(int count, bool last_repeats_first)
{
	char *keys = arena_alloc(arena, 65536);
	size_t used = 0;

	for (int i = 0; i < count; i++)
		used += (size_t)snprintf(keys + used, 65536 - used, ",\"%05d\":1",
					 last_repeats_first && i == count - 1 ? 0 : i);
	return bytes_printf("{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":3%s}", keys);
}

/* Eight times as many keys take about ten times as long; comparing each pair would take sixty times. */
START_TEST(the_time_to_decode_does_not_grow_with_the_square_of_the_keys)
{
	clock_t few = time_to_read(MSG_ALLOCATE, many_keys(800, false));
	clock_t many = time_to_read(MSG_ALLOCATE, many_keys(8 * 800, false));

	ck_assert_int_lt(many, 30 * few);
}
END_TEST

/* Around the number of members from which memory is allocated, and far beyond. */
static const int sizes[] = {2, 12, 13, 14, 15, 6500};

START_TEST(one_duplicate_among_many_keys_is_refused)
{
	accepted(MSG_ALLOCATE, many_keys(sizes[_i], false));
	ck_assert_str_eq(refused(MSG_ALLOCATE, many_keys(sizes[_i], true)), TWICE);
}
END_TEST

SUITE("json", codec_set_up, codec_tear_down)
{
	tcase_add_loop_test(tests, a_payload_that_is_not_a_well_formed_json_object_is_refused, 0,
			    COUNT(broken));
	tcase_add_loop_test(tests, well_formed_json_is_accepted, 0, COUNT(sound));
	tcase_add_loop_test(tests, an_unknown_field_may_have_any_value, 0, COUNT(unknown));
	tcase_add_loop_test(tests, the_value_of_a_needed_field_is_checked, 0, COUNT(needed));
	tcase_add_test(tests, a_payload_of_64_kib_is_accepted);
	tcase_add_test(tests, a_payload_over_64_kib_is_refused);
	tcase_add_loop_test(tests, a_payload_nested_32_deep_is_accepted, 0, COUNT(brackets));
	tcase_add_loop_test(tests, a_payload_nested_33_deep_is_refused, 0, COUNT(brackets));
	tcase_add_test(tests, brackets_in_a_text_do_not_count_as_nesting);
	tcase_add_test(tests, a_payload_of_opening_brackets_only_is_refused);
	tcase_add_test(tests, the_time_to_decode_does_not_grow_with_the_square_of_the_keys);
	tcase_add_loop_test(tests, one_duplicate_among_many_keys_is_refused, 0, COUNT(sizes));
}
