/* The engine's part of readiness, whether messages can be handled, on simulated time. */
#include "support/bus_world.h"
#include "support/suites.h"

#include <string.h>

static void set_up(void)
{
	set_up_world();
	create_batch("batch", "LAMP", 1000);
	world_run(world);
}

static bool database_is_in_trouble(void)
{
	struct engine_trouble trouble;

	return engine_database_trouble(world->engine, &trouble);
}

static struct engine_trouble database_trouble(void)
{
	struct engine_trouble trouble;

	ck_assert(engine_database_trouble(world->engine, &trouble));
	return trouble;
}

static bool events_are_in_trouble(void)
{
	struct engine_trouble trouble;

	return engine_events_trouble(world->engine, &trouble);
}

START_TEST(a_worker_that_works_is_in_no_trouble)
{
	for (int i = 0; i < 100; i++) {
		allocate_many("order", "LAMP", 5);
		world_advance_ms(world, 300);
		ck_assert(!database_is_in_trouble());
		ck_assert(!events_are_in_trouble());
	}
	world_advance_ms(world, 100000);
	ck_assert(!database_is_in_trouble());
}
END_TEST

START_TEST(work_that_the_database_does_not_take_is_a_trouble_within_a_second_and_until_it_does)
{
	database_set_down(world->database, true);
	allocate("order", "LAMP", 1);
	world_advance_ms(world, 1000);
	ck_assert_str_ne(database_trouble().text, "");
	ck_assert_int_ge(database_trouble().for_ms, 900);
	world_advance_ms(world, 600000);
	ck_assert_int_ge(database_trouble().for_ms, 600000);

	database_set_down(world->database, false);
	world_advance_ms(world, 2000);
	ck_assert(!database_is_in_trouble());
	ck_assert_str_eq(batch_of("order", "LAMP", 1), "batch");
}
END_TEST

static void repair_database(void)
{
	database_set_broken(world->database, false);
	world_advance_ms(world, 2000);
	ck_assert(!database_is_in_trouble());
	ck_assert(engine_stats(world->engine)->database_up);
}

/* Reads succeed meanwhile. */
START_TEST(commits_that_are_refused_are_a_trouble_although_reads_go_well)
{
	database_set_broken(world->database, true);
	allocate("order", "LAMP", 1);
	for (int i = 0; i < 60; i++) {
		world_advance_ms(world, 1000);
		ck_assert(database_is_in_trouble());
		ck_assert(!engine_stats(world->engine)->database_up);
	}
	repair_database();
}
END_TEST

/* Each quantity change is resolved to its SKU by a read.  Streams are read as long as database_up says so. */
START_TEST(a_read_that_goes_well_does_not_make_a_database_that_refuses_commits_take_work_again)
{
	database_set_broken(world->database, true);
	allocate("order", "LAMP", 1);
	world_advance_ms(world, 1000);
	for (int i = 0; i < 60; i++) {
		change_quantity(_i ? "batch" : "unknown", 500 + i);
		world_advance_ms(world, 100);
		ck_assert(!engine_stats(world->engine)->database_up);
	}
	ck_assert_uint_eq(memory_logger_count(&world->logger, "the database takes work again"), 0);

	database_set_broken(world->database, false);
	world_advance_ms(world, 2000);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "the database takes work again"), 1);
}
END_TEST

START_TEST(an_idle_worker_notices_that_the_database_fails_and_recovers)
{
	database_set_broken(world->database, true);
	world_advance_ms(world, 7000);
	ck_assert(database_is_in_trouble());
	ck_assert(!engine_stats(world->engine)->database_up);

	repair_database();
}
END_TEST

/* The batch is committed between the search that failed and the next one, which is not needed then. */
START_TEST(a_search_that_failed_is_no_trouble_once_its_batch_is_known)
{
	hold_lane();
	create_batch("new", "LAMP", 10);
	world_run(world);
	database_set_down(world->database, true);
	change_quantity("new", 5);
	world_run(world);
	ck_assert_uint_eq(engine_stats(world->engine)->retries, 1);

	database_set_down(world->database, false);
	release_lane();
	world_advance_ms(world, 10000);
	ck_assert(!database_is_in_trouble());
	ck_assert_int_eq(database_purchased(world->database, "new"), 5);
}
END_TEST

START_TEST(a_unit_without_an_answer_is_a_trouble_though_nothing_says_why)
{
	hold_lane();
	allocate("order", "LAMP", 1);
	world_advance_ms(world, 3000);
	ck_assert(!database_is_in_trouble());
	world_advance_ms(world, 3000);
	ck_assert_str_eq(database_trouble().text, "");

	release_lane();
	world_advance_ms(world, 10);
	ck_assert(!database_is_in_trouble());
}
END_TEST

START_TEST(one_message_that_the_database_refuses_is_no_trouble)
{
	database_refuse(world->database, "cursed");
	for (int i = 0; i < 20; i++) {
		allocate("cursed", "LAMP", 1);
		allocate_many("order", "LAMP", 5);
		world_advance_ms(world, 100);
		ck_assert(!database_is_in_trouble());
	}
}
END_TEST

START_TEST(one_locked_product_is_no_trouble_of_the_worker)
{
	database_lock_product(world->database, "LAMP");
	allocate("order", "LAMP", 1);
	for (int i = 0; i < 60; i++) {
		world_advance_ms(world, 500);
		ck_assert(!database_is_in_trouble());
	}
	database_unlock_products(world->database);
}
END_TEST

/* What made the SKU wait before is over. */
START_TEST(a_parked_product_whose_commit_waits_for_the_broker_says_so)
{
	struct engine_trouble trouble;

	database_lock_product(world->database, "LAMP");
	allocate("order", "LAMP", 1);
	world_advance_ms(world, 11000);
	ck_assert(engine_parked_trouble(world->engine, &trouble));
	ck_assert_ptr_nonnull(strstr(trouble.text, "lock"));
	memory_broker_set_down(world->broker, true);
	database_promote(world->database);
	world_advance_ms(world, 2000);
	database_unlock_products(world->database);
	world_advance_ms(world, 12000);

	ck_assert(engine_parked_trouble(world->engine, &trouble));
	ck_assert_str_eq(trouble.text, ENGINE_UNCOMPARED);
	memory_broker_set_down(world->broker, false);
	world_settle(world);
	ck_assert(!engine_parked_trouble(world->engine, &trouble));
}
END_TEST

START_TEST(several_locked_products_are_a_trouble_when_nothing_else_is_committed)
{
	create_batch("other", "DESK", 1000);
	create_batch("third", "CHAIR", 1000);
	world_run(world);
	database_lock_product(world->database, "LAMP");
	database_lock_product(world->database, "DESK");
	allocate("order", "LAMP", 1);
	allocate("order", "DESK", 1);
	for (int i = 0; i < 30; i++) {
		allocate_many(i % 2 ? "even" : "odd", "CHAIR", 1);
		world_advance_ms(world, 1000);
		ck_assert(!database_is_in_trouble());
	}
	world_advance_ms(world, 12000);
	ck_assert_int_ge(database_trouble().for_ms, 10000);

	database_unlock_products(world->database);
	world_advance_ms(world, 10000);
	ck_assert(!database_is_in_trouble());
}
END_TEST

START_TEST(events_that_the_broker_refuses_are_a_trouble_with_its_words)
{
	struct engine_trouble trouble;

	memory_broker_set_down(world->broker, true);
	allocate("order", "LAMP", 1);
	world_advance_ms(world, 30000);
	ck_assert(engine_events_trouble(world->engine, &trouble));
	ck_assert_str_ne(trouble.text, "");
	ck_assert_int_ge(trouble.for_ms, 29000);
	ck_assert(!database_is_in_trouble());

	memory_broker_set_down(world->broker, false);
	world_advance_ms(world, 2000);
	ck_assert(!events_are_in_trouble());
}
END_TEST

START_TEST(events_that_stand_still_are_a_trouble_though_nothing_says_why)
{
	struct engine_trouble trouble;

	cable_hold(memory_broker_answers(world->broker));
	allocate("order", "LAMP", 1);
	world_advance_ms(world, 9000);
	ck_assert(!events_are_in_trouble());
	world_advance_ms(world, 2000);
	ck_assert(engine_events_trouble(world->engine, &trouble));
	ck_assert_str_eq(trouble.text, "");

	cable_open(memory_broker_answers(world->broker));
	world_advance_ms(world, 100);
	ck_assert(!events_are_in_trouble());
}
END_TEST

START_TEST(a_trouble_is_written_once_when_it_begins_and_once_when_it_is_over)
{
	database_set_broken(world->database, true);
	world_advance_ms(world, 60000);
	database_set_broken(world->database, false);
	world_advance_ms(world, 5000);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "info the database takes work again"), 1);
}
END_TEST

START_TEST(dead_letters_are_counted_within_a_second)
{
	world_advance_ms(world, 20000);
	for (int i = 0; i < 10; i++) {
		world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "orderid=order-%d\nsku=UNKNOWN\nqty=1", i);
		world_advance_ms(world, 1000);
		ck_assert_int_eq(engine_stats(world->engine)->dead_letters,
				 (int64_t)world->database->dead_letter_count);
		ck_assert_int_eq(engine_stats(world->engine)->dead_letters, i + 1);
	}
}
END_TEST

START_TEST(dropped_dead_letters_are_counted_within_a_second)
{
	world_advance_ms(world, 20000);
	for (int i = 0; i < DEAD_LETTERS_MAX + 37; i++)
		world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "orderid=order-%d\nsku=UNKNOWN\nqty=1", i);
	world_advance_ms(world, 1000);
	ck_assert_int_eq(engine_stats(world->engine)->dead_letters_dropped, 37);
}
END_TEST

SUITE("readiness", set_up, tear_down_world)
{
	tcase_add_test(tests, a_worker_that_works_is_in_no_trouble);
	tcase_add_test(tests,
		       work_that_the_database_does_not_take_is_a_trouble_within_a_second_and_until_it_does);
	tcase_add_test(tests, commits_that_are_refused_are_a_trouble_although_reads_go_well);
	tcase_add_loop_test(
		tests, a_read_that_goes_well_does_not_make_a_database_that_refuses_commits_take_work_again, 0,
		2);
	tcase_add_test(tests, an_idle_worker_notices_that_the_database_fails_and_recovers);
	tcase_add_test(tests, a_search_that_failed_is_no_trouble_once_its_batch_is_known);
	tcase_add_test(tests, a_unit_without_an_answer_is_a_trouble_though_nothing_says_why);
	tcase_add_test(tests, one_message_that_the_database_refuses_is_no_trouble);
	tcase_add_test(tests, one_locked_product_is_no_trouble_of_the_worker);
	tcase_add_test(tests, a_parked_product_whose_commit_waits_for_the_broker_says_so);
	tcase_add_test(tests, several_locked_products_are_a_trouble_when_nothing_else_is_committed);
	tcase_add_test(tests, events_that_the_broker_refuses_are_a_trouble_with_its_words);
	tcase_add_test(tests, events_that_stand_still_are_a_trouble_though_nothing_says_why);
	tcase_add_test(tests, a_trouble_is_written_once_when_it_begins_and_once_when_it_is_over);
	tcase_add_test(tests, dead_letters_are_counted_within_a_second);
	tcase_add_test(tests, dropped_dead_letters_are_counted_within_a_second);
}
