/* Runs every suite of the mail adapter. */
#include "suites.h"

int main(void)
{
	SRunner *runner = srunner_create(format_suite());
	int failed;

	srunner_add_suite(runner, reply_suite());
	srunner_add_suite(runner, text_suite());
	srunner_add_suite(runner, tls_suite());
	srunner_add_suite(runner, url_suite());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
