/* The values that a field may have in any encoding, tested with JSON. */
#include "codec_fixture.h"
#include "core/base/calendar.h"

#include "support/suites.h"

#include <string.h>

#define NO_TEXT     "expected a text of 1 to 255 characters without NUL"
#define NO_QUANTITY "qty: expected an integer from 1 to 2147483647"
#define NO_INSTANT_ "occurred_at: expected a date and time of RFC 3339, YYYY-MM-DDTHH:MM:SSZ"
#define NO_DAY      "eta: expected a day, YYYY-MM-DD"

static struct bytes allocate_with(const char *members)
{
	return bytes_printf("{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":3%s}", members);
}

START_TEST(a_command_is_decoded_field_by_field)
{
	struct envelope envelope =
		accepted(MSG_CREATE_BATCH, BYTES("{\"batchref\": \"b1\", \"sku\": \"CHAIR\", \"qty\": 7,"
						 " \"eta\": \"2011-01-02\", \"id\": \"i1\","
						 " \"occurred_at\": \"1970-01-01T00:00:01Z\"}"));
	const struct create_batch *command = &envelope.message.as.create_batch;

	ck_assert_str_eq(command->batchref, "b1");
	ck_assert_str_eq(command->sku, "CHAIR");
	ck_assert_int_eq(command->qty, 7);
	ck_assert_int_eq(command->eta, 14976);
	ck_assert_str_eq(command->id, "i1");
	ck_assert_int_eq(command->occurred_at, 1000000);
}
END_TEST

START_TEST(id_and_occurred_at_of_a_bare_message_are_in_its_envelope)
{
	struct envelope envelope = accepted(
		MSG_ALLOCATE, allocate_with(",\"id\":\"i1\",\"occurred_at\":\"1970-01-01T00:00:01Z\""));

	ck_assert_str_eq(envelope.id, "i1");
	ck_assert_int_eq(envelope.occurred_at, 1000000);
	ck_assert_str_eq(envelope.source, "");
	ck_assert_ptr_null(envelope.traceparent);
}
END_TEST

static const char *const absences[] = {"", ",\"id\":null,\"occurred_at\":null"};

START_TEST(null_means_absent_on_optional_fields)
{
	struct envelope envelope = accepted(MSG_ALLOCATE, allocate_with(absences[_i]));

	ck_assert_ptr_null(envelope.id);
	ck_assert_ptr_null(envelope.message.as.allocate.id);
	ck_assert_int_eq(envelope.occurred_at, NO_INSTANT);
	ck_assert_int_eq(envelope.message.as.allocate.occurred_at, NO_INSTANT);
}
END_TEST

static const char *const no_etas[] = {"", ",\"eta\":null"};

START_TEST(without_an_eta_a_batch_is_in_the_warehouse)
{
	struct envelope envelope =
		accepted(MSG_CREATE_BATCH,
			 bytes_printf("{\"batchref\":\"b1\",\"sku\":\"s1\",\"qty\":3%s}", no_etas[_i]));

	ck_assert_int_eq(envelope.message.as.create_batch.eta, IN_WAREHOUSE);
}
END_TEST

static const char *const ignored[] = {
	",\"colour\":\"red\"", ",\"Sku\":5",         ",\"ref\":7",        ",\"\":[]",
	",\"x\":{\"sku\":9}",  ",\"x\":\"\\u0000\"", ",\"eta\":\"soon\"", ",\"x\":[1,2.5,true,null,{}]",
};

START_TEST(unknown_fields_are_ignored)
{
	struct envelope envelope = accepted(MSG_ALLOCATE, allocate_with(ignored[_i]));

	ck_assert_str_eq(envelope.message.as.allocate.sku, "s1");
}
END_TEST

static const struct {
	const char *literal;
	int32_t qty;
} quantities[] = {
	{"1", 1},
	{"2147483647", INT32_MAX},
	{"10.0", 10},
	{"1e1", 10},
	{"1E+1", 10},
	{"100e-1", 10},
	{"1.5e1", 15},
	{"0.1e1", 1},
	{"2147483647.0", INT32_MAX},
	{"2.147483647e9", INT32_MAX},
};

START_TEST(a_number_without_a_fraction_is_an_integer)
{
	struct envelope envelope =
		accepted(MSG_ALLOCATE, bytes_printf("{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":%s}",
						    quantities[_i].literal));

	ck_assert_int_eq(envelope.message.as.allocate.qty, quantities[_i].qty);
}
END_TEST

static const char *const no_quantities[] = {
	"0",
	"-1",
	"2147483648",
	"1.5",
	"0.9999999999",
	"\"10\"",
	"true",
	"false",
	"null",
	"[]",
	"[1]",
	"{}",
	"1e10",
	"1e300",
	"-1e300",
	"-0",
	"-0.0",
	"0.0",
	"\"\"",
	"4294967297",
	"9223372036854775807",
	"-9223372036854775808",
	"2147483647.5",
	"9223372036854775808.0",
	"-9223372036854775809.0",
};

START_TEST(a_value_that_is_not_a_quantity_is_refused)
{
	ck_assert_str_eq(refused(MSG_ALLOCATE, bytes_printf("{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":%s}",
							    no_quantities[_i])),
			 NO_QUANTITY);
}
END_TEST

START_TEST(a_batch_may_be_set_to_a_quantity_of_0)
{
	struct envelope envelope =
		accepted(MSG_CHANGE_BATCH_QUANTITY, BYTES("{\"batchref\":\"b1\",\"qty\":0}"));

	ck_assert_int_eq(envelope.message.as.change_batch_quantity.qty, 0);
}
END_TEST

/* Code points of one to four bytes. */
static const char *const characters[] = {"a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\xaa\x91"};

START_TEST(the_length_of_a_text_is_counted_in_code_points)
{
	const char *longest = repeated(characters[_i], 255);
	const char *longer = repeated(characters[_i], 256);

	struct envelope envelope =
		accepted(MSG_ALLOCATE, bytes_printf("{\"orderid\":\"%s\",\"sku\":\"%s\",\"qty\":3}",
						    characters[_i], longest));

	ck_assert_str_eq(envelope.message.as.allocate.orderid, characters[_i]);
	ck_assert_str_eq(envelope.message.as.allocate.sku, longest);
	ck_assert_str_eq(
		refused(MSG_ALLOCATE, bytes_printf("{\"orderid\":\"o1\",\"sku\":\"%s\",\"qty\":3}", longer)),
		"sku: " NO_TEXT);
}
END_TEST

static const char *const no_texts[] = {
	"\"\"", "5", "null", "true", "[]", "{}", "[\"s1\"]", "\"a\\u0000b\"", "\"\\u0000\"",
};

START_TEST(a_value_that_is_not_a_text_is_refused)
{
	ck_assert_str_eq(refused(MSG_ALLOCATE,
				 bytes_printf("{\"orderid\":\"o1\",\"sku\":%s,\"qty\":3}", no_texts[_i])),
			 "sku: " NO_TEXT);
}
END_TEST

static const struct {
	const char *members;
	const char *error;
} optional[] = {
	{",\"id\":\"\"", "id: " NO_TEXT},
	{",\"id\":7", "id: " NO_TEXT},
	{",\"id\":\"a\\u0000\"", "id: " NO_TEXT},
	{",\"occurred_at\":\"\"", NO_INSTANT_},
	{",\"occurred_at\":0", NO_INSTANT_},
	{",\"occurred_at\":\"2011-01-02\"", NO_INSTANT_},
	{",\"occurred_at\":\"2011-01-02T00:00:00\"", NO_INSTANT_},
	{",\"occurred_at\":\"2011-02-29T00:00:00Z\"", NO_INSTANT_},
	{",\"occurred_at\":\"2011-01-02T00:00:00Z\\u0000\"", NO_INSTANT_},
	{",\"occurred_at\":{}", NO_INSTANT_},
};

START_TEST(an_optional_field_is_checked_when_it_is_present)
{
	ck_assert_str_eq(refused(MSG_ALLOCATE, allocate_with(optional[_i].members)), optional[_i].error);
}
END_TEST

static const char *const no_days[] = {
	"\"\"",
	"\"soon\"",
	"20110102",
	"\"2011-02-29\"",
	"\"2011-01-02T25:00\"",
	"\"2011-01-02\\u0000\"",
	"[]",
	"\"2011-01-02\\n\"",
};

START_TEST(a_text_that_is_not_a_day_is_refused)
{
	ck_assert_str_eq(refused(MSG_CREATE_BATCH,
				 bytes_printf("{\"batchref\":\"b1\",\"sku\":\"s1\",\"qty\":3,\"eta\":%s}",
					      no_days[_i])),
			 NO_DAY);
}
END_TEST

START_TEST(the_time_part_of_an_eta_is_dropped)
{
	struct envelope envelope =
		accepted(MSG_CREATE_BATCH, BYTES("{\"batchref\":\"b1\",\"sku\":\"s1\",\"qty\":3,"
						 "\"eta\":\"2011-01-02T23:59:59+01:00\"}"));

	ck_assert_int_eq(envelope.message.as.create_batch.eta, 14976);
}
END_TEST

static const struct {
	enum message_type type;
	const char *payload;
	const char *error;
} incomplete[] = {
	{MSG_ALLOCATE, "{}", "orderid: missing, and required"},
	{MSG_ALLOCATE, "{\"orderid\":\"o1\",\"qty\":3}", "sku: missing, and required"},
	{MSG_ALLOCATE, "{\"orderid\":\"o1\",\"sku\":\"s1\"}", "qty: missing, and required"},
	{MSG_CREATE_BATCH, "{\"sku\":\"s1\",\"qty\":3}", "batchref: missing, and required"},
	{MSG_CREATE_BATCH, "{\"ref\":\"b1\",\"qty\":3}", "sku: missing, and required"},
	{MSG_CHANGE_BATCH_QUANTITY, "{\"qty\":3}", "batchref: missing, and required"},
	{MSG_CHANGE_BATCH_QUANTITY, "{\"ref\":\"b1\"}", "qty: missing, and required"},
};

START_TEST(a_message_without_a_required_field_is_refused)
{
	ck_assert_str_eq(refused(incomplete[_i].type, bytes_of(incomplete[_i].payload)),
			 incomplete[_i].error);
}
END_TEST

static const char *const references[] = {
	"\"batchref\":\"b1\"",
	"\"ref\":\"b1\"",
	"\"ref\":\"b1\",\"batchref\":\"b1\"",
	"\"batchref\":\"b1\",\"ref\":\"\\u00621\"",
};

START_TEST(a_batch_reference_is_read_under_either_of_its_names)
{
	struct envelope envelope =
		accepted(MSG_CHANGE_BATCH_QUANTITY, bytes_printf("{%s,\"qty\":3}", references[_i]));

	ck_assert_str_eq(envelope.message.as.change_batch_quantity.batchref, "b1");
}
END_TEST

#define DIFFERENT "batchref: expected the same text as in its alias ref"

static const struct {
	const char *members;
	const char *error;
} no_references[] = {
	{"\"batchref\":\"b1\",\"ref\":\"b2\"", DIFFERENT},
	{"\"batchref\":\"b1\",\"ref\":\"b11\"", DIFFERENT},
	{"\"batchref\":\"b1\",\"ref\":null", DIFFERENT},
	{"\"batchref\":null,\"ref\":\"b1\"", DIFFERENT},
	{"\"batchref\":1,\"ref\":1", DIFFERENT},
	{"\"batchref\":\"\",\"ref\":\"\"", "batchref: " NO_TEXT},
	{"\"ref\":\"\"", "ref: " NO_TEXT},
	{"\"ref\":null", "ref: " NO_TEXT},
	{"\"batchref\":null", "batchref: " NO_TEXT},
};

START_TEST(a_message_whose_two_names_of_a_reference_differ_is_refused)
{
	ck_assert_str_eq(
		refused(MSG_CHANGE_BATCH_QUANTITY, bytes_printf("{%s,\"qty\":3}", no_references[_i].members)),
		no_references[_i].error);
}
END_TEST

START_TEST(a_version_of_64_bits_is_read_exactly)
{
	struct envelope envelope =
		accepted(MSG_OUT_OF_STOCK,
			 BYTES("{\"sku\":\"s1\",\"orderid\":\"o1\",\"qty\":3,\"version\":9223372036854775807,"
			       "\"occurred_at\":\"1970-01-01T00:00:00Z\"}"));

	ck_assert_int_eq(envelope.message.as.out_of_stock.version, INT64_MAX);
}
END_TEST

START_TEST(a_version_of_two_to_the_63rd_does_not_fit)
{
	ck_assert_str_eq(
		refused(MSG_OUT_OF_STOCK,
			BYTES("{\"sku\":\"s1\",\"orderid\":\"o1\",\"qty\":3,\"version\":9223372036854775808.0,"
			      "\"occurred_at\":\"1970-01-01T00:00:00Z\"}")),
		"version: expected an integer from 1 to 9223372036854775807");
}
END_TEST

SUITE("fields", codec_set_up, codec_tear_down)
{
	tcase_add_test(tests, a_command_is_decoded_field_by_field);
	tcase_add_test(tests, id_and_occurred_at_of_a_bare_message_are_in_its_envelope);
	tcase_add_loop_test(tests, null_means_absent_on_optional_fields, 0, COUNT(absences));
	tcase_add_loop_test(tests, without_an_eta_a_batch_is_in_the_warehouse, 0, COUNT(no_etas));
	tcase_add_loop_test(tests, unknown_fields_are_ignored, 0, COUNT(ignored));
	tcase_add_loop_test(tests, a_number_without_a_fraction_is_an_integer, 0, COUNT(quantities));
	tcase_add_loop_test(tests, a_value_that_is_not_a_quantity_is_refused, 0, COUNT(no_quantities));
	tcase_add_test(tests, a_batch_may_be_set_to_a_quantity_of_0);
	tcase_add_loop_test(tests, the_length_of_a_text_is_counted_in_code_points, 0, COUNT(characters));
	tcase_add_loop_test(tests, a_value_that_is_not_a_text_is_refused, 0, COUNT(no_texts));
	tcase_add_loop_test(tests, an_optional_field_is_checked_when_it_is_present, 0, COUNT(optional));
	tcase_add_loop_test(tests, a_text_that_is_not_a_day_is_refused, 0, COUNT(no_days));
	tcase_add_test(tests, the_time_part_of_an_eta_is_dropped);
	tcase_add_loop_test(tests, a_message_without_a_required_field_is_refused, 0, COUNT(incomplete));
	tcase_add_loop_test(tests, a_batch_reference_is_read_under_either_of_its_names, 0, COUNT(references));
	tcase_add_loop_test(tests, a_message_whose_two_names_of_a_reference_differ_is_refused, 0,
			    COUNT(no_references));
	tcase_add_test(tests, a_version_of_64_bits_is_read_exactly);
	tcase_add_test(tests, a_version_of_two_to_the_63rd_does_not_fit);
}
