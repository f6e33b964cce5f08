/*
 * A unit of work under a lease that another worker has taken: what came under the lease is given back
 * unhandled, and the rest is committed.
 */
#include "support/bus_world.h"
#include "support/suites.h"

#include <string.h>

static struct lease *one, *other;

/* LAMP has a batch of 100, and two streams are read under a lease each. */
static void set_up(void)
{
	set_up_world();
	create_batch("batch", "LAMP", 100);
	world_settle(world);
	one = world_grant_lease(world, "one");
	other = world_grant_lease(world, "other");
}

static void tear_down(void)
{
	lease_release(&one);
	lease_release(&other);
	tear_down_world();
}

static struct sent *send_under(struct lease *lease, const char *orderid)
{
	world->lease = lease;
	return world_send(world, TRANSPORT_STREAM, MSG_ALLOCATE, "orderid=%s\nsku=LAMP\nqty=1", orderid);
}

static void expect_returned(const struct sent *sent)
{
	ck_assert_int_eq(sent->answers, 1);
	ck_assert_int_eq(sent->outcome, OUTCOME_POSTPONED);
	ck_assert_str_eq(sent->reason, "another worker has taken the lease under which it came");
}

static size_t flushes(void)
{
	return memory_store_calls(world->lanes[0], CALL_FLUSH);
}

START_TEST(messages_under_a_lease_that_is_held_are_committed)
{
	struct sent *first = send_under(one, "first"), *second = send_under(other, "second");

	world_settle(world);

	expect_handled(first);
	expect_handled(second);
	ck_assert(!one->is_lost && !other->is_lost);
}
END_TEST

START_TEST(what_came_under_a_lost_lease_is_given_back_and_the_rest_is_committed_at_once)
{
	struct sent *kept, *http, *mine, *later;
	int64_t begin_ms = simulation_now_ms(world->simulation);

	world_take_lease(world, "one");
	mine = send_under(one, "mine");
	kept = send_under(other, "kept");
	http = allocate("http", "LAMP", 1);
	later = send_under(one, "later");
	world_run(world);

	expect_returned(mine);
	expect_returned(later);
	expect_handled(kept);
	expect_handled(http);
	ck_assert_int_eq(simulation_now_ms(world->simulation), begin_ms);
	ck_assert(one->is_lost && !other->is_lost);
	ck_assert_str_eq(batch_of("mine", "LAMP", 1), "");
	ck_assert_int_eq(database_allocated(world->database, "batch"), 2);
	ck_assert_uint_eq(world->database->dead_letter_count, 0);
	ck_assert(engine_stats(world->engine)->database_up);
	world_settle(world);
}
END_TEST

/* The lease is taken between the beginning of the unit and its commit. */
START_TEST(a_lease_that_is_taken_while_the_unit_is_under_way_is_noticed_by_the_commit)
{
	struct sent *sent;

	hold_lane();
	sent = send_under(one, "mine");
	world_run(world);
	world_take_lease(world, "one");
	release_lane();
	world_settle(world);

	expect_returned(sent);
	ck_assert_int_eq(database_allocated(world->database, "batch"), 0);
	ck_assert_ptr_null(strstr(published(), "line_allocated"));
}
END_TEST

START_TEST(two_lost_leases_are_given_back_from_one_unit)
{
	struct sent *first, *second;

	world_take_lease(world, "one");
	world_take_lease(world, "other");
	first = send_under(one, "first");
	second = send_under(other, "second");
	world_settle(world);

	expect_returned(first);
	expect_returned(second);
}
END_TEST

START_TEST(messages_that_arrive_after_the_loss_are_given_back_without_asking_the_database)
{
	size_t before;
	struct sent *sent;

	one->is_lost = true;
	before = flushes();
	sent = send_under(one, "mine");
	world_settle(world);

	expect_returned(sent);
	ck_assert_uint_eq(flushes(), before);
}
END_TEST

START_TEST(a_dead_letter_is_not_written_under_a_lost_lease)
{
	struct sent *sent;

	world_take_lease(world, "one");
	world->lease = one;
	sent = world_send(world, TRANSPORT_STREAM, MSG_ALLOCATE, "sku=LAMP\nqty=none");
	world_settle(world);

	expect_returned(sent);
	ck_assert_uint_eq(world->database->dead_letter_count, 0);
}
END_TEST

START_TEST(a_parked_message_is_given_back_when_its_lease_is_lost)
{
	struct sent *first, *second, *http;

	database_lock_product(world->database, "LAMP");
	first = send_under(one, "first");
	second = send_under(one, "second");
	http = allocate("http", "LAMP", 1);
	world_advance_ms(world, 2000);
	ck_assert_uint_eq(engine_stats(world->engine)->parked_skus, 1);
	world_take_lease(world, "one");
	one->is_lost = true;
	engine_return_lost(world->engine, "one");
	world_advance_ms(world, 10000);
	expect_returned(second);
	ck_assert_int_eq(http->answers, 0);

	database_unlock_products(world->database);
	world_settle(world);

	expect_returned(first);
	expect_handled(http);
	ck_assert_uint_eq(engine_stats(world->engine)->parked_messages, 0);
	ck_assert_uint_eq(engine_stats(world->engine)->parked_skus, 0);
}
END_TEST

START_TEST(a_parked_message_finds_out_by_its_own_commit_that_its_lease_is_lost)
{
	struct sent *first, *http;

	database_lock_product(world->database, "LAMP");
	first = send_under(one, "first");
	http = allocate("http", "LAMP", 1);
	world_advance_ms(world, 2000);
	world_take_lease(world, "one");
	database_unlock_products(world->database);
	world_settle(world);

	expect_returned(first);
	expect_handled(http);
	ck_assert_uint_eq(engine_stats(world->engine)->parked_messages, 0);
}
END_TEST

/* The database must say which lease is lost; until it does, nothing is lost or done twice. */
START_TEST(an_outage_after_the_refusal_loses_nothing)
{
	struct sent *mine, *http;

	world_take_lease(world, "one");
	mine = send_under(one, "mine");
	http = allocate("http", "LAMP", 1);
	memory_store_fail_next(world->lanes[0], CALL_FIND_LOST_LEASES, INJECT_LOST_BEFORE);
	world_settle(world);

	expect_returned(mine);
	expect_handled(http);
}
END_TEST

/* The commit reached the database before the lease was taken, and its answer did not come. */
START_TEST(a_unit_that_was_committed_before_the_loss_is_answered)
{
	struct sent *sent;

	memory_store_fail_next(world->lanes[0], CALL_FLUSH, INJECT_LOST_AFTER);
	sent = send_under(one, "mine");
	world_run(world);
	world_take_lease(world, "one");
	world_settle(world);

	expect_handled(sent);
	ck_assert_int_eq(database_allocated(world->database, "batch"), 1);
}
END_TEST

START_TEST(a_unit_that_the_database_commits_late_is_refused_under_a_lost_lease)
{
	struct sent *sent;

	memory_store_fail_next(world->lanes[0], CALL_FLUSH, INJECT_LOST_COMMITTING);
	sent = send_under(one, "mine");
	world_run(world);
	world_take_lease(world, "one");
	database_end_lost(world->database, true);
	world_settle(world);

	expect_returned(sent);
	ck_assert_int_eq(database_allocated(world->database, "batch"), 0);
}
END_TEST

/* The messages of other ways, which the poison is searched among, must not pay for the loss. */
START_TEST(a_search_for_a_poison_message_survives_the_loss_of_a_lease)
{
	struct sent *mine[4], *http[4], *poison;

	database_refuse(world->database, "poison");
	for (int i = 0; i < 4; i++) {
		mine[i] = send_under(one, arena_printf(world->arena, "mine-%d", i));
		http[i] = allocate(arena_printf(world->arena, "http-%d", i), "LAMP", 1);
	}
	poison = allocate("poison", "LAMP", 1);
	world_take_lease(world, "one");
	world_settle(world);

	for (int i = 0; i < 4; i++) {
		expect_returned(mine[i]);
		expect_handled(http[i]);
	}
	ck_assert_int_eq(poison->outcome, OUTCOME_FAILED);
}
END_TEST

START_TEST(a_cancellation_under_a_lost_lease_does_not_begin)
{
	struct sent *sent, *http;

	allocate("order", "LAMP", 1);
	world_settle(world);
	world_take_lease(world, "one");
	world->lease = one;
	sent = world_send(world, TRANSPORT_STREAM, MSG_ORDER_CANCELLED, "orderid=order");
	http = world_send(world, TRANSPORT_HTTP, MSG_ORDER_CANCELLED, "orderid=another");
	world_settle(world);

	expect_returned(sent);
	expect_handled(http);
	ck_assert_uint_eq(database_process_count(world->database), 0);
	ck_assert_int_eq(database_allocated(world->database, "batch"), 1);
}
END_TEST

START_TEST(a_cancellation_that_has_begun_is_left_to_the_next_holder)
{
	struct sent *sent;

	allocate("order", "LAMP", 1);
	world_settle(world);
	world->lease = one;
	hold_lane();
	sent = world_send(world, TRANSPORT_STREAM, MSG_ORDER_CANCELLED, "orderid=order");
	world_run(world);
	ck_assert_uint_eq(database_process_count(world->database), 1);
	world_take_lease(world, "one");
	release_lane();
	world_settle(world);

	expect_returned(sent);
	ck_assert_uint_eq(database_process_count(world->database), 1);
	ck_assert_int_eq(database_allocated(world->database, "batch"), 1);
	ck_assert_uint_eq(engine_stats(world->engine)->postponed_skus, 0);
}
END_TEST

SUITE("fence", set_up, tear_down)
{
	tcase_add_test(tests, messages_under_a_lease_that_is_held_are_committed);
	tcase_add_test(tests, what_came_under_a_lost_lease_is_given_back_and_the_rest_is_committed_at_once);
	tcase_add_test(tests, a_lease_that_is_taken_while_the_unit_is_under_way_is_noticed_by_the_commit);
	tcase_add_test(tests, two_lost_leases_are_given_back_from_one_unit);
	tcase_add_test(tests, messages_that_arrive_after_the_loss_are_given_back_without_asking_the_database);
	tcase_add_test(tests, a_dead_letter_is_not_written_under_a_lost_lease);
	tcase_add_test(tests, a_parked_message_is_given_back_when_its_lease_is_lost);
	tcase_add_test(tests, a_parked_message_finds_out_by_its_own_commit_that_its_lease_is_lost);
	tcase_add_test(tests, an_outage_after_the_refusal_loses_nothing);
	tcase_add_test(tests, a_unit_that_was_committed_before_the_loss_is_answered);
	tcase_add_test(tests, a_unit_that_the_database_commits_late_is_refused_under_a_lost_lease);
	tcase_add_test(tests, a_search_for_a_poison_message_survives_the_loss_of_a_lease);
	tcase_add_test(tests, a_cancellation_under_a_lost_lease_does_not_begin);
	tcase_add_test(tests, a_cancellation_that_has_begun_is_left_to_the_next_holder);
}
