/* An event about an order becomes a command for each of its lines; see bus/process/processes.h. */
#include "support/suites.h"
#include "unit/bus/process/process_steps.h"

#include <string.h>

/* ---- what a cancellation does ---- */

START_TEST(every_line_of_a_cancelled_order_gives_its_stock_back)
{
	const struct sent *event;

	allocate_order("order");
	allocate("other", first_sku, 4);
	event = cancel("order");
	world_settle(world);

	expect_handled(event);
	expect_no_lines("order");
	ck_assert_int_eq(allocated(), 4);
	ck_assert_uint_eq(recorded(), 0);
}
END_TEST

START_TEST(an_unknown_order_is_handled_without_an_effect)
{
	const struct sent *event = cancel("unknown");

	world_settle(world);

	expect_handled(event);
	ck_assert_uint_eq(recorded(), 0);
}
END_TEST

START_TEST(the_stock_of_a_cancelled_order_is_there_for_the_message_behind_it)
{
	allocate("order", first_sku, 10);
	world_settle(world);
	cancel("order");
	allocate("next", first_sku, 10);
	world_settle(world);

	ck_assert_str_eq(batch_of("next", first_sku, 10), "first");
}
END_TEST

START_TEST(lines_that_are_queued_or_in_flight_when_their_order_is_cancelled_give_their_stock_back)
{
	cable_hold(memory_store_requests(world->lanes[0]));
	allocate("order", first_sku, 2); /* in flight */
	world_run(world);
	allocate("order", second_sku, 3); /* queued */
	cancel("order");
	world_run(world);
	cable_open(memory_store_requests(world->lanes[0]));
	world_settle(world);

	expect_no_lines("order");
	ck_assert_int_eq(allocated(), 0);
	ck_assert_ptr_nonnull(strstr(published(), "line_allocated order"));
}
END_TEST

START_TEST(a_line_whose_command_ends_while_the_cancellation_begins_gives_its_stock_back)
{
	cable_hold(memory_store_requests(world->lanes[0]));
	allocate("order", first_sku, 2);
	world_run(world);
	cable_hold(memory_store_requests(world->intake));
	cancel("order");
	world_run(world);
	cable_open(memory_store_requests(world->lanes[0]));
	world_run(world);
	ck_assert_str_eq(batch_of("order", first_sku, 2), "first");
	cable_open(memory_store_requests(world->intake));
	world_settle(world);

	expect_no_lines("order");
	ck_assert_int_eq(allocated(), 0);
}
END_TEST

START_TEST(a_line_that_is_allocated_after_the_cancellation_stays)
{
	allocate_order("order");
	cancel("order");
	allocate("order", first_sku, 2);
	world_settle(world);

	ck_assert_str_eq(batch_of("order", first_sku, 2), "first");
	ck_assert_str_eq(batch_of("order", second_sku, 3), "");
}
END_TEST

START_TEST(a_displaced_line_of_a_cancelled_order_is_not_allocated_again)
{
	world_crash(world);
	world->config.move_max = 1;
	world_start(world);
	allocate("older", first_sku, 4);
	world_settle(world);
	allocate("order", first_sku, 2);
	world_settle(world);
	change_quantity("first", 0);
	cancel("order");
	create_batch("new", first_sku, 10);
	world_settle(world);

	ck_assert_str_eq(batch_of("order", first_sku, 2), "");
}
END_TEST

START_TEST(many_orders_are_cancelled_at_once)
{
	create_batch("large", first_sku, 1000);
	for (int i = 0; i < 300; i++)
		allocate(arena_printf(world->arena, "many-%d", i), first_sku, 1);
	world_settle(world);
	for (int i = 0; i < 300; i++)
		cancel(arena_printf(world->arena, "many-%d", i));
	world_settle(world);

	ck_assert_int_eq(allocated() + database_allocated(world->database, "large"), 0);
	ck_assert_uint_eq(memory_store_calls(world->intake, CALL_BEGIN_PROCESSES), 3);
}
END_TEST

/* ---- when it is answered ---- */

START_TEST(a_caller_over_http_is_answered_once_the_event_is_recorded)
{
	const struct sent *event;

	allocate_order("order");
	cable_hold(memory_store_requests(world->lanes[0]));
	event = cancel_by(TRANSPORT_HTTP, "order", NULL);
	world_run(world);

	expect_handled(event);
	ck_assert_uint_eq(recorded(), 1);
	ck_assert_str_eq(batch_of("order", first_sku, 2), "first");

	cable_open(memory_store_requests(world->lanes[0]));
	world_settle(world);
	ck_assert_int_eq(event->answers, 1);
	ck_assert_int_eq(allocated(), 0);
}
END_TEST

START_TEST(an_event_from_a_stream_is_answered_when_all_its_commands_have_their_outcome)
{
	const struct sent *event;

	allocate_order("order");
	database_lock_product(world->database, second_sku);
	event = cancel_by(TRANSPORT_STREAM, "order", NULL);
	world_advance_ms(world, 5000);

	ck_assert_int_eq(event->answers, 0);
	ck_assert_str_eq(batch_of("order", first_sku, 2), "");

	database_unlock_products(world->database);
	world_settle(world);
	expect_handled(event);
	expect_no_lines("order");
}
END_TEST

START_TEST(a_locked_product_of_a_cancelled_order_delays_no_other_message)
{
	const struct sent *other;

	allocate_order("order");
	database_lock_product(world->database, second_sku);
	cancel("order");
	world_advance_ms(world, 3000);
	other = allocate("other", first_sku, 1);
	world_advance_ms(world, 100);

	expect_handled(other);
	database_unlock_products(world->database);
	world_settle(world);
}
END_TEST

START_TEST(a_command_that_the_database_refuses_is_a_dead_letter_alone)
{
	const struct sent *event;

	allocate_order("order");
	database_refuse(world->database, "1"); /* the id of the first line's command */
	event = cancel("order");
	world_settle(world);

	expect_handled(event);
	ck_assert_int_eq((int)world->database->dead_letter_count, 1);
	ck_assert_int_eq(world->database->dead_letters[0].type, MSG_DEALLOCATE);
	ck_assert_int_eq(world->database->dead_letters[0].transport, TRANSPORT_PROCESS);
	ck_assert_uint_gt(world->database->dead_letters[0].payload_size, 0);
	ck_assert_int_gt(allocated(), 0);
	ck_assert_int_lt(allocated(), 5);
}
END_TEST

START_TEST(an_event_that_fails_after_its_answer_is_a_dead_letter)
{
	const struct sent *event;

	for (size_t i = 0; i < 2; i++)
		memory_store_fail_next(world->lanes[i], CALL_FLUSH, INJECT_DATA);
	event = cancel_by(TRANSPORT_HTTP, "unknown", "id-1");
	world_settle(world);

	expect_handled(event);
	ck_assert_int_eq(event->answers, 1);
	ck_assert_uint_eq(recorded(), 0);
	ck_assert_uint_eq(world->database->dead_letter_count, 1);
	ck_assert_int_eq(world->database->dead_letters[0].type, MSG_ORDER_CANCELLED);
}
END_TEST

START_TEST(an_event_that_the_database_refuses_to_record_fails_and_holds_nothing_up)
{
	const struct sent *refused, *behind;

	allocate_order("order");
	database_refuse(world->database, "bad");
	for (int i = 0; i < 20; i++)
		cancel(arena_printf(world->arena, "before-%d", i));
	refused = cancel_by(TRANSPORT_PUBSUB, "bad", "id-1");
	behind = cancel("order");
	world_advance_ms(world, 1000);

	expect_handled(behind);
	ck_assert_str_eq(outcome_name(refused->outcome), "failed");
	ck_assert_int_eq(allocated(), 0);
	ck_assert_uint_eq(world->database->dead_letter_count, 1);
	ck_assert_int_eq(world->database->dead_letters[0].type, MSG_ORDER_CANCELLED);
	ck_assert_uint_eq(engine_stats(world->engine)->retries, 0);
}
END_TEST

START_TEST(fewer_processes_begin_at_once_while_the_database_is_busy)
{
	for (int i = 0; i < 4; i++)
		memory_store_fail_next(world->intake, CALL_BEGIN_PROCESSES, INJECT_BUSY);
	for (int i = 0; i < 16; i++)
		cancel(arena_printf(world->arena, "many-%d", i));
	world_advance_ms(world, 5000);

	ck_assert_uint_eq(engine_stats(world->engine)->queued, 0);
	/* Four that failed; then 1, 2, 4, 8 and 1 of the 16. */
	ck_assert_uint_eq(memory_store_calls(world->intake, CALL_BEGIN_PROCESSES), 9);
}
END_TEST

START_TEST(a_line_of_an_unknown_sku_is_skipped)
{
	const struct sent *event;

	world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "orderid=order\nsku=unknown\nqty=1");
	event = cancel("order");
	world_settle(world);

	expect_handled(event);
	ck_assert_int_eq((int)world->database->dead_letter_count, 1);
	ck_assert_int_eq(world->database->dead_letters[0].type, MSG_ALLOCATE);
}
END_TEST

/* ---- room ---- */

/* Orders of one line each; the queue has room for a few. */
static void fill_queue(int orders)
{
	world_crash(world);
	world->config.queue_max = 4;
	world_start(world);
	create_batch("large", first_sku, 1000);
	for (int i = 0; i < orders; i++) {
		allocate(arena_printf(world->arena, "many-%d", i), first_sku, 1);
		world_settle(world);
	}
}

START_TEST(processes_wait_for_room_and_run_when_there_is_some)
{
	fill_queue(50);
	for (int i = 0; i < 50; i++)
		cancel(arena_printf(world->arena, "many-%d", i));
	world_run(world);
	world_settle(world);

	ck_assert_int_eq(allocated() + database_allocated(world->database, "large"), 0);
	ck_assert_uint_eq(recorded(), 0);
}
END_TEST

START_TEST(processes_whose_commands_are_held_up_leave_room_for_others)
{
	const struct sent *other;

	fill_queue(50);
	database_lock_product(world->database, first_sku);
	for (int i = 0; i < 50; i++)
		cancel(arena_printf(world->arena, "many-%d", i));
	other = allocate("other", second_sku, 1);
	world_advance_ms(world, 10000);

	expect_handled(other);
	database_unlock_products(world->database);
	world_settle(world);
	ck_assert_uint_eq(recorded(), 0);
}
END_TEST

START_TEST(commands_of_a_large_order_wait_for_room_and_the_messages_behind_them_too)
{
	const struct sent *behind;

	create_batch("large", first_sku, 1000);
	for (int i = 1; i <= 50; i++)
		allocate("large order", first_sku, i);
	world_settle(world);
	world_crash(world);
	world->config.queue_max = 4;
	world_start(world);
	hold_lane();
	cancel("large order");
	behind = allocate("behind", first_sku, 1);
	world_run(world);
	ck_assert_uint_eq(engine_stats(world->engine)->queued, 2 + 4);

	cable_open(memory_store_requests(world->lanes[0]));
	world_settle(world);
	expect_handled(behind);
	ck_assert_int_eq(allocated() + database_allocated(world->database, "large"), 1);
	ck_assert_uint_eq(recorded(), 0);
}
END_TEST

/* ---- the worker ends ---- */

START_TEST(a_worker_that_stops_ends_its_processes_first)
{
	allocate_order("order");
	cancel("order");
	world_settle(world); /* drains the engine */

	ck_assert(engine_is_idle(world->engine));
	ck_assert_uint_eq(recorded(), 0);
}
END_TEST

START_TEST(a_worker_may_end_at_every_stage_of_a_process)
{
	allocate_order("order");
	for (int steps = 0; steps < 12; steps++) {
		cancel_by(TRANSPORT_HTTP, "order", "id");
		cancel_by(TRANSPORT_HTTP, "unknown", NULL);
		cable_hold(memory_store_requests(world->intake));
		hold_lane();
		for (int i = 0; i < steps; i++) {
			cable_let_one(memory_store_requests(world->intake));
			cable_let_one(memory_store_requests(world->lanes[0]));
			world_run(world);
		}
		world_crash(world);
		world_start(world);
	}
	cancel_by(TRANSPORT_HTTP, "order", "id");
	world_settle(world);
	expect_no_lines("order");
}
END_TEST

SUITE("processes", set_up_processes, tear_down_world, .timeout_s = 30)
{
	tcase_add_test(tests, every_line_of_a_cancelled_order_gives_its_stock_back);
	tcase_add_test(tests, an_unknown_order_is_handled_without_an_effect);
	tcase_add_test(tests, the_stock_of_a_cancelled_order_is_there_for_the_message_behind_it);
	tcase_add_test(
		tests,
		lines_that_are_queued_or_in_flight_when_their_order_is_cancelled_give_their_stock_back);
	tcase_add_test(tests, a_line_whose_command_ends_while_the_cancellation_begins_gives_its_stock_back);
	tcase_add_test(tests, a_line_that_is_allocated_after_the_cancellation_stays);
	tcase_add_test(tests, a_displaced_line_of_a_cancelled_order_is_not_allocated_again);
	tcase_add_test(tests, many_orders_are_cancelled_at_once);
	tcase_add_test(tests, a_caller_over_http_is_answered_once_the_event_is_recorded);
	tcase_add_test(tests, an_event_from_a_stream_is_answered_when_all_its_commands_have_their_outcome);
	tcase_add_test(tests, a_locked_product_of_a_cancelled_order_delays_no_other_message);
	tcase_add_test(tests, a_command_that_the_database_refuses_is_a_dead_letter_alone);
	tcase_add_test(tests, an_event_that_fails_after_its_answer_is_a_dead_letter);
	tcase_add_test(tests, an_event_that_the_database_refuses_to_record_fails_and_holds_nothing_up);
	tcase_add_test(tests, fewer_processes_begin_at_once_while_the_database_is_busy);
	tcase_add_test(tests, a_line_of_an_unknown_sku_is_skipped);
	tcase_add_test(tests, processes_wait_for_room_and_run_when_there_is_some);
	tcase_add_test(tests, processes_whose_commands_are_held_up_leave_room_for_others);
	tcase_add_test(tests, commands_of_a_large_order_wait_for_room_and_the_messages_behind_them_too);
	tcase_add_test(tests, a_worker_that_stops_ends_its_processes_first);
	tcase_add_test(tests, a_worker_may_end_at_every_stage_of_a_process);
}
