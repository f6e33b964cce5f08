/* What a unit of work caches and assumes instead of loading it, and how it detects wrong assumptions. */
#include "support/rival.h"
#include "support/stored_product.h"
#include "support/suites.h"

#include "bus/unit_of_work/product_cache.h"

#include <stdio.h>

static size_t loads(void)
{
	return memory_store_calls(world->lanes[0], CALL_LOAD);
}

static uint64_t failed_speculations(void)
{
	return engine_stats(world->engine)->failed_speculations;
}

static struct sent *allocate_with_id(const char *orderid, const char *sku, int qty, const char *id)
{
	return world_send(world, TRANSPORT_HTTP, MSG_ALLOCATE, "orderid=%s\nsku=%s\nqty=%d\nid=%s", orderid,
			  sku, qty, id);
}

/* Creates a batch of ten lamps that the worker has cached. */
static void set_up(void)
{
	set_up_world();
	create_batch("batch", "LAMP", 10);
	world_run(world);
}

/* ---- nothing to load ---- */

START_TEST(a_cached_product_is_not_loaded)
{
	size_t before = loads();

	for (int i = 1; i <= 4; i++) {
		allocate_with_id("order", "LAMP", i, arena_printf(world->arena, "id-%d", i));
		world_run(world);
	}

	ck_assert_uint_eq(loads(), before);
	ck_assert_int_eq(database_allocated(world->database, "batch"), 10);
	ck_assert_uint_eq(failed_speculations(), 0);
}
END_TEST

START_TEST(a_batch_that_grows_is_not_loaded_and_one_that_shrinks_asks_for_lines_alone)
{
	size_t before;

	allocate("order", "LAMP", 10);
	world_run(world);
	before = loads();
	change_quantity("batch", 11);
	world_run(world);
	ck_assert_uint_eq(loads(), before);

	change_quantity("batch", 3);
	world_run(world);
	ck_assert_uint_eq(loads(), before + 1);
	ck_assert_uint_eq(engine_stats(world->engine)->loads_again, 0);
	ck_assert_str_eq(batch_of("order", "LAMP", 10), "");
}
END_TEST

START_TEST(an_unknown_sku_is_looked_up_each_time)
{
	struct sent *sent = allocate("order", "CHAIR", 1);

	world_run(world);
	ck_assert_int_eq(sent->verdict, REJECT_INVALID_SKU);

	rival_create_batch("chairs", "CHAIR", 1);
	sent = allocate("order", "CHAIR", 1);
	world_run(world);
	expect_handled(sent);
	ck_assert_str_eq(batch_of("order", "CHAIR", 1), "chairs");
}
END_TEST

/* ---- it is not so any more ---- */

START_TEST(a_cached_product_that_another_worker_changed_is_loaded_again)
{
	struct sent *sent;

	rival_change_quantity("batch", 2);
	sent = allocate("order", "LAMP", 5);
	world_run(world);

	expect_handled(sent);
	ck_assert_str_eq(batch_of("order", "LAMP", 5), "");
	ck_assert_uint_eq(failed_speculations(), 1);
	ck_assert_uint_eq(engine_stats(world->engine)->conflicts, 0);
}
END_TEST

START_TEST(stock_added_by_another_worker_is_found_before_a_line_is_out_of_stock)
{
	struct sent *sent;

	rival_create_batch("more", "LAMP", 20);
	sent = allocate("order", "LAMP", 15);
	world_run(world);

	expect_handled(sent);
	ck_assert_str_eq(batch_of("order", "LAMP", 15), "more");
}
END_TEST

START_TEST(the_cache_is_empty_after_a_failure)
{
	size_t before = loads();

	memory_store_fail_next(world->lanes[0], CALL_FLUSH, INJECT_LOST_BEFORE);
	allocate("order", "LAMP", 1);
	world_advance_ms(world, 1000);

	ck_assert_uint_eq(loads(), before + 1);
}
END_TEST

/* The database may have been restored from a backup and reached the same revision by other changes. */
START_TEST(the_cache_is_empty_after_a_session_was_lost_between_two_units)
{
	size_t before = loads();

	memory_store_lose_session(world->lanes[0]);
	allocate("order", "LAMP", 1);
	world_run(world);
	ck_assert_uint_eq(loads(), before + 1);

	allocate("order", "LAMP", 2);
	world_run(world);
	ck_assert_uint_eq(loads(), before + 1);
}
END_TEST

/* ---- it was not new ---- */

START_TEST(an_id_that_was_spent_is_found_by_the_flush)
{
	struct sent *sent;

	allocate_with_id("order", "LAMP", 1, "x");
	change_quantity("batch", 0); /* the line is gone, and would be allocated again */
	change_quantity("batch", 10);
	world_run(world);
	sent = allocate_with_id("order", "LAMP", 1, "x");
	world_run(world);

	ck_assert_int_eq(sent->verdict, SKIP_DUPLICATE);
	ck_assert_int_eq(database_allocated(world->database, "batch"), 0);
}
END_TEST

START_TEST(a_line_that_was_allocated_is_found_by_the_flush)
{
	struct sent *sent;

	allocate("order", "LAMP", 1);
	world_run(world);
	sent = allocate("order", "LAMP", 1);
	world_run(world);

	ck_assert_int_eq(sent->verdict, SKIP_DUPLICATE);
	ck_assert_int_eq(database_allocated(world->database, "batch"), 1);
}
END_TEST

/* Without stock and without an id nothing is inserted, so no insert can reveal the wrong assumption. */
START_TEST(a_stored_line_is_skipped_and_not_out_of_stock)
{
	struct sent *sent;

	allocate("order", "LAMP", 10);
	world_run(world);
	sent = allocate("order", "LAMP", 10);
	world_run(world);

	ck_assert_int_eq(sent->verdict, SKIP_DUPLICATE);
	ck_assert_uint_eq(failed_speculations(), 0);
	ck_assert_str_eq(published(), "line_allocated order LAMP 10 batch 1\n");
}
END_TEST

START_TEST(a_duplicate_is_skipped_even_if_it_would_be_rejected)
{
	struct sent *sent;

	allocate_with_id("order", "LAMP", 1, "x");
	world_run(world);
	sent = allocate_with_id("order", "UNKNOWN", 1, "x");
	world_run(world);

	ck_assert_int_eq(sent->verdict, REJECT_ID_REUSED);
}
END_TEST

/* In one unit the line is apparently allocated a second time, and then displaced for lack of stock. */
START_TEST(a_stored_line_that_was_assumed_new_and_is_displaced_is_skipped)
{
	struct sent *again, *shrink;

	allocate("order", "LAMP", 4);
	world_run(world);
	again = allocate("order", "LAMP", 4);
	shrink = change_quantity("batch", 5);
	world_run(world);

	ck_assert_int_eq(again->verdict, SKIP_DUPLICATE);
	expect_handled(shrink);
	ck_assert_str_eq(batch_of("order", "LAMP", 4), "batch");
	ck_assert_int_eq(database_version(world->database, "LAMP"), 1);
}
END_TEST

/*
 * Two batches shrink in one unit: the lines of the second one are loaded only when needed, and include the
 * line that was apparently allocated a second time.
 */
START_TEST(a_line_that_was_assumed_new_does_not_hide_the_one_that_a_shrink_needs)
{
	struct sent *again, *shrink;

	allocate("order", "LAMP", 4);
	allocate("big", "LAMP", 6);
	create_batch("later", "LAMP", 20);
	world_run(world);
	allocate("another", "LAMP", 5);
	world_run(world);
	again = allocate("another", "LAMP", 5);
	change_quantity("batch", 9);
	shrink = change_quantity("later", 0);
	world_run(world);

	ck_assert_int_eq(again->verdict, SKIP_DUPLICATE);
	expect_handled(shrink);
	ck_assert_int_eq(database_purchased(world->database, "later"), 0);
	ck_assert_str_eq(batch_of("another", "LAMP", 5), "batch");
}
END_TEST

START_TEST(an_unverified_message_makes_the_rest_of_the_unit_look_up_at_once)
{
	size_t before = loads();
	struct sent *last;

	allocate_with_id("order", "LAMP", 6, "first");
	world_run(world);
	for (int i = 0; i < 5; i++)
		allocate_with_id(arena_printf(world->arena, "too-late-%d", i), "LAMP", 5,
				 arena_printf(world->arena, "id-%d", i));
	last = allocate_with_id("order", "LAMP", 6, "first");
	world_run(world);

	ck_assert_uint_eq(loads(), before + 1);
	ck_assert_int_eq(last->verdict, SKIP_DUPLICATE);
	ck_assert_int_eq(database_version(world->database, "LAMP"), 6);
}
END_TEST

START_TEST(units_look_ids_up_after_a_duplicate_until_no_more_arrive)
{
	size_t before;

	allocate("order", "LAMP", 1);
	world_run(world);
	allocate("order", "LAMP", 1); /* a wrong assumption */
	world_run(world);
	ck_assert_uint_eq(failed_speculations(), 1);
	allocate("order", "LAMP", 1); /* no assumption: the line is looked up */
	world_run(world);
	ck_assert_uint_eq(failed_speculations(), 1);

	for (int i = 0; i < 16; i++) {
		before = loads();
		change_quantity("batch", 1000 + i);
		allocate("another", "LAMP", i + 1);
		world_run(world);
		ck_assert_uint_eq(loads(), before + 1);
	}
	before = loads();
	allocate("the-last", "LAMP", 1);
	world_run(world);
	ck_assert_uint_eq(loads(), before);
}
END_TEST

START_TEST(a_duplicate_in_the_last_cautious_unit_keeps_the_lane_cautious)
{
	size_t before;

	allocate("order", "LAMP", 1);
	world_run(world);
	allocate("order", "LAMP", 1); /* a wrong assumption: this unit and 16 more look everything up */
	world_run(world);
	for (int i = 0; i < 15; i++) {
		allocate("another", "LAMP", i + 1);
		world_run(world);
	}
	allocate("order", "LAMP", 1);
	world_run(world);

	before = loads();
	allocate("order", "LAMP", 1);
	world_run(world);

	ck_assert_uint_eq(loads(), before + 1);
	ck_assert_uint_eq(failed_speculations(), 1);
}
END_TEST

/* ---- the database's clock ---- */

START_TEST(the_databases_clock_is_read_again_after_a_while)
{
	size_t before = loads();

	world_advance_ms(world, 9000);
	allocate("order", "LAMP", 1);
	world_run(world);
	ck_assert_uint_eq(loads(), before); /* the flush returned the database's time */
	world_advance_ms(world, 9000);
	allocate("order", "LAMP", 2);
	world_run(world);
	ck_assert_uint_eq(loads(), before);

	world_advance_ms(world, 11000);
	allocate("order", "LAMP", 3);
	world_run(world);
	ck_assert_uint_eq(loads(), before + 1);
}
END_TEST

START_TEST(a_message_from_the_future_is_found_by_the_extrapolated_clock)
{
	struct sent *sent;

	world_advance_ms(world, 8000);
	sent = world_send(world, TRANSPORT_HTTP, MSG_CHANGE_BATCH_QUANTITY,
			  "batchref=batch\nqty=5\noccurred_at=2024-01-01T00:05:09Z");
	world_run(world);
	ck_assert_int_eq(sent->outcome, OUTCOME_INVALID);

	world_advance_ms(world, 1500);
	sent = world_send(world, TRANSPORT_HTTP, MSG_CHANGE_BATCH_QUANTITY,
			  "batchref=batch\nqty=5\noccurred_at=2024-01-01T00:05:09Z");
	world_run(world);
	expect_handled(sent);
}
END_TEST

START_TEST(a_duplicate_is_skipped_even_if_it_is_from_the_future_by_then)
{
	static const char payload[] = "batchref=batch\nqty=5\noccurred_at=2024-01-01T00:04:00Z\nid=x";
	struct sent *first = world_send(world, TRANSPORT_HTTP, MSG_CHANGE_BATCH_QUANTITY, "%s", payload);
	struct sent *second;

	world_run(world);
	expect_handled(first);
	database_set_clock(world->database, -INT64_C(600) * 1000000);
	world_advance_ms(world, 11000);
	second = world_send(world, TRANSPORT_HTTP, MSG_CHANGE_BATCH_QUANTITY, "%s", payload);
	world_run(world);

	ck_assert_int_eq(second->verdict, SKIP_DUPLICATE);
}
END_TEST

/* ---- the cache itself ---- */

static struct product_cache *cache;
static struct unit_of_work uow;
static struct memory_codec codec;

static void set_up_cache(void)
{
	memory_codec_init(&codec);
	unit_of_work_init(&uow, &codec.codec, MOVE_MAX_DEFAULT);
	cache = product_cache_new(4096);
}

static void tear_down_cache(void)
{
	product_cache_free(&cache);
	unit_of_work_release(&uow);
}

/* Caches the product at that version, as after the commit of a unit. */
static void keep(const char *sku, int64_t version)
{
	unit_of_work_clear(&uow);
	unit_of_work_want_product(&uow, sku);
	unit_of_work_put_product(&uow, sku, 1, version, 1, 0);
	product_cache_keep(cache, &uow);
}

/* The version in the cache; 0: the product is not cached. */
static int64_t recalled(const char *sku)
{
	unit_of_work_clear(&uow);
	unit_of_work_want_product(&uow, sku);
	product_cache_recall(cache, &uow);
	return uow.products[0]->loaded ? product_version(uow.products[0]->product) : 0;
}

START_TEST(the_cache_has_the_latest_state_of_a_product)
{
	keep("LAMP", 1);
	keep("CHAIR", 2);
	keep("LAMP", 3);

	ck_assert_int_eq(recalled("LAMP"), 3);
	ck_assert_int_eq(recalled("CHAIR"), 2);
	ck_assert_int_eq(recalled("DESK"), 0);
}
END_TEST

START_TEST(an_evicted_product_is_loaded)
{
	keep("LAMP", 1);
	keep("CHAIR", 2);
	unit_of_work_clear(&uow);
	unit_of_work_want_product(&uow, "LAMP");
	product_cache_forget(cache, &uow);

	ck_assert_int_eq(recalled("LAMP"), 0);
	ck_assert_int_eq(recalled("CHAIR"), 2);
	product_cache_clear(cache);
	ck_assert_int_eq(recalled("CHAIR"), 0);
}
END_TEST

START_TEST(a_product_with_a_shrink_in_progress_is_not_cached)
{
	struct product *product;

	keep("LAMP", 1);
	unit_of_work_clear(&uow);
	unit_of_work_want_product(&uow, "LAMP");
	product = unit_of_work_put_product(&uow, "LAMP", 1, 2, 1, 0);
	stored_put_shrink(product, NULL);
	product_cache_keep(cache, &uow);

	ck_assert_int_eq(recalled("LAMP"), 0);
}
END_TEST

static int64_t recalled_row(const char *sku)
{
	recalled(sku);
	return stored_last_row(uow.products[0]->product);
}

START_TEST(a_cached_product_knows_the_row_of_its_last_event_as_loaded_or_as_the_flush_added_it)
{
	unit_of_work_clear(&uow);
	unit_of_work_want_product(&uow, "LAMP");
	unit_of_work_want_product(&uow, "CHAIR");
	unit_of_work_put_product(&uow, "LAMP", 1, 5, 1, 100);
	stored_put_next_row(unit_of_work_put_product(&uow, "CHAIR", 2, 5, 1, 200), 300);
	product_cache_keep(cache, &uow);

	ck_assert_int_eq(recalled_row("LAMP"), 100);
	ck_assert_int_eq(recalled_row("CHAIR"), 300);
}
END_TEST

START_TEST(the_least_recently_used_product_is_evicted)
{
	char sku[16];

	for (int i = 1; i <= 1000; i++) {
		snprintf(sku, sizeof sku, "sku-%d", i);
		keep(sku, i);
		ck_assert_int_eq(recalled("sku-1"), 1); /* it was used in every round */
	}

	ck_assert_int_eq(recalled("sku-2"), 0);
	ck_assert_int_eq(recalled("sku-1000"), 1000);
	ck_assert_int_eq(recalled("sku-990"), 990);
}
END_TEST

SUITE("product cache", set_up, tear_down_world)
{
	tcase_add_test(tests, a_cached_product_is_not_loaded);
	tcase_add_test(tests, a_batch_that_grows_is_not_loaded_and_one_that_shrinks_asks_for_lines_alone);
	tcase_add_test(tests, an_unknown_sku_is_looked_up_each_time);
	tcase_add_test(tests, a_cached_product_that_another_worker_changed_is_loaded_again);
	tcase_add_test(tests, stock_added_by_another_worker_is_found_before_a_line_is_out_of_stock);
	tcase_add_test(tests, the_cache_is_empty_after_a_failure);
	tcase_add_test(tests, the_cache_is_empty_after_a_session_was_lost_between_two_units);
	tcase_add_test(tests, an_id_that_was_spent_is_found_by_the_flush);
	tcase_add_test(tests, a_line_that_was_allocated_is_found_by_the_flush);
	tcase_add_test(tests, a_stored_line_is_skipped_and_not_out_of_stock);
	tcase_add_test(tests, a_duplicate_is_skipped_even_if_it_would_be_rejected);
	tcase_add_test(tests, a_stored_line_that_was_assumed_new_and_is_displaced_is_skipped);
	tcase_add_test(tests, a_line_that_was_assumed_new_does_not_hide_the_one_that_a_shrink_needs);
	tcase_add_test(tests, an_unverified_message_makes_the_rest_of_the_unit_look_up_at_once);
	tcase_add_test(tests, units_look_ids_up_after_a_duplicate_until_no_more_arrive);
	tcase_add_test(tests, a_duplicate_in_the_last_cautious_unit_keeps_the_lane_cautious);
	tcase_add_test(tests, the_databases_clock_is_read_again_after_a_while);
	tcase_add_test(tests, a_message_from_the_future_is_found_by_the_extrapolated_clock);
	tcase_add_test(tests, a_duplicate_is_skipped_even_if_it_is_from_the_future_by_then);
}

SUITE("product cache", set_up_cache, tear_down_cache)
{
	tcase_add_test(tests, the_cache_has_the_latest_state_of_a_product);
	tcase_add_test(tests,
		       a_cached_product_knows_the_row_of_its_last_event_as_loaded_or_as_the_flush_added_it);
	tcase_add_test(tests, an_evicted_product_is_loaded);
	tcase_add_test(tests, a_product_with_a_shrink_in_progress_is_not_cached);
	tcase_add_test(tests, the_least_recently_used_product_is_evicted);
}
