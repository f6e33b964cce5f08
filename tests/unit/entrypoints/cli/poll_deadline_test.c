/* Waiting, and the end of it. */
#include "entrypoints/cli/poll_deadline.h"
#include "suites.h"

START_TEST(it_ends)
{
	struct patience patience = patience_of(60);
	int pauses = 0;

	for (; patience_left_ms(&patience) > 0; pauses++)
		patience_pause(&patience);

	ck_assert_int_ge(pauses, 2); /* the second one shorter: the end is not slept past */
	ck_assert_int_eq(patience_left_ms(&patience), 0);
}
END_TEST

START_TEST(without_time_nothing_is_slept)
{
	struct patience patience = patience_of(0), other = patience_of(1000);

	for (int i = 0; i < 1000; i++)
		patience_pause(&patience);

	ck_assert_int_gt(patience_left_ms(&other), 0);
}
END_TEST

START_TEST(pauses_grow_and_stay_short)
{
	struct patience patience = patience_of(0);
	int first = patience.pause_ms, last = first;

	for (int i = 0; i < 100; i++) {
		patience_pause(&patience);
		ck_assert_int_ge(patience.pause_ms, last);
		last = patience.pause_ms;
	}

	ck_assert_int_gt(last, first);
	ck_assert_int_le(last, 250);
}
END_TEST

Suite *patience_suite(void)
{
	Suite *suite = suite_create("patience");
	TCase *tests = tcase_create("patience");

	tcase_add_test(tests, it_ends);
	tcase_add_test(tests, without_time_nothing_is_slept);
	tcase_add_test(tests, pauses_grow_and_stay_short);
	suite_add_tcase(suite, tests);
	return suite;
}
