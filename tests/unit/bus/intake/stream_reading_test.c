/* Entries of a stream are handled in its order; a message that cannot be handled becomes a dead letter. */
#include "core/partition.h"
#include "support/suites.h"
#include "unit/bus/intake/stream_world.h"

#include <string.h>

START_TEST(entries_are_handled_in_their_order_and_acknowledged)
{
	add_order("a");
	add_order("b");
	world_run(world);
	add_order("c");
	world_run(world);

	ck_assert_str_eq(handled_orders(), "first a b c");
	ck_assert_uint_eq(reader_stats()->read, 3);
	ck_assert_uint_eq(reader_stats()->acknowledged, 3);
	ck_assert(reader_stats()->is_reading);
	expect_all_acknowledged();
}
END_TEST

START_TEST(entries_older_than_the_worker_are_read_from_the_beginning_of_the_stream)
{
	add_order("a");
	add_order("b");

	start_reading();

	ck_assert_str_eq(handled_orders(), "first a b");
	expect_all_acknowledged();
}
END_TEST

START_TEST(a_message_id_in_the_entry_identifies_the_message)
{
	add_order_with_id("a", "id");
	add_order_with_id("a", "id");
	world_run(world);

	ck_assert_str_eq(handled_orders(), "first a");
	expect_all_acknowledged();
}
END_TEST

START_TEST(equal_entries_without_a_message_id_are_handled_each)
{
	add_order("a");
	add_order("a");
	world_run(world);

	ck_assert_str_eq(handled_orders(), "first a a");
}
END_TEST

static void add_defect(const char *defect)
{
	memory_stream_add(stream, &(struct stream_entry){.defect = defect});
}

static void add_payload(const char *payload)
{
	memory_stream_add(stream, &(struct stream_entry){.type = MSG_ALLOCATE,
							 .payload = {payload, strlen(payload)},
							 .payload_size = strlen(payload)});
}

START_TEST(a_message_that_cannot_be_handled_becomes_a_dead_letter_and_is_acknowledged)
{
	const struct dead_letter_row *letters;

	database_refuse(world->database, "poison");
	add_order("a");
	add_defect("type: missing");
	add_payload("nonsense");
	add_payload("orderid=o\nsku=CHAIR\nqty=1");
	add_order("poison");
	add_order("b");
	world_settle(world);

	letters = world->database->dead_letters;
	ck_assert_uint_eq(world->database->dead_letter_count, 4);
	ck_assert_str_eq(letters[0].reason, "type: missing");
	ck_assert_int_eq(letters[0].outcome, OUTCOME_INVALID);
	ck_assert_int_eq(letters[1].outcome, OUTCOME_INVALID);
	ck_assert_int_eq(letters[2].outcome, OUTCOME_REJECTED);
	ck_assert_int_eq(letters[3].outcome, OUTCOME_FAILED);
	ck_assert_str_eq(letters[3].origin, "commands");
	ck_assert_ptr_nonnull(letters[3].entry_id);
	ck_assert_str_eq(handled_orders(), "first a b");
	expect_all_acknowledged();
}
END_TEST

START_TEST(a_dead_letter_that_is_read_again_is_the_same_dead_letter)
{
	cable_hold(memory_consumer_requests(consumer));
	add_payload("nonsense");
	world_run(world);
	ck_assert_uint_eq(world->database->dead_letter_count, 1);
	crash_reading();
	start_reading();

	ck_assert_uint_eq(world->database->dead_letter_count, 1);
	ck_assert_int_eq(world->database->dead_letters[0].attempts, 2);
	expect_all_acknowledged();
}
END_TEST

/* _i: the call whose answer is lost, after which the reader starts from the beginning. */
START_TEST(no_entry_is_lost_when_a_call_of_any_kind_fails)
{
	world_start(world);
	add_order("a");
	read_and_crash("worker");
	add_order("b");
	begin_reader();
	for (int i = 0; i < 5; i++) {
		memory_consumer_fail_next(consumer, (enum consumer_call_kind)_i, STREAM_ANSWER_LOST);
		add_order(arena_printf(world->arena, "more-%d", i));
		world_advance_ms(world, 15000);
	}
	world_advance_ms(world, STREAM_CLAIM_IDLE_MS + 15000);

	ck_assert_str_eq(handled_orders(), "first a b more-0 more-1 more-2 more-3 more-4");
	ck_assert_uint_eq(reader_stats()->read, 7);
	expect_all_acknowledged();
}
END_TEST

START_TEST(no_new_entry_is_read_before_the_checkpoints_know_the_stream)
{
	world_start(world);
	add_order("a");
	database_set_down(world->database, true);
	begin_reader();
	world_advance_ms(world, 10000);
	ck_assert_uint_eq(memory_consumer_calls(consumer, STREAM_READ_NEW), 0);

	database_set_down(world->database, false);
	world_advance_ms(world, 10000);

	ck_assert_str_eq(handled_orders(), "first a");
}
END_TEST

START_TEST(an_unreadable_stream_is_logged_once_and_so_is_its_return)
{
	memory_stream_set_down(stream, true);
	world_advance_ms(world, 600000);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "stream is not read"), 1);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "reading the stream resumed"), 0);
	ck_assert_uint_ge(memory_consumer_calls(consumer, STREAM_LOOK), 600);
	ck_assert_uint_le(memory_consumer_calls(consumer, STREAM_LOOK), 1250);

	memory_stream_set_down(stream, false);
	add_order("a");
	world_advance_ms(world, 10000);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "reading the stream resumed"), 1);

	memory_stream_set_down(stream, true);
	world_advance_ms(world, 60000);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "stream is not read"), 2);
	ck_assert_str_eq(handled_orders(), "first a");
}
END_TEST

static void ignore(void *context, const struct published *result, const struct failure *failure)
{
	(void)context;
	(void)result;
	(void)failure;
}

/* Raises the fence, as if events that this database lacks had been published, and lets the worker notice. */
static void let_it_notice_a_restore(void)
{
	static const struct outgoing_row row = {1, NULL, 0};
	struct broker *broker = memory_broker_port(world->broker);
	const struct publication ahead = {.incarnation = world->database->incarnation,
					  .partition = partition_of("LAMP"),
					  .known = 50,
					  .rows = &row,
					  .row_count = 1};

	broker->ops->publish(broker, &ahead, ignore, NULL);
	world_run(world);
	add_order("a");
	world_advance_ms(world, 1000);
	ck_assert(!engine_takes_commands(world->engine));
}

/* The reader is paused, but Redis still serves the read for which it waits. */
START_TEST(an_entry_that_comes_after_a_restore_was_noticed_waits_for_the_renewal)
{
	let_it_notice_a_restore();
	add_order("b");
	world_advance_ms(world, 1000);
	ck_assert_uint_eq(pending_count(), 1);
	ck_assert_uint_eq(reader_stats()->in_flight, 0);

	database_renew(world->database);
	world_advance_ms(world, 1000);
	expect_all_acknowledged();
	ck_assert_str_eq(handled_orders(), "first a b");
}
END_TEST

/* Otherwise earlier trouble would prolong the pauses of a short one. */
START_TEST(the_backoff_begins_anew_after_a_success)
{
	enum consumer_call_kind call = _i ? STREAM_ACKNOWLEDGE : STREAM_READ_NEW;

	for (int i = 0; i < 20; i++) {
		memory_consumer_fail_next(consumer, call, STREAM_AWAY);
		add_order(arena_printf(world->arena, "many-%d", i));
		world_advance_ms(world, 10000);
		expect_all_acknowledged();
	}
	memory_consumer_fail_next(consumer, call, STREAM_AWAY);
	add_order("a");
	world_advance_ms(world, STREAM_WAIT_MS);
	add_order("b");
	world_advance_ms(world, 100);

	expect_all_acknowledged();
	ck_assert_uint_eq(reader_stats()->acknowledged, 22);
}
END_TEST

SUITE("stream reading", set_up_sold_out, tear_down_stream_world)
{
	tcase_add_test(tests, entries_older_than_the_worker_are_read_from_the_beginning_of_the_stream);
	tcase_add_loop_test(tests, no_entry_is_lost_when_a_call_of_any_kind_fails, 0, STREAM_CALLS);
	tcase_add_test(tests, no_new_entry_is_read_before_the_checkpoints_know_the_stream);
}

SUITE("stream reading", set_up_reading, tear_down_stream_world)
{
	tcase_add_test(tests, an_entry_that_comes_after_a_restore_was_noticed_waits_for_the_renewal);
	tcase_add_test(tests, entries_are_handled_in_their_order_and_acknowledged);
	tcase_add_test(tests, a_message_id_in_the_entry_identifies_the_message);
	tcase_add_test(tests, equal_entries_without_a_message_id_are_handled_each);
	tcase_add_test(tests, a_message_that_cannot_be_handled_becomes_a_dead_letter_and_is_acknowledged);
	tcase_add_test(tests, a_dead_letter_that_is_read_again_is_the_same_dead_letter);
	tcase_add_test(tests, an_unreadable_stream_is_logged_once_and_so_is_its_return);
	tcase_add_loop_test(tests, the_backoff_begins_anew_after_a_success, 0, 2);
}
