/* What every store keeps of lines that are deallocated or shipped. */
#include "integration/store/store_steps.h"

#include "support/stored_product.h"
#include "support/suites.h"

static struct delivery *release(enum message_type type, const char *orderid, int32_t qty)
{
	struct envelope envelope = {.occurred_at = NO_INSTANT};

	message_init(&envelope.message, type);
	message_set_text(&envelope.message, "orderid", orderid);
	message_set_text(&envelope.message, "sku", "lamp");
	envelope.message.as.ship.qty = qty;
	return work_message(work, &envelope);
}

_Static_assert(offsetof(struct ship, qty) == offsetof(struct deallocate, qty), "both have the same fields");

static const struct batch *load_batch(const char *reference)
{
	work_restart(work);
	unit_of_work_want_batch(&work->uow, reference, 0);
	ck_assert_int_eq(work_load(work), NO_FAILURE);
	return product_batch(unit_of_work_product(&work->uow, "lamp"), reference);
}

static void expect_batch(const char *reference, int32_t allocated, int32_t purchased)
{
	const struct batch *batch = load_batch(reference);

	ck_assert_int_eq(batch_allocated(batch), allocated);
	ck_assert_int_eq(batch_purchased(batch), purchased);
}

START_TEST(a_released_line_is_stored_no_longer)
{
	static const enum message_type types[] = {MSG_DEALLOCATE, MSG_SHIP};

	create_batch("exhausted", "lamp", 10, IN_WAREHOUSE);
	create_batch("other", "lamp", 10, TOMORROW);
	allocate("first", "lamp", 4);
	allocate("second", "lamp", 6);

	work_restart(work);
	release(types[_i], "first", 4);
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_int_eq(work->deliveries[0]->outcome, OUTCOME_HANDLED);
	expect_batch("exhausted", 6, types[_i] == MSG_SHIP ? 6 : 10);
	ck_assert_uint_eq(stored_line_count(load_batch("exhausted")), 1);
	work_restart(work);
	release(types[_i], "first", 4);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	ck_assert_int_eq(work->deliveries[0]->outcome, OUTCOME_SKIPPED);
	allocate("first", "lamp", 4);
	expect_batch("other", types[_i] == MSG_SHIP ? 4 : 0, 10);
}
END_TEST

START_TEST(a_line_is_allocated_and_released_in_one_unit)
{
	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	allocate("stored", "lamp", 3);

	work_restart(work);
	work_allocate(work, "new", "lamp", 4);
	release(MSG_DEALLOCATE, "new", 4);
	release(MSG_SHIP, "stored", 3);
	work_allocate(work, "stored", "lamp", 3);
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	for (size_t i = 0; i < work->delivery_count; i++)
		ck_assert_int_eq(work->deliveries[i]->outcome, OUTCOME_HANDLED);
	expect_batch("batch", 3, 7);
	ck_assert_str_eq(stored_line_orderid(load_batch("batch"), 0), "stored");
}
END_TEST

/* ---- a shrink in steps: two lines a step ---- */

/* Runs one step in a unit of its own; returns false if there is no step left. */
static bool take_step(void)
{
	struct product *product;

	work_restart(work);
	work->uow.move_max = 2;
	unit_of_work_want_product(&work->uow, "lamp");
	ck_assert_int_eq(work_load(work), NO_FAILURE);
	product = unit_of_work_product(&work->uow, "lamp");
	if (!product_is_shrinking(product))
		return false;
	while (handle_shrink_step(&work->uow, product) == PROGRESS_NEEDS_MORE)
		ck_assert_int_eq(work_load(work), NO_FAILURE);
	unit_of_work_close(&work->uow);
	ck_assert_int_eq(work_flush(work), NO_FAILURE);
	return true;
}

/* Releases two of seven lines, and shrinks the batch to three right behind them. */
START_TEST(a_shrink_in_steps_behind_releases_moves_the_other_lines)
{
	create_batch("a", "lamp", 7, IN_WAREHOUSE);
	create_batch("b", "lamp", 7, TOMORROW);
	allocate_many("lamp", 0, 7);

	work_restart(work);
	work->uow.move_max = 2;
	release(MSG_DEALLOCATE, "order-00006", 1);
	release(MSG_SHIP, "order-00004", 1);
	work_change_quantity(work, "a", 1);
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert(product_is_shrinking(load_product("lamp")));
	while (take_step())
		continue;
	expect_batch("a", 1, 1);
	expect_batch("b", 4, 7);
	ck_assert_int_eq(product_version(load_product("lamp")), 7 + 2 + 4 + 4);
}
END_TEST

/* What concerns the SKU waits for the shrink, so a line that it displaced is found in its new batch. */
START_TEST(a_line_that_a_shrink_displaced_is_released_when_it_is_done)
{
	create_batch("a", "lamp", 7, IN_WAREHOUSE);
	create_batch("b", "lamp", 7, TOMORROW);
	allocate_many("lamp", 0, 7);
	work_restart(work);
	work->uow.move_max = 2;
	work_change_quantity(work, "a", 1);
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	work_restart(work);
	release(MSG_DEALLOCATE, "order-00006", 1);
	ck_assert_int_eq(work_load(work), NO_FAILURE);
	ck_assert_int_eq(handle_delivery(&work->uow, work->deliveries[0]), PROGRESS_LATER);
	while (take_step())
		continue;
	work_restart(work);
	release(MSG_DEALLOCATE, "order-00006", 1);
	release(MSG_SHIP, "order-00005", 1);
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_int_eq(work->deliveries[0]->outcome, OUTCOME_HANDLED);
	ck_assert_int_eq(work->deliveries[1]->outcome, OUTCOME_HANDLED);
	expect_batch("b", 4, 6);
}
END_TEST

SUITE("store releases", store_set_up, store_tear_down)
{
	tcase_add_loop_test(tests, a_released_line_is_stored_no_longer, 0, 2);
	tcase_add_test(tests, a_line_is_allocated_and_released_in_one_unit);
	tcase_add_test(tests, a_shrink_in_steps_behind_releases_moves_the_other_lines);
	tcase_add_test(tests, a_line_that_a_shrink_displaced_is_released_when_it_is_done);
}
