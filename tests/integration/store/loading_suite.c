/* A store loads what it has flushed. */
#include "integration/store/store_steps.h"

#include "support/stored_product.h"
#include "support/suites.h"

/* ---- shorthands ---- */

static size_t count_batches(const struct product *product)
{
	size_t count = 0;

	for (const struct batch *batch = product_first_batch(product); batch; batch = batch_next(batch))
		count++;
	return count;
}

/* Loads the batch by its reference, and the lines that no longer fit if it shrinks to `qty`. */
static const struct batch *load_batch(const char *reference, int32_t qty)
{
	const struct batch *batch;

	work_restart(work);
	unit_of_work_want_batch(&work->uow, reference, qty);
	ck_assert_int_eq(work_load(work), NO_FAILURE);
	batch = product_batch(unit_of_work_product(&work->uow, "lamp"), reference);
	ck_assert_ptr_nonnull(batch);
	return batch;
}

/* ---- what was flushed is loaded ---- */

START_TEST(an_unknown_sku_has_no_product)
{
	ck_assert_ptr_null(load_product("unknown"));
}
END_TEST

START_TEST(a_batch_is_loaded_as_it_was_flushed)
{
	struct product *product;
	struct stored_batch batch;

	create_batch("batch", "lamp", 100, TOMORROW);

	product = load_product("lamp");
	ck_assert_int_eq(product_version(product), 0);
	ck_assert_int_eq(stored_revision(product), 1);
	ck_assert_str_eq(stored_references(product), "batch");
	batch = stored_batch(product_first_batch(product));
	ck_assert_int_eq(batch.eta, TOMORROW);
	ck_assert_int_eq(batch.original_qty, 100);
	ck_assert_int_eq(batch.purchased, 100);
	ck_assert_int_eq(batch.allocated, 0);
	ck_assert(batch.changed_at == NO_INSTANT);
	ck_assert(!batch_is_new(product_first_batch(product)));
}
END_TEST

START_TEST(every_eta_is_loaded_as_it_was_flushed)
{
	static const int32_t etas[] = {IN_WAREHOUSE, -719162 /* 0001-01-01 */, 0, TOMORROW,
				       2932896 /* 9999-12-31 */};
	char reference[] = "batch-0";

	create_batch(reference, "lamp", 1, etas[_i]);

	ck_assert_int_eq(stored_batch(product_first_batch(load_product("lamp"))).eta, etas[_i]);
}
END_TEST

START_TEST(an_allocation_changes_the_batch_and_the_versions)
{
	struct product *product;

	create_batch("batch", "lamp", 100, IN_WAREHOUSE);

	allocate("order", "lamp", 30);

	product = load_product("lamp");
	ck_assert_int_eq(batch_allocated(product_first_batch(product)), 30);
	ck_assert_int_eq(product_version(product), 1);
	ck_assert_int_eq(stored_revision(product), 2);
}
END_TEST

START_TEST(texts_of_any_characters_are_loaded_as_they_were_flushed)
{
	const char *sku = "l'ampe \"\\{},NULL\n\xc3\xa9\xf0\x9f\x92\xa1",
		   *reference = "{\"b\\\"atch\",}\t\x01";
	struct product *product;

	create_batch(reference, sku, 2, IN_WAREHOUSE);
	allocate("'; drop table products; --", sku, 1);

	product = load_product(sku);
	ck_assert_str_eq(batch_reference(product_first_batch(product)), reference);
	ck_assert_int_eq(batch_allocated(product_first_batch(product)), 1);
}
END_TEST

/* ---- only a part of a product is loaded ---- */

START_TEST(a_product_with_few_batches_is_loaded_to_the_end_of_them)
{
	struct product *product;

	create_batch("batch", "lamp", 1, IN_WAREHOUSE);

	product = load_product("lamp");

	ck_assert_ptr_null(stored_up_to(product, 1));
}
END_TEST

START_TEST(the_first_open_batches_are_loaded_in_order_of_preference)
{
	struct product *product;

	create_batches(OPEN_BATCHES + 3, 1);

	product = load_product("lamp");

	ck_assert_uint_eq(count_batches(product), OPEN_BATCHES);
	ck_assert_str_eq(batch_reference(product_first_batch(product)), "batch-000");
	ck_assert_str_eq(stored_up_to(product, 1), "batch-031");
}
END_TEST

START_TEST(the_reference_of_a_batch_does_not_make_it_preferred)
{
	create_batches(OPEN_BATCHES, 1);
	create_batch("a", "lamp", 1, TOMORROW);

	ck_assert_str_eq(batch_reference(product_first_batch(load_product("lamp"))), "batch-000");
	ck_assert_ptr_null(product_batch(unit_of_work_product(&work->uow, "lamp"), "a"));
}
END_TEST

START_TEST(exhausted_batches_are_not_loaded)
{
	struct product *product;

	create_batches(3, 1);
	allocate("order", "lamp", 1);

	product = load_product("lamp");

	ck_assert_str_eq(stored_references(product), "batch-001 batch-002");
}
END_TEST

START_TEST(a_line_too_large_for_the_first_batches_gets_a_later_one)
{
	create_batches(OPEN_BATCHES + 3, 1);
	create_batch("large", "lamp", 5, TOMORROW);

	allocate("order", "lamp", 5);

	ck_assert_int_eq(batch_allocated(load_batch("large", 5)), 5);
}
END_TEST

START_TEST(a_named_batch_is_loaded_with_its_product)
{
	create_batch("batch", "lamp", 1, IN_WAREHOUSE);
	allocate("order", "lamp", 1);

	load_batch("batch", 1);

	ck_assert_str_eq(unit_of_work_batch_owner(&work->uow, "batch"), "lamp");
	ck_assert_str_eq(stored_references(unit_of_work_product(&work->uow, "lamp")), "batch");
}
END_TEST

/* ---- lines ---- */

START_TEST(an_allocated_line_that_is_sent_again_is_skipped)
{
	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	allocate("order", "lamp", 3);

	allocate("order", "lamp", 3);

	ck_assert_int_eq(work->deliveries[0]->outcome, OUTCOME_SKIPPED);
	ck_assert_int_eq(batch_allocated(product_first_batch(load_product("lamp"))), 3);
}
END_TEST

START_TEST(a_shrinking_batch_is_loaded_with_its_newest_lines_up_to_the_shortfall)
{
	const struct batch *batch;

	create_batch("batch", "lamp", 50, IN_WAREHOUSE);
	allocate_many("lamp", 0, 50);

	batch = load_batch("batch", 43);

	ck_assert_uint_eq(stored_line_count(batch), 7);
	ck_assert_str_eq(stored_line_orderid(batch, 0), "order-00049");
	ck_assert_int_eq(stored_batch(batch).lines_from, 44);
}
END_TEST

START_TEST(a_first_load_brings_at_most_the_first_lines)
{
	create_batch("batch", "lamp", 150, IN_WAREHOUSE);
	allocate_many("lamp", 0, 150);

	ck_assert_uint_eq(stored_line_count(load_batch("batch", 0)), FIRST_LINES);
}
END_TEST

START_TEST(a_shrink_moves_more_lines_than_a_first_load_brings)
{
	create_batch("batch", "lamp", 150, IN_WAREHOUSE);
	create_batch("other", "lamp", 150, TOMORROW);
	allocate_many("lamp", 0, 150);

	work_restart(work);
	work_change_quantity(work, "batch", 10);
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_int_eq(batch_allocated(load_batch("batch", 10)), 10);
	ck_assert_int_eq(batch_allocated(load_batch("other", 140)), 140);
}
END_TEST

START_TEST(a_line_that_returned_to_its_batch_is_its_newest)
{
	const struct batch *batch;

	create_batch("batch", "lamp", 7, IN_WAREHOUSE);
	allocate("first", "lamp", 1);
	allocate("large", "lamp", 5);
	allocate("small", "lamp", 1);

	work_restart(work);
	work_change_quantity(work, "batch", 3);
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	batch = load_batch("batch", 0);
	ck_assert_str_eq(stored_line_orderid(batch, 0), "small");
	/* 4, 5: both lines lost it; 6: the large one is out of stock */
	ck_assert_int_eq(stored_line_version(batch, 0), 7);
	ck_assert_str_eq(stored_line_orderid(batch, 1), "first");
}
END_TEST

/* ---- whose batch ---- */

START_TEST(a_batch_resolves_to_its_sku)
{
	struct resolved_batch batches[] = {{.reference = "none"}, {.reference = "batch"}};

	create_batch("batch", "lamp", 1, IN_WAREHOUSE);

	work_begin_call(work);
	store->batches->ops->resolve(store->batches, batches, 2, work->uow.arena, work_answered, work);
	ck_assert_int_eq(work_wait(work), NO_FAILURE);

	ck_assert_ptr_null(batches[0].sku);
	ck_assert_str_eq(batches[1].sku, "lamp");
}
END_TEST

START_TEST(a_reference_of_another_skus_batch_is_rejected_as_taken)
{
	create_batch("batch", "lamp", 1, IN_WAREHOUSE);

	create_batch("batch", "chair", 1, IN_WAREHOUSE);

	ck_assert_int_eq(work->deliveries[0]->verdict, REJECT_BATCHREF_TAKEN);
	ck_assert_ptr_null(load_product("chair"));
}
END_TEST

/* ---- a shrink in steps ---- */

#define MANY_LINES 10050

/* A batch of this many lines that has shrunk to nothing, after the first step. */
static void begin_large_shrink(const char *sku)
{
	create_batch(sku, sku, MANY_LINES, IN_WAREHOUSE);
	for (int from = 0; from < MANY_LINES; from += 1050)
		allocate_many(sku, from, MANY_LINES - from < 1050 ? MANY_LINES - from : 1050);
	work_restart(work);
	work_change_quantity(work, sku, 0);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
}

/* Runs one step in a unit of its own; returns false if there is no step left. */
static bool take_step(void)
{
	struct product *product = load_product("lamp");

	if (!product_is_shrinking(product))
		return false;
	while (handle_shrink_step(&work->uow, product) == PROGRESS_NEEDS_MORE)
		ck_assert_int_eq(work_load(work), NO_FAILURE);
	unit_of_work_close(&work->uow);
	ck_assert_int_eq(work_flush(work), NO_FAILURE);
	return true;
}

static size_t count_unfinished_shrinks(const char **sku)
{
	size_t count;

	work_begin_call(work);
	store->chores->ops->find_active_shrinks(store->chores, sku, 1, &count, work->uow.arena, work_answered,
						work);
	ck_assert_int_eq(work_wait(work), NO_FAILURE);
	return count;
}

START_TEST(a_large_shrink_proceeds_in_committed_steps)
{
	const char *sku;
	struct product *product;

	create_batch("other", "lamp", MANY_LINES, TOMORROW);
	begin_large_shrink("lamp");

	ck_assert_uint_eq(count_unfinished_shrinks(&sku), 1);
	ck_assert_str_eq(sku, "lamp");
	product = load_product("lamp");
	ck_assert(product_is_shrinking(product));
	ck_assert_int_eq(product_shrink_progress(product).target, 0);
	ck_assert_str_eq(product_shrink_progress(product).batchref, "lamp");
	ck_assert_int_eq(batch_allocated(product_batch(product, "lamp")), MANY_LINES - MOVE_MAX_DEFAULT);
	while (take_step())
		continue;
	ck_assert_uint_eq(count_unfinished_shrinks(&sku), 0);
	product = load_product("lamp");
	ck_assert_int_eq(product_version(product), 3 * MANY_LINES);
	ck_assert_str_eq(stored_references(product), ""); /* no batch has free stock */
	ck_assert_int_eq(batch_allocated(load_batch("other", MANY_LINES)), MANY_LINES);
	allocate("order-00000", "lamp", 1);
	ck_assert_int_eq(work->deliveries[0]->outcome, OUTCOME_SKIPPED);
}
END_TEST

START_TEST(active_shrinks_are_returned_in_turn)
{
	const char *first, *second, *third;

	begin_large_shrink("lamp");
	begin_large_shrink("chair");

	ck_assert_uint_eq(count_unfinished_shrinks(&first), 1);
	ck_assert_uint_eq(count_unfinished_shrinks(&second), 1);
	ck_assert_uint_eq(count_unfinished_shrinks(&third), 1);

	ck_assert_str_ne(first, second);
	ck_assert_str_eq(first, third);
}
END_TEST

SUITE("store loading", store_set_up, store_tear_down, .timeout_s = 120)
{
	tcase_add_test(tests, an_unknown_sku_has_no_product);
	tcase_add_test(tests, a_batch_is_loaded_as_it_was_flushed);
	tcase_add_loop_test(tests, every_eta_is_loaded_as_it_was_flushed, 0, 5);
	tcase_add_test(tests, an_allocation_changes_the_batch_and_the_versions);
	tcase_add_test(tests, texts_of_any_characters_are_loaded_as_they_were_flushed);
	tcase_add_test(tests, a_product_with_few_batches_is_loaded_to_the_end_of_them);
	tcase_add_test(tests, the_first_open_batches_are_loaded_in_order_of_preference);
	tcase_add_test(tests, the_reference_of_a_batch_does_not_make_it_preferred);
	tcase_add_test(tests, exhausted_batches_are_not_loaded);
	tcase_add_test(tests, a_line_too_large_for_the_first_batches_gets_a_later_one);
	tcase_add_test(tests, a_named_batch_is_loaded_with_its_product);
	tcase_add_test(tests, an_allocated_line_that_is_sent_again_is_skipped);
	tcase_add_test(tests, a_shrinking_batch_is_loaded_with_its_newest_lines_up_to_the_shortfall);
	tcase_add_test(tests, a_first_load_brings_at_most_the_first_lines);
	tcase_add_test(tests, a_shrink_moves_more_lines_than_a_first_load_brings);
	tcase_add_test(tests, a_line_that_returned_to_its_batch_is_its_newest);
	tcase_add_test(tests, a_large_shrink_proceeds_in_committed_steps);
	tcase_add_test(tests, active_shrinks_are_returned_in_turn);
	tcase_add_test(tests, a_batch_resolves_to_its_sku);
	tcase_add_test(tests, a_reference_of_another_skus_batch_is_rejected_as_taken);
}
