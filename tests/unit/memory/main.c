/* Tests for what other tests stand on. */
#include "suites.h"

int main(void)
{
	SRunner *runner = srunner_create(loop_suite());
	int failed;

	srunner_add_suite(runner, broker_suite());
	srunner_add_suite(runner, codec_suite());
	srunner_add_suite(runner, database_suite());
	srunner_add_suite(runner, stream_suite());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
