/* A unit whose data another unit changed meanwhile is a conflict, and units that lock exclude each other. */
#include "integration/store/store_steps.h"

#include "support/stored_product.h"
#include "support/suites.h"

/* ---- two stores ---- */

START_TEST(a_product_that_another_unit_changed_is_a_conflict)
{
	struct work *other = work_new(fixture, fixture->make_store(fixture));

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_allocate(other, "theirs", "lamp", 1);
	ck_assert_int_eq(work_load(other), NO_FAILURE);
	allocate("ours", "lamp", 1);

	work_handle(other);

	ck_assert_int_eq(work_flush(other), FAILURE_CONFLICT);
	ck_assert_int_eq(batch_allocated(product_first_batch(load_product("lamp"))), 1);
	work_free(&other);
}
END_TEST

/* Without an event only the revision shows the change. */
START_TEST(a_product_to_which_another_unit_added_a_batch_is_a_conflict)
{
	struct work *other = work_new(fixture, fixture->make_store(fixture));

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_create_batch(other, "theirs", "lamp", 10, IN_WAREHOUSE);
	ck_assert_int_eq(work_load(other), NO_FAILURE);
	create_batch("ours", "lamp", 10, IN_WAREHOUSE);

	work_handle(other);

	ck_assert_int_eq(work_flush(other), FAILURE_CONFLICT);
	work_free(&other);
}
END_TEST

START_TEST(a_product_that_was_only_consulted_is_checked_by_the_flush)
{
	struct work *other = work_new(fixture, fixture->make_store(fixture));

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	allocate("order", "lamp", 1);
	work_allocate(other, "order", "lamp", 1); /* a duplicate: it changes nothing */
	ck_assert_int_eq(work_load(other), NO_FAILURE);
	allocate("another", "lamp", 1);

	work_handle(other);

	ck_assert_int_eq(other->deliveries[0]->outcome, OUTCOME_SKIPPED);
	ck_assert_int_eq(work_flush(other), FAILURE_CONFLICT);
	work_free(&other);
}
END_TEST

/* It has no revision; what the unit decided has its place at the load. */
START_TEST(a_sku_that_was_unknown_is_not_checked_by_the_flush)
{
	struct work *other = work_new(fixture, store);
	struct delivery *allocate = work_allocate(other, "order", "lamp", 1);

	ck_assert_int_eq(work_load(other), NO_FAILURE);
	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_handle(other);

	ck_assert_int_eq(allocate->verdict, REJECT_INVALID_SKU);
	ck_assert_int_eq(work_flush(other), NO_FAILURE);
	work_free(&other);
}
END_TEST

START_TEST(consulting_a_product_does_not_change_its_revision)
{
	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	allocate("order", "lamp", 1);

	allocate("order", "lamp", 1);

	ck_assert_int_eq(stored_revision(load_product("lamp")), 2);
}
END_TEST

/* A later state of a product must not be added to an earlier one. */
START_TEST(loading_more_of_a_product_that_another_unit_changed_is_a_conflict)
{
	struct work *other = work_new(fixture, fixture->make_store(fixture));

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	unit_of_work_want_product(&other->uow, "lamp");
	ck_assert_int_eq(work_load(other), NO_FAILURE);
	allocate("order", "lamp", 1);

	stored_need_stock(unit_of_work_product(&other->uow, "lamp"));

	ck_assert_int_eq(work_load(other), FAILURE_CONFLICT);
	work_free(&other);
}
END_TEST

/* The first load did not find the line; what finds the product in the second one is its batch. */
START_TEST(loading_a_product_that_another_unit_created_since_the_first_load_is_a_conflict)
{
	struct work *other = work_new(fixture, fixture->make_store(fixture));

	work_allocate(other, "order", "lamp", 1);
	ck_assert_int_eq(work_load(other), NO_FAILURE);
	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	allocate("order", "lamp", 1);

	unit_of_work_want_batch(&other->uow, "batch", 5); /* to shrink it */

	ck_assert_int_eq(work_load(other), FAILURE_CONFLICT);
	work_free(&other);
}
END_TEST

/* To the unit the SKU stays unknown, as it was at the first load. */
START_TEST(a_line_of_a_product_that_another_unit_created_since_the_first_load_is_not_loaded)
{
	struct work *other = work_new(fixture, fixture->make_store(fixture));

	work_allocate(other, "order", "lamp", 1);
	ck_assert_int_eq(work_load(other), NO_FAILURE);
	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	allocate("another", "lamp", 1);

	unit_of_work_want_stored_line(&other->uow, &(struct order_line){"another", "lamp", 1});

	ck_assert_int_eq(work_load(other), NO_FAILURE);
	ck_assert_ptr_null(unit_of_work_product(&other->uow, "lamp"));
	work_free(&other);
}
END_TEST

START_TEST(a_product_of_which_no_more_is_loaded_is_checked_only_by_the_flush)
{
	struct work *other = work_new(fixture, fixture->make_store(fixture));

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	unit_of_work_want_product(&other->uow, "lamp");
	ck_assert_int_eq(work_load(other), NO_FAILURE);
	allocate("order", "lamp", 1);

	unit_of_work_want_product(&other->uow, "unknown");

	ck_assert_int_eq(work_load(other), NO_FAILURE);
	ck_assert_int_eq(work_flush(other), FAILURE_CONFLICT);
	work_free(&other);
}
END_TEST

/* Two workers create the same rows before either has flushed. */

static void both_create_the_product(struct work *one, struct work *other)
{
	work_create_batch(one, "batch-1", "lamp", 10, IN_WAREHOUSE);
	work_create_batch(other, "batch-2", "lamp", 10, IN_WAREHOUSE);
}

static void both_create_the_batch(struct work *one, struct work *other)
{
	work_create_batch(one, "batch", "lamp", 10, IN_WAREHOUSE);
	work_create_batch(other, "batch", "chair", 10, IN_WAREHOUSE);
}

static void both_allocate_the_line(struct work *one, struct work *other)
{
	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_allocate(one, "order", "lamp", 1);
	work_allocate(other, "order", "lamp", 1);
}

static void both_spend_the_id(struct work *one, struct work *other)
{
	create_batch_with_id(one, "batch-1", "lamp", "id");
	create_batch_with_id(other, "batch-2", "chair", "id");
}

static void (*const both_create[])(struct work *, struct work *) = {
	both_create_the_product, both_create_the_batch, both_allocate_the_line, both_spend_the_id};

#define BOTH_CREATE ((int)(sizeof both_create / sizeof both_create[0]))

START_TEST(a_row_that_two_units_create_is_a_conflict_for_the_second)
{
	struct work *one = work_new(fixture, store), *other = work_new(fixture, fixture->make_store(fixture));

	both_create[_i](one, other);

	ck_assert_int_eq(work_do_both(one, other), FAILURE_CONFLICT);

	work_free(&one);
	work_free(&other);
}
END_TEST

START_TEST(a_unit_with_a_conflict_writes_nothing)
{
	struct work *other = work_new(fixture, fixture->make_store(fixture));
	char reasons[256];

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_allocate(other, "theirs", "lamp", 1);
	create_batch_with_id(other, "their batch", "chair", "id");
	work_invalid(other, "bad");
	ck_assert_int_eq(work_load(other), NO_FAILURE);
	work_handle(other);
	allocate("ours", "lamp", 1);

	ck_assert_int_eq(work_flush(other), FAILURE_CONFLICT);

	ck_assert_ptr_null(load_product("chair"));
	fixture->dead_letters(fixture, reasons, sizeof reasons);
	ck_assert_str_eq(reasons, "");
	work_restart(work);
	create_batch_with_id(work, "their batch", "chair", "id");
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	ck_assert_int_eq(work->deliveries[0]->outcome, OUTCOME_HANDLED);
	work_free(&other);
}
END_TEST

START_TEST(a_unit_redone_after_a_conflict_commits)
{
	struct work *other = work_new(fixture, fixture->make_store(fixture));

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_allocate(other, "theirs", "lamp", 1);
	ck_assert_int_eq(work_load(other), NO_FAILURE);
	work_handle(other);
	allocate("ours", "lamp", 1);
	ck_assert_int_eq(work_flush(other), FAILURE_CONFLICT);

	work_restart(other);
	work_allocate(other, "theirs", "lamp", 1);

	ck_assert_int_eq(work_do(other), NO_FAILURE);
	ck_assert_int_eq(product_version(load_product("lamp")), 2);
	work_free(&other);
}
END_TEST

START_TEST(events_of_an_earlier_epoch_are_not_committed)
{
	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_restart(work);
	work_allocate(work, "order", "lamp", 1);
	ck_assert_int_eq(work_load(work), NO_FAILURE);
	ck_assert_int_eq(work->uow.epoch, 1);
	work_handle(work);
	fixture->renew(fixture);
	ck_assert_int_eq(work_load(work), NO_FAILURE); /* the events were encoded before */
	ck_assert_int_eq(work_flush(work), FAILURE_CONFLICT);

	work_restart(work);
	work_allocate(work, "order", "lamp", 1);
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_int_eq(work->uow.epoch, 2);
	ck_assert_int_eq(product_version(load_product("lamp")), 1);
}
END_TEST

/* ---- units that lock ---- */

START_TEST(a_flush_of_a_locked_product_waits_and_then_fails)
{
	struct work *other = work_new(fixture, fixture->make_store(fixture));
	int answer;

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_allocate(other, "theirs", "lamp", 1);
	ck_assert_int_eq(work_load(other), NO_FAILURE);
	work_handle(other);
	work_restart(work);
	work->uow.locking = true;
	work_allocate(work, "ours", "lamp", 1);
	ck_assert_int_eq(work_load(work), NO_FAILURE);

	work_begin_flush(other);
	work_handle(work);
	ck_assert_int_eq(work_flush(work), NO_FAILURE);

	answer = work_wait(other);
	ck_assert_msg(answer == FAILURE_CONFLICT || answer == FAILURE_RETRY, "it must not go in: %d", answer);
	ck_assert_int_eq(product_version(load_product("lamp")), 1);
	work_free(&other);
}
END_TEST

START_TEST(a_unit_that_locks_may_load_again)
{
	create_batches(OPEN_BATCHES + 3, 1);
	create_batch("large", "lamp", 5, TOMORROW);
	work_restart(work);
	work->uow.locking = true;
	work_allocate(work, "order", "lamp", 5);

	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_int_eq(product_version(load_product("lamp")), 1);
}
END_TEST

START_TEST(an_abandoned_unit_holds_no_locks)
{
	struct work *other = work_new(fixture, fixture->make_store(fixture));

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_restart(work);
	work->uow.locking = true;
	work_allocate(work, "abandoned", "lamp", 1);
	ck_assert_int_eq(work_load(work), NO_FAILURE);

	load_product("chair"); /* the next unit of that store */

	work_allocate(other, "order", "lamp", 1);
	ck_assert_int_eq(work_do(other), NO_FAILURE);
	work_free(&other);
}
END_TEST

SUITE("store conflicts", store_set_up, store_tear_down, .timeout_s = 120)
{
	tcase_add_test(tests, a_product_that_another_unit_changed_is_a_conflict);
	tcase_add_test(tests, a_product_to_which_another_unit_added_a_batch_is_a_conflict);
	tcase_add_test(tests, a_product_that_was_only_consulted_is_checked_by_the_flush);
	tcase_add_test(tests, a_sku_that_was_unknown_is_not_checked_by_the_flush);
	tcase_add_test(tests, consulting_a_product_does_not_change_its_revision);
	tcase_add_test(tests, loading_more_of_a_product_that_another_unit_changed_is_a_conflict);
	tcase_add_test(tests, loading_a_product_that_another_unit_created_since_the_first_load_is_a_conflict);
	tcase_add_test(tests,
		       a_line_of_a_product_that_another_unit_created_since_the_first_load_is_not_loaded);
	tcase_add_test(tests, a_product_of_which_no_more_is_loaded_is_checked_only_by_the_flush);
	tcase_add_loop_test(tests, a_row_that_two_units_create_is_a_conflict_for_the_second, 0, BOTH_CREATE);
	tcase_add_test(tests, a_unit_with_a_conflict_writes_nothing);
	tcase_add_test(tests, a_unit_redone_after_a_conflict_commits);
	tcase_add_test(tests, events_of_an_earlier_epoch_are_not_committed);
	tcase_add_test(tests, a_flush_of_a_locked_product_waits_and_then_fails);
	tcase_add_test(tests, a_unit_that_locks_may_load_again);
	tcase_add_test(tests, an_abandoned_unit_holds_no_locks);
}
