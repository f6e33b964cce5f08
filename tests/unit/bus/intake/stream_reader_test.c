/* When a reader of a stream pauses, resumes and stops. */
#include "support/suites.h"
#include "unit/bus/intake/stream_world.h"

START_TEST(entries_stay_in_the_stream_while_the_database_is_down)
{
	database_set_down(world->database, true);
	add_order("a");
	world_advance_ms(world, 10000);
	add_orders(1000);
	world_advance_ms(world, 10000);
	ck_assert_uint_le(reader_stats()->read, 1 + STREAM_READ_MAX);

	database_set_down(world->database, false);
	world_advance_ms(world, 20000);

	ck_assert_uint_eq(reader_stats()->read, 1001);
	expect_all_acknowledged();
}
END_TEST

START_TEST(a_full_queue_pauses_the_reader_until_half_of_it_is_free)
{
	uint64_t read;

	add_orders(3000);
	world->config.queue_max = 50;
	world->config.unit_max = 10;
	world_start(world);
	hold_lane();
	begin_reader();
	world_advance_ms(world, 10000);
	read = reader_stats()->read;
	ck_assert_uint_le(read, STREAM_READ_FIRST + STREAM_READ_MAX); /* one that was under way */

	while (engine_stats(world->engine)->queued > 30) {
		ck_assert_uint_eq(reader_stats()->read, read);
		step_lane();
	}
	while (engine_stats(world->engine)->queued > 20 && reader_stats()->read == read)
		step_lane();
	ck_assert_uint_gt(reader_stats()->read, read);

	release_lane();
	world_settle(world);
	ck_assert_uint_eq(reader_stats()->read, 3000);
	expect_all_acknowledged();
}
END_TEST

START_TEST(a_stopped_reader_acknowledges_its_entries_and_reads_no_more)
{
	hold_lane();
	add_order("a");
	world_run(world);
	stream_reader_stop(reader);
	world_advance_ms(world, 1000);
	add_order("b");
	world_advance_ms(world, 100000);
	ck_assert(!stream_reader_is_idle(reader));
	ck_assert(!reader_stats()->is_reading);

	memory_consumer_fail_next(consumer, STREAM_ACKNOWLEDGE, STREAM_AWAY);
	release_lane();
	world_advance_ms(world, 1000);

	ck_assert_uint_eq(reader_stats()->read, 1);
	ck_assert_uint_eq(reader_stats()->acknowledged, 1);
	ck_assert(stream_reader_is_idle(reader));
	ck_assert_str_eq(handled_orders(), "first a");
}
END_TEST

START_TEST(entries_of_a_read_under_way_at_the_stop_are_handled)
{
	cable_hold(memory_consumer_read_answers(consumer));
	add_order("a");
	world_run(world);
	stream_reader_stop(reader);
	world_advance_ms(world, 50);
	ck_assert(!stream_reader_is_idle(reader));
	cable_open(memory_consumer_read_answers(consumer));
	world_advance_ms(world, 1000);

	ck_assert_str_eq(handled_orders(), "first a");
	ck_assert(stream_reader_is_idle(reader));
	expect_all_acknowledged();
}
END_TEST

START_TEST(entries_of_a_read_answered_long_after_the_stop_stay_pending)
{
	cable_hold(memory_consumer_read_answers(consumer));
	add_order("a");
	world_run(world);
	stream_reader_stop(reader);
	world_advance_ms(world, 500);
	ck_assert(stream_reader_is_idle(reader));
	cable_open(memory_consumer_read_answers(consumer));
	world_advance_ms(world, 10000);
	ck_assert_uint_eq(pending_count(), 1);
	ck_assert_uint_eq(reader_stats()->read, 0);
	ck_assert(stream_reader_is_idle(reader));

	stream_reader_start(reader);
	world_run(world);

	ck_assert_str_eq(handled_orders(), "first a");
	expect_all_acknowledged();
}
END_TEST

static enum stream_injection hold_claim(void *context, enum consumer_call_kind call)
{
	(void)context;
	if (call == STREAM_CLAIM)
		cable_hold(memory_consumer_answers(consumer));
	return STREAM_WELL;
}

START_TEST(a_reader_has_not_ended_while_a_claim_is_under_way)
{
	crash_reading();
	world_start(world);
	prepare_reader();
	memory_consumer_set_injector(consumer, hold_claim, NULL);
	stream_reader_start(reader);
	world_run(world);
	stream_reader_stop(reader);
	world_advance_ms(world, 50);
	ck_assert(!stream_reader_has_ended(reader));
	ck_assert(!stream_reader_is_idle(reader));

	cable_open(memory_consumer_answers(consumer));
	world_run(world);
	ck_assert(stream_reader_has_ended(reader));
	ck_assert(stream_reader_is_idle(reader));
}
END_TEST

START_TEST(a_reader_stopped_and_started_at_once_reads_each_entry_once)
{
	cable_hold(memory_consumer_read_answers(consumer));
	add_order("a");
	world_run(world);
	stream_reader_stop(reader);
	stream_reader_start(reader);
	cable_open(memory_consumer_read_answers(consumer));
	world_run(world);

	ck_assert_uint_eq(reader_stats()->read, 1);
	ck_assert_str_eq(handled_orders(), "first a");
	expect_all_acknowledged();
}
END_TEST

START_TEST(a_stream_that_was_never_read_is_unread_since_its_reader_was_made)
{
	world_start(world);
	world_advance_ms(world, 60000);
	prepare_reader();
	ck_assert_str_eq(stream_trouble().text, "is not read");
	ck_assert_int_eq(stream_trouble().for_ms, 0);
	world_advance_ms(world, 300);

	ck_assert_int_eq(stream_trouble().for_ms, 300);
}
END_TEST

SUITE("stream reader", set_up_sold_out, tear_down_stream_world)
{
	tcase_add_test(tests, a_stream_that_was_never_read_is_unread_since_its_reader_was_made);
	tcase_add_test(tests, a_full_queue_pauses_the_reader_until_half_of_it_is_free);
}

SUITE("stream reader", set_up_reading, tear_down_stream_world)
{
	tcase_add_test(tests, entries_stay_in_the_stream_while_the_database_is_down);
	tcase_add_test(tests, a_stopped_reader_acknowledges_its_entries_and_reads_no_more);
	tcase_add_test(tests, entries_of_a_read_under_way_at_the_stop_are_handled);
	tcase_add_test(tests, entries_of_a_read_answered_long_after_the_stop_stay_pending);
	tcase_add_test(tests, a_reader_has_not_ended_while_a_claim_is_under_way);
	tcase_add_test(tests, a_reader_stopped_and_started_at_once_reads_each_entry_once);
}
