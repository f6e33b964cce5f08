/* Work that stands still: only for a cause that no trouble explains, and only after a minute. */
#include "entrypoints/supervision/standstill.h"
#include "support/suites.h"

static struct standstill standstill;
static struct status status;
static int64_t now_ms;

static void set_up(void)
{
	standstill = (struct standstill){0};
	status = (struct status){.state = STATE_HEALTHY};
	now_ms = 5000;
}

/* Samples once a second. */
static bool is_long_after(int64_t ms)
{
	bool is_long = false;

	for (int64_t end_ms = now_ms + ms; now_ms < end_ms;) {
		now_ms += 1000;
		is_long = standstill_is_long(&standstill, &status, now_ms);
	}
	return is_long;
}

static void open_trouble(int code)
{
	status.troubles.by_code[code].is_open = true;
}

START_TEST(messages_that_wait_while_nothing_is_committed_stand_still_after_a_minute)
{
	is_long_after(1000);
	status.doing.waiting = 3;
	ck_assert(!is_long_after(STANDSTILL_MS - 1000));
	ck_assert(is_long_after(1000));
}
END_TEST

START_TEST(events_that_wait_while_none_is_published_stand_still_after_a_minute)
{
	is_long_after(1000);
	status.outputs.unpublished = 3;
	open_trouble(TROUBLE_OUTBOX_BEHIND); /* names no cause */
	ck_assert(!is_long_after(STANDSTILL_MS - 1000));
	ck_assert(is_long_after(1000));
}
END_TEST

START_TEST(an_idle_worker_does_not_stand_still)
{
	ck_assert(!is_long_after(3 * STANDSTILL_MS));
}
END_TEST

START_TEST(a_worker_that_commits_and_publishes_does_not_stand_still)
{
	status.doing.waiting = 3;
	status.outputs.unpublished = 3;
	for (int minute = 0; minute < 3; minute++) {
		ck_assert(!is_long_after(STANDSTILL_MS - 1000));
		status.doing.units++;
		status.outputs.published++;
	}
}
END_TEST

START_TEST(commits_do_not_excuse_events_that_are_not_published)
{
	status.outputs.unpublished = 3;
	for (int second = 0; second < STANDSTILL_MS / 1000; second++) {
		status.doing.units++;
		ck_assert(!is_long_after(1000));
	}
	ck_assert(is_long_after(1000));
}
END_TEST

/* Whether this trouble explains why work stands still. */
static bool is_explanation(int code)
{
	return (trouble_kinds[code].severity == TROUBLE_STOP && code != TROUBLE_OUTBOX_BEHIND) ||
	       code == TROUBLE_SKU_PARKED;
}

/* A restart would not end an outage of a server, and would lose what waits in memory. */
START_TEST(each_trouble_that_names_a_cause_excuses_the_worker_and_no_other)
{
	status.doing.waiting = 3;
	status.outputs.unpublished = 3;
	open_trouble(_i);
	ck_assert(is_long_after(3 * STANDSTILL_MS) != is_explanation(_i));
}
END_TEST

START_TEST(the_minute_begins_when_the_trouble_is_over)
{
	status.doing.waiting = 3;
	open_trouble(TROUBLE_DATABASE_UNREACHABLE);
	is_long_after(STANDSTILL_MS);
	status.troubles.by_code[TROUBLE_DATABASE_UNREACHABLE].is_open = false;
	ck_assert(!is_long_after(STANDSTILL_MS - 1000));
	ck_assert(is_long_after(1000));
}
END_TEST

/* Such as a virtual machine that was suspended. */
START_TEST(a_process_that_was_stopped_has_a_minute_from_then_on)
{
	status.doing.waiting = 3;
	is_long_after(1000);
	now_ms += 10 * STANDSTILL_MS;
	ck_assert(!is_long_after(STANDSTILL_MS));
	ck_assert(is_long_after(1000));
}
END_TEST

SUITE("standstill", set_up, NULL)
{
	tcase_add_test(tests, messages_that_wait_while_nothing_is_committed_stand_still_after_a_minute);
	tcase_add_test(tests, events_that_wait_while_none_is_published_stand_still_after_a_minute);
	tcase_add_test(tests, an_idle_worker_does_not_stand_still);
	tcase_add_test(tests, a_worker_that_commits_and_publishes_does_not_stand_still);
	tcase_add_test(tests, commits_do_not_excuse_events_that_are_not_published);
	tcase_add_loop_test(tests, each_trouble_that_names_a_cause_excuses_the_worker_and_no_other, 0,
			    TROUBLE_CODES);
	tcase_add_test(tests, the_minute_begins_when_the_trouble_is_over);
	tcase_add_test(tests, a_process_that_was_stopped_has_a_minute_from_then_on);
}
