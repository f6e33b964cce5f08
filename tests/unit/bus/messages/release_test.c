/* deallocate and ship: a line leaves its batch, which keeps the stock or loses it too. */
#include "support/bus_world.h"
#include "support/suites.h"

#include "core/product.h"

static const enum message_type types[] = {MSG_DEALLOCATE, MSG_SHIP};

static struct sent *release(enum message_type type, const char *orderid, int qty)
{
	return world_send(world, TRANSPORT_STREAM, type, "orderid=%s\nsku=LAMP\nqty=%d", orderid, qty);
}

static void expect_skipped(const struct sent *sent)
{
	ck_assert_int_eq(sent->outcome, OUTCOME_SKIPPED);
	ck_assert_int_eq(sent->verdict, SKIP_NOT_ALLOCATED);
}

/* Sends the line's allocate, and for an odd number of the test waits until it is committed. */
static void allocate_first(int test)
{
	create_batch("batch", "LAMP", 10);
	allocate("order", "LAMP", 3);
	if (test % 2)
		world_run(world);
}

START_TEST(a_deallocated_line_gives_its_stock_back_and_is_not_allocated_again)
{
	struct sent *sent;

	allocate_first(_i);
	sent = release(MSG_DEALLOCATE, "order", 3);
	world_run(world);

	expect_handled(sent);
	ck_assert_str_eq(batch_of("order", "LAMP", 3), "");
	ck_assert_ptr_null(database_view(world->database, "LAMP", "order", 3));
	ck_assert_int_eq(database_allocated(world->database, "batch"), 0);
	ck_assert_int_eq(database_purchased(world->database, "batch"), 10);
	ck_assert_str_eq(published(), "line_allocated order LAMP 3 batch 1\n"
				      "line_deallocated order LAMP 3 batch 2\n");
}
END_TEST

START_TEST(a_shipped_line_leaves_its_batch_with_its_quantity)
{
	struct sent *sent;

	allocate_first(_i);
	sent = release(MSG_SHIP, "order", 3);
	world_run(world);

	expect_handled(sent);
	ck_assert_str_eq(batch_of("order", "LAMP", 3), "");
	ck_assert_ptr_null(database_view(world->database, "LAMP", "order", 3));
	ck_assert_int_eq(database_allocated(world->database, "batch"), 0);
	ck_assert_int_eq(database_purchased(world->database, "batch"), 7);
	ck_assert_str_eq(published(), "line_allocated order LAMP 3 batch 1\n"
				      "line_shipped order LAMP 3 batch 2\n");
}
END_TEST

START_TEST(a_line_that_no_batch_holds_is_skipped)
{
	struct sent *other, *again;

	allocate_first(_i);
	other = release(types[_i / 2], "order", 4);
	release(types[_i / 2], "order", 3);
	again = release(types[_i / 2], "order", 3);
	world_run(world);

	expect_skipped(other);
	expect_skipped(again);
	ck_assert_int_eq(database_allocated(world->database, "batch"), 0);
	ck_assert_uint_eq(world->database->dead_letter_count, 0);
}
END_TEST

START_TEST(an_unknown_sku_is_rejected)
{
	struct sent *sent = release(types[_i], "order", 3);

	world_run(world);

	ck_assert_int_eq(sent->outcome, OUTCOME_REJECTED);
	ck_assert_int_eq(sent->verdict, REJECT_INVALID_SKU);
	ck_assert_uint_eq(world->database->dead_letter_count, 1);
}
END_TEST

START_TEST(a_line_is_found_in_an_exhausted_batch_of_a_cached_product)
{
	create_batch("a", "LAMP", 3);
	create_batch("b", "LAMP", 10);
	allocate("order", "LAMP", 3);
	world_run(world);
	for (int i = 0; i < 40; i++) /* the cache keeps at most 32 batches of a product */
		create_batch(arena_printf(world->arena, "exhausted-%d", i), "LAMP", 1);
	allocate_many("small", "LAMP", 50);
	world_run(world);

	release(types[_i], "order", 3);
	allocate("next", "LAMP", 3);
	world_run(world);

	ck_assert_str_eq(batch_of("order", "LAMP", 3), "");
	ck_assert_str_eq(batch_of("next", "LAMP", 3), types[_i] == MSG_DEALLOCATE ? "a" : "");
	ck_assert_int_eq(database_purchased(world->database, "a"), types[_i] == MSG_DEALLOCATE ? 3 : 0);
}
END_TEST

START_TEST(a_released_line_that_is_allocated_in_the_same_unit_is_in_the_read_model)
{
	allocate_first(_i);
	release(types[_i / 2], "order", 3);
	allocate("order", "LAMP", 3);
	world_run(world);

	ck_assert_str_eq(batch_of("order", "LAMP", 3), "batch");
	ck_assert_str_eq(database_view(world->database, "LAMP", "order", 3)->batchref, "batch");
	ck_assert_int_eq(database_allocated(world->database, "batch"), 3);
}
END_TEST

/* A unit that assumes lines to be new has to look this one up: it is stored. */
START_TEST(a_duplicate_allocate_before_the_release_in_one_unit_is_skipped)
{
	struct sent *duplicate, *sent;

	allocate_first(1);
	duplicate = allocate("order", "LAMP", 3);
	sent = release(types[_i], "order", 3);
	world_run(world);

	ck_assert_int_eq(duplicate->verdict, SKIP_DUPLICATE);
	expect_handled(sent);
	ck_assert_int_eq(database_allocated(world->database, "batch"), 0);
}
END_TEST

START_TEST(a_shrink_right_behind_many_releases_gives_up_the_newest_of_the_other_lines)
{
	create_batch("batch", "LAMP", 2000);
	allocate_many("line", "LAMP", 1500);
	world_run(world);

	for (int i = 500; i < 1400; i++)
		release(MSG_DEALLOCATE, arena_printf(world->arena, "line-%05d", i), 1);
	change_quantity("batch", 499);
	world_run(world);

	ck_assert_int_eq(database_allocated(world->database, "batch"), 499);
	ck_assert_str_eq(batch_of("line-00498", "LAMP", 1), "batch");
	ck_assert_str_eq(batch_of("line-00499", "LAMP", 1), "");
	ck_assert_str_eq(batch_of("line-01400", "LAMP", 1), "");
	ck_assert_uint_eq(memory_logger_count(&world->logger, "does not add up"), 0);
}
END_TEST

/* Without an id it is a new message; with the id of the first one it is a duplicate. */
START_TEST(an_allocate_that_comes_again_after_the_release_is_handled_anew_unless_its_id_is_spent)
{
	static const char *const ids[] = {"", "\nid=x"};
	const char *id = ids[_i / 2];
	struct sent *again;

	create_batch("batch", "LAMP", 10);
	world_send(world, TRANSPORT_HTTP, MSG_ALLOCATE, "orderid=order\nsku=LAMP\nqty=3%s", id);
	release(types[_i % 2], "order", 3);
	world_run(world);
	again = world_send(world, TRANSPORT_HTTP, MSG_ALLOCATE, "orderid=order\nsku=LAMP\nqty=3%s", id);
	world_run(world);

	ck_assert_int_eq(again->verdict, *id ? SKIP_DUPLICATE : ACCEPTED);
	ck_assert_str_eq(batch_of("order", "LAMP", 3), *id ? "" : "batch");
}
END_TEST

START_TEST(events_say_why_a_line_lost_its_batch)
{
	static const char *const reasons[] = {"batch_shrunk", "cancelled"};
	struct envelope envelope;
	const char *error;

	allocate_first(1);
	if (_i)
		release(MSG_DEALLOCATE, "order", 3);
	else
		change_quantity("batch", 2);
	world_run(world);

	ck_assert(memory_codec_read(MSG_LINE_DEALLOCATED, memory_broker_event(world->broker, 1)->payload,
				    world->arena, &envelope, &error));
	ck_assert_str_eq(envelope.message.as.line_deallocated.reason, reasons[_i]);
}
END_TEST

SUITE("release", set_up_world, tear_down_world)
{
	tcase_add_loop_test(tests, a_deallocated_line_gives_its_stock_back_and_is_not_allocated_again, 0, 2);
	tcase_add_loop_test(tests, a_shipped_line_leaves_its_batch_with_its_quantity, 0, 2);
	tcase_add_loop_test(tests, a_line_that_no_batch_holds_is_skipped, 0, 2 * COUNT(types));
	tcase_add_loop_test(tests, an_unknown_sku_is_rejected, 0, COUNT(types));
	tcase_add_loop_test(tests, a_line_is_found_in_an_exhausted_batch_of_a_cached_product, 0,
			    COUNT(types));
	tcase_add_loop_test(tests, a_released_line_that_is_allocated_in_the_same_unit_is_in_the_read_model, 0,
			    2 * COUNT(types));
	tcase_add_loop_test(tests, a_duplicate_allocate_before_the_release_in_one_unit_is_skipped, 0,
			    COUNT(types));
	tcase_add_test(tests, a_shrink_right_behind_many_releases_gives_up_the_newest_of_the_other_lines);
	tcase_add_loop_test(
		tests, an_allocate_that_comes_again_after_the_release_is_handled_anew_unless_its_id_is_spent,
		0, 4);
	tcase_add_loop_test(tests, events_say_why_a_line_lost_its_batch, 0, 2);
}
