/* The promises of the read model, on every adapter. */
#include "integration/store/store_steps.h"

#include "core/partition.h"
#include "support/suites.h"

#include <stdio.h>
#include <string.h>

struct reading {
	bool answered;
	int failure;
	int64_t epoch, version;
	size_t count;
	char text[512];
};

static void on_allocations(void *context, const struct allocation_row *rows, size_t count,
			   const struct failure *failure)
{
	struct reading *reading = context;
	size_t used = 0;

	reading->answered = true;
	reading->failure = failure ? (int)failure->kind : NO_FAILURE;
	for (size_t i = 0; i < count; i++)
		used += (size_t)snprintf(reading->text + used, sizeof reading->text - used, "%s:%s ",
					 rows[i].sku, rows[i].batchref);
}

static const char *read_allocations(struct views *views, struct reading *reading, const char *orderid)
{
	*reading = (struct reading){0};
	views->ops->allocations(views, orderid, on_allocations, reading);
	ck_assert(!reading->answered);
	fixture->run_until(fixture, &reading->answered);
	ck_assert_int_eq(reading->failure, NO_FAILURE);
	return reading->text;
}

START_TEST(the_read_model_shows_an_orders_lines_by_sku_and_quantity)
{
	struct views *views = fixture->make_views(fixture);
	struct reading reading;

	create_batch("lamps", "lamp", 10, IN_WAREHOUSE);
	create_batch("more lamps", "lamp", 10, TOMORROW);
	create_batch("chairs", "chair", 10, IN_WAREHOUSE);
	allocate("order", "lamp", 10);
	allocate("order", "lamp", 9);
	allocate("order", "chair", 1);

	ck_assert_str_eq(read_allocations(views, &reading, "order"),
			 "chair:chairs lamp:more lamps lamp:lamps ");
	ck_assert_str_eq(read_allocations(views, &reading, "none"), "");
}
END_TEST

START_TEST(the_read_model_follows_a_line_that_moves_or_loses_its_batch)
{
	struct views *views = fixture->make_views(fixture);
	struct reading reading;

	create_batch("one", "lamp", 10, IN_WAREHOUSE);
	create_batch("two", "lamp", 10, TOMORROW);
	allocate("order", "lamp", 10);

	work_restart(work);
	work_change_quantity(work, "one", 5);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	ck_assert_str_eq(read_allocations(views, &reading, "order"), "lamp:two ");

	work_restart(work);
	work_change_quantity(work, "two", 5);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	ck_assert_str_eq(read_allocations(views, &reading, "order"), "");
}
END_TEST

/* ---- products and batches ---- */

static void on_stock(void *context, const struct stock_page *page, const struct failure *failure)
{
	struct reading *reading = context;
	int used;

	reading->answered = true;
	reading->failure = failure ? (int)failure->kind : NO_FAILURE;
	reading->version = page->version;
	reading->count = page->count;
	used = snprintf(reading->text, sizeof reading->text, "%s%s", page->sku ? page->sku : "none",
			page->after_is_unknown ? " from an unknown batch" : "");
	for (size_t i = 0; i < page->count && i < 5; i++)
		used += snprintf(reading->text + used, sizeof reading->text - (size_t)used, " %s:%d:%d/%d",
				 page->batches[i].batchref,
				 page->batches[i].eta == IN_WAREHOUSE ? 0 : (int)page->batches[i].eta,
				 (int)page->batches[i].allocated, (int)page->batches[i].qty);
}

static const char *read_product(struct views *views, struct reading *reading, const char *sku,
				const char *after)
{
	*reading = (struct reading){0};
	views->ops->product(views, sku, after, on_stock, reading);
	ck_assert(!reading->answered);
	fixture->run_until(fixture, &reading->answered);
	ck_assert_int_eq(reading->failure, NO_FAILURE);
	return reading->text;
}

static const char *read_batch(struct views *views, struct reading *reading, const char *batchref)
{
	*reading = (struct reading){0};
	views->ops->batch(views, batchref, on_stock, reading);
	ck_assert(!reading->answered);
	fixture->run_until(fixture, &reading->answered);
	ck_assert_int_eq(reading->failure, NO_FAILURE);
	return reading->text;
}

START_TEST(a_products_batches_are_read_in_order_of_preference_exhausted_ones_as_well)
{
	struct views *views = fixture->make_views(fixture);
	struct reading reading;

	create_batch("late", "lamp", 5, TOMORROW + 1);
	create_batch("shelf-2", "lamp", 10, IN_WAREHOUSE);
	create_batch("early", "lamp", 5, TOMORROW);
	create_batch("shelf-1", "lamp", 2, IN_WAREHOUSE);
	create_batch("other", "chair", 1, IN_WAREHOUSE);
	allocate("order-1", "lamp", 2);
	allocate("order-2", "lamp", 10);
	allocate("order-3", "lamp", 3);

	ck_assert_str_eq(read_product(views, &reading, "lamp", ""),
			 "lamp shelf-1:0:2/2 shelf-2:0:10/10 early:20000:3/5 late:20001:0/5");
	ck_assert_int_eq(reading.version, 3);
	ck_assert_str_eq(read_product(views, &reading, "lamp", "shelf-1"),
			 "lamp shelf-2:0:10/10 early:20000:3/5 late:20001:0/5");
	ck_assert_str_eq(read_product(views, &reading, "lamp", "early"), "lamp late:20001:0/5");
	ck_assert_str_eq(read_product(views, &reading, "lamp", "late"), "lamp");
}
END_TEST

START_TEST(an_unknown_product_differs_from_an_unknown_start_of_a_page)
{
	struct views *views = fixture->make_views(fixture);
	struct reading reading;

	create_batch("shelf", "lamp", 1, IN_WAREHOUSE);
	create_batch("other", "chair", 1, IN_WAREHOUSE);

	ck_assert_str_eq(read_product(views, &reading, "none", ""), "none");
	ck_assert_str_eq(read_product(views, &reading, "none", "shelf"), "none");
	ck_assert_str_eq(read_product(views, &reading, "lamp", "none"), "lamp from an unknown batch");
	ck_assert_str_eq(read_product(views, &reading, "lamp", "other"), "lamp from an unknown batch");
}
END_TEST

START_TEST(a_batch_is_read_with_its_product)
{
	struct views *views = fixture->make_views(fixture);
	struct reading reading;

	create_batch("shelf", "lamp", 10, TOMORROW);
	create_batch("other", "lamp", 10, IN_WAREHOUSE);
	allocate("order", "lamp", 10);

	ck_assert_str_eq(read_batch(views, &reading, "shelf"), "lamp shelf:20000:0/10");
	ck_assert_str_eq(read_batch(views, &reading, "other"), "lamp other:0:10/10");
	ck_assert_str_eq(read_batch(views, &reading, "none"), "none");
}
END_TEST

START_TEST(one_batch_more_is_read_than_a_page_takes)
{
	struct views *views = fixture->make_views(fixture);
	struct reading reading;

	create_batches(BATCHES_READ_MAX + 2, 1);
	allocate_many("lamp", 0, BATCHES_READ_MAX / 2); /* exhausts the first half of the batches */

	ck_assert_ptr_eq(read_product(views, &reading, "lamp", ""),
			 strstr(reading.text, "lamp batch-000:0:1/1 batch-001:0:1/1 "));
	ck_assert_uint_eq(reading.count, BATCHES_READ_MAX + 1);
	read_product(views, &reading, "lamp", "batch-000");
	ck_assert_uint_eq(reading.count, BATCHES_READ_MAX + 1);
	ck_assert_ptr_eq(read_product(views, &reading, "lamp", "batch-001"),
			 strstr(reading.text, "lamp batch-002:0:1/1 "));
	ck_assert_uint_eq(reading.count, BATCHES_READ_MAX);
	read_product(views, &reading, "lamp", "batch-998");
	ck_assert_str_eq(reading.text, "lamp batch-999:0:0/1");
}
END_TEST

/* ---- events ---- */

static void on_events(void *context, const struct events_page *page, const struct failure *failure)
{
	struct reading *reading = context;
	size_t used = 0;

	reading->answered = true;
	reading->failure = failure ? (int)failure->kind : NO_FAILURE;
	reading->epoch = page->epoch;
	reading->version = page->version;
	for (size_t i = 0; i < page->count; i++)
		used += (size_t)snprintf(reading->text + used, sizeof reading->text - used, "%d ",
					 (int)page->frames[i].first_version);
}

static const char *read_since(struct views *views, struct reading *reading, const char *sku, int64_t epoch,
			      int64_t after)
{
	*reading = (struct reading){0};
	views->ops->events(views, sku, epoch, after, on_events, reading);
	fixture->run_until(fixture, &reading->answered);
	ck_assert_int_eq(reading->failure, NO_FAILURE);
	return reading->text;
}

static const char *read_events(struct views *views, struct reading *reading, const char *sku, int64_t after)
{
	return read_since(views, reading, sku, INT64_MAX, after);
}

START_TEST(frames_that_hold_later_events_are_read)
{
	struct views *views = fixture->make_views(fixture);
	struct reading reading;

	create_batch("batch", "lamp", 100, IN_WAREHOUSE);
	create_batch("chairs", "chair", 100, IN_WAREHOUSE);
	allocate_many("lamp", 0, 3); /* events 1 to 3 */
	allocate_many("lamp", 3, 2); /* 4 and 5 */
	allocate_many("chair", 0, 2);
	allocate_many("lamp", 5, 1); /* 6 */

	ck_assert_str_eq(read_events(views, &reading, "lamp", 0), "1 4 6 ");
	ck_assert_str_eq(read_events(views, &reading, "lamp", 4), "4 6 ");
	ck_assert_str_eq(read_events(views, &reading, "lamp", 5), "6 ");
	ck_assert_str_eq(read_events(views, &reading, "lamp", 6), "");
	ck_assert_str_eq(read_events(views, &reading, "none", 0), "");
}
END_TEST

START_TEST(no_more_frames_are_read_than_a_page_takes)
{
	struct views *views = fixture->make_views(fixture);
	struct reading reading;

	create_batch("batch", "lamp", 2000, IN_WAREHOUSE);
	allocate_many("lamp", 0, EVENTS_READ_MAX + 1); /* events 1 to 1001 */
	allocate_many("lamp", 1001, 1);                /* 1002 */
	allocate_many("lamp", 1002, 1);                /* 1003 */

	ck_assert_ptr_null(strstr(read_events(views, &reading, "lamp", 0), " 1002 "));
	ck_assert_ptr_nonnull(strstr(reading.text, "1 "));
	ck_assert_ptr_nonnull(strstr(read_events(views, &reading, "lamp", 1), " 1002 "));
	ck_assert_ptr_null(strstr(reading.text, " 1003 "));
	ck_assert_ptr_nonnull(strstr(read_events(views, &reading, "lamp", 2), " 1002 1003 "));
}
END_TEST

START_TEST(a_read_after_the_last_version_gets_no_events_but_the_place_of_the_product)
{
	static const int64_t versions[] = {3, 4, INT64_MAX - 1, INT64_MAX};
	struct views *views = fixture->make_views(fixture);
	struct reading reading;

	create_batch("batch", "lamp", 100, IN_WAREHOUSE);
	allocate_many("lamp", 0, 3);

	for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
		ck_assert_str_eq(read_events(views, &reading, "lamp", versions[i]), "");
		ck_assert_int_eq(reading.epoch, 1);
		ck_assert_int_eq(reading.version, 3);
	}
	ck_assert_str_eq(read_events(views, &reading, "lamp", INT64_MIN), "1 ");
}
END_TEST

/* A page may begin with a few events before the later epoch. */
START_TEST(a_read_that_knows_an_earlier_epoch_gets_all_events_of_later_ones)
{
	struct views *views = fixture->make_views(fixture);
	struct cursor published = {.partition = partition_of("lamp"), .position = 40, .epoch = 1};
	struct reading reading;

	create_batch("batch", "lamp", 100, IN_WAREHOUSE);
	for (int i = 0; i < 40; i++)
		allocate_many("lamp", i, 1);
	work_begin_call(work);
	store->outbox->ops->save_cursors(store->outbox, &published, 1, work_answered, work);
	ck_assert_int_eq(work_wait(work), NO_FAILURE);
	fixture->renew(fixture);
	for (int i = 40; i < 43; i++)
		allocate_many("lamp", i, 1);

	ck_assert_ptr_nonnull(strstr(read_since(views, &reading, "lamp", 1, 43), " 40 41 42 43 "));
	ck_assert_str_eq(read_since(views, &reading, "lamp", 2, 42), "43 ");
	ck_assert_int_eq(reading.epoch, 2);
	ck_assert_int_eq(reading.version, 43);
	read_since(views, &reading, "none", 1, 43);
	ck_assert_int_eq(reading.epoch, 2);
	ck_assert_int_eq(reading.version, 0);
}
END_TEST

START_TEST(several_reads_may_be_in_progress_at_once)
{
	struct views *views = fixture->make_views(fixture);
	struct reading one = {0}, two = {0};

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	allocate("order-1", "lamp", 1);

	views->ops->allocations(views, "order-1", on_allocations, &one);
	views->ops->events(views, "lamp", INT64_MAX, 0, on_events, &two);
	fixture->run_until(fixture, &one.answered);
	fixture->run_until(fixture, &two.answered);

	ck_assert_str_eq(one.text, "lamp:batch ");
	ck_assert_str_eq(two.text, "1 ");
}
END_TEST

static void on_ping(void *context, const struct database_health *health, const struct failure *failure)
{
	ck_assert(failure || health->now_us == NO_INSTANT || health->now_us > 0);
	work_answered(context, failure);
}

START_TEST(a_ping_is_answered)
{
	struct views *views = fixture->make_views(fixture);

	work_begin_call(work);
	views->ops->ping(views, on_ping, work);

	ck_assert_int_eq(work_wait(work), NO_FAILURE);
}
END_TEST

SUITE("store views", store_set_up, store_tear_down, .timeout_s = 120)
{
	tcase_add_test(tests, the_read_model_shows_an_orders_lines_by_sku_and_quantity);
	tcase_add_test(tests, the_read_model_follows_a_line_that_moves_or_loses_its_batch);
	tcase_add_test(tests, a_products_batches_are_read_in_order_of_preference_exhausted_ones_as_well);
	tcase_add_test(tests, an_unknown_product_differs_from_an_unknown_start_of_a_page);
	tcase_add_test(tests, a_batch_is_read_with_its_product);
	tcase_add_test(tests, one_batch_more_is_read_than_a_page_takes);
	tcase_add_test(tests, frames_that_hold_later_events_are_read);
	tcase_add_test(tests, no_more_frames_are_read_than_a_page_takes);
	tcase_add_test(tests, a_read_after_the_last_version_gets_no_events_but_the_place_of_the_product);
	tcase_add_test(tests, a_read_that_knows_an_earlier_epoch_gets_all_events_of_later_ones);
	tcase_add_test(tests, several_reads_may_be_in_progress_at_once);
	tcase_add_test(tests, a_ping_is_answered);
}
