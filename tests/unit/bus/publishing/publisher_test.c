/* All committed events are published in order, although calls fail. */
#include "bus/publishing/publisher.h"
#include "support/rival.h"
#include "support/suites.h"

#include <string.h>

static void set_up(void)
{
	set_up_world();
	create_batch("batch", "LAMP", 1000);
	world_run(world);
}

static int64_t saved_cursor(void)
{
	return world->database->outbox[partition_of("LAMP")].cursor;
}

/* Asserts that the events of lines `first` to `last` were published once each; "order-00000" is line 1. */
static void expect_published(int first, int last)
{
	const char *expected = "";

	for (int i = first; i <= last; i++)
		expected = arena_printf(world->arena, "%sline_allocated order-%05d LAMP 1 batch %d\n",
					expected, i - 1, i);
	ck_assert_msg(!strcmp(published(), expected), "published: %.1000s", published());
}

static void allocate_one(int number)
{
	world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "orderid=order-%05d\nsku=LAMP\nqty=1", number - 1);
}

START_TEST(events_are_published_in_the_order_of_their_versions)
{
	allocate_many("order", "LAMP", 5);
	world_run(world);

	expect_published(1, 5);
}
END_TEST

START_TEST(rows_wait_while_a_call_of_their_partition_is_under_way)
{
	cable_hold(memory_broker_requests(world->broker));
	for (int i = 1; i <= 5; i++) {
		allocate_one(i);
		world_run(world);
	}
	ck_assert_uint_eq(cable_waiting(memory_broker_requests(world->broker)), 1);

	cable_open(memory_broker_requests(world->broker));
	world_run(world);

	expect_published(1, 5);
}
END_TEST

START_TEST(a_call_to_a_broker_that_is_down_is_retried)
{
	memory_broker_set_down(world->broker, true);
	allocate_many("order", "LAMP", 3);
	world_advance_ms(world, 30000);
	ck_assert_str_eq(published(), "");
	ck_assert_uint_gt(engine_stats(world->engine)->publish_failures, 5);
	ck_assert_uint_lt(engine_stats(world->engine)->publish_failures, 100);
	ck_assert_uint_eq(engine_stats(world->engine)->unpublished, 1);

	memory_broker_set_down(world->broker, false);
	world_advance_ms(world, 1000);

	expect_published(1, 3);
	ck_assert_uint_eq(engine_stats(world->engine)->unpublished, 0);
}
END_TEST

START_TEST(the_statistics_say_whether_the_broker_accepts_events)
{
	ck_assert(engine_stats(world->engine)->broker_takes);
	memory_broker_set_down(world->broker, true);
	allocate_one(1);
	world_run(world);
	ck_assert(!engine_stats(world->engine)->broker_takes);

	memory_broker_set_down(world->broker, false);
	world_advance_ms(world, 1000);

	ck_assert(engine_stats(world->engine)->broker_takes);
}
END_TEST

START_TEST(a_partition_that_is_published_does_not_hide_the_trouble_of_another)
{
	memory_broker_fail_after(world->broker, 0);
	allocate_one(1);
	cable_hold(memory_broker_answers(world->broker));
	world_run(world);
	create_batch("other", "DESK", 10);
	allocate("order", "DESK", 1);
	world_run(world);
	ck_assert_int_ne(partition_of("DESK"), partition_of("LAMP"));
	ck_assert_uint_eq(cable_waiting(memory_broker_answers(world->broker)), 2);

	cable_let_one(memory_broker_answers(world->broker));
	cable_let_one(memory_broker_answers(world->broker));
	world_run(world);
	ck_assert_str_eq(published(), "line_allocated order DESK 1 other 1\n");
	ck_assert(!engine_stats(world->engine)->broker_takes);

	cable_open(memory_broker_answers(world->broker));
	world_advance_ms(world, 1000);
	ck_assert(engine_stats(world->engine)->broker_takes);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "events are published again"), 1);
}
END_TEST

START_TEST(a_trouble_with_the_broker_is_logged_at_once_then_seldom_and_when_it_ends)
{
	static const char trouble[] = "warn cannot publish events, will try again error=";

	memory_broker_set_down(world->broker, true);
	allocate_many("order", "LAMP", 3);
	world_advance_ms(world, 9000);
	ck_assert_uint_eq(memory_logger_count(&world->logger, trouble), 1);
	world_advance_ms(world, 25000);
	ck_assert_uint_eq(memory_logger_count(&world->logger, trouble), 4);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "events are published again"), 0);

	memory_broker_set_down(world->broker, false);
	world_advance_ms(world, 1000);
	ck_assert_uint_eq(memory_logger_count(&world->logger, trouble), 4);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "info events are published again after_ms=34"),
			  1);

	memory_broker_set_down(world->broker, true);
	allocate_many("more", "LAMP", 1);
	world_run(world);
	ck_assert_uint_eq(memory_logger_count(&world->logger, trouble), 5);
}
END_TEST

START_TEST(commands_are_handled_while_the_broker_is_down)
{
	memory_broker_set_down(world->broker, true);
	allocate_one(1);
	world_run(world);
	allocate_one(2);
	world_run(world);

	expect_handled(world->last);
}
END_TEST

/*
 * After a failure some events may have been published: all are published again, in order, from the first on.
 */
START_TEST(events_whose_publication_is_uncertain_are_published_again_in_order)
{
	memory_broker_fail_after(world->broker, 2);
	allocate_many("order", "LAMP", 3);
	world_advance_ms(world, 1000);

	ck_assert_str_eq(published(), "line_allocated order-00000 LAMP 1 batch 1\n"
				      "line_allocated order-00001 LAMP 1 batch 2\n"
				      "line_allocated order-00000 LAMP 1 batch 1\n"
				      "line_allocated order-00001 LAMP 1 batch 2\n"
				      "line_allocated order-00002 LAMP 1 batch 3\n");
}
END_TEST

/* ---- what is not in memory is in the table ---- */

START_TEST(rows_that_another_worker_committed_before_are_read_from_the_outbox)
{
	hold_lane();
	rival_allocate("order-00000", "LAMP", 1); /* a worker that died before it published */
	allocate_one(2);
	release_lane();
	world_advance_ms(world, 200);

	expect_published(1, 2);
}
END_TEST

START_TEST(rows_committed_by_a_lost_connection_are_read_from_the_outbox)
{
	memory_store_fail_next(world->lanes[0], CALL_FLUSH, INJECT_LOST_AFTER);
	allocate_one(1);
	world_run(world);
	allocate_one(2);
	world_run(world);

	expect_published(1, 2);
}
END_TEST

START_TEST(a_new_worker_publishes_the_rows_that_the_last_one_left)
{
	memory_broker_set_down(world->broker, true);
	allocate_many("order", "LAMP", 3);
	world_run(world);
	world_crash(world);
	memory_broker_set_down(world->broker, false);

	world_start(world);

	expect_published(1, 3);
}
END_TEST

/* Its connection to the broker is being made. */
START_TEST(a_new_worker_that_is_not_connected_yet_warns_only_when_that_lasts)
{
	static const char trouble[] = "warn cannot publish events";
	bool lasts = _i;

	allocate_one(1);
	world_settle(world);
	world_crash(world);
	memory_broker_set_down(world->broker, true);
	world_start(world);
	allocate_one(2);
	world_advance_ms(world, lasts ? 3000 : 1500);
	ck_assert_uint_eq(memory_logger_count(&world->logger, trouble), lasts);
	ck_assert_int_eq(engine_stats(world->engine)->broker_takes, !lasts);
	memory_broker_set_down(world->broker, false);
	world_advance_ms(world, lasts ? 2000 : 50);

	expect_published(1, 2);
	ck_assert_uint_eq(memory_logger_count(&world->logger, trouble), lasts);
}
END_TEST

START_TEST(a_new_worker_does_not_publish_rows_below_the_saved_cursor)
{
	allocate_one(1);
	world_settle(world);
	world_crash(world);

	world_start(world);
	allocate_one(2);
	world_settle(world);

	expect_published(1, 2);
}
END_TEST

START_TEST(after_a_death_before_saving_the_broker_prevents_duplicates)
{
	allocate_one(1);
	world_run(world);
	world_crash(world);

	world_start(world);

	expect_published(1, 1);
}
END_TEST

START_TEST(a_broker_that_lost_its_data_gets_the_unsaved_events_again)
{
	allocate_one(1);
	world_run(world);
	world_crash(world);
	memory_broker_forget(world->broker);

	world_start(world);

	ck_assert_str_eq(published(), "line_allocated order-00000 LAMP 1 batch 1\n"
				      "line_allocated order-00000 LAMP 1 batch 1\n");
}
END_TEST

START_TEST(more_rows_than_one_read_returns_are_all_published)
{
	memory_broker_set_down(world->broker, true);
	for (int i = 1; i <= 1000; i++) {
		allocate_one(i);
		world_run(world);
	}
	world_crash(world);
	memory_broker_set_down(world->broker, false);
	world_start(world);

	ck_assert_uint_eq(memory_broker_count(world->broker), 1000);
	ck_assert_uint_gt(memory_store_calls(world->publisher, CALL_READ_OUTBOX), 1);
	expect_published(1, 1000);
}
END_TEST

START_TEST(reading_the_outbox_is_retried_after_the_database_was_down)
{
	memory_broker_set_down(world->broker, true);
	allocate_one(1);
	world_run(world);
	world_crash(world);
	memory_broker_set_down(world->broker, false);
	world_prepare(world);
	memory_store_fail_next(world->publisher, CALL_READ_CURSORS, INJECT_REFUSED);
	memory_store_fail_next(world->publisher, CALL_READ_CURSORS, INJECT_LOST_BEFORE);
	memory_store_fail_next(world->publisher, CALL_READ_OUTBOX, INJECT_REFUSED);
	world_start(world);
	world_advance_ms(world, 5000);

	expect_published(1, 1);
}
END_TEST

/* The workers publish what it commits. */
START_TEST(a_tool_commits_events_though_the_broker_refuses_what_it_is_asked)
{
	world_settle(world);
	world_crash(world);
	world->config.needs_no_broker = true;
	memory_broker_fail_after(world->broker, 0);
	cable_hold(memory_broker_answers(world->broker));
	world_start(world);
	allocate_one(1);
	world_run(world);
	ck_assert_str_eq(batch_of("order-00000", "LAMP", 1), "");

	cable_let_one(memory_broker_answers(world->broker));
	world_run(world);
	ck_assert_str_eq(batch_of("order-00000", "LAMP", 1), "batch");

	cable_open(memory_broker_answers(world->broker));
	world_settle(world);
	expect_published(1, 1);
}
END_TEST

START_TEST(no_event_is_committed_before_the_cursors_are_read)
{
	world_settle(world);
	world_crash(world);
	world_prepare(world);
	cable_hold(memory_store_answers(world->publisher));
	world_start(world);
	allocate_one(1);
	world_run(world);
	ck_assert_str_eq(batch_of("order-00000", "LAMP", 1), "");

	cable_open(memory_store_answers(world->publisher));
	world_run(world);

	ck_assert_str_eq(batch_of("order-00000", "LAMP", 1), "batch");
	expect_published(1, 1);
}
END_TEST

/* The dead worker's flush arrives long after the next worker has read cursors and outbox. */
START_TEST(rows_that_a_dead_worker_commits_late_are_published)
{
	hold_lane();
	allocate_one(1);
	world_run(world);
	step_lane();
	world_crash(world);
	world_start(world);
	world_advance_ms(world, 1000);
	database_end_lost(world->database, true);
	ck_assert_str_eq(batch_of("order-00000", "LAMP", 1), "batch");

	world_advance_ms(world, 10000);

	expect_published(1, 1);
}
END_TEST

START_TEST(rows_that_another_worker_published_are_not_published_again)
{
	hold_lane();
	for (int i = 0; i < 3; i++)
		rival_allocate(arena_printf(world->arena, "theirs-%d", i), "LAMP", 1);
	database_move_cursor(world->database, &(struct cursor){partition_of("LAMP"), 3, 1});
	world_advance_ms(world, 10000);
	ck_assert_uint_eq(engine_stats(world->engine)->unpublished, 0);
	allocate("ours", "LAMP", 1);
	release_lane();

	ck_assert_str_eq(published(), "line_allocated ours LAMP 1 batch 4\n");
}
END_TEST

/* The lane's answer is late, so its row arrives from the outbox first, and then from the lane. */
START_TEST(rows_added_while_they_are_read_are_published_once)
{
	struct cable *lane = memory_store_answers(world->lanes[0]),
		     *table = memory_store_answers(world->publisher);

	cable_hold(lane);
	allocate_one(1);
	world_advance_ms(world, 1000); /* time for a read of the outbox */
	cable_hold(table);
	world_advance_ms(world, 1000); /* and for another one: the row is still unpublished */
	cable_let_one(table);
	world_run(world);
	ck_assert_uint_eq(memory_store_calls(world->publisher, CALL_READ_OUTBOX), 1);

	cable_open(lane);
	world_run(world);
	cable_open(table);
	world_run(world);

	expect_published(1, 1);
}
END_TEST

/* ---- how far it came ---- */

START_TEST(the_cursor_is_saved_alone_after_a_quiet_while)
{
	allocate_one(1);
	world_advance_ms(world, 199);
	ck_assert_int_eq(saved_cursor(), 0);

	world_advance_ms(world, 1);

	ck_assert_int_eq(saved_cursor(), 1);
	ck_assert_uint_eq(memory_store_calls(world->publisher, CALL_SAVE_CURSORS), 1);
}
END_TEST

START_TEST(a_cursor_that_moved_far_is_saved_with_the_next_flush)
{
	for (int i = 1; i <= SAVE_WITH_FLUSH; i++) {
		allocate_one(i);
		world_run(world);
	}
	ck_assert_int_eq(saved_cursor(), 0);
	allocate_one(SAVE_WITH_FLUSH + 1);
	world_run(world);

	ck_assert_int_eq(saved_cursor(), SAVE_WITH_FLUSH);
	ck_assert_uint_eq(memory_store_calls(world->publisher, CALL_SAVE_CURSORS), 0);
}
END_TEST

START_TEST(the_cursor_of_unpublished_rows_is_not_saved)
{
	cable_hold(memory_broker_answers(world->broker));
	allocate_one(1);
	world_run(world);
	allocate_one(2);
	world_advance_ms(world, 5000);

	ck_assert_int_eq(saved_cursor(), 0);
}
END_TEST

START_TEST(a_failed_save_of_the_cursors_is_retried)
{
	memory_store_fail_next(world->publisher, CALL_SAVE_CURSORS, INJECT_REFUSED);
	allocate_one(1);
	world_advance_ms(world, 1000);

	ck_assert_int_eq(saved_cursor(), 1);
}
END_TEST

SUITE("publisher", set_up, tear_down_world)
{
	tcase_add_test(tests, events_are_published_in_the_order_of_their_versions);
	tcase_add_test(tests, rows_wait_while_a_call_of_their_partition_is_under_way);
	tcase_add_test(tests, a_call_to_a_broker_that_is_down_is_retried);
	tcase_add_test(tests, the_statistics_say_whether_the_broker_accepts_events);
	tcase_add_test(tests, a_partition_that_is_published_does_not_hide_the_trouble_of_another);
	tcase_add_test(tests, a_trouble_with_the_broker_is_logged_at_once_then_seldom_and_when_it_ends);
	tcase_add_test(tests, commands_are_handled_while_the_broker_is_down);
	tcase_add_test(tests, events_whose_publication_is_uncertain_are_published_again_in_order);
	tcase_add_test(tests, rows_that_another_worker_committed_before_are_read_from_the_outbox);
	tcase_add_test(tests, rows_committed_by_a_lost_connection_are_read_from_the_outbox);
	tcase_add_test(tests, a_new_worker_publishes_the_rows_that_the_last_one_left);
	tcase_add_loop_test(tests, a_new_worker_that_is_not_connected_yet_warns_only_when_that_lasts, 0, 2);
	tcase_add_test(tests, a_new_worker_does_not_publish_rows_below_the_saved_cursor);
	tcase_add_test(tests, after_a_death_before_saving_the_broker_prevents_duplicates);
	tcase_add_test(tests, a_broker_that_lost_its_data_gets_the_unsaved_events_again);
	tcase_add_test(tests, more_rows_than_one_read_returns_are_all_published);
	tcase_add_test(tests, reading_the_outbox_is_retried_after_the_database_was_down);
	tcase_add_test(tests, no_event_is_committed_before_the_cursors_are_read);
	tcase_add_test(tests, a_tool_commits_events_though_the_broker_refuses_what_it_is_asked);
	tcase_add_test(tests, rows_that_a_dead_worker_commits_late_are_published);
	tcase_add_test(tests, rows_that_another_worker_published_are_not_published_again);
	tcase_add_test(tests, rows_added_while_they_are_read_are_published_once);
	tcase_add_test(tests, the_cursor_is_saved_alone_after_a_quiet_while);
	tcase_add_test(tests, a_cursor_that_moved_far_is_saved_with_the_next_flush);
	tcase_add_test(tests, the_cursor_of_unpublished_rows_is_not_saved);
	tcase_add_test(tests, a_failed_save_of_the_cursors_is_retried);
}
