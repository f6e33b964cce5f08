/* Pending entries: of a worker that died, of other consumers, and trimmed ones. */
#include "support/suites.h"
#include "unit/bus/intake/stream_world.h"

START_TEST(own_pending_entries_and_claimed_ones_are_handled_before_new_ones)
{
	add_order("a");
	read_and_crash("other");
	add_order("b");
	read_and_crash("worker");
	add_order("c");
	world_advance_ms(world, STREAM_CLAIM_IDLE_MS);

	start_reading();

	ck_assert_str_eq(handled_orders(), "first a b c");
	ck_assert_uint_ge(reader_stats()->claimed, 1);
	expect_all_acknowledged();
}
END_TEST

START_TEST(pending_entries_of_several_reads_are_handled_before_new_ones)
{
	const char *all = "first";

	for (int i = 0; i < 3 * STREAM_READ_FIRST; i++) {
		const char *order = arena_printf(world->arena, "many-%d", i);

		add_order(order);
		all = arena_printf(world->arena, "%s %s", all, order);
		if (i % STREAM_READ_FIRST == STREAM_READ_FIRST - 1 && i < 2 * STREAM_READ_FIRST)
			read_and_crash("worker");
	}

	start_reading();

	ck_assert_str_eq(handled_orders(), all);
	ck_assert_uint_eq(reader_stats()->read, 3 * STREAM_READ_FIRST);
	expect_all_acknowledged();
}
END_TEST

START_TEST(entries_of_a_consumer_that_died_are_claimed_once_they_are_idle)
{
	stream_reader_pause(reader);
	world_advance_ms(world, STREAM_WAIT_MS);
	add_order("a");
	read_and_crash("other");
	stream_reader_resume(reader);
	add_order("b");
	world_advance_ms(world, STREAM_CLAIM_IDLE_MS / 2);
	ck_assert_str_eq(handled_orders(), "first b");

	world_advance_ms(world, STREAM_CLAIM_IDLE_MS);

	ck_assert_str_eq(handled_orders(), "first b a");
	ck_assert_uint_eq(reader_stats()->claimed, 1);
	expect_all_acknowledged();
}
END_TEST

/* _i: 0: this worker's consumer held the entry; 1: a dead consumer did. */
START_TEST(entries_trimmed_while_pending_are_counted_and_logged)
{
	struct stream_id lost = add_order("a");

	add_order("b");
	read_and_crash(_i ? "other" : "worker");
	memory_stream_drop(stream, lost);
	add_order("c");
	world_advance_ms(world, _i ? STREAM_CLAIM_IDLE_MS : 0);

	start_reading();

	ck_assert_uint_eq(reader_stats()->lost, 1);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "entries lost"), 1);
	ck_assert_str_eq(handled_orders(), "first b c");
	ck_assert_uint_eq(reader_stats()->read, 2);
	expect_all_acknowledged();
}
END_TEST

enum phase {
	READ,           /* the stream delivered it, the answer is under way */
	IN_FLIGHT,      /* its load is under way */
	FLUSHING,       /* its flush is under way, and is lost */
	COMMITTED_LATE, /* its flush is under way, and arrives after the worker's death */
	COMMITTED,      /* the commit's answer is under way */
	UNACKNOWLEDGED, /* the acknowledgement is under way */
	ACKNOWLEDGED,   /* the acknowledgement's answer is under way */
	PHASES,
};

static void come_to(enum phase phase, const char *id)
{
	if (phase == READ)
		cable_hold(memory_consumer_read_answers(consumer));
	else if (phase <= COMMITTED)
		hold_lane();
	else if (phase == UNACKNOWLEDGED)
		cable_hold(memory_consumer_requests(consumer));
	else
		cable_hold(memory_consumer_answers(consumer));
	add_order_with_id("a", id);
	world_run(world);
	for (int i = 0; i < 2 && phase >= FLUSHING && phase <= COMMITTED; i++)
		step_lane(); /* loads the product; then looks up id and line, as there is no stock */
	if (phase == COMMITTED) {
		cable_hold(memory_store_answers(world->lanes[0]));
		step_lane();
	}
}

static void expect_phase(enum phase phase)
{
	bool committed = phase >= COMMITTED;

	ck_assert_uint_eq(pending_count(), phase == ACKNOWLEDGED ? 0 : 1);
	ck_assert_uint_eq(reader_stats()->read, phase == READ ? 0 : 1);
	ck_assert_int_eq(database_version(world->database, "LAMP"), committed ? 2 : 1);
	ck_assert_uint_eq(reader_stats()->acknowledged, 0);
}

/* _i: the phase, of an entry without an id, then with one. */
START_TEST(each_entry_has_one_effect_whenever_a_worker_dies)
{
	enum phase phase = (enum phase)(_i % PHASES);

	come_to(phase, _i < PHASES ? NULL : "id");
	expect_phase(phase);

	crash_reading();
	while (database_lost_count(world->database))
		database_end_lost(world->database, phase == COMMITTED_LATE);
	start_reading();
	add_order("b");
	world_settle(world);

	ck_assert_str_eq(handled_orders(), "first a b");
	expect_all_acknowledged();
}
END_TEST

START_TEST(a_worker_that_dies_again_and_again_loses_no_entry)
{
	add_order("a");
	add_order("b");
	for (int i = 0; i < 20; i++) {
		start_reading();
		hold_lane();
		add_order(arena_printf(world->arena, "more-%d", i));
		world_advance_ms(world, 100 * i);
		crash_reading();
		while (database_lost_count(world->database))
			database_end_lost(world->database, i % 2);
	}

	start_reading();
	world_settle(world);

	ck_assert_str_eq(handled_orders(),
			 "first a b more-0 more-1 more-2 more-3 more-4 more-5 more-6 more-7 more-8 "
			 "more-9 more-10 more-11 more-12 more-13 more-14 more-15 more-16 more-17 "
			 "more-18 more-19");
	expect_all_acknowledged();
}
END_TEST

SUITE("stream claiming", set_up_sold_out, tear_down_stream_world)
{
	tcase_add_test(tests, own_pending_entries_and_claimed_ones_are_handled_before_new_ones);
	tcase_add_test(tests, pending_entries_of_several_reads_are_handled_before_new_ones);
	tcase_add_loop_test(tests, entries_trimmed_while_pending_are_counted_and_logged, 0, 2);
	tcase_add_test(tests, a_worker_that_dies_again_and_again_loses_no_entry);
}

SUITE("stream claiming", set_up_reading, tear_down_stream_world)
{
	tcase_add_test(tests, entries_of_a_consumer_that_died_are_claimed_once_they_are_idle);
	tcase_add_loop_test(tests, each_entry_has_one_effect_whenever_a_worker_dies, 0, 2 * PHASES);
}
