/* MessagePack in general: every format, UTF-8, duplicate keys, numbers, depth, size and false headers. */
#include "codec_fixture.h"

#include "support/suites.h"

#include <stdio.h>
#include <string.h>

#define NOT(reason) "payload: expected MessagePack, but: " reason
#define EARLY       NOT("unexpected end")
#define NO_UTF8     NOT("invalid UTF-8")
#define TWICE       "payload: expected MessagePack without duplicate keys"

/* The bytes of an allocate before the value of its quantity; and with one more member, before its value. */
#define UP_TO_QTY     "\x83\xa7orderid\xa2o1\xa3sku\xa2s1\xa3qty"
#define UP_TO_UNKNOWN "\x84\xa7orderid\xa2o1\xa3sku\xa2s1\xa3qty\x03\xa1x"

static const struct {
	struct bytes payload;
	int32_t qty;
} quantities[] = {
	{LITERAL(UP_TO_QTY "\x01"), 1},
	{LITERAL(UP_TO_QTY "\x7f"), 127},
	{LITERAL(UP_TO_QTY "\xcc\xff"), 255},
	{LITERAL(UP_TO_QTY "\xcd\x01\x00"), 256},
	{LITERAL(UP_TO_QTY "\xce\x7f\xff\xff\xff"), INT32_MAX},
	{LITERAL(UP_TO_QTY "\xcf\x00\x00\x00\x00\x7f\xff\xff\xff"), INT32_MAX},
	{LITERAL(UP_TO_QTY "\xd0\x05"), 5},
	{LITERAL(UP_TO_QTY "\xd1\x01\x00"), 256},
	{LITERAL(UP_TO_QTY "\xd2\x7f\xff\xff\xff"), INT32_MAX},
	{LITERAL(UP_TO_QTY "\xd3\x00\x00\x00\x00\x00\x00\x00\x05"), 5},
	{LITERAL(UP_TO_QTY "\xca\x41\x20\x00\x00"), 10},
	{LITERAL(UP_TO_QTY "\xcb\x40\x24\x00\x00\x00\x00\x00\x00"), 10},
};

START_TEST(every_format_of_a_number_is_accepted)
{
	struct envelope envelope = accepted(MSG_ALLOCATE, quantities[_i].payload);

	ck_assert_str_eq(envelope.message.as.allocate.orderid, "o1");
	ck_assert_str_eq(envelope.message.as.allocate.sku, "s1");
	ck_assert_int_eq(envelope.message.as.allocate.qty, quantities[_i].qty);
}
END_TEST

static const struct bytes no_quantities[] = {
	LITERAL(UP_TO_QTY "\x00"),                                 /* 0 */
	LITERAL(UP_TO_QTY "\xff"),                                 /* -1 */
	LITERAL(UP_TO_QTY "\xd0\xff"),                             /* -1 */
	LITERAL(UP_TO_QTY "\xce\x80\x00\x00\x00"),                 /* 2147483648 */
	LITERAL(UP_TO_QTY "\xd3\x80\x00\x00\x00\x00\x00\x00\x01"), /* near -2^63 */
	LITERAL(UP_TO_QTY "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"), /* 1.5 */
	LITERAL(UP_TO_QTY "\xca\x3f\xc0\x00\x00"),                 /* 1.5 */
	LITERAL(UP_TO_QTY "\xa2"
			  "10"),
	LITERAL(UP_TO_QTY "\xc4\x01\x0a"), /* bytes */
	LITERAL(UP_TO_QTY "\xc0"),         /* nil */
	LITERAL(UP_TO_QTY "\xc3"),         /* true */
	LITERAL(UP_TO_QTY "\x91\x0a"),
	LITERAL(UP_TO_QTY "\x80"),
	LITERAL(UP_TO_QTY "\xcf\x80\x00\x00\x00\x00\x00\x00\x00"), /* 2^63 */
	LITERAL(UP_TO_QTY "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), /* 2^64 - 1 */
	LITERAL(UP_TO_QTY "\xca\x7f\x80\x00\x00"),                 /* infinite */
	LITERAL(UP_TO_QTY "\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"), /* NaN */
	LITERAL(UP_TO_QTY "\xcb\x00\x00\x00\x00\x00\x00\x00\x01"), /* the least above 0 */
	LITERAL(UP_TO_QTY "\xcb\x43\xf0\x00\x00\x00\x00\x00\x00"), /* 2^64 */
};

START_TEST(a_value_that_is_not_a_quantity_is_refused)
{
	ck_assert_str_eq(refused(MSG_ALLOCATE, no_quantities[_i]),
			 "qty: expected an integer from 1 to 2147483647");
}
END_TEST

/* Each of the three formats of a map, and each format of a text. */
static const struct bytes forms[] = {
	LITERAL("\x83\xa7orderid\xa2o1\xa3sku\xa2s1\xa3qty\x03"),
	LITERAL("\xde\x00\x03\xa7orderid\xa2o1\xa3sku\xa2s1\xa3qty\x03"),
	LITERAL("\xdf\x00\x00\x00\x03\xa7orderid\xa2o1\xa3sku\xa2s1\xa3qty\x03"),
	LITERAL("\x83\xd9\x07orderid\xd9\x02o1\xd9\x03sku\xd9\x02s1\xd9\x03qty\x03"),
	LITERAL("\x83\xda\x00\x07orderid\xda\x00\x02o1\xda\x00\x03sku\xda\x00\x02s1\xda\x00\x03qty\x03"),
	LITERAL("\x83\xdb\x00\x00\x00\x07orderid\xdb\x00\x00\x00\x02o1\xa3sku\xdb\x00\x00\x00\x02s1\xa3qty\x03"),
};

START_TEST(every_format_of_maps_and_texts_is_accepted)
{
	struct envelope envelope = accepted(MSG_ALLOCATE, forms[_i]);

	ck_assert_str_eq(envelope.message.as.allocate.orderid, "o1");
	ck_assert_str_eq(envelope.message.as.allocate.sku, "s1");
	ck_assert_int_eq(envelope.message.as.allocate.qty, 3);
}
END_TEST

static const struct bytes ignored[] = {
	LITERAL(UP_TO_UNKNOWN "\xc0"),
	LITERAL(UP_TO_UNKNOWN "\xc2"),
	LITERAL(UP_TO_UNKNOWN "\xc4\x02\xff\xfe"),
	LITERAL(UP_TO_UNKNOWN "\xc5\x00\x02\xff\xfe"),
	LITERAL(UP_TO_UNKNOWN "\xc6\x00\x00\x00\x02\xff\xfe"),
	LITERAL(UP_TO_UNKNOWN "\xc7\x01\x05\xff"),
	LITERAL(UP_TO_UNKNOWN "\xc8\x00\x01\x05\xff"),
	LITERAL(UP_TO_UNKNOWN "\xc9\x00\x00\x00\x01\x05\xff"),
	LITERAL(UP_TO_UNKNOWN "\xd4\x05\xff"),
	LITERAL(UP_TO_UNKNOWN "\xd5\x05\xff\xff"),
	LITERAL(UP_TO_UNKNOWN "\xd6\xff\x00\x00\x00\x00"),
	LITERAL(UP_TO_UNKNOWN "\xd7\x05\x00\x00\x00\x00\x00\x00\x00\x00"),
	LITERAL(UP_TO_UNKNOWN "\xd8\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
	LITERAL(UP_TO_UNKNOWN "\xa0"),
	LITERAL(UP_TO_UNKNOWN "\xa1\x00"),
	LITERAL(UP_TO_UNKNOWN "\xdc\x00\x02\x01\xa1y"),
	LITERAL(UP_TO_UNKNOWN "\xdd\x00\x00\x00\x01\x80"),
	LITERAL(UP_TO_UNKNOWN "\x82\xa0\x90\xa1y\x92\x80\x80"),
	LITERAL(UP_TO_UNKNOWN "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"),
	LITERAL(UP_TO_UNKNOWN "\xcb\x7f\xef\xff\xff\xff\xff\xff\xff"),
	LITERAL(UP_TO_UNKNOWN "\x92\x81\xa3sku\x01\x81\xa3sku\x02"),
	/* numbers that fit no field */
	LITERAL(UP_TO_UNKNOWN "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
	LITERAL(UP_TO_UNKNOWN "\x91\xcf\x80\x00\x00\x00\x00\x00\x00\x00"),
	LITERAL(UP_TO_UNKNOWN "\xca\x7f\x80\x00\x00"),
	LITERAL(UP_TO_UNKNOWN "\xca\xff\xc0\x00\x00"),
	LITERAL(UP_TO_UNKNOWN "\xcb\xff\xf0\x00\x00\x00\x00\x00\x00"),
	LITERAL(UP_TO_UNKNOWN "\x81\xa1y\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"),
	/* keys that are not texts, contain NUL, or are duplicates */
	LITERAL(UP_TO_UNKNOWN "\x82\x01\x02\xff\x03"),
	LITERAL(UP_TO_UNKNOWN "\x81\xc4\x01x\x01"),
	LITERAL(UP_TO_UNKNOWN "\x84\xc0\x01\xc3\x01\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00\x01\x90\x01"),
	LITERAL(UP_TO_UNKNOWN "\x81\x81\x01\x02\x03"),
	LITERAL(UP_TO_UNKNOWN "\x81\xa3"
			      "a\0b\x01"),
	LITERAL(UP_TO_UNKNOWN "\x82\xa1y\x01\xa1y\x01"),
	LITERAL(UP_TO_UNKNOWN "\x92\x01\x91\x81\xa1z\x82\xa1y\x01\xa1y\x01"),
	/* and among the fields */
	LITERAL("\x84\x01\x02\xa7orderid\xa2o1\xa3sku\xa2s1\xa3qty\x03"),
	LITERAL("\x85\x01\x02\x01\x02\xa7orderid\xa2o1\xa3sku\xa2s1\xa3qty\x03"),
	LITERAL("\x84\xa4sku\x00\x02\xa7orderid\xa2o1\xa3sku\xa2s1\xa3qty\x03"),
	LITERAL("\x84\xc4\x03qty\x02\xa7orderid\xa2o1\xa3sku\xa2s1\xa3qty\x03"),
	LITERAL("\x84\xa4"
		"data\x82\xa1y\x01\xa1y\x01\xa7orderid\xa2o1\xa3sku\xa2s1\xa3qty\x03"),
};

START_TEST(unknown_fields_of_every_format_are_ignored)
{
	struct envelope envelope = accepted(MSG_ALLOCATE, ignored[_i]);

	ck_assert_int_eq(envelope.message.as.allocate.qty, 3);
}
END_TEST

static const struct {
	struct bytes payload;
	const char *error;
} broken[] = {
	/* payloads that are cut at every place */
	{LITERAL("\x81"), EARLY},
	{LITERAL("\xde\x00"), EARLY},
	{LITERAL("\xde\x00\x01"), EARLY},
	{LITERAL("\x81\xa3sk"), EARLY},
	{LITERAL("\x81\xa3sku"), EARLY},
	{LITERAL("\x81\xa1x\xd9"), EARLY},
	{LITERAL("\x81\xa1x\xcc"), EARLY},
	{LITERAL("\x81\xa1x\xcb\x00\x00"), EARLY},
	{LITERAL("\x81\xa1x\xd3\x00\x00"), EARLY},
	{LITERAL("\x81\xa1x\xc4\x05\x00"), EARLY},
	{LITERAL("\x81\xa1x\xd8\x00"), EARLY},
	{LITERAL("\x81\xa1x\x92\x01"), EARLY},
	/* headers that claim more than there is */
	{LITERAL("\xdf\xff\xff\xff\xff"), EARLY},
	{LITERAL("\xdf\x7f\xff\xff\xff\xa1x\x01"), EARLY},
	{LITERAL("\xde\xff\xff\xa1x\x01"), EARLY},
	{LITERAL("\x81\xa1x\xdd\xff\xff\xff\xff"), EARLY},
	{LITERAL("\x81\xa1x\xdd\x80\x00\x00\x00\x01"), EARLY},
	{LITERAL("\x81\xa1x\xdb\xff\xff\xff\xff"), EARLY},
	{LITERAL("\x81\xa1x\xc6\xff\xff\xff\xff"), EARLY},
	{LITERAL("\x81\xa1x\xc9\xff\xff\xff\xff\x00"), EARLY},
	/* trailing bytes */
	{LITERAL(UP_TO_QTY "\x03\x00"), NOT("trailing data")},
	{LITERAL("\x80\x80"), NOT("trailing data")},
	{LITERAL("\x81\xa1x\xc1"), NOT("invalid type byte")},
	/* duplicate keys where fields are read */
	{LITERAL("\x82\xa1x\x01\xa1x\x01"), TWICE},
	{LITERAL("\x82\xa1x\x01\xd9\x01x\x01"), TWICE},
	{LITERAL("\x82\xa0\x01\xa0\x01"), TWICE},
	{LITERAL("\x83\xa1x\x01\xa1y\x01\xa1x\x02"), TWICE},
	{LITERAL("\x82\xabspecversion\xa3"
		 "1.0\xa4"
		 "data\x82\xa1y\x01\xa1y\x01"),
	 TWICE},
	/* UTF-8, anywhere */
	{LITERAL("\x81\xa1\xff\x01"), NO_UTF8},
	{LITERAL("\x81\xa1x\xa1\x80"), NO_UTF8},
	{LITERAL("\x81\xa1x\xa2\xc3("), NO_UTF8},
	{LITERAL("\x81\xa1x\x91\xd9\x03\xed\xa0\x80"), NO_UTF8},
	{LITERAL("\x81\xa1x\x91\xa1\xc3\xa4"), NO_UTF8},
};

START_TEST(malformed_messagepack_is_refused)
{
	ck_assert_str_eq(refused(MSG_ALLOCATE, broken[_i].payload), broken[_i].error);
}
END_TEST

/* A payload that does not begin a map is read as JSON, and refused. */
static const struct bytes no_maps[] = {
	LITERAL("\x90"),         LITERAL("\xa1x"), LITERAL("\xc0"),
	LITERAL("\xdc\x00\x00"), LITERAL("\x01"),  LITERAL("\xdd\x00\x00\x00\x00"),
};

START_TEST(a_payload_that_does_not_begin_a_map_is_not_read_as_messagepack)
{
	ck_assert_ptr_nonnull(strstr(refused(MSG_ALLOCATE, no_maps[_i]), "JSON"));
}
END_TEST

#define NO_TEXT "sku: expected a text of 1 to 255 characters without NUL"

static const struct bytes no_texts[] = {
	LITERAL("\x83\xa7orderid\xa2o1\xa3sku\xc4\x02s1\xa3qty\x03"), /* bytes are not a text */
	LITERAL("\x83\xa7orderid\xa2o1\xa3sku\xa0\xa3qty\x03"),
	LITERAL("\x83\xa7orderid\xa2o1\xa3sku\xa3s\0t\xa3qty\x03"),
	LITERAL("\x83\xa7orderid\xa2o1\xa3sku\xc0\xa3qty\x03"),
	LITERAL("\x83\xa7orderid\xa2o1\xa3sku\x05\xa3qty\x03"),
	LITERAL("\x83\xa7orderid\xa2o1\xa3sku\xd4\x01s\xa3qty\x03"),
};

START_TEST(a_value_that_is_not_a_text_is_refused)
{
	ck_assert_str_eq(refused(MSG_ALLOCATE, no_texts[_i]), NO_TEXT);
}
END_TEST

START_TEST(the_length_of_a_text_is_counted_in_code_points)
{
	struct bytes longest = bytes_printf("\x83\xa7orderid\xa2o1\xa3sku\xda\x03\xfc%s\xa3qty\x03",
					    repeated("\xf0\x9f\xaa\x91", 255));
	struct bytes longer = bytes_printf("\x83\xa7orderid\xa2o1\xa3sku\xda\x04%c%s\xa3qty\x03", 0,
					   repeated("\xf0\x9f\xaa\x91", 256));
	struct envelope envelope = accepted(MSG_ALLOCATE, longest);

	ck_assert_uint_eq(strlen(envelope.message.as.allocate.sku), 4 * 255);
	ck_assert_str_eq(refused(MSG_ALLOCATE, longer), NO_TEXT);
}
END_TEST

START_TEST(nil_means_absent_on_optional_fields)
{
	struct envelope envelope =
		accepted(MSG_ALLOCATE, BYTES("\x84\xa7orderid\xa2o1\xa3sku\xa2s1\xa3qty\x03\xa2id\xc0"));

	ck_assert_ptr_null(envelope.id);
}
END_TEST

START_TEST(a_batch_reference_is_read_under_either_of_its_names)
{
	struct envelope envelope = accepted(MSG_CHANGE_BATCH_QUANTITY, BYTES("\x82\xa3qty\x00\xa3ref\xa2"
									     "b1"));

	ck_assert_str_eq(envelope.message.as.change_batch_quantity.batchref, "b1");
	ck_assert_str_eq(refused(MSG_CHANGE_BATCH_QUANTITY, BYTES("\x83\xa3qty\x00\xa3ref\xa2"
								  "b1\xa8"
								  "batchref\xa2"
								  "b2")),
			 "batchref: expected the same text as in its alias ref");
}
END_TEST

/* The payload's map is the outermost of `depth` levels. */
static struct bytes nested(size_t depth, const char *open)
{
	return bytes_printf(UP_TO_UNKNOWN "%s\x01", repeated(open, depth - 1));
}

static const char *const openings[] = {"\x91", "\x81\xa1x"};

START_TEST(a_payload_nested_32_deep_is_accepted)
{
	accepted(MSG_ALLOCATE, nested(32, openings[_i]));
}
END_TEST

START_TEST(a_payload_nested_33_deep_is_refused)
{
	ck_assert_str_eq(refused(MSG_ALLOCATE, nested(33, openings[_i])), NOT("nested too deep"));
}
END_TEST

static struct bytes of_size(size_t size)
{
	size_t filling = size - strlen(UP_TO_UNKNOWN) - 3;

	return bytes_printf(UP_TO_UNKNOWN "\xda%c%c%s", (int)(filling >> 8), (int)(filling & 0xff),
			    repeated("x", filling));
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

/* A message with `count` further members, the last of which may repeat the first one's key. */
static struct bytes many_keys(int count, bool last_repeats_first)
{
	char *members = arena_alloc(arena, 65536);
	size_t used = 0;

	for (int i = 0; i < count; i++)
		used += (size_t)snprintf(members + used, 65536 - used, "\xa5%05d\x01",
					 last_repeats_first && i == count - 1 ? 0 : i);
	return bytes_printf("\xde%c%c\xa7orderid\xa2o1\xa3sku\xa2s1\xa3qty\x03%s", (count + 3) >> 8,
			    (count + 3) & 0xff, members);
}

/* Eight times as many keys take about ten times as long; comparing each pair would take sixty times. */
START_TEST(the_time_to_decode_does_not_grow_with_the_square_of_the_keys)
{
	clock_t few = time_to_read(MSG_ALLOCATE, many_keys(1160, false));
	clock_t many = time_to_read(MSG_ALLOCATE, many_keys(8 * 1160, false));

	ck_assert_int_lt(many, 30 * few);
}
END_TEST

/* Around the number of names from which they are sorted, and far beyond. */
static const int sizes[] = {2, 12, 13, 14, 15, 9300};

START_TEST(one_duplicate_among_many_keys_is_refused)
{
	accepted(MSG_ALLOCATE, many_keys(sizes[_i], false));
	ck_assert_str_eq(refused(MSG_ALLOCATE, many_keys(sizes[_i], true)), TWICE);
}
END_TEST

SUITE("messagepack", codec_set_up, codec_tear_down)
{
	tcase_add_loop_test(tests, every_format_of_a_number_is_accepted, 0, COUNT(quantities));
	tcase_add_loop_test(tests, a_value_that_is_not_a_quantity_is_refused, 0, COUNT(no_quantities));
	tcase_add_loop_test(tests, every_format_of_maps_and_texts_is_accepted, 0, COUNT(forms));
	tcase_add_loop_test(tests, unknown_fields_of_every_format_are_ignored, 0, COUNT(ignored));
	tcase_add_loop_test(tests, malformed_messagepack_is_refused, 0, COUNT(broken));
	tcase_add_loop_test(tests, a_payload_that_does_not_begin_a_map_is_not_read_as_messagepack, 0,
			    COUNT(no_maps));
	tcase_add_loop_test(tests, a_value_that_is_not_a_text_is_refused, 0, COUNT(no_texts));
	tcase_add_test(tests, the_length_of_a_text_is_counted_in_code_points);
	tcase_add_test(tests, nil_means_absent_on_optional_fields);
	tcase_add_test(tests, a_batch_reference_is_read_under_either_of_its_names);
	tcase_add_loop_test(tests, a_payload_nested_32_deep_is_accepted, 0, COUNT(openings));
	tcase_add_loop_test(tests, a_payload_nested_33_deep_is_refused, 0, COUNT(openings));
	tcase_add_test(tests, a_payload_of_64_kib_is_accepted);
	tcase_add_test(tests, a_payload_over_64_kib_is_refused);
	tcase_add_test(tests, the_time_to_decode_does_not_grow_with_the_square_of_the_keys);
	tcase_add_loop_test(tests, one_duplicate_among_many_keys_is_refused, 0, COUNT(sizes));
}
