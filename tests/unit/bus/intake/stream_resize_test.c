/*
 * A range of streams grows from 2 to 4 while messages are under way that concern several streams: commands
 * that name only their batch, and cancelled orders.
 */
#include "support/replicas.h"
#include "support/suites.h"

#define PATIENCE_MS 5000

#define FEW      "s[0-1]"
#define MANY     "s[0-3]"
#define PREPARED FEW ", -> " MANY
#define AGREED   FEW ", => " MANY

/* Of streams 1 and 3; before, of stream 1 both.  Its batch has 100 pieces and the name of the SKU. */
static const char *staying, *moving;

static void pass(void)
{
	world_advance_ms(world, PATIENCE_MS);
}

static void say(const char *text)
{
	world->database->stream_list = text;
}

/* As of the longer range. */
static const char *sku_of(int stream)
{
	set_list(MANY);
	return sku_on(stream);
}

static void start_with(int worker, const char *list)
{
	set_list(list);
	start_replica(worker, (int)shared_list.count);
}

static void set_up(void)
{
	set_up_replicas();
	staying = sku_of(1);
	moving = sku_of(3);
	say(FEW);
	start_with(0, FEW);
	start_with(1, FEW);
	create_batch(staying, staying, 100);
	create_batch(moving, moving, 100);
	pass();
}

static void start_again_with(int worker, const char *list)
{
	kill_replica(worker);
	pass();
	start_with(worker, list);
	pass();
}

/* As the tool and the operator do. */
static void prepare(void)
{
	say(PREPARED);
	start_again_with(0, MANY);
	start_again_with(1, MANY);
}

static void agree(void)
{
	say(AGREED);
	pass();
}

static void finish(void)
{
	pass();
	say(MANY);
	pass();
	for (int stream = 0; stream < STREAMS_ALL; stream++)
		expect_acknowledged(stream);
}

static int reader_of(int stream)
{
	int worker = 0;

	while (worker < REPLICAS && !is_reading(worker, stream))
		worker++;
	return worker;
}

static struct replica_stream *read_stream(int stream)
{
	ck_assert_int_lt(reader_of(stream), REPLICAS);
	return &replicas[reader_of(stream)].streams[stream];
}

static void change(int stream, const char *batch, int qty)
{
	add_entry(stream, MSG_CHANGE_BATCH_QUANTITY, NULL, "ref=%s\nqty=%d", batch, qty);
}

static void expect_quantity(const char *batch, int qty)
{
	ck_assert_int_eq(database_purchased(world->database, batch), qty);
}

static void cancel_on(int stream, const char *id, const char *orderid)
{
	add_entry(stream, MSG_ORDER_CANCELLED, id, "orderid=%s", orderid);
}

static void expect_line(const char *orderid, const char *sku, const char *batch)
{
	ck_assert_str_eq(batch_of(orderid, sku, 1), batch);
}

static void expect_cancelled_once(const char *orderid, const char *sku)
{
	const char *event = arena_printf(world->arena, "line_deallocated %s %s ", orderid, sku);
	const char *first = strstr(published(), event);

	expect_line(orderid, sku, "");
	ck_assert_ptr_nonnull(first);
	ck_assert_ptr_null(strstr(first + 1, event));
}

/* ---- readers ---- */

START_TEST(while_prepared_workers_of_both_lists_read_the_former_streams_and_no_other)
{
	say(PREPARED);
	start_again_with(0, MANY);
	add_order_of(1, "a", moving);
	add_order_of(3, "b", moving);
	pass();
	expect_line("a", moving, moving);
	expect_line("b", moving, "");
	kill_replica(_i);
	pass();

	ck_assert_int_eq(reader_of(0), !_i);
	ck_assert_int_eq(reader_of(1), !_i);
	ck_assert_uint_eq(memory_stream_unread(shared_streams[3], "allocd"), 1);
}
END_TEST

START_TEST(the_former_streams_are_shared_out_evenly_while_the_new_ones_are_not_read)
{
	prepare();

	ck_assert_int_ne(reader_of(0), reader_of(1));
	agree();
	ck_assert_int_ne(reader_of(0), reader_of(1));
}
END_TEST

/* So no worker reports that the stream is not read: see redis_intake.c. */
static void expect_read_or_awaited(int stream)
{
	for (int worker = 0; worker < 2; worker++) {
		const struct leased_stream *leased = &replicas[worker].streams[stream].leased;
		const struct lease_keeper *keeper = replicas[worker].keeper;

		ck_assert(is_reading(worker, stream) || lease_keeper_is_elsewhere(keeper, leased) ||
			  lease_keeper_moved_ms_ago(keeper, leased) < 2000);
	}
}

START_TEST(the_new_streams_are_read_at_once_when_the_range_has_grown)
{
	prepare();
	agree();
	ck_assert_int_eq(reader_of(2), REPLICAS);
	ck_assert(lease_keeper_is_to_come(replicas[0].keeper, &replicas[0].streams[2].leased));
	say(MANY);
	for (int ms = 0; ms < 2000; ms++) {
		world_advance_ms(world, 1);
		for (int stream = 2; stream < STREAMS_ALL; stream++)
			expect_read_or_awaited(stream);
	}

	ck_assert(!lease_keeper_is_to_come(replicas[0].keeper, &replicas[0].streams[2].leased));
	for (int stream = 0; stream < STREAMS_ALL; stream++)
		ck_assert_int_lt(reader_of(stream), REPLICAS);
}
END_TEST

/* It was stopped while it read under the former list, and continues when the others have the new one. */
START_TEST(a_worker_with_the_former_list_takes_no_stream_once_all_others_have_the_new_one)
{
	say(PREPARED);
	freeze_replica(1);
	start_again_with(0, MANY);
	pass();
	say(_i ? MANY : AGREED);
	pass();
	thaw_replica(1);
	pass();
	kill_replica(0);
	pass();

	ck_assert(!is_reading(1, 0));
	ck_assert(!is_reading(1, 1));
	ck_assert_uint_ge(memory_logger_count(&replicas[1].world->logger, "another list of streams"), 1);
}
END_TEST

START_TEST(a_change_that_is_only_prepared_can_be_taken_back)
{
	prepare();
	start_again_with(0, FEW);
	start_again_with(1, FEW);
	say(FEW);
	change(0, moving, 50);
	pass();

	expect_quantity(moving, 50);
	ck_assert_uint_eq(memory_stream_length(shared_streams[2]) + memory_stream_length(shared_streams[3]),
			  0);
}
END_TEST

/* ---- commands that name their batch ---- */

START_TEST(while_prepared_a_command_is_handled_on_the_former_stream_of_its_sku)
{
	prepare();
	change(0, moving, 50);
	pass();

	expect_quantity(moving, 50);
	ck_assert_uint_eq(memory_stream_length(shared_streams[2]), 0);
}
END_TEST

/* It comes by the other one of the former streams. */
START_TEST(a_command_of_a_sku_that_stays_does_not_wait_for_the_new_streams)
{
	const char *sku = sku_of(_i);

	create_batch("shelf", sku, 100);
	pass();
	prepare();
	agree();
	change(!_i, "shelf", 50);
	pass();

	expect_quantity("shelf", 50);
}
END_TEST

/* The publisher has gone over; its allocate of 90 waits on the new stream. */
START_TEST(a_command_of_a_sku_that_moves_is_handled_behind_what_its_new_stream_has)
{
	prepare();
	agree();
	add_entry(3, MSG_ALLOCATE, NULL, "orderid=large\nsku=%s\nqty=90", moving);
	change(_i, moving, 50);
	pass();
	expect_quantity(moving, 100);
	finish();

	expect_quantity(moving, 50);
	ck_assert_str_eq(orders_of(moving), "large "); /* it was allocated, and lost its batch */
}
END_TEST

START_TEST(a_command_waits_for_the_create_batch_on_a_stream_that_is_not_read_yet)
{
	prepare();
	agree();
	add_entry(3, MSG_CREATE_BATCH, NULL, "ref=new\nsku=%s\nqty=7", moving);
	change(_i, "new", 8);
	pass();
	ck_assert_uint_eq(world->database->dead_letter_count, 0);
	finish();

	expect_quantity("new", 8);
	ck_assert_uint_eq(world->database->dead_letter_count, 0);
}
END_TEST

/* One stream has all changes of a batch; its worker changes meanwhile, and the range grows. */
START_TEST(commands_of_a_batch_keep_their_order_at_every_step)
{
	int qty = 20;

	for (int step = 0; step < 8; step++) {
		if (step == 1)
			say(PREPARED);
		if (step == 2 || step == 4)
			kill_replica(step / 2 - 1);
		if (step == 3 || step == 5)
			start_with(step / 2 - 1, MANY);
		if (step == 6)
			say(AGREED);
		for (int i = 0; i < 10; i++, qty++) {
			change(_i, moving, qty);
			change(_i, staying, qty);
			world_advance_ms(world, i % 3 ? 0 : 700);
		}
	}
	finish();

	expect_quantity(moving, qty - 1);
	expect_quantity(staying, qty - 1);
}
END_TEST

/* The worker with the new list dies, one with the former list reads on, and then the next command comes. */
START_TEST(commands_of_a_batch_keep_their_order_when_a_stream_passes_to_a_worker_with_the_former_list)
{
	say(PREPARED);
	start_again_with(0, MANY);
	change(_i, moving, 50);
	pass();
	kill_replica(0);
	change(_i, moving, 60);
	pass();
	start_with(0, MANY);
	start_again_with(1, MANY);
	agree();
	finish();

	expect_quantity(moving, 60);
}
END_TEST

/* The reader has begun with the command when the step is taken: it is handled where its journey ends. */
START_TEST(a_command_whose_journey_began_before_the_step_is_not_overtaken)
{
	prepare();
	database_lock_product(world->database, moving);
	change(0, moving, 50);
	world_advance_ms(world, 100);
	agree();
	change(0, moving, 60);
	world_advance_ms(world, 1000);
	if (_i) {
		kill_replica(reader_of(1));
		pass();
	}
	database_unlock_products(world->database);
	finish();

	expect_quantity(moving, 60);
}
END_TEST

/* ---- cancelled orders ---- */

START_TEST(a_cancelled_order_is_cancelled_on_the_new_streams_when_they_are_read)
{
	prepare();
	agree();
	add_order_of(1, "order", staying);
	add_order_of(3, "order", moving);
	cancel_on(_i, "a", "order");
	pass();
	expect_line("order", staying, _i < 2 ? "" : staying); /* the event itself may wait */
	ck_assert_ptr_null(database_inbox(world->database, "\xff"
							   "a"));
	finish();

	expect_cancelled_once("order", staying);
	expect_cancelled_once("order", moving);
	ck_assert_ptr_nonnull(database_inbox(world->database, "\xff"
							      "a"));
}
END_TEST

/* One under the former range and one under the new one pass one stream. */
START_TEST(journeys_over_both_ranges_end_each_under_its_own)
{
	prepare();
	add_order_of(1, "early", moving);
	add_order_of(1, "late", moving);
	pass();
	stream_reader_pause(read_stream(1)->reader);
	pass();
	cancel_on(0, "a", "early");
	pass();
	agree();
	cancel_on(0, "b", "late");
	pass();
	stream_reader_resume(read_stream(1)->reader);
	pass();

	expect_cancelled_once("early", moving);
	expect_line("late", moving, moving);
	ck_assert_ptr_nonnull(database_inbox(world->database, "\xff"
							      "a"));
	ck_assert_uint_eq(memory_stream_length(shared_streams[2]), 1);
	finish();
	expect_cancelled_once("late", moving);
	expect_cancelled_once("early", moving);
}
END_TEST

/*
 * Its reader dies when the event is on the next stream and not acknowledged, and the next one reads it under
 * the new range; or the reader of its last stream does.
 */
START_TEST(a_cancellation_whose_journey_begins_again_under_the_new_range_cancels_each_line_once)
{
	int killed;

	prepare();
	add_order_of(1, "order", staying);
	add_order_of(1, "order", moving);
	pass();
	killed = reader_of(_i % 2);
	cable_hold(memory_consumer_answers(read_stream(_i % 2)->consumer));
	cancel_on(0, _i / 2 ? "a" : NULL, "order");
	world_run(world);
	say(AGREED);
	kill_replica(killed);
	pass();
	start_with(killed, MANY);
	finish();

	expect_cancelled_once("order", staying);
	expect_cancelled_once("order", moving);
}
END_TEST

/* The event waits on its first stream, and its publisher adds it again on another one. */
START_TEST(an_event_that_is_added_again_under_the_new_range_leaves_no_line)
{
	const char *waiting = sku_of(0);

	create_batch(waiting, waiting, 100);
	pass();
	prepare();
	add_order_of(0, "order", waiting);
	add_order_of(1, "order", moving);
	pass();
	database_lock_product(world->database, waiting);
	cancel_on(0, "a", "order");
	world_advance_ms(world, 100);
	agree();
	cancel_on(1, "a", "order");
	pass();
	database_unlock_products(world->database);
	finish();

	expect_cancelled_once("order", waiting);
	expect_cancelled_once("order", moving);
}
END_TEST

START_TEST(no_line_of_a_cancelled_order_remains_whenever_it_is_cancelled)
{
	for (int order = 0; order < 20; order++) {
		const char *orderid = arena_printf(world->arena, "order-%d", order);

		if (order == 5)
			say(PREPARED);
		if (order == 6 || order == 8)
			kill_replica(order / 2 - 3);
		if (order == 7 || order == 9)
			start_with(order / 2 - 3, MANY);
		if (order == 10)
			agree();
		world_advance_ms(world, order % 5 ? 10 : PATIENCE_MS);
		add_order_of(1, orderid, staying);
		add_order_of(order < 15 ? 1 : 3, orderid, moving);
		cancel_on(order % (order < 15 ? 2 : 4), order % 3 ? orderid : NULL, orderid);
	}
	pass();
	expect_cancelled_once("order-9", moving);
	finish();

	for (int order = 0; order < 20; order++) {
		expect_cancelled_once(arena_printf(world->arena, "order-%d", order), staying);
		expect_cancelled_once(arena_printf(world->arena, "order-%d", order), moving);
	}
	ck_assert_uint_eq(world->database->dead_letter_count, 0);
}
END_TEST

SUITE("stream resize", set_up, tear_down_replicas, .timeout_s = 30)
{
	tcase_add_loop_test(tests, while_prepared_workers_of_both_lists_read_the_former_streams_and_no_other,
			    0, 2);
	tcase_add_test(tests, the_former_streams_are_shared_out_evenly_while_the_new_ones_are_not_read);
	tcase_add_test(tests, the_new_streams_are_read_at_once_when_the_range_has_grown);
	tcase_add_loop_test(
		tests, a_worker_with_the_former_list_takes_no_stream_once_all_others_have_the_new_one, 0, 2);
	tcase_add_test(tests, a_change_that_is_only_prepared_can_be_taken_back);
	tcase_add_test(tests, while_prepared_a_command_is_handled_on_the_former_stream_of_its_sku);
	tcase_add_loop_test(tests, a_command_of_a_sku_that_stays_does_not_wait_for_the_new_streams, 0, 2);
	tcase_add_loop_test(tests, a_command_of_a_sku_that_moves_is_handled_behind_what_its_new_stream_has, 0,
			    4);
	tcase_add_loop_test(tests, a_command_waits_for_the_create_batch_on_a_stream_that_is_not_read_yet, 0,
			    4);
	tcase_add_loop_test(tests, commands_of_a_batch_keep_their_order_at_every_step, 0, 2);
	tcase_add_loop_test(
		tests,
		commands_of_a_batch_keep_their_order_when_a_stream_passes_to_a_worker_with_the_former_list, 0,
		2);
	tcase_add_loop_test(tests, a_command_whose_journey_began_before_the_step_is_not_overtaken, 0, 2);
	tcase_add_loop_test(tests, a_cancelled_order_is_cancelled_on_the_new_streams_when_they_are_read, 0,
			    4);
	tcase_add_test(tests, journeys_over_both_ranges_end_each_under_its_own);
	tcase_add_loop_test(
		tests, a_cancellation_whose_journey_begins_again_under_the_new_range_cancels_each_line_once,
		0, 4);
	tcase_add_test(tests, an_event_that_is_added_again_under_the_new_range_leaves_no_line);
	tcase_add_test(tests, no_line_of_a_cancelled_order_remains_whenever_it_is_cancelled);
}
