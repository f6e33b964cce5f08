/* The events that a command raised, for a caller who wants them in the answer. */
#include "bus/messages/raised_events.h"
#include "support/rival.h"
#include "support/suites.h"

#include <stdio.h>
#include <string.h>

/* The answer to one command, with the first few of its events: "line_allocated order 1 ". */
struct answer {
	int answers;
	enum outcome outcome;
	bool has_events; /* they were wanted */
	size_t count;
	int64_t first_version;
	bool has_more;
	char text[512];
};

static void on_answered(void *context, const struct delivery *delivery)
{
	struct answer *answer = context;
	const struct raised_events *raised = delivery->raised;
	struct envelope envelope;
	const char *error;
	size_t used = 0;

	answer->answers++;
	answer->outcome = delivery->outcome;
	answer->has_events = raised;
	if (!raised)
		return;
	answer->count = raised->count;
	answer->first_version = raised->first_version;
	answer->has_more = raised->has_more;
	for (size_t i = 0; i < raised->count && i < 5; i++) {
		const struct outgoing *event = &raised->events[i];

		ck_assert(memory_codec_read(event->type, event->payload, world->arena, &envelope, &error));
		used += (size_t)snprintf(answer->text + used, sizeof answer->text - used, "%s %s %d ",
					 message_name(event->type),
					 message_text(&envelope.message, "orderid"),
					 (int)message_number(&envelope.message, "version"));
	}
}

static struct answer *ask_of(enum message_type type, bool wants_events, const char *payload)
{
	struct answer *answer = arena_alloc(world->arena, sizeof *answer);

	engine_submit(world->engine, &(struct arrival){.transport = TRANSPORT_HTTP,
						       .origin = message_name(type),
						       .type = type,
						       .payload = {payload, strlen(payload)},
						       .payload_size = strlen(payload),
						       .wants_events = wants_events,
						       .answered = on_answered,
						       .context = answer});
	return answer;
}

static struct answer *ask(enum message_type type, const char *payload)
{
	return ask_of(type, true, payload);
}

static void expect_events(const struct answer *answer, const char *text)
{
	ck_assert_int_eq(answer->answers, 1);
	ck_assert_str_eq(outcome_name(answer->outcome), "handled");
	ck_assert(!answer->has_more);
	ck_assert_str_eq(answer->text, text);
}

START_TEST(an_answer_has_the_events_of_its_command_and_of_no_other_in_the_unit)
{
	struct answer *first, *second, *third, *fourth, *fifth;
	uint64_t units;

	create_batch("batch", "LAMP", 10);
	create_batch("other", "CHAIR", 10);
	world_settle(world);
	units = engine_stats(world->engine)->units;
	first = ask(MSG_ALLOCATE, "orderid=one\nsku=LAMP\nqty=6");
	second = ask(MSG_ALLOCATE, "orderid=two\nsku=LAMP\nqty=5");
	third = ask(MSG_ALLOCATE, "orderid=one\nsku=CHAIR\nqty=6");
	fourth = ask(MSG_CHANGE_BATCH_QUANTITY, "batchref=batch\nqty=5");
	fifth = ask(MSG_CREATE_BATCH, "batchref=late\nsku=LAMP\nqty=5");
	world_settle(world);

	ck_assert_uint_eq(engine_stats(world->engine)->units, units + 1);
	expect_events(first, "line_allocated one 1 ");
	expect_events(second, "out_of_stock two 2 ");
	expect_events(third, "line_allocated one 1 ");
	expect_events(fourth, "line_deallocated one 3 out_of_stock one 4 ");
	ck_assert_int_eq(fourth->first_version, 3);
	expect_events(fifth, "");
}
END_TEST

START_TEST(nothing_is_kept_for_a_sender_that_wants_no_events)
{
	struct answer *answer;

	create_batch("batch", "LAMP", 10);
	answer = ask_of(MSG_ALLOCATE, false, "orderid=one\nsku=LAMP\nqty=6");
	world_settle(world);

	ck_assert_int_eq(answer->answers, 1);
	ck_assert(!answer->has_events);
}
END_TEST

START_TEST(a_command_that_is_skipped_or_rejected_raised_no_events)
{
	struct answer *duplicate, *unknown;

	create_batch("batch", "LAMP", 10);
	ask(MSG_ALLOCATE, "id=x\norderid=one\nsku=LAMP\nqty=6");
	duplicate = ask(MSG_ALLOCATE, "id=x\norderid=one\nsku=LAMP\nqty=6");
	unknown = ask(MSG_ALLOCATE, "orderid=one\nsku=NONE\nqty=6");
	world_settle(world);

	ck_assert_str_eq(outcome_name(duplicate->outcome), "skipped");
	ck_assert_uint_eq(duplicate->count, 0);
	ck_assert_str_eq(outcome_name(unknown->outcome), "rejected");
	ck_assert_uint_eq(unknown->count, 0);
}
END_TEST

/* The first attempt allocates the line; the rival takes the stock before it is committed. */
START_TEST(a_unit_that_is_redone_answers_with_the_events_of_its_last_attempt)
{
	struct answer *ours, *batch;

	rival_create_batch("batch", "LAMP", 10);
	hold_lane();
	ours = ask(MSG_ALLOCATE, "orderid=ours\nsku=LAMP\nqty=6");
	batch = ask(MSG_CHANGE_BATCH_QUANTITY, "batchref=batch\nqty=9");
	world_run(world);
	step_lane(); /* the load */
	rival_allocate("theirs", "LAMP", 6);
	release_lane();
	world_settle(world);

	expect_events(ours, "out_of_stock ours 2 ");
	expect_events(batch, "");
}
END_TEST

/* The first attempt allocates the line; then its id turns out to be spent. */
START_TEST(a_duplicate_that_was_taken_for_new_answers_without_events)
{
	struct answer *ours;

	create_batch("batch", "LAMP", 10);
	world_settle(world);
	rival_allocate_with_id("order", "LAMP", 1, "x");
	ours = ask(MSG_ALLOCATE, "id=x\norderid=order\nsku=LAMP\nqty=1");
	world_settle(world);

	ck_assert_uint_ge(engine_stats(world->engine)->failed_speculations, 1);
	ck_assert_str_eq(outcome_name(ours->outcome), "skipped");
	ck_assert_uint_eq(ours->count, 0);
}
END_TEST

static enum store_injection lose_the_answer(void *context, enum store_call call)
{
	int *flushes = context;

	return call == CALL_FLUSH && !(*flushes)++ ? INJECT_LOST_AFTER : INJECT_NONE;
}

START_TEST(a_commit_whose_answer_was_lost_answers_with_its_events)
{
	struct answer *ours;
	int flushes = 0;

	create_batch("batch", "LAMP", 10);
	world_settle(world);
	memory_store_set_injector(world->lanes[0], lose_the_answer, &flushes);
	ours = ask(MSG_ALLOCATE, "orderid=order\nsku=LAMP\nqty=1");
	world_settle(world);

	ck_assert_int_ge(flushes, 1);
	expect_events(ours, "line_allocated order 1 ");
}
END_TEST

static const struct {
	int lines;
	size_t count;
	bool has_more;
} many[] = {
	{RAISED_EVENTS_MAX / 2, RAISED_EVENTS_MAX, false},
	{RAISED_EVENTS_MAX / 2 + 1, RAISED_EVENTS_MAX, true},
};

START_TEST(no_more_than_a_thousand_events_are_kept)
{
	struct answer *answer;

	create_batch("batch", "LAMP", 2000);
	allocate_many("order", "LAMP", many[_i].lines);
	world_settle(world);
	answer = ask(MSG_CHANGE_BATCH_QUANTITY, "batchref=batch\nqty=0");
	world_settle(world);

	ck_assert_uint_eq(answer->count, many[_i].count);
	ck_assert(answer->has_more == many[_i].has_more);
	ck_assert_int_eq(answer->first_version, many[_i].lines + 1);
}
END_TEST

static void set_up_small_steps(void)
{
	set_up_no_worker();
	world->config.move_max = 2;
	world_start(world);
}

START_TEST(a_shrink_that_continues_in_steps_has_more_events)
{
	struct answer *whole, *in_steps;

	create_batch("batch", "LAMP", 10);
	allocate_many("order", "LAMP", 5);
	world_settle(world);
	whole = ask(MSG_CHANGE_BATCH_QUANTITY, "batchref=batch\nqty=4");
	in_steps = ask(MSG_CHANGE_BATCH_QUANTITY, "batchref=batch\nqty=1");
	world_settle(world);

	expect_events(whole, "line_deallocated order-00004 6 out_of_stock order-00004 7 ");
	ck_assert_int_eq(in_steps->answers, 1);
	ck_assert(in_steps->has_more);
	ck_assert_str_eq(in_steps->text, "line_deallocated order-00003 8 line_deallocated order-00002 9 ");
}
END_TEST

SUITE("raised events", set_up_world, tear_down_world)
{
	tcase_add_test(tests, an_answer_has_the_events_of_its_command_and_of_no_other_in_the_unit);
	tcase_add_test(tests, nothing_is_kept_for_a_sender_that_wants_no_events);
	tcase_add_test(tests, a_command_that_is_skipped_or_rejected_raised_no_events);
	tcase_add_test(tests, a_unit_that_is_redone_answers_with_the_events_of_its_last_attempt);
	tcase_add_test(tests, a_duplicate_that_was_taken_for_new_answers_without_events);
	tcase_add_test(tests, a_commit_whose_answer_was_lost_answers_with_its_events);
	tcase_add_loop_test(tests, no_more_than_a_thousand_events_are_kept, 0, COUNT(many));
}

SUITE("raised events", set_up_small_steps, tear_down_world)
{
	tcase_add_test(tests, a_shrink_that_continues_in_steps_has_more_events);
}
