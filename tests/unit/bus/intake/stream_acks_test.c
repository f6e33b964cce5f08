/* Entries are acknowledged after their commit, and not while a read may return them again. */
#include "support/suites.h"
#include "unit/bus/intake/stream_world.h"

START_TEST(no_entry_is_acknowledged_before_its_commit)
{
	hold_lane();
	add_order("a");
	world_run(world);
	ck_assert_uint_eq(pending_count(), 1);
	step_lane(); /* the load */
	world_advance_ms(world, 5000);
	ck_assert_uint_eq(acknowledge_calls(), 0);

	cable_hold(memory_store_answers(world->lanes[0]));
	step_lane(); /* the flush, whose answer is held */
	world_advance_ms(world, 5000);
	ck_assert_uint_eq(acknowledge_calls(), 0);
	ck_assert_uint_eq(reader_stats()->in_flight, 1);
	ck_assert(!stream_reader_is_idle(reader));

	cable_open(memory_store_answers(world->lanes[0]));
	release_lane();
	expect_all_acknowledged();
}
END_TEST

START_TEST(the_entries_of_one_commit_are_acknowledged_in_one_call)
{
	add_orders(50);

	start_reading();

	ck_assert_uint_eq(reader_stats()->acknowledged, 50);
	ck_assert_uint_eq(acknowledge_calls(), 1);
}
END_TEST

/* _i: 0: Redis acknowledged, but its answer was lost; 1: the call did not reach Redis. */
START_TEST(an_acknowledgement_that_failed_is_sent_again)
{
	memory_consumer_fail_next(consumer, STREAM_ACKNOWLEDGE, _i ? STREAM_AWAY : STREAM_ANSWER_LOST);
	add_order("a");
	world_run(world);
	ck_assert_uint_eq(reader_stats()->in_flight, 1);
	ck_assert_uint_eq(reader_stats()->acknowledged, 0);

	world_advance_ms(world, 100);

	ck_assert_uint_eq(acknowledge_calls(), 2);
	ck_assert_str_eq(handled_orders(), "first a");
	expect_all_acknowledged();
}
END_TEST

START_TEST(entries_in_flight_are_not_submitted_again_after_a_reconnect)
{
	hold_lane();
	add_order("a");
	add_order("b");
	world_advance_ms(world, 2000);
	memory_stream_set_down(stream, true);
	world_advance_ms(world, 1000);
	ck_assert(!reader_stats()->is_reading);

	memory_stream_set_down(stream, false);
	world_advance_ms(world, 20000);
	ck_assert(reader_stats()->is_reading);
	release_lane();

	ck_assert_uint_eq(reader_stats()->read, 2);
	ck_assert_str_eq(handled_orders(), "first a b");
	expect_all_acknowledged();
}
END_TEST

/*
 * Brings the reader to read pending entries again after trouble, while "a" is in flight and there is another
 * consumer to claim from.
 */
static void come_to_claim_again(void)
{
	read_and_crash("other");
	hold_lane();
	add_order("a");
	world_advance_ms(world, 2000);
	cable_hold(memory_consumer_requests(consumer));
	memory_consumer_fail_next(consumer, STREAM_READ_NEW, STREAM_AWAY);
	world_advance_ms(world, STREAM_WAIT_MS + 100);
	ck_assert(cable_let_one(memory_consumer_requests(consumer))); /* the look */
	world_run(world);
	ck_assert_uint_eq(cable_waiting(memory_consumer_requests(consumer)), 1);
}

START_TEST(no_entry_is_acknowledged_while_a_read_of_pending_entries_is_under_way)
{
	come_to_claim_again();
	cable_hold(memory_consumer_read_answers(consumer));
	cable_open(memory_consumer_requests(consumer));
	world_run(world);
	ck_assert_uint_eq(cable_waiting(memory_consumer_read_answers(consumer)), 1); /* it holds "a" */

	release_lane();
	world_advance_ms(world, 1000);
	ck_assert_uint_eq(acknowledge_calls(), 0);

	cable_open(memory_consumer_read_answers(consumer));
	world_run(world);
	ck_assert_uint_eq(reader_stats()->read, 1);
	expect_all_acknowledged();
}
END_TEST

START_TEST(pending_entries_are_not_read_while_an_acknowledgement_is_under_way)
{
	come_to_claim_again();
	release_lane(); /* the acknowledgement of "a" waits behind the claim */
	ck_assert_uint_eq(cable_waiting(memory_consumer_requests(consumer)), 2);
	ck_assert(cable_let_one(memory_consumer_requests(consumer)));
	world_advance_ms(world, 500);
	ck_assert_uint_eq(memory_consumer_calls(consumer, STREAM_READ_PENDING),
			  1); /* the read at the start */

	cable_open(memory_consumer_requests(consumer));
	world_run(world);
	ck_assert_uint_eq(memory_consumer_calls(consumer, STREAM_READ_PENDING), 2);
	ck_assert_uint_eq(reader_stats()->read, 1);
	expect_all_acknowledged();
}
END_TEST

START_TEST(an_acknowledgement_without_the_group_is_dropped)
{
	memory_consumer_fail_next(consumer, STREAM_ACKNOWLEDGE, STREAM_NO_GROUP);
	add_order("a");
	world_run(world);
	ck_assert(!reader_stats()->is_reading || memory_consumer_calls(consumer, STREAM_LOOK) > 1);
	ck_assert(stream_reader_is_idle(reader));
	ck_assert_uint_eq(reader_stats()->acknowledged, 0);

	world_advance_ms(world, 5000);
	ck_assert_str_eq(handled_orders(), "first a");
	expect_all_acknowledged(); /* the group existed after all */
}
END_TEST

SUITE("stream acknowledgements", set_up_sold_out, tear_down_stream_world)
{
	tcase_add_test(tests, the_entries_of_one_commit_are_acknowledged_in_one_call);
}

SUITE("stream acknowledgements", set_up_reading, tear_down_stream_world)
{
	tcase_add_test(tests, no_entry_is_acknowledged_before_its_commit);
	tcase_add_loop_test(tests, an_acknowledgement_that_failed_is_sent_again, 0, 2);
	tcase_add_test(tests, entries_in_flight_are_not_submitted_again_after_a_reconnect);
	tcase_add_test(tests, no_entry_is_acknowledged_while_a_read_of_pending_entries_is_under_way);
	tcase_add_test(tests, pending_entries_are_not_read_while_an_acknowledgement_is_under_way);
	tcase_add_test(tests, an_acknowledgement_without_the_group_is_dropped);
}
