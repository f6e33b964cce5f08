/* Allocation chooses a batch for each line; new batches are all free. */
#include "product_world.h"
#include "support/suites.h"

/* ---- which batch is preferred ---- */

START_TEST(a_line_prefers_the_warehouse_to_a_shipment)
{
	add_batch("shipment", 100, TODAY);
	add_batch("warehouse", 100, IN_WAREHOUSE);

	allocate("order", 10);

	ck_assert_str_eq(holder_of("order", 10), "warehouse");
}
END_TEST

START_TEST(a_line_prefers_the_earlier_shipment)
{
	add_batch("a-late", 100, LATER);
	add_batch("b-soon", 100, TOMORROW);
	add_batch("c-soonest", 100, TODAY);

	allocate("order", 10);

	ck_assert_str_eq(holder_of("order", 10), "c-soonest");
}
END_TEST

START_TEST(a_batch_whose_eta_is_long_past_is_still_a_shipment)
{
	add_batch("overdue", 100, -700000);
	add_batch("warehouse", 100, IN_WAREHOUSE);
	add_batch("shipment", 100, TODAY);

	allocate("first", 100);
	allocate("second", 100);

	ck_assert_str_eq(holder_of("first", 100), "warehouse");
	ck_assert_str_eq(holder_of("second", 100), "overdue");
}
END_TEST

static const struct {
	const char *first, *second;
} in_order[] = {
	{"a", "b"},  {"B", "a"},        {"a", "aa"},
	{"10", "9"}, {"z", "\xc3\xa4"}, {"\xef\xbf\xbd", "\xf0\x9f\x8d\x80"},
};

START_TEST(equal_dates_are_decided_by_the_bytes_of_the_reference)
{
	add_batch(in_order[_i].second, 100, TODAY);
	add_batch(in_order[_i].first, 100, TODAY);

	allocate("order", 10);

	ck_assert_str_eq(holder_of("order", 10), in_order[_i].first);
}
END_TEST

START_TEST(a_preference_without_reference_comes_after_all_batches_of_its_day)
{
	struct preference after_today = {TODAY, NULL};

	ck_assert_int_gt(preference_compare(after_today, (struct preference){TODAY, "\xf4\x8f"}), 0);
	ck_assert_int_lt(preference_compare((struct preference){TODAY, "a"}, after_today), 0);
	ck_assert_int_lt(preference_compare(after_today, (struct preference){TOMORROW, "a"}), 0);
	ck_assert_int_eq(preference_compare(after_today, after_today), 0);
	ck_assert_int_lt(preference_compare(PREFERENCE_START, (struct preference){IN_WAREHOUSE, "\1"}), 0);
	ck_assert_int_gt(preference_compare(PREFERENCE_END, (struct preference){2932896, "z"}), 0);
}
END_TEST

/* ---- allocating ---- */

START_TEST(line_allocated_names_the_batch_that_holds_the_line)
{
	add_batch("shelf", 100, IN_WAREHOUSE);

	ck_assert_int_eq(allocate("order", 10), ACCEPTED);

	ck_assert_str_eq(story(), "1 order:10 to shelf of chair, ");
}
END_TEST

START_TEST(an_allocated_line_reduces_the_free_stock)
{
	add_batch("shelf", 100, IN_WAREHOUSE);

	allocate("order", 10);

	ck_assert_int_eq(free_in("shelf"), 90);
	ck_assert_int_eq(purchased_of("shelf"), 100);
}
END_TEST

static const struct {
	int32_t stock, wanted;
	bool fits;
} fits[] = {
	{1, 1, true},
	{10, 9, true},
	{10, 10, true},
	{10, 11, false},
	{INT32_MAX, INT32_MAX, true},
	{INT32_MAX - 1, INT32_MAX, false},
};

START_TEST(a_line_fits_into_a_batch_with_at_least_its_quantity_free)
{
	add_batch("shelf", fits[_i].stock, IN_WAREHOUSE);

	allocate("order", fits[_i].wanted);

	ck_assert_str_eq(holder_of("order", fits[_i].wanted), fits[_i].fits ? "shelf" : "no batch");
}
END_TEST

START_TEST(a_line_goes_whole_into_one_batch)
{
	add_batch("a", 6, IN_WAREHOUSE);
	add_batch("b", 6, IN_WAREHOUSE);
	add_batch("c", 20, LATER);

	allocate("order", 10);

	ck_assert_str_eq(story(), "1 order:10 to c of chair, ");
}
END_TEST

START_TEST(a_small_line_fits_into_a_batch_that_is_too_small_for_an_earlier_one)
{
	add_batch("a", 6, IN_WAREHOUSE);
	add_batch("b", 20, LATER);

	allocate("large", 10);
	allocate("small", 6);

	ck_assert_str_eq(holder_of("small", 6), "a");
}
END_TEST

START_TEST(a_line_that_is_allocated_already_is_skipped)
{
	add_batch("shelf", 100, IN_WAREHOUSE);
	allocate("order", 10);
	story();

	ck_assert_int_eq(allocate("order", 10), SKIP_DUPLICATE);

	ck_assert_str_eq(story(), "");
	ck_assert_int_eq(free_in("shelf"), 90);
}
END_TEST

START_TEST(another_quantity_is_another_line)
{
	add_batch("shelf", 100, IN_WAREHOUSE);
	allocate("order", 10);

	ck_assert_int_eq(allocate("order", 11), ACCEPTED);

	ck_assert_int_eq(free_in("shelf"), 79);
}
END_TEST

START_TEST(a_line_without_stock_raises_out_of_stock_and_is_accepted)
{
	add_batch("shelf", 9, IN_WAREHOUSE);

	ck_assert_int_eq(allocate("order", 10), ACCEPTED);

	ck_assert_str_eq(story(), "1 order:10 without chair, ");
	ck_assert_int_eq(free_in("shelf"), 9);
}
END_TEST

START_TEST(a_line_that_was_out_of_stock_can_be_allocated_later)
{
	allocate("order", 10);
	allocate("order", 10);
	add_batch("shelf", 10, IN_WAREHOUSE);

	ck_assert_str_eq(story(), "1 order:10 without chair, 2 order:10 without chair, ");
	ck_assert_int_eq(allocate("order", 10), ACCEPTED);
	ck_assert_str_eq(story(), "3 order:10 to shelf of chair, ");
}
END_TEST

/* ---- new stock ---- */

START_TEST(a_new_batch_is_all_free)
{
	struct batch *batch;

	ck_assert_int_eq(add_batch("shelf", 7, TODAY), ACCEPTED);

	batch = product_batch(product, "shelf");
	ck_assert_int_eq(batch_purchased(batch), 7);
	ck_assert_int_eq(batch->original_qty, 7);
	ck_assert_int_eq(batch->eta, TODAY);
	ck_assert_int_eq(batch->changed_at, NO_INSTANT);
	ck_assert_int_eq(batch_free(batch), 7);
	ck_assert_str_eq(story(), "");
}
END_TEST

START_TEST(a_repeated_batch_is_a_duplicate_though_it_changed_since)
{
	add_batch("shelf", 100, TODAY);
	allocate("order", 10);
	change_quantity("shelf", 50);
	story();

	ck_assert_int_eq(add_batch("shelf", 100, TODAY), SKIP_DUPLICATE);

	ck_assert_int_eq(purchased_of("shelf"), 50);
	ck_assert_str_eq(story(), "");
}
END_TEST

static const struct {
	int32_t qty, eta;
} other_data[] = {{99, TODAY}, {101, TODAY}, {50, TODAY}, {100, TOMORROW}, {100, IN_WAREHOUSE}};

START_TEST(a_second_batch_of_the_same_reference_with_other_data_is_rejected)
{
	add_batch("shelf", 100, TODAY);
	change_quantity("shelf", 50);

	ck_assert_int_eq(add_batch("shelf", other_data[_i].qty, other_data[_i].eta), REJECT_BATCHREF_TAKEN);

	ck_assert_int_eq(purchased_of("shelf"), 50);
	ck_assert_ptr_null(batch_next(product_first_batch(product)));
}
END_TEST

SUITE("product allocation", set_up_product, tear_down_product)
{
	tcase_add_test(tests, a_line_prefers_the_warehouse_to_a_shipment);
	tcase_add_test(tests, a_line_prefers_the_earlier_shipment);
	tcase_add_test(tests, a_batch_whose_eta_is_long_past_is_still_a_shipment);
	tcase_add_loop_test(tests, equal_dates_are_decided_by_the_bytes_of_the_reference, 0, COUNT(in_order));
	tcase_add_test(tests, a_preference_without_reference_comes_after_all_batches_of_its_day);
	tcase_add_test(tests, line_allocated_names_the_batch_that_holds_the_line);
	tcase_add_test(tests, an_allocated_line_reduces_the_free_stock);
	tcase_add_loop_test(tests, a_line_fits_into_a_batch_with_at_least_its_quantity_free, 0, COUNT(fits));
	tcase_add_test(tests, a_line_goes_whole_into_one_batch);
	tcase_add_test(tests, a_small_line_fits_into_a_batch_that_is_too_small_for_an_earlier_one);
	tcase_add_test(tests, a_line_that_is_allocated_already_is_skipped);
	tcase_add_test(tests, another_quantity_is_another_line);
	tcase_add_test(tests, a_line_without_stock_raises_out_of_stock_and_is_accepted);
	tcase_add_test(tests, a_line_that_was_out_of_stock_can_be_allocated_later);
	tcase_add_test(tests, a_new_batch_is_all_free);
	tcase_add_test(tests, a_repeated_batch_is_a_duplicate_though_it_changed_since);
	tcase_add_loop_test(tests, a_second_batch_of_the_same_reference_with_other_data_is_rejected, 0,
			    COUNT(other_data));
}
