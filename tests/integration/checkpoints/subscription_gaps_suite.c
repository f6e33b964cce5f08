/* The times in which no command was received are kept, each once. */
#include "integration/checkpoints/checkpoint_steps.h"

#include "support/suites.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SECOND INT64_C(1000000)

static const char *written(int64_t since, int64_t until, const char *cause)
{
	static char text[256];

	snprintf(text, sizeof text, "%" PRId64 " %" PRId64 " %s;", since, until, cause);
	return text;
}

START_TEST(windows_are_written_as_they_are_reported)
{
	const struct subscription_gap told[] = {{1000001, 2000002, "the first", false},
						{3000003, 3000003, "the second", false}};

	note(told, 2, true);

	ck_assert_str_eq(windows(), "1000001 2000002 the first;3000003 3000003 the second;");
}
END_TEST

START_TEST(a_window_that_is_reported_twice_is_written_once)
{
	const struct subscription_gap told[] = {{1, 2, "one", false}, {3, 4, "other", false}};

	note(told, 1, true);
	note(told, 2, true);

	ck_assert_str_eq(windows(), "1 2 one;3 4 other;");
}
END_TEST

START_TEST(a_workers_first_window_begins_when_commands_were_last_heard)
{
	int64_t since, before = checkpoints_under_test->now(checkpoints_under_test), after;
	struct subscription_gap first = {.cause = "start", .is_first = true};

	note(NULL, 0, true);
	after = checkpoints_under_test->now(checkpoints_under_test);
	first.since = after + SECOND;
	first.until = after + 2 * SECOND;
	checkpoints = checkpoints_under_test->make_checkpoints(checkpoints_under_test);
	note(&first, 1, true);

	since = strtoll(windows(), NULL, 10);
	ck_assert_msg(before <= since && since <= after, "%" PRId64 " to %" PRId64 ": %s", before, after,
		      windows());
	note(&first, 1, true); /* the answer was lost; by now commands are received again */
	ck_assert_str_eq(windows(), written(since, first.until, "start"));
}
END_TEST

START_TEST(a_later_window_begins_as_reported)
{
	int64_t now = checkpoints_under_test->now(checkpoints_under_test);
	struct subscription_gap later = {now + 10 * SECOND, now + 11 * SECOND, "later", false};

	note(NULL, 0, true);
	note(&later, 1, true);

	ck_assert_str_eq(windows(), written(later.since, later.until, "later"));
}
END_TEST

START_TEST(a_first_window_that_began_before_is_not_made_shorter)
{
	int64_t now = checkpoints_under_test->now(checkpoints_under_test);
	struct subscription_gap first = {now - 10 * SECOND, now + SECOND, "start", true};

	note(NULL, 0, true);
	note(&first, 1, true);

	ck_assert_str_eq(windows(), written(first.since, first.until, "start"));
}
END_TEST

START_TEST(a_first_window_begins_as_reported_before_commands_were_ever_heard)
{
	int64_t now = checkpoints_under_test->now(checkpoints_under_test);
	struct subscription_gap first = {now + SECOND, now + 2 * SECOND, "start", true};

	note(NULL, 0, false); /* this worker receives no commands either */
	note(&first, 1, true);

	ck_assert_str_eq(windows(), written(first.since, first.until, "start"));
}
END_TEST

SUITE("subscription gaps", checkpoints_set_up, checkpoints_tear_down)
{
	tcase_add_test(tests, windows_are_written_as_they_are_reported);
	tcase_add_test(tests, a_window_that_is_reported_twice_is_written_once);
	tcase_add_test(tests, a_workers_first_window_begins_when_commands_were_last_heard);
	tcase_add_test(tests, a_later_window_begins_as_reported);
	tcase_add_test(tests, a_first_window_that_began_before_is_not_made_shorter);
	tcase_add_test(tests, a_first_window_begins_as_reported_before_commands_were_ever_heard);
}
