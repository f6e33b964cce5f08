/* A histogram counts each value once, in the bucket whose bound is the first that is not below it. */
#include "support/suites.h"

#include "bus/statistics/histogram.h"

static const struct histogram_scale scale = {3, {10, 20, 50}};

static const struct {
	int64_t value;
	size_t bucket;
	int64_t sum;
} values[] = {
	{0, 0, 0},   {1, 0, 1},   {10, 0, 10},
	{11, 1, 11}, {20, 1, 20}, {21, 2, 21},
	{50, 2, 50}, {51, 3, 51}, {INT64_C(1) << 40, 3, INT64_C(1) << 40},
	{-1, 0, 0}, /* as of a clock that was set back */
};

START_TEST(a_value_is_counted_in_the_first_bucket_that_reaches_it)
{
	struct histogram histogram = {0};

	histogram_add(&histogram, &scale, values[_i].value);

	for (size_t bucket = 0; bucket <= scale.count; bucket++)
		ck_assert_uint_eq(histogram.counts[bucket], bucket == values[_i].bucket);
	ck_assert_double_eq(histogram.sum, (double)values[_i].sum);
}
END_TEST

START_TEST(counts_up_to_a_bound_include_those_of_every_lower_one)
{
	struct histogram histogram = {0};

	for (int64_t value = 1; value <= 100; value++)
		histogram_add(&histogram, &scale, value);

	ck_assert_uint_eq(histogram_up_to(&histogram, 0), 10);
	ck_assert_uint_eq(histogram_up_to(&histogram, 1), 20);
	ck_assert_uint_eq(histogram_up_to(&histogram, 2), 50);
	ck_assert_uint_eq(histogram_up_to(&histogram, scale.count), 100);
	ck_assert_double_eq(histogram.sum, 5050);
}
END_TEST

static const struct {
	double share;
	uint64_t before[4], now[4];
	double value;
} quantiles[] = {
	{0.5, {5, 0, 0, 0}, {5, 0, 0, 0}, -1},
	{0.5, {5, 0, 0, 0}, {5, 10, 0, 0}, 15},
	{0.99, {5, 0, 0, 0}, {105, 0, 0, 0}, 9.9},
	{0.99, {5, 0, 0, 0}, {5, 0, 0, 3}, 50}, /* above the last bound */
	{1, {0, 0, 0, 0}, {1, 1, 1, 0}, 50},
};

START_TEST(a_quantile_lies_within_the_bucket_that_holds_it)
{
	struct histogram before = {0}, now = {0};

	for (size_t i = 0; i < 4; i++) {
		before.counts[i] = quantiles[_i].before[i];
		now.counts[i] = quantiles[_i].now[i];
	}
	ck_assert_double_eq_tol(histogram_quantile(&before, &now, &scale, quantiles[_i].share),
				quantiles[_i].value, 1e-9);
}
END_TEST

START_TEST(a_sum_of_huge_values_does_not_overflow)
{
	struct histogram histogram = {0};

	for (int i = 0; i < 200; i++)
		histogram_add(&histogram, &scale, INT64_MAX / 100);

	ck_assert_double_gt(histogram.sum, (double)INT64_MAX);
}
END_TEST

static const struct histogram_scale *const scales[] = {&histogram_durations, &histogram_unit_sizes};

START_TEST(the_bounds_of_a_scale_ascend)
{
	ck_assert_uint_le(scales[_i]->count, HISTOGRAM_BOUNDS_MAX);
	ck_assert_int_gt(scales[_i]->bounds[0], 0);
	for (size_t i = 1; i < scales[_i]->count; i++)
		ck_assert_int_gt(scales[_i]->bounds[i], scales[_i]->bounds[i - 1]);
}
END_TEST

SUITE("histogram", NULL, NULL)
{
	tcase_add_loop_test(tests, a_value_is_counted_in_the_first_bucket_that_reaches_it, 0, COUNT(values));
	tcase_add_test(tests, counts_up_to_a_bound_include_those_of_every_lower_one);
	tcase_add_loop_test(tests, a_quantile_lies_within_the_bucket_that_holds_it, 0, COUNT(quantiles));
	tcase_add_test(tests, a_sum_of_huge_values_does_not_overflow);
	tcase_add_loop_test(tests, the_bounds_of_a_scale_ascend, 0, COUNT(scales));
}
