/* Random bytes, and that all of them are filled. */
#include "adapters/system/random.h"

#include "support/suites.h"

#include <stdbool.h>
#include <string.h>

/* A byte is zero in all of 64 tries with a probability of 2^-512. */
START_TEST(every_byte_is_filled_and_no_byte_beyond)
{
	bool changed[300] = {false};
	unsigned char bytes[301];

	for (int i = 0; i < 64; i++) {
		memset(bytes, 0, sizeof bytes);
		system_random()->fill(system_random(), bytes, 300);
		for (size_t at = 0; at < 300; at++)
			changed[at] |= bytes[at] != 0;
		ck_assert_uint_eq(bytes[300], 0);
	}

	for (size_t at = 0; at < 300; at++)
		ck_assert(changed[at]);
}
END_TEST

START_TEST(two_draws_of_random_bytes_differ)
{
	unsigned char first[16], second[16];

	system_random()->fill(system_random(), first, sizeof first);
	system_random()->fill(system_random(), second, sizeof second);

	ck_assert_mem_ne(first, second, sizeof first);
}
END_TEST

SUITE("system random")
{
	tcase_add_test(tests, every_byte_is_filled_and_no_byte_beyond);
	tcase_add_test(tests, two_draws_of_random_bytes_differ);
}
