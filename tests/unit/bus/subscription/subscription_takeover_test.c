/* A new holder finds out which of the messages that it heard the last one has handled, or rejected. */
#include "unit/bus/subscription/subscribers.h"

#include "support/suites.h"

#include <string.h>

/* The SKU of rejected orders exists from now on, and the other worker takes over. */
static void replace_holder_after_making(const char *sku)
{
	world = replicas[1].world;
	make_sku(sku);
	world_advance_ms(world, 10);
	world = replicas[0].world;
	kill_replica(0);
	ms_until_handling(1);
}

/* The holder rejects the order, as there is no such SKU. */
static void reject_order(const char *orderid)
{
	publish_order_of(orderid, "NEW");
	world_advance_ms(world, 10);
	ck_assert_uint_eq(world->database->dead_letter_count, 1);
}

/* The next holder has had the time to handle it. */
static void expect_it_stays_rejected(void)
{
	ck_assert_str_eq(orders_of("NEW"), "");
	ck_assert_uint_eq(world->database->dead_letter_count, 1);
}

/* ---- dead letters ---- */

/* It could be handled by now, but the dead letter says that it was not. */
START_TEST(what_a_killed_holder_had_rejected_is_not_handled_by_the_next_one)
{
	reject_order("a");
	replace_holder_after_making("NEW");
	world_advance_ms(world, 1000);

	expect_it_stays_rejected();
	ck_assert_int_eq(world->database->dead_letters[0].attempts, 1);
}
END_TEST

/* More than one question to the store has. */
START_TEST(dead_letters_are_looked_for_however_many_messages_were_heard)
{
	const size_t count = 5100;

	world->database->config.dead_letters_max = count;
	for (size_t i = 0; i < count; i++)
		publish_order_of("a", "NEW");
	world_advance_ms(world, 10);
	ck_assert_uint_eq(world->database->dead_letter_count, count);
	replace_holder_after_making("NEW");
	world_advance_ms(world, 1000);

	ck_assert_str_eq(orders_of("NEW"), "");
	ck_assert_uint_eq(world->database->dead_letter_count, count);
}
END_TEST

/* ---- what is heard late ---- */

/* It has the lease before it has read what was published until then. */
START_TEST(what_the_last_holder_had_rejected_is_not_handled_by_one_that_hears_it_late)
{
	cable_hold(&replicas[1].client.answers);
	reject_order("a");
	replace_holder_after_making("NEW");
	cable_open(&replicas[1].client.answers);
	world_advance_ms(world, 1000);

	expect_it_stays_rejected();
	publish_order("b");
	expect_orders("b ");
}
END_TEST

/* It has not read the section of the last holder's note either, and gives up waiting for its marker. */
START_TEST(what_the_last_holder_had_rejected_is_not_handled_by_one_that_hears_no_marker_for_long)
{
	const char *note = note_of_lease();

	cable_hold(&replicas[1].client.answers);
	while (!strcmp(note, note_of_lease()))
		world_advance_ms(world, 100);
	reject_order("a");
	replace_holder_after_making("NEW");
	world_advance_ms(world, 3000);
	cable_open(&replicas[1].client.answers);
	world_advance_ms(world, 1000);

	expect_it_stays_rejected();
	publish_order("b");
	expect_orders("b ");
}
END_TEST

/* Its connection is new, and the marker that would give the message a name was published after it. */
START_TEST(what_the_last_holder_had_handled_is_given_up_by_one_that_hears_it_late_and_without_a_name)
{
	disconnect_subscriber(1);
	cable_hold(&replicas[1].client.answers);
	connect_subscriber_to(1, "run-id-of-the-server");
	cable_hold(&replicas[1].client.requests);
	cable_open(&replicas[1].client.answers);
	world_run(world);
	cable_hold(&replicas[1].client.answers);
	publish_order("a");
	world_advance_ms(world, 10);
	ck_assert_str_eq(orders_of("LAMP"), "a ");
	kill_replica(0);
	ms_until_handling(1);
	cable_open(&replicas[1].client.answers);
	world_advance_ms(world, 100);
	cable_open(&replicas[1].client.requests);
	world_advance_ms(world, 100);
	publish_order("b");

	expect_orders("a b ");
	ck_assert_uint_eq(subscription_stats_of(1)->unnamed, 1);
}
END_TEST

/*
 * It was not connected when it had the outcome of what it submitted under an earlier lease.  So what it hears
 * was published since it has the lease, and no other worker handled it.
 */
START_TEST(what_a_new_holder_hears_over_a_new_connection_is_handled_before_it_has_a_name)
{
	hold_commits(0);
	publish_order("a");
	disconnect_subscriber(0);
	connect_subscriber_to(0, NULL);
	ms_until_handling(1);
	world_advance_ms(world, 1000);
	lease_keeper_stop(replicas[1].keeper);
	world_advance_ms(world, 200);
	kill_replica(1);
	ms_until_handling(0);
	disconnect_subscriber(0);
	cable_open(memory_store_requests(replicas[0].world->lanes[0]));
	world_run(world);
	cable_hold(&replicas[0].client.answers);
	connect_subscriber_to(0, NULL);
	cable_hold(&replicas[0].client.requests);
	cable_open(&replicas[0].client.answers);
	publish_order("b");
	cable_open(&replicas[0].client.requests);
	world_advance_ms(world, TAKEOVER_MS);

	expect_orders("a b ");
}
END_TEST

/* It counts what it hears before its marker as heard for the last holder, and asks about each message. */
START_TEST(a_new_holder_whose_marker_is_lost_publishes_another_one)
{
	cable_hold(&replicas[1].client.requests);
	kill_replica(0);
	ms_until_handling(1);
	cable_clear(&replicas[1].client.requests);
	cable_open(&replicas[1].client.requests);
	world_advance_ms(world, 3000);
	publish_order("a");

	expect_orders("a ");
	ck_assert_uint_eq(subscription_stats_of(1)->taken_over, 0);
}
END_TEST

/* ---- how much is kept ---- */

/*
 * It asks about what it heard before it had the lease, or about what it hears before its marker; and the
 * database does not answer.
 */
static void begin_to_ask(bool is_first)
{
	cable_hold(&replicas[1].client.requests);
	kill_replica(0);
	if (is_first) {
		publish_order("before");
		cable_hold(memory_checkpoints_requests(replicas[1].checkpoints));
	}
	ms_until_handling(1);
	world_advance_ms(world, 100);
	cable_hold(memory_checkpoints_requests(replicas[1].checkpoints));
}

START_TEST(a_new_holder_that_asks_about_what_it_hears_stops_reading_when_too_much_waits)
{
	begin_to_ask(_i);
	publish_large(1200);

	ck_assert_uint_le(leased_subscription_bytes(replicas[1].subscription), HEARD_BYTES_MAX + 70000);
	ck_assert(replicas[1].client.is_closed);
	cable_open(memory_checkpoints_requests(replicas[1].checkpoints));
	cable_open(&replicas[1].client.requests);
	world_advance_ms(world, 2 * TAKEOVER_MS);
	ck_assert(!replicas[1].client.is_closed);
	ck_assert(leased_subscription_is_idle(replicas[1].subscription));
	ck_assert_uint_eq(subscription_stats_of(1)->dropped, 0);
}
END_TEST

/* ---- what is given up ---- */

/* It is unknown which messages the last holder handled, as that one did not know of this worker. */
START_TEST(messages_that_may_have_been_handled_without_their_names_are_given_up_and_counted)
{
	kill_replica(1);
	world_advance_ms(world, COMPANY_MS + TAKEOVER_MS);
	start_subscriber(1);
	publish_order("a");
	world_advance_ms(world, 600);
	ck_assert_str_eq(note_of_lease(), "");
	kill_replica(0);
	world_advance_ms(world, 2000);
	publish_order("b");
	ms_until_handling(1);
	world_advance_ms(world, 500);
	publish_order("c");

	expect_orders("a c ");
	ck_assert_uint_eq(subscription_stats_of(1)->not_covered, 1);
}
END_TEST

/* Both hear the same, but name it differently. */
static void hear_two_servers(void)
{
	disconnect_subscriber(1);
	connect_subscriber_to(1, "another-server");
	world_advance_ms(world, TAKEOVER_MS);
	ck_assert(is_handling(0));
}

/* The inbox knows by its id which of them the last holder handled. */
START_TEST(messages_with_ids_are_not_given_up)
{
	hear_two_servers();
	publish_order("a\nid=1");
	world_advance_ms(world, 10);
	ck_assert_str_eq(orders_of("LAMP"), "a ");
	hold_commits(0);
	publish_order("b\nid=2");
	publish_order("c");
	kill_replica(0);
	publish_order("d\nid=3");
	ms_until_handling(1);
	world_advance_ms(world, 3000);
	publish_order("e");

	expect_orders("a b d e ");
	ck_assert_uint_eq(subscription_stats_of(1)->not_covered, 1);
}
END_TEST

/* The last holder did not know of this worker yet. */
START_TEST(messages_with_ids_are_not_given_up_though_the_last_holder_used_no_names)
{
	kill_replica(1);
	world_advance_ms(world, COMPANY_MS + TAKEOVER_MS);
	start_subscriber(1);
	publish_order("a\nid=1");
	world_advance_ms(world, 600);
	ck_assert_str_eq(note_of_lease(), "");
	kill_replica(0);
	world_advance_ms(world, 2000);
	publish_order("b\nid=2");
	ms_until_handling(1);
	world_advance_ms(world, 500);
	publish_order("c");

	expect_orders("a b c ");
	ck_assert_uint_eq(subscription_stats_of(1)->not_covered, 0);
}
END_TEST

/* It could be handled by now. */
START_TEST(a_message_with_an_id_that_was_rejected_under_another_name_is_not_handled)
{
	hear_two_servers();
	reject_order("a\nid=1");
	replace_holder_after_making("NEW");
	world_advance_ms(world, 3000);

	expect_it_stays_rejected();
}
END_TEST

/* The inbox may have forgotten that it was handled. */
START_TEST(a_message_with_an_id_that_was_heard_long_ago_is_given_up)
{
	hear_two_servers();
	publish_order("a\nid=1");
	world_advance_ms(world, KNOWN_BY_ID_MS);
	publish_order("b\nid=2");
	kill_replica(0);
	ms_until_handling(1);
	world_advance_ms(world, 3000);

	expect_orders("a b ");
	ck_assert_uint_eq(subscription_stats_of(1)->not_covered, 1);
}
END_TEST

/* Redis does not take its marker, say. */
START_TEST(without_a_marker_nothing_is_handled_that_was_heard_before)
{
	hear_two_servers();
	cable_hold(&replicas[1].client.requests);
	publish_order("a");
	world_advance_ms(world, 10);
	ck_assert_str_eq(orders_of("LAMP"), "a ");
	kill_replica(0);
	ms_until_handling(1);
	world_advance_ms(world, 3000);
	publish_order("b");

	expect_orders("a b ");
	ck_assert_uint_eq(subscription_stats_of(1)->not_covered, 1);
}
END_TEST

/* It does not know the server either, so nothing that it hears has a name. */
START_TEST(without_a_marker_and_names_what_is_heard_later_is_handled)
{
	disconnect_subscriber(1);
	connect_subscriber_to(1, "");
	world_advance_ms(world, TAKEOVER_MS);
	cable_hold(&replicas[1].client.requests);
	kill_replica(0);
	ms_until_handling(1);
	world_advance_ms(world, 3000);
	publish_order("a");

	expect_orders("a ");
}
END_TEST

/* It has no outcome yet of what it submitted when it had the lease before. */
START_TEST(a_holder_that_waits_for_outcomes_has_the_time_for_a_marker_after_them)
{
	hold_commits(0);
	publish_order("a");
	disconnect_subscriber(0);
	connect_subscriber_to(0, NULL);
	ms_until_handling(1);
	world_advance_ms(world, 1000);
	disconnect_subscriber(0);
	lease_keeper_stop(replicas[1].keeper);
	world_advance_ms(world, 200);
	kill_replica(1);
	connect_subscriber_to(0, NULL);
	publish_order("b");
	ms_until_handling(0);
	world_advance_ms(world, 3000);
	cable_open(memory_store_requests(replicas[0].world->lanes[0]));
	world_advance_ms(world, 3000);

	expect_orders("a b ");
}
END_TEST

/* Its connection is new, and it has been alone for a minute, so it uses no names. */
START_TEST(a_holder_that_waits_for_outcomes_hears_its_marker_after_them)
{
	hold_commits(0);
	publish_order("a");
	disconnect_subscriber(0);
	connect_subscriber_to(0, NULL);
	ms_until_handling(1);
	world_advance_ms(world, 1000);
	disconnect_subscriber(0);
	lease_keeper_stop(replicas[1].keeper);
	world_advance_ms(world, 200);
	kill_replica(1);
	connect_subscriber_to(0, NULL);
	ms_until_handling(0);
	disconnect_subscriber(0);
	connect_subscriber_to(0, NULL);
	cut_database_of_replica(0);
	world_advance_ms(world, COMPANY_MS + 1000);
	publish_order("b");
	thaw_replica(0);
	cable_open(memory_store_requests(replicas[0].world->lanes[0]));
	world_advance_ms(world, 4000);

	expect_orders("a b ");
}
END_TEST

SUITE("subscription takeover", set_up_two_subscribers, tear_down_replicas)
{
	tcase_add_test(tests, what_a_killed_holder_had_rejected_is_not_handled_by_the_next_one);
	tcase_add_test(tests, dead_letters_are_looked_for_however_many_messages_were_heard);
	tcase_add_test(tests, what_the_last_holder_had_rejected_is_not_handled_by_one_that_hears_it_late);
	tcase_add_test(tests,
		       what_the_last_holder_had_rejected_is_not_handled_by_one_that_hears_no_marker_for_long);
	tcase_add_test(
		tests,
		what_the_last_holder_had_handled_is_given_up_by_one_that_hears_it_late_and_without_a_name);
	tcase_add_test(tests, what_a_new_holder_hears_over_a_new_connection_is_handled_before_it_has_a_name);
	tcase_add_test(tests, a_new_holder_whose_marker_is_lost_publishes_another_one);
	tcase_add_loop_test(
		tests, a_new_holder_that_asks_about_what_it_hears_stops_reading_when_too_much_waits, 0, 2);
	tcase_add_test(tests,
		       messages_that_may_have_been_handled_without_their_names_are_given_up_and_counted);
	tcase_add_test(tests, messages_with_ids_are_not_given_up);
	tcase_add_test(tests, messages_with_ids_are_not_given_up_though_the_last_holder_used_no_names);
	tcase_add_test(tests, a_message_with_an_id_that_was_rejected_under_another_name_is_not_handled);
	tcase_add_test(tests, a_message_with_an_id_that_was_heard_long_ago_is_given_up);
	tcase_add_test(tests, without_a_marker_nothing_is_handled_that_was_heard_before);
	tcase_add_test(tests, without_a_marker_and_names_what_is_heard_later_is_handled);
	tcase_add_test(tests, a_holder_that_waits_for_outcomes_has_the_time_for_a_marker_after_them);
	tcase_add_test(tests, a_holder_that_waits_for_outcomes_hears_its_marker_after_them);
}
