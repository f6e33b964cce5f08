/* A lease is taken from a dead worker, and from no other; the loser does nothing under it any more. */
#include "unit/bus/leases/lease_world.h"

#include "support/suites.h"

static struct work *work_of(int worker)
{
	return &lease_workers[worker].works[0];
}

/* The first worker has the lease, and another one waits for it. */
static void set_up_two(void)
{
	set_up_leases();
	start_worker(0, "first", 1);
	start_worker(1, "second", 1);
	pass_ms(LEASE_TTL_MS);
	ck_assert(work_of(0)->is_working);
	ck_assert(!work_of(1)->is_working);
}

START_TEST(what_a_dead_worker_had_is_taken_after_its_time_to_live)
{
	int64_t took_ms;

	kill_worker(0);
	took_ms = ms_until_working(1, 0);

	ck_assert_int_ge(took_ms, LEASE_TTL_MS - LEASE_BEAT_MS);
	ck_assert_int_le(took_ms, LEASE_TTL_MS + LEASE_BEAT_MS);
	ck_assert_str_eq(work_of(1)->last_note, "note of first");
}
END_TEST

START_TEST(a_living_worker_keeps_its_lease_for_as_long_as_it_beats)
{
	pass_ms(20 * LEASE_TTL_MS);

	ck_assert_int_eq(work_of(0)->begun, 1);
	ck_assert(work_of(0)->is_working);
	ck_assert_int_eq(work_of(1)->begun, 0);
}
END_TEST

START_TEST(a_frozen_worker_can_do_nothing_under_a_lease_that_was_taken)
{
	struct lease *lease = lease_hold(work_of(0)->lease);

	freeze_worker(0);
	ms_until_working(1, 0);
	thaw_worker(0);
	simulation_run_until_idle(simulation);
	pass_ms(LEASE_BEAT_MS);

	ck_assert(lease->is_lost);
	ck_assert(!work_of(0)->is_working);
	ck_assert_int_eq(work_of(0)->lost, 1);
	ck_assert_uint_eq(memory_logger_count(&lease_log, "lease lost"), 1);
	ck_assert_uint_eq(lease_keeper_losses(lease_workers[0].keeper), 1);
	pass_ms(2 * LEASE_TTL_MS);
	ck_assert(!lease_keeper_lost(lease_workers[0].keeper, work_of(0)));
	ck_assert(work_of(1)->is_working);
	ck_assert_int_eq(holder_of(0), 1);
	lease_release(&lease);
}
END_TEST

START_TEST(a_refused_unit_shows_at_once_that_the_lease_is_lost)
{
	freeze_worker(0);
	ms_until_working(1, 0);
	work_of(0)->lease->is_lost = true; /* as the lane that learns it does */
	lease_keeper_check(lease_workers[0].keeper);

	ck_assert(!work_of(0)->is_working);
	ck_assert_int_eq(work_of(0)->lost, 1);
	ck_assert(lease_keeper_lost(lease_workers[0].keeper, work_of(0)));
}
END_TEST

/* The clock of the candidate runs on while the database is away, and must not count that time. */
START_TEST(the_time_without_a_database_does_not_count)
{
	kill_worker(0);
	pass_ms(LEASE_BEAT_MS);
	database_set_down(database, true);
	pass_ms(10 * LEASE_TTL_MS);
	database_set_down(database, false);
	pass_ms(LEASE_TTL_MS - LEASE_BEAT_MS);

	ck_assert(!work_of(1)->is_working);
	ck_assert_int_le(ms_until_working(1, 0), 3 * LEASE_BEAT_MS);
}
END_TEST

/* Shorter than what is missed time in any case. */
START_TEST(the_time_of_a_short_outage_does_not_count_either)
{
	kill_worker(0);
	pass_ms(LEASE_BEAT_MS);
	database_set_down(database, true);
	pass_ms(2 * LEASE_BEAT_MS);
	database_set_down(database, false);

	ck_assert_int_ge(ms_until_working(1, 0), LEASE_TTL_MS - LEASE_BEAT_MS);
}
END_TEST

START_TEST(the_time_in_which_the_candidate_was_frozen_does_not_count)
{
	kill_worker(0);
	pass_ms(LEASE_BEAT_MS);
	freeze_worker(1);
	pass_ms(10 * LEASE_TTL_MS);
	thaw_worker(1);

	ck_assert_int_ge(ms_until_working(1, 0), LEASE_TTL_MS - LEASE_BEAT_MS);
}
END_TEST

START_TEST(a_living_worker_keeps_its_lease_over_an_outage_of_the_database)
{
	database_set_down(database, true);
	pass_ms(10 * LEASE_TTL_MS);
	database_set_down(database, false);
	pass_ms(10 * LEASE_TTL_MS);

	ck_assert(work_of(0)->is_working);
	ck_assert_int_eq(work_of(0)->stopped, 0);
	ck_assert_int_eq(work_of(1)->begun, 0);
}
END_TEST

/* The candidate itself was stopped: what it sees afterwards are the beats of long ago. */
START_TEST(a_candidate_that_was_frozen_does_not_take_over_from_a_living_worker)
{
	for (int i = 0; i < 5; i++) {
		freeze_worker(1);
		pass_ms(2 * LEASE_TTL_MS);
		thaw_worker(1);
		pass_ms(LEASE_BEAT_MS + 100 * i);
	}

	ck_assert(work_of(0)->is_working);
	ck_assert_int_eq(work_of(0)->lost, 0);
}
END_TEST

START_TEST(of_several_candidates_one_takes_over)
{
	start_worker(2, "third", 1);
	pass_ms(LEASE_TTL_MS);
	kill_worker(0);
	pass_ms(2 * LEASE_TTL_MS);

	ck_assert_int_eq(work_of(1)->is_working + work_of(2)->is_working, 1);
	ck_assert_int_eq(work_of(1)->begun + work_of(2)->begun, 1);
}
END_TEST

START_TEST(a_worker_that_is_started_again_takes_what_it_had_at_once)
{
	kill_worker(1);
	pass_ms(2 * LEASE_TTL_MS);
	kill_worker(0);
	start_worker(0, "first", 1);

	ck_assert(work_of(0)->is_working);
}
END_TEST

START_TEST(a_lease_is_not_taken_before_the_work_of_its_last_holder_is_ended)
{
	work_of(1)->is_ending_held = true;
	kill_worker(0);
	pass_ms(2 * LEASE_TTL_MS);
	ck_assert_str_eq(work_of(1)->last_note, "note of first");
	ck_assert(!work_of(1)->is_working);
	ck_assert_int_eq(holder_of(0), -1);

	work_of(1)->is_ending_held = false;
	work_of(1)->ended(work_of(1)->ended_context, NULL);

	ck_assert_int_le(ms_until_working(1, 0), LEASE_BEAT_MS);
}
END_TEST

START_TEST(work_that_could_not_be_ended_now_is_ended_later)
{
	work_of(1)->failure = (struct failure){FAILURE_RETRY, "not reachable"};
	kill_worker(0);
	pass_ms(4 * LEASE_TTL_MS);
	ck_assert_int_eq(work_of(1)->begun, 0);
	work_of(1)->failure.text = NULL;

	ck_assert_int_le(ms_until_working(1, 0), LEASE_BEAT_MS);
	ck_assert_int_eq(work_of(1)->lost, 0);
}
END_TEST

START_TEST(a_lease_is_taken_and_it_is_logged_if_ending_the_work_is_refused)
{
	work_of(1)->failure = (struct failure){FAILURE_FATAL, "NOPERM"};
	kill_worker(0);
	ms_until_working(1, 0);

	ck_assert_uint_eq(memory_logger_count(&lease_log, "cannot be ended"), 1);
}
END_TEST

/* The holder was only slow: it connected again after its connections were ended, and wrote its new note. */
START_TEST(a_lease_whose_note_has_changed_meanwhile_is_not_taken)
{
	work_of(1)->is_ending_held = true;
	freeze_worker(0);
	pass_ms(LEASE_TTL_MS + LEASE_BEAT_MS);
	ck_assert(work_of(1)->ended);
	thaw_worker(0);
	work_of(0)->note = "reconnected";
	pass_ms(LEASE_BEAT_MS);
	ck_assert_str_eq(database->leases[0].note, "reconnected");
	work_of(1)->is_ending_held = false;
	work_of(1)->ended(work_of(1)->ended_context, NULL);
	pass_ms(LEASE_TTL_MS);

	ck_assert(work_of(0)->is_working);
	ck_assert_int_eq(work_of(0)->lost, 0);
	ck_assert_int_eq(work_of(1)->begun, 0);
}
END_TEST

START_TEST(a_worker_that_is_stopped_while_it_ends_the_work_of_another_takes_no_lease)
{
	work_of(1)->is_ending_held = true;
	kill_worker(0);
	pass_ms(2 * LEASE_TTL_MS);
	lease_keeper_stop(lease_workers[1].keeper);
	work_of(1)->ended(work_of(1)->ended_context, NULL);
	pass_ms(LEASE_BEAT_MS);

	ck_assert_int_eq(work_of(1)->begun, 0);
	ck_assert(lease_keeper_has_left(lease_workers[1].keeper));
}
END_TEST

/* Two workers with one name take the lease from each other at their starts only. */
START_TEST(workers_with_one_name_do_not_fight_for_a_lease)
{
	start_worker(2, "first", 1);
	pass_ms(20 * LEASE_TTL_MS);

	ck_assert_int_eq(work_of(0)->is_working + work_of(1)->is_working + work_of(2)->is_working, 1);
	ck_assert_int_le(work_of(0)->begun + work_of(1)->begun + work_of(2)->begun, 3);
}
END_TEST

/* The worker has read its first roll, and its next call is held. */
static void let_beat_pass(void)
{
	cable_hold(memory_leases_requests(lease_workers[0].leases));
	simulation_run_until_idle(simulation);
	cable_let_one(memory_leases_requests(lease_workers[0].leases));
	simulation_run_until_idle(simulation);
}

START_TEST(a_take_that_fails_is_made_again)
{
	set_up_leases();
	make_worker(0, "first", 1);
	lease_keeper_start(lease_workers[0].keeper);
	let_beat_pass();
	database_set_down(database, true);
	cable_open(memory_leases_requests(lease_workers[0].leases));
	simulation_run_until_idle(simulation);
	ck_assert(!work_of(0)->is_working);
	database_set_down(database, false);

	ck_assert_int_le(ms_until_working(0, 0), 4 * LEASE_BEAT_MS);
}
END_TEST

START_TEST(a_take_whose_answer_is_lost_is_found_in_the_next_roll)
{
	set_up_leases();
	make_worker(0, "first", 1);
	lease_keeper_start(lease_workers[0].keeper);
	let_beat_pass();
	memory_leases_lose_answer(lease_workers[0].leases);
	cable_open(memory_leases_requests(lease_workers[0].leases));
	simulation_run_until_idle(simulation);
	ck_assert(!work_of(0)->is_working);
	ck_assert_str_ne(database->leases[0].holder, "");

	ck_assert_int_le(ms_until_working(0, 0), 2 * LEASE_BEAT_MS);
	ck_assert_int_eq(work_of(0)->lost, 0);
}
END_TEST

START_TEST(a_unit_that_keeps_the_lease_is_ended_after_a_second)
{
	int64_t took_ms;

	memory_leases_set_busy(lease_workers[1].leases, 1000);
	kill_worker(0);
	took_ms = ms_until_working(1, 0);

	ck_assert_int_ge(took_ms, LEASE_TTL_MS - LEASE_BEAT_MS + 1000);
	ck_assert_int_le(took_ms, LEASE_TTL_MS + 1000 + 2 * LEASE_BEAT_MS);
}
END_TEST

/* ---- what the database says about the streams ---- */

static struct stream_list lists[3];

/* Two workers, for which the lease is that of a stream; the first one has it. */
static void set_up_streams(void)
{
	set_up_leases();
	database->stream_list = "one";
	for (int i = 0; i < 2; i++) {
		make_worker(i, i ? "second" : "first", 1);
		ck_assert(stream_list_parse("one", &lists[i], database->arena));
		lease_keeper_add_streams(lease_workers[i].keeper, &lists[i], "");
		lease_keeper_start(lease_workers[i].keeper);
		simulation_run_until_idle(simulation);
	}
	pass_ms(LEASE_TTL_MS);
	ck_assert(work_of(0)->is_working);
}

/* The list changes between the roll from which the worker decides to take the lease, and the take. */
START_TEST(a_take_under_another_list_of_streams_fails)
{
	work_of(1)->is_ending_held = true;
	kill_worker(0);
	pass_ms(LEASE_TTL_MS);
	while (!work_of(1)->ended)
		pass_ms(10);
	cable_hold(memory_leases_requests(lease_workers[1].leases)); /* no roll any more */
	database->stream_list = "another";
	work_of(1)->is_ending_held = false;
	work_of(1)->ended(work_of(1)->ended_context, NULL);
	if (_i)
		database->stream_list = "one";
	cable_open(memory_leases_requests(lease_workers[1].leases));
	pass_ms(LEASE_TTL_MS);

	ck_assert_int_eq(work_of(1)->is_working, _i);
}
END_TEST

/* The roll that says so arrives while the work of the last holder is being ended. */
START_TEST(a_worker_that_learns_of_another_list_while_it_ends_the_work_of_another_takes_nothing)
{
	work_of(1)->is_ending_held = true;
	kill_worker(0);
	pass_ms(LEASE_TTL_MS);
	while (!work_of(1)->ended)
		pass_ms(10);
	database->stream_list = "another";
	pass_ms(2 * LEASE_BEAT_MS);
	work_of(1)->is_ending_held = false;
	work_of(1)->ended(work_of(1)->ended_context, NULL);
	pass_ms(LEASE_TTL_MS);

	ck_assert_int_eq(work_of(1)->begun, 0);
}
END_TEST

/* The second worker has the former list, too, and the third one takes what both leave. */
START_TEST(a_holder_keeps_its_stream_when_the_list_changes_and_the_next_one_has_the_new_list)
{
	database->stream_list = "one,two";
	pass_ms(2 * LEASE_TTL_MS);
	ck_assert(work_of(0)->is_working);
	make_worker(2, "third", 2);
	ck_assert(stream_list_parse("one,two", &lists[2], database->arena));
	lease_keeper_add_streams(lease_workers[2].keeper, &lists[2], "");
	lease_keeper_start(lease_workers[2].keeper);
	pass_ms(LEASE_TTL_MS);
	ck_assert(work_of(0)->is_working);
	kill_worker(0);

	ck_assert_int_le(ms_until_working(2, 0), LEASE_TTL_MS + 2 * LEASE_BEAT_MS);
	ck_assert_int_eq(work_of(1)->begun, 0);
}
END_TEST

SUITE("leases of streams", set_up_streams, tear_down_leases)
{
	tcase_add_loop_test(tests, a_take_under_another_list_of_streams_fails, 0, 2);
	tcase_add_test(tests,
		       a_worker_that_learns_of_another_list_while_it_ends_the_work_of_another_takes_nothing);
	tcase_add_test(tests,
		       a_holder_keeps_its_stream_when_the_list_changes_and_the_next_one_has_the_new_list);
}

SUITE("lease takeover", set_up_two, tear_down_leases)
{
	tcase_add_test(tests, what_a_dead_worker_had_is_taken_after_its_time_to_live);
	tcase_add_test(tests, a_living_worker_keeps_its_lease_for_as_long_as_it_beats);
	tcase_add_test(tests, a_frozen_worker_can_do_nothing_under_a_lease_that_was_taken);
	tcase_add_test(tests, a_refused_unit_shows_at_once_that_the_lease_is_lost);
	tcase_add_test(tests, the_time_without_a_database_does_not_count);
	tcase_add_test(tests, the_time_of_a_short_outage_does_not_count_either);
	tcase_add_test(tests, the_time_in_which_the_candidate_was_frozen_does_not_count);
	tcase_add_test(tests, a_living_worker_keeps_its_lease_over_an_outage_of_the_database);
	tcase_add_test(tests, a_candidate_that_was_frozen_does_not_take_over_from_a_living_worker);
	tcase_add_test(tests, of_several_candidates_one_takes_over);
	tcase_add_test(tests, a_worker_that_is_started_again_takes_what_it_had_at_once);
	tcase_add_test(tests, a_lease_is_not_taken_before_the_work_of_its_last_holder_is_ended);
	tcase_add_test(tests, work_that_could_not_be_ended_now_is_ended_later);
	tcase_add_test(tests, a_lease_is_taken_and_it_is_logged_if_ending_the_work_is_refused);
	tcase_add_test(tests, a_lease_whose_note_has_changed_meanwhile_is_not_taken);
	tcase_add_test(tests, a_worker_that_is_stopped_while_it_ends_the_work_of_another_takes_no_lease);
	tcase_add_test(tests, workers_with_one_name_do_not_fight_for_a_lease);
	tcase_add_test(tests, a_unit_that_keeps_the_lease_is_ended_after_a_second);
}

SUITE("lease answers", NULL, tear_down_leases)
{
	tcase_add_test(tests, a_take_that_fails_is_made_again);
	tcase_add_test(tests, a_take_whose_answer_is_lost_is_found_in_the_next_roll);
}
