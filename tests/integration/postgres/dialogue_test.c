/* What a tool is told of statements whose answers do not come in time, or not at all. */
#include "adapters/postgres/dialogue.h"

#include "suites.h"
#include "world.h"

#include <string.h>

static struct dialogue dialogue;

static void set_up(void)
{
	struct url_source url;

	world_set_up();
	url = world_url(database_conninfo());
	ck_assert(dialogue_begin(&dialogue, &url, DIALOGUE_READS, 5000));
}

static void tear_down(void)
{
	dialogue_end(&dialogue);
	world_tear_down();
}

/* A notice makes the server send at once what it has: the results of the statements before the last one. */
#define SEND_NOW "do $$ begin raise notice 'send what there is'; end $$;"

static const char *const unfinished[] = {
	"select pg_sleep(20)",
	"select 1; " SEND_NOW " select pg_sleep(20)",
	"create temporary table t (n integer); insert into t values (1); " SEND_NOW
	" select pg_sleep(20); commit",
};

START_TEST(statements_that_are_not_done_in_time_have_failed)
{
	dialogue_be_patient(&dialogue, 300);

	ck_assert(!dialogue_run(&dialogue, unfinished[_i]));

	ck_assert_str_eq(dialogue.text, "the database did not answer in time");
	ck_assert(dialogue_trouble_passes(&dialogue));
}
END_TEST

START_TEST(statements_that_are_done_in_time_succeed)
{
	dialogue_be_patient(&dialogue, 5000);

	ck_assert(dialogue_run(&dialogue, "select 1; " SEND_NOW " select pg_sleep(0.05)"));
	ck_assert(dialogue_run(&dialogue, "select 1"));
}
END_TEST

static const char *const broken[] = {
	"select 1; select pg_terminate_backend(pg_backend_pid()); select pg_sleep(20)",
	"select 1; " SEND_NOW " select pg_terminate_backend(pg_backend_pid()); select pg_sleep(20)",
};

START_TEST(statements_whose_session_ends_have_failed)
{
	ck_assert(!dialogue_run(&dialogue, broken[_i]));

	ck_assert_ptr_nonnull(strstr(dialogue.text, "terminating connection"));
	ck_assert(dialogue_trouble_passes(&dialogue));
}
END_TEST

Suite *dialogue_suite(void)
{
	Suite *suite = suite_create("dialogue");
	TCase *tests = tcase_create("dialogue");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 30);
	tcase_add_loop_test(tests, statements_that_are_not_done_in_time_have_failed, 0,
			    sizeof unfinished / sizeof unfinished[0]);
	tcase_add_test(tests, statements_that_are_done_in_time_succeed);
	tcase_add_loop_test(tests, statements_whose_session_ends_have_failed, 0,
			    sizeof broken / sizeof broken[0]);
	suite_add_tcase(suite, tests);
	return suite;
}
