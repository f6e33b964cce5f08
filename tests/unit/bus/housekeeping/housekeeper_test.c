/* Housekeeping: notifications, resumed shrinks, and the deletion of expired rows. */
#include "support/bus_world.h"
#include "support/suites.h"

#include <string.h>

#define LEASE_MS ((int64_t)NOTIFICATION_LEASE * 1000)
#define DAY_MS   ((int64_t)24 * 60 * 60 * 1000)
#define ROUND_MS 10000

static void set_up(void)
{
	set_up_world();
	create_batch("batch", "LAMP", 1);
	world_run(world);
}

static void run_out_of_stock(const char *orderid)
{
	world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "orderid=%s\nsku=LAMP\nqty=2", orderid);
}

START_TEST(a_notification_is_sent_once_and_after_the_commit)
{
	hold_lane();
	run_out_of_stock("order");
	world_run(world);
	step_lane();
	ck_assert_uint_eq(memory_notifier_attempts(world->notifier), 0);

	release_lane();
	world_advance_ms(world, 10 * LEASE_MS);

	ck_assert_uint_eq(memory_notifier_count(world->notifier), 1);
	ck_assert_str_eq(memory_notifier_sent(world->notifier, 0)->sku, "LAMP");
	ck_assert_str_eq(memory_notifier_sent(world->notifier, 0)->orderid, "order");
	ck_assert_int_eq(memory_notifier_sent(world->notifier, 0)->qty, 2);
	ck_assert_uint_eq(database_notification_count(world->database), 0);
}
END_TEST

START_TEST(no_notification_is_sent_for_an_uncommitted_unit)
{
	database_refuse(world->database, "order");
	run_out_of_stock("order");
	world_advance_ms(world, 10 * LEASE_MS);

	ck_assert_uint_eq(memory_notifier_attempts(world->notifier), 0);
}
END_TEST

START_TEST(a_failed_notification_is_retried_alone_with_growing_pauses)
{
	memory_notifier_set_down(world->notifier, true);
	run_out_of_stock("order");
	world_run(world);
	expect_handled(world->last); /* the command does not need it */
	world_advance_ms(world, 60 * 60 * 1000);
	ck_assert_uint_ge(memory_notifier_attempts(world->notifier), 6);
	ck_assert_uint_le(memory_notifier_attempts(world->notifier), 12);

	memory_notifier_set_down(world->notifier, false);
	world_advance_ms(world, 2 * 60 * 60 * 1000);

	ck_assert_uint_eq(memory_notifier_count(world->notifier), 1);
	ck_assert_uint_eq(database_notification_count(world->database), 0);
}
END_TEST

static const struct dead_letter_row *only_dead_letter(void)
{
	ck_assert_uint_eq(world->database->dead_letter_count, 1);
	return &world->database->dead_letters[0];
}

START_TEST(a_refused_notification_becomes_a_dead_letter_at_once)
{
	memory_notifier_refuse(world->notifier, "order");
	run_out_of_stock("order");
	run_out_of_stock("another");
	world_advance_ms(world, 10 * LEASE_MS);

	ck_assert_uint_eq(memory_notifier_attempts(world->notifier), 2);
	ck_assert_uint_eq(memory_notifier_count(world->notifier), 1);
	ck_assert_uint_eq(database_notification_count(world->database), 0);
	ck_assert_uint_eq(engine_stats(world->engine)->notifications_dead, 1);
	ck_assert_str_eq(only_dead_letter()->reason, "notifier: refused");
	ck_assert(only_dead_letter()->is_mail);
}
END_TEST

START_TEST(a_notification_that_failed_for_a_day_becomes_a_dead_letter)
{
	memory_notifier_set_down(world->notifier, true);
	run_out_of_stock("order");
	world_advance_ms(world, 2 * DAY_MS);

	ck_assert_uint_eq(memory_notifier_attempts(world->notifier), 20);
	ck_assert_uint_eq(database_notification_count(world->database), 0);
	ck_assert_uint_eq(engine_stats(world->engine)->notifications_dead, 1);
	ck_assert_uint_eq(engine_stats(world->engine)->notify_failures, 20);
	ck_assert_str_eq(only_dead_letter()->reason, "notifier: not reachable");
}
END_TEST

START_TEST(a_notification_that_is_queued_for_long_is_sent_once)
{
	cable_hold(memory_notifier_requests(world->notifier));
	run_out_of_stock("slow");
	run_out_of_stock("order");
	world_advance_ms(world, 10 * LEASE_MS);
	cable_open(memory_notifier_requests(world->notifier));
	world_advance_ms(world, 10 * LEASE_MS);

	ck_assert_uint_eq(memory_notifier_count(world->notifier), 2);
	ck_assert_uint_eq(database_notification_count(world->database), 0);
}
END_TEST

START_TEST(a_new_worker_sends_notifications_whose_lease_has_expired)
{
	cable_hold(memory_notifier_requests(world->notifier));
	run_out_of_stock("order");
	world_run(world);
	world_crash(world);
	cable_open(memory_notifier_requests(world->notifier));
	world_start(world);
	world_advance_ms(world, LEASE_MS - ROUND_MS);
	ck_assert_uint_eq(memory_notifier_count(world->notifier), 0);

	world_advance_ms(world, 2 * ROUND_MS);

	ck_assert_uint_eq(memory_notifier_count(world->notifier), 1);
	ck_assert_uint_eq(database_notification_count(world->database), 0);
}
END_TEST

START_TEST(a_notification_whose_result_was_refused_is_sent_again)
{
	memory_store_fail_next(world->housekeeper, CALL_RECORD_NOTIFICATION, INJECT_DATA);
	run_out_of_stock("order");
	world_advance_ms(world, 3 * LEASE_MS);

	ck_assert_uint_eq(memory_notifier_count(world->notifier), 2);
	ck_assert_uint_eq(database_notification_count(world->database), 0);
}
END_TEST

START_TEST(many_notifications_are_all_sent)
{
	for (int i = 0; i < 1500; i++)
		run_out_of_stock(arena_printf(world->arena, "order-%d", i));
	world_advance_ms(world, 3 * LEASE_MS);

	ck_assert_uint_eq(memory_notifier_count(world->notifier), 1500);
	ck_assert_uint_eq(database_notification_count(world->database), 0);
}
END_TEST

/* ---- an operator's command leaves the chores to others ---- */

START_TEST(without_chores_only_messages_are_handled)
{
	world_crash(world);
	world->config.no_chores = true;
	world_start(world);
	run_out_of_stock("order");
	world_advance_ms(world, 10 * LEASE_MS);
	expect_handled(world->last);
	ck_assert_uint_eq(memory_notifier_attempts(world->notifier), 0);
	ck_assert_uint_eq(memory_store_calls(world->housekeeper, CALL_FIND_ACTIVE_SHRINKS), 0);
	world_crash(world);

	world->config.no_chores = false;
	world_start(world);
	world_advance_ms(world, ROUND_MS);
	ck_assert_uint_eq(memory_notifier_count(world->notifier), 1);
}
END_TEST

/* ---- tidying up ---- */

START_TEST(dead_letters_are_counted)
{
	for (int i = 0; i < DEAD_LETTERS_MAX + 2; i++) {
		world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "nonsense");
		world_run(world);
	}
	world_advance_ms(world, 2 * ROUND_MS);

	ck_assert_int_eq(engine_stats(world->engine)->dead_letters, DEAD_LETTERS_MAX);
	ck_assert_int_eq(engine_stats(world->engine)->dead_letters_dropped, 2);
}
END_TEST

START_TEST(rows_past_their_retention_are_deleted)
{
	size_t deleted = 0;

	for (int i = 0; i < 1200; i++) {
		world_send(world, TRANSPORT_PUBSUB, MSG_CREATE_BATCH, "ref=b-%d\nsku=LAMP\nqty=1\nid=%d", i,
			   i);
		world_run(world);
	}
	world_settle(world);
	world_advance_ms(world, INBOX_DAYS * DAY_MS - 10 * ROUND_MS);
	ck_assert_uint_eq(database_inbox_count(world->database), 1200);

	world_advance_ms(world, 20 * ROUND_MS);

	ck_assert_uint_eq(database_inbox_count(world->database), 0);
	for (size_t i = 0; i < world->database->witness_count; i++)
		deleted += world->database->witness_list[i]->deleted;
	ck_assert_uint_eq(deleted, world->database->witness_count);
}
END_TEST

START_TEST(chores_resume_after_the_database_was_down)
{
	database_set_down(world->database, true);
	world_advance_ms(world, 10 * ROUND_MS);
	database_set_down(world->database, false);
	memory_notifier_set_down(world->notifier, true);
	run_out_of_stock("order");
	world_advance_ms(world, 2 * ROUND_MS);
	memory_notifier_set_down(world->notifier, false);
	world_advance_ms(world, 10 * ROUND_MS);

	ck_assert_uint_eq(memory_notifier_count(world->notifier), 1);
}
END_TEST

static const enum store_call chores[] = {CALL_FIND_ACTIVE_SHRINKS, CALL_CLAIM_NOTIFICATIONS, CALL_CLEAN_UP};

START_TEST(a_failed_chore_is_repeated_in_the_next_round)
{
	size_t done;

	memory_store_fail_next(world->housekeeper, chores[_i], INJECT_DATA);
	world_advance_ms(world, ROUND_MS);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "housekeeping failed"), 1);
	done = memory_store_calls(world->housekeeper, CALL_CLEAN_UP);

	world_advance_ms(world, ROUND_MS);

	ck_assert_uint_eq(memory_store_calls(world->housekeeper, CALL_CLEAN_UP), done + 1);
}
END_TEST

SUITE("housekeeper", set_up, tear_down_world)
{
	tcase_add_test(tests, a_notification_is_sent_once_and_after_the_commit);
	tcase_add_test(tests, no_notification_is_sent_for_an_uncommitted_unit);
	tcase_add_test(tests, a_failed_notification_is_retried_alone_with_growing_pauses);
	tcase_add_test(tests, a_refused_notification_becomes_a_dead_letter_at_once);
	tcase_add_test(tests, a_notification_that_failed_for_a_day_becomes_a_dead_letter);
	tcase_add_test(tests, a_notification_that_is_queued_for_long_is_sent_once);
	tcase_add_test(tests, without_chores_only_messages_are_handled);
	tcase_add_test(tests, dead_letters_are_counted);
	tcase_add_test(tests, a_new_worker_sends_notifications_whose_lease_has_expired);
	tcase_add_test(tests, a_notification_whose_result_was_refused_is_sent_again);
	tcase_add_test(tests, many_notifications_are_all_sent);
	tcase_add_test(tests, rows_past_their_retention_are_deleted);
	tcase_add_test(tests, chores_resume_after_the_database_was_down);
	tcase_add_loop_test(tests, a_failed_chore_is_repeated_in_the_next_round, 0, COUNT(chores));
}
