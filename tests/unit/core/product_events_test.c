/* Events of a product: their versions, and what undoing a message leaves of them. */
#include "product_world.h"
#include "support/suites.h"

START_TEST(event_versions_continue_from_the_stored_one)
{
	product->version = 41;
	add_batch("shelf", 10, IN_WAREHOUSE);

	allocate("order", 10);

	ck_assert_str_eq(story(), "42 order:10 to shelf of chair, ");
	ck_assert_int_eq(product_version(product), 42);
}
END_TEST

START_TEST(an_undone_message_leaves_nothing_behind)
{
	add_batch("shelf", 30, IN_WAREHOUSE);
	allocate("a", 10);
	allocate("b", 10);
	story();
	journal_forget(&journal);

	add_batch("new", 7, TODAY);
	allocate("c", 10);
	change_quantity_at("shelf", 5, 1);
	journal_undo(&journal);

	ck_assert_str_eq(story(), "");
	ck_assert_ptr_null(product_batch(product, "new"));
	ck_assert_int_eq(purchased_of("shelf"), 30);
	ck_assert_int_eq(changed_at_of("shelf"), NO_INSTANT);
	ck_assert_int_eq(free_in("shelf"), 10);
	ck_assert_str_eq(holder_of("a", 10), "shelf");
	ck_assert_ptr_null(product_line(product, "c", 10));
	ck_assert_int_eq(product_version(product), 2);
}
END_TEST

START_TEST(events_that_were_collected_are_undone_too)
{
	add_batch("shelf", 30, IN_WAREHOUSE);
	journal_forget(&journal);

	allocate("a", 10);
	ck_assert_str_eq(story(), "1 a:10 to shelf of chair, ");
	allocate("b", 10);
	journal_undo(&journal);
	allocate("c", 10);

	ck_assert_str_eq(story(), "1 c:10 to shelf of chair, ");
}
END_TEST

SUITE("product events", set_up_product, tear_down_product)
{
	tcase_add_test(tests, event_versions_continue_from_the_stored_one);
	tcase_add_test(tests, an_undone_message_leaves_nothing_behind);
	tcase_add_test(tests, events_that_were_collected_are_undone_too);
}
