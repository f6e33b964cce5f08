/* How long a retry waits. */
#include "support/suites.h"

#include "adapters/memory/simulation/random.h"
#include "bus/base/backoff.h"

static const int64_t steps_ms[] = {20, 40, 80, 160, 320, 500, 500};

START_TEST(a_backoff_doubles_up_to_its_cap_and_half_of_it_is_random)
{
	struct memory_random random;
	int64_t shortest = INT64_MAX, longest = 0;

	memory_random_init(&random, 1);
	for (int i = 0; i < 1000; i++) {
		struct backoff backoff = {.first_ms = 20, .cap_ms = 500, .failures = _i};
		int64_t delay_ms = backoff_next(&backoff, &random.random);

		shortest = delay_ms < shortest ? delay_ms : shortest;
		longest = delay_ms > longest ? delay_ms : longest;
		ck_assert_int_eq(backoff.failures, _i + 1);
	}

	ck_assert_int_ge(shortest, steps_ms[_i] / 2);
	ck_assert_int_le(shortest, steps_ms[_i] / 2 + 2);
	ck_assert_int_le(longest, steps_ms[_i]);
	ck_assert_int_ge(longest, steps_ms[_i] - 2);
}
END_TEST

SUITE("backoff", NULL, NULL)
{
	tcase_add_loop_test(tests, a_backoff_doubles_up_to_its_cap_and_half_of_it_is_random, 0,
			    COUNT(steps_ms));
}
