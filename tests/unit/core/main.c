/* Runs every suite of core. */
#include "suites.h"

int main(void)
{
	SRunner *runner = srunner_create(arena_suite());
	int failed;

	srunner_add_suite(runner, calendar_suite());
	srunner_add_suite(runner, decimal_suite());
	srunner_add_suite(runner, field_suite());
	srunner_add_suite(runner, hash_suite());
	srunner_add_suite(runner, journal_suite());
	srunner_add_suite(runner, message_suite());
	srunner_add_suite(runner, partition_suite());
	srunner_add_suite(runner, product_suite());
	srunner_add_suite(runner, utf8_suite());
	srunner_add_suite(runner, verdict_suite());
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
