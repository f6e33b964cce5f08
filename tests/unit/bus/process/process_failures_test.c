/*
 * A process has one effect if its event comes several times, late or from the future, and if its worker
 * dies.
 */
#include "bus/ports/process_store.h"
#include "core/base/calendar.h"
#include "support/suites.h"
#include "unit/bus/process/process_steps.h"

#include <string.h>

/* ---- its identity ---- */

START_TEST(an_event_that_comes_twice_has_one_effect)
{
	const struct sent *first, *second;

	allocate_order("order");
	first = cancel_by(TRANSPORT_PUBSUB, "order", "id-1");
	second = cancel_by(TRANSPORT_STREAM, "order", "id-1");
	allocate("order", first_sku, 2);
	world_settle(world);

	expect_handled(first);
	ck_assert_str_eq(outcome_name(second->outcome), "skipped");
	ck_assert_str_eq(batch_of("order", first_sku, 2), "first");

	second = cancel_by(TRANSPORT_STREAM, "order", "id-1");
	world_settle(world);

	ck_assert_str_eq(outcome_name(second->outcome), "skipped");
	ck_assert_str_eq(batch_of("order", first_sku, 2), "first");
}
END_TEST

START_TEST(an_id_that_another_cancellation_has_spent_is_rejected)
{
	const struct sent *during, *after;

	allocate_order("order");
	cable_hold(memory_store_requests(world->lanes[0]));
	cable_hold(memory_store_requests(world->lanes[1]));
	cancel_by(TRANSPORT_PUBSUB, "nothing", "id-1");
	world_run(world);
	during = cancel_by(TRANSPORT_HTTP, "order", "id-1");
	world_run(world);
	ck_assert_uint_eq(recorded(), 1);
	cable_open(memory_store_requests(world->lanes[0]));
	cable_open(memory_store_requests(world->lanes[1]));
	world_settle(world);
	after = cancel_by(TRANSPORT_HTTP, "order", "id-1");
	world_settle(world);

	ck_assert_str_eq(outcome_name(during->outcome), "rejected");
	ck_assert_str_eq(outcome_name(after->outcome), "rejected");
	ck_assert_int_eq(allocated(), 5);
}
END_TEST

START_TEST(an_event_from_the_future_is_invalid_and_has_no_effect)
{
	const struct sent *event;

	allocate_order("order");
	event = world_send(world, TRANSPORT_PUBSUB, MSG_ORDER_CANCELLED,
			   "orderid=order\noccurred_at=2030-01-01T00:00:00Z");
	world_settle(world);

	ck_assert_str_eq(outcome_name(event->outcome), "invalid");
	ck_assert_int_eq(allocated(), 5);
	ck_assert_uint_eq(recorded(), 0);
}
END_TEST

static const char *ahead_of_database(int seconds)
{
	char *text = arena_alloc(world->arena, INSTANT_TEXT_SIZE);

	instant_format(database_now(world->database) + INT64_C(1000000) * seconds, text);
	return text;
}

/* Ten seconds pass between the two judgements of its date; the first one decides. */
START_TEST(an_event_that_was_from_the_future_when_it_was_to_begin_is_invalid)
{
	const struct sent *event;

	allocate_order("order");
	hold_lane();
	cable_hold(memory_store_requests(world->lanes[1]));
	event = world_send(world, TRANSPORT_PUBSUB, MSG_ORDER_CANCELLED, "orderid=order\noccurred_at=%s",
			   ahead_of_database(305));
	world_advance_ms(world, 10000);
	cable_open(memory_store_requests(world->lanes[0]));
	cable_open(memory_store_requests(world->lanes[1]));
	world_settle(world);

	ck_assert_str_eq(outcome_name(event->outcome), "invalid");
	ck_assert_int_eq(allocated(), 5);
	ck_assert_uint_eq(recorded(), 0);
}
END_TEST

static enum outcome replay_outcome;

static void on_replayed(void *context, const struct delivery *delivery)
{
	(void)context;
	replay_outcome = delivery->outcome;
}

static void replay_cancellation(const char *payload)
{
	const struct replay again = {.dead_letter = 1, .attempts = 1, .who = "ann", .edits = ""};

	replay_outcome = OUTCOME_NONE;
	engine_submit(world->engine, &(struct arrival){
					     .transport = TRANSPORT_PUBSUB,
					     .origin = "order_cancelled",
					     .replay = &again,
					     .type = MSG_ORDER_CANCELLED,
					     .payload = {payload, strlen(payload)},
					     .payload_size = strlen(payload),
					     .answered = on_replayed,
				     });
}

START_TEST(of_two_replays_at_once_none_leaves_its_record)
{
	world_send(world, TRANSPORT_PUBSUB, MSG_ORDER_CANCELLED, "order=order"); /* invalid */
	world_settle(world);
	allocate_order("order");
	replay_cancellation("orderid=order\nid=id-1");
	replay_cancellation("orderid=order\nid=id-2");
	world_settle(world);

	ck_assert_int_eq(replay_outcome, OUTCOME_SKIPPED);
	ck_assert_int_eq(allocated(), 0);
	ck_assert_uint_eq(recorded(), 0);
	ck_assert_uint_eq(world->database->dead_letter_count, 0);
}
END_TEST

START_TEST(a_replay_that_came_too_late_cancels_nothing)
{
	world_send(world, TRANSPORT_PUBSUB, MSG_ORDER_CANCELLED, "order=order"); /* invalid */
	world_settle(world);
	ck_assert_uint_eq(world->database->dead_letter_count, 1);
	replay_cancellation("orderid=order");
	world_settle(world);
	ck_assert_int_eq(replay_outcome, OUTCOME_HANDLED);
	allocate_order("order");

	replay_cancellation("orderid=order");
	world_settle(world);
	ck_assert_int_eq(replay_outcome, OUTCOME_SKIPPED);
	replay_cancellation("orderid=order\nid=another");
	world_settle(world);
	ck_assert_int_eq(replay_outcome, OUTCOME_SKIPPED);
	ck_assert_int_eq(allocated(), 5);
	ck_assert_uint_eq(recorded(), 0);
}
END_TEST

/* ---- failures ---- */

START_TEST(a_failure_to_begin_is_retried_and_the_messages_behind_wait)
{
	allocate("order", first_sku, 10);
	world_settle(world);
	memory_store_fail_next(world->intake, CALL_BEGIN_PROCESSES, INJECT_REFUSED);
	memory_store_fail_next(world->intake, CALL_BEGIN_PROCESSES, INJECT_LOST_AFTER);
	cancel("order");
	allocate("next", first_sku, 10);
	world_settle(world);

	ck_assert_str_eq(batch_of("next", first_sku, 10), "first");
	ck_assert_uint_eq(recorded(), 0);
}
END_TEST

/* The first line is deallocated when the worker dies. */
static void die_in_the_middle(enum transport transport)
{
	allocate_order("order");
	database_lock_product(world->database, second_sku);
	cancel_by(transport, "order", transport == TRANSPORT_STREAM ? "entry's id" : NULL);
	world_advance_ms(world, 5000);
	ck_assert_str_eq(batch_of("order", first_sku, 2), "");
	world_crash(world);
	database_unlock_products(world->database);
	world_start(world);
	allocate("order", first_sku, 2); /* a new message, which must stay */
	world_settle(world);
}

START_TEST(another_worker_continues_a_cancellation_whose_worker_died)
{
	die_in_the_middle(TRANSPORT_HTTP);
	ck_assert_str_eq(batch_of("order", second_sku, 3), "second");

	world_advance_ms(world, 1000 * (PROCESS_LEASE + 20));
	world_settle(world);

	ck_assert_str_eq(batch_of("order", second_sku, 3), "");
	ck_assert_str_eq(batch_of("order", first_sku, 2), "first");
	ck_assert_uint_eq(recorded(), 0);
}
END_TEST

START_TEST(an_event_that_its_stream_delivers_again_keeps_the_lines_that_it_began_with)
{
	const struct sent *event;

	die_in_the_middle(TRANSPORT_STREAM);
	event = cancel_by(TRANSPORT_STREAM, "order", "entry's id");
	world_settle(world);

	expect_handled(event);
	ck_assert_str_eq(batch_of("order", second_sku, 3), "");
	ck_assert_str_eq(batch_of("order", first_sku, 2), "first");
	ck_assert_uint_eq(recorded(), 0);
}
END_TEST

START_TEST(a_process_that_takes_long_stays_with_its_worker)
{
	struct world *other = world_beside(world);
	uint64_t received;

	world_start(other);
	allocate_order("order");
	database_lock_product(world->database, second_sku);
	world_send(other, TRANSPORT_PUBSUB, MSG_ORDER_CANCELLED, "orderid=order");
	world_advance_ms(world, 5000);
	received = engine_stats(world->engine)->received;
	world_advance_ms(world, 1000 * 10 * PROCESS_LEASE);

	ck_assert_uint_eq(engine_stats(world->engine)->received, received);
	ck_assert_uint_eq(engine_stats(other->engine)->received, 1);
	database_unlock_products(world->database);
	world_settle(other);
	ck_assert_uint_eq(recorded(), 0);
	world_free(&other);
}
END_TEST

START_TEST(an_event_whose_dead_letter_is_refused_leaves_no_record)
{
	const struct sent *event;

	allocate_order("order");
	database_refuse(world->database, "id-1");
	event = cancel_by(TRANSPORT_PUBSUB, "order", "id-1");
	world_settle(world);

	ck_assert_str_eq(outcome_name(event->outcome), "failed");
	ck_assert_uint_eq(memory_logger_count(&world->logger, "message lost"), 1);
	ck_assert_int_eq(allocated(), 0);
	ck_assert_uint_eq(database_process_count(world->database), 0);
}
END_TEST

SUITE("failures of processes", set_up_processes, tear_down_world, .timeout_s = 30)
{
	tcase_add_test(tests, an_event_that_comes_twice_has_one_effect);
	tcase_add_test(tests, an_id_that_another_cancellation_has_spent_is_rejected);
	tcase_add_test(tests, an_event_from_the_future_is_invalid_and_has_no_effect);
	tcase_add_test(tests, an_event_that_was_from_the_future_when_it_was_to_begin_is_invalid);
	tcase_add_test(tests, of_two_replays_at_once_none_leaves_its_record);
	tcase_add_test(tests, a_replay_that_came_too_late_cancels_nothing);
	tcase_add_test(tests, a_failure_to_begin_is_retried_and_the_messages_behind_wait);
	tcase_add_test(tests, another_worker_continues_a_cancellation_whose_worker_died);
	tcase_add_test(tests, an_event_that_its_stream_delivers_again_keeps_the_lines_that_it_began_with);
	tcase_add_test(tests, a_process_that_takes_long_stays_with_its_worker);
	tcase_add_test(tests, an_event_whose_dead_letter_is_refused_leaves_no_record);
}
