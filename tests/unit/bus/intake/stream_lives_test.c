/*
 * A stream that is lost, returns, or is changed by hand; one that refuses calls; and one with large entries.
 * No entry is skipped silently, and none has a second effect.
 */
#include "support/suites.h"
#include "unit/bus/intake/stream_world.h"

#include <string.h>

#define MIB ((size_t)1 << 20)

static int64_t incarnation(void)
{
	return database_stream(world->database, "commands")->record.incarnation;
}

/* ---- another stream of the same name ---- */

/* The ids in the stream after it was lost: below, at and above the last known id. */
static const struct {
	int64_t low, high; /* from the last known id, in milliseconds */
} reborn[] = {{-2, 100}, {-1, 1}, {0, 60000}, {1, 2}};

/* _i: the row of `reborn`; then each row again, with the worker stopped meanwhile. */
START_TEST(a_recreated_stream_is_read_whole_with_any_ids)
{
	bool is_away = (size_t)_i >= COUNT(reborn);
	struct stream_id known;

	world_advance_ms(world, 10);
	add_order("a");
	known = add_order("b");
	world_advance_ms(world, 5000);
	if (is_away)
		crash_reading();
	memory_stream_delete(stream);
	known.ms += (uint64_t)reborn[_i % COUNT(reborn)].low;
	add_order_at("c", known, 0);
	known.ms += (uint64_t)reborn[_i % COUNT(reborn)].high;
	add_order_at("d", known, 0);
	if (is_away)
		start_reading();
	world_advance_ms(world, 10000);

	ck_assert_str_eq(handled_orders(), "first a b c d");
	ck_assert_int_eq(incarnation(), 2);
	ck_assert_uint_eq(lines_logged("stream began again"), 1);
	expect_stream_is_done();
}
END_TEST

static void ignore(void *context, const struct failure *failure)
{
	(void)context;
	ck_assert_ptr_null(failure);
}

static void make_group_anew(struct stream_id after)
{
	struct memory_consumer *tool = memory_consumer_new(stream, GROUP, "tool");
	struct stream *port = memory_consumer_port(tool);

	memory_stream_destroy_group(stream, GROUP);
	port->ops->create_group(port, after, ignore, NULL);
	world_run(world);
	memory_consumer_free(&tool);
}

/* Another client changed the group while the worker was stopped; _i: 0: moved it; 1: recreated it. */
START_TEST(a_group_that_is_ahead_of_what_was_handled_is_moved_back)
{
	add_order("a");
	world_advance_ms(world, 5000);
	crash_reading();
	add_order("b");
	world_advance_ms(world, 10);
	add_order("c");
	if (_i)
		make_group_anew(add_order("d"));
	else
		memory_stream_move_group(stream, GROUP, add_order("d"));
	start_reading();
	world_advance_ms(world, 10000);

	ck_assert_str_eq(handled_orders(), "first a b c d");
	ck_assert_int_eq(incarnation(), 1);
	ck_assert_uint_eq(lines_logged("the consumer group was ahead"), 1);
	expect_stream_is_done();
}
END_TEST

START_TEST(a_group_that_is_moved_ahead_of_a_worker_that_waits_is_moved_back)
{
	add_order("a");
	world_advance_ms(world, 5000);
	stream_reader_pause(reader);
	world_advance_ms(world, STREAM_WAIT_MS);
	memory_stream_move_group(stream, GROUP, add_order("b"));
	stream_reader_resume(reader);
	world_advance_ms(world, 3 * 60 * 1000);

	ck_assert_str_eq(handled_orders(), "first a b");
	expect_stream_is_done();
}
END_TEST

START_TEST(an_older_copy_of_the_stream_is_read_on)
{
	struct stream_id kept = add_order("a");

	world_advance_ms(world, 5000);
	add_order("b");
	world_advance_ms(world, 5000);
	memory_stream_restore(stream, kept);
	add_order("c");
	world_advance_ms(world, 10000);

	ck_assert_str_eq(handled_orders(), "first a b c");
	ck_assert_int_eq(incarnation(), 1);
	expect_stream_is_done();
}
END_TEST

/* Redis starts with an empty disk, and then with the right one. */
START_TEST(a_stream_that_returns_is_not_handled_again)
{
	struct memory_stream *right = stream, *wrong = memory_stream_new(world->simulation);

	add_order("a");
	world_advance_ms(world, 5000);
	crash_reading();
	stream = wrong;
	add_order("b");
	start_reading();
	world_advance_ms(world, 5000);
	ck_assert_int_eq(incarnation(), 2);
	crash_reading();
	stream = right;
	add_order("c");
	start_reading();
	world_advance_ms(world, 5000);
	ck_assert_int_eq(incarnation(), 1);
	ck_assert_str_eq(handled_orders(), "first a b c");
	expect_stream_is_done();
	memory_stream_free(&wrong);
}
END_TEST

START_TEST(a_lost_mark_alone_does_not_mean_a_new_incarnation)
{
	add_order("a");
	world_advance_ms(world, 5000);
	crash_reading();
	memory_stream_lose_marks(stream);
	add_order("b");
	start_reading();
	world_advance_ms(world, 5000);

	ck_assert_str_eq(handled_orders(), "first a b");
	ck_assert_int_eq(incarnation(), 1);
	expect_stream_is_done();
}
END_TEST

/* ---- calls that are refused ---- */

static enum consumer_call_kind refused_call;
static enum stream_injection how_refused;

static enum stream_injection on_call(void *context, enum consumer_call_kind call)
{
	(void)context;
	return call == refused_call ? how_refused : STREAM_WELL;
}

static void refuse(enum consumer_call_kind call)
{
	refused_call = call;
	how_refused = STREAM_REFUSED;
	memory_consumer_set_injector(consumer, on_call, NULL);
}

static void accept_all(void)
{
	memory_consumer_set_injector(consumer, NULL, NULL);
}

/* _i: selects how many entries arrive meanwhile: fewer, or more, than the bound. */
START_TEST(refused_acknowledgements_are_logged_once_bounded_and_sent_later)
{
	int count = _i ? 25000 : 30;

	add_order("a");
	world_advance_ms(world, 5000);
	refuse(STREAM_ACKNOWLEDGE);
	for (int i = 0; i < count; i++) {
		add_order("many");
		if (i % 1000 == 999)
			world_advance_ms(world, 100);
	}
	world_advance_ms(world, 60000);

	ck_assert_uint_eq(lines_logged("acknowledgements are refused"), 1);
	ck_assert_str_eq(stream_trouble().text,
			 "takes no acknowledgements: NOPERM this user has no permissions");
	ck_assert_int_ge(stream_trouble().for_ms, 60000);
	ck_assert_uint_le(stream_reader_stats(reader)->in_flight, 10000 + STREAM_READ_MAX);
	ck_assert_uint_eq(stream_reader_stats(reader)->pending, stream_reader_stats(reader)->in_flight);
	ck_assert(!stream_reader_is_idle(reader));

	accept_all();
	world_advance_ms(world, 30000);
	world_settle(world);
	ck_assert_uint_eq(lines_logged("acknowledgements are accepted again"), 1);
	ck_assert_uint_eq(stream_reader_stats(reader)->read, (uint64_t)count + 1);
	ck_assert_uint_eq(stream_reader_stats(reader)->acknowledged, (uint64_t)count + 1);
	expect_stream_is_done();
}
END_TEST

static const enum consumer_call_kind needed[] = {STREAM_ACKNOWLEDGE, STREAM_READ_NEW};

/* The pauses between attempts have grown long by then. */
START_TEST(a_stream_that_works_again_is_read_within_a_second)
{
	world_advance_ms(world, 5000);
	refuse(needed[_i]);
	add_order("a");
	world_advance_ms(world, 600000);
	ck_assert_int_ge(stream_trouble().for_ms, 590000);
	ck_assert_uint_eq(lines_logged(_i ? "stream is not read" : "acknowledgements are refused"), 1);
	ck_assert_uint_le(memory_consumer_calls(consumer, needed[_i]), 1250);

	accept_all();
	world_advance_ms(world, 1000);
	world_settle(world);
	ck_assert_str_eq(handled_orders(), "first a");
	expect_stream_is_done();
}
END_TEST

/* _i: 0: acknowledging is refused; 1: its answers are lost. */
START_TEST(repeated_failures_of_acknowledgements_are_logged_though_the_stream_is_read)
{
	world_advance_ms(world, 5000);
	refuse(STREAM_ACKNOWLEDGE);
	how_refused = _i ? STREAM_ANSWER_LOST : STREAM_AWAY;
	add_order("a");
	world_advance_ms(world, 60000);
	ck_assert_ptr_nonnull(strstr(stream_trouble().text, "takes no acknowledgements: "));
	ck_assert_int_ge(stream_trouble().for_ms, 57000);
	ck_assert_uint_eq(lines_logged("acknowledgements are refused"), 1);

	accept_all();
	world_advance_ms(world, 2000);
	ck_assert_uint_eq(lines_logged("acknowledgements are accepted again"), 1);
	expect_stream_is_done();
}
END_TEST

/* The acknowledgements that failed are not sent again: their entries are gone. */
START_TEST(entries_of_a_recreated_stream_are_acknowledged_at_once)
{
	world_advance_ms(world, 5000);
	refuse(STREAM_ACKNOWLEDGE);
	how_refused = STREAM_AWAY;
	add_order("a");
	world_advance_ms(world, 5000);
	memory_stream_delete(stream);
	world_advance_ms(world, 5000);
	accept_all();
	ck_assert_uint_eq(reader_stats()->in_flight, 0);
	add_order("b");
	world_advance_ms(world, 10);

	ck_assert_uint_eq(pending_count(), 0);
}
END_TEST

START_TEST(a_refused_checkpoint_is_logged_once_and_written_later)
{
	world_advance_ms(world, 5000);
	memory_checkpoints_set_refusing(checkpoints, true);
	for (int i = 0; i < 5; i++) {
		add_order("a");
		world_advance_ms(world, 5000);
	}
	ck_assert_uint_eq(lines_logged("the progress of the stream is not saved"), 1);
	expect_stream_is_done();

	memory_checkpoints_set_refusing(checkpoints, false);
	world_advance_ms(world, 2000);
	ck_assert_uint_eq(lines_logged("the progress of the stream is saved again"), 1);
}
END_TEST

static const struct {
	enum consumer_call_kind call;
	const char *begins, *ends;
} harmless[] = {
	{STREAM_CLAIM, "claiming the entries of dead consumers is refused", "dead consumers is accepted"},
	{STREAM_TRIM, "trimming the stream is refused", "trimming the stream is accepted again"},
	{STREAM_LOOK, "the state of the stream cannot be read", "the state of the stream can be read again"},
};

static void ignore_entries(void *context, const struct stream_entry *entries, size_t count,
			   const struct failure *failure)
{
	(void)context;
	(void)entries;
	(void)failure;
	ck_assert_uint_eq(count, 0);
}

/* Returns a consumer that has read, so that the group knows it. */
static struct memory_consumer *another_consumer(void)
{
	struct memory_consumer *other = memory_consumer_new(stream, GROUP, "other");
	struct stream *port = memory_consumer_port(other);

	port->ops->read_new(port, 1, false, ignore_entries, NULL);
	world_run(world);
	return other;
}

START_TEST(a_harmless_refusal_is_logged_once_and_reading_continues)
{
	struct memory_consumer *other = another_consumer(); /* to claim from */

	world_advance_ms(world, 5000);
	refuse(harmless[_i].call);
	for (int i = 0; i < 5; i++) {
		add_order(arena_printf(world->arena, "more-%d", i));
		world_advance_ms(world, 2 * RETENTION_MS);
	}
	ck_assert_str_eq(handled_orders(), "first more-0 more-1 more-2 more-3 more-4");
	ck_assert_uint_eq(lines_logged(harmless[_i].begins), 1);
	expect_stream_is_done();

	accept_all();
	add_order("last");
	world_advance_ms(world, 2 * RETENTION_MS);
	ck_assert_uint_eq(lines_logged(harmless[_i].ends), 1);
	memory_consumer_free(&other);
}
END_TEST

START_TEST(without_the_right_to_mark_the_stream_it_is_read)
{
	crash_reading();
	memory_stream_lose_marks(stream);
	world_start(world);
	prepare_reader();
	refuse(STREAM_MARK_LIFE);
	stream_reader_start(reader);
	add_order("a");
	world_advance_ms(world, 5000);

	ck_assert_str_eq(handled_orders(), "first a");
	ck_assert_uint_eq(lines_logged("marking the stream's incarnation is refused"), 1);
	expect_stream_is_done();
}
END_TEST

/* ---- large entries ---- */

/* Redis builds a whole answer in memory, so answers must be small. _i: MiB of each entry. */
START_TEST(large_entries_are_read_one_at_a_time)
{
	size_t before = memory_consumer_calls(consumer, STREAM_READ_NEW);

	stream_reader_pause(reader);
	world_advance_ms(world, STREAM_WAIT_MS);
	for (int i = 0; i < 40; i++)
		add_order_at(arena_printf(world->arena, "large-%d", i), (struct stream_id){0},
			     (size_t)_i * MIB);
	stream_reader_resume(reader);
	world_advance_ms(world, 10000);

	ck_assert_uint_ge(memory_consumer_calls(consumer, STREAM_READ_NEW) - before, 2);
	ck_assert_uint_eq(stream_reader_stats(reader)->read, 40);
	before = memory_consumer_calls(consumer, STREAM_READ_NEW);
	stream_reader_pause(reader);
	world_advance_ms(world, STREAM_WAIT_MS);
	for (int i = 0; i < 40; i++)
		add_order("more");
	stream_reader_resume(reader);
	world_advance_ms(world, 1000);
	ck_assert_uint_ge(memory_consumer_calls(consumer, STREAM_READ_NEW) - before, 10);
	expect_stream_is_done();
}
END_TEST

/* The kind of read whose answer is lost while it holds more than one entry: of pending or of new entries. */
static enum consumer_call_kind narrow;

static enum stream_injection lose_large_answers(void *context, enum consumer_call_kind call)
{
	(void)context;
	return call == narrow && memory_consumer_max(consumer, call) > 1 ? STREAM_ANSWER_LOST : STREAM_WELL;
}

START_TEST(after_a_read_without_a_reply_each_read_asks_for_one_entry)
{
	const char *all = "first";

	stream_reader_pause(reader);
	world_advance_ms(world, STREAM_WAIT_MS);
	for (int i = 0; i < 20; i++) {
		const char *order = arena_printf(world->arena, "order-%d", i);

		add_order(order);
		all = arena_printf(world->arena, "%s %s", all, order);
	}
	narrow = _i ? STREAM_READ_NEW : STREAM_READ_PENDING;
	memory_consumer_fail_next(consumer, STREAM_READ_NEW, STREAM_ANSWER_LOST);
	memory_consumer_set_injector(consumer, lose_large_answers, NULL);
	stream_reader_resume(reader);
	world_advance_ms(world, 60000);

	ck_assert_str_eq(handled_orders(), all);
	expect_stream_is_done();
}
END_TEST

SUITE("stream lives", set_up_reading, tear_down_stream_world)
{
	tcase_add_loop_test(tests, a_recreated_stream_is_read_whole_with_any_ids, 0, 2 * COUNT(reborn));
	tcase_add_loop_test(tests, a_group_that_is_ahead_of_what_was_handled_is_moved_back, 0, 2);
	tcase_add_test(tests, a_group_that_is_moved_ahead_of_a_worker_that_waits_is_moved_back);
	tcase_add_test(tests, an_older_copy_of_the_stream_is_read_on);
	tcase_add_test(tests, a_stream_that_returns_is_not_handled_again);
	tcase_add_test(tests, a_lost_mark_alone_does_not_mean_a_new_incarnation);
	tcase_add_loop_test(tests, refused_acknowledgements_are_logged_once_bounded_and_sent_later, 0, 2);
	tcase_add_loop_test(tests, a_stream_that_works_again_is_read_within_a_second, 0, COUNT(needed));
	tcase_add_loop_test(tests, repeated_failures_of_acknowledgements_are_logged_though_the_stream_is_read,
			    0, 2);
	tcase_add_test(tests, entries_of_a_recreated_stream_are_acknowledged_at_once);
	tcase_add_test(tests, a_refused_checkpoint_is_logged_once_and_written_later);
	tcase_add_loop_test(tests, a_harmless_refusal_is_logged_once_and_reading_continues, 0,
			    COUNT(harmless));
	tcase_add_test(tests, without_the_right_to_mark_the_stream_it_is_read);
	tcase_add_loop_test(tests, large_entries_are_read_one_at_a_time, 1, 3);
	tcase_add_loop_test(tests, after_a_read_without_a_reply_each_read_asks_for_one_entry, 0, 2);
}
