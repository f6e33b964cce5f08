/* Runs every suite of the codec. */
#include "suites.h"

int main(void)
{
	SRunner *runner = srunner_create(cloudevents_suite());
	int failed;

	srunner_add_suite(runner, edit_suite());
	srunner_add_suite(runner, encode_suite());
	srunner_add_suite(runner, fields_suite());
	srunner_add_suite(runner, json_members_suite());
	srunner_add_suite(runner, json_suite());
	srunner_add_suite(runner, messagepack_suite());
	srunner_add_suite(runner, operator_suite());
	srunner_add_suite(runner, traceparent_suite());
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
