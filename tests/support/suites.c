/* Collects the suites of a test program and runs them. */
#include "suites.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct suite *first, **end = &first;
static char folder[] = "/tmp/allocd-tests-XXXXXX";

const char *suites_folder(void)
{
	return folder;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status, (void)kind, (void)place;
	return remove(path);
}

void suite_register(struct suite *suite)
{
	*end = suite;
	end = &suite->next;
}

void suite_add_test(TCase *tests, const TTest *test, int signal, int start, int stop)
{
	const char *only = getenv("ALLOCD_ONLY_TEST");

	if (!only || strcmp(only, test->name) == 0)
		_tcase_add_test(tests, test, signal, 0, start, stop);
}

bool seeds_are_chosen(void)
{
	return getenv("ALLOCD_TEST_SEED");
}

struct seeds seeds_to_run(int start, int count)
{
	const char *chosen = getenv("ALLOCD_TEST_SEED"), *number = getenv("ALLOCD_TEST_SEEDS");

	if (chosen) {
		start = atoi(chosen);
		count = number ? atoi(number) : 1;
	}
	return (struct seeds){start, start + count};
}

static Suite *check_suite(const struct suite *suite)
{
	Suite *made = suite_create(suite->name);
	TCase *tests = tcase_create(suite->name);

	tcase_add_checked_fixture(tests, suite->set_up, suite->tear_down);
	if (suite->timeout_s)
		tcase_set_timeout(tests, suite->timeout_s);
	suite->add_tests(tests);
	suite_add_tcase(made, tests);
	return made;
}

int run_suites(void)
{
	SRunner *runner = srunner_create(NULL);
	int run, failed;

	if (!mkdtemp(folder)) {
		perror(folder);
		return EXIT_FAILURE;
	}
	signal(SIGPIPE, SIG_IGN);              /* as in the program */
	setenv("CK_DEFAULT_TIMEOUT", "60", 0); /* a test of one second may take long on a busy machine */
	for (const struct suite *suite = first; suite; suite = suite->next)
		if (!suite->only_if || suite->only_if())
			srunner_add_suite(runner, check_suite(suite));
	srunner_run_all(runner, CK_ENV);
	run = srunner_ntests_run(runner);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	if (nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0)
		perror(folder);
	if (!run)
		fprintf(stderr,
			"No test was run: is CK_RUN_SUITE the name of a suite, and ALLOCD_ONLY_TEST that of a test?\n");
	return run && !failed ? EXIT_SUCCESS : EXIT_FAILURE;
}

static bool is_registered(const char *name)
{
	const struct suite *suite = first;

	while (suite && strcmp(suite->name, name) != 0)
		suite = suite->next;
	return suite;
}

static bool is_among(const char *name, int count, char *const names[])
{
	for (int i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

bool suites_are_named(int count, char *const names[])
{
	bool same = true;

	for (int i = 0; i < count; i++)
		if (!is_registered(names[i])) {
			fprintf(stderr, "No suite is called \"%s\".\n", names[i]);
			same = false;
		}
	for (const struct suite *suite = first; suite; suite = suite->next)
		if (!is_among(suite->name, count, names)) {
			fprintf(stderr, "The suite \"%s\" is not in the build's list.\n", suite->name);
			same = false;
		}
	return same;
}
