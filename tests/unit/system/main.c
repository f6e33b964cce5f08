/* Runs every suite of the system adapter. */
#include "suites.h"

int main(void)
{
	SRunner *runner = srunner_create(clock_suite());
	int failed;

	srunner_add_suite(runner, descriptors_suite());
	srunner_add_suite(runner, log_line_suite());
	srunner_add_suite(runner, log_notifier_suite());
	srunner_add_suite(runner, logger_suite());
	srunner_add_suite(runner, random_suite());
	srunner_add_suite(runner, resolver_suite());
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
