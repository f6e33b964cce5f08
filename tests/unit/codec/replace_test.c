/* Replacing an order's id in payloads and texts, also in malformed ones. */
#include "codec_fixture.h"

#include "support/suites.h"

#include <string.h>

static const char *const names[] = {"orderid", "cause", NULL};

static const struct {
	const char *old;
	struct bytes payload, replaced; /* no bytes: nothing is replaced */
} payloads[] = {
	{"A", LITERAL("{\"orderid\":\"A\",\"sku\":\"A\"}"), LITERAL("{\"orderid\":\"new\",\"sku\":\"A\"}")},
	{"A", LITERAL("{\"orderid\" : \"\\u0041\"}"), LITERAL("{\"orderid\" : \"new\"}")},
	{"A", LITERAL("{\"order\\u0069d\":\"A\"}"), LITERAL("{\"order\\u0069d\":\"new\"}")},
	{"A", LITERAL("{\"data\":{\"x\":[{\"orderid\":\"A\"}],\"cause\":\"A\"}}"),
	 LITERAL("{\"data\":{\"x\":[{\"orderid\":\"new\"}],\"cause\":\"new\"}}")},
	{"A", LITERAL("{\"orderid\":\"AA\",\"cause\":\"xA\"}"), {0}},
	{"AA", LITERAL("{\"orderid\":\"A\"}"), {0}},
	{"A", LITERAL("{\"note\":\"\\\"orderid\\\":\\\"A\\\"\"}"), {0}},
	{"q\"\\", LITERAL("{\"orderid\":\"q\\\"\\\\\"}"), LITERAL("{\"orderid\":\"new\"}")},
	{"\xc3\xa4", LITERAL("{\"orderid\":\"\\u00e4\"}"), LITERAL("{\"orderid\":\"new\"}")},
	{"\xf0\x9f\x98\x80", LITERAL("{\"orderid\":\"\\ud83d\\ude00\"}"), LITERAL("{\"orderid\":\"new\"}")},
	/* malformed: cut off, a quote too many, not UTF-8 */
	{"A", LITERAL("{\"x\":\"\xff\",\"orderid\":\"A\",\"sk"),
	 LITERAL("{\"x\":\"\xff\",\"orderid\":\"new\",\"sk")},
	{"A", LITERAL("{\"x\":\"\"\",\"orderid\":\"A\"}"), LITERAL("{\"x\":\"\"\",\"orderid\":\"new\"}")},
	{"A", LITERAL("\x82\xa7orderid\xa1\x41\xa3sku\xa1\x41"),
	 LITERAL("\x82\xa7orderid\xa3new\xa3sku\xa1\x41")},
	{"A", LITERAL("\x81\xd9\x07orderid\xd9\x01\x41"), LITERAL("\x81\xd9\x07orderid\xa3new")},
	{"A", LITERAL("\x81\xa7orderid\xa2\x41\x42"), {0}},
	{"A", LITERAL("\x82\xa7orderid\xa1\x41\xa3sk"), LITERAL("\x82\xa7orderid\xa3new\xa3sk")},
	/* within a binary value: its length would be wrong */
	{"A", LITERAL("\x81\xa1x\xc4\x0a\xa7orderid\xa1\x41"), {0}},
	{"A", LITERAL("\x82\xa1x\xc4\x0a\xa7orderid\xa1\x41\xa7orderid\xa1\x41"),
	 LITERAL("\x82\xa1x\xc4\x0a\xa7orderid\xa1\x41\xa7orderid\xa3new")},
	/* a value that is a name, before a key; a list */
	{"A", LITERAL("\x82\xa1x\xa7orderid\xa1\x41\x01"), {0}},
	{"A", LITERAL("\x81\xa1x\x92\xa7orderid\xa1\x41"), {0}},
	{"A", LITERAL("\x81\xa1x\x92\x81\xa7orderid\xa1\x41\x01"),
	 LITERAL("\x81\xa1x\x92\x81\xa7orderid\xa3new\x01")},
	{"A", LITERAL(""), {0}},
};

START_TEST(a_value_is_replaced_where_a_member_of_that_name_has_it_and_nothing_else_changes)
{
	struct bytes replaced = {0};

	codec_payload_replace(payloads[_i].payload, names, payloads[_i].old, "new", arena, &replaced);

	ck_assert_uint_eq(replaced.size, payloads[_i].replaced.size);
	if (replaced.size)
		ck_assert_mem_eq(replaced.data, payloads[_i].replaced.data, replaced.size);
}
END_TEST

START_TEST(a_long_replacement_gets_the_header_of_its_length_in_messagepack)
{
	const char *token = repeated("t", 300);
	struct bytes replaced;

	ck_assert_uint_eq(
		codec_payload_replace(BYTES("\x81\xa7orderid\xa1\x41"), names, "A", token, arena, &replaced),
		1);

	ck_assert_uint_eq(replaced.size, 9 + 3 + 300);
	ck_assert_mem_eq((const char *)replaced.data + 9, "\xda\x01\x2cttt", 6);
}
END_TEST

static const struct {
	const char *text, *replaced; /* NULL: nothing is replaced */
} words[] = {
	{"order-1", "new"},
	{"Key (orderid)=(order-1) exists", "Key (orderid)=(new) exists"},
	{"order-1: order-1.", "new: new."},
	{"orderid=order-1,qty", "orderid=new,qty"},
	{"order-10", NULL},
	{"my-order-1", NULL},
	{"order-1.5", NULL},
	{"a/order-1", NULL},
	{"order-1:LAMP", NULL},
	{"order-1\xc3\xa4", NULL},
	{"", NULL},
};

START_TEST(in_a_text_only_whole_words_are_replaced)
{
	struct bytes replaced = {0};
	size_t count = codec_words_replace(bytes_of(words[_i].text), "order-1", "new", arena, &replaced);

	ck_assert_int_eq(count > 0, words[_i].replaced != NULL);
	if (words[_i].replaced)
		ck_assert_str_eq(replaced.data, words[_i].replaced);
}
END_TEST

SUITE("replacing", codec_set_up, codec_tear_down)
{
	tcase_add_loop_test(tests,
			    a_value_is_replaced_where_a_member_of_that_name_has_it_and_nothing_else_changes,
			    0, COUNT(payloads));
	tcase_add_test(tests, a_long_replacement_gets_the_header_of_its_length_in_messagepack);
	tcase_add_loop_test(tests, in_a_text_only_whole_words_are_replaced, 0, COUNT(words));
}
