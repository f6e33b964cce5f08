/*
 * Behind a pooler that lends each session for one transaction, nothing of ours is left in the sessions;
 * without ALLOCD_POOLED such a pooler is detected.
 */
#include "adapters/postgres/tools/blocking_client.h"
#include "support/suites.h"
#include "world.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

/* More than the pool has sessions. */
#define CLIENTS 8

static struct work *work;

static void set_up(void)
{
	world_set_up();
	work = work_new(&world.fixture, world_make_store());
	work_create_batch(work, "batch", "lamp", 1000, IN_WAREHOUSE);
	ck_assert_msg(work_do(work) == NO_FAILURE, "%s", work->failure);
}

static void tear_down(void)
{
	work_free(&work);
	world_tear_down();
}

static const char *value_of(PGconn *pg, const char *sql)
{
	static char value[256];
	PGresult *result = PQexec(pg, sql);

	ck_assert_msg(PQresultStatus(result) == PGRES_TUPLES_OK, "%s: %s", sql, PQerrorMessage(pg));
	snprintf(value, sizeof value, "%s", PQntuples(result) ? PQgetvalue(result, 0, 0) : "");
	PQclear(result);
	return value;
}

/* ---- what is left in sessions ---- */

/* Everything that a session can keep: settings, statements, locks, tables, cursors, channels. */
static const char left_behind[] =
	"select string_agg(what, ', ') from ("
	" select name || '=' || setting as what from pg_settings where source = 'session'"
	" and name not in ('application_name', 'client_encoding', 'DateStyle', 'TimeZone',"
	" 'standard_conforming_strings')"
	" union all select 'statement ' || name from pg_prepared_statements"
	" union all select 'cursor ' || name from pg_cursors where name <> ''"
	" union all select 'channel ' || c from pg_listening_channels() c"
	" union all select 'table ' || relname from pg_class where relpersistence = 't'"
	" union all select 'lock' from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as all_of_it";

/* Clients that each hold a transaction see all sessions of the pool. */
static void assert_nothing_is_left(void)
{
	PGconn *clients[CLIENTS / 2];

	for (int i = 0; i < CLIENTS / 2; i++) {
		clients[i] = PQconnectdb(database_way(database_conninfo()));
		ck_assert_msg(PQstatus(clients[i]) == CONNECTION_OK, "%s", PQerrorMessage(clients[i]));
		PQclear(PQexec(clients[i], "begin"));
		ck_assert_str_eq(value_of(clients[i], left_behind), "");
	}
	for (int i = 0; i < CLIENTS / 2; i++)
		PQfinish(clients[i]);
}

START_TEST(nothing_of_a_unit_is_left_in_the_sessions)
{
	for (int i = 0; i < 8; i++) {
		work_restart(work);
		work->uow.locking = i % 2;
		work->uow.statement_ms = i % 3 ? 2000 : 0;
		work_allocate(work, arena_printf(work->uow.arena, "order-%d", i), "lamp", 1);
		ck_assert_msg(work_do(work) == NO_FAILURE, "%s", work->failure);
	}

	assert_nothing_is_left();
}
END_TEST

START_TEST(nothing_of_the_tools_is_left_in_the_sessions)
{
	struct url_source url = world_url(database_way(database_conninfo()));
	struct blocking_client client;

	ck_assert(blocking_client_connect(&client, &url, CLIENT_WRITES, 5000));
	for (int i = 0; i < 4; i++) {
		PGresult *row = blocking_client_query(&client, "select current_setting('statement_timeout')",
						      0, NULL);

		ck_assert_ptr_nonnull(row);
		ck_assert_str_eq(PQgetvalue(row, 0, 0), "0");
		PQclear(row);
	}
	ck_assert(blocking_client_begin_transaction(&client, "begin; set local lock_timeout = '1s'"));
	ck_assert(blocking_client_execute(&client, "commit"));
	blocking_client_close(&client);

	assert_nothing_is_left();
}
END_TEST

/* ---- limits of the role ---- */

#define END_OTHER_SESSIONS                                                                                   \
	"select pg_terminate_backend(pid, 5000) from pg_stat_activity"                                       \
	" where datname = current_database() and pid <> pg_backend_pid()"

static const char *this_database(void)
{
	static char name[128];

	snprintf(name, sizeof name, "%s", database_sql("select current_database()"));
	return name;
}

/* Sets limits for the role in this database only, so that sessions of other tests are not affected. */
static void limit(const char *name, const char *value)
{
	database_sql("alter role current_user in database \"%s\" set %s = %s; " END_OTHER_SESSIONS,
		     this_database(), name, value);
}

static void lift_limits(void)
{
	database_sql("alter role current_user in database \"%s\" reset all;"
		     " drop function if exists public.pg_postmaster_start_time(); " END_OTHER_SESSIONS,
		     this_database());
}

START_TEST(a_time_limit_of_the_role_does_not_end_a_tools_statement)
{
	struct url_source url = world_url(database_way(database_conninfo()));
	struct blocking_client client;
	PGresult *row;

	limit("statement_timeout", "'100ms'");
	ck_assert(blocking_client_connect(&client, &url, CLIENT_WRITES, 5000));

	row = blocking_client_query(&client, "select pg_sleep(0.3)", 0, NULL);

	ck_assert_msg(row, "%s", client.text);
	PQclear(row);
	blocking_client_close(&client);
}
END_TEST

static const struct {
	const char *sql, *words;
} unanswered[] = {
	{"select pg_sleep(20)", "did not answer in time"},
	{"select pg_terminate_backend(pg_backend_pid()), pg_sleep(20)", "terminating connection"},
	{"select 1 / 0", "division by zero"},
};

START_TEST(a_tools_statement_that_gets_no_answer_fails)
{
	struct url_source url = world_url(database_way(database_conninfo()));
	struct blocking_client client;

	ck_assert(blocking_client_connect(&client, &url, CLIENT_WRITES, 5000));
	blocking_client_set_deadline(&client, 1000);

	ck_assert_ptr_null(blocking_client_query(&client, unanswered[_i].sql, 0, NULL));

	ck_assert_msg(strstr(client.text, unanswered[_i].words), "%s", client.text);
	blocking_client_close(&client);
}
END_TEST

START_TEST(another_default_isolation_level_is_refused)
{
	struct url_source url = world_url(database_way(database_conninfo()));
	struct blocking_client client;

	limit("default_transaction_isolation", "'serializable'");

	ck_assert(!blocking_client_connect(&client, &url, CLIENT_WRITES, 5000));

	ck_assert_ptr_nonnull(client.defect);
	ck_assert_ptr_nonnull(strstr(client.text, "default_transaction_isolation"));
	blocking_client_close(&client);
}
END_TEST

/* ---- many clients, few sessions ---- */

struct answers {
	size_t good, failed;
	bool all;
};

#define READS 200

static void on_allocations(void *context, const struct allocation_row *rows, size_t count,
			   const struct failure *failure)
{
	struct answers *answers = context;

	if (!failure && count == 1 && !strcmp(rows[0].batchref, "batch"))
		answers->good++;
	else
		answers->failed++;
	answers->all = answers->good + answers->failed == READS;
}

START_TEST(reads_at_the_same_time_each_get_their_answer)
{
	struct views *views = world.fixture.make_views(&world.fixture);
	struct answers answers = {0};

	work_restart(work);
	work_allocate(work, "order", "lamp", 1);
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	for (int i = 0; i < READS; i++)
		views->ops->allocations(views, "order", on_allocations, &answers);
	world.fixture.run_until(&world.fixture, &answers.all);

	ck_assert_uint_eq(answers.failed, 0);
}
END_TEST

#define CALLS   24
#define WINDOWS 600

struct writes {
	size_t good;
	size_t failed;
	bool all;
};

static void on_noted(void *context, const struct failure *failure)
{
	struct writes *writes = context;

	if (failure)
		writes->failed++;
	else
		writes->good++;
	writes->all = writes->good + writes->failed == CALLS;
}

static struct subscription_gap *many_windows(int call)
{
	struct subscription_gap *windows = arena_alloc(world.texts, WINDOWS * sizeof *windows);

	for (int i = 0; i < WINDOWS; i++)
		windows[i] = (struct subscription_gap){
			.since = (INT64_C(1) + call * WINDOWS + i) * 1000000,
			.until = (INT64_C(2) + call * WINDOWS + i) * 1000000,
			.cause = arena_printf(world.texts, "%d %0300d", call, i),
			.is_first = true,
		};
	return windows;
}

/*
 * PgBouncer treats an answered sync as the end of a transaction, although more of the pipeline is arriving.
 */
START_TEST(large_calls_at_the_same_time_are_not_split_between_sessions)
{
	struct postgres_config config = world_config();
	struct checkpoints *checkpoints[2] = {postgres_checkpoints_new(&config),
					      postgres_checkpoints_new(&config)};
	struct writes writes = {0};

	for (int call = 0; call < CALLS; call++)
		checkpoints[call % 2]->ops->note_blindness(checkpoints[call % 2], many_windows(call), WINDOWS,
							   false, on_noted, &writes);
	world.fixture.run_until(&world.fixture, &writes.all);

	ck_assert_msg(!writes.failed, "%zu failed: %s", writes.failed, world_log());
	ck_assert_int_eq(database_number("select count(*) from blind_windows"), CALLS * WINDOWS);
	postgres_checkpoints_free(&checkpoints[0]);
	postgres_checkpoints_free(&checkpoints[1]);
}
END_TEST

/* Otherwise the store would keep the session from other clients until its next call. */
START_TEST(a_failed_transaction_returns_its_session_at_once)
{
	void *holder = database_hold(database_conninfo(), "lock table order_lines");

	work_restart(work);
	work->uow.locking = true;
	work_allocate(work, "order", "lamp", 1);
	ck_assert_int_eq(work_load(work), FAILURE_BUSY);
	database_let_go(holder);

	for (long open = 1; open;) {
		event_base_loop(world.base, EVLOOP_NONBLOCK);
		open = database_number(
			"select count(*) from pg_stat_activity where datname = current_database()"
			" and state like 'idle in transaction%%'");
	}
}
END_TEST

/* ---- the server behind it changes ---- */

/*
 * Simulates a pooler that leads to another server by hiding the function that returns the server's start
 * time.
 */
static void move_server(void)
{
	database_sql("create function public.pg_postmaster_start_time() returns timestamptz language sql"
		     " as $$ select timestamptz '2001-01-01' $$");
	limit("search_path", "public, pg_catalog");
}

START_TEST(a_unit_is_not_flushed_to_another_server_than_it_was_loaded_from)
{
	uint64_t lost = work->store->units->sessions_lost;

	work_restart(work);
	work_allocate(work, "order", "lamp", 1);
	ck_assert_int_eq(work_load(work), NO_FAILURE);
	work_handle(work);
	move_server();

	ck_assert_int_eq(work_flush(work), FAILURE_RETRY);

	ck_assert_ptr_nonnull(strstr(work->failure, "another server"));
	ck_assert_int_eq(database_number("select count(*) from order_lines"), 0);
	ck_assert_uint_eq(work->store->units->sessions_lost, lost + 1);
	work_restart(work);
	work_allocate(work, "order", "lamp", 1);
	ck_assert_msg(work_do(work) == NO_FAILURE, "%s", work->failure);
}
END_TEST

/* ---- detection ---- */

/* Meanwhile another client begins and ends transactions. */
START_TEST(a_pool_of_transactions_is_refused_without_the_setting)
{
	struct url_source url = world_url(database_way(database_conninfo()));
	struct blocking_client client;
	PGconn *others[3];

	url.pooled = false;
	for (int i = 0; i < _i; i++) {
		others[i] = PQconnectdb(database_way(database_conninfo()));
		PQclear(PQexec(others[i], "begin; select 1"));
	}

	ck_assert(!blocking_client_connect(&client, &url, CLIENT_WRITES, 5000));

	ck_assert_ptr_nonnull(client.defect);
	ck_assert_msg(strstr(client.text, "ALLOCD_POOLED"), "%s", client.text);
	blocking_client_close(&client);
	for (int i = 0; i < _i; i++)
		PQfinish(others[i]);
	assert_nothing_is_left();
}
END_TEST

START_TEST(a_dry_run_in_a_pool_of_transactions_is_refused_because_it_needs_a_session)
{
	struct postgres_config config = world_config();
	struct work *dry_run;

	config.is_dry_run = true;
	dry_run = work_new(&world.fixture, world_add_store(postgres_store_new(&config, "dry_run")));
	unit_of_work_want_product(&dry_run->uow, "lamp");
	while (work_load(dry_run) != FAILURE_FATAL)
		ck_assert_ptr_nonnull(strstr(dry_run->failure, "not connected"));

	ck_assert_ptr_nonnull(strstr(dry_run->failure, "dry run"));
	work_free(&dry_run);
}
END_TEST

SUITE("pooler", set_up, tear_down, .only_if = database_is_pooled)
{
	tcase_add_test(tests, nothing_of_a_unit_is_left_in_the_sessions);
	tcase_add_test(tests, nothing_of_the_tools_is_left_in_the_sessions);
	tcase_add_loop_test(tests, a_tools_statement_that_gets_no_answer_fails, 0,
			    (int)(sizeof unanswered / sizeof unanswered[0]));
	tcase_add_test(tests, reads_at_the_same_time_each_get_their_answer);
	tcase_add_test(tests, large_calls_at_the_same_time_are_not_split_between_sessions);
	tcase_add_test(tests, a_failed_transaction_returns_its_session_at_once);
	tcase_add_loop_test(tests, a_pool_of_transactions_is_refused_without_the_setting, 0, 4);
	tcase_add_test(tests, a_dry_run_in_a_pool_of_transactions_is_refused_because_it_needs_a_session);
}

SUITE("pooler", .only_if = database_is_pooled)
{
	tcase_add_unchecked_fixture(tests, NULL, lift_limits); /* also after a failed test */
	tcase_add_checked_fixture(tests, NULL, lift_limits);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_time_limit_of_the_role_does_not_end_a_tools_statement);
	tcase_add_test(tests, another_default_isolation_level_is_refused);
	tcase_add_test(tests, a_unit_is_not_flushed_to_another_server_than_it_was_loaded_from);
}
