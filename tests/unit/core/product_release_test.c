/* A line that gives its stock back, and a line that leaves the warehouse with it. */
#include "product_world.h"
#include "support/suites.h"

static enum verdict deallocate(const char *orderid, int32_t qty)
{
	return product_deallocate(product, &(struct order_line){orderid, "chair", qty});
}

static enum verdict ship(const char *orderid, int32_t qty)
{
	return product_ship(product, &(struct order_line){orderid, "chair", qty});
}

/* Both commands, for rules that hold for both. */
static enum verdict (*const releases[])(const char *orderid, int32_t qty) = {deallocate, ship};

static const char *const orders[] = {"oldest", "middle", "newest"};

static void allocate_three(void)
{
	add_batch("shelf", 60, IN_WAREHOUSE);
	for (int i = 0; i < COUNT(orders); i++)
		allocate(orders[i], 10);
	story();
}

START_TEST(a_deallocated_line_gives_its_stock_back)
{
	allocate_three();

	ck_assert_int_eq(deallocate(orders[_i], 10), ACCEPTED);

	ck_assert_str_eq(holder_of(orders[_i], 10), "no batch");
	ck_assert_int_eq(free_in("shelf"), 40);
	ck_assert_int_eq(purchased_of("shelf"), 60);
}
END_TEST

START_TEST(a_shipped_line_takes_its_quantity_out_of_its_batch)
{
	allocate_three();

	ck_assert_int_eq(ship(orders[_i], 10), ACCEPTED);

	ck_assert_str_eq(holder_of(orders[_i], 10), "no batch");
	ck_assert_int_eq(free_in("shelf"), 30);
	ck_assert_int_eq(purchased_of("shelf"), 50);
}
END_TEST

START_TEST(line_deallocated_says_that_the_line_was_cancelled)
{
	allocate_three();

	deallocate("middle", 10);

	ck_assert_str_eq(product->events->message.as.line_deallocated.reason, "cancelled");
	ck_assert_str_eq(story(), "4 middle:10 from shelf of chair, ");
}
END_TEST

START_TEST(line_deallocated_says_that_the_batch_shrank)
{
	allocate_three();

	change_quantity("shelf", 29);

	ck_assert_str_eq(product->events->message.as.line_deallocated.reason, "batch_shrunk");
	ck_assert_str_eq(story(), "4 newest:10 from shelf of chair, 5 newest:10 without chair, ");
}
END_TEST

START_TEST(line_shipped_names_the_batch_that_the_line_left)
{
	allocate_three();

	ship("middle", 10);

	ck_assert_str_eq(story(), "4 middle:10 shipped from shelf of chair, ");
}
END_TEST

START_TEST(a_line_that_no_batch_holds_is_skipped)
{
	allocate_three();

	ck_assert_int_eq(releases[_i]("other", 10), SKIP_NOT_ALLOCATED);
	ck_assert_int_eq(releases[_i]("middle", 9), SKIP_NOT_ALLOCATED);

	ck_assert_str_eq(story(), "");
	ck_assert_int_eq(free_in("shelf"), 30);
}
END_TEST

START_TEST(a_line_that_was_released_is_skipped)
{
	allocate_three();
	releases[_i / 2]("middle", 10);
	story();

	ck_assert_int_eq(releases[_i % 2]("middle", 10), SKIP_NOT_ALLOCATED);

	ck_assert_str_eq(story(), "");
}
END_TEST

START_TEST(a_released_line_can_be_allocated_again)
{
	allocate_three();
	releases[_i]("middle", 10);

	ck_assert_int_eq(allocate("middle", 10), ACCEPTED);

	ck_assert_str_eq(holder_of("middle", 10), "shelf");
	ck_assert_int_eq(free_in("shelf"), _i ? 20 : 30);
}
END_TEST

/* The released line is the newest, a middle or the oldest one; the others are given up newest first. */
START_TEST(a_shrink_passes_over_a_released_line)
{
	static const char *const stories[] = {
		"5 newest:10 from shelf of chair, 6 middle:10 from shelf of chair, "
		"7 middle:10 without chair, 8 newest:10 without chair, ",
		"5 newest:10 from shelf of chair, 6 oldest:10 from shelf of chair, "
		"7 oldest:10 without chair, 8 newest:10 without chair, ",
		"5 middle:10 from shelf of chair, 6 oldest:10 from shelf of chair, "
		"7 oldest:10 without chair, 8 middle:10 without chair, ",
	};

	allocate_three();
	releases[_i / 3](orders[_i % 3], 10);
	story();

	ck_assert_int_eq(change_quantity("shelf", 0), ACCEPTED);

	ck_assert_str_eq(story(), stories[_i % 3]);
	ck_assert_int_eq(purchased_of("shelf"), 0);
	ck_assert_int_eq(free_in("shelf"), 0);
}
END_TEST

START_TEST(a_line_that_is_allocated_again_is_the_newest_of_its_batch)
{
	allocate_three();
	deallocate("oldest", 10);
	allocate("oldest", 10);
	story();

	change_quantity("shelf", 20);

	ck_assert_str_eq(story(), "6 oldest:10 from shelf of chair, 7 oldest:10 without chair, ");
}
END_TEST

START_TEST(a_repeated_batch_is_a_duplicate_though_all_of_it_was_shipped)
{
	add_batch("shelf", 10, TODAY);
	allocate("order", 10);
	ship("order", 10);

	ck_assert_int_eq(add_batch("shelf", 10, TODAY), SKIP_DUPLICATE);

	ck_assert_int_eq(purchased_of("shelf"), 0);
}
END_TEST

START_TEST(a_stock_count_counts_lines_that_are_not_shipped)
{
	allocate_three();
	ship("oldest", 10);

	change_quantity("shelf", 50);

	ck_assert_int_eq(free_in("shelf"), 30);
	ck_assert_int_eq(change_quantity("shelf", 20), ACCEPTED);
	ck_assert_str_eq(holder_of("newest", 10), "shelf");
}
END_TEST

START_TEST(a_release_that_is_undone_leaves_nothing_behind)
{
	allocate_three();
	journal_forget(&journal);

	releases[_i / 3](orders[_i % 3], 10);
	journal_undo(&journal);

	ck_assert_str_eq(story(), "");
	ck_assert_int_eq(purchased_of("shelf"), 60);
	change_quantity("shelf", 0);
	ck_assert_str_eq(story(), "4 newest:10 from shelf of chair, 5 middle:10 from shelf of chair, "
				  "6 oldest:10 from shelf of chair, 7 oldest:10 without chair, "
				  "8 middle:10 without chair, 9 newest:10 without chair, ");
}
END_TEST

/* ---- a product of which only a part is loaded ---- */

static void put_line(const char *batch, const char *orderid, int64_t version)
{
	product_put_line(product, product_batch(product, batch), orderid, 10, version);
}

START_TEST(a_line_of_an_exhausted_batch_makes_it_free_for_others)
{
	begin_partial();
	product->version = 50;
	product_put_range(product, 1, PREFERENCE_END);
	put_batch("exhausted", TODAY, 10, 10);
	put_line("exhausted", "order", 7);
	journal_forget(&journal);

	ck_assert_int_eq(deallocate("order", 10), ACCEPTED);
	ck_assert_int_eq(allocate("other", 10), ACCEPTED);

	ck_assert_str_eq(story(), "51 order:10 from exhausted of chair, 52 other:10 to exhausted of chair, ");
}
END_TEST

/* A store would load them as lines of the batch still, instead of lines that the shrink can give up. */
START_TEST(a_shrink_also_needs_as_many_lines_as_were_released_and_are_still_stored)
{
	begin_partial();
	product->version = 50;
	product_put_range(product, 1, PREFERENCE_END);
	put_batch("shelf", TODAY, 100, 100);
	put_line("shelf", "gone", 7);
	put_line("shelf", "moved", 8);
	journal_forget(&journal);
	deallocate("gone", 10);
	deallocate("moved", 10);
	add_batch("warehouse", 10, IN_WAREHOUSE);
	allocate("moved", 10);

	ck_assert_int_eq(change_quantity("shelf", 50), NEEDS_MORE);

	assert_needs_lines("shelf", 50);
}
END_TEST

SUITE("product release", set_up_product, tear_down_product)
{
	tcase_add_loop_test(tests, a_deallocated_line_gives_its_stock_back, 0, COUNT(orders));
	tcase_add_loop_test(tests, a_shipped_line_takes_its_quantity_out_of_its_batch, 0, COUNT(orders));
	tcase_add_test(tests, line_deallocated_says_that_the_line_was_cancelled);
	tcase_add_test(tests, line_deallocated_says_that_the_batch_shrank);
	tcase_add_test(tests, line_shipped_names_the_batch_that_the_line_left);
	tcase_add_loop_test(tests, a_line_that_no_batch_holds_is_skipped, 0, COUNT(releases));
	tcase_add_loop_test(tests, a_line_that_was_released_is_skipped, 0, 2 * COUNT(releases));
	tcase_add_loop_test(tests, a_released_line_can_be_allocated_again, 0, COUNT(releases));
	tcase_add_loop_test(tests, a_shrink_passes_over_a_released_line, 0, 3 * COUNT(releases));
	tcase_add_test(tests, a_line_that_is_allocated_again_is_the_newest_of_its_batch);
	tcase_add_test(tests, a_repeated_batch_is_a_duplicate_though_all_of_it_was_shipped);
	tcase_add_test(tests, a_stock_count_counts_lines_that_are_not_shipped);
	tcase_add_loop_test(tests, a_release_that_is_undone_leaves_nothing_behind, 0, 3 * COUNT(releases));
	tcase_add_test(tests, a_line_of_an_exhausted_batch_makes_it_free_for_others);
	tcase_add_test(tests, a_shrink_also_needs_as_many_lines_as_were_released_and_are_still_stored);
}
