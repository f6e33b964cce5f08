/* Figures over time: what a second and a minute say, and how many are kept. */
#include "support/suites.h"

#include "entrypoints/status/series.h"

#include <stdlib.h>

static struct series *series;
static struct status status;

static void set_up(void)
{
	series = calloc(1, sizeof *series);
	status = (struct status){.dead_letters.kept = -1};
}

static void tear_down(void)
{
	free(series);
}

/* Seconds with that many messages each, which take `ms`. */
static void add(int seconds, int messages, int64_t ms)
{
	for (; seconds > 0; seconds--) {
		for (int i = 0; i < messages; i++)
			histogram_add(&status.doing.duration, &histogram_durations, 1000 * ms);
		status.at_us += 1000000;
		status.doing.messages_per_s = messages;
		series_add(series, &status);
	}
}

static double figure(const json_t *json, size_t point, size_t column)
{
	const json_t *value = json_array_get(json_array_get(json_object_get(json, "points"), point), column);

	return json_is_null(value) ? -1 : json_number_value(value);
}

static size_t points(const json_t *json)
{
	return json_array_size(json_object_get(json, "points"));
}

START_TEST(a_second_has_its_figures_and_null_for_what_is_not_known)
{
	json_t *json;

	add(1, 0, 0);
	add(1, 4, 2);
	json = series_json(series, false);
	ck_assert_uint_eq(points(json), 2);
	ck_assert_double_eq(figure(json, 1, 0), 2000);
	ck_assert_double_eq(figure(json, 1, 1), 4);
	ck_assert_double_eq(figure(json, 1, 5), -1); /* dead letters were not counted yet */
	ck_assert_double_eq(figure(json, 0, 6), -1); /* nothing was committed */
	ck_assert_double_gt(figure(json, 1, 6), 1);
	ck_assert_double_lt(figure(json, 1, 6), 2.5);
	json_decref(json);
}
END_TEST

START_TEST(quantiles_forget_what_is_older_than_their_window)
{
	add(1, 100, 2000);
	add(SERIES_WINDOW, 1, 1);
	ck_assert_double_lt(status.doing.p99_ms, 2);
	add(SERIES_WINDOW, 0, 0);
	ck_assert_double_lt(status.doing.p99_ms, 0);
}
END_TEST

START_TEST(a_minute_has_means_and_what_waited_at_most)
{
	json_t *json;

	add(30, 10, 2);
	status.doing.waiting = 7;
	add(1, 10, 2);
	status.doing.waiting = 1;
	add(29, 0, 2);
	json = series_json(series, true);
	ck_assert_uint_eq(points(json), 1);
	ck_assert_double_eq_tol(figure(json, 0, 1), 310.0 / 60, 0.1);
	ck_assert_double_eq(figure(json, 0, 3), 7);
	ck_assert_double_gt(figure(json, 0, 7), 2);
	json_decref(json);
}
END_TEST

START_TEST(ten_minutes_and_a_day_are_kept)
{
	json_t *seconds, *minutes;

	add(60 * (SERIES_MINUTES + 5), 0, 0);
	seconds = series_json(series, false);
	minutes = series_json(series, true);
	ck_assert_uint_eq(points(seconds), SERIES_SECONDS);
	ck_assert_uint_eq(points(minutes), SERIES_MINUTES);
	ck_assert_double_eq(figure(seconds, SERIES_SECONDS - 1, 0), 60000.0 * (SERIES_MINUTES + 5));
	ck_assert_double_eq(figure(minutes, 0, 0), 60000.0 * 6);
	json_decref(seconds);
	json_decref(minutes);
}
END_TEST

SUITE("series", set_up, tear_down)
{
	tcase_add_test(tests, a_second_has_its_figures_and_null_for_what_is_not_known);
	tcase_add_test(tests, quantiles_forget_what_is_older_than_their_window);
	tcase_add_test(tests, a_minute_has_means_and_what_waited_at_most);
	tcase_add_test(tests, ten_minutes_and_a_day_are_kept);
}
