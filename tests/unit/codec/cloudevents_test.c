/* Reading CloudEvents 1.0 in structured mode. */
#include "codec_fixture.h"
#include "core/base/calendar.h"

#include "support/suites.h"

#include <inttypes.h>
#include <string.h>

#define TRACE       "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define OTHER_TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
#define DATA        "\"data\":{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":3}"
#define REQUIRED    "\"specversion\":\"1.0\",\"type\":\"allocate\",\"source\":\"shop\",\"id\":\"e1\""

START_TEST(a_command_in_a_json_cloudevent_is_decoded)
{
	struct envelope envelope = accepted(
		MSG_ALLOCATE, BYTES("{" REQUIRED ",\"time\":\"1970-01-01T00:00:01Z\",\"traceparent\":\"" TRACE
				    "\"," DATA "}"));

	ck_assert_str_eq(envelope.message.as.allocate.orderid, "o1");
	ck_assert_str_eq(envelope.message.as.allocate.sku, "s1");
	ck_assert_int_eq(envelope.message.as.allocate.qty, 3);
	ck_assert_str_eq(envelope.id, "e1");
	ck_assert_str_eq(envelope.message.as.allocate.id, "e1");
	ck_assert_str_eq(envelope.source, "shop");
	ck_assert_str_eq(envelope.traceparent, TRACE);
	ck_assert_int_eq(envelope.occurred_at, 1000000);
	ck_assert_int_eq(envelope.message.as.allocate.occurred_at, 1000000);
}
END_TEST

START_TEST(a_command_in_a_messagepack_cloudevent_is_decoded)
{
	struct envelope envelope =
		accepted(MSG_ALLOCATE, BYTES("\x85\xabspecversion\xa3"
					     "1.0\xa4type\xa8"
					     "allocate\xa6source\xa4shop\xa2id\xa2"
					     "e1\xa4"
					     "data\x83\xa7orderid\xa2o1\xa3sku\xa2s1\xa3qty\x03"));

	ck_assert_str_eq(envelope.message.as.allocate.sku, "s1");
	ck_assert_str_eq(envelope.id, "e1");
	ck_assert_str_eq(envelope.source, "shop");
	ck_assert_ptr_null(envelope.traceparent);
	ck_assert_int_eq(envelope.occurred_at, NO_INSTANT);
}
END_TEST

START_TEST(the_id_of_the_envelope_takes_precedence_over_that_of_the_data)
{
	struct envelope envelope = accepted(
		MSG_ALLOCATE,
		BYTES("{" REQUIRED ",\"data\":{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":3,\"id\":\"d1\"}}"));

	ck_assert_str_eq(envelope.id, "e1");
	ck_assert_str_eq(envelope.message.as.allocate.id, "e1");
}
END_TEST

START_TEST(the_id_of_an_invalid_message_is_kept_when_it_is_readable)
{
	ck_assert_str_eq(id_of_refused(MSG_ALLOCATE, BYTES("{" REQUIRED ",\"data\":{\"sku\":5}}")), "e1");
	ck_assert_str_eq(id_of_refused(MSG_ALLOCATE, BYTES("{\"id\":\"i1\",\"sku\":5}")), "i1");
	ck_assert_ptr_null(id_of_refused(MSG_ALLOCATE, BYTES("{\"id\":7,\"sku\":5}")));
	ck_assert_ptr_null(id_of_refused(MSG_ALLOCATE, BYTES("{\"id\":\"i1\"")));
}
END_TEST

static const struct {
	const char *time;
	const char *occurred_at;
	int64_t expected;
} times[] = {
	{"", "", NO_INSTANT},
	{",\"time\":null", "", NO_INSTANT},
	{",\"time\":\"1970-01-01T00:00:01Z\"", "", 1000000},
	{"", ",\"occurred_at\":\"1970-01-01T00:00:02Z\"", 2000000},
	{",\"time\":null", ",\"occurred_at\":\"1970-01-01T00:00:02Z\"", 2000000},
	{",\"time\":\"1970-01-01T00:00:01Z\"", ",\"occurred_at\":\"1970-01-01T00:00:02Z\"", 1000000},
	{",\"time\":\"1970-01-01T00:00:01Z\"", ",\"occurred_at\":null", 1000000},
	{",\"time\":\"1970-01-01T01:00:01.5+01:00\"", "", 1500000},
};

START_TEST(time_stands_for_occurred_at)
{
	struct envelope envelope = accepted(
		MSG_ALLOCATE,
		bytes_printf("{" REQUIRED "%s,\"data\":{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":3%s}}",
			     times[_i].time, times[_i].occurred_at));

	ck_assert_int_eq(envelope.occurred_at, times[_i].expected);
	ck_assert_int_eq(envelope.message.as.allocate.occurred_at, times[_i].expected);
}
END_TEST

static const char *const lost_traces[] = {
	"",
	",\"traceparent\":null",
	",\"traceparent\":\"\"",
	",\"traceparent\":5",
	",\"traceparent\":\"00-zz\"",
	",\"traceparent\":\"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"",
};

START_TEST(a_malformed_trace_is_dropped_and_the_message_accepted)
{
	struct envelope envelope =
		accepted(MSG_ALLOCATE, bytes_printf("{" REQUIRED "%s," DATA "}", lost_traces[_i]));
	struct envelope bare =
		accepted(MSG_ALLOCATE,
			 bytes_printf("{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":3%s}", lost_traces[_i]));

	ck_assert_ptr_null(envelope.traceparent);
	ck_assert_ptr_null(bare.traceparent);
}
END_TEST

#define MEMBER(trace) ",\"traceparent\":\"" trace "\""

static const struct {
	const char *attribute, *member, *expected;
} traces[] = {
	{MEMBER(TRACE), "", TRACE},
	{"", MEMBER(TRACE), TRACE},
	{MEMBER(TRACE), MEMBER(OTHER_TRACE), TRACE},
	{MEMBER("00-zz"), MEMBER(TRACE), TRACE},
};

START_TEST(the_trace_of_the_envelope_takes_precedence_over_that_of_the_data)
{
	struct envelope envelope = accepted(
		MSG_ALLOCATE,
		bytes_printf("{" REQUIRED "%s,\"data\":{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":3%s}}",
			     traces[_i].attribute, traces[_i].member));

	ck_assert_str_eq(envelope.traceparent, traces[_i].expected);
}
END_TEST

START_TEST(a_bare_command_has_the_trace_of_its_member)
{
	struct bytes json =
		BYTES("{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":3,\"traceparent\":\"" TRACE "\"}");
	struct bytes messagepack = BYTES("\x84\xa7orderid\xa2o1\xa3sku\xa2s1\xa3qty\x03\xab"
					 "traceparent\xd9\x37" TRACE);

	ck_assert_str_eq(accepted(MSG_ALLOCATE, json).traceparent, TRACE);
	ck_assert_str_eq(accepted(MSG_ALLOCATE, messagepack).traceparent, TRACE);
}
END_TEST

static const char *const ignored[] = {
	",\"datacontenttype\":\"application/json\"",
	",\"datacontenttype\":\"text/plain\"",
	",\"subject\":7",
	",\"dataschema\":null",
	",\"myextension\":{\"a\":[]}",
	",\"data_base64\":null",
	",\"sku\":5,\"orderid\":null",
};

START_TEST(unknown_attributes_of_a_cloudevent_are_ignored)
{
	struct envelope envelope =
		accepted(MSG_ALLOCATE, bytes_printf("{" REQUIRED "%s," DATA "}", ignored[_i]));

	ck_assert_str_eq(envelope.message.as.allocate.sku, "s1");
}
END_TEST

#define NO_TEXT "expected a text of 1 to 255 characters without NUL"
#define NO_DATA "data: expected an object with the fields of the message"
#define NO_TIME "time: expected a date and time of RFC 3339, YYYY-MM-DDTHH:MM:SSZ"
#define REST    "\"source\":\"shop\",\"id\":\"e1\"," DATA "}"

static const struct {
	const char *payload;
	const char *error;
} wrong[] = {
	{"{\"specversion\":\"1.1\",\"type\":\"allocate\"," REST, "specversion: expected \"1.0\""},
	{"{\"specversion\":\"0.3\",\"type\":\"allocate\"," REST, "specversion: expected \"1.0\""},
	{"{\"specversion\":1.0,\"type\":\"allocate\"," REST, "specversion: expected \"1.0\""},
	{"{\"specversion\":null,\"type\":\"allocate\"," REST, "specversion: expected \"1.0\""},
	{"{\"specversion\":\"1.0\"," REST, "type: expected \"allocate\""},
	{"{\"specversion\":\"1.0\",\"type\":\"create_batch\"," REST, "type: expected \"allocate\""},
	{"{\"specversion\":\"1.0\",\"type\":\"com.example.allocate\"," REST, "type: expected \"allocate\""},
	{"{\"specversion\":\"1.0\",\"type\":\"Allocate\"," REST, "type: expected \"allocate\""},
	{"{\"specversion\":\"1.0\",\"type\":null," REST, "type: expected \"allocate\""},
	{"{\"specversion\":\"1.0\",\"type\":\"allocate\",\"source\":\"shop\"," DATA "}",
	 "id: missing, and required"},
	{"{\"specversion\":\"1.0\",\"type\":\"allocate\",\"id\":\"e1\"," DATA "}",
	 "source: missing, and required"},
	{"{\"specversion\":\"1.0\",\"type\":\"allocate\",\"source\":\"shop\",\"id\":\"\"," DATA "}",
	 "id: " NO_TEXT},
	{"{\"specversion\":\"1.0\",\"type\":\"allocate\",\"source\":\"shop\",\"id\":7," DATA "}",
	 "id: " NO_TEXT},
	{"{\"specversion\":\"1.0\",\"type\":\"allocate\",\"source\":\"shop\",\"id\":null," DATA "}",
	 "id: " NO_TEXT},
	{"{\"specversion\":\"1.0\",\"type\":\"allocate\",\"source\":\"\",\"id\":\"e1\"," DATA "}",
	 "source: " NO_TEXT},
	{"{\"specversion\":\"1.0\",\"type\":\"allocate\",\"source\":null,\"id\":\"e1\"," DATA "}",
	 "source: " NO_TEXT},
	{"{\"specversion\":\"1.0\",\"type\":\"allocate\",\"source\":\"a\\u0000\",\"id\":\"e1\"," DATA "}",
	 "source: " NO_TEXT},
	{"{" REQUIRED ",\"time\":\"\"," DATA "}", NO_TIME},
	{"{" REQUIRED ",\"time\":\"2011-01-02\"," DATA "}", NO_TIME},
	{"{" REQUIRED ",\"time\":1," DATA "}", NO_TIME},
	{"{" REQUIRED "}", NO_DATA},
	{"{" REQUIRED ",\"data\":null}", NO_DATA},
	{"{" REQUIRED ",\"data\":[]}", NO_DATA},
	{"{" REQUIRED ",\"data\":\"{\\\"orderid\\\":\\\"o1\\\"}\"}", NO_DATA},
	{"{" REQUIRED ",\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":3}", NO_DATA},
	{"{" REQUIRED ",\"data\":{}}", "orderid: missing, and required"},
	{"{" REQUIRED ",\"data\":{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":0}}",
	 "qty: expected an integer from 1 to 2147483647"},
	{"{" REQUIRED ",\"data\":{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":3,\"id\":\"\"}}", "id: " NO_TEXT},
	{"{" REQUIRED ",\"data_base64\":\"e30=\"}", "data_base64: not supported: expected an object in data"},
	{"{" REQUIRED ",\"data_base64\":\"e30=\"," DATA "}",
	 "data_base64: not supported: expected an object in data"},
};

START_TEST(an_invalid_envelope_is_refused)
{
	ck_assert_str_eq(refused(MSG_ALLOCATE, bytes_of(wrong[_i].payload)), wrong[_i].error);
}
END_TEST

static struct bytes enveloped(const char *source, const char *id)
{
	return bytes_printf(
		"{\"specversion\":\"1.0\",\"type\":\"allocate\",\"source\":\"%s\",\"id\":\"%s\"," DATA "}",
		source, id);
}

START_TEST(ids_and_sources_have_255_characters_at_most)
{
	const char *longest = repeated("\xc3\xa4", 255);
	const char *longer = repeated("\xc3\xa4", 256);
	struct envelope envelope = accepted(MSG_ALLOCATE, enveloped(longest, longest));

	ck_assert_str_eq(envelope.id, longest);
	ck_assert_str_eq(envelope.source, longest);
	ck_assert_str_eq(refused(MSG_ALLOCATE, enveloped(longest, longer)), "id: " NO_TEXT);
	ck_assert_str_eq(refused(MSG_ALLOCATE, enveloped(longer, longest)), "source: " NO_TEXT);
}
END_TEST

START_TEST(an_enveloped_event_keeps_the_id_of_its_envelope)
{
	struct envelope envelope = accepted(
		MSG_OUT_OF_STOCK,
		BYTES("{\"specversion\":\"1.0\",\"type\":\"out_of_stock\",\"source\":\"allocd\",\"id\":\"s1/1\","
		      "\"data\":{\"sku\":\"s1\",\"orderid\":\"o1\",\"qty\":3,\"version\":1,"
		      "\"occurred_at\":\"1970-01-01T00:00:01Z\"}}"));

	ck_assert_str_eq(envelope.id, "s1/1");
	ck_assert_int_eq(envelope.occurred_at, 1000000);
}
END_TEST

/* Events with names of any length and content can be read back. */
static const struct {
	const char *sku;
	size_t times;
	int64_t version;
} written[] = {
	{"\xf0\x9f\xaa\x91", 255, INT64_MAX},
	{"\xc3\xa4", 255, 1},
	{"x", 254, 10},
	{"x", 253, 10},
	{"a/1/", 60, 7},
	{"%2F", 80, INT64_MAX},
	{"\"\\\n\x1b\x7f", 51, 12},
	{"\xc2\x9b", 255, 3},
};

START_TEST(every_encoded_event_can_be_decoded)
{
	struct envelope event = {.message = {.type = MSG_OUT_OF_STOCK}};
	struct out_of_stock *fields = &event.message.as.out_of_stock;
	const char *sku = repeated(written[_i].sku, written[_i].times);

	*fields = (struct out_of_stock){.sku = sku,
					.orderid = sku,
					.qty = 1,
					.version = written[_i].version,
					.occurred_at = 1,
					.cause = sku};
	for (int encoding = CODEC_JSON; encoding <= CODEC_MSGPACK; encoding++) {
		struct bytes payload = encoded((enum codec_encoding)encoding, CODEC_CLOUDEVENTS, &event);
		struct envelope envelope = accepted(MSG_OUT_OF_STOCK, payload);

		ck_assert_str_eq(envelope.id, arena_printf(arena, "%s/%" PRId64, sku, written[_i].version));
		ck_assert_str_eq(envelope.message.as.out_of_stock.sku, sku);
		ck_assert_int_eq(envelope.message.as.out_of_stock.version, written[_i].version);
	}
}
END_TEST

START_TEST(the_source_of_an_event_may_be_as_long_as_the_setting_allows)
{
	const char *source = repeated("s", 1024);

	ck_assert_str_eq(
		accepted(MSG_OUT_OF_STOCK,
			 bytes_printf("{\"specversion\":\"1.0\",\"type\":\"out_of_stock\",\"source\":\"%s\","
				      "\"id\":\"s1/1\",\"data\":{\"sku\":\"s1\",\"orderid\":\"o1\",\"qty\":3,"
				      "\"version\":1,\"occurred_at\":\"1970-01-01T00:00:01Z\"}}",
				      source))
			.source,
		source);
}
END_TEST

SUITE("cloudevents", codec_set_up, codec_tear_down)
{
	tcase_add_test(tests, a_command_in_a_json_cloudevent_is_decoded);
	tcase_add_test(tests, a_command_in_a_messagepack_cloudevent_is_decoded);
	tcase_add_test(tests, the_id_of_the_envelope_takes_precedence_over_that_of_the_data);
	tcase_add_test(tests, the_id_of_an_invalid_message_is_kept_when_it_is_readable);
	tcase_add_loop_test(tests, time_stands_for_occurred_at, 0, COUNT(times));
	tcase_add_loop_test(tests, the_trace_of_the_envelope_takes_precedence_over_that_of_the_data, 0,
			    COUNT(traces));
	tcase_add_test(tests, a_bare_command_has_the_trace_of_its_member);
	tcase_add_loop_test(tests, a_malformed_trace_is_dropped_and_the_message_accepted, 0,
			    COUNT(lost_traces));
	tcase_add_loop_test(tests, unknown_attributes_of_a_cloudevent_are_ignored, 0, COUNT(ignored));
	tcase_add_loop_test(tests, an_invalid_envelope_is_refused, 0, COUNT(wrong));
	tcase_add_test(tests, ids_and_sources_have_255_characters_at_most);
	tcase_add_test(tests, an_enveloped_event_keeps_the_id_of_its_envelope);
	tcase_add_loop_test(tests, every_encoded_event_can_be_decoded, 0, COUNT(written));
	tcase_add_test(tests, the_source_of_an_event_may_be_as_long_as_the_setting_allows);
}
