/* JSON as such: syntax, UTF-8, duplicate keys, numbers, depth and size. */
#include "wire.h"

#include "suites.h"

#include <stdio.h>
#include <string.h>

#define NUL              "payload: expected JSON, but a byte is NUL"
#define AT(byte, reason) "payload: expected JSON, but at byte " #byte ": " reason

static const struct {
	struct bytes payload;
	const char *error;
} broken[] = {
	{LITERAL(""), AT(0, "the end comes too early")},
	{LITERAL("{"), AT(1, "the end comes too early")},
	{LITERAL("{\"sku\":\"s1"), AT(10, "the end comes too early")},
	{LITERAL("nonsense"), AT(8, "invalid syntax")},
	{LITERAL("{'sku':1}"), AT(2, "invalid syntax")},
	{LITERAL("{\"qty\":01}"), AT(8, "invalid syntax")},
	{LITERAL("{\"qty\":NaN}"), AT(10, "invalid syntax")},
	{LITERAL("{\"qty\":1,}"), AT(10, "invalid syntax")},
	{LITERAL("{\"qty\":1} x"), AT(11, "something follows the value")},
	{LITERAL("{\"qty\":1}{}"), AT(10, "something follows the value")},
	{LITERAL("{\"qty\":1}\0"), NUL},
	{LITERAL("{\"qty\":1\0}"), NUL},
	{LITERAL("\0"), NUL},
	{LITERAL("\xef\xbb\xbf{}"), AT(3, "invalid syntax")},
	{LITERAL("{\"sku\":\"a\0b\"}"), NUL},
	{LITERAL("{\"sku\":\"a\nb\"}"), AT(9, "invalid syntax")},
	/* duplicate keys, at any depth, however they are written */
	{LITERAL("{\"qty\":1,\"qty\":1}"), AT(14, "a key comes twice")},
	{LITERAL("{\"qty\":1,\"\\u0071ty\":1}"), AT(19, "a key comes twice")},
	{LITERAL("{\"x\":[{\"y\":{\"z\":1,\"z\":2}}]}"), AT(21, "a key comes twice")},
	/* UTF-8, anywhere */
	{LITERAL("{\"sku\":\"\xff\"}"), AT(8, "invalid UTF-8")},
	{LITERAL("{\"sku\":\"\xc0\x80\"}"), AT(8, "invalid UTF-8")},
	{LITERAL("{\"x\":[\"\xed\xa0\x80\"]}"), AT(7, "invalid UTF-8")},
	{LITERAL("{\"\xf4\x90\x80\x80\":1}"), AT(2, "invalid UTF-8")},
	{LITERAL("{\"x\":\"\xe2\x82\"}"), AT(6, "invalid UTF-8")},
	{LITERAL("{\"x\":\"\\ud800\"}"), AT(13, "invalid syntax")},
	{LITERAL("{\"x\":\"\\udc00\"}"), AT(13, "invalid syntax")},
	{LITERAL("{\"x\":\"\\ud800\\u0041\"}"), AT(19, "invalid syntax")},
	{LITERAL("{\"a\\u0000b\":1}"), AT(11, "a key with NUL")},
	/* numbers, anywhere */
	{LITERAL("{\"x\":9223372036854775808}"), AT(24, "a number does not fit 64 bits")},
	{LITERAL("{\"x\":-9223372036854775809}"), AT(25, "a number does not fit 64 bits")},
	{LITERAL("{\"x\":[1e309]}"), AT(11, "a number does not fit 64 bits")},
	{LITERAL("{\"x\":{\"y\":-1e999}}"), AT(16, "a number does not fit 64 bits")},
	/* no object */
	{LITERAL("[]"), "payload: expected a JSON object"},
	{LITERAL("[{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":3}]"), "payload: expected a JSON object"},
	{LITERAL("\"{}\""), AT(4, "invalid syntax")},
	{LITERAL("null"), AT(4, "invalid syntax")},
};

START_TEST(what_is_no_sound_json_object_is_refused)
{
	ck_assert_str_eq(refused(MSG_ALLOCATE, broken[_i].payload), broken[_i].error);
}
END_TEST

static const char *const sound[] = {
	" \t\r\n{ \"orderid\" : \"o1\" , \"sku\" : \"s1\" , \"qty\" : 3 } \n",
	"{\"\\u006frderid\":\"o1\",\"sku\":\"\\u00731\",\"qty\":3}",
	"{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":3,\"x\":[9223372036854775807,-9223372036854775808,1e308]}",
	"{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":3,\"x\":{\"sku\":1},\"y\":{\"sku\":2}}",
	"{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":3,\"x\":\"\\ud83e\\ude91 }{][\\\" \\\\\"}",
};

START_TEST(sound_json_is_read)
{
	struct envelope envelope = accepted(MSG_ALLOCATE, bytes_of(sound[_i]));

	ck_assert_str_eq(envelope.message.as.allocate.orderid, "o1");
	ck_assert_str_eq(envelope.message.as.allocate.sku, "s1");
	ck_assert_int_eq(envelope.message.as.allocate.qty, 3);
}
END_TEST

/* A payload of `size` bytes: what is too much is an unknown field. */
static struct bytes of_size(size_t size)
{
	const char *rest = "{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":3,\"x\":\"\"}";
	const char *filling = repeated("x", size - strlen(rest));

	return bytes_printf("{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":3,\"x\":\"%s\"}", filling);
}

START_TEST(a_payload_of_64_kib_is_read)
{
	ck_assert_uint_eq(of_size(65536).size, 65536);
	accepted(MSG_ALLOCATE, of_size(65536));
}
END_TEST

START_TEST(a_larger_payload_is_refused)
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

START_TEST(nesting_of_32_is_read)
{
	accepted(MSG_ALLOCATE, nested(32, brackets[_i].open, "1", brackets[_i].close));
}
END_TEST

START_TEST(deeper_nesting_is_refused)
{
	ck_assert_str_eq(refused(MSG_ALLOCATE, nested(33, brackets[_i].open, "1", brackets[_i].close)),
			 "payload: expected JSON nested at most 32 deep");
}
END_TEST

START_TEST(brackets_in_a_text_do_not_nest)
{
	accepted(MSG_ALLOCATE,
		 bytes_printf("{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":3,\"x\":\"%s\\\"%s\"}",
			      repeated("[", 40), repeated("{", 40)));
}
END_TEST

START_TEST(a_payload_of_brackets_is_refused)
{
	ck_assert_str_eq(refused(MSG_ALLOCATE, bytes_of(repeated("[", 65536))),
			 "payload: expected JSON nested at most 32 deep");
	ck_assert_str_eq(refused(MSG_ALLOCATE, bytes_of(repeated("{\"\":", 16384))),
			 "payload: expected JSON nested at most 32 deep");
}
END_TEST

static struct bytes many_keys(int count)
{
	char *keys = arena_alloc(arena, 65536);
	size_t used = 0;

	for (int i = 0; i < count; i++)
		used += (size_t)snprintf(keys + used, 65536 - used, ",\"%05d\":1", i);
	return bytes_printf("{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":3%s}", keys);
}

/* Eight times the keys take about ten times as long; compared each with each they would take sixty times. */
START_TEST(time_does_not_grow_with_the_square_of_the_keys)
{
	clock_t few = time_to_read(MSG_ALLOCATE, many_keys(800));
	clock_t many = time_to_read(MSG_ALLOCATE, many_keys(8 * 800));

	ck_assert_int_lt(many, 30 * few);
}
END_TEST

Suite *json_suite(void)
{
	Suite *suite = suite_create("json");
	TCase *tests = tcase_create("json");

	tcase_add_checked_fixture(tests, wire_set_up, wire_tear_down);
	tcase_add_loop_test(tests, what_is_no_sound_json_object_is_refused, 0, COUNT(broken));
	tcase_add_loop_test(tests, sound_json_is_read, 0, COUNT(sound));
	tcase_add_test(tests, a_payload_of_64_kib_is_read);
	tcase_add_test(tests, a_larger_payload_is_refused);
	tcase_add_loop_test(tests, nesting_of_32_is_read, 0, COUNT(brackets));
	tcase_add_loop_test(tests, deeper_nesting_is_refused, 0, COUNT(brackets));
	tcase_add_test(tests, brackets_in_a_text_do_not_nest);
	tcase_add_test(tests, a_payload_of_brackets_is_refused);
	tcase_add_test(tests, time_does_not_grow_with_the_square_of_the_keys);
	suite_add_tcase(suite, tests);
	return suite;
}
