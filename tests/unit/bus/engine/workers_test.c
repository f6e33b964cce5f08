/* Several workers publish for one database: each event is published once and in order, though workers die. */
#include "bus/publishing/publisher.h"
#include "support/rival.h"
#include "support/suites.h"

#include <stdio.h>
#include <string.h>

#define RESTORED                                                                                             \
	"error the broker has published more than the database knows: was it restored? "                     \
	"run `allocd outbox renew`"

/* Besides `world`. */
static struct world *other;

static void set_up(void)
{
	set_up_world();
	other = world_beside(world);
	world_start(other);
	create_batch("batch", "LAMP", 100000);
	world_run(world);
}

static void tear_down(void)
{
	world_free(&other);
	tear_down_world();
}

static void allocate_by(struct world *worker, int number)
{
	world_send(worker, TRANSPORT_HTTP, MSG_ALLOCATE, "orderid=order-%05d\nsku=LAMP\nqty=1", number);
	world_run(worker);
}

static struct outbox_partition *outbox(void)
{
	return &world->database->outbox[partition_of("LAMP")];
}

static const struct engine_stats *stats(const struct world *worker)
{
	return engine_stats(worker->engine);
}

static size_t skipped(void)
{
	return memory_broker_skipped(world->broker);
}

/* The events of orders `first` to `last`, versions in step, and nothing else. */
static void expect_published(int first, int last)
{
	const char *expected = "";

	for (int i = first; i <= last; i++)
		expected = arena_printf(world->arena, "%sline_allocated order-%05d LAMP 1 batch %d\n",
					expected, i, i);
	ck_assert_msg(!strcmp(published(), expected), "published: %.1000s", published());
}

/* What goes out from now on is what is left. */
static const char *published_since(size_t count)
{
	const char *lines = published();

	while (count--)
		lines = strchr(lines, '\n') + 1;
	return lines;
}

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
	ck_assert_uint_eq(skipped(), 0);
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
	ck_assert_uint_eq(skipped(), 0);
	ck_assert_uint_eq(stats(other)->unpublished, 0);
}
END_TEST

/* A lane that never rests saves its own cursors only. */
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

/* For how long the earlier event is late, and whether its own worker still publishes it. */
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
	ck_assert_uint_eq(skipped(), !latenesses[_i].is_waited_for);
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

/* Calls and answers of both come in any order. */
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
	ck_assert_uint_eq(stats(world)->unpublished + stats(other)->unpublished, 0);
	ck_assert(!stats(world)->restored && !stats(other)->restored);
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
	ck_assert_int_eq(outbox()->cursor, 3);
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
	ck_assert_uint_gt(skipped(), 0);
	ck_assert_uint_eq(stats(world)->unpublished, 0);
	ck_assert(!stats(world)->restored);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "error"), 0);
}
END_TEST

/* The look was carried out before the neighbour's commit, and is answered after the broker spoke of it. */
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

	ck_assert(!stats(world)->restored);
	ck_assert_uint_eq(stats(world)->unpublished, 0);
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
	ck_assert_uint_eq(stats(other)->unpublished, 0);

	world_advance_ms(world, 1500);
	ck_assert(!engine_is_idle(other->engine));
	ck_assert_uint_eq(stats(other)->unpublished, 1);

	memory_broker_set_down(world->broker, false);
	world_settle(world);
	world_settle(other);
	expect_published(1, 1);
}
END_TEST

/* Lets time pass until a call has just failed, so that the next look comes before the next call. */
static void wait_between_calls(void)
{
	uint64_t failures;
	int64_t of_second_ms;

	do {
		failures = stats(world)->publish_failures;
		world_advance_ms(world, 1);
		of_second_ms = simulation_now_ms(world->simulation) % 1000;
	} while (stats(world)->publish_failures == failures || of_second_ms < 550 || of_second_ms > 750);
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
	ck_assert(!stats(world)->broker_takes);

	world_advance_ms(world, 500);

	ck_assert(stats(world)->broker_takes);
	ck_assert_uint_eq(stats(world)->unpublished, 0);
	ck_assert_uint_eq(skipped(), 0);
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
	ck_assert_int_eq(outbox()->cursor, SAVE_WITH_FLUSH);
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

/* ---- another life of the database ---- */

static void ignore(void *context, const struct published *published, const struct failure *failure)
{
	(void)context;
	(void)published;
	(void)failure;
}

/* Events were published up to there which this database does not have. */
static void raise_fence(int64_t position)
{
	static const struct outgoing_row row = {1, NULL, 0};
	struct broker *port = memory_broker_port(other->broker);
	const struct publication publication = {world->database->incarnation, partition_of("LAMP"), position,
						&row, 1};

	port->ops->publish(port, &publication, ignore, NULL);
	world_run(world);
}

/* The database comes from a backup, and workers begin on it. */
static void restore(int64_t published)
{
	world_crash(world);
	world_crash(other);
	raise_fence(published);
	world_start(world);
	world_start(other);
}

static void renew(void)
{
	snprintf(world->database->incarnation, INCARNATION_SIZE, "00000000-0000-4000-8000-000000000002");
}

START_TEST(a_database_that_knows_less_than_the_broker_publishes_nothing)
{
	world_crash(other);
	raise_fence(5);
	allocate_by(world, 1);
	ck_assert(stats(world)->restored);
	for (int i = 2; i <= 9; i++)
		allocate_by(world, i);
	world_advance_ms(world, 60000);

	expect_published(1, 0);
	ck_assert(stats(world)->restored);
	ck_assert_uint_eq(stats(world)->unpublished, 9);
	ck_assert_uint_eq(memory_logger_count(&world->logger, RESTORED), 1);
	ck_assert_int_eq(outbox()->cursor, 0);
	ck_assert(!engine_is_idle(world->engine));
}
END_TEST

/* However many events it commits then. */
START_TEST(a_worker_that_starts_notices_a_restored_database_before_it_publishes)
{
	restore(3);
	ck_assert(stats(world)->restored && stats(other)->restored);
	for (int i = 1; i <= 5; i++)
		allocate_by(i % 2 ? world : other, i);
	world_advance_ms(world, 10000);

	expect_published(1, 0);
}
END_TEST

START_TEST(other_partitions_publish_while_one_is_kept_back)
{
	raise_fence(5);
	allocate_by(world, 1);
	create_batch("other", "DESK", 10);
	allocate("order", "DESK", 1);
	world_run(world);

	ck_assert_str_eq(published(), "line_allocated order DESK 1 other 1\n");
}
END_TEST

START_TEST(a_renewed_outbox_publishes_all_that_was_kept_back)
{
	restore(5);
	for (int i = 1; i <= 9; i++)
		allocate_by(world, i);
	world_advance_ms(world, 5000);
	renew();
	world_advance_ms(world, 1000);

	expect_published(1, 9);
	ck_assert(!stats(world)->restored);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "the outbox was renewed"), 1);
	world_settle(world);
	ck_assert_int_eq(outbox()->cursor, 9);
	world_settle(other);
}
END_TEST

START_TEST(no_cursor_is_saved_before_the_state_of_a_returned_database_is_read)
{
	int64_t cursor;

	world_crash(other);
	for (int i = 1; i <= 3; i++)
		allocate_by(world, i);
	cursor = outbox()->cursor;
	ck_assert_int_lt(cursor, 3);
	database_set_down(world->database, true);
	world_advance_ms(world, 210); /* what is published cannot be saved */
	database_set_down(world->database, false);
	allocate_by(world, 4);

	ck_assert_uint_eq(outbox()->count, 4);
	ck_assert_int_eq(outbox()->cursor, cursor);
	world_settle(world);
	ck_assert_int_eq(outbox()->cursor, 4);
}
END_TEST

START_TEST(a_database_that_goes_back_in_time_is_noticed)
{
	world_crash(other);
	for (int i = 1; i <= 3; i++)
		allocate_by(world, i);
	world_settle(world);
	outbox()->count = 1;
	outbox()->cursor = 1;
	world_advance_ms(world, 1000);
	ck_assert(stats(world)->restored);

	outbox()->count = 3;
	renew();
	world_advance_ms(world, 1000);

	ck_assert(!stats(world)->restored);
	ck_assert_str_eq(published_since(3), "line_allocated order-00002 LAMP 1 batch 2\n"
					     "line_allocated order-00003 LAMP 1 batch 3\n");
}
END_TEST

/* Its answer is about the fences of the other life. */
START_TEST(a_call_from_before_a_restore_is_ignored)
{
	world_crash(other);
	cable_hold(memory_broker_answers(world->broker));
	allocate_by(world, 1);
	allocate_by(world, 2);
	raise_fence(50);
	renew();
	world_advance_ms(world, 1000);
	cable_open(memory_broker_answers(world->broker));
	world_advance_ms(world, 1000);
	allocate_by(world, 3);
	world_settle(world);

	ck_assert_str_eq(published_since(1), "line_allocated order-00001 LAMP 1 batch 1\n"
					     "line_allocated order-00002 LAMP 1 batch 2\n"
					     "line_allocated order-00003 LAMP 1 batch 3\n");
	ck_assert(!stats(world)->restored);
	ck_assert_int_eq(outbox()->cursor, 3);
}
END_TEST

/* A flush that was sent before a restore does not save cursors of the restored database. */
START_TEST(a_cursor_from_before_a_restore_does_not_count_as_saved)
{
	world_crash(other);
	for (int i = 1; i <= SAVE_WITH_FLUSH; i++)
		allocate_by(world, i);
	cable_hold(memory_store_answers(world->lanes[0]));
	create_batch("another", "LAMP", 1);
	world_run(world);
	cable_let_one(memory_store_answers(world->lanes[0]));
	world_run(world);
	ck_assert_int_eq(outbox()->cursor, SAVE_WITH_FLUSH);
	world_advance_ms(world, 500);
	outbox()->count = SAVE_WITH_FLUSH - 1;
	outbox()->cursor = SAVE_WITH_FLUSH - 2;
	renew();
	cable_hold(memory_broker_requests(world->broker));
	world_advance_ms(world, 1000);
	cable_open(memory_store_answers(world->lanes[0]));
	world_run(world);
	cable_open(memory_broker_requests(world->broker));
	world_settle(world);

	ck_assert_int_eq(outbox()->cursor, SAVE_WITH_FLUSH - 1);
	outbox()->count = SAVE_WITH_FLUSH;
}
END_TEST

/* ---- what the table has ---- */

START_TEST(a_damaged_row_is_logged_and_skipped)
{
	cable_hold(memory_broker_requests(world->broker));
	for (int i = 1; i <= 3; i++)
		allocate_by(world, i);
	world_crash(world);
	outbox()->rows[1].frame.size--;
	world_advance_ms(other, 2000);

	ck_assert_str_eq(published(), "line_allocated order-00001 LAMP 1 batch 1\n"
				      "line_allocated order-00003 LAMP 1 batch 3\n");
	ck_assert_uint_eq(memory_logger_count(&other->logger, "error outbox row is damaged"), 1);
	world_settle(other);
	outbox()->rows[1].frame.size++;
}
END_TEST

START_TEST(missing_rows_are_seldom_queried)
{
	cable_hold(memory_broker_requests(world->broker));
	for (int i = 1; i <= 3; i++)
		allocate_by(world, i);
	world_crash(world);
	outbox()->deleted = 2;
	world_advance_ms(other, 60000);
	expect_published(1, 0);
	ck_assert_uint_ge(memory_logger_count(&other->logger, "error outbox rows are missing"), 1);
	ck_assert_uint_le(memory_logger_count(&other->logger, "error outbox rows are missing"), 60);

	outbox()->deleted = 0;
	world_advance_ms(other, 5000);

	expect_published(1, 3);
}
END_TEST

/* So large that no more than a few fit into a call. */
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
	ck_assert_uint_eq(stats(world)->unpublished, (size_t)units);
	ck_assert_uint_eq(memory_store_calls(world->publisher, CALL_READ_OUTBOX), 0);
	memory_broker_set_down(world->broker, false);
	world_settle(world);
	ck_assert_uint_gt(memory_store_calls(world->publisher, CALL_READ_OUTBOX), 1);
	allocate_many_long(units * size, size);
	world_settle(world);

	ck_assert_uint_eq(memory_broker_count(world->broker), (size_t)((units + 1) * size));
	ck_assert_uint_eq(skipped(), 0);
	ck_assert_uint_eq(memory_broker_gaps(world->broker), 0);
}
END_TEST

SUITE("workers", set_up, tear_down)
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
	tcase_add_test(tests, a_database_that_knows_less_than_the_broker_publishes_nothing);
	tcase_add_test(tests, a_worker_that_starts_notices_a_restored_database_before_it_publishes);
	tcase_add_test(tests, other_partitions_publish_while_one_is_kept_back);
	tcase_add_test(tests, a_renewed_outbox_publishes_all_that_was_kept_back);
	tcase_add_test(tests, no_cursor_is_saved_before_the_state_of_a_returned_database_is_read);
	tcase_add_test(tests, a_database_that_goes_back_in_time_is_noticed);
	tcase_add_test(tests, a_call_from_before_a_restore_is_ignored);
	tcase_add_test(tests, a_cursor_from_before_a_restore_does_not_count_as_saved);
	tcase_add_test(tests, a_damaged_row_is_logged_and_skipped);
	tcase_add_test(tests, missing_rows_are_seldom_queried);
	tcase_add_test(tests, rows_beyond_the_queues_memory_are_read_from_the_outbox);
}
