/* Leases are taken, noted, handed over and shared among the workers that are alive. */
#include "unit/bus/leases/lease_world.h"

#include "support/suites.h"

static struct work *work_of(int worker)
{
	return &lease_workers[worker].works[0];
}

/* Every lease has one worker, and no two workers differ by more than one. */
static void expect_even(int workers, int leases)
{
	int most = 0, fewest = leases, sum = 0;

	for (int i = 0; i < workers; i++) {
		int count = works_of(i);

		most = count > most ? count : most;
		fewest = count < fewest ? count : fewest;
		sum += count;
	}
	ck_assert_int_eq(sum, leases);
	ck_assert_int_le(most - fewest, 1);
}

START_TEST(a_worker_that_is_alone_has_all_leases_at_once)
{
	start_worker(0, "first", 3);

	ck_assert_int_eq(works_of(0), 3);
	ck_assert_str_eq(work_of(0)->last_note, "");
}
END_TEST

START_TEST(a_worker_that_cannot_do_the_work_takes_no_lease)
{
	make_worker(0, "first", 1);
	work_of(0)->note = NULL;
	lease_keeper_start(lease_workers[0].keeper);
	pass_ms(LEASE_TTL_MS);
	ck_assert_int_eq(work_of(0)->begun, 0);

	work_of(0)->note = "now";

	ck_assert_int_le(ms_until_working(0, 0), LEASE_BEAT_MS);
}
END_TEST

/* As at the start of a worker, when the database answers before Redis does. */
START_TEST(what_becomes_possible_during_a_beat_is_taken_right_after_it)
{
	make_worker(0, "first", 1);
	work_of(0)->note = NULL;
	cable_hold(memory_leases_answers(lease_workers[0].leases));
	lease_keeper_start(lease_workers[0].keeper);
	simulation_run_until_idle(simulation);
	if (_i == 1) /* the beat's end is noticed in the same turn of the event loop, and first */
		cable_open(memory_leases_answers(lease_workers[0].leases));
	work_of(0)->note = "now";
	lease_keeper_check(lease_workers[0].keeper);
	if (_i == 0)
		simulation_run_until_idle(simulation);
	ck_assert_int_eq(work_of(0)->begun, 0);

	cable_open(memory_leases_answers(lease_workers[0].leases));

	ck_assert_int_eq(ms_until_working(0, 0), 0);
}
END_TEST

/* A worker may have come in between. */
START_TEST(a_roll_whose_reading_had_begun_before_it_was_asked_for_does_not_count)
{
	struct lease_keeper *keeper;
	struct cable *answers;
	uint64_t asked;

	make_worker(0, "first", 1);
	keeper = lease_workers[0].keeper;
	answers = memory_leases_answers(lease_workers[0].leases);
	cable_hold(answers);
	lease_keeper_start(keeper);
	simulation_run_until_idle(simulation);
	asked = lease_keeper_ask_roll(keeper);
	cable_let_one(answers);
	simulation_run_until_idle(simulation);
	ck_assert_uint_lt(lease_keeper_roll(keeper), asked);

	cable_open(answers);
	simulation_run_until_idle(simulation);
	ck_assert_uint_ge(lease_keeper_roll(keeper), asked);
}
END_TEST

START_TEST(leases_are_shared_out_evenly_within_seconds)
{
	for (int worker = 0; worker < 4; worker++) {
		static const char *const names[] = {"a", "b", "c", "d"};

		start_worker(worker, names[worker], 8);
		pass_ms(5000);
		expect_even(worker + 1, 8);
	}
}
END_TEST

START_TEST(what_a_leaving_worker_had_is_shared_out_and_nothing_else_moves)
{
	static const char *const names[] = {"a", "b", "c"};
	int stopped = 0;

	for (int worker = 0; worker < 3; worker++)
		start_worker(worker, names[worker], 8);
	pass_ms(5000);
	lease_workers[0].works[0].stopped = lease_workers[1].works[0].stopped = 0;
	for (int i = 0; i < 8; i++)
		lease_workers[0].works[i].stopped = lease_workers[1].works[i].stopped = 0;
	lease_keeper_stop(lease_workers[2].keeper);
	pass_ms(1000);

	ck_assert(lease_keeper_has_left(lease_workers[2].keeper));
	expect_even(2, 8);
	for (int i = 0; i < 8; i++)
		stopped += lease_workers[0].works[i].stopped + lease_workers[1].works[i].stopped;
	ck_assert_int_eq(stopped, 0);
}
END_TEST

START_TEST(a_worker_hands_over_in_less_than_a_second_before_it_ends)
{
	start_worker(0, "first", 1);
	start_worker(1, "second", 1);
	pass_ms(LEASE_TTL_MS);
	lease_keeper_stop(lease_workers[0].keeper);

	ck_assert_int_lt(ms_until_working(1, 0), 1000);
	ck_assert_str_eq(database->leases[0].note, "note of second");
	pass_ms(100);
	ck_assert(lease_keeper_has_left(lease_workers[0].keeper));
	ck_assert_uint_eq(database->worker_count, 1);
	ck_assert_uint_eq(memory_logger_count(&lease_log, "lease lost"), 0);
}
END_TEST

START_TEST(a_lease_is_handed_over_when_its_work_is_idle)
{
	start_worker(0, "first", 1);
	start_worker(1, "second", 1);
	pass_ms(LEASE_TTL_MS);
	work_of(0)->is_busy = true;
	lease_keeper_stop(lease_workers[0].keeper);
	pass_ms(700);
	ck_assert(!work_of(0)->is_working);
	ck_assert(!work_of(0)->lease->is_lost);
	ck_assert_int_eq(holder_of(0), 0);

	work_of(0)->is_busy = false;

	ck_assert_int_le(ms_until_working(1, 0), LEASE_BEAT_MS);
	ck_assert(work_of(0)->lease->is_lost);
}
END_TEST

START_TEST(work_that_does_not_become_idle_is_left_to_the_next_holder)
{
	start_worker(0, "first", 1);
	start_worker(1, "second", 1);
	pass_ms(LEASE_TTL_MS);
	work_of(0)->is_busy = true;
	lease_keeper_stop(lease_workers[0].keeper);

	ck_assert_int_le(ms_until_working(1, 0), 1000 + LEASE_BEAT_MS);
	ck_assert(work_of(0)->lease->is_lost);
	ck_assert_int_eq(work_of(0)->lost, 1);
}
END_TEST

/* _i: 0: the work has ended when the lease is handed over; 1: it may still do something. */
START_TEST(work_is_ended_by_the_next_holder_unless_it_has_ended)
{
	start_worker(0, "first", 1);
	start_worker(1, "second", 1);
	pass_ms(LEASE_TTL_MS);
	work_of(0)->is_calling = _i;
	lease_keeper_stop(lease_workers[0].keeper);
	ms_until_working(1, 0);

	ck_assert_str_eq(work_of(1)->last_note, _i ? "note of first" : "");
}
END_TEST

/* The rest of it cannot begin anything under the lost lease. */
START_TEST(work_that_is_not_idle_but_calls_nothing_any_more_need_not_be_ended)
{
	start_worker(0, "first", 1);
	start_worker(1, "second", 1);
	pass_ms(LEASE_TTL_MS);
	work_of(0)->is_busy = true;
	lease_keeper_stop(lease_workers[0].keeper);
	ms_until_working(1, 0);

	ck_assert_str_eq(work_of(1)->last_note, "");
}
END_TEST

START_TEST(a_stopped_worker_without_a_database_does_not_wait_for_it)
{
	start_worker(0, "first", 1);
	database_set_down(database, true);
	lease_keeper_stop(lease_workers[0].keeper);
	pass_ms(LEASE_BEAT_MS);

	ck_assert(lease_keeper_has_left(lease_workers[0].keeper));
}
END_TEST

START_TEST(a_changed_note_is_written_before_the_work_continues)
{
	start_worker(0, "first", 1);
	pass_ms(LEASE_TTL_MS);
	cable_hold(memory_leases_answers(lease_workers[0].leases));
	work_of(0)->note = "reconnected";
	lease_keeper_check(lease_workers[0].keeper);
	ck_assert(!work_of(0)->is_working);
	simulation_run_until_idle(simulation);
	ck_assert_str_eq(database->leases[0].note, "reconnected");
	ck_assert(!work_of(0)->is_working);

	cable_open(memory_leases_answers(lease_workers[0].leases));
	simulation_run_until_idle(simulation);

	ck_assert(work_of(0)->is_working);
	ck_assert_int_eq(work_of(0)->lost, 0);
}
END_TEST

START_TEST(a_note_that_could_not_be_written_is_written_later)
{
	start_worker(0, "first", 1);
	pass_ms(LEASE_TTL_MS);
	database_set_down(database, true);
	work_of(0)->note = "reconnected";
	pass_ms(10 * LEASE_BEAT_MS);
	ck_assert(!work_of(0)->is_working);
	database_set_down(database, false);

	ck_assert_int_le(ms_until_working(0, 0), 2 * LEASE_BEAT_MS);
	ck_assert_str_eq(database->leases[0].note, "reconnected");
	ck_assert_int_eq(work_of(0)->lost, 0);
}
END_TEST

START_TEST(a_holder_that_cannot_do_the_work_lets_another_one_have_the_lease)
{
	start_worker(0, "first", 1);
	start_worker(1, "second", 1);
	pass_ms(LEASE_TTL_MS);
	work_of(0)->note = NULL;

	ck_assert_int_le(ms_until_working(1, 0), 4 * LEASE_BEAT_MS);
	ck_assert(!work_of(0)->is_working);
}
END_TEST

START_TEST(a_holder_that_is_alone_keeps_a_lease_that_it_cannot_use_for_now)
{
	start_worker(0, "first", 1);
	pass_ms(LEASE_TTL_MS);
	work_of(0)->note = NULL;
	pass_ms(2 * LEASE_TTL_MS);
	work_of(0)->note = "note of first";
	pass_ms(LEASE_BEAT_MS);

	ck_assert(work_of(0)->is_working);
	ck_assert_int_eq(work_of(0)->begun, 1);
}
END_TEST

START_TEST(a_short_interruption_moves_no_lease)
{
	start_worker(0, "first", 1);
	start_worker(1, "second", 1);
	pass_ms(LEASE_TTL_MS);
	for (int i = 0; i < 10; i++) {
		work_of(0)->note = NULL;
		pass_ms(LEASE_BEAT_MS);
		work_of(0)->note = "note of first";
		pass_ms(LEASE_BEAT_MS);
	}

	ck_assert_int_eq(work_of(0)->begun, 1);
	ck_assert_int_eq(work_of(1)->begun, 0);
}
END_TEST

START_TEST(it_is_known_which_leases_another_living_worker_has)
{
	start_worker(0, "first", 1);
	start_worker(1, "second", 1);
	pass_ms(LEASE_TTL_MS);

	ck_assert(lease_keeper_has(lease_workers[0].keeper, work_of(0)));
	ck_assert(!lease_keeper_is_elsewhere(lease_workers[0].keeper, work_of(0)));
	ck_assert(!lease_keeper_has(lease_workers[1].keeper, work_of(1)));
	ck_assert(lease_keeper_is_elsewhere(lease_workers[1].keeper, work_of(1)));
}
END_TEST

START_TEST(it_is_known_how_long_ago_a_lease_was_elsewhere)
{
	start_worker(0, "first", 1);
	start_worker(1, "second", 1);
	pass_ms(LEASE_TTL_MS);
	ck_assert_int_eq(lease_keeper_moved_ms_ago(lease_workers[0].keeper, work_of(0)), INT64_MAX);
	ck_assert_int_le(lease_keeper_moved_ms_ago(lease_workers[1].keeper, work_of(1)), LEASE_BEAT_MS);

	lease_keeper_stop(lease_workers[0].keeper);
	ck_assert_int_eq(lease_keeper_moved_ms_ago(lease_workers[0].keeper, work_of(0)), 0);
	pass_ms(5000);
	ck_assert(lease_keeper_has(lease_workers[1].keeper, work_of(1)));
	ck_assert_int_ge(lease_keeper_moved_ms_ago(lease_workers[1].keeper, work_of(1)), 4000);
}
END_TEST

START_TEST(it_is_reported_which_leases_the_worker_has)
{
	struct lease_report reports[3];

	start_worker(0, "first", 2);
	start_worker(1, "second", 2);
	pass_ms(5000);

	ck_assert_uint_eq(lease_keeper_report(lease_workers[0].keeper, reports, 3), 2);
	ck_assert_str_eq(reports[0].name, "one");
	ck_assert_int_eq(reports[0].is_held + reports[1].is_held, 1);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(reports[i].is_held, lease_workers[0].works[i].is_working);
	ck_assert_uint_eq(lease_keeper_losses(lease_workers[0].keeper), 0);
}
END_TEST

SUITE("lease keeper", set_up_leases, tear_down_leases)
{
	tcase_add_test(tests, a_worker_that_is_alone_has_all_leases_at_once);
	tcase_add_test(tests, a_worker_that_cannot_do_the_work_takes_no_lease);
	tcase_add_loop_test(tests, what_becomes_possible_during_a_beat_is_taken_right_after_it, 0, 2);
	tcase_add_test(tests, a_roll_whose_reading_had_begun_before_it_was_asked_for_does_not_count);
	tcase_add_test(tests, leases_are_shared_out_evenly_within_seconds);
	tcase_add_test(tests, what_a_leaving_worker_had_is_shared_out_and_nothing_else_moves);
	tcase_add_test(tests, a_worker_hands_over_in_less_than_a_second_before_it_ends);
	tcase_add_test(tests, a_lease_is_handed_over_when_its_work_is_idle);
	tcase_add_test(tests, work_that_does_not_become_idle_is_left_to_the_next_holder);
	tcase_add_loop_test(tests, work_is_ended_by_the_next_holder_unless_it_has_ended, 0, 2);
	tcase_add_test(tests, work_that_is_not_idle_but_calls_nothing_any_more_need_not_be_ended);
	tcase_add_test(tests, a_stopped_worker_without_a_database_does_not_wait_for_it);
	tcase_add_test(tests, a_changed_note_is_written_before_the_work_continues);
	tcase_add_test(tests, a_note_that_could_not_be_written_is_written_later);
	tcase_add_test(tests, a_holder_that_cannot_do_the_work_lets_another_one_have_the_lease);
	tcase_add_test(tests, a_holder_that_is_alone_keeps_a_lease_that_it_cannot_use_for_now);
	tcase_add_test(tests, a_short_interruption_moves_no_lease);
	tcase_add_test(tests, it_is_known_which_leases_another_living_worker_has);
	tcase_add_test(tests, it_is_known_how_long_ago_a_lease_was_elsewhere);
	tcase_add_test(tests, it_is_reported_which_leases_the_worker_has);
}
