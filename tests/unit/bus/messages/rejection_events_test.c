/* A publisher hears that its message was not handled, exactly if the message became a dead letter. */
#include "bus/messages/rejection_event.h"
#include "core/base/calendar.h"
#include "support/suites.h"
#include "unit/bus/intake/stream_world.h"

#include <string.h>

/* The events in their order, one a line: "id-1 allocate rejected invalid_sku: invalid sku LAMP". */
static const char *heard(void)
{
	const char *lines = "";

	for (size_t i = 0; i < memory_broker_count(world->broker); i++) {
		const struct outgoing *event = memory_broker_event(world->broker, i);
		struct envelope envelope;
		const struct command_rejected *it = &envelope.message.as.command_rejected;
		const char *error;

		if (event->type != MSG_COMMAND_REJECTED)
			continue;
		ck_assert(memory_codec_read(event->type, event->payload, world->arena, &envelope, &error));
		ck_assert_int_eq(it->at, database_now(world->database));
		lines = arena_printf(world->arena, "%s%s %s %s %s: %s\n", lines, it->id ? it->id : "-",
				     it->message, it->outcome, it->reason_code, it->reason);
	}
	return lines;
}

static void set_up(void)
{
	set_up_no_worker();
	world->config.rejection_events = true;
	world_start(world);
}

/* ---- what is said ---- */

START_TEST(each_outcome_of_a_dead_letter_is_heard_with_its_reason)
{
	database_refuse(world->database, "poison");
	create_batch("batch", "LAMP", 10);
	world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "orderid=o\nsku=CHAIR\nqty=1\nid=id-1");
	world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "id=id-2\norderid=o\nsku=CHAIR\nqty=0");
	world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "nonsense");
	world_run(world);
	world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "orderid=poison\nsku=LAMP\nqty=1\nid=id-3");
	world_run(world);

	ck_assert_uint_eq(world->database->dead_letter_count, 4);
	ck_assert_str_eq(heard(),
			 "id-1 allocate rejected invalid_sku: invalid sku CHAIR\n"
			 "id-2 allocate invalid malformed: qty: expected 1 to 2147483647\n"
			 "- allocate invalid malformed: payload: expected lines of name=value\n"
			 "id-3 allocate failed database_refused: constraint: this order is refused\n");
}
END_TEST

START_TEST(a_caller_over_http_has_its_answer_and_hears_nothing)
{
	const struct sent *sent = allocate("o", "CHAIR", 1);

	world_run(world);

	ck_assert_int_eq(sent->outcome, OUTCOME_REJECTED);
	ck_assert_str_eq(heard(), "");
	ck_assert_uint_eq(world->database->outbox[0].count, 0);
}
END_TEST

START_TEST(what_is_handled_or_skipped_is_not_heard)
{
	create_batch("batch", "LAMP", 10);
	world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "orderid=o\nsku=LAMP\nqty=1\nid=id-1");
	world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "orderid=o\nsku=LAMP\nqty=1\nid=id-1");
	world_run(world);

	ck_assert_str_eq(heard(), "");
}
END_TEST

START_TEST(a_message_that_is_sent_again_and_rejected_again_is_heard_twice)
{
	for (int i = 0; i < 2; i++)
		world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "orderid=o\nsku=CHAIR\nqty=1\nid=id-1");
	world_run(world);

	ck_assert_uint_eq(world->database->dead_letter_count, 2);
	ck_assert_str_eq(heard(), "id-1 allocate rejected invalid_sku: invalid sku CHAIR\n"
				  "id-1 allocate rejected invalid_sku: invalid sku CHAIR\n");
}
END_TEST

#define IDS_MAX 8

static const struct codec_ops *real;
static const char *envelope_ids[IDS_MAX];
static size_t envelope_id_count;

static bool encode_noting_the_id(struct codec *codec, const struct envelope *event, struct arena *arena,
				 struct bytes *payload, const char **error)
{
	if (event->message.type == MSG_COMMAND_REJECTED) {
		ck_assert_uint_lt(envelope_id_count, IDS_MAX);
		envelope_ids[envelope_id_count++] = arena_strdup(world->arena, event->id);
	}
	return real->encode(codec, event, arena, payload, error);
}

static void note_envelope_ids(void)
{
	static struct codec_ops noting;

	real = world->codec.codec.ops;
	noting = *real;
	noting.encode = encode_noting_the_id;
	world->codec.codec.ops = &noting;
	envelope_id_count = 0;
}

START_TEST(each_event_has_an_id_of_its_own_in_its_envelope_even_if_messages_share_one)
{
	note_envelope_ids();
	for (int unit = 0; unit < 2; unit++) {
		for (int i = 0; i < 2; i++)
			world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE,
				   "orderid=o\nsku=CHAIR\nqty=1\nid=lamp/1");
		world_run(world);
	}

	ck_assert_uint_eq(envelope_id_count, 4);
	for (size_t i = 0; i < envelope_id_count; i++) {
		ck_assert_str_ne(envelope_ids[i], "lamp/1");
		for (size_t other = 0; other < i; other++)
			ck_assert_str_ne(envelope_ids[i], envelope_ids[other]);
	}
}
END_TEST

START_TEST(a_replay_that_is_rejected_again_is_not_heard)
{
	static const char payload[] = "orderid=o\nsku=CHAIR\nqty=1\nid=id-1";
	const struct replay again = {.dead_letter = 1, .attempts = 1, .who = "ann", .edits = ""};

	world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, payload);
	world_run(world);
	engine_submit(world->engine, &(struct arrival){
					     .transport = TRANSPORT_PUBSUB,
					     .origin = "allocate",
					     .replay = &again,
					     .type = MSG_ALLOCATE,
					     .payload = {payload, sizeof payload - 1},
					     .payload_size = sizeof payload - 1,
				     });
	world_run(world);

	ck_assert_int_eq(world->database->dead_letters[0].attempts, 2);
	ck_assert_str_eq(heard(), "id-1 allocate rejected invalid_sku: invalid sku CHAIR\n");
}
END_TEST

START_TEST(a_dead_letter_that_the_database_refuses_is_not_heard)
{
	database_refuse(world->database, "id-1");
	world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "orderid=o\nsku=CHAIR\nqty=1\nid=id-1");
	world_run(world);

	ck_assert_uint_eq(world->database->dead_letter_count, 0);
	ck_assert_str_eq(heard(), "");
}
END_TEST

START_TEST(nothing_is_heard_unless_it_is_switched_on)
{
	world_crash(world);
	world->config.rejection_events = false;
	world_start(world);
	world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "orderid=o\nsku=CHAIR\nqty=1\nid=id-1");
	world_run(world);

	ck_assert_uint_eq(world->database->dead_letter_count, 1);
	ck_assert_uint_eq(world->database->outbox[0].count, 0);
}
END_TEST

START_TEST(the_events_are_one_row_of_their_own_and_no_products)
{
	const char *sku = sku_in_lane(0, 0);
	const struct outbox_partition *partition = &world->database->outbox[0];

	for (int i = 1; partition_of(sku); i++)
		sku = sku_in_lane(0, i);
	create_batch("batch", sku, 10);
	allocate("o", sku, 1);
	for (int i = 0; i < 3; i++)
		world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "orderid=o\nsku=UNKNOWN\nqty=1\nid=id-%d",
			   i);
	world_run(world);

	ck_assert_uint_eq(partition->count, 2);
	ck_assert_uint_eq(partition->rows[0].part_count, 1);
	ck_assert_uint_eq(partition->rows[1].part_count, 0);
	ck_assert_str_eq(heard(), "id-0 allocate rejected invalid_sku: invalid sku UNKNOWN\n"
				  "id-1 allocate rejected invalid_sku: invalid sku UNKNOWN\n"
				  "id-2 allocate rejected invalid_sku: invalid sku UNKNOWN\n");
}
END_TEST

START_TEST(many_events_fill_several_rows)
{
	struct outgoing *events = NULL;
	size_t count = 0;

	for (int i = 0; i < 300; i++)
		world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "orderid=o\nsku=UNKNOWN\nqty=1\nid=id-%d",
			   i);
	world_run(world);

	ck_assert_uint_gt(world->database->outbox[0].count, 1);
	for (size_t i = 0; i < world->database->outbox[0].count; i++) {
		ck_assert_uint_le(world->database->outbox[0].rows[i].frame.size, OUTBOX_ROW_BYTES);
		ck_assert(outbox_frame_decode(world->arena, world->database->outbox[0].rows[i].frame, &events,
					      &count));
	}
	ck_assert_uint_eq(count, 300);
	ck_assert_uint_eq(memory_broker_count(world->broker), 300);
}
END_TEST

/* ---- bounds ---- */

static struct envelope event_of(const char *reason, const char *traceparent)
{
	struct delivery dead = {.type = MSG_ALLOCATE,
				.outcome = OUTCOME_INVALID,
				.reason = reason,
				.first = {.origin = "allocate"},
				.envelope = {.id = "id-1", .source = "", .traceparent = traceparent}};

	return rejection_event(&dead, 5, world->arena);
}

START_TEST(a_long_reason_is_cut_between_characters_and_a_malformed_one_is_repaired)
{
	char *reason = arena_alloc(world->arena, 3001);
	struct envelope event;
	struct bytes payload;
	const char *error;

	for (int i = 0; i < 1000; i++)
		memcpy(reason + 3 * i, "\xe2\x82\xac", 3);
	memcpy(reason, "\xff\xfe.", 3);
	event = event_of(reason, NULL);

	ck_assert_uint_eq(strlen(event.message.as.command_rejected.reason), 999);
	ck_assert(!strncmp(event.message.as.command_rejected.reason, "??.\xe2\x82\xac", 6));
	ck_assert(
		world->codec.codec.ops->encode(&world->codec.codec, &event, world->arena, &payload, &error));
}
END_TEST

START_TEST(the_event_says_whose_message_it_was_and_by_what_it_came)
{
	struct delivery sent = {.type = MSG_ORDER_CANCELLED,
				.origin = "allocd:commands1",
				.first = {.origin = "allocd:commands0"},
				.envelope = {.id = "id-1", .source = "/shop"}};
	struct delivery part = {.type = MSG_DEALLOCATE,
				.event = &sent,
				.outcome = OUTCOME_FAILED,
				.reason = "no",
				.origin = "order_cancelled",
				.first = {.origin = "order_cancelled"},
				.envelope = {.source = ""}};
	struct command_rejected it = rejection_event(&part, 5, world->arena).message.as.command_rejected;

	ck_assert_str_eq(it.source, "/shop");
	ck_assert_str_eq(it.place, "allocd:commands0");
	it = event_of("no", NULL).message.as.command_rejected;
	ck_assert_ptr_null(it.source);
	ck_assert_str_eq(it.place, "allocate");
}
END_TEST

START_TEST(the_event_continues_the_trace_of_its_message)
{
	ck_assert_str_eq(event_of("no", "00-trace").traceparent, "00-trace");
}
END_TEST

SUITE("rejection events", set_up, tear_down_world)
{
	tcase_add_test(tests, each_outcome_of_a_dead_letter_is_heard_with_its_reason);
	tcase_add_test(tests, a_caller_over_http_has_its_answer_and_hears_nothing);
	tcase_add_test(tests, what_is_handled_or_skipped_is_not_heard);
	tcase_add_test(tests, a_message_that_is_sent_again_and_rejected_again_is_heard_twice);
	tcase_add_test(tests, each_event_has_an_id_of_its_own_in_its_envelope_even_if_messages_share_one);
	tcase_add_test(tests, a_replay_that_is_rejected_again_is_not_heard);
	tcase_add_test(tests, a_dead_letter_that_the_database_refuses_is_not_heard);
	tcase_add_test(tests, nothing_is_heard_unless_it_is_switched_on);
	tcase_add_test(tests, the_events_are_one_row_of_their_own_and_no_products);
	tcase_add_test(tests, many_events_fill_several_rows);
	tcase_add_test(tests, a_long_reason_is_cut_between_characters_and_a_malformed_one_is_repaired);
	tcase_add_test(tests, the_event_says_whose_message_it_was_and_by_what_it_came);
	tcase_add_test(tests, the_event_continues_the_trace_of_its_message);
}

/* ---- entries of a stream ---- */

static void set_up_reading_with_events(void)
{
	set_up_no_worker();
	set_up_stream();
	world->config.rejection_events = true;
	start_reading();
}

static struct stream_id add(const char *payload)
{
	return memory_stream_add(stream, &(struct stream_entry){.type = MSG_ALLOCATE,
								.payload = {payload, strlen(payload)},
								.payload_size = strlen(payload)});
}

START_TEST(an_entry_without_an_id_is_heard_by_its_entry_id)
{
	struct stream_id entry = add("nonsense");

	world_run(world);

	ck_assert_str_eq(heard(), arena_printf(world->arena,
					       "%llu-%llu allocate invalid malformed: "
					       "payload: expected lines of name=value\n",
					       (unsigned long long)entry.ms, (unsigned long long)entry.seq));
}
END_TEST

START_TEST(an_entry_that_is_delivered_again_is_heard_once)
{
	cable_hold(memory_consumer_requests(consumer)); /* it is not acknowledged */
	add("orderid=o\nsku=CHAIR\nqty=1\nid=id-1");
	world_run(world);
	ck_assert_uint_eq(world->database->dead_letter_count, 1);
	crash_reading();
	start_reading();
	world_run(world);

	ck_assert_int_eq(world->database->dead_letters[0].attempts, 2);
	ck_assert_str_eq(heard(), "id-1 allocate rejected invalid_sku: invalid sku CHAIR\n");
}
END_TEST

/* The worker dies before its flush arrives, so the first delivery has raised no event. */
START_TEST(an_entry_whose_first_delivery_was_not_committed_is_heard)
{
	cable_hold(memory_store_requests(world->lanes[0]));
	add("orderid=o\nsku=CHAIR\nqty=1\nid=id-1");
	world_run(world);
	crash_reading();
	ck_assert_uint_eq(world->database->dead_letter_count, 0);
	start_reading();
	world_run(world);

	ck_assert_int_eq(world->database->dead_letters[0].attempts, 1);
	ck_assert_str_eq(heard(), "id-1 allocate rejected invalid_sku: invalid sku CHAIR\n");
}
END_TEST

SUITE("rejection events", set_up_reading_with_events, tear_down_stream_world)
{
	tcase_add_test(tests, an_entry_without_an_id_is_heard_by_its_entry_id);
	tcase_add_test(tests, an_entry_that_is_delivered_again_is_heard_once);
	tcase_add_test(tests, an_entry_whose_first_delivery_was_not_committed_is_heard);
}
