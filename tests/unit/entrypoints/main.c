/* Runs every suite of entrypoints. */
#include "suites.h"

#include <signal.h>

int main(void)
{
	SRunner *runner = srunner_create(answer_suite());
	int failed;

	signal(SIGPIPE, SIG_IGN);
	srunner_add_suite(runner, bench_suite());
	srunner_add_suite(runner, config_suite());
	srunner_add_suite(runner, consumer_suite());
	srunner_add_suite(runner, dead_letter_suite());
	srunner_add_suite(runner, http_gate_suite());
	srunner_add_suite(runner, http_listener_suite());
	srunner_add_suite(runner, http_reader_property_suite());
	srunner_add_suite(runner, http_reader_suite());
	srunner_add_suite(runner, http_strict_suite());
	srunner_add_suite(runner, http_suite());
	srunner_add_suite(runner, metrics_suite());
	srunner_add_suite(runner, options_suite());
	srunner_add_suite(runner, patience_suite());
	srunner_add_suite(runner, program_suite());
	srunner_add_suite(runner, quiet_suite());
	srunner_add_suite(runner, rehearsal_suite());
	srunner_add_suite(runner, secret_file_suite());
	srunner_add_suite(runner, secrets_suite());
	srunner_add_suite(runner, text_suite());
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
