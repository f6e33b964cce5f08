/* Runs every suite of the Redis adapter that needs no Redis. */
#include "suites.h"

int main(void)
{
	SRunner *runner = srunner_create(command_suite());
	int failed;

	srunner_add_suite(runner, entries_suite());
	srunner_add_suite(runner, frame_suite());
	srunner_add_suite(runner, handshake_suite());
	srunner_add_suite(runner, refusal_suite());
	srunner_add_suite(runner, requests_suite());
	srunner_add_suite(runner, server_suite());
	srunner_add_suite(runner, standing_suite());
	srunner_add_suite(runner, url_suite());
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
