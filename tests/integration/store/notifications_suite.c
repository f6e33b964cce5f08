/* A notification is leased until it is delivered, postponed or dead; its mail shows the remaining stock. */
#include "integration/store/store_steps.h"

#include "support/suites.h"

#include <string.h>

START_TEST(a_new_notification_is_leased_to_the_worker_that_wrote_it)
{
	struct notification due[2];

	run_out_of_stock();

	ck_assert_uint_eq(take_due(due, 2), 0);
}
END_TEST

START_TEST(a_notification_that_was_not_sent_in_time_is_due_once)
{
	struct notification due[2];
	int64_t key = run_out_of_stock();

	fixture->let_time_pass(fixture, NOTIFICATION_LEASE + 1);

	ck_assert_uint_eq(take_due(due, 2), 1);
	ck_assert_int_eq(due[0].key, key);
	ck_assert_str_eq(due[0].sku, "lamp");
	ck_assert_str_eq(due[0].orderid, "order");
	ck_assert_int_eq(due[0].qty, 2);
	ck_assert_int_eq(due[0].attempts, 0);
	ck_assert_uint_eq(take_due(due, 2), 0); /* the notification is leased now */
}
END_TEST

START_TEST(a_delivered_notification_is_deleted)
{
	struct notification due[2];

	record_notification(run_out_of_stock(), NOTIFICATION_DELIVERED, 0);
	fixture->let_time_pass(fixture, NOTIFICATION_LEASE + 1);

	ck_assert_uint_eq(take_due(due, 2), 0);
}
END_TEST

START_TEST(a_failed_notification_is_due_again_later)
{
	struct notification due[2];

	record_notification(run_out_of_stock(), NOTIFICATION_POSTPONED, 300);
	fixture->let_time_pass(fixture, 290);
	ck_assert_uint_eq(take_due(due, 2), 0);
	fixture->let_time_pass(fixture, 20);

	ck_assert_uint_eq(take_due(due, 2), 1);
	ck_assert_int_eq(due[0].attempts, 1);
}
END_TEST

START_TEST(several_notifications_get_their_keys_in_order)
{
	struct notification due[3];

	create_batch("batch", "lamp", 1, IN_WAREHOUSE);
	work_restart(work);
	work_allocate(work, "z", "lamp", 2);
	work_allocate(work, "a", "lamp", 3);
	work_allocate(work, "m", "lamp", 4);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	record_notification(work->uow.notifications[1].key, NOTIFICATION_DELIVERED, 0);
	fixture->let_time_pass(fixture, NOTIFICATION_LEASE + 1);

	ck_assert_uint_eq(take_due(due, 3), 2);
	for (int i = 0; i < 2; i++)
		ck_assert_str_ne(due[i].orderid, "a");
}
END_TEST

static const char *const ann_and_bob[] = {"ann@example", "bob@example"};

static void split_notification(int64_t key, int64_t keys[2])
{
	work_begin_call(work);
	store->chores->ops->split_notification(store->chores, key, ann_and_bob, 2, keys, work_answered, work);
	ck_assert_int_eq(work_wait(work), NO_FAILURE);
}

START_TEST(a_split_notification_becomes_one_for_each_recipient)
{
	struct notification due[4];
	int64_t keys[2], key = run_out_of_stock();

	split_notification(key, keys);
	ck_assert_uint_eq(take_due(due, 4), 0); /* all of them are leased */
	record_notification(keys[0], NOTIFICATION_DELIVERED, 0);
	record_notification(keys[1], NOTIFICATION_POSTPONED, 300);
	fixture->let_time_pass(fixture, 310);

	ck_assert_uint_eq(take_due(due, 4), 1);
	ck_assert_int_eq(due[0].key, keys[1]);
	ck_assert_str_eq(due[0].recipient, ann_and_bob[1]);
	ck_assert_str_eq(due[0].sku, "lamp");
	ck_assert_str_eq(due[0].orderid, "order");
	ck_assert_int_eq(due[0].qty, 2);
}
END_TEST

START_TEST(a_notification_is_split_once)
{
	int64_t keys[2], key = run_out_of_stock();

	split_notification(key, keys);
	split_notification(key, keys);

	ck_assert_int_eq(keys[0], 0);
	ck_assert_int_eq(keys[1], 0);
}
END_TEST

static void read_stock(const char *sku, struct stock *stock)
{
	work_begin_call(work);
	store->chores->ops->read_stock(store->chores, sku, stock, work->uow.arena, work_answered, work);
	ck_assert_int_eq(work_wait(work), NO_FAILURE);
}

START_TEST(stock_lists_batches_with_free_stock_in_order_of_preference)
{
	struct stock stock;

	create_batch("shipment", "lamp", 5, TOMORROW);
	create_batch("shelf", "lamp", 3, IN_WAREHOUSE);
	create_batch("exhausted", "lamp", 9, IN_WAREHOUSE);
	allocate("order", "lamp", 9);

	read_stock("lamp", &stock);

	ck_assert_uint_eq(stock.count, 2);
	ck_assert_str_eq(stock.batches[0].reference, "shelf");
	ck_assert_int_eq(stock.batches[0].eta, IN_WAREHOUSE);
	ck_assert_int_eq(stock.batches[0].free, 3);
	ck_assert_str_eq(stock.batches[1].reference, "shipment");
	ck_assert_int_eq(stock.batches[1].eta, TOMORROW);
	ck_assert_int_eq(stock.batches[1].free, 5);
	ck_assert(!stock.has_more);
	ck_assert_uint_gt(strlen(stock.incarnation), 0);
}
END_TEST

START_TEST(stock_of_many_batches_is_cut_and_marked_as_cut)
{
	struct stock stock;

	create_batches(STOCK_BATCHES_MAX + 1, 1);
	read_stock("lamp", &stock);
	ck_assert_uint_eq(stock.count, STOCK_BATCHES_MAX);
	ck_assert(stock.has_more);

	read_stock("unknown", &stock);
	ck_assert_uint_eq(stock.count, 0);
	ck_assert(!stock.has_more);
}
END_TEST

SUITE("store notifications", store_set_up, store_tear_down, .timeout_s = 120)
{
	tcase_add_test(tests, a_new_notification_is_leased_to_the_worker_that_wrote_it);
	tcase_add_test(tests, a_notification_that_was_not_sent_in_time_is_due_once);
	tcase_add_test(tests, a_delivered_notification_is_deleted);
	tcase_add_test(tests, a_failed_notification_is_due_again_later);
	tcase_add_test(tests, several_notifications_get_their_keys_in_order);
	tcase_add_test(tests, a_split_notification_becomes_one_for_each_recipient);
	tcase_add_test(tests, a_notification_is_split_once);
	tcase_add_test(tests, stock_lists_batches_with_free_stock_in_order_of_preference);
	tcase_add_test(tests, stock_of_many_batches_is_cut_and_marked_as_cut);
}
