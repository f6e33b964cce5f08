/* Decimal text of integers, compared with printf's. */
#include "core/base/decimal.h"

#include "support/suites.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const int64_t numbers[] = {
	0,   1,     9,         10,        99,        100,           -1,        -9,
	-10, 12345, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MAX - 1, INT64_MIN, INT64_MIN + 1,
};

START_TEST(a_number_is_written_as_printf_does)
{
	char expected[DECIMAL_MAX + 1], text[DECIMAL_MAX + 1];

	snprintf(expected, sizeof expected, "%" PRId64, numbers[_i]);
	memset(text, 'x', sizeof text);

	ck_assert_uint_eq(decimal_format(numbers[_i], text), strlen(expected));
	ck_assert_mem_eq(text, expected, strlen(expected));
	ck_assert_int_eq(text[strlen(expected)], 'x');
}
END_TEST

START_TEST(a_number_may_need_all_bits)
{
	char text[DECIMAL_MAX + 1] = "";

	ck_assert_uint_eq(decimal_format_unsigned(UINT64_MAX, text), DECIMAL_MAX);
	ck_assert_str_eq(text, "18446744073709551615");
}
END_TEST

START_TEST(each_number_of_digits_is_written_as_printf_does)
{
	char expected[DECIMAL_MAX + 1], text[DECIMAL_MAX + 1] = "";
	uint64_t number = 1;

	for (int digits = 1; digits <= DECIMAL_MAX; digits++, number *= 10) {
		for (uint64_t near = number - 1; near <= number + 1; near++) {
			snprintf(expected, sizeof expected, "%" PRIu64, near);
			text[decimal_format_unsigned(near, text)] = '\0';
			ck_assert_str_eq(text, expected);
		}
	}
}
END_TEST

START_TEST(as_many_digits_are_written_as_are_asked_for)
{
	char text[] = "xxxxxxxx";

	ck_assert_ptr_eq(decimal_format_fixed(text, 42, 4), text + 4);
	ck_assert_str_eq(text, "0042xxxx");
	decimal_format_fixed(text, 12345, 2);
	ck_assert_str_eq(text, "4542xxxx");
}
END_TEST

SUITE("decimal")
{
	tcase_add_loop_test(tests, a_number_is_written_as_printf_does, 0, COUNT(numbers));
	tcase_add_test(tests, a_number_may_need_all_bits);
	tcase_add_test(tests, each_number_of_digits_is_written_as_printf_does);
	tcase_add_test(tests, as_many_digits_are_written_as_are_asked_for);
}
