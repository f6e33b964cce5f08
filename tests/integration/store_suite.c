/* What every store and every views adapter promises, one test a rule. */
#include "store_suite.h"

#include "work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOMORROW 20000

static struct store_fixture *fixture;
static struct store *store;
static struct work *work;

static void set_up(void)
{
	fixture->set_up(fixture);
	store = fixture->make_store(fixture);
	work = work_new(fixture, store);
}

static void tear_down(void)
{
	work_free(&work);
	fixture->tear_down(fixture);
}

/* ---- shorthands ---- */

/* One command in a unit of its own. */

static void create_batch(const char *reference, const char *sku, int32_t qty, int32_t eta)
{
	work_restart(work);
	work_create_batch(work, reference, sku, qty, eta);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
}

static void allocate(const char *orderid, const char *sku, int32_t qty)
{
	work_restart(work);
	work_allocate(work, orderid, sku, qty);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
}

/* Lines of quantity 1, WORK_DELIVERIES_MAX a unit at most. */
static void allocate_many(const char *sku, int from, int count)
{
	char orderid[32];

	work_restart(work);
	for (int i = from; i < from + count; i++) {
		snprintf(orderid, sizeof orderid, "order-%05d", i);
		work_allocate(work, arena_strdup(work->uow.arena, orderid), sku, 1);
	}
	ck_assert_int_eq(work_do(work), NO_FAILURE);
}

/* The product, loaded with nothing but what always comes along; NULL when there is none. */
static struct product *load_product(const char *sku)
{
	work_restart(work);
	unit_of_work_want_product(&work->uow, sku);
	ck_assert_int_eq(work_load(work), NO_FAILURE);
	return unit_of_work_product(&work->uow, sku);
}

static size_t count_batches(const struct product *product)
{
	size_t count = 0;

	for (const struct batch *batch = product->batches; batch; batch = batch->next)
		count++;
	return count;
}

static size_t count_lines(const struct batch *batch)
{
	size_t count = 0;

	for (const struct allocation *line = batch->newest; line; line = line->older)
		count++;
	return count;
}

/* ---- what was flushed is loaded ---- */

START_TEST(an_unknown_sku_has_no_product)
{
	ck_assert_ptr_null(load_product("unknown"));
}
END_TEST

START_TEST(a_batch_comes_back_as_it_was)
{
	const struct batch *batch;
	struct product *product;

	create_batch("batch", "lamp", 100, TOMORROW);

	product = load_product("lamp");
	ck_assert_int_eq(product->version, 0);
	ck_assert_int_eq(product->revision, 1);
	ck_assert_uint_eq(count_batches(product), 1);
	batch = product_batch(product, "batch");
	ck_assert_int_eq(batch->eta, TOMORROW);
	ck_assert_int_eq(batch->original_qty, 100);
	ck_assert_int_eq(batch->purchased, 100);
	ck_assert_int_eq(batch->allocated, 0);
	ck_assert(batch->changed_at == NO_INSTANT);
	ck_assert(batch->stored);
}
END_TEST

START_TEST(the_warehouse_and_all_days_come_back)
{
	static const int32_t etas[] = {IN_WAREHOUSE, -719162 /* 0001-01-01 */, 0, TOMORROW,
				       2932896 /* 9999-12-31 */};
	char reference[] = "batch-0";

	create_batch(reference, "lamp", 1, etas[_i]);

	ck_assert_int_eq(load_product("lamp")->batches->eta, etas[_i]);
}
END_TEST

START_TEST(an_allocation_shows_in_the_batch_and_in_the_versions)
{
	struct product *product;

	create_batch("batch", "lamp", 100, IN_WAREHOUSE);

	allocate("order", "lamp", 30);

	product = load_product("lamp");
	ck_assert_int_eq(product->batches->allocated, 30);
	ck_assert_int_eq(product->version, 1);
	ck_assert_int_eq(product->revision, 2);
}
END_TEST

START_TEST(texts_of_any_characters_come_back)
{
	const char *sku = "l'ampe \"\\{},NULL\n\xc3\xa9\xf0\x9f\x92\xa1",
		   *reference = "{\"b\\\"atch\",}\t\x01";
	struct product *product;

	create_batch(reference, sku, 2, IN_WAREHOUSE);
	allocate("'; drop table products; --", sku, 1);

	product = load_product(sku);
	ck_assert_str_eq(product->batches->reference, reference);
	ck_assert_int_eq(product->batches->allocated, 1);
}
END_TEST

/* ---- only a part of a product is loaded ---- */

START_TEST(a_few_batches_are_all_of_them)
{
	struct product *product;

	create_batch("batch", "lamp", 1, IN_WAREHOUSE);

	product = load_product("lamp");

	ck_assert_int_eq(preference_compare(product_loaded_to(product, 1), PREFERENCE_END), 0);
}
END_TEST

/* `count` batches of one piece each, "batch-000" first. */
static void create_batches(int count, int32_t qty)
{
	char reference[32];

	work_restart(work);
	for (int i = 0; i < count; i++) {
		snprintf(reference, sizeof reference, "batch-%03d", i);
		work_create_batch(work, arena_strdup(work->uow.arena, reference), "lamp", qty, IN_WAREHOUSE);
	}
	ck_assert_int_eq(work_do(work), NO_FAILURE);
}

START_TEST(the_first_open_batches_come_in_order_of_preference)
{
	struct product *product;

	create_batches(OPEN_BATCHES + 3, 1);

	product = load_product("lamp");

	ck_assert_uint_eq(count_batches(product), OPEN_BATCHES);
	ck_assert_str_eq(product->batches->reference, "batch-000");
	ck_assert_str_eq(product_loaded_to(product, 1).reference, "batch-031");
}
END_TEST

START_TEST(exhausted_batches_stay_out)
{
	struct product *product;

	create_batches(3, 1);
	allocate("order", "lamp", 1);

	product = load_product("lamp");

	ck_assert_uint_eq(count_batches(product), 2);
	ck_assert_str_eq(product->batches->reference, "batch-001");
}
END_TEST

START_TEST(a_line_too_large_for_the_first_batches_finds_one_beyond_them)
{
	create_batches(OPEN_BATCHES + 3, 1);
	create_batch("large", "lamp", 5, TOMORROW);

	allocate("order", "lamp", 5);

	work_restart(work);
	unit_of_work_want_product(&work->uow, "lamp");
	unit_of_work_want_batch(&work->uow, "large", 5);
	ck_assert_int_eq(work_load(work), NO_FAILURE);
	ck_assert_int_eq(product_batch(unit_of_work_product(&work->uow, "lamp"), "large")->allocated, 5);
}
END_TEST

START_TEST(a_named_batch_comes_with_its_product)
{
	struct product *product;

	create_batch("batch", "lamp", 1, IN_WAREHOUSE);
	allocate("order", "lamp", 1);

	work_restart(work);
	unit_of_work_want_batch(&work->uow, "batch", 1);
	ck_assert_int_eq(work_load(work), NO_FAILURE);

	ck_assert_str_eq(unit_of_work_batch_owner(&work->uow, "batch"), "lamp");
	product = unit_of_work_product(&work->uow, "lamp");
	ck_assert_ptr_nonnull(product_batch(product, "batch"));
}
END_TEST

/* ---- lines ---- */

START_TEST(an_allocated_line_is_known_again)
{
	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	allocate("order", "lamp", 3);

	allocate("order", "lamp", 3);

	ck_assert_int_eq(work->deliveries[0]->outcome, OUTCOME_SKIPPED);
	ck_assert_int_eq(load_product("lamp")->batches->allocated, 3);
}
END_TEST

START_TEST(a_shrinking_batch_comes_with_its_newest_lines_up_to_the_shortfall)
{
	struct batch *batch;

	create_batch("batch", "lamp", 50, IN_WAREHOUSE);
	allocate_many("lamp", 0, 50);

	work_restart(work);
	unit_of_work_want_batch(&work->uow, "batch", 43);
	ck_assert_int_eq(work_load(work), NO_FAILURE);

	batch = product_batch(unit_of_work_product(&work->uow, "lamp"), "batch");
	ck_assert_uint_eq(count_lines(batch), 7);
	ck_assert_str_eq(batch->newest->line.orderid, "order-00049");
	ck_assert_int_eq(batch->lines_from, 44);
}
END_TEST

START_TEST(no_more_than_the_first_lines_come_unasked)
{
	struct batch *batch;

	create_batch("batch", "lamp", 150, IN_WAREHOUSE);
	allocate_many("lamp", 0, 150);

	work_restart(work);
	unit_of_work_want_batch(&work->uow, "batch", 0);
	ck_assert_int_eq(work_load(work), NO_FAILURE);

	batch = product_batch(unit_of_work_product(&work->uow, "lamp"), "batch");
	ck_assert_uint_eq(count_lines(batch), FIRST_LINES);
}
END_TEST

START_TEST(a_shrink_moves_more_lines_than_come_unasked)
{
	create_batch("batch", "lamp", 150, IN_WAREHOUSE);
	create_batch("other", "lamp", 150, TOMORROW);
	allocate_many("lamp", 0, 150);

	work_restart(work);
	work_change_quantity(work, "batch", 10);
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	load_product("lamp");
	unit_of_work_want_batch(&work->uow, "batch", INT32_MAX);
	ck_assert_int_eq(work_load(work), NO_FAILURE);
	ck_assert_int_eq(product_batch(unit_of_work_product(&work->uow, "lamp"), "batch")->allocated, 10);
	ck_assert_int_eq(product_batch(unit_of_work_product(&work->uow, "lamp"), "other")->allocated, 140);
}
END_TEST

/* ---- two stores ---- */

START_TEST(a_product_that_another_changed_is_a_conflict)
{
	struct work *other = work_new(fixture, fixture->make_store(fixture));

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_allocate(other, "theirs", "lamp", 1);
	ck_assert_int_eq(work_load(other), NO_FAILURE);
	allocate("ours", "lamp", 1);

	work_handle(other);

	ck_assert_int_eq(work_flush(other), FAILURE_CONFLICT);
	ck_assert_int_eq(load_product("lamp")->batches->allocated, 1);
	work_free(&other);
}
END_TEST

Suite *store_suite(struct store_fixture *of)
{
	Suite *suite = suite_create("store");
	TCase *parts = tcase_create("parts"), *stores = tcase_create("two stores");

	fixture = of;
	tcase_add_checked_fixture(parts, set_up, tear_down);
	tcase_add_test(parts, an_unknown_sku_has_no_product);
	tcase_add_test(parts, a_batch_comes_back_as_it_was);
	tcase_add_loop_test(parts, the_warehouse_and_all_days_come_back, 0, 5);
	tcase_add_test(parts, an_allocation_shows_in_the_batch_and_in_the_versions);
	tcase_add_test(parts, texts_of_any_characters_come_back);
	tcase_add_test(parts, a_few_batches_are_all_of_them);
	tcase_add_test(parts, the_first_open_batches_come_in_order_of_preference);
	tcase_add_test(parts, exhausted_batches_stay_out);
	tcase_add_test(parts, a_line_too_large_for_the_first_batches_finds_one_beyond_them);
	tcase_add_test(parts, a_named_batch_comes_with_its_product);
	tcase_add_test(parts, an_allocated_line_is_known_again);
	tcase_add_test(parts, a_shrinking_batch_comes_with_its_newest_lines_up_to_the_shortfall);
	tcase_add_test(parts, no_more_than_the_first_lines_come_unasked);
	tcase_add_test(parts, a_shrink_moves_more_lines_than_come_unasked);
	suite_add_tcase(suite, parts);

	tcase_add_checked_fixture(stores, set_up, tear_down);
	tcase_add_test(stores, a_product_that_another_changed_is_a_conflict);
	suite_add_tcase(suite, stores);
	return suite;
}
