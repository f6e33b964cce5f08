/* The tests' codec is as strict and as tolerant as the real one has to be. */
#include "support/suites.h"

#include "adapters/memory/ports/text_codec.h"
#include "core/base/calendar.h"

#include <string.h>

static struct arena *arena;
static struct memory_codec codec;

static void set_up(void)
{
	arena = arena_new(1024);
	memory_codec_init(&codec);
}

static void tear_down(void)
{
	arena_free(&arena);
}

static const char *decode(enum message_type type, const char *text, struct envelope *envelope)
{
	const char *error = NULL;
	struct bytes payload = {text, strlen(text)};

	if (codec.codec.ops->decode(&codec.codec, type, payload, arena, envelope, &error))
		return "";
	return error;
}

START_TEST(a_command_is_read)
{
	struct envelope envelope;

	ck_assert_str_eq(decode(MSG_CREATE_BATCH,
				"ref=batch\nsku=L\\nA\\\\MP\nqty=7\neta=1970-01-03\nid=x\n"
				"occurred_at=1970-01-01T00:00:01Z\ntraceparent=t\nunknown=ignored",
				&envelope),
			 "");

	ck_assert_str_eq(envelope.message.as.create_batch.batchref, "batch");
	ck_assert_str_eq(envelope.message.as.create_batch.sku, "L\nA\\MP");
	ck_assert_int_eq(envelope.message.as.create_batch.qty, 7);
	ck_assert_int_eq(envelope.message.as.create_batch.eta, 2);
	ck_assert_str_eq(envelope.id, "x");
	ck_assert_str_eq(envelope.message.as.create_batch.id, "x");
	ck_assert(envelope.occurred_at == 1000000);
	ck_assert_str_eq(envelope.traceparent, "t");
	ck_assert_str_eq(envelope.source, "");
}
END_TEST

START_TEST(an_absent_field_is_absent)
{
	struct envelope envelope;

	ck_assert_str_eq(decode(MSG_CREATE_BATCH, "batchref=b\nsku=s\nqty=1", &envelope), "");

	ck_assert_int_eq(envelope.message.as.create_batch.eta, IN_WAREHOUSE);
	ck_assert(envelope.occurred_at == NO_INSTANT);
	ck_assert_ptr_null(envelope.id);
	ck_assert_ptr_null(envelope.traceparent);
}
END_TEST

static const struct {
	const char *payload;
	const char *error;
} bad[] = {
	{"nonsense", "payload: expected lines of name=value"},
	{"orderid=o\nsku=s", "qty: missing"},
	{"sku=s\nqty=1", "orderid: missing"},
	{"orderid=o\nsku=s\nqty=1\nqty=1", "qty: given twice"},
	{"orderid=o\nsku=s\nqty=", "qty: expected an integer"},
	{"orderid=o\nsku=s\nqty=1x", "qty: expected an integer"},
	{"orderid=o\nsku=s\nqty=0", "qty: expected 1 to 2147483647"},
	{"orderid=o\nsku=s\nqty=2147483648", "qty: expected 1 to 2147483647"},
	{"orderid=o\nsku=s\nqty=99999999999999999999", "qty: expected an integer"},
	{"orderid=\nsku=s\nqty=1", "orderid: expected 1 to 255 characters"},
	{"orderid=o\nsku=s\nqty=1\noccurred_at=yesterday", "occurred_at: expected an RFC 3339 date-time"},
};

START_TEST(a_malformed_field_is_refused_by_its_name)
{
	struct envelope envelope;

	ck_assert_str_eq(decode(MSG_ALLOCATE, bad[_i].payload, &envelope), bad[_i].error);
}
END_TEST

/* _i characters of two bytes each. */
START_TEST(texts_are_counted_in_characters)
{
	char *payload = arena_strdup(arena, "orderid=o\nqty=1\nsku=");
	struct envelope envelope;

	for (int i = 0; i < _i; i++)
		payload = arena_printf(arena, "%s\xc3\xa9", payload);

	ck_assert_int_eq(*decode(MSG_ALLOCATE, payload, &envelope) == '\0', _i <= 255);
}
END_TEST

static struct envelope an_event(const char *orderid, int64_t version)
{
	struct envelope envelope = {.source = "", .traceparent = "t", .occurred_at = 0};

	message_init(&envelope.message, MSG_OUT_OF_STOCK);
	envelope.message.as.out_of_stock = (struct out_of_stock){.sku = "L\nAMP",
								 .orderid = orderid,
								 .qty = 3,
								 .version = version,
								 .occurred_at = 0,
								 .cause = "x"};
	return envelope;
}

START_TEST(an_event_that_was_written_is_read_again)
{
	struct envelope event = an_event("o", 7), again;
	struct bytes payload;
	const char *error;

	ck_assert(codec.codec.ops->encode(&codec.codec, &event, arena, &payload, &error));
	ck_assert(memory_codec_read(MSG_OUT_OF_STOCK, payload, arena, &again, &error));

	ck_assert(message_digest(&again.message) == message_digest(&event.message));
	ck_assert_str_eq(again.traceparent, "t");
}
END_TEST

START_TEST(an_event_that_violates_its_schema_is_not_written)
{
	struct envelope unnumbered = an_event("o", 0), nameless = an_event("", 1),
			missing = an_event(NULL, 1);
	struct bytes payload;
	const char *error;

	ck_assert(!codec.codec.ops->encode(&codec.codec, &unnumbered, arena, &payload, &error));
	ck_assert(!codec.codec.ops->encode(&codec.codec, &nameless, arena, &payload, &error));
	ck_assert(!codec.codec.ops->encode(&codec.codec, &missing, arena, &payload, &error));
	ck_assert_str_eq(error, "orderid: missing");
}
END_TEST

START_TEST(a_test_may_refuse_events)
{
	struct envelope event = an_event("o", 1);
	struct bytes payload;
	const char *error;

	memory_codec_refuse(&codec, "orderid=o");
	ck_assert(!codec.codec.ops->encode(&codec.codec, &event, arena, &payload, &error));
	memory_codec_refuse(&codec, NULL);
	ck_assert(codec.codec.ops->encode(&codec.codec, &event, arena, &payload, &error));
}
END_TEST

SUITE("codec", set_up, tear_down)
{
	tcase_add_test(tests, a_command_is_read);
	tcase_add_test(tests, an_absent_field_is_absent);
	tcase_add_loop_test(tests, a_malformed_field_is_refused_by_its_name, 0, COUNT(bad));
	tcase_add_loop_test(tests, texts_are_counted_in_characters, 254, 257);
	tcase_add_test(tests, an_event_that_was_written_is_read_again);
	tcase_add_test(tests, an_event_that_violates_its_schema_is_not_written);
	tcase_add_test(tests, a_test_may_refuse_events);
}
