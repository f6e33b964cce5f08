/*
 * Entries that are trimmed, deleted or skipped before any reader received them: each is read after all, or
 * counted.
 */
#include "support/suites.h"
#include "unit/bus/intake/stream_world.h"

static uint64_t lost(void)
{
	return stream_reader_stats(reader)->lost;
}

/* Asserts that `count` entries were lost, each loss is one log line, and the stream is done. */
static void expect_lost(uint64_t count, size_t lines)
{
	ck_assert_uint_eq(lost(), count);
	ck_assert_uint_eq(lines_logged("entries lost"), lines);
	expect_stream_is_done();
}

static void ignore_done(void *context, const struct failure *failure)
{
	(void)context;
	ck_assert_ptr_null(failure);
}

static void ignore_entries(void *context, const struct stream_entry *entries, size_t count,
			   const struct failure *failure)
{
	(void)context;
	(void)entries;
	(void)count;
	ck_assert_ptr_null(failure);
}

/* Pauses the reader, as the worker does while the database is down. */
static void hold(void)
{
	stream_reader_pause(reader);
	world_advance_ms(world, STREAM_WAIT_MS);
}

static void let_go(void)
{
	stream_reader_resume(reader);
	world_advance_ms(world, 70000);
}

/* The deleted ones of five waiting entries, and all orders that are handled. */
static const struct {
	const char *deleted, *handled;
	uint64_t lost;
} deletions[] = {
	{"", "first a 0 1 2 3 4", 0}, {"0", "first a 1 2 3 4", 1}, {"2", "first a 0 1 3 4", 1},
	{"01", "first a 2 3 4", 2},   {"34", "first a 0 1 2", 2},  {"024", "first a 1 3", 3},
	{"01234", "first a", 5},
};

START_TEST(entries_that_are_deleted_before_they_are_read_are_counted)
{
	struct stream_id ids[5];

	add_order("a");
	world_advance_ms(world, 5000);
	hold();
	for (int i = 0; i < 5; i++)
		ids[i] = add_order(arena_printf(world->arena, "%d", i));
	for (const char *at = deletions[_i].deleted; *at; at++)
		memory_stream_drop(stream, ids[*at - '0']);
	let_go();

	ck_assert_str_eq(handled_orders(), deletions[_i].handled);
	expect_lost(deletions[_i].lost, deletions[_i].lost > 0);

	memory_stream_drop(stream, add_order("read-before-it-is-deleted"));
	world_advance_ms(world, 70000);
	expect_lost(deletions[_i].lost, deletions[_i].lost > 0);
}
END_TEST

static void trim_to(size_t length)
{
	while (memory_stream_length(stream) > length)
		memory_stream_drop(stream, memory_stream_first(stream));
}

/* What was read before it was trimmed is not lost.  _i: the stream loses its connection meanwhile. */
START_TEST(entries_that_a_publisher_trims_unread_are_counted_while_the_stream_is_read)
{
	for (int i = 0; i < 500; i++)
		add_order(arena_printf(world->arena, "before-%d", i));
	world_advance_ms(world, 10);
	hold();
	for (int i = 0; i < 2000; i++)
		add_order(arena_printf(world->arena, "%d", i));
	trim_to(1700);
	if (_i) {
		memory_stream_set_down(stream, true);
		world_advance_ms(world, 3000);
		memory_stream_set_down(stream, false);
	}
	stream_reader_resume(reader);
	for (int i = 0; i < 1000; i++) {
		add_order(arena_printf(world->arena, "more-%d", i));
		world_advance_ms(world, 5);
		trim_to(100);
	}
	world_advance_ms(world, 5000);

	expect_lost(300, 1);
}
END_TEST

/*
 * The group is moved while the worker waits, and the next entry arrives before the stream's state is read
 * again.
 */
START_TEST(entries_that_the_group_is_moved_past_under_a_running_worker_are_read)
{
	add_order("a");
	world_advance_ms(world, 5000);
	stream_reader_pause(reader);
	world_advance_ms(world, STREAM_WAIT_MS);
	add_order("b");
	memory_stream_move_group(stream, GROUP, add_order("c"));
	if (_i)
		memory_stream_drop(stream, add_order("deleted"));
	add_order("d");
	stream_reader_resume(reader);
	world_advance_ms(world, 10000);

	ck_assert_str_eq(handled_orders(), "first a d b c");
	ck_assert_uint_eq(lines_logged("entries of the stream were not received"), 1);
	expect_lost((uint64_t)_i, (size_t)_i);
}
END_TEST

/*
 * The first state that shows that every entry is read comes after an entry which was added later, since reads
 * have a connection of their own.
 */
START_TEST(an_entry_that_overtakes_the_state_of_the_stream_is_not_missing)
{
	struct cable *states;

	crash_reading();
	add_order("a");
	start_reading();
	states = memory_consumer_answers(consumer);
	world_advance_ms(world, 900);
	cable_hold(states);
	world_advance_ms(world, 200);
	add_order("b");
	world_advance_ms(world, 50);
	cable_open(states);
	world_advance_ms(world, 5000);
	add_order("c");
	world_advance_ms(world, 5000);

	ck_assert_str_eq(handled_orders(), "first a b c");
	ck_assert_uint_eq(lines_logged("entries of the stream were not received"), 0);
	expect_lost(0, 0);
}
END_TEST

START_TEST(a_stream_whose_group_is_moved_back_is_no_trouble_for_a_moment)
{
	struct cable *requests = memory_consumer_requests(consumer);

	add_order("a");
	world_advance_ms(world, 5000);
	hold();
	add_order("b");
	memory_stream_move_group(stream, GROUP, add_order("c"));
	add_order("d");
	stream_reader_resume(reader);
	while (reader_stats()->is_reading)
		world_advance_ms(world, 1);
	cable_hold(requests);
	world_advance_ms(world, 1900);
	ck_assert_str_eq(stream_trouble().text, "");
	world_advance_ms(world, 200);
	ck_assert_str_eq(stream_trouble().text, "is not read");

	cable_open(requests);
	world_advance_ms(world, 5000);
	ck_assert_str_eq(handled_orders(), "first a d b c");
	expect_lost(0, 0);
}
END_TEST

static enum stream_injection refuse_to_move(void *context, enum consumer_call_kind call)
{
	(void)context;
	return call == STREAM_MOVE_GROUP ? STREAM_REFUSED : STREAM_WELL;
}

START_TEST(entries_that_a_group_was_moved_past_for_good_are_counted_as_lost)
{
	add_order("a");
	world_advance_ms(world, 5000);
	memory_consumer_set_injector(consumer, refuse_to_move, NULL);
	hold();
	add_order("b");
	memory_stream_move_group(stream, GROUP, add_order("c"));
	add_order("d");
	let_go();

	ck_assert_str_eq(handled_orders(), "first a d");
	expect_lost(2, 1);
}
END_TEST

/* Reads once as that consumer, which Redis counts from then on. */
static void read_once(const char *name)
{
	struct memory_consumer *other = memory_consumer_new(stream, GROUP, name);
	struct stream *port = memory_consumer_port(other);

	port->ops->create_group(port, (struct stream_id){UINT64_MAX, 0}, ignore_done, NULL);
	world_run(world);
	port->ops->read_new(port, 1, false, ignore_entries, NULL);
	world_run(world);
	memory_consumer_free(&other);
}

START_TEST(a_recreated_stream_is_read_whole_though_its_group_has_several_consumers)
{
	add_order("a");
	world_advance_ms(world, 5000);
	crash_reading();
	memory_stream_delete(stream);
	add_order_at("b", (struct stream_id){1, 0}, 0);
	read_once("one");
	read_once("another");
	memory_stream_move_group(stream, GROUP, (struct stream_id){1, 0});
	start_reading();
	world_advance_ms(world, 10000);

	ck_assert_str_eq(handled_orders(), "first a b");
}
END_TEST

/* Redis was killed, and its saved copy is older. _i: the number of backlog entries in the copy. */
START_TEST(entries_that_an_older_copy_lacks_are_counted_where_they_were_seen_before)
{
	static const char *const handled[] = {"first a b", "first a 0 b", "first a 0 1 b", "first a 0 1 2 b"};
	struct stream_id kept = add_order("a");

	world_advance_ms(world, 5000);
	hold();
	for (int i = 0; i < 3; i++) {
		struct stream_id id = add_order(arena_printf(world->arena, "%d", i));

		if (i < _i)
			kept = id;
	}
	world_advance_ms(world, 61000);
	memory_stream_restore(stream, kept);
	let_go();
	add_order("b");
	world_advance_ms(world, 5000);

	ck_assert_str_eq(handled_orders(), handled[_i]);
	expect_lost((uint64_t)(3 - _i), _i < 3);
}
END_TEST

START_TEST(entries_that_a_deleted_stream_held_unread_are_counted_and_so_are_those_of_the_next)
{
	add_order("a");
	world_advance_ms(world, 5000);
	hold();
	add_order("b");
	add_order("c");
	world_advance_ms(world, 61000);
	memory_stream_delete(stream);
	memory_stream_drop(stream, add_order("d"));
	add_order("e");
	let_go();

	ck_assert_str_eq(handled_orders(), "first a e");
	expect_lost(3, 2);
}
END_TEST

START_TEST(no_entry_counts_as_lost_without_the_number_of_added_entries)
{
	memory_stream_count_nothing(stream);
	hold();
	add_order("a");
	memory_stream_drop(stream, add_order("b"));
	add_order("c");
	let_go();

	ck_assert_str_eq(handled_orders(), "first a c");
	expect_lost(0, 0);
}
END_TEST

/* Entries pending for another consumer will be handled by it. */
START_TEST(entries_that_other_consumers_read_do_not_count_as_lost)
{
	struct memory_consumer *other = memory_consumer_new(stream, GROUP, "other");
	struct stream *port = memory_consumer_port(other);

	world_advance_ms(world, 5000);
	hold();
	add_order("a");
	port->ops->read_new(port, 1, false, ignore_entries, NULL);
	world_run(world);
	add_order("b");
	let_go();
	ck_assert_uint_eq(lost(), 0);
	memory_consumer_free(&other);
}
END_TEST

SUITE("stream losses", set_up_reading, tear_down_stream_world)
{
	tcase_add_loop_test(tests, entries_that_are_deleted_before_they_are_read_are_counted, 0,
			    COUNT(deletions));
	tcase_add_loop_test(tests, entries_that_a_publisher_trims_unread_are_counted_while_the_stream_is_read,
			    0, 2);
	tcase_add_loop_test(tests, entries_that_the_group_is_moved_past_under_a_running_worker_are_read, 0,
			    2);
	tcase_add_test(tests, an_entry_that_overtakes_the_state_of_the_stream_is_not_missing);
	tcase_add_test(tests, a_stream_whose_group_is_moved_back_is_no_trouble_for_a_moment);
	tcase_add_test(tests, entries_that_a_group_was_moved_past_for_good_are_counted_as_lost);
	tcase_add_test(tests, a_recreated_stream_is_read_whole_though_its_group_has_several_consumers);
	tcase_add_loop_test(tests, entries_that_an_older_copy_lacks_are_counted_where_they_were_seen_before,
			    0, 4);
	tcase_add_test(tests,
		       entries_that_a_deleted_stream_held_unread_are_counted_and_so_are_those_of_the_next);
	tcase_add_test(tests, no_entry_counts_as_lost_without_the_number_of_added_entries);
	tcase_add_test(tests, entries_that_other_consumers_read_do_not_count_as_lost);
}
