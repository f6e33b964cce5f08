/*
 * A suite registers itself: every suite that is linked into a test program is run.
 *
 *	SUITE("publisher", set_up, tear_down)
 *	{
 *		tcase_add_test(tests, events_are_published_in_the_order_of_their_versions);
 *	}
 *
 * A test that no block adds fails the build, because START_TEST leaves a variable unused.  Several blocks may
 * share a name: CK_RUN_SUITE selects all of them.
 */
#ifndef ALLOCD_TESTS_SUITES_H
#define ALLOCD_TESTS_SUITES_H

#include <check.h>
#include <stdbool.h>

#define COUNT(table) ((int)(sizeof(table) / sizeof(table)[0]))

/*
 * Like ck_assert_msg(), which notes its place in a file each time it is reached; this one only if it fails,
 * so that a test may look at thousands of things.
 */
#define expect_that(condition, ...)                                                                          \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			ck_abort_msg(__VA_ARGS__);                                                           \
	} while (0)

/* How many seeds a test by chance has: a third with sanitizers, where each takes ten times as long. */
#ifdef __SANITIZE_ADDRESS__
#define SEEDED_RUNS(count) ((count) / 3)
#else
#define SEEDED_RUNS(count) (count)
#endif

/*
 * The seeds of a loop test by chance: `count` from `start` on; or ALLOCD_TEST_SEED=n alone, or, with
 * ALLOCD_TEST_SEEDS=count as well, this many from n on.
 */
struct seeds {
	int first, end;
};

struct seeds seeds_to_run(int start, int count);

/* Whether ALLOCD_TEST_SEED is set. */
bool seeds_are_chosen(void);

struct suite {
	const char *name;
	void (*set_up)(void), (*tear_down)(void); /* called before and after each test, or NULL */
	int timeout_s;                            /* of each test; 0: a minute */
	bool (*only_if)(void);                    /* false: the suite is not run; NULL: it always is */
	void (*add_tests)(TCase *tests);
	struct suite *next;
};

/* SUITE(name, set_up, tear_down, .timeout_s = …) { body }: the body adds tests to `tests`. */
#define SUITE(...)               SUITE_OF_LINE(__LINE__, __VA_ARGS__)
#define SUITE_OF_LINE(line, ...) SUITE_NUMBERED(line, __VA_ARGS__)
#define SUITE_NUMBERED(number, ...)                                                                          \
	static void add_tests_##number(TCase *tests);                                                        \
	__attribute__((constructor)) static void register_suite_##number(void)                               \
	{                                                                                                    \
		static struct suite suite = {__VA_ARGS__, .add_tests = add_tests_##number};                  \
                                                                                                             \
		suite_register(&suite);                                                                      \
	}                                                                                                    \
	static void add_tests_##number(TCase *tests)

/* ALLOCD_ONLY_TEST=name leaves out every other test. */
void suite_add_test(TCase *tests, const TTest *test, int signal, int first, int end);
#undef tcase_add_test
#undef tcase_add_loop_test
#undef tcase_add_loop_test_raise_signal
#define tcase_add_test(tests, test)                  suite_add_test(tests, test, 0, 0, 1)
#define tcase_add_loop_test(tests, test, first, end) suite_add_test(tests, test, 0, first, end)
#define tcase_add_loop_test_raise_signal(tests, test, signal, first, end)                                    \
	suite_add_test(tests, test, signal, first, end)

/* Suites are run in the order in which they are linked. */
void suite_register(struct suite *suite);

/* Runs the suites and returns main()'s status, which is a failure if CK_RUN_SUITE selects no suite. */
int run_suites(void);

/*
 * A folder for the files of tests. It is removed with all that it holds after the last test, also after tests
 * that failed or took too long, whose tear-downs are not run.
 */
const char *suites_folder(void);

/* Whether `names` are the names of all suites; prints the differences. */
bool suites_are_named(int count, char *const names[]);

#endif
