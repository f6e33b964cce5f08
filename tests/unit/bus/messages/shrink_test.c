/* A shrink that moves more lines than one unit of work may: in committed steps that can be resumed. */
#include "support/rival.h"
#include "support/suites.h"

#include "core/product.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MOVED (MOVE_MAX_DEFAULT + 5) /* two units to give them up, two to allocate them again */

/* Batch "a" holds MOVED + 10 lines of one piece; "b", preferred less, has room for all of them but one. */
static void set_up(void)
{
	set_up_world();
	create_batch("a", "LAMP", 2 * MOVED);
	allocate_many("order", "LAMP", MOVED + 10);
	create_batch("b", "LAMP", MOVED - 1);
	create_batch("chair", "CHAIR", 10);
	world_settle(world);
}

static bool is_shrinking(void)
{
	return database_product(world->database, "LAMP")->shrink.batchref != NULL;
}

static const char *moved_order(int number)
{
	return arena_printf(world->arena, "order-%05d", 10 + number);
}

/* Asserts the state after the shrink: the newest lines moved, but the last one found no stock. */
static void expect_moved(void)
{
	const struct batch_row *a = database_batch(world->database, "a"),
			       *b = database_batch(world->database, "b");

	ck_assert(!is_shrinking());
	ck_assert_int_eq(a->allocated, 10);
	ck_assert_int_eq(a->purchased, 10);
	ck_assert_int_eq(b->allocated, MOVED - 1);
	ck_assert_str_eq(batch_of("order-00009", "LAMP", 1), "a");
	ck_assert_str_eq(batch_of(moved_order(0), "LAMP", 1), "b");
	ck_assert_str_eq(batch_of(moved_order(MOVED - 1), "LAMP", 1), "");
}

START_TEST(a_shrink_beyond_the_limit_takes_several_units)
{
	uint64_t units = engine_stats(world->engine)->units;
	struct sent *sent = change_quantity("a", 10);

	world_settle(world);

	expect_handled(sent);
	expect_moved();
	ck_assert_uint_ge(engine_stats(world->engine)->units, units + 4);
}
END_TEST

START_TEST(a_shrink_of_the_limit_takes_one_unit)
{
	struct sent *sent;
	uint64_t units = engine_stats(world->engine)->units;

	sent = change_quantity("a", 15);
	world_settle(world);

	expect_handled(sent);
	ck_assert_uint_eq(engine_stats(world->engine)->units, units + 1);
	ck_assert_int_eq(database_allocated(world->database, "b"), MOVE_MAX_DEFAULT);
}
END_TEST

START_TEST(the_sender_of_a_shrink_is_answered_after_its_last_step)
{
	struct sent *sent;

	hold_lane();
	sent = change_quantity("a", 10);
	world_run(world);
	while (!is_shrinking())
		step_lane();
	while (is_shrinking()) {
		ck_assert_int_eq(sent->answers, 0);
		step_lane();
	}

	expect_handled(sent);
}
END_TEST

static const struct outgoing *event_of(int64_t version)
{
	return memory_broker_event(world->broker, (size_t)version - 1);
}

static void expect_event(int64_t version, enum message_type type, const char *orderid)
{
	struct arena *scratch = arena_new(1024);
	struct envelope envelope;
	const char *error;

	ck_assert_int_eq(event_of(version)->type, type);
	ck_assert(memory_codec_read(type, event_of(version)->payload, scratch, &envelope, &error));
	ck_assert(message_number(&envelope.message, "version") == version);
	ck_assert_str_eq(message_text(&envelope.message, "orderid"), orderid);
	ck_assert_str_eq(message_text(&envelope.message, "cause"), "the-shrink");
	arena_free(&scratch);
}

START_TEST(all_lines_are_given_up_newest_first_then_allocated_oldest_first)
{
	int64_t version = MOVED + 10;

	world_send(world, TRANSPORT_PUBSUB, MSG_CHANGE_BATCH_QUANTITY, "batchref=a\nqty=10\nid=the-shrink");
	world_settle(world);

	ck_assert_uint_eq(memory_broker_count(world->broker), MOVED + 10 + 2 * MOVED);
	for (int i = MOVED - 1; i >= 0; i--)
		expect_event(++version, MSG_LINE_DEALLOCATED, moved_order(i));
	for (int i = 0; i < MOVED - 1; i++)
		expect_event(++version, MSG_LINE_ALLOCATED, moved_order(i));
	expect_event(++version, MSG_OUT_OF_STOCK, moved_order(MOVED - 1));
}
END_TEST

START_TEST(later_commands_of_a_shrinking_sku_wait_and_others_do_not)
{
	struct sent *shrink, *later, *chair, *change;

	hold_lane();
	shrink = change_quantity("a", 10);
	later = allocate("later", "LAMP", 1);
	chair = allocate("order", "CHAIR", 1);
	world_run(world);
	while (!is_shrinking())
		step_lane();
	change = change_quantity("b", MOVED);
	while (is_shrinking()) {
		ck_assert_int_eq(later->answers, 0);
		ck_assert_int_eq(change->answers, 0);
		step_lane();
	}
	ck_assert_int_eq(chair->answers, 1);
	release_lane();

	expect_handled(shrink);
	expect_handled(later);
	expect_handled(change);
	ck_assert_int_lt(chair->order, shrink->order);
	ck_assert_int_lt(shrink->order, later->order);
	ck_assert_int_lt(later->order, change->order);
	ck_assert_str_eq(batch_of("later", "LAMP", 1), "");
}
END_TEST

/* The last message names a batch that the message before it creates. */
START_TEST(messages_that_wait_for_a_shrink_keep_their_order_even_for_a_new_batch)
{
	struct sent *shrink, *create, *change;

	hold_lane();
	allocate("first", "CHAIR", 1);
	world_run(world);
	shrink = change_quantity("a", 10);
	create = create_batch("new", "LAMP", 5);
	change = change_quantity("new", 3);
	world_run(world);
	release_lane();
	world_settle(world);

	expect_handled(shrink);
	expect_handled(create);
	expect_handled(change);
	ck_assert_int_eq(database_purchased(world->database, "new"), 3);
}
END_TEST

START_TEST(a_new_worker_resumes_a_shrink_without_a_message)
{
	hold_lane();
	change_quantity("a", 10);
	world_run(world);
	while (!is_shrinking())
		step_lane();
	world_crash(world);
	world_start(world);
	world_settle(world);

	expect_moved();
}
END_TEST

/* After `_i` more calls of the lane, a worker dies; the next one resumes the shrink. */
START_TEST(a_restarted_worker_resumes_a_shrink)
{
	struct sent *later;

	hold_lane();
	world_send(world, TRANSPORT_PUBSUB, MSG_CHANGE_BATCH_QUANTITY, "batchref=a\nqty=10\nid=the-shrink");
	world_run(world);
	while (!is_shrinking())
		step_lane();
	for (int i = 0; i < _i; i++)
		step_lane();
	world_crash(world);
	database_end_lost(world->database, _i % 3 == 0);
	world_start(world);
	later = allocate("later", "LAMP", 1);
	world_settle(world);

	expect_handled(later);
	expect_moved();
	ck_assert_str_eq(batch_of("later", "LAMP", 1), "");
}
END_TEST

START_TEST(a_shrink_has_the_same_result_despite_conflicts_and_lost_connections)
{
	static const enum store_injection injections[] = {INJECT_CONFLICT, INJECT_REFUSED, INJECT_LOST_BEFORE,
							  INJECT_LOST_AFTER};
	struct sent *sent, *later;

	for (int i = 0; i < 8; i++) {
		memory_store_fail_next(world->lanes[0], CALL_FLUSH, injections[(_i + i) % COUNT(injections)]);
		memory_store_fail_next(world->lanes[0], CALL_FLUSH, INJECT_NONE);
	}
	sent = change_quantity("a", 10);
	later = allocate("later", "LAMP", 1);
	world_settle(world);

	expect_handled(sent);
	expect_handled(later);
	ck_assert_int_lt(sent->order, later->order);
	expect_moved();
}
END_TEST

/* Memory is bounded: after a large shrink, a message that needs more memory is left to the next unit. */
START_TEST(a_unit_that_took_much_memory_ends_early)
{
	uint64_t units;
	struct sent *shrink, *behind;

	for (int i = 0; i < 40; i++)
		create_batch(arena_printf(world->arena, "small-%02d", i), "TABLE", 1);
	create_batch("z-large", "TABLE", 5);
	world_settle(world);
	units = engine_stats(world->engine)->units;
	shrink = change_quantity("a", 15);
	behind = allocate("order", "TABLE", 5);
	world_settle(world);

	expect_handled(shrink);
	expect_handled(behind);
	ck_assert_str_eq(batch_of("order", "TABLE", 5), "z-large");
	ck_assert_uint_eq(engine_stats(world->engine)->units, units + 2);
}
END_TEST

/* The same lines move back and forth without a load in between. */
START_TEST(a_unit_ends_early_when_a_shrink_took_its_memory)
{
	uint64_t units = engine_stats(world->engine)->units;
	struct sent *last = NULL;

	for (int i = 0; i < 3; i++) {
		change_quantity("a", 15);
		change_quantity("a", 2 * MOVED);
		change_quantity("b", 0);
		last = change_quantity("b", MOVED - 1);
	}
	world_settle(world);

	expect_handled(last);
	ck_assert_int_eq(database_allocated(world->database, "a"), MOVED + 10);
	ck_assert_uint_ge(engine_stats(world->engine)->units, units + 3);
}
END_TEST

START_TEST(shrinks_of_several_skus_take_turns)
{
	struct sent *lamp, *table;

	create_batch("t", "TABLE", MOVED);
	allocate_many("order", "TABLE", MOVED);
	world_settle(world);
	lamp = change_quantity("a", 10);
	table = change_quantity("t", 0);
	world_settle(world);

	expect_handled(lamp);
	expect_handled(table);
	expect_moved();
	ck_assert_int_eq(database_allocated(world->database, "t"), 0);
	ck_assert(database_version(world->database, "TABLE") == 3 * MOVED);
}
END_TEST

/* Begins a shrink, and holds the lane between two of its steps. */
static struct sent *begin_shrink_and_hold(void)
{
	struct sent *shrink;

	hold_lane();
	shrink = change_quantity("a", 10);
	world_run(world);
	while (!is_shrinking())
		step_lane();
	return shrink;
}

/* A step that the database refuses is retried, because no message is to blame. */
START_TEST(a_refused_step_is_retried)
{
	struct sent *shrink, *chair;

	shrink = begin_shrink_and_hold();
	memory_store_fail_next(world->lanes[0], CALL_FLUSH, INJECT_DATA);
	chair = _i ? allocate("order", "CHAIR", 1) : NULL;
	release_lane();
	world_settle(world);

	expect_handled(shrink);
	expect_moved();
	if (chair)
		expect_handled(chair);
	ck_assert_uint_eq(world->database->dead_letter_count, 0);
}
END_TEST

/* A step with an event that cannot be written is retried after a pause, without delaying other messages. */
START_TEST(a_stuck_step_is_retried_after_a_pause)
{
	struct sent *shrink, *chair;

	shrink = begin_shrink_and_hold();
	memory_codec_refuse(&world->codec, "orderid=order-00020");
	release_lane();
	world_advance_ms(world, 60000);
	chair = allocate("order", "CHAIR", 1);
	world_run(world);
	ck_assert(is_shrinking());
	ck_assert_int_eq(shrink->answers, 0);
	ck_assert_uint_lt(memory_store_calls(world->lanes[0], CALL_FLUSH), 200);
	ck_assert_uint_ge(memory_logger_count(&world->logger, "events cannot be written"), 1);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "add up"), 0);

	memory_codec_refuse(&world->codec, NULL);
	world_settle(world);

	expect_handled(shrink);
	expect_handled(chair);
	expect_moved();
}
END_TEST

/* ---- lines that are deallocated or shipped meanwhile ---- */

static struct sent *send_about(enum message_type type, const char *orderid)
{
	return world_send(world, TRANSPORT_STREAM, type, "orderid=%s\nsku=LAMP\nqty=1", orderid);
}

/* The first step gives up the newest lines, so order-00010 is displaced by the second one only. */
START_TEST(a_line_that_a_shrink_displaces_is_deallocated_or_shipped_when_it_is_done)
{
	static const enum message_type types[] = {MSG_DEALLOCATE, MSG_SHIP};
	struct sent *shrink = begin_shrink_and_hold(), *displaced, *kept, *moved_last, *without;
	bool ships = types[_i] == MSG_SHIP;

	ck_assert(database_line(world->database, "LAMP", moved_order(100), 1)->displaced);
	displaced = send_about(types[_i], moved_order(100));
	kept = send_about(types[_i], "order-00003");
	moved_last = send_about(types[_i], moved_order(0));
	without = send_about(types[_i], moved_order(MOVED - 1));
	world_run(world);
	while (is_shrinking()) {
		ck_assert_int_eq(displaced->answers, 0);
		step_lane();
	}
	release_lane();
	world_settle(world);

	expect_handled(shrink);
	expect_handled(displaced);
	expect_handled(kept);
	expect_handled(moved_last);
	ck_assert_int_eq(without->verdict, SKIP_NOT_ALLOCATED); /* it is out of stock */
	ck_assert_str_eq(batch_of(moved_order(100), "LAMP", 1), "");
	ck_assert_int_eq(database_allocated(world->database, "a"), 9);
	ck_assert_int_eq(database_purchased(world->database, "a"), ships ? 9 : 10);
	ck_assert_int_eq(database_allocated(world->database, "b"), MOVED - 3);
	ck_assert_int_eq(database_purchased(world->database, "b"), ships ? MOVED - 3 : MOVED - 1);
}
END_TEST

/* The released lines are the newest of the batch, which the shrink would displace first. */
START_TEST(a_large_shrink_right_behind_releases_moves_only_the_other_lines)
{
	struct sent *shrink;

	send_about(MSG_DEALLOCATE, moved_order(MOVED - 1));
	send_about(MSG_SHIP, moved_order(MOVED - 2));
	shrink = change_quantity("a", 10);
	world_settle(world);

	expect_handled(shrink);
	ck_assert_int_eq(database_allocated(world->database, "a"), 10);
	ck_assert_int_eq(database_allocated(world->database, "b"), MOVED - 2);
	ck_assert_str_eq(batch_of(moved_order(MOVED - 1), "LAMP", 1), "");
	ck_assert(database_version(world->database, "LAMP") == MOVED + 10 + 2 + 2 * (MOVED - 2));
}
END_TEST

/* ---- with a message in the unit that the database refuses ---- */

START_TEST(the_order_of_the_sku_stays_when_a_message_of_the_unit_is_refused)
{
	struct sent *shrink, *later, *poison;

	database_refuse(world->database, "poison");
	shrink = change_quantity("a", 10);
	later = change_quantity("a", 11);
	poison = allocate("poison", "CHAIR", 1);
	world_settle(world);

	ck_assert_int_eq(poison->outcome, OUTCOME_FAILED);
	expect_handled(shrink);
	expect_handled(later);
	ck_assert_int_lt(shrink->order, later->order);
	ck_assert_int_eq(database_purchased(world->database, "a"), 11);
}
END_TEST

SUITE("shrink", set_up, tear_down_world)
{
	tcase_add_test(tests, a_shrink_beyond_the_limit_takes_several_units);
	tcase_add_test(tests, a_shrink_of_the_limit_takes_one_unit);
	tcase_add_test(tests, the_sender_of_a_shrink_is_answered_after_its_last_step);
	tcase_add_test(tests, all_lines_are_given_up_newest_first_then_allocated_oldest_first);
	tcase_add_test(tests, later_commands_of_a_shrinking_sku_wait_and_others_do_not);
	tcase_add_test(tests, messages_that_wait_for_a_shrink_keep_their_order_even_for_a_new_batch);
	tcase_add_test(tests, a_new_worker_resumes_a_shrink_without_a_message);
	tcase_add_loop_test(tests, a_restarted_worker_resumes_a_shrink, 0, 8);
	tcase_add_loop_test(tests, a_shrink_has_the_same_result_despite_conflicts_and_lost_connections, 0, 4);
	tcase_add_test(tests, a_unit_that_took_much_memory_ends_early);
	tcase_add_test(tests, a_unit_ends_early_when_a_shrink_took_its_memory);
	tcase_add_test(tests, shrinks_of_several_skus_take_turns);
	tcase_add_loop_test(tests, a_refused_step_is_retried, 0, 2);
	tcase_add_test(tests, a_stuck_step_is_retried_after_a_pause);
	tcase_add_loop_test(tests, a_line_that_a_shrink_displaces_is_deallocated_or_shipped_when_it_is_done,
			    0, 2);
	tcase_add_test(tests, a_large_shrink_right_behind_releases_moves_only_the_other_lines);
	tcase_add_test(tests, the_order_of_the_sku_stays_when_a_message_of_the_unit_is_refused);
}
