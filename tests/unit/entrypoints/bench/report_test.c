/* The result of a run, and its report as a table and as JSON. */
#include "bench_world.h"
#include "entrypoints/bench_report/report.h"
#include "support/suites.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

static struct bench_options small = {
	.scenario = BENCH_LATENCY, .messages = 200, .skus = 3, .batches = 1, .rate = 100, .window = 5};

static const struct bench_gauges before = {1, 2, 3, 4, 10, 1000, 5e6, 6e6, 1e6},
				 after = {1.002, 2.004, 3.001, 4.0005, 60, 1200, 7e6, 8e6, 1.3e6};

/* Message n of 200 takes n milliseconds; one is due every 10 milliseconds. */
static void measure(struct bench_result *result, uint32_t lost)
{
	uint32_t sku_versions[3] = {0};

	make_plan(&small);
	for (uint32_t number = 0; number < plan->count; number++)
		bench_verifier_sent(verifier, number * INT64_C(10000));
	for (uint32_t number = plan->measured; number < plan->count - lost; number++) {
		uint32_t sku = plan->steps[number].sku;

		bench_verifier_received(
			verifier, MSG_LINE_ALLOCATED, &(struct bench_event){number, sku, ++sku_versions[sku]},
			number * INT64_C(10000) + (number - plan->measured + 1) * INT64_C(1000));
	}
	bench_result_init(result, &small, verifier, &before, &after);
	result->effects = (struct bench_effects){plan->count, 0, &verifier->faults};
}

static bool is_about(double value, double expected)
{
	return fabs(value - expected) < 1e-6 * fabs(expected) + 1e-9;
}

START_TEST(figures_cover_the_measured_messages_only)
{
	struct bench_result result;

	measure(&result, 0);

	ck_assert(is_about(result.seconds, 1.99 + 0.2));
	ck_assert(is_about(result.rate, 200 / 2.19));
	ck_assert(is_about(bench_percentile(&result, 0.5), 100));
	ck_assert(is_about(bench_percentile(&result, 0.9), 180));
	ck_assert(is_about(bench_percentile(&result, 0.99), 198));
	ck_assert(is_about(bench_percentile(&result, 0.999), 200));
	ck_assert(is_about(bench_percentile(&result, 1), 200));
	ck_assert(is_about(bench_percentile(&result, 0), 1));
	ck_assert(is_about(result.worker_us, 10) && is_about(result.postgres_us, 20));
	ck_assert(is_about(result.redis_us, 5) && is_about(result.load_us, 2.5));
	ck_assert(is_about(result.units, 50) && is_about(result.unit_messages_mean, 4));
	ck_assert(is_about(result.memory_now, 7e6) && is_about(result.memory_peak, 8e6));
	ck_assert(is_about(result.wal_bytes, 1500));
	bench_result_release(&result);
}
END_TEST

static char text[16384];

static void print(void (*report)(const struct bench_result *result, FILE *out),
		  const struct bench_result *result)
{
	FILE *out = fmemopen(text, sizeof text, "w");

	report(result, out);
	fclose(out);
}

START_TEST(the_json_object_has_every_figure)
{
	struct bench_result result;
	json_t *object;
	int rate;
	double p99, worker, mean, wal;

	measure(&result, 0);
	print(bench_report_json, &result);
	object = json_loads(text, 0, NULL);

	ck_assert_int_eq(json_unpack(object, "{s:i, s:{s:F}, s:{s:F}, s:{s:F}, s:F}", "rate_wanted", &rate,
				     "latency_ms", "p99", &p99, "cpu_us_per_message", "worker", &worker,
				     "units", "messages_mean", &mean, "wal_bytes_per_message", &wal),
			 0);
	ck_assert(rate == 100 && p99 == 198 && is_about(worker, 10) && mean == 4 && wal == 1500);
	json_decref(object);
	bench_result_release(&result);
}
END_TEST

START_TEST(an_unknown_figure_is_null_in_json)
{
	struct bench_result result;
	json_t *object;

	measure(&result, 1);
	result.worker_us = result.units = NAN;
	print(bench_report_json, &result);
	object = json_loads(text, 0, NULL);

	ck_assert(json_is_null(json_object_get(object, "seconds")));
	ck_assert(json_is_null(json_object_get(object, "rate")));
	ck_assert(json_is_null(json_object_get(json_object_get(object, "cpu_us_per_message"), "worker")));
	ck_assert(json_is_null(json_object_get(json_object_get(object, "units"), "count")));
	json_decref(object);
	bench_result_release(&result);
}
END_TEST

START_TEST(without_an_event_there_is_no_latency)
{
	struct bench_result result;
	json_t *object, *p50;

	measure(&result, small.messages);
	print(bench_report_json, &result);
	object = json_loads(text, 0, NULL);
	p50 = json_object_get(json_object_get(object, "latency_ms"), "p50");
	print(bench_report_text, &result);

	ck_assert(json_is_null(p50));
	ck_assert_msg(!strstr(text, "p50"), "%s", text);
	json_decref(object);
	bench_result_release(&result);
}
END_TEST

/* Of UTF-8. */
static size_t columns_of(const char *line)
{
	size_t columns = 0;

	for (; *line && *line != '\n'; line++)
		columns += (*line & 0xc0) != 0x80;
	return columns;
}

START_TEST(the_table_fits_into_80_columns)
{
	struct bench_result result;

	measure(&result, 0);
	result.worker_us = NAN;
	print(bench_report_text, &result);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		ck_assert_msg(columns_of(line) <= 80, "%s", line);
	}
	ck_assert_msg(strstr(text, "worker     unknown"), "%s", text);
	ck_assert_msg(strstr(text, "units      50, of 4.0 messages in the mean"), "%s", text);
	ck_assert_msg(strstr(text, "p50 100.00  p90 180.00  p99 198.00"), "%s", text);
	ck_assert_msg(strstr(text, "all 203 messages had theirs"), "%s", text);
	bench_result_release(&result);
}
END_TEST

static int full_blocks(const char *line)
{
	const char *end = strchr(line, '\n');
	int count = 0;

	for (; (line = strstr(line, "\u2588")) && line < end; line++)
		count++;
	return count;
}

/* The columns are a scale of powers, so most of the latencies between 1 and 200 ms share the last columns. */
START_TEST(a_plot_is_highest_where_most_messages_are)
{
	struct bench_result result;
	const char *top, *bottom;

	measure(&result, 0);
	print(bench_report_text, &result);
	top = strstr(text, "messages by latency\n") + strlen("messages by latency\n");
	bottom = strchr(strchr(strchr(top, '\n') + 1, '\n') + 1, '\n') + 1;

	ck_assert_int_ge(full_blocks(top), 1);
	ck_assert_int_ge(full_blocks(bottom), full_blocks(top) + 10);
	ck_assert_msg(strncmp(strchr(bottom, '\n') + 1, "  1.00 ms", 9) == 0, "%s", text);
	ck_assert_msg(strstr(text, "200.00 ms\n"), "%s", text);
	bench_result_release(&result);
}
END_TEST

START_TEST(a_report_names_the_missing_effects)
{
	struct bench_result result;

	measure(&result, 1);
	bench_verifier_fault(verifier, "something is missing");
	result.effects.missing = 1;
	print(bench_report_text, &result);

	ck_assert_msg(strstr(text, "not all of which were done"), "%s", text);
	ck_assert_msg(strstr(text, "1 of 203 messages lack theirs; 1 faults\n  something is missing\n"), "%s",
		      text);
	bench_result_release(&result);
}
END_TEST

SUITE("bench report", bench_set_up, bench_tear_down)
{
	tcase_add_test(tests, figures_cover_the_measured_messages_only);
	tcase_add_test(tests, the_json_object_has_every_figure);
	tcase_add_test(tests, an_unknown_figure_is_null_in_json);
	tcase_add_test(tests, without_an_event_there_is_no_latency);
	tcase_add_test(tests, the_table_fits_into_80_columns);
	tcase_add_test(tests, a_plot_is_highest_where_most_messages_are);
	tcase_add_test(tests, a_report_names_the_missing_effects);
}
