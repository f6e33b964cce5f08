/* Failures of the infrastructure: retried with backoff, and asked about when the outcome is unknown. */
#include "support/bus_world.h"
#include "support/suites.h"

#include <string.h>

static void set_up(void)
{
	set_up_world();
	create_batch("batch", "LAMP", 10);
	world_run(world);
}

/* ---- the database is away ---- */

#define CALLS_MAX 1000

/* The lane's calls of the store, and their times. */
static struct {
	enum store_call call;
	int64_t at_ms;
} calls[CALLS_MAX];
static int call_count;

static enum store_injection note_call(void *context, enum store_call call)
{
	(void)context;
	ck_assert_int_lt(call_count, CALLS_MAX);
	calls[call_count].call = call;
	calls[call_count++].at_ms = simulation_now_ms(world->simulation);
	return INJECT_NONE;
}

static void watch_calls(void)
{
	call_count = 0;
	memory_store_set_injector(world->lanes[0], note_call, NULL);
}

START_TEST(nothing_is_lost_while_the_database_is_away)
{
	struct sent *sent;

	database_set_down(world->database, true);
	sent = world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "orderid=order\nsku=LAMP\nqty=1");
	world_advance_ms(world, 600000);
	ck_assert_int_eq(sent->answers, 0);
	ck_assert(!engine_stats(world->engine)->database_up);

	database_set_down(world->database, false);
	world_advance_ms(world, 10000);

	expect_handled(sent);
	ck_assert(engine_stats(world->engine)->database_up);
	ck_assert_uint_eq(world->database->dead_letter_count, 0);
}
END_TEST

START_TEST(the_delays_between_retries_grow_to_a_few_seconds)
{
	watch_calls();
	database_set_down(world->database, true);
	allocate("order", "LAMP", 1);
	world_advance_ms(world, 120000);

	ck_assert_int_gt(call_count, 20);
	ck_assert_int_lt(call_count, 60);
	ck_assert_int_le(calls[1].at_ms - calls[0].at_ms, 20);
	for (int i = 12; i < call_count; i++) {
		ck_assert_int_ge(calls[i].at_ms - calls[i - 1].at_ms, 2500);
		ck_assert_int_le(calls[i].at_ms - calls[i - 1].at_ms, 5000);
	}
}
END_TEST

START_TEST(the_delays_start_small_again_after_a_commit)
{
	database_set_down(world->database, true);
	allocate("first", "LAMP", 1);
	world_advance_ms(world, 60000);
	database_set_down(world->database, false);
	world_advance_ms(world, 10000);
	watch_calls();
	database_set_down(world->database, true);
	allocate("second", "LAMP", 1);
	world_advance_ms(world, 1000);

	ck_assert_int_gt(call_count, 1);
	ck_assert_int_le(calls[1].at_ms - calls[0].at_ms, 20);
}
END_TEST

/* Workers that failed at the same time must not retry at the same time. */
START_TEST(the_delays_are_random)
{
	int64_t waits[3];

	for (int i = 0; i < 3; i++) {
		watch_calls();
		memory_random_init(&world->random, (uint64_t)i);
		database_set_down(world->database, true);
		allocate("order", "LAMP", i + 1);
		world_advance_ms(world, 60000);
		waits[i] = calls[12].at_ms - calls[11].at_ms;
		database_set_down(world->database, false);
		world_advance_ms(world, 10000);
	}

	ck_assert(waits[0] != waits[1] || waits[1] != waits[2]);
}
END_TEST

START_TEST(an_empty_flush_is_tried_before_the_unit_is_redone)
{
	watch_calls();
	memory_store_fail_next(world->lanes[0], CALL_FLUSH, INJECT_REFUSED);
	memory_store_fail_next(world->lanes[0], CALL_PROBE, INJECT_REFUSED);
	allocate("order", "LAMP", 1);
	world_advance_ms(world, 1000);

	ck_assert_int_eq(call_count, 3);
	ck_assert_int_eq(calls[0].call, CALL_PROBE); /* the second probe; planned failures are not recorded */
	ck_assert_int_eq(calls[1].call, CALL_LOAD);  /* the cache was emptied */
	ck_assert_int_eq(calls[2].call, CALL_FLUSH);
}
END_TEST

START_TEST(a_load_that_fails_is_tried_again)
{
	struct sent *sent;

	memory_store_fail_next(world->lanes[0], CALL_LOAD, INJECT_LOST_BEFORE);
	sent = allocate("order", "LAMP", 1);
	world_advance_ms(world, 1000);

	expect_handled(sent);
}
END_TEST

/* ---- the connection is lost during the flush ---- */

/* How the connection is lost, and whether a lost session that is still alive commits in the end. */
static const struct loss {
	enum store_injection injected;
	bool commits;
	bool was_committed; /* before the worker resolves the commit */
} losses[] = {
	{INJECT_LOST_BEFORE, false, false},    {INJECT_LOST_AFTER, false, true},
	{INJECT_LOST_COMMITTING, true, false}, {INJECT_LOST_COMMITTING, false, false},
	{INJECT_LOST_ON_THE_WAY, true, false}, /* too late: the worker's witness prevents it */
};

/* Sends a line whose flush is lost, and holds the lane. */
static struct sent *lose_flush(const struct loss *loss)
{
	struct sent *sent;

	hold_lane();
	memory_store_fail_next(world->lanes[0], CALL_FLUSH, loss->injected);
	sent = world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "orderid=order\nsku=LAMP\nqty=4\nid=x");
	world_run(world);
	step_lane(); /* the flush: the product is known */
	return sent;
}

START_TEST(a_message_is_not_answered_while_its_commit_is_uncertain)
{
	struct sent *sent = lose_flush(&losses[_i]);

	ck_assert_str_eq(published(), "");
	world_advance_ms(world, 100000);

	ck_assert_int_eq(sent->answers, 0);
	ck_assert_int_eq(database_line(world->database, "LAMP", "order", 4) != NULL,
			 losses[_i].was_committed);
}
END_TEST

START_TEST(an_uncertain_commit_has_one_effect)
{
	struct sent *sent = lose_flush(&losses[_i]);

	release_lane();
	world_advance_ms(world, 1000);
	database_end_lost(world->database, losses[_i].commits);
	world_settle(world);

	expect_handled(sent);
	ck_assert_int_eq(database_allocated(world->database, "batch"), 4);
	ck_assert_str_eq(published(), "line_allocated order LAMP 4 batch 1\n");
	ck_assert_uint_eq(database_inbox_count(world->database), 1);
	ck_assert_uint_eq(engine_stats(world->engine)->uncertain, 1);
}
END_TEST

START_TEST(while_the_lost_session_commits_the_answer_waits_for_it)
{
	struct sent *sent = lose_flush(&losses[2]);

	release_lane();
	world_advance_ms(world, 60000);
	ck_assert_int_eq(sent->answers, 0);

	database_end_lost(world->database, true);
	world_advance_ms(world, 10000);
	expect_handled(sent);
}
END_TEST

/* Resolving a commit is retried with the same result, however often its answer is lost. */
START_TEST(a_witness_is_inserted_again_when_the_answer_was_lost)
{
	struct sent *sent = lose_flush(&losses[_i]);

	memory_store_fail_next(world->lanes[0], CALL_RESOLVE_COMMIT, INJECT_REFUSED);
	memory_store_fail_next(world->lanes[0], CALL_RESOLVE_COMMIT, INJECT_LOST_AFTER);
	release_lane();
	world_advance_ms(world, 1000);
	database_end_lost(world->database, losses[_i].commits);
	world_settle(world);

	expect_handled(sent);
	ck_assert_int_eq(database_allocated(world->database, "batch"), 4);
	ck_assert_str_eq(published(), "line_allocated order LAMP 4 batch 1\n");
}
END_TEST

START_TEST(a_notification_is_sent_though_the_answer_of_its_commit_was_lost)
{
	struct sent *sent;

	memory_store_fail_next(world->lanes[0], CALL_FLUSH, INJECT_LOST_AFTER);
	sent = allocate("order", "LAMP", 11);
	world_run(world);
	expect_handled(sent);
	ck_assert_uint_eq(memory_notifier_count(world->notifier), 0);

	world_advance_ms(world, 1000 * (NOTIFICATION_LEASE + 20));

	ck_assert_uint_eq(memory_notifier_count(world->notifier), 1);
	ck_assert_uint_eq(database_notification_count(world->database), 0);
}
END_TEST

/* ---- the database is well, but the unit too large for the time it is given ---- */

static int flushes_to_fail;

static enum store_injection fail_some_flushes(void *context, enum store_call call)
{
	const enum store_injection *injected = context;

	return call == CALL_FLUSH && flushes_to_fail-- > 0 ? *injected : INJECT_NONE;
}

START_TEST(a_unit_that_fails_again_on_a_database_that_is_well_is_halved)
{
	static const enum store_injection injections[] = {INJECT_REFUSED, INJECT_LOST_BEFORE};
	enum store_injection injected = injections[_i];
	uint64_t units = engine_stats(world->engine)->units;
	struct sent *sent[8];

	flushes_to_fail = 4; /* of 8 messages, of 8 again, of 4, of 2 */
	memory_store_set_injector(world->lanes[0], fail_some_flushes, &injected);
	for (int i = 0; i < 8; i++)
		sent[i] = allocate(arena_printf(world->arena, "order-%d", i), "LAMP", 1);
	world_settle(world);

	for (int i = 0; i < 8; i++)
		expect_handled(sent[i]);
	/* After one that was committed alone come 2, 4, and the last one. */
	ck_assert_uint_eq(engine_stats(world->engine)->units, units + 4);
}
END_TEST

SUITE("recovery", set_up, tear_down_world)
{
	tcase_add_test(tests, nothing_is_lost_while_the_database_is_away);
	tcase_add_loop_test(tests, a_unit_that_fails_again_on_a_database_that_is_well_is_halved, 0, 2);
	tcase_add_test(tests, the_delays_between_retries_grow_to_a_few_seconds);
	tcase_add_test(tests, the_delays_start_small_again_after_a_commit);
	tcase_add_test(tests, the_delays_are_random);
	tcase_add_test(tests, an_empty_flush_is_tried_before_the_unit_is_redone);
	tcase_add_test(tests, a_load_that_fails_is_tried_again);
}

SUITE("recovery", set_up, tear_down_world)
{
	tcase_add_loop_test(tests, a_message_is_not_answered_while_its_commit_is_uncertain, 0, COUNT(losses));
	tcase_add_loop_test(tests, an_uncertain_commit_has_one_effect, 0, COUNT(losses));
	tcase_add_test(tests, while_the_lost_session_commits_the_answer_waits_for_it);
	tcase_add_loop_test(tests, a_witness_is_inserted_again_when_the_answer_was_lost, 0, COUNT(losses));
	tcase_add_test(tests, a_notification_is_sent_though_the_answer_of_its_commit_was_lost);
}
