/* The times when no command was received are kept until they are written to the database. */
#include "support/bus_world.h"
#include "support/suites.h"

#include "adapters/memory/ports/checkpoints.h"
#include "bus/intake/subscription_gaps.h"

#include <string.h>

static struct memory_checkpoints *checkpoints;
static struct subscription_gaps *gaps;

static void begin(void)
{
	checkpoints = memory_checkpoints_new(world->database);
	gaps = subscription_gaps_new(memory_checkpoints_port(checkpoints), &world->clock.clock,
				     &world->random.random, &world->logger.logger);
}

static void end(void)
{
	memory_checkpoints_free(&checkpoints);
	subscription_gaps_free(&gaps);
}

static void set_up(void)
{
	set_up_no_worker();
	begin();
}

static void tear_down(void)
{
	end();
	tear_down_world();
}

static int64_t now(void)
{
	return database_now(world->database);
}

static void was_blind(int64_t since, int64_t until, const char *cause)
{
	char passing[32];

	strcpy(passing, cause);
	subscription_gaps_end(gaps, &(struct subscription_gap){since, until, passing, false});
	memset(passing, '?', sizeof passing);
}

static size_t written(void)
{
	return world->database->blind_window_count;
}

static const struct subscription_gap *row(size_t number)
{
	ck_assert_uint_lt(number, written());
	return &world->database->blind_windows[number];
}

START_TEST(a_gap_is_saved)
{
	was_blind(10, 20, "connection lost");
	world_run(world);

	ck_assert_uint_eq(written(), 1);
	ck_assert_int_eq(row(0)->since, 10);
	ck_assert_int_eq(row(0)->until, 20);
	ck_assert_str_eq(row(0)->cause, "connection lost");
}
END_TEST

START_TEST(gaps_are_kept_while_the_database_is_down)
{
	database_set_down(world->database, true);
	was_blind(10, 20, "first");
	world_advance_ms(world, 60000);
	was_blind(30, 40, "second");
	world_advance_ms(world, 60000);
	ck_assert_uint_eq(written(), 0);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "cannot record blind windows"), 1);

	database_set_down(world->database, false);
	world_advance_ms(world, 5000);

	ck_assert_uint_eq(written(), 2);
	ck_assert_str_eq(row(0)->cause, "first");
	ck_assert_str_eq(row(1)->cause, "second");
}
END_TEST

START_TEST(a_gap_that_ends_while_another_one_is_saved_is_saved_too)
{
	cable_hold(memory_checkpoints_answers(checkpoints));
	was_blind(10, 20, "first");
	world_run(world);
	was_blind(30, 40, "second");
	world_run(world);
	cable_open(memory_checkpoints_answers(checkpoints));
	world_run(world);

	ck_assert_uint_eq(written(), 2);
	ck_assert_str_eq(row(1)->cause, "second");
}
END_TEST

/* _i: the number of gaps. */
START_TEST(of_very_many_gaps_the_middle_ones_are_merged)
{
	database_set_down(world->database, true);
	for (int i = 0; i < _i; i++)
		was_blind(10 * i, 10 * i + 5, arena_printf(world->arena, "cause %d", i));
	world_advance_ms(world, 1000);
	database_set_down(world->database, false);
	world_advance_ms(world, 10000);

	ck_assert_uint_eq(written(), _i < 100 ? (size_t)_i : 100);
	for (size_t i = 0; i < written(); i++)
		ck_assert_int_eq(row(i)->since,
				 i <= 50 || _i <= 100 ? (int64_t)i * 10 : (_i - 100 + (int64_t)i) * 10);
	ck_assert_str_eq(row(50)->cause, "cause 50");
	ck_assert_int_eq(row(50)->until, _i > 100 ? 10 * (_i - 100 + 50) + 5 : 505);
	ck_assert_int_eq(row(written() - 1)->until, 10 * _i - 5);
}
END_TEST

START_TEST(many_gaps_that_end_during_a_save_are_all_saved)
{
	cable_hold(memory_checkpoints_answers(checkpoints));
	for (int i = 0; i < 60; i++)
		was_blind(10 * i, 10 * i + 5, "cause");
	world_run(world);
	for (int i = 60; i < 160; i++)
		was_blind(10 * i, 10 * i + 5, "cause");
	cable_open(memory_checkpoints_answers(checkpoints));
	world_run(world);

	ck_assert_uint_eq(written(), 100);
	for (size_t i = 0; i < 50; i++)
		ck_assert_int_eq(row(i)->since, (int64_t)i * 10);
	ck_assert_int_eq(row(99)->until, 1595);
}
END_TEST

START_TEST(the_time_of_the_last_received_command_is_saved_repeatedly)
{
	was_blind(10, 20, "start");
	world_advance_ms(world, 60000);
	ck_assert_int_ge(world->database->heard_until, now() - 5 * INT64_C(1000000));

	subscription_gaps_begin(gaps, now(), "connection lost");
	world_advance_ms(world, 60000);
	ck_assert_int_le(world->database->heard_until, now() - 55 * INT64_C(1000000));

	was_blind(now() - 1, now(), "back");
	world_run(world);
	ck_assert_int_eq(world->database->heard_until, now());
}
END_TEST

START_TEST(a_gap_that_lasts_is_saved_with_an_end_that_grows)
{
	was_blind(10, 20, "start");
	world_run(world);
	subscription_gaps_begin(gaps, 1000, "connection lost");
	world_run(world);
	ck_assert_uint_eq(written(), 2);
	ck_assert_int_eq(row(1)->since, 1000);
	ck_assert_str_eq(row(1)->cause, "connection lost");

	world_advance_ms(world, 60000);
	ck_assert_uint_eq(written(), 2);
	ck_assert_int_ge(row(1)->until, 1000 + 55 * INT64_C(1000000));

	was_blind(1000, 1000 + 61 * INT64_C(1000000), "connection lost");
	world_run(world);
	ck_assert_uint_eq(written(), 2);
	ck_assert_int_eq(row(1)->until, 1000 + 61 * INT64_C(1000000));
}
END_TEST

START_TEST(a_gap_that_lasts_while_the_database_is_down_is_saved_afterwards)
{
	was_blind(10, 20, "start");
	world_run(world);
	database_set_down(world->database, true);
	subscription_gaps_begin(gaps, 1000, "connection lost");
	world_advance_ms(world, 30000);
	ck_assert_uint_eq(written(), 1);

	database_set_down(world->database, false);
	world_advance_ms(world, 6000);
	ck_assert_uint_eq(written(), 2);
	ck_assert_int_eq(row(1)->since, 1000);
}
END_TEST

START_TEST(a_late_save_of_a_gap_does_not_say_that_commands_are_received)
{
	database_set_down(world->database, true);
	was_blind(10, 20, "start");
	world_advance_ms(world, 1000);
	subscription_gaps_begin(gaps, 1020, "connection lost");
	database_set_down(world->database, false);
	world_advance_ms(world, 60000);

	ck_assert_uint_eq(written(), 2);
	ck_assert_int_eq(world->database->heard_until, 0);
}
END_TEST

START_TEST(the_first_gap_of_a_worker_begins_where_the_last_worker_stopped_receiving)
{
	int64_t heard;

	was_blind(10, 20, "start");
	world_advance_ms(world, 12000);
	heard = world->database->heard_until;
	end();
	world_advance_ms(world, 60000);
	begin();
	subscription_gaps_end(gaps, &(struct subscription_gap){now() - 1000, now(), "start", true});
	world_run(world);

	ck_assert_int_eq(row(1)->since, heard);
	ck_assert_int_eq(row(1)->until, now());
}
END_TEST

SUITE("subscription gaps", set_up, tear_down)
{
	tcase_add_test(tests, a_gap_is_saved);
	tcase_add_test(tests, gaps_are_kept_while_the_database_is_down);
	tcase_add_test(tests, a_gap_that_ends_while_another_one_is_saved_is_saved_too);
	tcase_add_loop_test(tests, of_very_many_gaps_the_middle_ones_are_merged, 98, 104);
	tcase_add_test(tests, many_gaps_that_end_during_a_save_are_all_saved);
	tcase_add_test(tests, the_time_of_the_last_received_command_is_saved_repeatedly);
	tcase_add_test(tests, a_gap_that_lasts_is_saved_with_an_end_that_grows);
	tcase_add_test(tests, a_gap_that_lasts_while_the_database_is_down_is_saved_afterwards);
	tcase_add_test(tests, a_late_save_of_a_gap_does_not_say_that_commands_are_received);
	tcase_add_test(tests, the_first_gap_of_a_worker_begins_where_the_last_worker_stopped_receiving);
}
