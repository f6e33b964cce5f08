/* How messages become units of work: batching, order, and room. */
#include "support/rival.h"
#include "support/suites.h"

#include <string.h>

static uint64_t units(void)
{
	return engine_stats(world->engine)->units;
}

/* ---- batching ---- */

START_TEST(a_burst_is_one_unit)
{
	create_batch("batch", "LAMP", 10);
	allocate("one", "LAMP", 1);
	allocate("two", "LAMP", 1);

	world_run(world);

	ck_assert_uint_eq(units(), 1);
	ck_assert_uint_eq(engine_stats(world->engine)->messages, 3);
}
END_TEST

START_TEST(what_arrives_while_a_unit_is_in_flight_becomes_the_next_one)
{
	hold_lane();
	create_batch("batch", "LAMP", 10);
	world_run(world);
	allocate("one", "LAMP", 1);
	world_run(world);
	allocate("two", "LAMP", 1);
	world_run(world);
	ck_assert_uint_eq(memory_store_calls(world->lanes[0], CALL_LOAD), 0);

	release_lane();

	ck_assert_uint_eq(units(), 2);
	ck_assert_str_eq(batch_of("two", "LAMP", 1), "batch");
}
END_TEST

static const struct {
	int messages;
	uint64_t units;
} units_of_three[] = {{1, 1}, {2, 1}, {3, 1}, {4, 2}, {6, 2}, {7, 3}};

START_TEST(a_unit_has_no_more_messages_than_its_limit)
{
	world->config.unit_max = 3;
	world_start(world);

	for (int i = 0; i < units_of_three[_i].messages; i++)
		allocate("order", "LAMP", i + 1);
	world_run(world);

	ck_assert_uint_eq(units(), units_of_three[_i].units);
	ck_assert_int_eq(world->answers, units_of_three[_i].messages);
}
END_TEST

START_TEST(no_message_is_answered_before_the_commit)
{
	struct sent *sent;

	rival_create_batch("batch", "LAMP", 10);
	hold_lane();
	sent = allocate("order", "LAMP", 1);
	world_run(world);
	step_lane(); /* the load */
	ck_assert_int_eq(sent->answers, 0);
	ck_assert_str_eq(published(), "");

	cable_hold(memory_store_answers(world->lanes[0]));
	step_lane(); /* the flush, whose answer is held */
	ck_assert_str_eq(batch_of("order", "LAMP", 1), "batch");
	ck_assert_int_eq(sent->answers, 0);
	ck_assert_str_eq(published(), "");

	cable_open(memory_store_answers(world->lanes[0]));
	world_run(world);
	expect_handled(sent);
	ck_assert_str_ne(published(), "");
}
END_TEST

START_TEST(a_message_is_never_answered_before_submit_returns)
{
	struct sent *sent = world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "nonsense");

	ck_assert_int_eq(sent->answers, 0);
	world_run(world);
	ck_assert_int_eq(sent->outcome, OUTCOME_INVALID);
}
END_TEST

/* ---- order ---- */

START_TEST(commands_of_a_sku_are_handled_in_order_of_arrival)
{
	struct sent *sent[60];

	world->config.unit_max = 4;
	world->config.lanes = 2;
	world_start(world);
	for (int i = 0; i < COUNT(sent); i += 3) {
		const char *sku = sku_in_lane((size_t)i % 2, i % 5);
		const char *reference = arena_printf(world->arena, "batch-%d", i);

		sent[i] = create_batch(reference, sku, 1);
		sent[i + 1] = allocate(arena_printf(world->arena, "order-%d", i), sku, 1);
		sent[i + 2] = change_quantity(reference, 0);
	}

	world_run(world);

	for (int i = 0; i < COUNT(sent); i += 3) {
		expect_handled(sent[i]);
		expect_handled(sent[i + 1]);
		expect_handled(sent[i + 2]);
		ck_assert_int_lt(sent[i]->order, sent[i + 1]->order);
		ck_assert_int_lt(sent[i + 1]->order, sent[i + 2]->order);
	}
}
END_TEST

START_TEST(a_lane_does_not_wait_for_another)
{
	struct sent *held, *other;

	hold_lane();
	held = create_batch("held", sku_in_lane(0, 0), 1);
	other = create_batch("other", sku_in_lane(1, 0), 1);

	world_run(world);

	ck_assert_int_eq(held->answers, 0);
	expect_handled(other);
}
END_TEST

/* ---- whose batch is it? ---- */

static size_t questions(void)
{
	return memory_store_calls(world->intake, CALL_RESOLVE);
}

START_TEST(a_batch_in_the_database_is_asked_for_once)
{
	create_batch("batch", "LAMP", 10);
	world_run(world);
	world_crash(world);
	world_start(world); /* a worker that remembers nothing */

	change_quantity("batch", 9);
	world_run(world);
	change_quantity("batch", 8);
	world_run(world);

	ck_assert_uint_eq(questions(), 1);
	ck_assert_int_eq(database_purchased(world->database, "batch"), 8);
}
END_TEST

START_TEST(a_batch_with_a_queued_creation_is_found_before_the_commit)
{
	struct sent *sent;

	hold_lane();
	create_batch("batch", "LAMP", 10);
	sent = change_quantity("batch", 9);
	world_run(world);
	ck_assert_uint_eq(questions(), 1);
	release_lane();

	expect_handled(sent);
	ck_assert_int_eq(database_purchased(world->database, "batch"), 9);
}
END_TEST

/* Another worker created the batch first, for another SKU: the change moves to that SKU's lane. */
START_TEST(a_change_moves_to_the_lane_of_its_batchs_sku)
{
	const char *lamp = sku_in_lane(0, 0), *chair = sku_in_lane(1, 0);
	struct sent *create, *change;

	hold_lane();
	create = create_batch("batch", lamp, 10);
	change = change_quantity("batch", 3);
	world_run(world);
	rival_create_batch("batch", chair, 10);
	release_lane();

	ck_assert_int_eq(create->verdict, REJECT_BATCHREF_TAKEN);
	expect_handled(change);
	ck_assert_int_eq(database_purchased(world->database, "batch"), 3);
}
END_TEST

/* The other lane may finish it while its first lane still loads for the rest of the unit. */
START_TEST(a_change_that_moved_to_another_lane_has_one_effect)
{
	const char *lamp = sku_in_lane(0, 0), *rug = sku_in_lane(0, 1), *chair = sku_in_lane(1, 0);
	struct sent *change, *order, *again;

	for (int i = 0; i < OPEN_BATCHES; i++)
		rival_create_batch(arena_printf(world->arena, "small-%02d", i), rug, 1);
	rival_create_batch("z-large", rug, 5);
	world_settle(world);
	hold_lane();
	create_batch("batch", lamp, 10);
	world_run(world);
	change = world_send(world, TRANSPORT_HTTP, MSG_CHANGE_BATCH_QUANTITY,
			    "batchref=batch\nqty=3\noccurred_at=1999-01-01T00:00:00Z");
	order = allocate("order", rug, 5);
	again = create_batch("batch", lamp, 10);
	world_run(world);
	rival_create_batch("batch", chair, 10);
	rival_send(MSG_CHANGE_BATCH_QUANTITY, "batchref=batch\nqty=9\noccurred_at=1999-01-02T00:00:00Z");
	for (int i = 0; i < 4; i++)
		step_lane();
	ck_assert_int_eq(change->verdict, SKIP_OUT_OF_DATE);
	ck_assert_int_eq(order->answers, 0);
	release_lane();

	expect_handled(order);
	ck_assert_int_eq(again->verdict, REJECT_BATCHREF_TAKEN);
}
END_TEST

/* The batch belongs to another SKU: messages that name it move to that SKU's lane, in order of arrival. */
START_TEST(a_creation_that_will_be_rejected_does_not_misdirect_later_changes)
{
	const char *lamp = sku_in_lane(0, 0), *chair = sku_in_lane(1, 0);
	struct sent *create, *change, *behind;

	create_batch("batch", chair, 10);
	world_run(world);
	world_crash(world);
	world_start(world); /* a worker that remembers nothing */
	hold_lane();
	create = create_batch("batch", lamp, 10);
	change = change_quantity("batch", 3);
	behind = allocate("order", chair, 5);
	world_run(world);
	release_lane();

	ck_assert_int_eq(create->verdict, REJECT_BATCHREF_TAKEN);
	expect_handled(change);
	expect_handled(behind);
	ck_assert_int_lt(change->order, behind->order);
	ck_assert_str_eq(batch_of("order", chair, 5), ""); /* 3 pieces are left of 10 */
}
END_TEST

START_TEST(a_created_batch_is_not_looked_up)
{
	create_batch("batch", "LAMP", 10);
	world_run(world);
	change_quantity("batch", 9);
	world_run(world);

	ck_assert_uint_eq(questions(), 0);
}
END_TEST

START_TEST(one_query_looks_up_all_waiting_batches)
{
	struct sent *a, *b, *c;

	create_batch("a", "LAMP", 10);
	create_batch("b", "CHAIR", 10);
	world_run(world);
	world_crash(world);
	world_start(world);
	a = change_quantity("a", 9);
	b = change_quantity("b", 9);
	c = change_quantity("unknown", 9);
	world_run(world);

	expect_handled(a);
	expect_handled(b);
	ck_assert_int_eq(c->verdict, REJECT_UNKNOWN_BATCH);
	ck_assert_uint_eq(questions(), 1);
}
END_TEST

START_TEST(no_message_overtakes_one_whose_batch_is_being_looked_up)
{
	struct sent *change, *behind;

	create_batch("batch", "LAMP", 10);
	world_run(world);
	world_crash(world);
	world_start(world);
	cable_hold(memory_store_requests(world->intake));
	change = change_quantity("batch", 3);
	behind = allocate("order", "LAMP", 5);
	world_run(world);
	ck_assert_int_eq(behind->answers, 0);

	cable_open(memory_store_requests(world->intake));
	world_run(world);

	expect_handled(change);
	expect_handled(behind);
	ck_assert_str_eq(batch_of("order", "LAMP", 5), ""); /* 3 pieces are left of 10 */
}
END_TEST

/* The batch's reference is too long for the cache of references. */
START_TEST(a_batch_that_is_committed_during_its_look_up_is_found)
{
	char reference[101];
	struct sent *change;

	memset(reference, 'x', 100);
	reference[100] = '\0';
	hold_lane();
	create_batch(reference, "LAMP", 10);
	world_run(world);
	cable_hold(memory_store_answers(world->intake));
	change_quantity("unknown", 1); /* looked up in the database, as is the change behind it */
	change = change_quantity(reference, 3);
	world_run(world);
	ck_assert_uint_eq(cable_waiting(memory_store_answers(world->intake)), 1);

	release_lane();
	cable_open(memory_store_answers(world->intake));
	world_run(world);

	expect_handled(change);
}
END_TEST

START_TEST(a_batch_is_unknown_to_messages_before_its_creation)
{
	struct sent *change;

	cable_hold(memory_store_answers(world->intake));
	change = change_quantity("batch", 3);
	world_run(world);
	create_batch("batch", "LAMP", 10);
	cable_open(memory_store_answers(world->intake));
	world_run(world);

	ck_assert_int_eq(change->verdict, REJECT_UNKNOWN_BATCH);
	ck_assert_int_eq(database_purchased(world->database, "batch"), 10);
}
END_TEST

START_TEST(a_look_up_is_retried_when_the_database_was_away)
{
	struct sent *sent;

	create_batch("batch", "LAMP", 10);
	world_run(world);
	world_crash(world);
	world_start(world);
	memory_store_fail_next(world->intake, CALL_RESOLVE, INJECT_REFUSED);
	memory_store_fail_next(world->intake, CALL_RESOLVE, INJECT_LOST_BEFORE);
	sent = change_quantity("batch", 3);
	world_advance_ms(world, 1000);

	expect_handled(sent);
}
END_TEST

/* A creation that fails does not make later messages fail. */
START_TEST(a_change_of_a_batch_that_could_not_be_created_is_rejected)
{
	struct sent *change;

	database_refuse(world->database, "batch");
	create_batch("batch", "LAMP", 10);
	change = change_quantity("batch", 3);
	world_run(world);

	ck_assert_int_eq(change->verdict, REJECT_UNKNOWN_BATCH);
}
END_TEST

/* ---- room ---- */

static void allocate_some(int count)
{
	for (int i = 0; i < count; i++)
		allocate("order", "LAMP", i + 1);
}

START_TEST(the_queue_has_no_room_beyond_its_limit_of_messages)
{
	world->config.queue_max = 10;
	world_start(world);
	allocate_some(9);
	ck_assert(engine_has_room(world->engine));
	allocate_some(1);
	ck_assert(!engine_has_room(world->engine));
}
END_TEST

START_TEST(room_is_reported_once_when_half_of_the_queue_is_free_again)
{
	world->config.unit_max = 3;
	world->config.queue_max = 10;
	world_start(world);
	rival_create_batch("batch", "LAMP", 100);
	hold_lane();
	allocate_some(10);
	world_run(world);
	step_lane();
	step_lane(); /* 7 pieces are left */
	ck_assert_int_eq(world->room_calls, 0);
	ck_assert(engine_has_room(world->engine));

	release_lane();

	ck_assert_int_eq(world->room_calls, 1);
	allocate_some(2);
	world_run(world);
	ck_assert_int_eq(world->room_calls, 1);
}
END_TEST

START_TEST(the_queue_has_no_room_beyond_its_limit_of_bytes)
{
	char *large = arena_alloc(world->arena, 1500);
	int sent = 0;

	world->config.queue_max = 100000;
	world->config.queue_bytes = 64 * 1024;
	world_start(world);
	hold_lane();
	memset(large, 'x', 1499);
	for (; engine_has_room(world->engine); sent++)
		world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "orderid=%s", large);

	ck_assert_int_lt(sent, 64 * 1024 / 1500);
	ck_assert_int_gt(sent, 5);
	release_lane();
	ck_assert(engine_has_room(world->engine));
	ck_assert_int_eq(world->room_calls, 1);
	ck_assert_uint_eq(engine_stats(world->engine)->queued_bytes, 0);
}
END_TEST

/* ---- the end ---- */

static void on_drained(void *context)
{
	bool *drained = context;

	*drained = true;
}

START_TEST(an_idle_engine_is_drained_from_the_loop)
{
	bool drained = false;

	engine_drain(world->engine, on_drained, &drained);
	ck_assert(!drained);
	world_run(world);
	ck_assert(drained);
}
END_TEST

START_TEST(a_drain_ends_when_all_is_answered_published_and_saved)
{
	bool drained = false;

	create_batch("batch", "LAMP", 10);
	allocate("order", "LAMP", 1);
	hold_lane();
	cable_hold(memory_broker_answers(world->broker));
	engine_drain(world->engine, on_drained, &drained);
	world_advance_ms(world, 5000);
	ck_assert(!drained); /* it is not committed */

	release_lane();
	world_advance_ms(world, 5000);
	ck_assert(!drained); /* it is not published */

	cable_open(memory_broker_answers(world->broker));
	world_advance_ms(world, 5000);
	ck_assert(drained);
	ck_assert(world->database->outbox[partition_of("LAMP")].cursor == 1);
}
END_TEST

SUITE("lane", set_up_world, tear_down_world)
{
	tcase_add_test(tests, a_burst_is_one_unit);
	tcase_add_test(tests, what_arrives_while_a_unit_is_in_flight_becomes_the_next_one);
	tcase_add_test(tests, no_message_is_answered_before_the_commit);
	tcase_add_test(tests, a_message_is_never_answered_before_submit_returns);
	tcase_add_test(tests, a_batch_in_the_database_is_asked_for_once);
	tcase_add_test(tests, a_batch_with_a_queued_creation_is_found_before_the_commit);
	tcase_add_test(tests, a_created_batch_is_not_looked_up);
	tcase_add_test(tests, one_query_looks_up_all_waiting_batches);
	tcase_add_test(tests, no_message_overtakes_one_whose_batch_is_being_looked_up);
	tcase_add_test(tests, a_batch_that_is_committed_during_its_look_up_is_found);
	tcase_add_test(tests, a_batch_is_unknown_to_messages_before_its_creation);
	tcase_add_test(tests, a_look_up_is_retried_when_the_database_was_away);
	tcase_add_test(tests, a_change_of_a_batch_that_could_not_be_created_is_rejected);
	tcase_add_test(tests, an_idle_engine_is_drained_from_the_loop);
	tcase_add_test(tests, a_drain_ends_when_all_is_answered_published_and_saved);
}

SUITE("lane", set_up_two_lanes, tear_down_world)
{
	tcase_add_test(tests, a_lane_does_not_wait_for_another);
	tcase_add_test(tests, a_change_moves_to_the_lane_of_its_batchs_sku);
	tcase_add_test(tests, a_change_that_moved_to_another_lane_has_one_effect);
	tcase_add_test(tests, a_creation_that_will_be_rejected_does_not_misdirect_later_changes);
}

SUITE("lane", set_up_no_worker, tear_down_world)
{
	tcase_add_loop_test(tests, a_unit_has_no_more_messages_than_its_limit, 0, COUNT(units_of_three));
	tcase_add_test(tests, commands_of_a_sku_are_handled_in_order_of_arrival);
	tcase_add_test(tests, the_queue_has_no_room_beyond_its_limit_of_messages);
	tcase_add_test(tests, room_is_reported_once_when_half_of_the_queue_is_free_again);
	tcase_add_test(tests, the_queue_has_no_room_beyond_its_limit_of_bytes);
}
