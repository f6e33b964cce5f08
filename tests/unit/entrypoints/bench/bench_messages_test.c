/* Events in every encoding and envelope, as a run reads them. */
#include "adapters/codec/codec.h"
#include "bench_world.h"
#include "core/base/must.h"
#include "entrypoints/bench_workload/bench_messages.h"
#include "support/suites.h"

#include <string.h>

static const char *error;

static const struct codec_config wires[] = {
	{CODEC_JSON, CODEC_BARE, "test"},
	{CODEC_MSGPACK, CODEC_BARE, "test"},
	{CODEC_JSON, CODEC_CLOUDEVENTS, "test"},
	{CODEC_MSGPACK, CODEC_CLOUDEVENTS, "test"},
};

static const int64_t versions[] = {1, 127, 128, 255, 256, 65535, 65536, 4294967295, 4294967296};

static struct bytes event_of(const struct codec_config *cable, const char *cause, int64_t version)
{
	struct codec *codec = codec_new(cable);
	struct envelope envelope = {0};
	struct bytes payload;

	message_init(&envelope.message, MSG_LINE_ALLOCATED);
	envelope.message.as.line_allocated = (struct line_allocated){
		.orderid = "order",
		.sku = "bench-000000000000002a-s00000003",
		.qty = 1,
		.batchref = "batch",
		.version = version,
		.cause = cause,
	};
	ck_assert_msg(codec->ops->encode(codec, &envelope, arena, &payload, &error), "%s", error);
	codec_free(&codec);
	return payload;
}

START_TEST(cause_sku_and_version_of_an_event_are_read_in_every_encoding)
{
	const char *cause = "bench-000000000000002a-m01234567";
	struct bench_event event;

	for (int i = 0; i < COUNT(versions); i++) {
		ck_assert(bench_read_event(event_of(&wires[_i], cause, versions[i]), run_name, &event));
		ck_assert_uint_eq(event.number, 1234567);
		ck_assert_uint_eq(event.sku, 3);
		ck_assert_int_eq(event.version, versions[i]);
	}
}
END_TEST

static const char *const strangers[] = {
	"another",
	"bench-000000000000002b-m00000001",
	"bench-000000000000002a-o00000001",
	"bench-000000000000002a-m0000001",
	"bench-000000000000002a-m",
};

START_TEST(an_event_that_another_client_caused_is_ignored)
{
	struct bench_event event;

	ck_assert(!bench_read_event(event_of(&wires[0], strangers[_i], 1), run_name, &event));
}
END_TEST

START_TEST(a_truncated_event_is_read_within_its_bounds)
{
	struct bench_event event;

	for (int cable = 0; cable < COUNT(wires); cable++) {
		struct bytes whole = event_of(&wires[cable], "bench-000000000000002a-m01234567", 65536);

		for (size_t size = 0; size < whole.size; size++) {
			char *part = must_alloc(size > 0 ? size : 1);

			memcpy(part, whole.data, size);
			if (bench_read_event((struct bytes){part, size}, run_name, &event))
				ck_assert_uint_eq(event.number, 1234567);
			free(part);
		}
	}
}
END_TEST

#define EVENT "bench-000000000000002a-m01234567 bench-000000000000002a-s00000003"

static const struct {
	const char *text;
	size_t size;
} broken[] = {
#define BROKEN(text)                                                                                         \
	{                                                                                                    \
		(text), sizeof(text) - 1                                                                     \
	}
	BROKEN(EVENT),
	BROKEN(EVENT "\"version\":"),
	BROKEN(EVENT "\"version\":\"1\""),
	BROKEN(EVENT "\xa7version"),
	BROKEN(EVENT "\xa7version\xcd\x01"),
	BROKEN(EVENT "\xa7version\xcc"),
	BROKEN(EVENT "\xa7version\xe0"),
	BROKEN(EVENT "\xa7version\xa1"
		     "1"),
};

START_TEST(an_event_without_a_number_as_its_version_is_ignored)
{
	char *exact = must_alloc(broken[_i].size);
	struct bench_event event;

	memcpy(exact, broken[_i].text, broken[_i].size);
	ck_assert(!bench_read_event((struct bytes){exact, broken[_i].size}, run_name, &event));
	free(exact);
}
END_TEST

SUITE("bench messages", bench_set_up, bench_tear_down)
{
	tcase_add_loop_test(tests, cause_sku_and_version_of_an_event_are_read_in_every_encoding, 0,
			    COUNT(wires));
	tcase_add_loop_test(tests, an_event_that_another_client_caused_is_ignored, 0, COUNT(strangers));
	tcase_add_test(tests, a_truncated_event_is_read_within_its_bounds);
	tcase_add_loop_test(tests, an_event_without_a_number_as_its_version_is_ignored, 0, COUNT(broken));
}
