/* A product that is only partly in memory asks for the part that it needs. */
#include "product_world.h"
#include "support/suites.h"

/* ---- a product of which only a part is loaded ---- */

START_TEST(a_line_needs_more_while_no_stock_is_loaded)
{
	begin_partial();

	ck_assert_int_eq(allocate("order", 1), NEEDS_MORE);

	assert_needs_batches(1, IN_WAREHOUSE, "");
}
END_TEST

START_TEST(a_line_is_out_of_stock_only_when_all_fitting_batches_are_loaded)
{
	begin_partial();
	put_batch("a", TODAY, 10, 5);
	put_range(1, TODAY, "a");

	ck_assert_int_eq(allocate("order", 6), NEEDS_MORE);
	assert_needs_batches(6, TODAY, "a");
	product_put_range(product, 6, PREFERENCE_END);
	ck_assert_int_eq(allocate("order", 6), ACCEPTED);

	ck_assert_str_eq(story(), "1 order:6 without chair, ");
}
END_TEST

START_TEST(a_line_needs_the_batches_before_a_loaded_one_first)
{
	begin_partial();
	put_batch("named", LATER, 10, 0);
	put_batch("a", TODAY, 10, 5);
	put_range(1, TODAY, "a");

	ck_assert_int_eq(allocate("order", 6), NEEDS_MORE);
	put_batch("between", TOMORROW, 8, 0);
	put_range(6, TOMORROW, "between");
	ck_assert_int_eq(allocate("order", 6), ACCEPTED);

	ck_assert_str_eq(holder_of("order", 6), "between");
}
END_TEST

START_TEST(a_line_goes_into_a_fitting_batch_of_the_loaded_range)
{
	begin_partial();
	put_batch("a", TODAY, 10, 5);
	put_range(1, TODAY, "a");

	ck_assert_int_eq(allocate("order", 5), ACCEPTED);

	ck_assert_str_eq(holder_of("order", 5), "a");
}
END_TEST

START_TEST(a_need_asks_for_exactly_the_quantity_of_the_line)
{
	begin_partial();
	put_range(1, TODAY, "a");

	ck_assert_int_eq(allocate("order", 7), NEEDS_MORE);

	assert_needs_batches(7, TODAY, "a");
}
END_TEST

static const struct {
	int32_t wanted, fitting;
} fittings[] = {{1, 1}, {2, 2}, {3, 2}, {4, 4}, {7, 4}, {8, 8}, {1 << 30, 1 << 30}, {INT32_MAX, 1 << 30}};

static void put_many_ranges(void)
{
	for (int32_t fitting = 100; fitting < 108; fitting++)
		put_range(fitting, IN_WAREHOUSE, "a");
}

/* Otherwise a shrink that moves lines of a thousand quantities might have to load a thousand times. */
START_TEST(after_many_quantities_a_need_asks_for_a_power_of_two)
{
	begin_partial();
	put_many_ranges();

	ck_assert_int_eq(allocate("order", fittings[_i].wanted), NEEDS_MORE);

	ck_assert_int_eq(product->need.fitting, fittings[_i].fitting);
}
END_TEST

START_TEST(a_need_asks_again_for_exactly_a_quantity_that_has_a_range)
{
	begin_partial();
	put_many_ranges();

	ck_assert_int_eq(allocate("order", 107), NEEDS_MORE);

	assert_needs_batches(107, IN_WAREHOUSE, "a");
}
END_TEST

START_TEST(a_range_of_small_stock_covers_larger_stock)
{
	begin_partial();
	put_range(4, TODAY, "m");

	ck_assert_int_eq(allocate("order", 100), NEEDS_MORE);
	assert_needs_batches(100, TODAY, "m");
	ck_assert_int_eq(allocate("order", 3), NEEDS_MORE);
	assert_needs_batches(3, IN_WAREHOUSE, "");
}
END_TEST

START_TEST(a_range_that_is_loaded_again_does_not_shrink)
{
	begin_partial();
	put_range(4, TOMORROW, "m");
	put_range(4, TODAY, "z");

	ck_assert_int_eq(allocate("order", 4), NEEDS_MORE);

	assert_needs_batches(4, TOMORROW, "m");
}
END_TEST

/* Otherwise two lines of one shrink might ask for their ranges in turn without end. */
START_TEST(a_range_stays_known_when_another_one_is_loaded)
{
	begin_partial();
	put_batch("far", LATER, 9, 0);
	put_range(9, LATER, "far");
	put_batch("near", TODAY, 2, 0);
	put_range(2, TODAY, "near");

	ck_assert_int_eq(allocate("large", 9), ACCEPTED);
	ck_assert_int_eq(allocate("small", 2), ACCEPTED);

	ck_assert_str_eq(story(), "1 large:9 to far of chair, 2 small:2 to near of chair, ");
}
END_TEST

START_TEST(a_second_load_does_not_overwrite_what_is_in_memory)
{
	begin_partial();
	put_batch("a", TODAY, 10, 0);
	put_range(1, TODAY, "a");
	allocate("order", 6);
	put_batch("a", TODAY, 10, 0);
	product_put_line(product, NULL, "order", 6, 1);

	ck_assert_int_eq(free_in("a"), 4);
	ck_assert_str_eq(holder_of("order", 6), "a");
	ck_assert_ptr_null(product->oldest_displaced);
}
END_TEST

START_TEST(a_line_that_was_loaded_is_a_duplicate)
{
	begin_partial();
	product_put_line(product, put_batch("a", TODAY, 10, 6), "order", 6, 1);

	ck_assert_int_eq(allocate("order", 6), SKIP_DUPLICATE);
}
END_TEST

SUITE("product need", set_up_product, tear_down_product)
{
	tcase_add_test(tests, a_line_needs_more_while_no_stock_is_loaded);
	tcase_add_test(tests, a_line_is_out_of_stock_only_when_all_fitting_batches_are_loaded);
	tcase_add_test(tests, a_line_needs_the_batches_before_a_loaded_one_first);
	tcase_add_test(tests, a_line_goes_into_a_fitting_batch_of_the_loaded_range);
	tcase_add_test(tests, a_need_asks_for_exactly_the_quantity_of_the_line);
	tcase_add_loop_test(tests, after_many_quantities_a_need_asks_for_a_power_of_two, 0, COUNT(fittings));
	tcase_add_test(tests, a_need_asks_again_for_exactly_a_quantity_that_has_a_range);
	tcase_add_test(tests, a_range_of_small_stock_covers_larger_stock);
	tcase_add_test(tests, a_range_that_is_loaded_again_does_not_shrink);
	tcase_add_test(tests, a_range_stays_known_when_another_one_is_loaded);
	tcase_add_test(tests, a_second_load_does_not_overwrite_what_is_in_memory);
	tcase_add_test(tests, a_line_that_was_loaded_is_a_duplicate);
}
