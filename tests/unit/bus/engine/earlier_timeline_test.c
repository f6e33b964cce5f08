/* A worker must still publish what it committed when a standby is promoted, and another one commits on it. */
#include "adapters/memory/database/backup.h"
#include "unit/bus/engine/workers_world.h"

/*
 * A worker commits an event, and its call does not reach the broker; a standby is promoted that lacks, or
 * has, the event; the other worker commits on it.
 */
static void promote_before_a_call_arrives(bool lacks_its_event)
{
	struct database *standby;

	allocate_by(world, 1);
	world_settle(world);
	standby = database_back_up(world->database);
	cable_hold(memory_broker_requests(world->broker));
	allocate_by(world, 2);
	world_run(world);
	ck_assert_uint_eq(lamps_outbox()->count, 2);
	if (lacks_its_event)
		database_restore(world->database, standby);
	database_promote(world->database);
	cable_hold(memory_broker_answers(other->broker));
	allocate_by(other, 3);
	world_advance_ms(other, 50);
	ck_assert_uint_eq(lamps_outbox()->count, lacks_its_event ? 1 : 2);
}

START_TEST(a_row_that_a_promoted_standby_lacks_does_not_take_the_place_of_one_that_was_committed_since)
{
	struct engine_trouble trouble;

	promote_before_a_call_arrives(true);
	cable_hold(memory_broker_requests(other->broker));
	cable_open(memory_broker_answers(other->broker));
	world_advance_ms(other, 50);
	ck_assert_uint_eq(lamps_outbox()->count, 2);
	cable_open(memory_broker_requests(world->broker));
	world_advance_ms(world, 50);
	expect_published(1, 1);
	ck_assert(stats_of(world)->broker_takes);
	ck_assert(!engine_events_trouble(world->engine, &trouble));
	cable_open(memory_broker_requests(other->broker));
	world_advance_ms(world, 5000);

	ck_assert(!stats_of(world)->restored);
	ck_assert_str_eq(published_since(1), "line_allocated order-00003 LAMP 1 batch 2\n");
	ck_assert_uint_eq(stats_of(world)->unpublished, 0);
	allocate_by(world, 4);
	world_advance_ms(world, 1000);
	ck_assert_str_eq(published_since(2), "line_allocated order-00004 LAMP 1 batch 3\n");
}
END_TEST

/* Of the two rows that are lost, the call has one, and the other one is queued behind it. */
START_TEST(rows_that_a_promoted_standby_lacks_are_not_published_on_its_timeline)
{
	struct database *standby;

	allocate_by(world, 1);
	world_settle(world);
	standby = database_back_up(world->database);
	cable_hold(memory_broker_requests(world->broker));
	allocate_by(world, 2);
	world_run(world);
	allocate_by(world, 3);
	world_run(world);
	cable_hold(memory_store_requests(world->publisher));
	database_restore(world->database, standby);
	database_promote(world->database);
	cable_hold(memory_broker_answers(other->broker));
	allocate_by(other, 4);
	world_advance_ms(other, 50);
	cable_hold(memory_broker_requests(other->broker));
	cable_open(memory_broker_answers(other->broker));
	allocate_by(other, 5);
	world_advance_ms(other, 50);
	ck_assert_uint_eq(lamps_outbox()->count, 3);
	cable_open(memory_store_requests(world->publisher));
	world_advance_ms(world, 2000);
	cable_open(memory_broker_requests(world->broker));
	world_advance_ms(world, 3000);
	cable_open(memory_broker_requests(other->broker));
	world_advance_ms(world, 5000);

	ck_assert(!stats_of(world)->restored);
	ck_assert_str_eq(published_since(1), "line_allocated order-00004 LAMP 1 batch 2\n"
					     "line_allocated order-00005 LAMP 1 batch 3\n");
}
END_TEST

START_TEST(a_row_that_a_promoted_standby_has_is_read_from_it_and_published_once)
{
	promote_before_a_call_arrives(false);
	cable_open(memory_broker_answers(other->broker));
	world_advance_ms(other, 50);
	cable_open(memory_broker_requests(world->broker));
	world_advance_ms(world, 5000);

	expect_published(1, 3);
	ck_assert_uint_eq(stats_of(world)->unpublished, 0);
}
END_TEST

SUITE("earlier timeline", set_up_workers, tear_down_workers)
{
	tcase_add_test(
		tests,
		a_row_that_a_promoted_standby_lacks_does_not_take_the_place_of_one_that_was_committed_since);
	tcase_add_test(tests, rows_that_a_promoted_standby_lacks_are_not_published_on_its_timeline);
	tcase_add_test(tests, a_row_that_a_promoted_standby_has_is_read_from_it_and_published_once);
}
