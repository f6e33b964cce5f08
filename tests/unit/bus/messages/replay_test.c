/*
 * An operator replays a dead letter: its effect and its count of attempts are committed together, despite
 * failures.
 */
#include "support/bus_world.h"
#include "support/suites.h"

#define PAYLOAD "orderid=order\nsku=LAMP\nqty=1"

static enum outcome outcome;
static int answers;

static void on_answered(void *context, const struct delivery *delivery)
{
	(void)context;
	outcome = delivery->outcome;
	answers++;
}

/* An order that came before its batch. */
static void set_up(void)
{
	set_up_world();
	world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, PAYLOAD);
	world_run(world);
	ck_assert_uint_eq(world->database->dead_letter_count, 1);
	create_batch("batch", "LAMP", 10);
	world_run(world);
	outcome = OUTCOME_NONE;
	answers = 0;
}

/* Replays the dead letter as it was read when it had that number of attempts. */
static void replay(int attempts)
{
	static const char payload[] = PAYLOAD;
	const struct replay again = {.dead_letter = 1, .attempts = attempts, .who = "ann", .edits = ""};

	engine_submit(world->engine, &(struct arrival){
					     .transport = TRANSPORT_PUBSUB,
					     .origin = "allocate",
					     .replay = &again,
					     .type = MSG_ALLOCATE,
					     .payload = {payload, sizeof payload - 1},
					     .payload_size = sizeof payload - 1,
					     .answered = on_answered,
				     });
}

static void expect_one_effect(void)
{
	world_settle(world);
	ck_assert_uint_eq(world->database->dead_letter_count, 0);
	ck_assert_str_eq(batch_of("order", "LAMP", 1), "batch");
	ck_assert_int_eq(database_allocated(world->database, "batch"), 1);
	ck_assert_str_eq(published(), "line_allocated order LAMP 1 batch 1\n");
}

START_TEST(a_replay_that_is_handled_deletes_its_dead_letter)
{
	ck_assert_int_eq(world->database->dead_letters[0].key, 1);
	replay(1);
	world_run(world);

	ck_assert_int_eq(outcome, OUTCOME_HANDLED);
	expect_one_effect();
}
END_TEST

START_TEST(a_dead_letter_that_was_replayed_meanwhile_is_skipped)
{
	replay(1);
	world_run(world);
	change_quantity("batch", 0); /* else a second allocation would be a duplicate anyway */
	world_run(world);
	change_quantity("batch", 10);
	world_run(world);

	replay(1);
	world_run(world);

	ck_assert_int_eq(answers, 2);
	ck_assert_int_eq(outcome, OUTCOME_SKIPPED);
	ck_assert_int_eq(database_allocated(world->database, "batch"), 0);
}
END_TEST

START_TEST(a_replay_of_an_earlier_attempt_is_skipped)
{
	replay(7);
	world_run(world);

	ck_assert_int_eq(outcome, OUTCOME_SKIPPED);
	ck_assert_uint_eq(world->database->dead_letter_count, 1);
	ck_assert_int_eq(world->database->dead_letters[0].attempts, 1);
	ck_assert_int_eq(database_allocated(world->database, "batch"), 0);
}
END_TEST

static const enum store_injection losses[] = {INJECT_CONFLICT, INJECT_LOST_BEFORE, INJECT_LOST_AFTER};

START_TEST(a_replay_has_one_effect_even_if_its_flush_fails_or_its_answer_is_lost)
{
	memory_store_fail_next(world->lanes[0], CALL_FLUSH, losses[_i]);
	replay(1);
	world_advance_ms(world, 60000);

	ck_assert_int_eq(answers, 1);
	expect_one_effect();
}
END_TEST

START_TEST(two_replays_in_one_unit_have_one_effect)
{
	replay(1);
	replay(1);
	world_run(world);

	ck_assert_int_eq(answers, 2);
	expect_one_effect();
}
END_TEST

SUITE("replay", set_up, tear_down_world)
{
	tcase_add_test(tests, a_replay_that_is_handled_deletes_its_dead_letter);
	tcase_add_test(tests, a_dead_letter_that_was_replayed_meanwhile_is_skipped);
	tcase_add_test(tests, a_replay_of_an_earlier_attempt_is_skipped);
	tcase_add_loop_test(tests, a_replay_has_one_effect_even_if_its_flush_fails_or_its_answer_is_lost, 0,
			    COUNT(losses));
	tcase_add_test(tests, two_replays_in_one_unit_have_one_effect);
}
