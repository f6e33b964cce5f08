/* The verifier compares each event with what its message must cause. */
#include "bench_world.h"
#include "support/suites.h"

#include <string.h>

static void send_few(void)
{
	make_plan(&few);
	for (uint32_t number = 0; number < plan->count; number++)
		bench_verifier_sent(verifier, 1);
}

START_TEST(an_event_of_another_type_than_expected_is_a_fault)
{
	send_few();

	bench_verifier_received(verifier, MSG_OUT_OF_STOCK, &(struct bench_event){.number = 1, .version = 1},
				1);

	EXPECT_FAULT("message 00000001 caused out_of_stock, not line_allocated");
}
END_TEST

START_TEST(one_event_too_many_is_a_fault)
{
	send_few();

	bench_verifier_received(verifier, MSG_LINE_ALLOCATED,
				&(struct bench_event){.number = 1, .version = 1}, 1);
	bench_verifier_received(verifier, MSG_LINE_ALLOCATED,
				&(struct bench_event){.number = 1, .version = 2}, 1);

	EXPECT_FAULT("message 00000001 caused one line_allocated too many");
}
END_TEST

START_TEST(an_event_before_its_message_was_sent_is_a_fault)
{
	make_plan(&few);

	bench_verifier_received(verifier, MSG_LINE_ALLOCATED,
				&(struct bench_event){.number = 0, .version = 1}, 1);

	EXPECT_FAULT("message 00000000 caused an event before it was sent");
}
END_TEST

START_TEST(all_faults_are_counted_and_the_first_few_kept_as_text)
{
	make_plan(&few);

	for (int i = 0; i < 1000; i++)
		bench_verifier_fault(verifier, "fault %d", i);

	ck_assert_uint_eq(verifier->faults.count, 1000);
	ck_assert_str_eq(verifier->faults.texts[BENCH_FAULT_TEXTS - 1], "fault 9");
}
END_TEST

START_TEST(a_cancellation_releases_lines_of_other_skus_in_any_order)
{
	static struct bench_step steps[] = {
		{.sku = 0, .command = MSG_ALLOCATE, .events = 1},
		{.sku = 1, .command = MSG_ALLOCATE, .events = 1},
		{.sku = 0, .command = MSG_ORDER_CANCELLED, .events = 2},
	};
	struct bench_plan order = {.steps = steps, .count = COUNT(steps), .skus = 2, .with_events = 3};

	verifier = bench_verifier_new(&order);
	for (int i = 0; i < COUNT(steps); i++)
		bench_verifier_sent(verifier, 1);
	bench_verifier_received(verifier, MSG_LINE_ALLOCATED, &(struct bench_event){0, 0, 1}, 1);
	bench_verifier_received(verifier, MSG_LINE_ALLOCATED, &(struct bench_event){1, 1, 1}, 1);
	bench_verifier_received(verifier, MSG_LINE_DEALLOCATED, &(struct bench_event){2, 1, 2}, 1);
	ck_assert_uint_eq(bench_verifier_in_flight(verifier), 1);
	bench_verifier_received(verifier, MSG_LINE_DEALLOCATED, &(struct bench_event){2, 0, 2}, 1);

	ck_assert_uint_eq(bench_verifier_in_flight(verifier), 0);
	ck_assert_msg(verifier->faults.count == 0, "%s", faults());
}
END_TEST

START_TEST(an_event_of_a_sku_that_was_not_sent_is_a_fault)
{
	send_few();

	bench_verifier_received(verifier, MSG_LINE_ALLOCATED, &(struct bench_event){1, 1, 1}, 1);

	EXPECT_FAULT("message 00000001 caused an event of SKU 1, which was not sent");
}
END_TEST

SUITE("bench verifier", bench_set_up, bench_tear_down)
{
	tcase_add_test(tests, an_event_of_another_type_than_expected_is_a_fault);
	tcase_add_test(tests, one_event_too_many_is_a_fault);
	tcase_add_test(tests, an_event_before_its_message_was_sent_is_a_fault);
	tcase_add_test(tests, a_cancellation_releases_lines_of_other_skus_in_any_order);
	tcase_add_test(tests, an_event_of_a_sku_that_was_not_sent_is_a_fault);
	tcase_add_test(tests, all_faults_are_counted_and_the_first_few_kept_as_text);
}
