/* Servers that are down, unsuitable, or refuse us. */
#include "support/suites.h"
#include "world.h"

#include <string.h>
#include <time.h>

static struct work *work;

static void tear_down(void)
{
	work_free(&work);
	world_tear_down();
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void assert_refused(const char *conninfo, enum failure_kind kind, const char *words)
{
	int64_t begun = now_ms();

	world_begin_work(&work, world_make_store_on(conninfo));
	unit_of_work_want_product(&work->uow, "lamp");

	ck_assert_int_eq(work_load(work), (int)kind);
	ck_assert_int_lt(now_ms() - begun, 5000);
	/* Until the first attempt has failed, the error is only that there is no connection yet. */
	while (work_load(work) == (int)kind && strstr(work->failure, "not connected"))
		continue;
	ck_assert_msg(strstr(work->failure, words), "%s", work->failure);
	ck_assert_msg(!strstr(work->failure, "pass-word"), "%s", work->failure);
	ck_assert_msg(!strstr(world_log(), "pass-word"), "%s", world_log());
}

START_TEST(a_server_that_refuses_connections_is_waited_for)
{
	assert_refused("postgresql://user:pass-word@127.0.0.1:1/nowhere", FAILURE_RETRY, "refused");
}
END_TEST

START_TEST(an_unknown_host_is_waited_for)
{
	assert_refused("postgresql://user:pass-word@no-such-host.invalid/nowhere", FAILURE_RETRY,
		       "no-such-host");
}
END_TEST

START_TEST(a_missing_database_is_waited_for)
{
	assert_refused(database_way(database_conninfo_of("no such database", " password=pass-word")),
		       FAILURE_RETRY, "no such database");
}
END_TEST

START_TEST(a_role_that_is_not_admitted_is_waited_for)
{
	assert_refused(
		database_way(database_conninfo_of("postgres", " user=no-such-role password=pass-word")),
		FAILURE_RETRY, database_is_pooled() ? "authentication failed" : "no-such-role");
}
END_TEST

START_TEST(a_malformed_connection_string_is_not_repeated)
{
	assert_refused("postgresql://user:pass-word@[host/db", FAILURE_FATAL, "malformed");
}
END_TEST

START_TEST(a_database_that_is_not_utf8_is_refused)
{
	assert_refused(
		database_way(database_conninfo_of(database_make_another("encoding 'LATIN1' locale 'C'"), "")),
		FAILURE_FATAL, "UTF8");
}
END_TEST

START_TEST(a_database_without_our_tables_is_waited_for)
{
	assert_refused(database_way(database_conninfo_of(database_make_another(""), "")), FAILURE_RETRY,
		       "does not exist");
}
END_TEST

START_TEST(an_unreachable_database_is_logged_once_and_so_is_its_return)
{
	const char *name = database_make_another("");
	struct logger *logger = world_logger();
	char conninfo[1024], text[SCHEMA_TEXT_SIZE];
	struct url_source url;

	logger->level = LOG_INFO;
	snprintf(conninfo, sizeof conninfo, "%s", database_way(database_conninfo_of(name, "")));
	url = world_url(conninfo);
	world_begin_work(&work, world_make_store_on(conninfo));
	unit_of_work_want_product(&work->uow, "lamp");
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(work_load(work), FAILURE_RETRY);
	ck_assert_int_eq(postgres_migrate(&url, 10000, logger, text), SCHEMA_READY);

	while (work_load(work) != NO_FAILURE)
		continue;

	ck_assert_ptr_nonnull(strstr(world_log(), "database not reachable"));
	ck_assert_ptr_null(
		strstr(strstr(world_log(), "database not reachable") + 1, "database not reachable"));
	ck_assert_ptr_nonnull(strstr(world_log(), "connected to the database again"));
}
END_TEST

START_TEST(calls_that_wait_for_a_connection_fail_soon)
{
	int64_t begun;

	/* The address drops packets or refuses them at once; the answer comes in time in both cases. */
	world_begin_work(&work, world_make_store_on("host=192.0.2.1 user=user dbname=db"));
	begun = now_ms();

	work_begin_call(work);
	work->store->units->ops->probe(work->store->units, work_answered, work);

	ck_assert_int_eq(work_wait(work), FAILURE_RETRY);
	ck_assert_int_lt(now_ms() - begun, 3000);
}
END_TEST

/* ---- reads that wait ---- */

struct answers {
	size_t good, refused;
	bool all;
};

#define PINGS 1000

static void on_ping(void *context, const struct database_health *health, const struct failure *failure)
{
	struct answers *answers = context;

	ck_assert((health->now_us == NO_INSTANT) == (failure != NULL));

	if (failure)
		answers->refused++;
	else
		answers->good++;
	answers->all = answers->good + answers->refused == PINGS;
}

START_TEST(reads_that_wait_are_bounded)
{
	struct views *views = world.fixture.make_views(&world.fixture);
	struct answers answers = {0};

	for (int i = 0; i < PINGS; i++)
		views->ops->ping(views, on_ping, &answers);
	world.fixture.run_until(&world.fixture, &answers.all);

	ck_assert_uint_gt(answers.good, 0);
	ck_assert_uint_gt(answers.refused, 0);
}
END_TEST

SUITE("refusing servers", world_set_up, tear_down)
{
	tcase_add_test(tests, a_server_that_refuses_connections_is_waited_for);
	tcase_add_test(tests, an_unknown_host_is_waited_for);
	tcase_add_test(tests, a_missing_database_is_waited_for);
	tcase_add_test(tests, a_role_that_is_not_admitted_is_waited_for);
	tcase_add_test(tests, a_malformed_connection_string_is_not_repeated);
	tcase_add_test(tests, a_database_that_is_not_utf8_is_refused);
	tcase_add_test(tests, a_database_without_our_tables_is_waited_for);
	if (!database_is_pooled()) /* behind a pooler nothing is prepared that could fail */
		tcase_add_test(tests, an_unreachable_database_is_logged_once_and_so_is_its_return);
	tcase_add_test(tests, calls_that_wait_for_a_connection_fail_soon);
	tcase_add_test(tests, reads_that_wait_are_bounded);
}
