/* The sampler: once a second, however many look; rises of counters in the last hour. */
#include "entrypoints/status/recent.h"
#include "http/http_world.h"
#include "support/suites.h"

#include "adapters/system/instants.h"

#include <string.h>

static const struct status *status(void)
{
	return sampler_status(http_world.sampler);
}

static void run_s(int seconds)
{
	simulation_advance_ms(http_world.simulation, 1000 * seconds);
}

START_TEST(a_look_asks_no_service)
{
	run_s(1);
	cable_hold(memory_views_requests(http_world.views));
	for (int i = 0; i < 1000; i++)
		status();
	simulation_advance_ms(http_world.simulation, SAMPLE_FRESH_MS);
	status();
	ck_assert_uint_eq(cable_waiting(memory_views_requests(http_world.views)), 0);
	run_s(1);
	ck_assert_uint_eq(cable_waiting(memory_views_requests(http_world.views)), 1);
	cable_open(memory_views_requests(http_world.views));
}
END_TEST

START_TEST(an_answer_that_it_is_not_ready_is_no_older_than_a_millisecond)
{
	http_world.listening = false;
	run_s(1);
	ck_assert_int_eq(status()->state, STATE_NOT_READY);
	http_world.listening = true;
	simulation_advance_ms(http_world.simulation, 1);
	ck_assert_int_eq(status()->state, STATE_HEALTHY);

	http_world.listening = false;
	simulation_advance_ms(http_world.simulation, SAMPLE_FRESH_MS - 1);
	ck_assert_int_eq(status()->state, STATE_HEALTHY);
	simulation_advance_ms(http_world.simulation, 1);
	ck_assert_int_eq(status()->state, STATE_NOT_READY);
}
END_TEST

START_TEST(the_status_counts_what_the_worker_does)
{
	run_s(2);
	http_add_batch("shelf", "lamp", 10);
	http_allocate("order", 1);
	run_s(1);

	ck_assert_str_eq(status()->name, "test:5005");
	ck_assert_int_eq(status()->state, STATE_HEALTHY);
	ck_assert_uint_eq(status()->doing.messages, 2);
	ck_assert_int_gt(status()->doing.last_commit_us, 0);
	ck_assert_int_eq(status()->dead_letters.kept, 0);
}
END_TEST

START_TEST(the_state_says_since_when)
{
	int64_t since_us = status()->since_us;

	run_s(1);
	ck_assert_int_eq(status()->since_us, since_us);
	http_world.listening = false;
	run_s(1);
	ck_assert_int_eq(status()->state, STATE_NOT_READY);
	ck_assert_int_gt(status()->since_us, since_us);
	sampler_stop(http_world.sampler);
	ck_assert_int_eq(status()->state, STATE_STOPPING);
}
END_TEST

START_TEST(troubles_are_logged_by_the_sampler_without_a_request)
{
	http_world.listening = false;
	run_s(3);
	ck_assert_uint_eq(
		memory_logger_count(&http_world.logger, "a trouble has begun code=redis-unreachable"), 1);
	http_world.listening = true;
	run_s(3);
	ck_assert_uint_eq(memory_logger_count(&http_world.logger, "a trouble is over code=redis-unreachable"),
			  1);
}
END_TEST

START_TEST(entries_that_were_lost_are_counted_and_the_stream_is_named_that_lost_the_last)
{
	const struct trouble *trouble = &status()->troubles.by_code[TROUBLE_STREAM_LOST];

	run_s(2);
	http_world.lost[1] = 2;
	run_s(2);
	ck_assert_ptr_nonnull(strstr(trouble->text, "2 entries were trimmed or deleted in the last hour"));
	ck_assert_ptr_nonnull(strstr(trouble->text, "the last of stream batches"));
	http_world.lost[0] = 1;
	run_s(2);
	ck_assert_ptr_nonnull(strstr(trouble->text, "3 entries were"));
	ck_assert_ptr_nonnull(strstr(trouble->text, "the last of stream orders"));
}
END_TEST

#define MINUTE_US INT64_C(60000000)

static void set_clock(int64_t now_us)
{
	memory_views_set_health(http_world.views, (struct database_health){.now_us = now_us});
}

static bool has_skew(void)
{
	return status()->troubles.by_code[TROUBLE_CLOCK_SKEW].is_open;
}

START_TEST(a_clock_of_the_database_that_is_wrong_is_noted_until_it_is_right)
{
	set_clock(wall_clock_us() - MINUTE_US);
	run_s(2);
	ck_assert(has_skew());
	ck_assert_ptr_nonnull(strstr(status()->troubles.by_code[TROUBLE_CLOCK_SKEW].text, " s behind that"));
	set_clock(wall_clock_us() + MINUTE_US);
	run_s(2);
	ck_assert_ptr_nonnull(
		strstr(status()->troubles.by_code[TROUBLE_CLOCK_SKEW].text, " s ahead of that"));
	set_clock(wall_clock_us());
	run_s(2);
	ck_assert(!has_skew());
}
END_TEST

START_TEST(events_without_a_subscriber_are_a_trouble_unless_they_need_none)
{
	const struct trouble *trouble = &status()->troubles.by_code[TROUBLE_NOBODY_LISTENS];

	run_s(2);
	http_world.unheard = http_world.unheard_expected = 3;
	run_s(2);
	ck_assert(!trouble->is_open);
	ck_assert_uint_eq(status()->outputs.unheard, 3);
	http_world.unheard = 5;
	run_s(2);
	ck_assert(trouble->is_open);
	ck_assert_ptr_nonnull(strstr(trouble->text, "2 events "));
}
END_TEST

START_TEST(a_rise_is_forgotten_after_an_hour)
{
	struct recent recent = {0};
	const int64_t minute = 60000, begin = 1000 * minute;

	recent_count(&recent, 70, begin);
	ck_assert_int_eq(recent_rise(&recent, RECENT_MINUTES), 0);
	recent_count(&recent, 72, begin + minute);
	recent_count(&recent, 60, begin + 2 * minute); /* some were replayed */
	recent_count(&recent, 63, begin + 2 * minute);
	ck_assert_int_eq(recent_rise(&recent, RECENT_MINUTES), 5);
	ck_assert_int_eq(recent_rise(&recent, 1), 3);

	recent_count(&recent, 63, begin + 61 * minute);
	ck_assert_int_eq(recent_rise(&recent, RECENT_MINUTES), 3);
	recent_count(&recent, 64, begin + 500 * minute);
	ck_assert_int_eq(recent_rise(&recent, RECENT_MINUTES), 1);
}
END_TEST

SUITE("sampler", set_up_http, tear_down_http)
{
	tcase_add_test(tests, a_look_asks_no_service);
	tcase_add_test(tests, an_answer_that_it_is_not_ready_is_no_older_than_a_millisecond);
	tcase_add_test(tests, the_status_counts_what_the_worker_does);
	tcase_add_test(tests, the_state_says_since_when);
	tcase_add_test(tests, entries_that_were_lost_are_counted_and_the_stream_is_named_that_lost_the_last);
	tcase_add_test(tests, troubles_are_logged_by_the_sampler_without_a_request);
	tcase_add_test(tests, a_clock_of_the_database_that_is_wrong_is_noted_until_it_is_right);
	tcase_add_test(tests, events_without_a_subscriber_are_a_trouble_unless_they_need_none);
	tcase_add_test(tests, a_rise_is_forgotten_after_an_hour);
}
