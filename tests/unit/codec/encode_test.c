/* Encoding events, strictly by their schema, in each encoding and envelope. */
#include "adapters/codec/json/json_plain.h"
#include "codec_fixture.h"
#include "core/base/calendar.h"

#include "support/suites.h"

#include <string.h>

#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static struct envelope an_event(void)
{
	struct envelope event = {.source = ""};
	struct line_allocated *fields = &event.message.as.line_allocated;

	message_init(&event.message, MSG_LINE_ALLOCATED);
	fields->orderid = "o1";
	fields->sku = "s1";
	fields->qty = 3;
	fields->batchref = "b1";
	fields->version = 7;
	fields->occurred_at = 1500000;
	return event;
}

static void assert_payload(struct bytes payload, struct bytes expected)
{
	ck_assert_uint_eq(payload.size, expected.size);
	ck_assert_mem_eq(payload.data, expected.data, expected.size);
}

#define FIELDS                                                                                               \
	"{\"orderid\":\"o1\",\"sku\":\"s1\",\"qty\":3,\"batchref\":\"b1\",\"version\":7,"                    \
	"\"occurred_at\":\"1970-01-01T00:00:01.500000Z\""

START_TEST(an_event_in_bare_json_has_its_fields_at_top_level)
{
	struct envelope event = an_event();

	assert_payload(encoded(CODEC_JSON, CODEC_BARE, &event), BYTES(FIELDS "}"));
}
END_TEST

START_TEST(an_event_has_its_cause_when_one_is_known)
{
	struct envelope event = an_event();

	event.message.as.line_allocated.cause = "i1";
	assert_payload(encoded(CODEC_JSON, CODEC_BARE, &event), BYTES(FIELDS ",\"cause\":\"i1\"}"));
}
END_TEST

START_TEST(an_event_has_its_epoch_from_the_second_on)
{
	static const char id[] = "\"id\":\"s1/2/7\"";
	struct envelope event = an_event();
	struct bytes cloud_event;

	event.message.as.line_allocated.epoch = 2;

	assert_payload(encoded(CODEC_JSON, CODEC_BARE, &event), BYTES(FIELDS ",\"epoch\":2}"));
	cloud_event = encoded(CODEC_JSON, CODEC_CLOUDEVENTS, &event);
	ck_assert_ptr_nonnull(memmem(cloud_event.data, cloud_event.size, id, strlen(id)));
}
END_TEST

static const struct form {
	enum codec_encoding encoding;
	enum codec_envelope envelope;
} forms[] = {
	{CODEC_JSON, CODEC_BARE},
	{CODEC_JSON, CODEC_CLOUDEVENTS},
	{CODEC_MSGPACK, CODEC_BARE},
	{CODEC_MSGPACK, CODEC_CLOUDEVENTS},
};

START_TEST(an_event_gets_another_epoch_and_keeps_its_form)
{
	const struct form *form = &forms[_i];
	struct envelope event = an_event();
	struct bytes before, after;

	event.traceparent = TRACE;
	event.message.as.line_allocated.cause = "i1";
	before = encoded(form->encoding, form->envelope, &event);
	event.message.as.line_allocated.epoch = 3;

	ck_assert(codec_event_set_epoch(MSG_LINE_ALLOCATED, before, 3, arena, &after));

	assert_payload(after, encoded(form->encoding, form->envelope, &event));
}
END_TEST

START_TEST(an_event_in_bare_messagepack_is_a_map_of_its_fields)
{
	struct envelope event = an_event();

	assert_payload(encoded(CODEC_MSGPACK, CODEC_BARE, &event),
		       BYTES("\x86\xa7orderid\xa2o1\xa3sku\xa2s1\xa3qty\x03\xa8"
			     "batchref\xa2"
			     "b1\xa7version\x07\xaboccurred_at\xbb"
			     "1970-01-01T00:00:01.500000Z"));
}
END_TEST

START_TEST(an_event_in_a_json_cloudevent_has_its_attributes_and_data)
{
	struct envelope event = an_event();

	event.traceparent = TRACE;
	assert_payload(encoded(CODEC_JSON, CODEC_CLOUDEVENTS, &event),
		       BYTES("{\"specversion\":\"1.0\",\"id\":\"s1/7\",\"source\":\"warehouse\","
			     "\"type\":\"line_allocated\",\"time\":\"1970-01-01T00:00:01.500000Z\","
			     "\"datacontenttype\":\"application/json\",\"traceparent\":\"" TRACE
			     "\",\"data\":" FIELDS "}}"));
}
END_TEST

START_TEST(a_cloudevent_in_messagepack_has_the_same_members_as_in_json)
{
	struct envelope event = an_event();
	struct bytes json = encoded(CODEC_JSON, CODEC_CLOUDEVENTS, &event);
	const char *line, *error;

	ck_assert(codec_payload_to_line(encoded(CODEC_MSGPACK, CODEC_CLOUDEVENTS, &event), arena, &line,
					&error));
	assert_payload(bytes_of(line), json);
}
END_TEST

static bool has_traceparent(const struct form *form, const struct envelope *event)
{
	struct bytes payload = encoded(form->encoding, form->envelope, event);

	return memmem(payload.data, payload.size, "traceparent", strlen("traceparent"));
}

START_TEST(an_event_has_a_traceparent_exactly_when_its_trace_is_known)
{
	struct envelope event = an_event();

	ck_assert(!has_traceparent(&forms[_i], &event));
	event.traceparent = TRACE;
	ck_assert(has_traceparent(&forms[_i], &event));
}
END_TEST

START_TEST(the_traceparent_of_a_bare_event_is_its_last_member)
{
	struct envelope event = an_event();

	event.traceparent = TRACE;
	assert_payload(encoded(CODEC_JSON, CODEC_BARE, &event),
		       BYTES(FIELDS ",\"traceparent\":\"" TRACE "\"}"));
}
END_TEST

static const struct {
	enum codec_encoding encoding;
	enum codec_envelope form;
} ways[] = {
	{CODEC_JSON, CODEC_BARE},
	{CODEC_JSON, CODEC_CLOUDEVENTS},
	{CODEC_MSGPACK, CODEC_BARE},
	{CODEC_MSGPACK, CODEC_CLOUDEVENTS},
};

/*
 * Texts that need escapes, and texts that are longer than the writer's first buffer.  The SKU leaves room
 * for the version: together they are the envelope's id, and an id that the codec reads has at most 255
 * characters.
 */
START_TEST(an_encoded_event_decodes_to_the_same_texts)
{
	struct envelope event = an_event(), again;
	struct line_allocated *fields = &event.message.as.line_allocated;
	const struct line_allocated *read;

	fields->orderid = "\x01\"\\/\n\x7f\xc3\xa4\xf0\x9f\xaa\x91";
	fields->sku = repeated("\xf0\x9f\xaa\x91", 235);
	fields->batchref = repeated("\x01", 255);
	fields->cause = repeated("\"", 255);
	fields->qty = INT32_MAX;
	fields->version = INT64_MAX;
	fields->occurred_at = INT64_C(253402300799999999);
	again = accepted(MSG_LINE_ALLOCATED, encoded(ways[_i].encoding, ways[_i].form, &event));
	read = &again.message.as.line_allocated;

	ck_assert_str_eq(read->orderid, fields->orderid);
	ck_assert_str_eq(read->sku, fields->sku);
	ck_assert_str_eq(read->batchref, fields->batchref);
	ck_assert_str_eq(read->cause, fields->cause);
	ck_assert_int_eq(read->qty, INT32_MAX);
	ck_assert_int_eq(read->version, INT64_MAX);
	ck_assert_int_eq(read->occurred_at, fields->occurred_at);
}
END_TEST

START_TEST(every_ascii_character_survives_encoding_and_decoding)
{
	struct envelope event = an_event(), again;
	char text[] = {'a', (char)_i, 'b', '\0'};

	event.message.as.line_allocated.orderid = text;
	again = accepted(MSG_LINE_ALLOCATED, encoded(CODEC_JSON, CODEC_BARE, &event));

	ck_assert_str_eq(again.message.as.line_allocated.orderid, text);
}
END_TEST

START_TEST(only_quotes_backslashes_and_controls_are_escaped)
{
	struct envelope event = an_event();
	struct bytes payload;

	event.message.as.line_allocated.orderid = "\b\f\n\r\t\"\\/\x01\x1f\x7f\xc3\xa4";
	payload = encoded(CODEC_JSON, CODEC_BARE, &event);

	assert_payload((struct bytes){payload.data, 49}, BYTES("{\"orderid\":\"\\b\\f\\n\\r\\t\\\"\\\\/"
							       "\\u0001\\u001F\x7f\xc3\xa4\","
							       "\"sku\""));
}
END_TEST

/* ---- in the form of another event ---- */

/* By a codec whose own configuration is `form`, and another source. */
static bool encode_like(const struct form *form, struct bytes model, const struct envelope *event,
			struct bytes *payload, const char **error)
{
	struct codec *codec = codec_new(&(struct codec_config){form->encoding, form->envelope, "elsewhere"});
	bool is_encoded = codec->ops->encode_like(codec, model, event, arena, payload, error);

	codec_free(&codec);
	return is_encoded;
}

static void become_predecessor(struct envelope *event)
{
	const struct line_allocated successor = event->message.as.line_allocated;

	message_init(&event->message, MSG_LINE_DEALLOCATED);
	event->message.as.line_deallocated = (struct line_deallocated){
		.orderid = successor.orderid,
		.sku = successor.sku,
		.qty = successor.qty,
		.batchref = successor.batchref,
		.reason = LINE_DEALLOCATED_REASON_CANCELLED,
		.version = successor.version,
		.occurred_at = successor.occurred_at,
		.cause = successor.cause,
		.epoch = successor.epoch,
	};
}

START_TEST(the_form_of_an_event_like_another_does_not_depend_on_the_configuration)
{
	const struct form *form = &forms[_i];
	struct envelope event = an_event(), read;
	struct bytes model, expected, payload;
	const char *error = "";

	event.traceparent = TRACE;
	event.message.as.line_allocated.cause = "i1";
	event.message.as.line_allocated.epoch = 2;
	model = encoded(form->encoding, form->envelope, &event);
	read = accepted(MSG_LINE_ALLOCATED, model);
	become_predecessor(&read);
	become_predecessor(&event);
	expected = encoded(form->encoding, form->envelope, &event);

	for (int i = 0; i < COUNT(forms); i++) {
		ck_assert_msg(encode_like(&forms[i], model, &read, &payload, &error), "%s", error);
		assert_payload(payload, expected);
	}
}
END_TEST

START_TEST(a_cloudevent_like_another_has_its_source_identity_time_and_trace)
{
	struct envelope event = an_event();
	struct bytes model, payload;
	const char *error = "";

	event.traceparent = TRACE;
	model = encoded(CODEC_JSON, CODEC_CLOUDEVENTS, &event);
	event = accepted(MSG_LINE_ALLOCATED, model);
	become_predecessor(&event);
	ck_assert_msg(encode_like(&forms[0], model, &event, &payload, &error), "%s", error);

	assert_payload(payload,
		       BYTES("{\"specversion\":\"1.0\",\"id\":\"s1/7\",\"source\":\"warehouse\","
			     "\"type\":\"line_deallocated\",\"time\":\"1970-01-01T00:00:01.500000Z\","
			     "\"datacontenttype\":\"application/json\",\"traceparent\":\"" TRACE
			     "\",\"data\":" FIELDS ",\"reason\":\"cancelled\"}}"));
}
END_TEST

START_TEST(an_event_that_its_schema_does_not_allow_is_not_encoded_like_another)
{
	struct envelope event = an_event();
	struct bytes model = encoded(forms[_i].encoding, forms[_i].envelope, &event), payload;
	const char *error = "";

	event.message.as.line_allocated.orderid = "";
	ck_assert(!encode_like(&forms[_i], model, &event, &payload, &error));
	ck_assert_str_eq(error, "orderid: expected a text of 1 to 255 characters without NUL");
}
END_TEST

/* ---- texts are compared eight bytes at a time ---- */

/* _i: the byte, at each place of a text of each length up to 24, among bytes that differ from it little. */
START_TEST(the_plain_part_of_a_text_ends_at_the_first_byte_that_is_escaped)
{
	static const char around[] = {' ', '!', '#', '[', ']', '\x7f', '\x80', '\xff'};
	bool is_escaped = _i < 0x20 || _i == '"' || _i == '\\';
	char text[24];
	size_t wrong = 0;

	for (size_t neighbor = 0; neighbor < sizeof around; neighbor++) {
		for (size_t length = 1; length <= sizeof text; length++) {
			for (size_t place = 0; place < length; place++) {
				memset(text, around[neighbor], sizeof text);
				text[place] = (char)_i;
				wrong += json_plain_length(text, length) != (is_escaped ? place : length);
			}
		}
	}
	ck_assert_uint_eq(wrong, 0);
}
END_TEST

START_TEST(the_first_of_several_escaped_bytes_ends_the_plain_part)
{
	ck_assert_uint_eq(json_plain_length("0123456789ab\"cde\\\n", 18), 12);
	ck_assert_uint_eq(json_plain_length("\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f", 8), 0);
	ck_assert_uint_eq(json_plain_length("", 0), 0);
}
END_TEST

/* ---- events that violate their schema are not encoded ---- */

#define NO_TEXT     "expected a text of 1 to 255 characters without NUL"
#define NO_INSTANT_ "occurred_at: expected a date and time of RFC 3339, YYYY-MM-DDTHH:MM:SSZ"

static const struct {
	const char *field;
	const char *text;
	const char *error;
} wrong_texts[] = {
	{"sku", NULL, "sku: missing, and required"},
	{"sku", "", "sku: " NO_TEXT},
	{"sku", "\xff", "sku: " NO_TEXT},
	{"sku", "a\xed\xa0\x80", "sku: " NO_TEXT},
	{"orderid", NULL, "orderid: missing, and required"},
	{"batchref", NULL, "batchref: missing, and required"},
	{"batchref", "", "batchref: " NO_TEXT},
	{"cause", "", "cause: " NO_TEXT},
	{"cause", "\xc3", "cause: " NO_TEXT},
};

START_TEST(an_event_with_an_invalid_text_is_not_encoded)
{
	struct envelope event = an_event();

	message_set_text(&event.message, wrong_texts[_i].field, wrong_texts[_i].text);
	ck_assert_str_eq(not_encoded(CODEC_BARE, &event), wrong_texts[_i].error);
	ck_assert_str_eq(not_encoded(CODEC_CLOUDEVENTS, &event), wrong_texts[_i].error);
}
END_TEST

START_TEST(an_event_with_a_text_over_its_limit_is_not_encoded)
{
	struct envelope event = an_event();

	event.message.as.line_allocated.sku = repeated("\xc3\xa4", 256);
	ck_assert_str_eq(not_encoded(CODEC_BARE, &event), "sku: " NO_TEXT);
}
END_TEST

static const int32_t wrong_quantities[] = {0, -1, INT32_MIN};

START_TEST(an_event_with_an_invalid_quantity_is_not_encoded)
{
	struct envelope event = an_event();

	event.message.as.line_allocated.qty = wrong_quantities[_i];
	ck_assert_str_eq(not_encoded(CODEC_BARE, &event), "qty: expected an integer from 1 to 2147483647");
}
END_TEST

static const int64_t wrong_versions[] = {0, -1, INT64_MIN};

START_TEST(an_event_with_an_invalid_version_is_not_encoded)
{
	struct envelope event = an_event();

	event.message.as.line_allocated.version = wrong_versions[_i];
	ck_assert_str_eq(not_encoded(CODEC_BARE, &event),
			 "version: expected an integer from 1 to 9223372036854775807");
}
END_TEST

/*
 * The microseconds before the year 1 and after the year 9999, and values that overflow when they are
 * converted.
 */
static const struct {
	int64_t instant;
	const char *error;
} wrong_instants[] = {
	{NO_INSTANT, "occurred_at: missing, and required"},
	{INT64_C(-62135596800000001), NO_INSTANT_},
	{INT64_C(253402300800000000), NO_INSTANT_},
	{INT64_MAX, NO_INSTANT_},
	{INT64_MIN + 1, NO_INSTANT_},
};

START_TEST(an_event_of_a_year_beyond_four_digits_is_not_encoded)
{
	struct envelope event = an_event();

	event.message.as.line_allocated.occurred_at = wrong_instants[_i].instant;
	ck_assert_str_eq(not_encoded(CODEC_BARE, &event), wrong_instants[_i].error);
}
END_TEST

static const struct {
	int64_t instant;
	const char *text;
} edge_instants[] = {
	{INT64_C(-62135596800000000), "\"0001-01-01T00:00:00.000000Z\""},
	{INT64_C(253402300799999999), "\"9999-12-31T23:59:59.999999Z\""},
};

START_TEST(events_of_the_first_and_the_last_instant_are_encoded)
{
	struct envelope event = an_event();
	struct bytes payload;

	event.message.as.line_allocated.occurred_at = edge_instants[_i].instant;
	payload = encoded(CODEC_JSON, CODEC_BARE, &event);
	ck_assert_ptr_nonnull(
		memmem(payload.data, payload.size, edge_instants[_i].text, strlen(edge_instants[_i].text)));
}
END_TEST

START_TEST(an_event_with_a_malformed_trace_is_not_encoded)
{
	struct envelope event = an_event();

	event.traceparent = "00-zz";
	ck_assert_str_eq(not_encoded(CODEC_CLOUDEVENTS, &event),
			 "traceparent: expected the form of W3C Trace Context");
}
END_TEST

SUITE("encode", codec_set_up, codec_tear_down)
{
	tcase_add_test(tests, an_event_in_bare_json_has_its_fields_at_top_level);
	tcase_add_test(tests, an_event_has_its_cause_when_one_is_known);
	tcase_add_test(tests, an_event_has_its_epoch_from_the_second_on);
	tcase_add_loop_test(tests, an_event_gets_another_epoch_and_keeps_its_form, 0, COUNT(forms));
	tcase_add_test(tests, an_event_in_bare_messagepack_is_a_map_of_its_fields);
	tcase_add_test(tests, an_event_in_a_json_cloudevent_has_its_attributes_and_data);
	tcase_add_test(tests, a_cloudevent_in_messagepack_has_the_same_members_as_in_json);
	tcase_add_loop_test(tests, an_event_has_a_traceparent_exactly_when_its_trace_is_known, 0,
			    COUNT(forms));
	tcase_add_test(tests, the_traceparent_of_a_bare_event_is_its_last_member);
	tcase_add_loop_test(tests, an_encoded_event_decodes_to_the_same_texts, 0, COUNT(ways));
	tcase_add_loop_test(tests, every_ascii_character_survives_encoding_and_decoding, 1, 128);
	tcase_add_test(tests, only_quotes_backslashes_and_controls_are_escaped);
	tcase_add_loop_test(tests, the_form_of_an_event_like_another_does_not_depend_on_the_configuration, 0,
			    COUNT(forms));
	tcase_add_test(tests, a_cloudevent_like_another_has_its_source_identity_time_and_trace);
	tcase_add_loop_test(tests, an_event_that_its_schema_does_not_allow_is_not_encoded_like_another, 0,
			    COUNT(forms));
	tcase_add_loop_test(tests, the_plain_part_of_a_text_ends_at_the_first_byte_that_is_escaped, 0, 256);
	tcase_add_test(tests, the_first_of_several_escaped_bytes_ends_the_plain_part);
	tcase_add_loop_test(tests, an_event_with_an_invalid_text_is_not_encoded, 0, COUNT(wrong_texts));
	tcase_add_test(tests, an_event_with_a_text_over_its_limit_is_not_encoded);
	tcase_add_loop_test(tests, an_event_with_an_invalid_quantity_is_not_encoded, 0,
			    COUNT(wrong_quantities));
	tcase_add_loop_test(tests, an_event_with_an_invalid_version_is_not_encoded, 0, COUNT(wrong_versions));
	tcase_add_loop_test(tests, an_event_of_a_year_beyond_four_digits_is_not_encoded, 0,
			    COUNT(wrong_instants));
	tcase_add_loop_test(tests, events_of_the_first_and_the_last_instant_are_encoded, 0,
			    COUNT(edge_instants));
	tcase_add_test(tests, an_event_with_a_malformed_trace_is_not_encoded);
}
