/*
 * What is published has one effect, though several workers hear it, and the one that handles it may die,
 * hang, lose its connection or hand over at any time.
 */
#include "unit/bus/subscription/subscribers.h"

#include "support/suites.h"

#include <string.h>

/* As by SIGTERM. */
static void end_subscriber(int number)
{
	lease_keeper_stop(replicas[number].keeper);
	world_advance_ms(world, 2000);
	ck_assert(lease_keeper_has_left(replicas[number].keeper));
	kill_replica(number);
}

static size_t anonymous_rows(void)
{
	size_t count = 0;

	for (size_t i = 0; i < world->database->inbox_count; i++)
		count += strstr(world->database->inbox_list[i]->key, "allocate 0") != NULL;
	return count;
}

/* ---- the holder dies or hangs ---- */

START_TEST(what_a_killed_holder_had_not_committed_is_done_by_the_next_one_in_order)
{
	hold_commits(0);
	publish_order("a");
	publish_order("b");
	kill_replica(0);
	publish_order("c");

	ck_assert_int_lt(ms_until_handling(1), TAKEOVER_MS);
	publish_order("d");
	expect_orders("a b c d ");
	ck_assert_uint_eq(subscription_stats_of(1)->taken_over, 3);
}
END_TEST

START_TEST(what_a_killed_holder_had_committed_is_not_done_again)
{
	publish_order("a");
	publish_order("b");
	world_advance_ms(world, 10);
	kill_replica(0);
	publish_order("c");
	ms_until_handling(1);

	expect_orders("a b c ");
	ck_assert_uint_eq(subscription_stats_of(1)->not_covered, 0);
}
END_TEST

/* The other worker is still alive, and heard what the killed one had not committed. */
START_TEST(a_killed_holder_that_is_started_again_at_once_leaves_its_messages_to_the_other_worker)
{
	hold_commits(0);
	publish_order("a");
	kill_replica(0);
	publish_order("b");
	start_subscriber(0);
	publish_order("c");
	ck_assert_int_lt(ms_until_handling(1), TAKEOVER_MS);

	expect_orders("a b c ");
}
END_TEST

/* It has no name, as it came before the other worker did, and its SKU is held up. */
START_TEST(one_message_without_a_name_does_not_keep_others_from_being_taken_over)
{
	end_subscriber(1);
	world_advance_ms(world, COMPANY_MS + TAKEOVER_MS);
	hold_commits(0);
	publish_order("a");
	start_subscriber(1);
	world_advance_ms(world, TAKEOVER_MS);
	ck_assert_str_ne(note_of_lease(), "");
	publish_order("b");
	kill_replica(0);
	ms_until_handling(1);

	expect_orders("b ");
}
END_TEST

START_TEST(a_marker_that_is_published_again_begins_no_section)
{
	const struct bytes marker = {"again-1", 7};

	for (int i = 0; i < 2; i++) {
		for (int worker = 0; worker < 2; worker++)
			leased_subscription_hear_marker(replicas[worker].subscription, marker);
		publish_order(i ? "b" : "a");
	}

	expect_orders("a b ");
}
END_TEST

START_TEST(messages_of_several_markers_are_taken_over)
{
	hold_commits(0);
	for (int i = 0; i < 30; i++) {
		publish_order(arena_printf(world->arena, "%02d", i));
		world_advance_ms(world, 100);
	}
	kill_replica(0);
	ms_until_handling(1);

	expect_orders("00 01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 "
		      "28 29 ");
}
END_TEST

START_TEST(a_frozen_holder_that_comes_back_does_nothing_twice)
{
	hold_commits(0);
	publish_order("a");
	freeze_replica(0);
	publish_order("b");
	ms_until_handling(1);
	publish_order("c");
	world_advance_ms(world, 100);
	ck_assert_str_eq(orders_of("LAMP"), "a b c ");
	thaw_replica(0);
	publish_order("d");
	world_advance_ms(world, TAKEOVER_MS);

	expect_orders("a b c d ");
	ck_assert(is_handling(1));
	ck_assert_uint_eq(memory_logger_count(&replicas[0].world->logger, "lease lost"), 1);
}
END_TEST

/* The first one is the only one that heard "a", and it was not the first's to handle any more. */
START_TEST(what_two_holders_left_is_done_by_the_first_one_again)
{
	hold_commits(0);
	publish_order("a");
	freeze_replica(0);
	hold_commits(1);
	ms_until_handling(1);
	publish_order("b");
	thaw_replica(0);
	world_advance_ms(world, 1000);
	ck_assert_str_eq(orders_of("LAMP"), "");
	kill_replica(1);
	ms_until_handling(0);
	publish_order("c");

	expect_orders("a b c ");
}
END_TEST

/* As if another worker had taken the lease meanwhile, and done nothing. */
START_TEST(a_holder_that_takes_its_lease_again_knows_the_section_of_its_last_note)
{
	struct lease_row *row;

	kill_replica(0);
	start_subscriber(0);
	ms_until_handling(1);
	world_advance_ms(world, TAKEOVER_MS);
	freeze_replica(0);
	hold_commits(1);
	publish_order("a");
	world_advance_ms(world, 1500);
	cable_hold(memory_leases_requests(replicas[1].leases));
	cable_open(memory_store_requests(replicas[1].world->lanes[0]));
	world_advance_ms(world, 100);
	hold_commits(1);
	publish_order("b");
	row = database_lease(world->database, PUBSUB_LEASE);
	row->term = "00000000-0000-0000-0000-000000000001";
	row->holder = "";
	cable_open(memory_leases_requests(replicas[1].leases));
	world_advance_ms(world, 1000);
	cable_open(memory_store_requests(replicas[1].world->lanes[0]));

	expect_orders("a b ");
	ck_assert_uint_eq(subscription_stats_of(1)->not_covered, 0);
}
END_TEST

START_TEST(a_third_worker_does_what_two_holders_had_not_committed)
{
	start_subscriber(2);
	world_advance_ms(world, TAKEOVER_MS);
	hold_commits(0);
	publish_order("a");
	hold_commits(1);
	hold_commits(2);
	kill_replica(0);
	world_advance_ms(world, TAKEOVER_MS);
	publish_order("b");
	world_advance_ms(world, 1000);
	if (is_handling(1)) {
		kill_replica(1);
		cable_open(memory_store_requests(replicas[2].world->lanes[0]));
	} else {
		kill_replica(2);
		cable_open(memory_store_requests(replicas[1].world->lanes[0]));
	}
	world_advance_ms(world, TAKEOVER_MS);

	expect_orders("a b ");
}
END_TEST

/* It had not seen yet that the lease was another worker's. */
START_TEST(what_a_holder_began_without_a_name_when_it_had_lost_the_lease_is_taken_over_from_it)
{
	end_subscriber(1);
	world_advance_ms(world, COMPANY_MS + TAKEOVER_MS);
	cable_hold(memory_leases_requests(replicas[0].leases));
	start_subscriber(1);
	ms_until_handling(1);
	start_subscriber(2);
	world_advance_ms(world, TAKEOVER_MS);
	hold_commits(1);
	publish_order("a");
	cable_open(memory_leases_requests(replicas[0].leases));
	world_advance_ms(world, 1000);
	hold_commits(0);
	freeze_replica(2); /* so that the first one gets it again */
	kill_replica(1);
	ms_until_handling(0);
	thaw_replica(2);
	world_advance_ms(world, 2500);
	kill_replica(0);
	ms_until_handling(2);

	expect_orders("a ");
}
END_TEST

/* ---- handing over ---- */

START_TEST(a_holder_hands_over_at_a_marker)
{
	publish_order("a");
	lease_keeper_stop(replicas[0].keeper);
	publish_order("b");
	ck_assert_int_lt(ms_until_handling(1), 1000);
	publish_order("c");

	expect_orders("a b c ");
	ck_assert(lease_keeper_has_left(replicas[0].keeper));
	ck_assert_uint_eq(subscription_stats_of(1)->not_covered, 0);
}
END_TEST

START_TEST(a_holder_that_cannot_commit_leaves_its_messages_to_the_next_one)
{
	hold_commits(0);
	publish_order("a");
	lease_keeper_stop(replicas[0].keeper);
	publish_order("b");
	ck_assert_int_lt(ms_until_handling(1), 2000);

	expect_orders("a b ");
}
END_TEST

/* It has not named its messages yet, because the other one came just now. */
START_TEST(a_hand_over_at_a_marker_needs_no_names)
{
	end_subscriber(1);
	world_advance_ms(world, COMPANY_MS + TAKEOVER_MS);
	publish_order("a");
	start_subscriber(1);
	publish_order("b");
	lease_keeper_stop(replicas[0].keeper);
	publish_order("c");
	ck_assert_int_lt(ms_until_handling(1), 2000);

	expect_orders("a b c ");
}
END_TEST

/* It still waits for a commit then, and uses no names, because the other one came just now. */
START_TEST(what_is_heard_behind_the_marker_is_left_to_the_next_holder)
{
	end_subscriber(1);
	world_advance_ms(world, COMPANY_MS + TAKEOVER_MS);
	start_subscriber(1);
	hold_commits(0);
	publish_order("a");
	lease_keeper_stop(replicas[0].keeper);
	publish_order("b");
	world_advance_ms(world, 100);
	cable_open(memory_store_requests(replicas[0].world->lanes[0]));
	world_run(world);
	ck_assert_str_eq(orders_of("LAMP"), "a ");
	ck_assert_int_lt(ms_until_handling(1), 2000);

	expect_orders("a b ");
	ck_assert_uint_eq(subscription_stats_of(1)->taken_over, 1);
}
END_TEST

/* ---- alone, and in company ---- */

START_TEST(names_are_spent_only_while_another_worker_is_alive)
{
	publish_order("a");
	expect_orders("a ");
	ck_assert_uint_eq(anonymous_rows(), 1);
	kill_replica(1);
	world_advance_ms(world, COMPANY_MS + TAKEOVER_MS);
	ck_assert_str_eq(note_of_lease(), "");
	publish_order("b");

	expect_orders("a b ");
	ck_assert_uint_eq(anonymous_rows(), 1);
}
END_TEST

START_TEST(what_is_heard_before_the_first_lease_is_handled)
{
	kill_replica(0);
	kill_replica(1);
	database_set_down(world->database, true);
	start_subscriber(0);
	publish_order("a");
	world_advance_ms(world, 100);
	publish_order("b");
	database_set_down(world->database, false);
	world_advance_ms(world, TAKEOVER_MS); /* the killed one may still be alive */

	expect_orders("a b ");
}
END_TEST

START_TEST(a_worker_that_knows_no_server_keeps_nothing_and_counts)
{
	disconnect_subscriber(1);
	connect_subscriber_to(1, "");
	publish_order("a");

	expect_orders("a ");
	ck_assert_uint_eq(subscription_stats_of(1)->unnamed, 1);
}
END_TEST

START_TEST(a_holder_that_knows_no_server_handles_messages_without_names)
{
	kill_replica(1);
	disconnect_subscriber(0);
	connect_subscriber_to(0, "");
	publish_order("a");
	world_advance_ms(world, PARTIAL_HOLDER_MS);
	publish_order("b");

	expect_orders("a b ");
	ck_assert_str_eq(note_of_lease(), "");
	ck_assert_uint_eq(anonymous_rows(), 0);
}
END_TEST

/* ---- the connection is lost ---- */

/* Whenever it happens between the beats of both. */
START_TEST(what_a_holder_did_not_hear_is_handled_by_a_worker_that_did)
{
	kill_replica(1);
	world_advance_ms(world, TAKEOVER_MS + _i / 5 * 100);
	start_subscriber(1);
	world_advance_ms(world, 2000 + _i % 5 * 100);
	publish_order("a");
	disconnect_subscriber(0);
	publish_order("b");
	connect_subscriber_to(0, "run-id-of-the-server");
	publish_order("c");
	ms_until_handling(1);

	expect_orders("a b c ");
}
END_TEST

/* Of the two, the one that lost its connection would have the lease if both could. */
START_TEST(a_holder_that_gave_the_lease_back_leaves_it_to_a_worker_that_heard_more)
{
	kill_replica(1);
	world_advance_ms(world, TAKEOVER_MS);
	replicas[1].listens = true;
	start_replica(1, 1);
	world_advance_ms(world, 2 * TAKEOVER_MS + _i * 100);
	ck_assert(is_handling(0));
	publish_order("a");
	disconnect_subscriber(0);
	publish_order("b");
	connect_subscriber_to(0, "run-id-of-the-server");
	publish_order("c");
	for (int ms = 0; ms < 2 * PARTIAL_HOLDER_MS && !is_handling(1); ms += 10) {
		world_advance_ms(world, 10);
		lease_keeper_check(replicas[0].keeper); /* as when messages arrive */
	}

	expect_orders("a b c ");
}
END_TEST

START_TEST(a_holder_continues_if_no_other_worker_heard_more)
{
	publish_order("a");
	disconnect_subscriber(0);
	disconnect_subscriber(1);
	publish_order("b");
	connect_subscriber_to(0, "another-server");
	connect_subscriber_to(1, "another-server");
	publish_order("c");
	world_advance_ms(world, 2 * TAKEOVER_MS);

	expect_orders("a c ");
}
END_TEST

/* Its row is locked, say. */
START_TEST(what_is_unfinished_is_taken_over_though_the_holder_was_connected_again)
{
	hold_commits(0);
	publish_order("a");
	disconnect_subscriber(0);
	disconnect_subscriber(1);
	connect_subscriber_to(1, NULL);
	connect_subscriber_to(0, NULL);
	world_advance_ms(world, PARTIAL_HOLDER_MS + 500);
	ck_assert(is_handling(0));
	kill_replica(0);
	ms_until_handling(1);

	expect_orders("a ");
}
END_TEST

/* The first worker heard it without a name, behind its new connection; meanwhile the other one handled it. */
START_TEST(what_another_holder_handled_is_not_handled_again_by_one_that_heard_it_without_a_name)
{
	hold_commits(0);
	disconnect_subscriber(0);
	cable_hold(&replicas[0].client.answers);
	connect_subscriber_to(0, NULL);
	publish_order("a");
	cable_open(&replicas[0].client.answers);
	ms_until_handling(1);
	cable_hold(memory_leases_requests(replicas[1].leases)); /* it cannot note that it has finished */
	world_advance_ms(world, 100);
	ck_assert_str_eq(orders_of("LAMP"), "a ");
	kill_replica(1);
	cable_open(memory_store_requests(replicas[0].world->lanes[0]));
	ms_until_handling(0);
	ck_assert_uint_eq(subscription_stats_of(0)->unnamed, 1);
	publish_order("b");

	expect_orders("a b ");
}
END_TEST

static void pass_without_rolls(int number, int64_t ms)
{
	for (int64_t passed_ms = 0; passed_ms < ms; passed_ms += 100) {
		memory_leases_lose_answer(replicas[number].leases);
		world_advance_ms(world, 100);
	}
}

/* The other worker last read that the holder names no section. */
START_TEST(what_was_heard_since_the_last_roll_is_kept)
{
	struct lease_row *row = database_lease(world->database, PUBSUB_LEASE);
	const char *note = row->note;

	cable_hold(memory_leases_requests(replicas[0].leases));
	row->note = "";
	world_advance_ms(world, 600);
	row->note = note;
	cable_open(memory_leases_requests(replicas[0].leases));
	pass_without_rolls(1, 1000);
	hold_commits(0);
	publish_order("a");
	pass_without_rolls(1, 4000);
	kill_replica(0);
	ms_until_handling(1);

	expect_orders("a ");
}
END_TEST

/* The database does not answer it meanwhile, and then says first that another worker has the lease. */
START_TEST(a_holder_that_loses_the_lease_while_it_hands_over_keeps_what_the_next_one_has_not_finished)
{
	hold_commits(0);
	hold_commits(1);
	publish_order("a");
	while (is_handling(0))
		world_advance_ms(world, 10);
	cable_hold(memory_leases_requests(replicas[0].leases));
	publish_order("b");
	ms_until_handling(1);
	cable_open(memory_leases_requests(replicas[0].leases));
	cable_open(memory_store_requests(replicas[0].world->lanes[0]));
	world_advance_ms(world, 1000);
	ck_assert_str_eq(orders_of("LAMP"), "");
	kill_replica(1);
	ms_until_handling(0);

	expect_orders("a b ");
}
END_TEST

/* ---- how much is kept ---- */

START_TEST(the_oldest_messages_are_dropped_when_too_many_are_kept)
{
	freeze_replica(0);
	publish_large(1200);

	ck_assert_uint_le(leased_subscription_bytes(replicas[1].subscription), HEARD_BYTES_MAX);
	ck_assert_uint_gt(subscription_stats_of(1)->dropped, 0);
	ck_assert(!replicas[1].client.is_closed);
}
END_TEST

START_TEST(a_holder_that_may_not_handle_what_it_hears_stops_reading_when_too_much_waits)
{
	disconnect_subscriber(0);
	connect_subscriber_to(0, "run-id-of-the-server");
	cut_database_of_replica(0);
	publish_large(1200);

	ck_assert_uint_le(leased_subscription_bytes(replicas[0].subscription), HEARD_BYTES_MAX + 70000);
	ck_assert(replicas[0].client.is_closed);
	thaw_replica(0);
	world_advance_ms(world, 2 * TAKEOVER_MS);
	ck_assert(!replicas[0].client.is_closed);
	ck_assert(leased_subscription_is_idle(replicas[0].subscription));
}
END_TEST

START_TEST(what_the_holder_has_finished_is_not_kept)
{
	for (int i = 0; i < 50; i++) {
		publish_large(1);
		world_advance_ms(world, 100);
	}
	world_advance_ms(world, 3000);

	ck_assert_uint_lt(leased_subscription_bytes(replicas[0].subscription), 10000);
	ck_assert_uint_lt(leased_subscription_bytes(replicas[1].subscription), 10000);
}
END_TEST

SUITE("leased subscription", set_up_two_subscribers, tear_down_replicas)
{
	tcase_add_test(tests, what_a_killed_holder_had_not_committed_is_done_by_the_next_one_in_order);
	tcase_add_test(tests, what_a_killed_holder_had_committed_is_not_done_again);
	tcase_add_test(tests,
		       a_killed_holder_that_is_started_again_at_once_leaves_its_messages_to_the_other_worker);
	tcase_add_test(tests, one_message_without_a_name_does_not_keep_others_from_being_taken_over);
	tcase_add_test(tests, a_marker_that_is_published_again_begins_no_section);
	tcase_add_test(tests, messages_of_several_markers_are_taken_over);
	tcase_add_test(tests, a_frozen_holder_that_comes_back_does_nothing_twice);
	tcase_add_test(tests, what_two_holders_left_is_done_by_the_first_one_again);
	tcase_add_test(tests, a_holder_that_takes_its_lease_again_knows_the_section_of_its_last_note);
	tcase_add_test(tests,
		       what_a_holder_began_without_a_name_when_it_had_lost_the_lease_is_taken_over_from_it);
	tcase_add_test(tests, a_third_worker_does_what_two_holders_had_not_committed);
	tcase_add_test(tests, a_holder_hands_over_at_a_marker);
	tcase_add_test(tests, a_holder_that_cannot_commit_leaves_its_messages_to_the_next_one);
	tcase_add_test(tests, a_hand_over_at_a_marker_needs_no_names);
	tcase_add_test(tests, what_is_heard_behind_the_marker_is_left_to_the_next_holder);
	tcase_add_test(tests, names_are_spent_only_while_another_worker_is_alive);
	tcase_add_test(tests, what_is_heard_before_the_first_lease_is_handled);
	tcase_add_test(tests, a_worker_that_knows_no_server_keeps_nothing_and_counts);
	tcase_add_test(tests, a_holder_that_knows_no_server_handles_messages_without_names);
	tcase_add_loop_test(tests, what_a_holder_did_not_hear_is_handled_by_a_worker_that_did, 0, 25);
	tcase_add_loop_test(tests, a_holder_that_gave_the_lease_back_leaves_it_to_a_worker_that_heard_more, 0,
			    5);
	tcase_add_test(tests, what_is_unfinished_is_taken_over_though_the_holder_was_connected_again);
	tcase_add_test(tests, what_was_heard_since_the_last_roll_is_kept);
	tcase_add_test(
		tests,
		a_holder_that_loses_the_lease_while_it_hands_over_keeps_what_the_next_one_has_not_finished);
	tcase_add_test(tests,
		       what_another_holder_handled_is_not_handled_again_by_one_that_heard_it_without_a_name);
	tcase_add_test(tests, a_holder_continues_if_no_other_worker_heard_more);
	tcase_add_test(tests, the_oldest_messages_are_dropped_when_too_many_are_kept);
	tcase_add_test(tests, a_holder_that_may_not_handle_what_it_hears_stops_reading_when_too_much_waits);
	tcase_add_test(tests, what_the_holder_has_finished_is_not_kept);
}
