/* What a run plans to send in each scenario. */
#include "bench_world.h"
#include "core/base/must.h"
#include "support/suites.h"

#include <stdlib.h>

START_TEST(the_last_message_of_every_sku_causes_an_event)
{
	uint32_t last[32] = {0};

	make_plan(&scenarios[_i]);
	for (uint32_t number = 0; number < plan->count; number++)
		last[plan->steps[number].sku] = number;

	for (uint32_t sku = 0; sku < plan->skus; sku++)
		ck_assert(last[sku] < plan->stock || plan->steps[last[sku]].events > 0);
}
END_TEST

/* Of the messages behind the stock; as a share of 100. */
static uint32_t share(bool (*is_one)(const struct bench_step *step))
{
	uint32_t count = 0;

	for (uint32_t number = plan->stock; number < plan->count; number++)
		count += is_one(&plan->steps[number]);
	return count * 100 / (plan->count - plan->stock);
}

static bool is_moving(const struct bench_step *step)
{
	return step->events == 2;
}

static bool is_line(const struct bench_step *step)
{
	return step->command == MSG_ALLOCATE;
}

static bool is_change(const struct bench_step *step)
{
	return step->command == MSG_CHANGE_BATCH_QUANTITY;
}

static bool is_cancellation(const struct bench_step *step)
{
	return step->command == MSG_ORDER_CANCELLED;
}

START_TEST(half_of_the_changes_of_reallocate_move_a_line)
{
	make_plan(&(struct bench_options){
		.scenario = BENCH_REALLOCATE, .messages = 10000, .skus = 10, .batches = 2});

	ck_assert_uint_eq(share(is_change), 100);
	ck_assert_uint_eq(share(is_moving), 50);
}
END_TEST

START_TEST(mixed_is_mostly_lines_and_some_changes)
{
	make_plan(&(struct bench_options){
		.scenario = BENCH_MIXED, .messages = 10000, .skus = 10, .batches = 2});

	ck_assert_uint_ge(share(is_line), 78);
	ck_assert_uint_le(share(is_line), 82);
	ck_assert_uint_ge(share(is_change), 13);
	ck_assert_uint_le(share(is_change), 17);
	ck_assert_uint_ge(share(is_moving), 5);
}
END_TEST

START_TEST(each_cancellation_follows_the_lines_of_an_order_of_one_to_three_skus)
{
	uint32_t cancelled[4] = {0};
	bool *gone;

	make_plan(&(struct bench_options){
		.scenario = BENCH_MIXED, .messages = 10000, .skus = 10, .batches = 2, .cancel = 20});
	gone = must_alloc(plan->count * sizeof *gone);
	for (uint32_t number = 0; number < plan->count; number++) {
		const struct bench_step *step = &plan->steps[number];
		uint32_t lines = 0;

		if (step->command != MSG_ORDER_CANCELLED)
			continue;
		for (uint32_t line = step->order; line < number; line++)
			lines += is_line(&plan->steps[line]) && plan->steps[line].order == step->order;
		ck_assert_uint_eq(lines, step->events);
		ck_assert(!gone[step->order]);
		gone[step->order] = true;
		cancelled[step->events]++;
	}
	free(gone);

	ck_assert_uint_eq(cancelled[0], 0);
	for (int lines = 1; lines <= 3; lines++)
		ck_assert_uint_ge(cancelled[lines], 500);
	ck_assert_uint_ge(share(is_cancellation), 19);
	ck_assert_uint_le(share(is_cancellation), 21);
}
END_TEST

START_TEST(a_plan_without_cancellations_has_one_line_an_order)
{
	make_plan(&scenarios[_i]);

	for (uint32_t number = 0; number < plan->count; number++)
		ck_assert(!is_line(&plan->steps[number]) || plan->steps[number].order == number);
}
END_TEST

START_TEST(without_stock_a_plan_has_lines_alone)
{
	make_plan(&(struct bench_options){.scenario = BENCH_ALLOCATE,
					  .messages = 100,
					  .warm_up = 10,
					  .skus = 7,
					  .batches = 2,
					  .events_only = true});

	ck_assert_uint_eq(plan->stock, 0);
	ck_assert_uint_eq(plan->measured, 10);
	ck_assert_uint_eq(plan->count, 110);
	ck_assert_uint_eq(plan->with_events, 110);
	ck_assert_uint_eq(share(is_line), 100);
}
END_TEST

SUITE("bench plan", bench_set_up, bench_tear_down)
{
	tcase_add_loop_test(tests, the_last_message_of_every_sku_causes_an_event, 0, SCENARIOS);
	tcase_add_test(tests, half_of_the_changes_of_reallocate_move_a_line);
	tcase_add_test(tests, each_cancellation_follows_the_lines_of_an_order_of_one_to_three_skus);
	tcase_add_loop_test(tests, a_plan_without_cancellations_has_one_line_an_order, 0, 3);
	tcase_add_test(tests, without_stock_a_plan_has_lines_alone);
	tcase_add_test(tests, mixed_is_mostly_lines_and_some_changes);
}
