/* Polling with growing pauses until a deadline. */
#include "entrypoints/cli/poll_deadline.h"
#include "support/suites.h"

START_TEST(a_deadline_ends_the_pauses)
{
	struct poll_deadline deadline = poll_deadline_in(400);
	int pauses = 0;

	for (; poll_deadline_left_ms(&deadline) > 0; pauses++)
		poll_deadline_pause(&deadline);

	ck_assert_int_ge(pauses, 1); /* on a busy machine one of them may last until the deadline */
	ck_assert_int_eq(poll_deadline_left_ms(&deadline), 0);
}
END_TEST

START_TEST(a_pause_at_the_deadline_does_not_sleep)
{
	struct poll_deadline deadline = poll_deadline_in(0), other = poll_deadline_in(1000);

	for (int i = 0; i < 1000; i++)
		poll_deadline_pause(&deadline);

	ck_assert_int_gt(poll_deadline_left_ms(&other), 0);
}
END_TEST

START_TEST(pauses_grow_and_stay_short)
{
	struct poll_deadline deadline = poll_deadline_in(0);
	int first = deadline.pause_ms, last = first;

	for (int i = 0; i < 100; i++) {
		poll_deadline_pause(&deadline);
		ck_assert_int_ge(deadline.pause_ms, last);
		last = deadline.pause_ms;
	}

	ck_assert_int_gt(last, first);
	ck_assert_int_le(last, 250);
}
END_TEST

SUITE("poll deadline")
{
	tcase_add_test(tests, a_deadline_ends_the_pauses);
	tcase_add_test(tests, a_pause_at_the_deadline_does_not_sleep);
	tcase_add_test(tests, pauses_grow_and_stay_short);
}
