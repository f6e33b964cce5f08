/* A holder that lost its connection leaves the lease to a worker that heard more, even without a database. */
#include "unit/bus/subscription/subscribers.h"

#include "support/suites.h"

/* It can neither leave the lease to the other worker meanwhile nor see that this one is alive. */
START_TEST(a_holder_that_did_not_hear_all_waits_anew_when_the_database_was_away)
{
	publish_order("a");
	disconnect_subscriber(0);
	publish_order("b");
	connect_subscriber_to(0, "run-id-of-the-server");
	world_advance_ms(world, 100 + _i / 15 * 400);
	cut_database_of_replica(0);
	publish_order("c");
	world_advance_ms(world, 1800 + _i % 15 * 100);
	thaw_replica(0);
	world_advance_ms(world, 2 * TAKEOVER_MS);

	expect_orders("a b c ");
}
END_TEST

/* Until that one is taken for dead, the lease is left to it, for it has no streams. */
START_TEST(a_holder_leaves_its_lease_to_a_worker_that_heard_more_although_a_candidate_died)
{
	kill_replica(0);
	ms_until_handling(1);
	start_subscriber(0);
	world_advance_ms(world, TAKEOVER_MS);
	kill_replica(1);
	ms_until_handling(0);
	replicas[1].listens = true;
	start_replica(1, 1);
	start_subscriber(2);
	world_advance_ms(world, 2 * TAKEOVER_MS + _i / 10 * 250);
	ck_assert(is_handling(0));
	publish_order("a");
	disconnect_subscriber(0);
	publish_order("b");
	connect_subscriber_to(0, "run-id-of-the-server");
	world_advance_ms(world, _i % 10 * 150);
	kill_replica(2);
	world_advance_ms(world, 2 * TAKEOVER_MS);

	expect_orders("a b ");
}
END_TEST

START_TEST(a_holder_that_did_not_hear_all_hands_over_though_it_cannot_commit)
{
	hold_commits(0);
	publish_order("a");
	disconnect_subscriber(0);
	publish_order("b");
	connect_subscriber_to(0, NULL);

	ck_assert_int_lt(ms_until_handling(1), TAKEOVER_MS);
	expect_orders("a b ");
}
END_TEST

/* The database is away until its note in the lease is uncertain. */
static void let_note_fail(void)
{
	database_set_down(world->database, true);
	for (int ms = 0; lease_keeper_note(replicas[0].keeper, replicas[0].subscription); ms += 10) {
		ck_assert_int_lt(ms, 2000);
		world_advance_ms(world, 10);
	}
}

/*
 * Its last note failed, so it may hand over only when all that it is to handle has its outcome; and the
 * engine had no room for a message that came before the marker, which it does not hear any more.
 */
START_TEST(a_holder_that_stops_hearing_while_it_hands_over_leaves_what_it_has_not_begun)
{
	let_note_fail();
	world_advance_ms(world, 50);
	leased_subscription_pause(replicas[0].subscription);
	publish_order("a");
	database_set_down(world->database, false);
	lease_keeper_stop(replicas[0].keeper);
	ck_assert_ptr_null(lease_keeper_note(replicas[0].keeper, replicas[0].subscription));
	disconnect_subscriber(0);
	leased_subscription_resume(replicas[0].subscription);
	publish_order("b");

	ck_assert_int_lt(ms_until_handling(1), TAKEOVER_MS);
	expect_orders("a b ");
}
END_TEST

/*
 * Its last note failed, so it does not know with which one it may hand over before all has its outcome; and
 * the other worker, which commits nothing at first, asks for the lease late.
 */
START_TEST(a_holder_that_did_not_hear_all_never_notes_what_it_missed_while_it_hands_over)
{
	hold_commits(1);
	world_send(replicas[1].world, TRANSPORT_HTTP, MSG_ALLOCATE, "orderid=http\nsku=LAMP\nqty=1");
	world_advance_ms(world, 6000);
	let_note_fail();
	hold_commits(0);
	publish_order("a");
	disconnect_subscriber(0);
	database_set_down(world->database, false);
	publish_order("b");
	connect_subscriber_to(0, "run-id-of-the-server");
	world_advance_ms(world, PARTIAL_HOLDER_MS - 1200);
	cable_open(memory_store_requests(replicas[1].world->lanes[0]));
	world_advance_ms(world, 1000);
	ck_assert(!is_handling(0));
	world_advance_ms(world, 300);
	cable_open(memory_store_requests(replicas[0].world->lanes[0]));
	world_advance_ms(world, 2 * TAKEOVER_MS);

	expect_orders("http a b ");
}
END_TEST

/* Its note stays where it was, so a worker that was connected later has not heard that section. */
START_TEST(a_holder_that_loses_its_connection_again_and_again_leaves_the_lease_to_a_worker_that_hears)
{
	disconnect_subscriber(0);
	disconnect_subscriber(1);
	connect_subscriber_to(1, "run-id-of-the-server");
	for (int i = 0; !is_handling(1); i++) {
		ck_assert_int_lt(i, 10);
		connect_subscriber_to(0, "run-id-of-the-server");
		world_advance_ms(world, 500);
		disconnect_subscriber(0);
		world_advance_ms(world, 500);
		if (i == 2)
			publish_order("a");
	}
	publish_order("b");

	expect_orders("a b ");
}
END_TEST

/* ---- what only the holder heard ---- */

/* The other worker was connected again since, so it is no candidate while the holder can continue. */
static void publish_to_holder_only(const char *orderid)
{
	disconnect_subscriber(1);
	publish_order(orderid);
	connect_subscriber_to(1, "run-id-of-the-server");
}

/* Its table is locked, say, for the other worker as well. */
START_TEST(a_holder_that_cannot_commit_keeps_the_lease_if_no_other_worker_heard_all)
{
	hold_commits(0);
	publish_to_holder_only("a");
	world_advance_ms(world, 12000);
	cable_open(memory_store_requests(replicas[0].world->lanes[0]));

	expect_orders("a ");
	ck_assert(is_handling(0));
}
END_TEST

/* The engine has no room for the message until then. */
static void expect_holder_to_have_room_and_continue(void)
{
	world_advance_ms(world, PARTIAL_HOLDER_MS + 1000);
	leased_subscription_resume(replicas[0].subscription);
	expect_orders("a ");
	ck_assert(is_handling(0));
}

START_TEST(a_holder_that_lost_its_connection_once_continues_if_no_other_worker_heard_all)
{
	leased_subscription_pause(replicas[0].subscription);
	publish_to_holder_only("a");
	world_advance_ms(world, 5000 + _i * 100);
	disconnect_subscriber(0);
	connect_subscriber_to(0, "run-id-of-the-server");
	expect_holder_to_have_room_and_continue();
}
END_TEST

/* The database is away before the holder could continue, and longer than another worker waits for that. */
START_TEST(a_holder_that_lost_its_connection_continues_though_the_database_was_away)
{
	leased_subscription_pause(replicas[0].subscription);
	publish_to_holder_only("a");
	world_advance_ms(world, 5000);
	disconnect_subscriber(0);
	world_advance_ms(world, _i * 500);
	connect_subscriber_to(0, "run-id-of-the-server");
	database_set_down(world->database, true);
	world_advance_ms(world, 8000);
	database_set_down(world->database, false);
	expect_holder_to_have_room_and_continue();
}
END_TEST

/* ---- all of them lost their connections ---- */

static void expect_holder_to_continue(void)
{
	world_advance_ms(world, 100);
	publish_order("a");
	world_advance_ms(world, PARTIAL_HOLDER_MS + 1000);
	ck_assert(is_handling(0));
	expect_orders("a ");
}

/* Another worker would have to give up what it heard meanwhile. */
START_TEST(a_holder_continues_when_all_workers_lost_their_connections_for_a_while)
{
	disconnect_subscriber(0);
	disconnect_subscriber(1);
	world_advance_ms(world, 5000);
	for (int i = 0; i < 2; i++)
		connect_subscriber_to(i, "another-server");
	expect_holder_to_continue();
}
END_TEST

/* Each waits longer and longer before it tries again. */
START_TEST(a_holder_continues_though_it_was_connected_later_than_the_other_worker)
{
	disconnect_subscriber(0);
	disconnect_subscriber(1);
	world_advance_ms(world, 5000);
	connect_subscriber_to(1, "another-server");
	world_advance_ms(world, _i * 500);
	connect_subscriber_to(0, "another-server");
	expect_holder_to_continue();
}
END_TEST

SUITE("partial holder", set_up_two_subscribers, tear_down_replicas)
{
	tcase_add_loop_test(tests, a_holder_that_did_not_hear_all_waits_anew_when_the_database_was_away, 0,
			    45);
	tcase_add_loop_test(tests,
			    a_holder_leaves_its_lease_to_a_worker_that_heard_more_although_a_candidate_died,
			    0, 20);
	tcase_add_test(tests, a_holder_that_did_not_hear_all_hands_over_though_it_cannot_commit);
	tcase_add_test(tests, a_holder_that_stops_hearing_while_it_hands_over_leaves_what_it_has_not_begun);
	tcase_add_test(tests, a_holder_that_did_not_hear_all_never_notes_what_it_missed_while_it_hands_over);
	tcase_add_test(
		tests,
		a_holder_that_loses_its_connection_again_and_again_leaves_the_lease_to_a_worker_that_hears);
	tcase_add_test(tests, a_holder_that_cannot_commit_keeps_the_lease_if_no_other_worker_heard_all);
	tcase_add_loop_test(
		tests, a_holder_that_lost_its_connection_once_continues_if_no_other_worker_heard_all, 0, 10);
	tcase_add_loop_test(tests, a_holder_that_lost_its_connection_continues_though_the_database_was_away,
			    0, 8);
	tcase_add_test(tests, a_holder_continues_when_all_workers_lost_their_connections_for_a_while);
	tcase_add_loop_test(tests, a_holder_continues_though_it_was_connected_later_than_the_other_worker, 0,
			    9);
}
