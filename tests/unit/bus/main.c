/* Runs every suite of bus, on the in-memory adapters. */
#include "suites.h"

#include <stdlib.h>

int main(void)
{
	SRunner *runner;
	int failed;

	setenv("CK_DEFAULT_TIMEOUT", "60", 0); /* machines may be slow, and simulated time is not theirs */
	runner = srunner_create(commands_suite());
	srunner_add_suite(runner, blindness_suite());
	srunner_add_suite(runner, conflict_suite());
	srunner_add_suite(runner, ids_suite());
	srunner_add_suite(runner, lane_suite());
	srunner_add_suite(runner, log_limiter_suite());
	srunner_add_suite(runner, needs_suite());
	srunner_add_suite(runner, notifications_suite());
	srunner_add_suite(runner, parking_suite());
	srunner_add_suite(runner, parts_suite());
	srunner_add_suite(runner, postponing_suite());
	srunner_add_suite(runner, product_image_suite());
	srunner_add_suite(runner, publisher_suite());
	srunner_add_suite(runner, refusal_suite());
	srunner_add_suite(runner, remembering_suite());
	srunner_add_suite(runner, housekeeper_suite());
	srunner_add_suite(runner, replay_suite());
	srunner_add_suite(runner, shrink_suite());
	srunner_add_suite(runner, standing_suite());
	srunner_add_suite(runner, stream_chaos_suite());
	srunner_add_suite(runner, stream_lives_suite());
	srunner_add_suite(runner, stream_losses_suite());
	srunner_add_suite(runner, stream_reader_suite());
	srunner_add_suite(runner, trouble_suite());
	srunner_add_suite(runner, unit_of_work_suite());
	srunner_add_suite(runner, workers_suite());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
