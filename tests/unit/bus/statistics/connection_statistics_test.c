/* Connections are counted by their roles. */
#include "support/suites.h"

#include "bus/statistics/connection_statistics.h"

#include <string.h>

static struct connection_statistics statistics;

static void reset(void)
{
	memset(&statistics, 0, sizeof statistics);
}

START_TEST(connections_of_one_role_are_counted_together)
{
	struct connection_role *first = connection_role_join(&statistics, "lane");
	struct connection_role *second = connection_role_join(&statistics, "lane");
	struct connection_role *other = connection_role_join(&statistics, "views");

	connection_role_note(first, false, true);

	ck_assert_ptr_eq(first, second);
	ck_assert_uint_eq(statistics.role_count, 2);
	ck_assert(first->count == 2 && first->up == 1 && first->made == 1);
	ck_assert(other->count == 1 && other->up == 0 && other->made == 0);
}
END_TEST

START_TEST(a_connection_that_is_lost_and_comes_back_was_made_twice)
{
	struct connection_role *role = connection_role_join(&statistics, "lane");

	connection_role_note(role, false, true);
	connection_role_note(role, true, true);
	connection_role_note(role, true, false);
	connection_role_note(role, false, false);
	ck_assert_uint_eq(role->up, 0);
	connection_role_note(role, false, true);

	ck_assert(role->up == 1 && role->made == 2);
}
END_TEST

START_TEST(a_connection_that_is_freed_is_not_expected_to_be_up)
{
	struct connection_role *role = connection_role_join(&statistics, "lane");

	connection_role_join(&statistics, "lane");
	connection_role_note(role, false, true);
	connection_role_leave(role, true);
	connection_role_leave(role, false);

	ck_assert(role->count == 0 && role->up == 0 && role->made == 1);
}
END_TEST

START_TEST(a_connection_without_statistics_has_no_role)
{
	struct connection_role *role = connection_role_join(NULL, "lane");

	connection_role_note(role, false, true);
	connection_role_leave(role, true);

	ck_assert_ptr_null(role);
}
END_TEST

static uint64_t errors_of(const char *class)
{
	for (size_t i = 0; i < ERROR_CLASSES; i++) {
		if (!strcmp(error_class_names[i], class))
			return statistics.errors[i];
	}
	ck_abort_msg("there is no class %s", class);
}

START_TEST(errors_are_counted_by_their_class)
{
	connection_error_note(&statistics, "57014");
	connection_error_note(&statistics, "57P01");
	connection_error_note(&statistics, "08006");
	connection_error_note(&statistics, "ZR001");

	ck_assert(errors_of("57") == 2 && errors_of("08") == 1 && errors_of("ZR") == 1);
	ck_assert(errors_of("other") == 0 && errors_of("connection") == 0);
}
END_TEST

START_TEST(an_error_of_a_rare_class_or_without_any_is_another_one)
{
	connection_error_note(&statistics, "2F003");
	connection_error_note(&statistics, "");
	connection_error_note(NULL, "57014");

	ck_assert(errors_of("other") == 2);
}
END_TEST

START_TEST(a_connection_that_is_lost_is_an_error_without_a_class_of_the_database)
{
	connection_error_note(&statistics, NULL);

	ck_assert(errors_of("connection") == 1 && errors_of("other") == 0);
}
END_TEST

SUITE("connection statistics", reset, NULL)
{
	tcase_add_test(tests, connections_of_one_role_are_counted_together);
	tcase_add_test(tests, a_connection_that_is_lost_and_comes_back_was_made_twice);
	tcase_add_test(tests, a_connection_that_is_freed_is_not_expected_to_be_up);
	tcase_add_test(tests, a_connection_without_statistics_has_no_role);
	tcase_add_test(tests, errors_are_counted_by_their_class);
	tcase_add_test(tests, an_error_of_a_rare_class_or_without_any_is_another_one);
	tcase_add_test(tests, a_connection_that_is_lost_is_an_error_without_a_class_of_the_database);
}
