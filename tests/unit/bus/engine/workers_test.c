/* Several workers publish for one database: each event is published once and in order, though workers die. */
#include "unit/bus/engine/workers_world.h"

#include <stdio.h>
#include <string.h>

/* ---- all are well ---- */

START_TEST(healthy_workers_publish_each_event_once)
{
	for (int i = 1; i <= 100; i++) {
		allocate_by(i % 3 ? world : other, i);
		world_advance_ms(world, 50);
	}
	world_settle(world);
	world_settle(other);

	expect_published(1, 100);
	ck_assert_uint_eq(skipped_by_fence(), 0);
	ck_assert_uint_eq(memory_broker_gaps(world->broker), 0);
}
END_TEST

START_TEST(rows_that_another_worker_just_committed_are_not_taken_over)
{
	cable_delay(memory_broker_answers(world->broker), 20, 20, NULL);
	cable_delay(memory_broker_requests(world->broker), 20, 20, NULL);
	for (int i = 1; i <= 200; i++) {
		allocate_by(world, i);
		world_advance_ms(world, 47);
	}

	ck_assert_uint_eq(memory_store_calls(other->publisher, CALL_READ_OUTBOX), 0);
	ck_assert_uint_eq(skipped_by_fence(), 0);
	ck_assert_uint_eq(stats_of(other)->unpublished, 0);
}
END_TEST

/* A busy lane saves only its own cursors. */
START_TEST(the_cursor_of_an_idle_lane_is_saved_while_another_is_busy)
{
	const char *rests, *busy;

	world_crash(world);
	world->config.lanes = 2;
	world_start(world);
	rests = sku_in_lane(0, 0);
	busy = sku_in_lane(1, 0);
	create_batch("one", rests, 1);
	allocate("order", rests, 1);
	create_batch("two", busy, 1000);
	for (int i = 0; i < 100; i++) {
		allocate(arena_printf(world->arena, "busy-%d", i), busy, 1);
		world_advance_ms(world, 30);
	}

	ck_assert_int_eq(world->database->outbox[partition_of(rests)].cursor, 1);
	ck_assert_uint_eq(memory_store_calls(other->publisher, CALL_READ_OUTBOX), 0);
}
END_TEST

/* ---- others come before ---- */

/* How late the earlier event is, and whether its own worker still publishes it. */
static const struct lateness {
	int64_t ms;
	bool is_waited_for;
} latenesses[] = {{0, true}, {1, true}, {3, true}, {30, true}, {60, true}, {500, false}, {20000, false}};

START_TEST(a_worker_waits_a_little_for_another_ones_earlier_rows)
{
	cable_hold(memory_broker_requests(world->broker));
	allocate_by(world, 1);
	allocate_by(other, 2);
	ck_assert_str_eq(published(), "");
	world_advance_ms(world, latenesses[_i].ms);
	cable_open(memory_broker_requests(world->broker));
	world_advance_ms(world, 150);

	expect_published(1, 2);
	ck_assert_uint_eq(memory_store_calls(other->publisher, CALL_READ_OUTBOX),
			  !latenesses[_i].is_waited_for);
	ck_assert_uint_eq(skipped_by_fence(), !latenesses[_i].is_waited_for);
}
END_TEST

START_TEST(earlier_rows_of_another_worker_are_not_polled_in_a_loop)
{
	cable_hold(memory_broker_requests(world->broker));
	cable_hold(memory_store_requests(other->publisher));
	allocate_by(world, 1);
	allocate_by(other, 2);
	world_advance_ms(world, 10000);

	ck_assert_uint_le(memory_broker_gaps(world->broker), 10);
	expect_published(1, 0);
}
END_TEST

/* A long gap left by a dead worker is filled without waiting for each of its parts. */
START_TEST(a_long_gap_is_filled_at_once)
{
	cable_hold(memory_broker_requests(world->broker));
	for (int i = 1; i <= 2000; i++)
		allocate_by(world, i);
	world_hang(world);
	world_advance_ms(other, 900);
	allocate_by(other, 2001);
	world_advance_ms(other, 1200);

	expect_published(1, 2001);
}
END_TEST

/* Calls and answers of both workers arrive in any order. */
START_TEST(events_of_two_workers_are_published_in_order)
{
	struct cable *wires[] = {
		memory_broker_requests(world->broker),  memory_broker_answers(world->broker),
		memory_broker_requests(other->broker),  memory_broker_answers(other->broker),
		memory_store_answers(world->publisher), memory_store_answers(other->publisher),
	};
	struct memory_random random;
	int next = 1;

	memory_random_init(&random, (uint64_t)_i);
	for (int i = 0; i < COUNT(wires); i++)
		cable_hold(wires[i]);
	while (next <= 12) {
		uint64_t chance = random_below(&random.random, 10);

		if (chance < 2)
			allocate_by(random_below(&random.random, 2) ? world : other, next++);
		else if (chance < 4)
			world_advance_ms(world, (int64_t)random_below(&random.random, 200));
		else
			cable_let_one(wires[random_below(&random.random, COUNT(wires))]);
		world_run(world);
	}
	for (int i = 0; i < COUNT(wires); i++)
		cable_open(wires[i]);
	world_settle(world);
	world_settle(other);

	expect_published(1, 12);
	ck_assert_uint_eq(stats_of(world)->unpublished + stats_of(other)->unpublished, 0);
	ck_assert(!stats_of(world)->restored && !stats_of(other)->restored);
}
END_TEST

/* ---- a neighbour dies, or hangs ---- */

START_TEST(rows_of_a_dead_worker_are_published_after_a_second_or_two)
{
	cable_hold(memory_broker_requests(world->broker));
	for (int i = 1; i <= 3; i++)
		allocate_by(world, i);
	world_crash(world);
	world_advance_ms(other, 900);
	expect_published(1, 0);

	world_advance_ms(other, 1100);

	expect_published(1, 3);
	world_settle(other);
	ck_assert_int_eq(lamps_outbox()->cursor, 3);
}
END_TEST

START_TEST(a_worker_that_wakes_publishes_nothing_twice)
{
	cable_hold(memory_broker_requests(world->broker));
	for (int i = 1; i <= 3; i++)
		allocate_by(world, i);
	world_hang(world);
	world_advance_ms(other, 2000);
	expect_published(1, 3);
	for (int i = 4; i <= 6; i++)
		allocate_by(other, i);
	world_advance_ms(other, 30000);

	world_wake(world);
	allocate_by(world, 7);
	world_settle(world);

	expect_published(1, 7);
	ck_assert_uint_gt(skipped_by_fence(), 0);
	ck_assert_uint_eq(stats_of(world)->unpublished, 0);
	ck_assert(!stats_of(world)->restored);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "error"), 0);
}
END_TEST

/*
 * The outbox was read before the other worker's commit; the answer arrives after the broker reported that
 * commit's row.
 */
START_TEST(a_look_that_is_older_than_the_broker_s_answer_proves_nothing)
{
	cable_hold(memory_broker_requests(world->broker));
	allocate_by(world, 1);
	cable_hold(memory_store_answers(world->publisher));
	world_advance_ms(world, 1500);
	ck_assert_uint_eq(cable_waiting(memory_store_answers(world->publisher)), 1);
	world_advance_ms(world, 1500);
	allocate_by(other, 2);
	expect_published(1, 2);
	cable_open(memory_broker_requests(world->broker));
	world_run(world);

	cable_open(memory_store_answers(world->publisher));
	world_run(world);

	ck_assert(!stats_of(world)->restored);
	ck_assert_uint_eq(stats_of(world)->unpublished, 0);
	world_settle(world);
}
END_TEST

START_TEST(a_worker_is_busy_with_what_it_committed_or_took_over_only)
{
	memory_broker_set_down(world->broker, true);
	allocate_by(world, 1);
	world_advance_ms(world, 500);
	ck_assert(!engine_is_idle(world->engine));
	ck_assert(engine_is_idle(other->engine));
	ck_assert_uint_eq(stats_of(other)->unpublished, 0);

	world_advance_ms(world, 1500);
	ck_assert(!engine_is_idle(other->engine));
	ck_assert_uint_eq(stats_of(other)->unpublished, 1);

	memory_broker_set_down(world->broker, false);
	world_settle(world);
	world_settle(other);
	expect_published(1, 1);
}
END_TEST

/* Advances time until a publication has just failed, so that the outbox is read before the next one. */
static void wait_between_calls(void)
{
	uint64_t failures;
	int64_t of_second_ms;

	do {
		failures = stats_of(world)->publish_failures;
		world_advance_ms(world, 1);
		of_second_ms = simulation_now_ms(world->simulation) % 1000;
	} while (stats_of(world)->publish_failures == failures || of_second_ms < 550 || of_second_ms > 750);
}

START_TEST(a_worker_whose_events_another_one_published_is_ready_again)
{
	world_crash(other);
	memory_broker_set_down(world->broker, true);
	allocate_by(world, 1);
	world_advance_ms(world, 10000);
	wait_between_calls();
	memory_broker_set_down(world->broker, false);
	world_start(other);
	expect_published(1, 1);
	ck_assert(!stats_of(world)->broker_takes);

	world_advance_ms(world, 500);

	ck_assert(stats_of(world)->broker_takes);
	ck_assert_uint_eq(stats_of(world)->unpublished, 0);
	ck_assert_uint_eq(skipped_by_fence(), 0);
}
END_TEST

/* ---- the broker loses its data ---- */

START_TEST(a_broker_that_lost_its_data_gets_its_fences_from_the_workers)
{
	for (int i = 1; i <= 3; i++)
		allocate_by(world, i);
	memory_broker_forget(world->broker);
	allocate_by(world, 4);
	world_settle(world);

	expect_published(1, 4);
}
END_TEST

START_TEST(events_that_no_live_worker_knows_as_published_are_published_again)
{
	cable_hold(memory_store_requests(world->publisher));
	for (int i = 1; i <= SAVE_WITH_FLUSH + 1; i++) {
		allocate_by(world, i);
	}
	ck_assert_int_eq(lamps_outbox()->cursor, SAVE_WITH_FLUSH);
	world_crash(world);
	memory_broker_forget(other->broker);
	world_advance_ms(other, 3000);
	allocate_by(other, SAVE_WITH_FLUSH + 2);
	world_settle(other);

	ck_assert_str_eq(published_since(SAVE_WITH_FLUSH + 1),
			 "line_allocated order-00101 LAMP 1 batch 101\n"
			 "line_allocated order-00102 LAMP 1 batch 102\n");
}
END_TEST

/* ---- what the table has ---- */

/* Damages the second of three rows of lamps, whose worker dies before it publishes them. */
static void damage_a_row(void)
{
	cable_hold(memory_broker_requests(world->broker));
	for (int i = 1; i <= 3; i++)
		allocate_by(world, i);
	world_crash(world);
	lamps_outbox()->rows[1].frame.size--;
}

static void repair_the_row(void)
{
	lamps_outbox()->rows[1].frame.size++;
}

START_TEST(a_damaged_row_holds_up_its_partition_until_it_is_repaired)
{
	damage_a_row();
	world_advance_ms(other, 7000);

	ck_assert_str_eq(published(), "line_allocated order-00001 LAMP 1 batch 1\n");
	ck_assert_uint_eq(memory_logger_count(&other->logger, "error an outbox row is damaged"), 1);
	ck_assert_uint_eq(engine_stats(other->engine)->damaged, 1);
	ck_assert_int_eq(engine_stats(other->engine)->damaged_position, 2);

	repair_the_row();
	world_advance_ms(other, 3000);
	world_settle(other);

	ck_assert_str_eq(published(), "line_allocated order-00001 LAMP 1 batch 1\n"
				      "line_allocated order-00002 LAMP 1 batch 2\n"
				      "line_allocated order-00003 LAMP 1 batch 3\n");
	ck_assert_uint_eq(engine_stats(other->engine)->damaged, 0);
	ck_assert_uint_eq(memory_logger_count(&other->logger, "info the damaged outbox row no longer"), 1);
}
END_TEST

START_TEST(a_damaged_row_does_not_hold_up_other_partitions)
{
	ck_assert_int_ne(partition_of("CHAIR"), partition_of("LAMP"));
	damage_a_row();
	world_advance_ms(other, 2000);
	world_start(world);
	create_batch("seats", "CHAIR", 10);
	allocate("order-chair", "CHAIR", 1);
	world_advance_ms(world, 1000);

	ck_assert_str_eq(published(), "line_allocated order-00001 LAMP 1 batch 1\n"
				      "line_allocated order-chair CHAIR 1 seats 1\n");
	repair_the_row();
	world_advance_ms(world, 3000);
	ck_assert_uint_eq(memory_broker_count(world->broker), 4);
}
END_TEST

static void expect_the_other_to_stop_soon(void)
{
	int64_t began_at = simulation_now_ms(other->simulation);

	world_settle(other);
	ck_assert_int_le(simulation_now_ms(other->simulation) - began_at, 1000);
}

START_TEST(a_worker_that_stops_does_not_wait_for_rows_behind_a_damaged_one)
{
	damage_a_row();
	world_advance_ms(other, 3000);

	expect_the_other_to_stop_soon();
	ck_assert_int_eq(lamps_outbox()->cursor, 1);
	ck_assert_uint_eq(stats_of(other)->unpublished, 2);
	repair_the_row();
}
END_TEST

/* A worker dies before it publishes three rows of lamps, and the first two are deleted. */
static void delete_rows(void)
{
	cable_hold(memory_broker_requests(world->broker));
	for (int i = 1; i <= 3; i++)
		allocate_by(world, i);
	world_crash(world);
	lamps_outbox()->deleted = 2;
}

START_TEST(an_absent_row_counts_as_damaged_until_it_is_restored)
{
	size_t reads;

	delete_rows();
	world_advance_ms(other, 5000);
	ck_assert_uint_eq(stats_of(other)->damaged, 1);
	ck_assert_int_eq(stats_of(other)->damaged_position, 1);
	ck_assert(stats_of(other)->damaged_is_absent);
	reads = memory_store_calls(other->publisher, CALL_READ_OUTBOX);
	world_advance_ms(other, 60000);
	expect_published(1, 0);
	ck_assert_uint_le(memory_store_calls(other->publisher, CALL_READ_OUTBOX), reads + 60);
	ck_assert_uint_eq(memory_logger_count(&other->logger, "error an outbox row is missing"), 1);

	lamps_outbox()->deleted = 0;
	world_advance_ms(other, 5000);

	expect_published(1, 3);
	ck_assert_uint_eq(stats_of(other)->damaged, 0);
}
END_TEST

START_TEST(a_worker_that_stops_does_not_wait_for_rows_behind_an_absent_one)
{
	delete_rows();
	world_advance_ms(other, 5000);

	expect_the_other_to_stop_soon();
	lamps_outbox()->deleted = 0;
}
END_TEST

/* What holds up its events then is a trouble of its own. */
START_TEST(a_restored_row_does_not_count_as_damaged_while_the_broker_is_down)
{
	delete_rows();
	world_advance_ms(other, 5000);
	ck_assert_uint_eq(stats_of(other)->damaged, 1);
	memory_broker_set_down(other->broker, true);
	lamps_outbox()->deleted = 0;
	world_advance_ms(other, 3000);

	ck_assert_uint_eq(stats_of(other)->damaged, 0);
	ck_assert_uint_eq(stats_of(other)->unpublished, 3);
	memory_broker_set_down(other->broker, false);
	world_settle(other);
	expect_published(1, 3);
}
END_TEST

/* Another worker published it long ago, and retention has deleted it since this worker saw the cursor. */
START_TEST(an_absent_row_that_another_worker_published_is_not_damaged)
{
	delete_rows();
	for (int ms = 0; ms < 5000 && !lamps_outbox()->cursor; ms++) {
		if (memory_store_calls(other->publisher, CALL_READ_OUTBOX))
			lamps_outbox()->cursor = 2;
		world_advance_ms(other, 1);
	}
	ck_assert_int_eq(lamps_outbox()->cursor, 2);
	world_advance_ms(other, 5000);

	expect_published(3, 3);
	ck_assert_uint_eq(memory_logger_count(&other->logger, "error an outbox row is"), 0);
}
END_TEST

/* Makes events so large that only a few fit into one call. */
static void allocate_many_long(int first, int count)
{
	for (int i = first; i < first + count; i++)
		world_send(world, TRANSPORT_HTTP, MSG_ALLOCATE, "orderid=%0240d\nsku=LAMP\nqty=1", i);
	world_run(world);
}

START_TEST(rows_beyond_the_queues_memory_are_read_from_the_outbox)
{
	int units = 40, size = 1000;

	memory_broker_set_down(world->broker, true);
	world_hang(other);
	for (int i = 0; i < units; i++)
		allocate_many_long(i * size, size);
	ck_assert_uint_eq(stats_of(world)->unpublished, lamps_outbox()->count);
	ck_assert_uint_eq(memory_store_calls(world->publisher, CALL_READ_OUTBOX), 0);
	memory_broker_set_down(world->broker, false);
	world_settle(world);
	ck_assert_uint_gt(memory_store_calls(world->publisher, CALL_READ_OUTBOX), 1);
	allocate_many_long(units * size, size);
	world_settle(world);

	ck_assert_uint_eq(memory_broker_count(world->broker), (size_t)((units + 1) * size));
	ck_assert_uint_eq(skipped_by_fence(), 0);
	ck_assert_uint_eq(memory_broker_gaps(world->broker), 0);
}
END_TEST

SUITE("workers", set_up_workers, tear_down_workers)
{
	tcase_add_test(tests, healthy_workers_publish_each_event_once);
	tcase_add_test(tests, rows_that_another_worker_just_committed_are_not_taken_over);
	tcase_add_test(tests, the_cursor_of_an_idle_lane_is_saved_while_another_is_busy);
	tcase_add_loop_test(tests, a_worker_waits_a_little_for_another_ones_earlier_rows, 0,
			    COUNT(latenesses));
	tcase_add_test(tests, earlier_rows_of_another_worker_are_not_polled_in_a_loop);
	tcase_add_test(tests, a_long_gap_is_filled_at_once);
	tcase_add_loop_test(tests, events_of_two_workers_are_published_in_order, 0, 50);
	tcase_add_test(tests, rows_of_a_dead_worker_are_published_after_a_second_or_two);
	tcase_add_test(tests, a_worker_that_wakes_publishes_nothing_twice);
	tcase_add_test(tests, a_look_that_is_older_than_the_broker_s_answer_proves_nothing);
	tcase_add_test(tests, a_worker_is_busy_with_what_it_committed_or_took_over_only);
	tcase_add_test(tests, a_worker_whose_events_another_one_published_is_ready_again);
	tcase_add_test(tests, a_broker_that_lost_its_data_gets_its_fences_from_the_workers);
	tcase_add_test(tests, events_that_no_live_worker_knows_as_published_are_published_again);
	tcase_add_test(tests, a_damaged_row_holds_up_its_partition_until_it_is_repaired);
	tcase_add_test(tests, a_damaged_row_does_not_hold_up_other_partitions);
	tcase_add_test(tests, a_worker_that_stops_does_not_wait_for_rows_behind_a_damaged_one);
	tcase_add_test(tests, an_absent_row_counts_as_damaged_until_it_is_restored);
	tcase_add_test(tests, a_worker_that_stops_does_not_wait_for_rows_behind_an_absent_one);
	tcase_add_test(tests, a_restored_row_does_not_count_as_damaged_while_the_broker_is_down);
	tcase_add_test(tests, an_absent_row_that_another_worker_published_is_not_damaged);
	tcase_add_test(tests, rows_beyond_the_queues_memory_are_read_from_the_outbox);
}
