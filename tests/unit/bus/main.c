/* Runs every suite of bus, on the in-memory adapters. */
#include "suites.h"

int main(void)
{
	SRunner *runner = srunner_create(commands_suite());
	int failed;

	srunner_add_suite(runner, conflict_suite());
	srunner_add_suite(runner, lane_suite());
	srunner_add_suite(runner, needs_suite());
	srunner_add_suite(runner, parts_suite());
	srunner_add_suite(runner, publisher_suite());
	srunner_add_suite(runner, refusal_suite());
	srunner_add_suite(runner, reminder_suite());
	srunner_add_suite(runner, shrink_suite());
	srunner_add_suite(runner, trouble_suite());
	srunner_add_suite(runner, unit_of_work_suite());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
