/* The database refuses a unit: bisection finds the message to blame, and the other messages are handled. */
#include "support/bus_world.h"
#include "support/suites.h"

#include <string.h>

#define MESSAGES 8

/* Eight messages in one unit: a bit for each that is poison. */
static const unsigned poisons[] = {
	1U << 0,              /* the first */
	1U << 3,              /* one in the middle */
	1U << (MESSAGES - 1), /* the last */
	1U << 2 | 1U << 3,    /* two neighbours */
	1U << 0 | 1U << 7,    /* both ends */
	1U << 1 | 1U << 4 | 1U << 6,
	(1U << MESSAGES) - 1, /* all of them */
};

static struct sent *send_line(int number, bool poison, enum transport transport)
{
	return world_send(world, transport, MSG_ALLOCATE, "orderid=%s-%d\nsku=LAMP\nqty=1",
			  poison ? "poison" : "good", number);
}

static void refuse_poison(void)
{
	for (int i = 0; i < MESSAGES; i++)
		database_refuse(world->database, arena_printf(world->arena, "poison-%d", i));
}

static void set_up(void)
{
	set_up_world();
	refuse_poison();
	create_batch("batch", "LAMP", 100);
	world_run(world);
}

START_TEST(only_the_poison_message_of_a_unit_fails)
{
	struct sent *sent[MESSAGES];
	size_t poisoned = 0;

	for (int i = 0; i < MESSAGES; i++)
		sent[i] = send_line(i, poisons[_i] >> i & 1, TRANSPORT_PUBSUB);
	world_run(world);

	for (int i = 0; i < MESSAGES; i++) {
		bool poison = poisons[_i] >> i & 1;

		ck_assert_int_eq(sent[i]->answers, 1);
		ck_assert_int_eq(sent[i]->outcome, poison ? OUTCOME_FAILED : OUTCOME_HANDLED);
		poisoned += poison;
	}
	ck_assert_uint_eq(world->database->dead_letter_count, poisoned);
	ck_assert_int_eq(database_allocated(world->database, "batch"), MESSAGES - (int)poisoned);
}
END_TEST

START_TEST(messages_beside_a_poison_message_keep_their_order)
{
	struct sent *sent[MESSAGES];

	for (int i = 0; i < MESSAGES; i++)
		sent[i] = send_line(i, poisons[_i] >> i & 1, TRANSPORT_PUBSUB);
	world_run(world);

	for (int i = 1; i < MESSAGES; i++)
		ck_assert_int_lt(sent[i - 1]->order, sent[i]->order);
}
END_TEST

START_TEST(a_failed_messages_dead_letter_has_the_error_of_the_database)
{
	send_line(0, true, TRANSPORT_PUBSUB);
	world_run(world);

	ck_assert_int_eq(world->database->dead_letters[0].outcome, OUTCOME_FAILED);
	ck_assert_str_eq(world->database->dead_letters[0].reason, "constraint: this order is refused");
}
END_TEST

START_TEST(units_have_their_full_size_again_after_a_search)
{
	uint64_t units;

	for (int i = 0; i < MESSAGES; i++)
		send_line(i, i == 3, TRANSPORT_HTTP);
	world_run(world);
	units = engine_stats(world->engine)->units;
	allocate_many("later", "LAMP", 20);
	world_run(world);

	ck_assert_uint_eq(engine_stats(world->engine)->units, units + 1);
}
END_TEST

START_TEST(messages_that_arrive_during_a_search_wait_for_it)
{
	struct sent *poison, *shrink, *later;

	hold_lane();
	poison = send_line(0, true, TRANSPORT_PUBSUB);
	shrink = change_quantity("batch", 1);
	world_run(world);
	step_lane();
	later = allocate("later", "LAMP", 2);
	release_lane();

	ck_assert_int_eq(poison->outcome, OUTCOME_FAILED);
	expect_handled(shrink);
	expect_handled(later);
	ck_assert_str_eq(batch_of("later", "LAMP", 2), "");
}
END_TEST

START_TEST(a_failed_message_does_not_spend_its_id)
{
	struct sent *again;

	world_send(world, TRANSPORT_HTTP, MSG_ALLOCATE, "orderid=poison-0\nsku=LAMP\nqty=1\nid=x");
	world_run(world);
	again = world_send(world, TRANSPORT_HTTP, MSG_ALLOCATE, "orderid=order\nsku=LAMP\nqty=1\nid=x");
	world_run(world);

	expect_handled(again);
}
END_TEST

/* If an event cannot be encoded, its command fails as a whole, and all its changes are undone. */
START_TEST(a_message_with_an_event_that_cannot_be_written_fails_whole)
{
	struct sent *before, *shrink, *behind;

	create_batch("more", "LAMP", 100);
	allocate("stays", "LAMP", 60);
	allocate("fits", "LAMP", 20);
	allocate("unspeakable", "LAMP", 20);
	world_run(world);
	memory_codec_refuse(&world->codec, "orderid=unspeakable");
	before = allocate("before", "LAMP", 1);
	shrink = world_send(world, TRANSPORT_PUBSUB, MSG_CHANGE_BATCH_QUANTITY, "batchref=batch\nqty=60");
	behind = allocate("behind", "LAMP", 1);
	world_run(world);

	expect_handled(before);
	expect_handled(behind);
	ck_assert_int_eq(shrink->outcome, OUTCOME_FAILED);
	ck_assert_uint_eq(world->database->dead_letter_count, 1);
	ck_assert_int_eq(database_purchased(world->database, "batch"), 100);
	ck_assert_str_eq(batch_of("fits", "LAMP", 20), "batch");
	ck_assert_str_eq(batch_of("unspeakable", "LAMP", 20), "batch");
	ck_assert(database_version(world->database, "LAMP") == 5);
}
END_TEST

START_TEST(a_message_whose_dead_letter_is_refused_too_is_logged_and_answered)
{
	struct sent *lost, *behind;

	database_refuse(world->database, "bad-id");
	lost = world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "orderid=order\nsku=LAMP\nqty=1\nid=bad-id");
	behind = allocate("behind", "LAMP", 1);
	world_run(world);

	ck_assert_int_eq(lost->answers, 1);
	ck_assert_int_eq(lost->outcome, OUTCOME_FAILED);
	expect_handled(behind);
	ck_assert_uint_eq(world->database->dead_letter_count, 0);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "error message lost"), 1);
}
END_TEST

START_TEST(a_lost_message_that_was_the_last_one_lets_the_engine_drain)
{
	database_refuse(world->database, "bad-id");
	world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "orderid=order\nsku=LAMP\nqty=1\nid=bad-id");
	world_settle(world);

	ck_assert_int_eq(world->last->outcome, OUTCOME_FAILED);
}
END_TEST

/* ---- when nothing is to blame but the database ---- */

START_TEST(no_message_fails_when_an_empty_flush_fails_too)
{
	struct sent *sent[MESSAGES];

	database_set_broken(world->database, true);
	for (int i = 0; i < MESSAGES; i++)
		sent[i] = send_line(i, i == 3, TRANSPORT_PUBSUB);
	world_advance_ms(world, 60000);
	for (int i = 0; i < MESSAGES; i++)
		ck_assert_int_eq(sent[i]->answers, 0);

	database_set_broken(world->database, false);
	world_advance_ms(world, 60000);

	for (int i = 0; i < MESSAGES; i++)
		ck_assert_int_eq(sent[i]->outcome, i == 3 ? OUTCOME_FAILED : OUTCOME_HANDLED);
	ck_assert_uint_eq(world->database->dead_letter_count, 1);
}
END_TEST

START_TEST(a_single_message_does_not_fail_on_a_broken_database)
{
	struct sent *sent;

	database_set_broken(world->database, true);
	sent = send_line(0, false, TRANSPORT_PUBSUB);
	world_advance_ms(world, 60000);
	ck_assert_int_eq(sent->answers, 0);
	ck_assert_uint_gt(memory_store_calls(world->lanes[0], CALL_PROBE), 0);
	ck_assert_uint_eq(memory_store_calls(world->lanes[0], CALL_FLUSH), 2); /* the batch's, the line's */

	database_set_broken(world->database, false);
	world_advance_ms(world, 60000);

	expect_handled(sent);
	ck_assert_uint_eq(world->database->dead_letter_count, 0);
}
END_TEST

START_TEST(a_search_continues_after_the_database_was_away)
{
	struct sent *sent[MESSAGES];

	memory_store_fail_next(world->lanes[0], CALL_LOAD, INJECT_NONE);
	memory_store_fail_next(world->lanes[0], CALL_LOAD, INJECT_REFUSED);
	memory_store_fail_next(world->lanes[0], CALL_FLUSH, INJECT_NONE);
	memory_store_fail_next(world->lanes[0], CALL_FLUSH, INJECT_CONFLICT);
	memory_store_fail_next(world->lanes[0], CALL_FLUSH, INJECT_LOST_AFTER);
	memory_store_fail_next(world->lanes[0], CALL_FLUSH, INJECT_LOST_BEFORE);
	memory_store_fail_next(world->lanes[0], CALL_PROBE, INJECT_REFUSED);
	for (int i = 0; i < MESSAGES; i++)
		sent[i] = send_line(i, i == 6, TRANSPORT_PUBSUB);
	world_advance_ms(world, 60000);

	for (int i = 0; i < MESSAGES; i++) {
		ck_assert_int_eq(sent[i]->answers, 1);
		ck_assert_int_eq(sent[i]->outcome, i == 6 ? OUTCOME_FAILED : OUTCOME_HANDLED);
	}
	ck_assert_uint_eq(world->database->dead_letter_count, 1);
}
END_TEST

/* ---- rows that contradict each other ---- */

/* An inconsistent batch: more is allocated from it than its lines hold. */
static struct batch_row *batch_of_no_lines(void)
{
	struct batch_row *batch;

	create_batch("batch", "LAMP", 5);
	create_batch("stool", "STOOL", 1);
	world_settle(world);
	batch = database_batch(world->database, "batch");
	batch->allocated = 5;
	database_product(world->database, "LAMP")->revision++; /* otherwise the worker would use its cache */
	return batch;
}

START_TEST(a_message_of_an_inconsistent_product_fails_alone)
{
	struct batch_row *batch = batch_of_no_lines();
	struct sent *before = allocate("before", "STOOL", 1), *shrink = change_quantity("batch", 0),
		    *after = allocate("after", "STOOL", 2);

	world_settle(world);

	expect_handled(before);
	expect_handled(after);
	ck_assert_int_eq(shrink->outcome, OUTCOME_FAILED);
	ck_assert_str_eq(shrink->reason, "what is kept of its product does not add up");
	batch->allocated = 0;
}
END_TEST

START_TEST(a_shrink_of_an_inconsistent_product_rests_while_other_skus_continue)
{
	struct batch_row *batch = batch_of_no_lines();
	struct shrink_row *shrink = &database_product(world->database, "LAMP")->shrink;
	struct sent *other;

	*shrink = (struct shrink_row){.batchref = "batch", .target = 0};
	database_product(world->database, "LAMP")->revision++;
	world_advance_ms(world, 60000); /* the inconsistency is found */
	other = allocate("order", "STOOL", 1);
	world_run(world);
	expect_handled(other);
	ck_assert_uint_ge(memory_logger_count(&world->logger, "does not add up"), 1);
	ck_assert_uint_le(memory_logger_count(&world->logger, "does not add up"), 12);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "events cannot be written"), 0);

	batch->allocated = 0; /* an operator repairs it */
	world_advance_ms(world, 10000);
	ck_assert_ptr_null(shrink->batchref);
}
END_TEST

SUITE("refusal", set_up, tear_down_world)
{
	tcase_add_loop_test(tests, only_the_poison_message_of_a_unit_fails, 0, COUNT(poisons));
	tcase_add_loop_test(tests, messages_beside_a_poison_message_keep_their_order, 0, COUNT(poisons));
	tcase_add_test(tests, a_failed_messages_dead_letter_has_the_error_of_the_database);
	tcase_add_test(tests, units_have_their_full_size_again_after_a_search);
	tcase_add_test(tests, messages_that_arrive_during_a_search_wait_for_it);
	tcase_add_test(tests, a_failed_message_does_not_spend_its_id);
	tcase_add_test(tests, a_message_with_an_event_that_cannot_be_written_fails_whole);
	tcase_add_test(tests, a_message_whose_dead_letter_is_refused_too_is_logged_and_answered);
	tcase_add_test(tests, a_lost_message_that_was_the_last_one_lets_the_engine_drain);
	tcase_add_test(tests, no_message_fails_when_an_empty_flush_fails_too);
	tcase_add_test(tests, a_single_message_does_not_fail_on_a_broken_database);
	tcase_add_test(tests, a_search_continues_after_the_database_was_away);
	tcase_add_test(tests, a_message_of_an_inconsistent_product_fails_alone);
	tcase_add_test(tests, a_shrink_of_an_inconsistent_product_rests_while_other_skus_continue);
}
