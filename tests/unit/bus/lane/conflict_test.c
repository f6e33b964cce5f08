/* After a concurrent update the unit is loaded again and redone. */
#include "support/rival.h"
#include "support/suites.h"

static uint64_t conflicts(void)
{
	return engine_stats(world->engine)->conflicts;
}

static uint64_t failed_speculations(void)
{
	return engine_stats(world->engine)->failed_speculations;
}

/* The worker does not know the product yet, so it will load it. */
static void set_up(void)
{
	set_up_world();
	rival_create_batch("batch", "LAMP", 10);
	hold_lane();
}

START_TEST(a_product_that_changed_after_the_load_is_loaded_again)
{
	struct sent *sent = allocate("ours", "LAMP", 6);
	int64_t before_ms = simulation_now_ms(world->simulation);

	world_run(world);
	step_lane(); /* the load */
	rival_allocate("theirs", "LAMP", 6);
	release_lane();

	expect_handled(sent);
	ck_assert_str_eq(batch_of("theirs", "LAMP", 6), "batch");
	ck_assert_str_eq(batch_of("ours", "LAMP", 6), ""); /* only 4 are left */
	ck_assert_uint_eq(failed_speculations(), 1);
	ck_assert_int_eq(sent->answered_at_ms, before_ms); /* redone at once */
}
END_TEST

/* The product is consulted, not changed, but the decision depends on it. */
START_TEST(a_product_that_was_only_consulted_is_checked_too)
{
	struct sent *sent;

	rival_allocate("order", "LAMP", 3);
	sent = allocate("order", "LAMP", 3); /* stored already, so it is skipped */
	world_run(world);
	step_lane();
	step_lane();
	step_lane(); /* after the line was looked up */
	ck_assert_uint_eq(failed_speculations(), 1);
	rival_change_quantity("batch", 0); /* displaces the line */
	rival_create_batch("more", "LAMP", 3);
	release_lane();

	expect_handled(sent);
	ck_assert_str_eq(batch_of("order", "LAMP", 3), "more");
	ck_assert_uint_eq(conflicts(), 1);
}
END_TEST

START_TEST(two_workers_create_the_same_product)
{
	struct sent *sent = create_batch("ours", "CHAIR", 1);

	world_run(world);
	step_lane();
	rival_create_batch("theirs", "CHAIR", 1);
	release_lane();

	expect_handled(sent);
	ck_assert_str_eq(database_owner_of_batch(world->database, "ours"), "CHAIR");
	ck_assert(database_revision(world->database, "CHAIR") == 2);
}
END_TEST

START_TEST(two_workers_create_the_same_batch)
{
	struct sent *sent = create_batch("same", "CHAIR", 1);

	world_run(world);
	step_lane();
	rival_create_batch("same", "TABLE", 1);
	release_lane();

	ck_assert_int_eq(sent->verdict, REJECT_BATCHREF_TAKEN);
	ck_assert_ptr_null(database_product(world->database, "CHAIR"));
}
END_TEST

START_TEST(an_id_that_was_spent_after_the_load_is_found_when_the_unit_is_redone)
{
	struct sent *sent =
		world_send(world, TRANSPORT_HTTP, MSG_ALLOCATE, "orderid=order\nsku=LAMP\nqty=1\nid=x");

	world_run(world);
	step_lane();
	rival_allocate_with_id("order", "LAMP", 1, "x");
	release_lane();

	ck_assert_int_eq(sent->verdict, SKIP_DUPLICATE);
	ck_assert_int_eq(database_allocated(world->database, "batch"), 1);
}
END_TEST

START_TEST(the_whole_unit_is_redone_in_its_order)
{
	struct sent *first, *second;

	first = allocate("one", "LAMP", 6);
	second = allocate("two", "LAMP", 4);
	world_run(world);
	step_lane();
	rival_create_batch("a-more", "LAMP", 1);
	release_lane();

	expect_handled(first);
	expect_handled(second);
	ck_assert_int_lt(first->order, second->order);
	ck_assert_str_eq(published(),
			 "line_allocated one LAMP 6 batch 1\nline_allocated two LAMP 4 batch 2\n");
}
END_TEST

/* ---- one conflict after another ---- */

START_TEST(after_two_conflicts_the_load_takes_locks_that_the_rivals_wait_for)
{
	struct sent *sent = allocate("ours", "LAMP", 6);

	world_run(world);
	memory_store_fail_next(world->lanes[0], CALL_FLUSH, INJECT_CONFLICT);
	memory_store_fail_next(world->lanes[0], CALL_FLUSH, INJECT_CONFLICT);
	memory_store_fail_next(world->lanes[0], CALL_FLUSH, INJECT_CONFLICT);
	for (int i = 0; i < 6; i++) {
		ck_assert_ptr_null(world->database->locks);
		step_lane();
		world_advance_ms(world, 100);
	}
	step_lane(); /* the load after a failed speculation and two conflicts */
	ck_assert_ptr_nonnull(world->database->locks);
	release_lane();

	expect_handled(sent);
	ck_assert_uint_eq(conflicts(), 2);
	ck_assert_ptr_null(world->database->locks);
}
END_TEST

/* A standby is promoted, and the broker does not answer what was published: others must not wait for that. */
START_TEST(no_locks_are_taken_before_the_outbox_is_compared)
{
	struct sent *sent = allocate("ours", "LAMP", 6);

	world_run(world);
	for (int i = 0; i < 3; i++)
		memory_store_fail_next(world->lanes[0], CALL_FLUSH, INJECT_CONFLICT);
	for (int i = 0; i < 5; i++) {
		step_lane();
		world_advance_ms(world, 100);
	}
	memory_broker_set_down(world->broker, true);
	database_promote(world->database);
	world_advance_ms(world, 1100);
	release_lane();
	world_advance_ms(world, 1000);
	ck_assert_uint_eq(conflicts(), 2);
	ck_assert_ptr_null(world->database->locks);
	memory_broker_set_down(world->broker, false);
	world_advance_ms(world, 2000);

	expect_handled(sent);
	ck_assert_ptr_null(world->database->locks);
}
END_TEST

START_TEST(loads_take_no_locks_after_a_commit)
{
	release_lane();
	for (int i = 0; i < 3; i++)
		memory_store_fail_next(world->lanes[0], CALL_FLUSH, INJECT_CONFLICT);
	allocate("first", "LAMP", 1);
	world_advance_ms(world, 1000);
	ck_assert_uint_eq(conflicts(), 2);
	hold_lane();
	allocate("second", "LAMP", 1);
	world_run(world);
	step_lane(); /* its load */

	ck_assert_ptr_null(world->database->locks);
}
END_TEST

START_TEST(a_worker_that_holds_the_lock_wins_against_any_number_of_rivals)
{
	struct sent *sent;

	release_lane();
	for (int i = 0; i < 20; i++)
		memory_store_fail_next(world->lanes[0], CALL_FLUSH, INJECT_CONFLICT);
	sent = allocate("ours", "LAMP", 6);
	world_advance_ms(world, 20 * 100);

	expect_handled(sent);
	ck_assert_uint_eq(conflicts() + failed_speculations(), 20);
	ck_assert_uint_ge(memory_logger_count(&world->logger, "one conflict after another"), 1);
}
END_TEST

START_TEST(a_conflict_leaves_no_dead_letter)
{
	struct sent *sent =
		world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "orderid=order\nsku=LAMP\nqty=1");

	world_run(world);
	step_lane();
	rival_allocate("theirs", "LAMP", 1);
	release_lane();

	expect_handled(sent);
	ck_assert_uint_eq(world->database->dead_letter_count, 0);
}
END_TEST

/*
 * A batch whose reference another worker takes for another SKU of the lane, with changes resolved before and
 * after.
 */
static void change_batch_that_is_taken(int changes_before, bool caches_owner)
{
	struct sent *before[3], *after;

	release_lane();
	if (caches_owner)
		create_batch("of-owner", "CHAIR", 1);
	hold_lane();
	create_batch("b1", "LAMP", 10);
	for (int i = 0; i < changes_before; i++)
		before[i] = change_quantity("b1", 5 + i);
	world_run(world);
	rival_create_batch("b1", "CHAIR", 20);
	after = change_quantity("b1", 9);
	world_run(world);
	release_lane();
	world_settle(world);

	for (int i = 0; i < changes_before; i++)
		expect_handled(before[i]);
	expect_handled(after);
	ck_assert_int_eq(database_purchased(world->database, "b1"), 9);
	ck_assert_ptr_null(database_fault(world->database, world->arena));
}

START_TEST(a_change_moves_to_another_sku_of_its_own_lane_in_its_order)
{
	change_batch_that_is_taken(_i / 2 + 1, _i % 2);
}
END_TEST

SUITE("conflict", set_up, tear_down_world)
{
	tcase_add_test(tests, a_product_that_changed_after_the_load_is_loaded_again);
	tcase_add_test(tests, a_product_that_was_only_consulted_is_checked_too);
	tcase_add_test(tests, two_workers_create_the_same_product);
	tcase_add_test(tests, two_workers_create_the_same_batch);
	tcase_add_loop_test(tests, a_change_moves_to_another_sku_of_its_own_lane_in_its_order, 0, 6);
	tcase_add_test(tests, an_id_that_was_spent_after_the_load_is_found_when_the_unit_is_redone);
	tcase_add_test(tests, the_whole_unit_is_redone_in_its_order);
	tcase_add_test(tests, after_two_conflicts_the_load_takes_locks_that_the_rivals_wait_for);
	tcase_add_test(tests, no_locks_are_taken_before_the_outbox_is_compared);
	tcase_add_test(tests, loads_take_no_locks_after_a_commit);
	tcase_add_test(tests, a_worker_that_holds_the_lock_wins_against_any_number_of_rivals);
	tcase_add_test(tests, a_conflict_leaves_no_dead_letter);
}
