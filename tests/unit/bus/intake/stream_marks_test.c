/* How far a stream is done is noted, so that a lost group resumes there, and old entries are trimmed. */
#include "support/suites.h"
#include "unit/bus/intake/stream_world.h"

START_TEST(the_last_entry_up_to_which_all_are_done_is_noted)
{
	struct stream_id done, open;

	done = add_order("a");
	world_run(world);
	hold_lane();
	open = add_order("b");
	world_advance_ms(world, 2000);

	ck_assert_int_eq(stream_id_compare(database_stream(world->database, "commands")->record.done, done),
			 0);
	ck_assert_int_eq(stream_id_compare(database_stream(world->database, "commands")->highest, open), 0);
	ck_assert_uint_eq(reader_stats()->pending, 1);
}
END_TEST

START_TEST(a_checkpoint_that_could_not_be_written_is_written_later)
{
	struct stream_id done = add_order("a");

	world_run(world);
	cable_hold(memory_checkpoints_requests(checkpoints));
	world_advance_ms(world, 1500);
	database_set_down(world->database, true);
	cable_open(memory_checkpoints_requests(checkpoints));
	world_run(world);
	database_set_down(world->database, false);
	world_advance_ms(world, 2000);

	ck_assert_int_eq(stream_id_compare(database_stream(world->database, "commands")->record.done, done),
			 0);
}
END_TEST

START_TEST(a_reader_that_is_paused_falls_behind_until_it_has_read_what_waits)
{
	stream_reader_pause(reader);
	add_order("that the read under way returns");
	world_advance_ms(world, 3000);
	ck_assert_int_eq(stream_reader_behind_ms(reader), 0);
	add_order("a");
	world_advance_ms(world, 4000);
	add_order("b");
	world_advance_ms(world, 8000);
	ck_assert_int_ge(stream_reader_behind_ms(reader), 10000);
	ck_assert_int_le(stream_reader_behind_ms(reader), 12000);

	stream_reader_resume(reader);
	world_advance_ms(world, 2000);
	ck_assert_int_eq(stream_reader_behind_ms(reader), 0);
}
END_TEST

START_TEST(a_reader_of_a_busy_stream_is_not_behind)
{
	for (int i = 0; i < 200; i++) {
		stream_reader_pause(reader);
		add_order(arena_printf(world->arena, "order-%d", i));
		world_advance_ms(world, 100);
		ck_assert_int_le(stream_reader_behind_ms(reader), 2000);
		stream_reader_resume(reader);
		world_run(world);
	}
}
END_TEST

START_TEST(a_quiet_stream_is_inspected_seldom)
{
	size_t looks;

	world_advance_ms(world, 10000);
	looks = memory_consumer_calls(consumer, STREAM_LOOK);
	world_advance_ms(world, 10 * 60 * 1000);

	ck_assert_uint_le(memory_consumer_calls(consumer, STREAM_LOOK) - looks, 10);
}
END_TEST

START_TEST(old_entries_are_trimmed_once_every_group_is_done_with_them)
{
	struct memory_consumer *audit = memory_consumer_new(stream, "audit", "audit");
	struct stream *port = memory_consumer_port(audit);
	struct stream_id held[2];

	port->ops->create_group(port, (struct stream_id){0}, expect_no_failure, NULL);
	world_run(world);
	held[0] = add_order("a");
	port->ops->read_new(port, STREAM_READ_FIRST, true, expect_read, NULL);
	world_run(world);
	held[1] = add_order("b");
	world_advance_ms(world, RETENTION_MS + HOUR_MS);
	add_order("c");
	world_advance_ms(world, 2 * 60 * 1000);
	ck_assert_uint_eq(memory_stream_length(stream), 3); /* the first is pending in the other group */

	port->ops->acknowledge(port, &held[0], 1, expect_no_failure, NULL);
	add_order("d");
	world_advance_ms(world, 2 * 60 * 1000);
	ck_assert_int_ne(stream_id_compare(memory_stream_first(stream), held[1]), 1);
	ck_assert_uint_ge(memory_stream_length(stream), 3); /* the other group has not read the second */

	port->ops->read_new(port, STREAM_READ_FIRST, true, expect_read, NULL);
	world_run(world);
	port->ops->acknowledge(port, &held[1], 1, expect_no_failure, NULL);
	add_order("e");
	world_advance_ms(world, 2 * 60 * 1000);
	ck_assert_int_gt(stream_id_compare(memory_stream_first(stream), held[0]), 0);
	memory_consumer_free(&audit);
}
END_TEST

START_TEST(entries_younger_than_the_retention_are_not_trimmed)
{
	add_order("a");
	world_advance_ms(world, RETENTION_MS - 60000);
	add_order("b");
	world_advance_ms(world, 2 * 60 * 1000);

	ck_assert_uint_eq(memory_stream_length(stream), 2);
}
END_TEST

START_TEST(old_entries_that_are_not_done_are_not_trimmed)
{
	hold_lane();
	add_order("a");
	world_advance_ms(world, RETENTION_MS + HOUR_MS);
	add_order("b");
	world_advance_ms(world, 2 * 60 * 1000);

	ck_assert_uint_eq(memory_stream_length(stream), 2);
	release_lane();
	ck_assert_uint_eq(reader_stats()->lost, 0);
}
END_TEST

START_TEST(a_lost_group_is_created_again_at_the_last_noted_entry)
{
	add_order("a");
	add_order("b");
	world_advance_ms(world, 2000); /* the position is saved */
	memory_stream_destroy_group(stream, GROUP);
	add_order("c");
	add_order("d");
	world_advance_ms(world, 10000);

	ck_assert_str_eq(handled_orders(), "first a b c d");
	ck_assert_uint_eq(reader_stats()->read, 4);
	ck_assert_int_eq(stream_incarnation(), 1);
	expect_all_acknowledged();
}
END_TEST

START_TEST(entries_done_but_not_noted_before_the_group_was_lost_have_no_second_effect)
{
	add_order("a");
	add_order("b");
	world_run(world);
	memory_stream_destroy_group(stream, GROUP);
	world_advance_ms(world, 10000);

	ck_assert_uint_eq(reader_stats()->read, 4);
	ck_assert_str_eq(handled_orders(), "first a b");
	expect_all_acknowledged();
}
END_TEST

START_TEST(a_group_lost_while_the_reader_is_paused_is_noticed)
{
	stream_reader_pause(reader);
	world_advance_ms(world, STREAM_WAIT_MS);
	memory_stream_destroy_group(stream, GROUP);
	add_order("a");
	world_advance_ms(world, 61000);
	ck_assert(!reader_stats()->is_reading);

	stream_reader_resume(reader);
	world_advance_ms(world, 1000);

	ck_assert_str_eq(handled_orders(), "first a");
}
END_TEST

START_TEST(a_recreated_stream_may_reuse_entry_ids)
{
	struct stream_entry again = order_entry("c");

	again.id = add_order("a");
	add_order("b");
	world_advance_ms(world, 2000);
	memory_stream_delete(stream);
	memory_stream_add(stream, &again);
	world_advance_ms(world, 2000);

	ck_assert_str_eq(handled_orders(), "first a b c");
	ck_assert_int_eq(stream_incarnation(), 2);
	expect_all_acknowledged();
}
END_TEST

START_TEST(a_stream_that_another_worker_found_recreated_is_noticed)
{
	struct stream_entry again = order_entry("c");

	again.id = add_order("a");
	add_order("b");
	world_advance_ms(world, 2000);
	stream_reader_pause(reader);
	world_advance_ms(world, STREAM_WAIT_MS);
	memory_stream_delete(stream);
	database_stream(world->database, "commands")->record.incarnation = 2;
	read_and_crash("other"); /* makes the group */
	memory_stream_add(stream, &again);
	world_advance_ms(world, 61000);
	ck_assert(!reader_stats()->is_reading);

	stream_reader_resume(reader);
	world_run(world);

	ck_assert_str_eq(handled_orders(), "first a b c");
}
END_TEST

START_TEST(an_entry_of_the_earlier_stream_is_not_acknowledged_in_the_recreated_one)
{
	struct stream_entry again = order_entry("c");

	hold_lane();
	again.id = add_order("a");
	add_order("b");
	world_advance_ms(world, 2000);
	memory_stream_delete(stream);
	memory_stream_add(stream, &again);
	world_advance_ms(world, 2000);
	ck_assert_uint_eq(reader_stats()->read, 3);

	for (int i = 0; i < 3; i++)
		step_lane(); /* the loads and the flush of "a" */
	world_advance_ms(world, 2000);
	ck_assert_str_eq(handled_orders(), "first a");
	ck_assert_uint_eq(pending_count(), 1);
	ck_assert_uint_eq(acknowledge_calls(), 0);

	release_lane();
	ck_assert_str_eq(handled_orders(), "first a b c");
	expect_all_acknowledged();
}
END_TEST

/* The port allows one look at a time.  An earlier lease's entries have no outcome when this one is taken. */
START_TEST(a_stream_is_looked_at_once_at_a_time_while_an_earlier_lease_drains)
{
	struct lease *lease = lease_new("commands", &world->random.random);

	hold_lane();
	add_order("a");
	world_advance_ms(world, 10);
	cable_hold(memory_consumer_requests(consumer));
	memory_stream_end_connections(stream);
	world_advance_ms(world, 500); /* now it looks, and gets no answer */
	stream_reader_lead(reader, lease);
	ck_assert(reader_stats()->is_draining);
	world_advance_ms(world, 1500); /* the state is noted every second */

	cable_open(memory_consumer_requests(consumer));
	release_lane();
	world_advance_ms(world, 2000);
	ck_assert(!reader_stats()->is_draining);
	ck_assert_str_eq(handled_orders(), "first a");
	lease_release(&lease);
}
END_TEST

SUITE("stream marks", set_up_reading, tear_down_stream_world)
{
	tcase_add_test(tests, the_last_entry_up_to_which_all_are_done_is_noted);
	tcase_add_test(tests, a_checkpoint_that_could_not_be_written_is_written_later);
	tcase_add_test(tests, a_reader_that_is_paused_falls_behind_until_it_has_read_what_waits);
	tcase_add_test(tests, a_reader_of_a_busy_stream_is_not_behind);
	tcase_add_test(tests, a_quiet_stream_is_inspected_seldom);
	tcase_add_test(tests, old_entries_are_trimmed_once_every_group_is_done_with_them);
	tcase_add_test(tests, entries_younger_than_the_retention_are_not_trimmed);
	tcase_add_test(tests, old_entries_that_are_not_done_are_not_trimmed);
	tcase_add_test(tests, a_lost_group_is_created_again_at_the_last_noted_entry);
	tcase_add_test(tests, entries_done_but_not_noted_before_the_group_was_lost_have_no_second_effect);
	tcase_add_test(tests, a_group_lost_while_the_reader_is_paused_is_noticed);
	tcase_add_test(tests, a_recreated_stream_may_reuse_entry_ids);
	tcase_add_test(tests, a_stream_that_another_worker_found_recreated_is_noticed);
	tcase_add_test(tests, a_stream_is_looked_at_once_at_a_time_while_an_earlier_lease_drains);
	tcase_add_test(tests, an_entry_of_the_earlier_stream_is_not_acknowledged_in_the_recreated_one);
}
