/* Runs every suite of the Redis adapter on real servers. */
#include "suites.h"

int main(void)
{
	SRunner *runner = srunner_create(call_suite());
	int failed;

	srunner_add_suite(runner, connection_suite());
	srunner_add_suite(runner, failover_suite());
	srunner_add_suite(runner, addresses_suite());
	srunner_add_suite(runner, given_server_suite());
	srunner_add_suite(runner, heartbeat_suite());
	srunner_add_suite(runner, patience_suite());
	srunner_add_suite(runner, publisher_suite());
	srunner_add_suite(runner, stream_entries_suite());
	srunner_add_suite(runner, stream_losses_suite());
	srunner_add_suite(runner, stream_suite());
	srunner_add_suite(runner, subscriber_suite());
	srunner_add_suite(runner, tls_suite());
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
