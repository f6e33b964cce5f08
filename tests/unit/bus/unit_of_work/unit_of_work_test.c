/* What one unit of work writes, checked in the database, or in the unit itself before its flush. */
#include "support/bus_world.h"
#include "support/suites.h"

#include "bus/unit_of_work/outbox_frame.h"

#include <string.h>

/* ---- in the database, after one unit of several messages ---- */

START_TEST(a_command_sees_the_effects_of_earlier_ones_in_its_unit)
{
	struct sent *create, *one, *again, *change, *two;

	create_batch("batch", "LAMP", 10);
	world_run(world);
	create = create_batch("more", "LAMP", 1);
	one = allocate("one", "LAMP", 8);
	again = allocate("one", "LAMP", 8);
	change = change_quantity("batch", 20);
	two = allocate("two", "LAMP", 12);
	world_run(world);

	ck_assert_uint_eq(engine_stats(world->engine)->units, 2);
	expect_handled(create);
	expect_handled(one);
	ck_assert_int_eq(again->outcome, OUTCOME_SKIPPED);
	expect_handled(change);
	expect_handled(two);
	ck_assert_str_eq(batch_of("two", "LAMP", 12), "batch");
}
END_TEST

START_TEST(a_rejected_message_leaves_no_trace_in_its_unit)
{
	create_batch("batch", "LAMP", 10);
	world_run(world);
	create_batch("batch", "LAMP", 11);
	allocate("one", "UNKNOWN", 1);
	allocate("two", "LAMP", 1);
	world_run(world);

	ck_assert_uint_eq(engine_stats(world->engine)->units, 2);
	ck_assert_uint_eq(world->database->product_count, 1);
	ck_assert_int_eq(database_purchased(world->database, "batch"), 10);
	ck_assert_str_eq(published(), "line_allocated two LAMP 1 batch 1\n");
}
END_TEST

START_TEST(a_unit_that_changed_nothing_leaves_the_revision)
{
	create_batch("batch", "LAMP", 10);
	world_run(world);
	create_batch("batch", "LAMP", 10);
	create_batch("batch", "LAMP", 11);
	world_run(world);

	ck_assert(database_revision(world->database, "LAMP") == 1);
}
END_TEST

START_TEST(the_revision_goes_up_by_one_in_a_unit)
{
	create_batch("batch", "LAMP", 10);
	world_run(world);
	allocate_many("order", "LAMP", 5);
	world_run(world);

	ck_assert(database_revision(world->database, "LAMP") == 2);
	ck_assert(database_version(world->database, "LAMP") == 5);
}
END_TEST

static void expect_part(const struct stored_outbox_part *part, const char *sku, int64_t first, int64_t last)
{
	ck_assert_str_eq(part->sku, sku);
	ck_assert_int_eq(part->first_version, first);
	ck_assert_int_eq(part->last_version, last);
}

START_TEST(the_outbox_gets_one_row_for_each_product_of_a_unit)
{
	const char *chair = sku_in_lane(0, 0), *lamp = chair;
	const struct outbox_partition *partition = &world->database->outbox[partition_of(chair)];
	struct outgoing *events = NULL;
	size_t count = 0;

	for (int i = 1; partition_of(lamp) != partition_of(chair) || lamp == chair; i++)
		lamp = sku_in_lane(0, i);
	create_batch("a", chair, 10);
	create_batch("b", lamp, 10);
	allocate("one", chair, 1);
	allocate("two", lamp, 1);
	allocate("three", chair, 1);
	world_run(world);
	allocate("four", lamp, 1);
	world_run(world);

	ck_assert_uint_eq(partition->count, 2);
	ck_assert_uint_eq(partition->rows[0].part_count, 2);
	expect_part(&partition->rows[0].parts[0], chair, 1, 2);
	expect_part(&partition->rows[0].parts[1], lamp, 1, 1);
	ck_assert_uint_eq(partition->rows[1].part_count, 1);
	expect_part(&partition->rows[1].parts[0], lamp, 2, 2);
	ck_assert(outbox_frame_decode(world->arena, partition->rows[0].frame, &events, &count));
	ck_assert_uint_eq(count, 3);
}
END_TEST

/* ---- in the unit itself ---- */

static struct unit_of_work uow;
static struct memory_codec codec;
static struct envelope cause;

static void set_up(void)
{
	memory_codec_init(&codec);
	unit_of_work_init(&uow, &codec.codec, MOVE_MAX_DEFAULT);
	cause = (struct envelope){.source = "", .occurred_at = NO_INSTANT};
	uow.cause = &cause;
}

static void tear_down(void)
{
	unit_of_work_release(&uow);
}

static const struct order_line line = {"order", "LAMP", 1}, other_line = {"other", "LAMP", 1};

START_TEST(a_row_of_the_read_model_is_written_once_with_its_last_state)
{
	unit_of_work_show_line(&uow, &line, "a");
	unit_of_work_show_line(&uow, &line, NULL);
	unit_of_work_show_line(&uow, &other_line, "a");
	unit_of_work_show_line(&uow, &line, "b");
	unit_of_work_close(&uow);

	ck_assert_uint_eq(uow.view_count, 2);
	ck_assert_str_eq(uow.views[0]->orderid, "order");
	ck_assert_str_eq(uow.views[0]->batchref, "b");
}
END_TEST

START_TEST(an_undone_message_does_not_change_the_read_model)
{
	unit_of_work_show_line(&uow, &line, "a");
	unit_of_work_keep_changes(&uow);
	unit_of_work_show_line(&uow, &line, "b");
	unit_of_work_show_line(&uow, &other_line, "b");
	unit_of_work_undo_changes(&uow);
	unit_of_work_close(&uow);

	ck_assert_uint_eq(uow.view_count, 1);
	ck_assert_str_eq(uow.views[0]->batchref, "a");
}
END_TEST

START_TEST(an_undone_message_notifies_no_recipient)
{
	unit_of_work_notify(&uow, &line);
	unit_of_work_keep_changes(&uow);
	unit_of_work_notify(&uow, &other_line);
	unit_of_work_undo_changes(&uow);
	unit_of_work_notify(&uow, &other_line);

	ck_assert_uint_eq(uow.notification_count, 2);
	ck_assert_str_eq(uow.notifications[1].orderid, "other");
}
END_TEST

START_TEST(a_product_created_by_an_undone_message_does_not_exist)
{
	unit_of_work_want_product(&uow, "LAMP");
	uow.products[0]->loaded = true;
	unit_of_work_new_product(&uow, "LAMP");
	unit_of_work_want_batch(&uow, "batch", INT32_MAX);
	uow.batches[0]->loaded = true;
	unit_of_work_own_batch(&uow, "batch", "LAMP");
	unit_of_work_undo_changes(&uow);

	ck_assert_ptr_null(unit_of_work_product(&uow, "LAMP"));
	ck_assert_ptr_null(unit_of_work_batch_owner(&uow, "batch"));
}
END_TEST

static void publish(int64_t version)
{
	struct message event;

	message_init(&event, MSG_OUT_OF_STOCK);
	event.as.out_of_stock = (struct out_of_stock){
		.sku = "LAMP", .orderid = "order", .qty = 1, .version = version, .occurred_at = NO_INSTANT};
	uow.cause = &cause;
	unit_of_work_publish(&uow, &event);
}

START_TEST(the_events_of_an_undone_message_are_not_published)
{
	unit_of_work_want_product(&uow, "LAMP");
	publish(7);
	unit_of_work_keep_changes(&uow);
	publish(8);
	unit_of_work_undo_changes(&uow);
	publish(8);
	publish(9);
	unit_of_work_close(&uow);

	ck_assert_uint_eq(uow.outbox_count, 1);
	ck_assert_uint_eq(uow.outbox[0].part_count, 1);
	ck_assert_int_eq(uow.outbox[0].parts[0].first_version, 7);
	ck_assert_int_eq(uow.outbox[0].parts[0].last_version, 9);
	ck_assert_int_eq(uow.outbox[0].partition, partition_of("LAMP"));
}
END_TEST

START_TEST(a_product_that_is_wanted_twice_is_loaded_once)
{
	unit_of_work_want_product(&uow, "LAMP");
	unit_of_work_want_product(&uow, "LAMP");
	unit_of_work_want_batch(&uow, "batch", 7);
	unit_of_work_want_batch(&uow, "batch", 3);
	unit_of_work_want_batch(&uow, "batch", INT32_MAX);
	unit_of_work_want_line(&uow, &line);
	unit_of_work_want_line(&uow, &line);
	unit_of_work_want_line(&uow, &(struct order_line){"order", "LAMP", 2});

	ck_assert_uint_eq(uow.product_count, 1);
	ck_assert_uint_eq(uow.batch_count, 1);
	ck_assert_int_eq(uow.batches[0]->lowest_qty, 3);
	ck_assert_uint_eq(uow.line_count, 2);
}
END_TEST

START_TEST(an_event_that_violates_its_schema_is_a_defect)
{
	unit_of_work_want_product(&uow, "LAMP");
	publish(0); /* versions begin with 1 */

	ck_assert_ptr_nonnull(uow.defect);
	unit_of_work_undo_changes(&uow);
	ck_assert_ptr_null(uow.defect);
}
END_TEST

SUITE("unit of work", set_up_world, tear_down_world)
{
	tcase_add_test(tests, a_command_sees_the_effects_of_earlier_ones_in_its_unit);
	tcase_add_test(tests, a_rejected_message_leaves_no_trace_in_its_unit);
	tcase_add_test(tests, a_unit_that_changed_nothing_leaves_the_revision);
	tcase_add_test(tests, the_revision_goes_up_by_one_in_a_unit);
	tcase_add_test(tests, the_outbox_gets_one_row_for_each_product_of_a_unit);
}

SUITE("unit of work", set_up, tear_down)
{
	tcase_add_test(tests, a_row_of_the_read_model_is_written_once_with_its_last_state);
	tcase_add_test(tests, an_undone_message_does_not_change_the_read_model);
	tcase_add_test(tests, an_undone_message_notifies_no_recipient);
	tcase_add_test(tests, a_product_created_by_an_undone_message_does_not_exist);
	tcase_add_test(tests, the_events_of_an_undone_message_are_not_published);
	tcase_add_test(tests, a_product_that_is_wanted_twice_is_loaded_once);
	tcase_add_test(tests, an_event_that_violates_its_schema_is_a_defect);
}
