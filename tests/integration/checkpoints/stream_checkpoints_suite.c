/*
 * The position of each stream is kept, and a stream that began again is distinguished from one that lost its
 * group.
 */
#include "integration/checkpoints/checkpoint_steps.h"

#include "support/suites.h"

#include <stdio.h>
#include <string.h>

START_TEST(a_stream_begins_with_its_first_incarnation)
{
	assert_record(open_stream("stream", id(5, 3), false), 1, id(0, 0));
}
END_TEST

START_TEST(a_stream_that_is_opened_again_has_its_marks)
{
	open_stream("stream", id(5, 3), false);
	mark("stream", 1, id(5, 2), id(5, 3));

	assert_record(open_stream("stream", id(5, 3), true), 1, id(5, 2));
}
END_TEST

START_TEST(marks_only_move_forward)
{
	static const struct stream_id marks[] = {{5, 3}, {4, 9}, {5, 10}, {5, 9}, {0, 0}};

	open_stream("stream", id(6, 0), true);
	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
		mark("stream", 1, marks[i], id(6, 0));

	assert_record(open_stream("stream", id(6, 0), true), 1, id(5, 10));
}
END_TEST

START_TEST(stream_ids_have_64_bits)
{
	struct stream_id last = {UINT64_MAX, UINT64_MAX}, before = {UINT64_MAX, UINT64_MAX - 1};

	open_stream("stream", last, true);
	mark("stream", 1, before, last);

	assert_record(open_stream("stream", last, true), 1, before);
	assert_record(open_stream("stream", before, false), 2, id(0, 0));
}
END_TEST

START_TEST(streams_with_different_names_have_different_marks)
{
	open_stream("one", id(5, 3), true);
	open_stream("other", id(5, 3), true);
	mark("one", 1, id(5, 2), id(5, 3));

	assert_record(open_stream("other", id(5, 3), true), 1, id(0, 0));
}
END_TEST

/* The source of the highest known id. */

static void open_at_5_3(void)
{
	open_stream("stream", id(5, 3), true);
}

static void mark_at_5_3(void)
{
	open_stream("stream", id(1, 0), true);
	mark("stream", 1, id(1, 0), id(5, 3));
}

static void open_again_at_5_3(void)
{
	open_stream("stream", id(1, 0), true);
	open_stream("stream", id(5, 3), true);
}

static void (*const at_5_3[])(void) = {open_at_5_3, mark_at_5_3, open_again_at_5_3};

START_TEST(a_stream_that_started_over_has_the_next_incarnation)
{
	at_5_3[_i]();
	mark("stream", 1, id(5, 2), id(5, 3));

	assert_record(open_stream("stream", id(5, 2), false), 2, id(0, 0));
	assert_record(open_stream("stream", id(5, 2), false), 2, id(0, 0)); /* the answer was lost */
	assert_record(open_stream("stream", id(0, 0), false), 3, id(0, 0));
}
END_TEST

START_TEST(a_stream_that_lost_its_group_keeps_its_incarnation)
{
	open_stream("stream", id(5, 3), true);
	mark("stream", 1, id(5, 2), id(5, 3));

	assert_record(open_stream("stream", id(5, 3), false), 1, id(5, 2));
}
END_TEST

START_TEST(an_older_copy_of_a_stream_keeps_its_incarnation)
{
	open_stream("stream", id(5, 3), true);
	mark("stream", 1, id(5, 2), id(5, 3));

	assert_record(open_stream("stream", id(4, 0), true), 1, id(5, 2));
	assert_record(open_stream("stream", id(5, 0), false), 2,
		      id(0, 0)); /* the highest id is still known */
}
END_TEST

/* ---- streams that bear marks ---- */

static struct stream_state marked_state(struct stream_id last_generated, struct stream_id delivered,
					const char *lives)
{
	struct stream_state state = {
		.last_generated = last_generated, .has_group = true, .delivered = delivered};

	snprintf(state.lives, sizeof state.lives, "%s", lives);
	return state;
}

/* Saves a stream with its mark, done up to 5-2. */
static struct stream_record open_marked(void)
{
	struct stream_record record = open_stream("stream", id(5, 3), true);
	struct stream_state state = marked_state(id(5, 3), id(5, 3), record.life);
	bool answered = false;

	record.done = id(5, 2);
	checkpoints->ops->mark_stream(checkpoints, "stream", &record, &state, on_answer, &answered);
	await(&answered);
	return record;
}

START_TEST(an_existing_group_says_how_far_a_new_stream_is_done)
{
	struct stream_state state = marked_state(id(5, 3), id(4, 1), "");

	assert_record(open_in_state("stream", &state), 1, id(4, 1));
}
END_TEST

START_TEST(a_stream_with_its_mark_is_the_same_for_any_ids)
{
	static const struct stream_id lasts[] = {{5, 3}, {1, 0}, {9, 9}, {0, 0}};
	struct stream_record record = open_marked();
	struct stream_state state = marked_state(lasts[_i], id(0, 0), record.life);

	state.has_group = _i % 2;
	record = open_in_state("stream", &state);
	assert_record(record, 1, id(5, 2));
	ck_assert(!record.began_again);
}
END_TEST

START_TEST(a_stream_without_its_mark_and_group_began_again_for_any_ids)
{
	static const struct stream_id lasts[] = {{5, 3}, {1, 0}, {9, 9}, {0, 0}};
	struct stream_record before = open_marked(), record;

	record = open_stream("stream", lasts[_i], false);
	assert_record(record, 2, id(0, 0));
	ck_assert(record.began_again);
	ck_assert_str_ne(record.life, before.life);
	record = open_stream("stream", lasts[_i], true);
	assert_record(record, 2, id(0, 0));
	ck_assert(!record.began_again);
}
END_TEST

START_TEST(a_lower_group_without_the_mark_is_that_of_another_stream)
{
	struct stream_state state = marked_state(id(9, 9), id(5, 1), "");

	open_marked();
	assert_record(open_in_state("stream", &state), 2, id(0, 0));
}
END_TEST

START_TEST(a_removed_mark_changes_nothing)
{
	struct stream_state state = marked_state(id(9, 9), id(5, 2), "");

	open_marked();
	assert_record(open_in_state("stream", &state), 1, id(5, 2));
}
END_TEST

START_TEST(a_stream_that_returns_with_its_mark_has_its_former_incarnation)
{
	struct stream_record first = open_marked(), second = open_stream("stream", id(9, 9), false);
	struct stream_state state = marked_state(id(9, 9), id(9, 9), second.life);
	bool answered = false;

	mark("stream", 2, id(9, 9), id(9, 9));
	open_in_state("stream", &state);
	checkpoints->ops->mark_stream(checkpoints, "stream", &second, &state, on_answer, &answered);
	await(&answered);
	state = marked_state(id(5, 3), id(5, 3), first.life);

	second = open_in_state("stream", &state);
	assert_record(second, 1, id(5, 3));
	ck_assert(second.began_again);
	ck_assert_str_eq(second.life, first.life);
	assert_record(open_stream("stream", id(0, 0), false), 3, id(0, 0)); /* no incarnation is used twice */
}
END_TEST

START_TEST(a_mark_of_an_earlier_incarnation_is_ignored)
{
	open_stream("stream", id(5, 3), true);
	open_stream("stream", id(0, 0), false);

	mark("stream", 1, id(5, 3), id(5, 3));

	assert_record(open_stream("stream", id(1, 0), false), 2, id(0, 0));
}
END_TEST

START_TEST(a_stream_that_was_not_opened_is_not_marked)
{
	mark("stream", 1, id(5, 3), id(5, 3));

	assert_record(open_stream("stream", id(0, 0), false), 1, id(0, 0));
}
END_TEST

/* ---- several at a time ---- */

struct turn {
	int number;
	int *answered;
	bool done;
};

static void on_turn(void *context, const struct failure *failure)
{
	struct turn *turn = context;

	ck_assert_ptr_null(failure);
	ck_assert_int_eq((*turn->answered)++, turn->number);
	turn->done = true;
}

START_TEST(calls_are_answered_in_their_order)
{
	int answered = 0;
	struct turn turns[] = {{0, &answered, false}, {1, &answered, false}, {2, &answered, false}};
	struct stream_state state = {.last_generated = {5, 3}, .has_group = true};
	struct stream_record record, marked = {.incarnation = 1, .done = {5, 2}}, again;

	checkpoints->ops->open_stream(checkpoints, "stream", &state, &record, on_turn, &turns[0]);
	checkpoints->ops->mark_stream(checkpoints, "stream", &marked, &state, on_turn, &turns[1]);
	checkpoints->ops->open_stream(checkpoints, "stream", &state, &again, on_turn, &turns[2]);
	checkpoints_under_test->run_until(checkpoints_under_test, &turns[2].done);

	ck_assert_int_eq(answered, 3);
	assert_record(record, 1, id(0, 0));
	assert_record(again, 1, id(5, 2));
}
END_TEST

START_TEST(arguments_are_copied_by_the_call)
{
	char name[] = "stream", cause[] = "cause";
	struct subscription_gap window = {1, 2, cause, false};
	struct stream_state state = {.last_generated = {5, 3}, .has_group = true};
	struct stream_record marked = {.incarnation = 1, .done = {5, 2}};
	bool answered = false, noted = false;

	open_stream("stream", id(5, 3), true);
	checkpoints->ops->mark_stream(checkpoints, name, &marked, &state, on_answer, &answered);
	checkpoints->ops->note_blindness(checkpoints, &window, 1, false, on_answer, &noted);
	memset(name, 'x', sizeof name - 1);
	memset(cause, 'x', sizeof cause - 1);
	marked.incarnation = 7;
	window = (struct subscription_gap){.cause = ""};
	checkpoints_under_test->run_until(checkpoints_under_test, &noted);

	ck_assert(answered);
	ck_assert_str_eq(windows(), "1 2 cause;");
	assert_record(open_stream("stream", id(5, 3), true), 1, id(5, 2));
}
END_TEST

SUITE("stream checkpoints", checkpoints_set_up, checkpoints_tear_down)
{
	tcase_add_test(tests, a_stream_begins_with_its_first_incarnation);
	tcase_add_test(tests, a_stream_that_is_opened_again_has_its_marks);
	tcase_add_test(tests, marks_only_move_forward);
	tcase_add_test(tests, stream_ids_have_64_bits);
	tcase_add_test(tests, streams_with_different_names_have_different_marks);
	tcase_add_loop_test(tests, a_stream_that_started_over_has_the_next_incarnation, 0,
			    (int)(sizeof at_5_3 / sizeof at_5_3[0]));
	tcase_add_test(tests, a_stream_that_lost_its_group_keeps_its_incarnation);
	tcase_add_test(tests, an_older_copy_of_a_stream_keeps_its_incarnation);
	tcase_add_test(tests, an_existing_group_says_how_far_a_new_stream_is_done);
	tcase_add_loop_test(tests, a_stream_with_its_mark_is_the_same_for_any_ids, 0, 4);
	tcase_add_loop_test(tests, a_stream_without_its_mark_and_group_began_again_for_any_ids, 0, 4);
	tcase_add_test(tests, a_lower_group_without_the_mark_is_that_of_another_stream);
	tcase_add_test(tests, a_removed_mark_changes_nothing);
	tcase_add_test(tests, a_stream_that_returns_with_its_mark_has_its_former_incarnation);
	tcase_add_test(tests, a_mark_of_an_earlier_incarnation_is_ignored);
	tcase_add_test(tests, a_stream_that_was_not_opened_is_not_marked);
	tcase_add_test(tests, calls_are_answered_in_their_order);
	tcase_add_test(tests, arguments_are_copied_by_the_call);
}
