/* Streams that divide the SKUs: what comes by another stream than its SKU's is forwarded. */
#include "support/replicas.h"
#include "support/suites.h"

#define PATIENCE_MS 5000

static const char *sku; /* of stream 1; its batch "shelf" has 100 pieces, and a line of 10 */

static void pass_ms(int64_t ms)
{
	world_advance_ms(world, ms);
}

/* Worker 0 reads the first stream, and worker 1 the second one. */
static void set_up(void)
{
	set_up_replicas();
	divide_skus();
	start_replica(0, RANGE);
	start_replica(1, RANGE);
	sku = sku_on(1);
	create_batch("shelf", sku, 100);
	allocate("first", sku, 10);
	pass_ms(2 * PATIENCE_MS);
	if (is_reading(1, 0)) { /* the other way round */
		kill_replica(1);
		pass_ms(PATIENCE_MS);
		start_replica(1, RANGE);
		pass_ms(PATIENCE_MS);
	}
}

static int reader_of(int stream)
{
	return is_reading(0, stream) ? 0 : 1;
}

static struct stream_reader *reader(int stream)
{
	return replicas[reader_of(stream)].streams[stream].reader;
}

static struct memory_consumer *consumer(int stream)
{
	return replicas[reader_of(stream)].streams[stream].consumer;
}

static void change(int stream, const char *id, int qty)
{
	add_entry(stream, MSG_CHANGE_BATCH_QUANTITY, id, "ref=shelf\nqty=%d", qty);
}

static int32_t quantity(void)
{
	return database_purchased(world->database, "shelf");
}

static uint64_t outcomes(enum outcome outcome)
{
	uint64_t count = 0;

	for (int i = 0; i < REPLICAS; i++)
		if (replicas[i].keeper)
			count += message_statistics_count(
				&engine_stats(replicas[i].world->engine)->by_message, outcome);
	return count;
}

static void expect_all_done(void)
{
	pass_ms(2 * PATIENCE_MS);
	for (int i = 0; i < RANGE; i++)
		expect_acknowledged(i);
}

/* ---- commands that name a batch ---- */

START_TEST(a_command_that_names_its_batch_is_handled_on_the_stream_of_its_sku)
{
	change(0, "a", 50);
	expect_all_done();

	ck_assert_int_eq(quantity(), 50);
	ck_assert_uint_eq(memory_stream_length(shared_streams[1]), 1);
	ck_assert_uint_eq(stream_reader_stats(reader(0))->forwarded, 1);
	ck_assert_uint_eq(outcomes(OUTCOME_FORWARDED), 1);
}
END_TEST

START_TEST(a_command_on_the_stream_of_its_sku_stays_there)
{
	change(1, NULL, 50);
	expect_all_done();

	ck_assert_int_eq(quantity(), 50);
	ck_assert_uint_eq(memory_stream_length(shared_streams[0]), 0);
	ck_assert_uint_eq(memory_stream_length(shared_streams[1]), 1);
}
END_TEST

START_TEST(commands_of_one_batch_keep_their_order)
{
	for (int qty = 20; qty <= 60; qty++)
		change(0, qty % 2 ? arena_printf(world->arena, "%d", qty) : NULL, qty);
	expect_all_done();

	ck_assert_int_eq(quantity(), 60);
	ck_assert_uint_eq(memory_stream_length(shared_streams[1]), 41);
}
END_TEST

START_TEST(commands_that_another_stream_refuses_for_a_time_keep_their_order)
{
	memory_consumer_fail_next(consumer(0), STREAM_FORWARD, STREAM_REFUSED);
	for (int qty = 20; qty <= 60; qty++)
		change(0, NULL, qty);
	world_run(world);
	ck_assert_uint_eq(memory_stream_length(shared_streams[1]), 0);
	expect_all_done();

	ck_assert_int_eq(quantity(), 60);
}
END_TEST

/* With and without an id of its own. */
START_TEST(a_command_that_is_forwarded_twice_has_one_effect)
{
	memory_consumer_fail_next(consumer(0), STREAM_FORWARD, STREAM_ANSWER_LOST);
	change(0, _i ? "a" : NULL, 5); /* the line of 10 loses its batch: out of stock */
	expect_all_done();

	ck_assert_uint_eq(memory_stream_length(shared_streams[1]), 2);
	ck_assert_uint_eq(outcomes(OUTCOME_SKIPPED), 1);
	ck_assert_str_eq(orders_of(sku), "first ");
}
END_TEST

START_TEST(the_next_reader_forwards_what_a_killed_one_did_not_acknowledge)
{
	int killed = reader_of(0);

	cable_hold(memory_consumer_answers(consumer(0)));
	change(0, NULL, 5);
	change(0, NULL, 50);
	world_run(world);
	ck_assert_uint_eq(memory_stream_length(shared_streams[1]), 1);
	kill_replica(killed);
	expect_all_done();

	ck_assert_int_eq(quantity(), 50);
	ck_assert_uint_eq(memory_stream_length(shared_streams[1]), 3);
	ck_assert_str_eq(orders_of(sku), "first ");
}
END_TEST

START_TEST(a_frozen_reader_that_comes_back_forwards_nothing_that_has_an_effect)
{
	int frozen = reader_of(0);

	cable_hold(memory_consumer_requests(consumer(0)));
	change(0, NULL, 5);
	change(0, NULL, 50);
	world_run(world);
	freeze_replica(frozen);
	pass_ms(2 * PATIENCE_MS);
	ck_assert_int_eq(quantity(), 50);
	thaw_replica(frozen);
	expect_all_done();

	ck_assert_int_eq(quantity(), 50);
	ck_assert_str_eq(orders_of(sku), "first ");
}
END_TEST

/* Its last forwarding failed, and what was left to forward is the other reader's. */
START_TEST(a_reader_that_lost_its_lease_forwards_again_when_it_has_it_again)
{
	int frozen = reader_of(0);

	cable_hold(memory_consumer_requests(consumer(0)));
	change(0, NULL, 50);
	world_run(world);
	freeze_replica(frozen);
	pass_ms(2 * PATIENCE_MS);
	thaw_replica(frozen);
	expect_all_done();
	kill_replica(!frozen);
	change(0, NULL, 60);
	expect_all_done();

	ck_assert_int_eq(quantity(), 60);
}
END_TEST

START_TEST(an_entry_whose_field_origin_is_a_publishers_own_is_a_new_command)
{
	static const char payload[] = "ref=shelf\nqty=50";

	memory_stream_add(shared_streams[0], &(struct stream_entry){
						     .type = MSG_CHANGE_BATCH_QUANTITY,
						     .origin = "1/2 5-1 1 the shop",
						     .payload = {payload, strlen(payload)},
						     .payload_size = strlen(payload),
					     });
	expect_all_done();

	ck_assert_int_eq(quantity(), 50);
}
END_TEST

/* ---- unknown batches ---- */

START_TEST(a_command_waits_behind_the_create_batch_on_another_stream)
{
	stream_reader_pause(reader(1));
	pass_ms(PATIENCE_MS);
	add_entry(1, MSG_CREATE_BATCH, NULL, "ref=new\nsku=%s\nqty=7", sku);
	add_entry(0, MSG_CHANGE_BATCH_QUANTITY, NULL, "ref=new\nqty=8");
	pass_ms(PATIENCE_MS);
	stream_reader_resume(reader(1));
	expect_all_done();

	ck_assert_int_eq(database_purchased(world->database, "new"), 8);
	ck_assert_uint_eq(world->database->dead_letter_count, 0);
}
END_TEST

START_TEST(a_command_of_a_batch_that_no_stream_creates_is_rejected_once)
{
	add_entry(0, MSG_CHANGE_BATCH_QUANTITY, "a", "ref=lost\nqty=8");
	expect_all_done();

	ck_assert_uint_eq(world->database->dead_letter_count, 1);
	ck_assert_str_eq(world->database->dead_letters[0].origin, "commands"); /* its first entry */
	ck_assert_str_eq(world->database->dead_letters[0].reason, "unknown batch lost");
	ck_assert_uint_eq(memory_stream_length(shared_streams[0]), 1);
	ck_assert_uint_eq(memory_stream_length(shared_streams[1]), 1);
}
END_TEST

/* The first command has left the stream when the batch is created there; a second one comes behind that. */
START_TEST(a_command_that_came_before_the_create_batch_of_its_stream_does_not_undo_a_later_one)
{
	stream_reader_pause(reader(0));
	pass_ms(PATIENCE_MS);
	add_entry(1, MSG_CHANGE_BATCH_QUANTITY, NULL, "ref=new\nqty=8");
	pass_ms(PATIENCE_MS);
	add_entry(1, MSG_CREATE_BATCH, NULL, "ref=new\nsku=%s\nqty=7", sku);
	add_entry(1, MSG_CHANGE_BATCH_QUANTITY, NULL, "ref=new\nqty=9");
	pass_ms(PATIENCE_MS);
	stream_reader_resume(reader(0));
	expect_all_done();

	ck_assert_int_eq(database_purchased(world->database, "new"), 9);
	ck_assert_uint_eq(world->database->dead_letter_count, 1);
	ck_assert_str_eq(world->database->dead_letters[0].reason, "unknown batch new");
}
END_TEST

/* ---- cancelled orders ---- */

/* The other SKU is of stream 0. */
static void allocate_on_both(const char *orderid)
{
	add_entry(0, MSG_ALLOCATE, NULL, "orderid=%s\nsku=%s\nqty=2", orderid, sku_on(0));
	add_entry(1, MSG_ALLOCATE, NULL, "orderid=%s\nsku=%s\nqty=3", orderid, sku);
}

static void cancel_on(int stream, const char *id, const char *orderid)
{
	add_entry(stream, MSG_ORDER_CANCELLED, id, "orderid=%s", orderid);
}

static void expect_cancelled_once(const char *orderid)
{
	const char *text = published();

	ck_assert_str_eq(batch_of(orderid, sku_on(0), 2), "");
	ck_assert_str_eq(batch_of(orderid, sku, 3), "");
	for (int stream = 0; stream < RANGE; stream++) {
		const char *event =
			arena_printf(world->arena, "line_deallocated %s %s ", orderid, sku_on(stream));
		const char *first = strstr(text, event);

		ck_assert_ptr_nonnull(first);
		ck_assert_ptr_null(strstr(first + 1, event));
	}
}

static void set_up_order(void)
{
	set_up();
	create_batch("other", sku_on(0), 100);
	pass_ms(100);
}

START_TEST(an_order_is_cancelled_on_every_stream_behind_what_is_in_front_there)
{
	stream_reader_pause(reader(1));
	pass_ms(PATIENCE_MS);
	allocate_on_both("order");
	cancel_on(0, "a", "order");
	pass_ms(PATIENCE_MS);
	ck_assert_ptr_null(database_inbox(world->database, "\xff"
							   "a"));
	stream_reader_resume(reader(1));
	expect_all_done();

	expect_cancelled_once("order");
	ck_assert_ptr_nonnull(database_inbox(world->database, "\xff"
							      "a"));
}
END_TEST

/* The answer to the forwarding is lost, or its reader dies; with and without an id. */
START_TEST(a_cancellation_that_is_forwarded_twice_cancels_each_line_once)
{
	int first = reader_of(0);

	allocate_on_both("order");
	pass_ms(PATIENCE_MS);
	if (_i / 2)
		cable_hold(memory_consumer_answers(consumer(0)));
	else
		memory_consumer_fail_next(consumer(0), STREAM_FORWARD, STREAM_ANSWER_LOST);
	cancel_on(0, _i % 2 ? "a" : NULL, "order");
	world_run(world);
	if (_i / 2)
		kill_replica(first);
	expect_all_done();

	expect_cancelled_once("order");
	ck_assert_uint_ge(memory_stream_length(shared_streams[1]), 3); /* with the allocate */
}
END_TEST

START_TEST(a_line_that_is_allocated_behind_the_cancellation_on_its_stream_stays)
{
	allocate_on_both("order");
	cancel_on(1, "a", "order");
	add_entry(1, MSG_ALLOCATE, "again", "orderid=order\nsku=%s\nqty=3", sku);
	expect_all_done();

	ck_assert_str_eq(batch_of("order", sku_on(0), 2), "");
	ck_assert_str_eq(batch_of("order", sku, 3), "shelf");
}
END_TEST

/* The same event by another way, which has handled it before; the line is allocated again since. */
START_TEST(a_cancellation_that_is_done_already_has_no_effect_on_any_stream)
{
	allocate_on_both("order");
	pass_ms(PATIENCE_MS);
	world_send(world, TRANSPORT_HTTP, MSG_ORDER_CANCELLED, "orderid=order\nid=a");
	pass_ms(PATIENCE_MS);
	ck_assert_str_eq(batch_of("order", sku, 3), "");
	allocate_on_both("order");
	pass_ms(PATIENCE_MS);
	cancel_on(_i, "a", "order");
	expect_all_done();

	ck_assert_str_eq(batch_of("order", sku_on(0), 2), "other");
	ck_assert_str_eq(batch_of("order", sku, 3), "shelf");
}
END_TEST

/* Its second delivery begins on another stream, and ends where the first one has done its part. */
START_TEST(a_cancellation_that_comes_again_on_another_stream_has_one_effect)
{
	allocate_on_both("order");
	pass_ms(PATIENCE_MS);
	stream_reader_pause(reader(1));
	pass_ms(PATIENCE_MS);
	cancel_on(0, "a", "order");
	pass_ms(PATIENCE_MS);
	ck_assert_str_eq(batch_of("order", sku_on(0), 2), "");
	add_entry(0, MSG_ALLOCATE, NULL, "orderid=order\nsku=%s\nqty=2", sku_on(0));
	pass_ms(PATIENCE_MS);
	cancel_on(1, "a", "order");
	stream_reader_resume(reader(1));
	expect_all_done();

	ck_assert_str_eq(batch_of("order", sku_on(0), 2), "other");
	ck_assert_str_eq(batch_of("order", sku, 3), "");
}
END_TEST

SUITE("stream forwarding", set_up, tear_down_replicas)
{
	tcase_add_test(tests, a_command_that_names_its_batch_is_handled_on_the_stream_of_its_sku);
	tcase_add_test(tests, a_command_on_the_stream_of_its_sku_stays_there);
	tcase_add_test(tests, commands_of_one_batch_keep_their_order);
	tcase_add_test(tests, commands_that_another_stream_refuses_for_a_time_keep_their_order);
	tcase_add_loop_test(tests, a_command_that_is_forwarded_twice_has_one_effect, 0, 2);
	tcase_add_test(tests, the_next_reader_forwards_what_a_killed_one_did_not_acknowledge);
	tcase_add_test(tests, a_frozen_reader_that_comes_back_forwards_nothing_that_has_an_effect);
	tcase_add_test(tests, a_reader_that_lost_its_lease_forwards_again_when_it_has_it_again);
	tcase_add_test(tests, an_entry_whose_field_origin_is_a_publishers_own_is_a_new_command);
	tcase_add_test(tests, a_command_waits_behind_the_create_batch_on_another_stream);
	tcase_add_test(tests, a_command_of_a_batch_that_no_stream_creates_is_rejected_once);
	tcase_add_test(tests,
		       a_command_that_came_before_the_create_batch_of_its_stream_does_not_undo_a_later_one);
}

SUITE("cancellation over streams", set_up_order, tear_down_replicas)
{
	tcase_add_test(tests, an_order_is_cancelled_on_every_stream_behind_what_is_in_front_there);
	tcase_add_loop_test(tests, a_cancellation_that_is_forwarded_twice_cancels_each_line_once, 0, 4);
	tcase_add_test(tests, a_line_that_is_allocated_behind_the_cancellation_on_its_stream_stays);
	tcase_add_loop_test(tests, a_cancellation_that_is_done_already_has_no_effect_on_any_stream, 0, 2);
	tcase_add_test(tests, a_cancellation_that_comes_again_on_another_stream_has_one_effect);
}
