/* The figures that a run reads about the worker and about processes. */
#include "bench_world.h"
#include "entrypoints/bench_report/figures.h"
#include "support/suites.h"

#include <math.h>

START_TEST(the_workers_figures_are_found_by_their_metric_names)
{
	struct bench_gauges gauges = bench_gauges_unknown;

	bench_read_metrics(
		&gauges,
		"# HELP allocd_unit_size_messages Units.\n# TYPE allocd_unit_size_messages histogram\n"
		"allocd_unit_size_messages_sum 130\nallocd_unit_size_messages_count 12\n"
		"process_resident_memory_bytes 2e6\n"
		"allocd_resident_memory_peak_bytes 3000000\n"
		"process_cpu_seconds_total_more 1\nprocess_cpu_seconds_total 1.25\n");

	ck_assert(gauges.units == 12 && gauges.unit_messages == 130 && gauges.worker_cpu_s == 1.25);
	ck_assert(gauges.memory_now == 2e6 && gauges.memory_peak == 3e6);
	ck_assert(isnan(gauges.redis_cpu_s));
}
END_TEST

START_TEST(a_figure_without_a_metric_is_unknown)
{
	struct bench_gauges gauges;

	bench_read_metrics(&gauges, "");

	ck_assert(isnan(gauges.units) && isnan(gauges.worker_cpu_s) && isnan(gauges.memory_peak));
}
END_TEST

START_TEST(a_process_whose_name_contains_brackets_is_read)
{
	struct bench_process process;

	ck_assert(bench_read_process(&process, "12 (a) b (c) S 34 5 6 7 8 9 10 11 12 13 100 20 3000 400 0"));

	ck_assert_str_eq(process.name, "a) b (c");
	ck_assert_int_eq(process.parent, 34);
	ck_assert_uint_eq(process.own_ticks, 120);
	ck_assert_uint_eq(process.ended_ticks, 3400);
	ck_assert(!bench_read_process(&process, ""));
	ck_assert(!bench_read_process(&process, "12 (a) S 34"));
	ck_assert(!bench_read_process(&process, "12 )a( S 34 5 6 7 8 9 10 11 12 13 100 20 3000 400 0"));
}
END_TEST

SUITE("bench figures", bench_set_up, bench_tear_down)
{
	tcase_add_test(tests, the_workers_figures_are_found_by_their_metric_names);
	tcase_add_test(tests, a_figure_without_a_metric_is_unknown);
	tcase_add_test(tests, a_process_whose_name_contains_brackets_is_read);
}
