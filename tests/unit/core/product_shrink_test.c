/* A batch's quantity changes in one step, or in several. */
#include "product_world.h"
#include "support/suites.h"

/* ---- a changed quantity ---- */

START_TEST(a_batch_that_grows_has_more_free_and_allocates_nothing)
{
	add_batch("shelf", 5, IN_WAREHOUSE);
	allocate("order", 10);
	story();

	ck_assert_int_eq(change_quantity("shelf", 20), ACCEPTED);

	ck_assert_int_eq(free_in("shelf"), 20);
	ck_assert_str_eq(story(), "");
}
END_TEST

static const struct {
	int32_t qty;
	const char *story;
} shrinks[] = {
	{31, ""},
	{30, ""},
	{29, "4 c:10 from shelf of chair, 5 c:10 without chair, "},
	{20, "4 c:10 from shelf of chair, 5 c:10 without chair, "},
	{19,
	 "4 c:10 from shelf of chair, 5 b:10 from shelf of chair, 6 b:10 without chair, 7 c:10 without chair, "},
	{0, "4 c:10 from shelf of chair, 5 b:10 from shelf of chair, 6 a:10 from shelf of chair, "
	    "7 a:10 without chair, 8 b:10 without chair, 9 c:10 without chair, "},
};

START_TEST(a_batch_that_shrinks_loses_its_newest_lines_until_it_fits)
{
	add_batch("shelf", 100, IN_WAREHOUSE);
	allocate("a", 10);
	allocate("b", 10);
	allocate("c", 10);
	story();

	ck_assert_int_eq(change_quantity("shelf", shrinks[_i].qty), ACCEPTED);

	ck_assert_str_eq(story(), shrinks[_i].story);
	ck_assert_int_eq(purchased_of("shelf"), shrinks[_i].qty);
}
END_TEST

START_TEST(deallocated_lines_are_reallocated_oldest_first)
{
	add_batch("shelf", 30, IN_WAREHOUSE);
	allocate("a", 10);
	allocate("b", 10);
	allocate("c", 10);
	add_batch("shipment", 15, TODAY);
	story();

	change_quantity("shelf", 0);

	ck_assert_str_eq(
		story(),
		"4 c:10 from shelf of chair, 5 b:10 from shelf of chair, 6 a:10 from shelf of chair, "
		"7 a:10 to shipment of chair, 8 b:10 without chair, 9 c:10 without chair, ");
}
END_TEST

START_TEST(each_shrink_of_a_batch_deallocates_the_newest_line_left)
{
	add_batch("shelf", 30, IN_WAREHOUSE);
	allocate("small", 5);
	allocate("large", 20);
	story();

	change_quantity("shelf", 15);
	ck_assert_str_eq(story(), "3 large:20 from shelf of chair, 4 large:20 without chair, ");
	allocate("newest", 10);
	change_quantity("shelf", 14);
	story();
	change_quantity("shelf", 4);

	ck_assert_str_eq(story(), "8 small:5 from shelf of chair, 9 small:5 without chair, ");
}
END_TEST

START_TEST(a_deallocated_line_may_return_to_the_same_batch)
{
	add_batch("shelf", 30, IN_WAREHOUSE);
	allocate("large", 20);
	allocate("small", 5);
	story();

	change_quantity("shelf", 19);

	ck_assert_str_eq(story(), "3 small:5 from shelf of chair, 4 large:20 from shelf of chair, "
				  "5 large:20 without chair, 6 small:5 to shelf of chair, ");
}
END_TEST

START_TEST(a_reallocated_line_is_as_new_as_its_last_allocation)
{
	add_batch("a", 10, IN_WAREHOUSE);
	allocate("first", 10);
	add_batch("b", 30, IN_WAREHOUSE);
	allocate("second", 10);
	change_quantity("a", 0);
	ck_assert_str_eq(holder_of("first", 10), "b");

	change_quantity("b", 10);

	ck_assert_str_eq(holder_of("first", 10), "no batch");
	ck_assert_str_eq(holder_of("second", 10), "b");
}
END_TEST

START_TEST(a_deallocated_line_without_a_batch_can_be_allocated_anew)
{
	add_batch("shelf", 10, IN_WAREHOUSE);
	allocate("order", 10);
	change_quantity("shelf", 0);
	change_quantity("shelf", 10);
	story();

	ck_assert_int_eq(allocate("order", 10), ACCEPTED);

	ck_assert_str_eq(story(), "4 order:10 to shelf of chair, ");
}
END_TEST

static const struct {
	int64_t watermark, occurred_at;
	enum verdict verdict;
	int64_t watermark_after;
} ages[] = {
	{NO_INSTANT, NO_INSTANT, ACCEPTED, NO_INSTANT},
	{NO_INSTANT, 5, ACCEPTED, 5},
	{NO_INSTANT, INT64_C(-62135596800000000), ACCEPTED, INT64_C(-62135596800000000)},
	{5, 4, SKIP_OUT_OF_DATE, 5},
	{5, 5, ACCEPTED, 5},
	{5, 6, ACCEPTED, 6},
	{5, NO_INSTANT, ACCEPTED, 5},
};

START_TEST(a_quantity_change_older_than_the_last_one_is_out_of_date)
{
	add_batch("shelf", 10, IN_WAREHOUSE);
	change_quantity_at("shelf", 11, ages[_i].watermark);

	ck_assert_int_eq(change_quantity_at("shelf", 12, ages[_i].occurred_at), ages[_i].verdict);

	ck_assert_int_eq(purchased_of("shelf"), ages[_i].verdict == ACCEPTED ? 12 : 11);
	ck_assert_int_eq(changed_at_of("shelf"), ages[_i].watermark_after);
}
END_TEST

START_TEST(the_age_of_a_quantity_change_is_judged_for_each_batch)
{
	add_batch("a", 10, IN_WAREHOUSE);
	add_batch("b", 10, IN_WAREHOUSE);
	change_quantity_at("a", 11, 5);

	ck_assert_int_eq(change_quantity_at("b", 11, 4), ACCEPTED);
}
END_TEST

START_TEST(reallocating_without_displaced_lines_does_nothing)
{
	add_batch("shelf", 10, IN_WAREHOUSE);

	ck_assert_int_eq(product_reallocate_next(product), ACCEPTED);

	ck_assert_str_eq(story(), "");
}
END_TEST

/* ---- the lines of a batch that shrinks ---- */

START_TEST(a_shrinking_batch_needs_its_newest_lines_up_to_the_shortfall)
{
	begin_partial();
	put_batch("a", TODAY, 100, 90);

	ck_assert_int_eq(change_quantity("a", 60), NEEDS_MORE);

	assert_needs_lines("a", 30);
}
END_TEST

START_TEST(a_batch_that_can_keep_its_lines_needs_none_of_them)
{
	begin_partial();
	put_batch("a", TODAY, 100, 90);

	ck_assert_int_eq(change_quantity("a", 90), ACCEPTED);
}
END_TEST

START_TEST(a_shrink_needs_the_newer_lines_before_it_deallocates_an_older_one)
{
	struct batch *batch;

	begin_partial();
	product->version = 30;
	batch = put_batch("a", TODAY, 30, 30);
	product_put_line(product, batch, "old", 10, 10);
	product_put_line(product, batch, "newest", 10, 30);
	batch->lines_from = 25;
	journal_forget(&journal);

	ck_assert_int_eq(change_quantity("a", 10), NEEDS_MORE);
	assert_needs_lines("a", 10);
	journal_undo(&journal);
	ck_assert_int_eq(product_version(product), 30);
	product_put_line(product, batch, "newer", 10, 20);
	batch->lines_from = 20;
	product_put_range(product, 1, PREFERENCE_END);
	ck_assert_int_eq(change_quantity("a", 10), ACCEPTED);

	ck_assert_str_eq(story(), "31 newest:10 from a of chair, 32 newer:10 from a of chair, "
				  "33 newer:10 without chair, 34 newest:10 without chair, ");
}
END_TEST

START_TEST(lines_loaded_in_any_order_are_deallocated_newest_first)
{
	static const int64_t versions[][4] = {{1, 2, 3, 4}, {4, 3, 2, 1}, {2, 4, 1, 3}, {3, 1, 4, 2}};
	struct batch *batch;

	begin_partial();
	batch = put_batch("a", TODAY, 40, 40);
	for (int i = 0; i < 4; i++)
		product_put_line(product, batch, arena_printf(arena, "v%d", (int)versions[_i][i]), 10,
				 versions[_i][i]);
	batch->lines_from = 0;
	product->version = 4;

	product_change_quantity(product, batch, 0, NO_INSTANT);

	ck_assert_str_eq(story(),
			 "5 v4:10 from a of chair, 6 v3:10 from a of chair, 7 v2:10 from a of chair, "
			 "8 v1:10 from a of chair, ");
}
END_TEST

/* ---- shrinks that go in steps ---- */

static const char *order_number(int number)
{
	return arena_printf(arena, "order-%d", number);
}

/* Makes a batch that holds `lines` lines of one piece. */
static void fill(const char *reference, int lines)
{
	add_batch(reference, lines, IN_WAREHOUSE);
	for (int i = 1; i <= lines; i++)
		allocate(order_number(i), 1);
	product_collect_events(product);
	journal_forget(&journal);
}

static int count_events(enum message_type type)
{
	int count = 0;

	for (struct event *event = product_collect_events(product); event; event = event->next) {
		if (event->message.type != type)
			ck_abort_msg("%s among them", message_name(event->message.type));
		count++;
	}
	return count;
}

START_TEST(a_shrink_of_move_max_lines_takes_one_step)
{
	fill("shelf", MOVE_MAX + 1);

	ck_assert_int_eq(product_change_quantity(product, product_batch(product, "shelf"), 1, NO_INSTANT),
			 ACCEPTED);

	ck_assert(!product_is_shrinking(product));
	ck_assert_int_eq(count_events(MSG_LINE_DEALLOCATED), MOVE_MAX);
	ck_assert_int_eq(purchased_of("shelf"), 1);
}
END_TEST

START_TEST(a_shrink_of_more_than_move_max_lines_takes_several_steps)
{
	struct batch *shelf;

	fill("shelf", MOVE_MAX + 1);
	add_batch("shipment", MOVE_MAX, TODAY);
	shelf = product_batch(product, "shelf");

	ck_assert_int_eq(change_quantity_at("shelf", 0, 7), ACCEPTED);
	ck_assert(product_is_shrinking(product));
	ck_assert_int_eq(count_events(MSG_LINE_DEALLOCATED), MOVE_MAX);
	ck_assert_int_eq(batch_purchased(shelf), 1); /* the line it still holds, and nothing free */
	ck_assert_int_eq(changed_at_of("shelf"), 7);
	ck_assert_int_eq(product_reallocate_next(product), ACCEPTED);
	ck_assert_ptr_null(product->events);

	ck_assert_int_eq(product_continue_shrink(product), ACCEPTED);
	ck_assert_int_eq(count_events(MSG_LINE_DEALLOCATED), 1);
	ck_assert_int_eq(batch_purchased(shelf), 0);
	ck_assert(product_is_shrinking(product));

	ck_assert_int_eq(product_continue_shrink(product), ACCEPTED);
	ck_assert_int_eq(count_events(MSG_LINE_ALLOCATED), MOVE_MAX);
	ck_assert_str_eq(holder_of(order_number(1), 1), "shipment");
	ck_assert(product_is_shrinking(product));

	ck_assert_int_eq(product_continue_shrink(product), ACCEPTED);
	ck_assert_int_eq(count_events(MSG_OUT_OF_STOCK), 1);
	ck_assert_str_eq(holder_of(order_number(MOVE_MAX + 1), 1), "no batch");
	ck_assert(!product_is_shrinking(product));
}
END_TEST

START_TEST(a_loaded_shrink_continues_with_the_oldest_displaced_lines)
{
	begin_partial();
	product_put_range(product, 1, PREFERENCE_END);
	product->version = 9;
	product_put_shrink(product, &(struct shrink){.batch = put_batch("a", TODAY, 10, 0), .target = 10});

	ck_assert_int_eq(product_continue_shrink(product), NEEDS_MORE);
	ck_assert(product->need.displaced);
	product_put_line(product, NULL, "newer", 5, 8);
	product_put_line(product, NULL, "older", 6, 7);
	product->shrink->all_displaced = true;
	ck_assert_int_eq(product_continue_shrink(product), ACCEPTED);

	ck_assert_str_eq(story(), "10 older:6 to a of chair, 11 newer:5 without chair, ");
	ck_assert(!product_is_shrinking(product));
}
END_TEST

START_TEST(a_finished_shrink_is_not_restored_by_a_later_load)
{
	struct shrink kept = {.target = 10, .all_displaced = true};

	begin_partial();
	kept.batch = put_batch("a", TODAY, 10, 0);
	product_put_shrink(product, &kept);
	product_continue_shrink(product);
	product_put_shrink(product, &kept);

	ck_assert(!product_is_shrinking(product));
	ck_assert(product->shrink_stored);
	ck_assert(product->shrink_changed);
}
END_TEST

SUITE("product shrink", set_up_product, tear_down_product)
{
	tcase_add_test(tests, a_batch_that_grows_has_more_free_and_allocates_nothing);
	tcase_add_loop_test(tests, a_batch_that_shrinks_loses_its_newest_lines_until_it_fits, 0,
			    COUNT(shrinks));
	tcase_add_test(tests, deallocated_lines_are_reallocated_oldest_first);
	tcase_add_test(tests, each_shrink_of_a_batch_deallocates_the_newest_line_left);
	tcase_add_test(tests, a_deallocated_line_may_return_to_the_same_batch);
	tcase_add_test(tests, a_reallocated_line_is_as_new_as_its_last_allocation);
	tcase_add_test(tests, a_deallocated_line_without_a_batch_can_be_allocated_anew);
	tcase_add_loop_test(tests, a_quantity_change_older_than_the_last_one_is_out_of_date, 0, COUNT(ages));
	tcase_add_test(tests, the_age_of_a_quantity_change_is_judged_for_each_batch);
	tcase_add_test(tests, reallocating_without_displaced_lines_does_nothing);
	tcase_add_test(tests, a_shrinking_batch_needs_its_newest_lines_up_to_the_shortfall);
	tcase_add_test(tests, a_batch_that_can_keep_its_lines_needs_none_of_them);
	tcase_add_test(tests, a_shrink_needs_the_newer_lines_before_it_deallocates_an_older_one);
	tcase_add_loop_test(tests, lines_loaded_in_any_order_are_deallocated_newest_first, 0, 4);
	tcase_add_test(tests, a_shrink_of_move_max_lines_takes_one_step);
	tcase_add_test(tests, a_shrink_of_more_than_move_max_lines_takes_several_steps);
	tcase_add_test(tests, a_loaded_shrink_continues_with_the_oldest_displaced_lines);
	tcase_add_test(tests, a_finished_shrink_is_not_restored_by_a_later_load);
}
