/*
 * The main function of most test programs: it runs every suite, or those that CK_RUN_SUITE names.
 *
 * A build that runs a program once for each suite passes all their names in one further run, which fails when
 * a suite is missing from the list.
 */
#include "suites.h"

int main(int argc, char *argv[])
{
	if (argc > 1)
		return suites_are_named(argc - 1, argv + 1) ? 0 : 1;
	return run_suites();
}
