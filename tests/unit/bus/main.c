/* Runs every suite of bus, on the in-memory adapters. */
#include "suites.h"

int main(void)
{
	SRunner *runner = srunner_create(commands_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
