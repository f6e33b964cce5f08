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

	bench_verifier_received(verifier, MSG_OUT_OF_STOCK, 1, 1, 1);

	EXPECT_FAULT("message 00000001 caused out_of_stock, not line_allocated");
}
END_TEST

START_TEST(one_event_too_many_is_a_fault)
{
	send_few();

	bench_verifier_received(verifier, MSG_LINE_ALLOCATED, 1, 1, 1);
	bench_verifier_received(verifier, MSG_LINE_ALLOCATED, 1, 2, 1);

	EXPECT_FAULT("message 00000001 caused one line_allocated too many");
}
END_TEST

START_TEST(an_event_before_its_message_was_sent_is_a_fault)
{
	make_plan(&few);

	bench_verifier_received(verifier, MSG_LINE_ALLOCATED, 0, 1, 1);

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

SUITE("bench verifier", bench_set_up, bench_tear_down)
{
	tcase_add_test(tests, an_event_of_another_type_than_expected_is_a_fault);
	tcase_add_test(tests, one_event_too_many_is_a_fault);
	tcase_add_test(tests, an_event_before_its_message_was_sent_is_a_fault);
	tcase_add_test(tests, all_faults_are_counted_and_the_first_few_kept_as_text);
}
