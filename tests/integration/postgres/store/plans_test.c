/*
 * Plans do not depend on what the tables held when they were made, and loading does not depend on the length
 * of a history.
 */
#include "adapters/postgres/connector/session_setup.h"
#include "adapters/postgres/sql/statements.h"
#include "support/suites.h"
#include "world.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static PGconn *pg;

static void begin_session(unsigned use)
{
	PGresult *result;

	pg = PQconnectdb(database_conninfo());
	ck_assert_int_eq(PQstatus(pg), CONNECTION_OK);
	ck_assert(PQenterPipelineMode(pg));
	ck_assert(session_send_setup(pg, use));
	for (bool synced = false; !synced; PQclear(result)) {
		result = PQgetResult(pg);
		ck_assert_msg(!result || PQresultStatus(result) != PGRES_FATAL_ERROR, "%s",
			      PQerrorMessage(pg));
		synced = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
	}
	ck_assert(PQexitPipelineMode(pg));
}

/* A session like those of the stores and views. */
static void set_up(void)
{
	world_set_up();
	begin_session(FOR_STORES | FOR_VIEWS | FOR_CHECKPOINTS | FOR_LEASES | FOR_POOLS);
}

static void tear_down(void)
{
	PQfinish(pg);
	world_tear_down();
}

static PGresult *run(const char *sql)
{
	PGresult *result = PQexec(pg, sql);

	ck_assert_msg(PQresultStatus(result) == PGRES_TUPLES_OK || PQresultStatus(result) == PGRES_COMMAND_OK,
		      "%s: %s", sql, PQerrorMessage(pg));
	return result;
}

/* The plan, as text. */
static void explain(const char *options, const char *execute, char *plan, size_t size)
{
	char sql[4096];
	PGresult *result;
	size_t used = 0;

	snprintf(sql, sizeof sql, "explain (%s) %s", options, execute);
	result = run(sql);
	for (int row = 0; row < PQntuples(result) && used < size; row++)
		used += (size_t)snprintf(plan + used, size - used, "%s\n", PQgetvalue(result, row, 0));
	PQclear(result);
}

static bool has_a_plan(enum statement_name name)
{
	return name != BEGIN_SNAPSHOT && name != BEGIN_LOCKING && name != COMMIT && name != ROLLBACK;
}

static void write_execute(enum statement_name name, char *sql, size_t size)
{
	PGresult *description = PQdescribePrepared(pg, statements[name].name);
	int params = PQnparams(description);
	size_t used = (size_t)snprintf(sql, size, "execute \"%s\"", statements[name].name);

	for (int i = 0; i < params; i++)
		used += (size_t)snprintf(sql + used, size - used, "%snull", i ? ", " : " (");
	snprintf(sql + used, size - used, "%s", params ? ")" : "");
	PQclear(description);
}

/* Tables that have one row for each partition, worker or lease, or one row in all, may be read whole. */
static bool reads_a_growing_table_whole(const char *plan)
{
	static const char *const small[] = {"outbox_heads", "outbox_cursors", "dead_letter_totals", "workers",
					    "leases"};

	for (const char *at = plan; (at = strstr(at, "Seq Scan on "));) {
		bool is_small = false;

		at += strlen("Seq Scan on ");
		for (size_t i = 0; i < sizeof small / sizeof small[0]; i++)
			is_small = is_small || !strncmp(at, small[i], strlen(small[i]));
		if (!is_small)
			return true;
	}
	return false;
}

START_TEST(a_plan_made_on_empty_tables_uses_their_indexes)
{
	char sql[512], plan[16384];

	if (!has_a_plan((enum statement_name)_i))
		return;
	if (statements[_i].used_by == FOR_DRY_RUNS) {
		PQfinish(pg);
		begin_session(FOR_DRY_RUNS);
	}
	write_execute((enum statement_name)_i, sql, sizeof sql);

	explain("costs off", sql, plan, sizeof plan);

	ck_assert_msg(!reads_a_growing_table_whole(plan), "%s\n%s", statements[_i].name, plan);
	ck_assert_msg(!strstr(plan, "Hash Join") && !strstr(plan, "Merge Join"), "%s\n%s",
		      statements[_i].name, plan);
}
END_TEST

/* The number of pages that a statement touches, without those that planning it touches. */
static long pages_of(const char *execute)
{
	char plan[16384], *buffers, *end, *read;

	explain("analyze, buffers, costs off, timing off, summary off", execute, plan, sizeof plan);
	buffers = strstr(plan, "Buffers: shared ");
	if (!buffers)
		return 0;
	end = strchr(buffers, '\n');
	*end = '\0';
	read = strstr(buffers, "read=");
	return (strstr(buffers, "hit=") ? atol(strstr(buffers, "hit=") + 4) : 0) +
	       (read ? atol(read + 5) : 0);
}

/* One product with a long history: exhausted batches, and lines in the one batch that is open. */
static void make_history(int batches, int lines)
{
	char sql[2048];

	PQclear(run("delete from order_lines"));
	PQclear(run(
		"insert into products select n, case n when 1 then 'lamp' else 'other-' || n end, 1000000, 1"
		" from generate_series(1, 10000) n"));
	PQclear(run("insert into batches (id, product_id, reference, eta, original_qty, purchased, allocated)"
		    " values (1, 1, 'open', '9999-01-01', 2000000, 2000000, 1000000)"));
	snprintf(sql, sizeof sql,
		 "insert into batches (id, product_id, reference, eta, original_qty, purchased, allocated)"
		 " select 1 + n, 1, 'exhausted-' || n, '-infinity', 1, 1, 1 from generate_series(1, %d) n",
		 batches);
	PQclear(run(sql));
	snprintf(sql, sizeof sql,
		 "insert into order_lines select 1, 'order-' || n, 1, 1, n from generate_series(1, %d) n;"
		 "insert into displaced_lines select 1, 'order-' || n, 1, n from generate_series(1, %d) n;"
		 "insert into allocations_view select 'order-' || n, 'lamp', 1, 'open'"
		 " from generate_series(1, %d) n;"
		 "insert into outbox (partition, position, key, sections, frame)"
		 " select 1, n, n, array[1, n, n, n - 1, 1], 'x' from generate_series(1, %d) n;"
		 "insert into outbox_directory select 1, n, n from generate_series(32, %d, 32) n;"
		 "update products set last_row = %d where id = 1;"
		 "insert into inbox select 'allocate', '', n, 1, 'handled' from generate_series(1, %d) n",
		 lines, lines, lines, lines, lines, lines, lines);
	PQclear(run(sql));
	snprintf(
		sql, sizeof sql,
		"insert into dead_letters (outcome, reason, way, place, message, source, payload, payload_bytes)"
		" select 'failed', '', '', '', '', '', '', 0 from generate_series(1, %d) n;"
		"insert into dead_letter_history (dead_letter_id, attempt, action, who, message)"
		" select n, 2, 'replayed', '', '' from generate_series(1, %d) n;"
		"insert into discarded_letters select * from dead_letters;"
		"insert into blind_windows (since, until, cause) select now(), now(), n from generate_series(1, %d) n;"
		"insert into streams (name, highest) select n, '{0, 0}' from generate_series(1, %d) n;"
		"insert into shrinks (product_id, batch_id, target) select id, 1, 0 from products",
		lines, lines, lines, lines);
	PQclear(run(sql));
}

static const struct {
	const char *execute;
	long pages;
} costs[] = {
	{"execute \"RESOLVE_BATCHES\" ('{exhausted-5}')", 12},
	{"execute \"CHECK_REVISIONS\" ('{1}', '{1}')", 8},
	{"execute \"LOCK_PRODUCTS\" ('{lamp}', '{}')", 12},
	{"execute \"LOAD_PRODUCTS\" ('{lamp}', '{}')", 12},
	{"execute \"LOAD_PRODUCTS_OF_ONE\" ('lamp', null)", 12},
	{"execute \"LOAD_OPEN_BATCHES\" ('{lamp}', '{}', 32)", 12},
	{"execute \"LOAD_OPEN_BATCHES_OF_ONE\" ('lamp', null, 32)", 12},
	{"execute \"LOAD_BATCHES\" ('{exhausted-5}')", 12},
	{"execute \"LOAD_LINES\" ('{lamp}', '{order-5}', '{1}')", 16},
	{"execute \"LOAD_LINES_OF_ONE\" ('lamp', 'order-5', 1)", 16},
	{"execute \"LOAD_NEWEST_LINES\" ('{open}', '{999990}', 100)", 16},
	{"execute \"LOAD_OLDER_LINES\" ('{1}', '{100}', '{10}', 10)", 12},
	{"execute \"LOAD_FITTING_BATCHES\" ('{1}', '{2}', '{-infinity}', '{x}', '{32}')", 12},
	{"execute \"LOAD_DISPLACED_LINES\" ('{1}', 10)", 16},
	{"execute \"LOAD_INBOX\" ('{\"\"}', '{5}')", 12},
	{"execute \"LOAD_INBOX_OF_ONE\" ('', '5')", 12},
	{"execute \"CHECK_PRODUCTS\" ('{}', '{}', 0)", 8},
	{"execute \"UPDATE_PRODUCTS\" ('{1}', '{0}', '{2}', '{0}', 0)", 50},
	{"execute \"UPDATE_PRODUCTS_OF_ONE\" (1, 0, 2, 0, 0)", 50},
	{"execute \"UPDATE_BATCHES\" ('{1}', '{2}', '{1}', '{null}')", 50},
	{"execute \"UPDATE_BATCHES_OF_ONE\" (1, 2, 1, null)", 50},
	{"execute \"UPDATE_LINES\" ('{1}', '{order-5}', '{1}', '{1}', '{2000000}')", 50},
	{"execute \"DELETE_LINES\" ('{1}', '{order-6}', '{1}')", 16},
	{"execute \"DELETE_LINES_OF_ONE\" (1, 'order-7', 1)", 16},
	{"execute \"DELETE_DISPLACED\" ('{1}', '{order-6}', '{1}')", 16},
	{"execute \"DELETE_VIEW\" ('{order-6}', '{lamp}', '{1}')", 16},
	{"execute \"VIEW_ALLOCATIONS\" ('{order-5}')", 8},
	{"execute \"VIEW_ALLOCATIONS_OF_ONE\" ('order-5')", 8},
	{"execute \"VIEW_PRODUCT\" ('lamp', '', 11)", 30},
	{"execute \"VIEW_PRODUCT\" ('lamp', 'exhausted-5000', 11)", 30},
	{"execute \"VIEW_BATCH\" ('exhausted-5')", 12},
	{"execute \"VIEW_EVENTS\" ('lamp', 0, 10, 1)", 300},
	{"execute \"VIEW_EVENTS\" ('lamp', 10000, 10, 1)", 300},
	{"execute \"VIEW_EVENTS\" ('lamp', 19990, 10, 1)", 300},
	{"execute \"READ_OUTBOX\" (1, 15000, 10, 100000)", 16},
	{"execute \"LOAD_REPLAYS\" ('{5}', '{1}')", 8},
	{"execute \"CHECK_REPLAYS\" ('{}', '{}', 0)", 8},
	{"execute \"UPDATE_DEAD_LETTERS\" ('{0}', '{failed}', '{reason}')", 8},
	{"execute \"DELETE_DEAD_LETTERS\" ('{0}')", 8},
	{"execute \"READ_DEAD_LETTER_TOTALS\"", 8},
	{"execute \"READ_SHRINKS\" (16, 5000)", 80},
	{"execute \"DELETE_EXPIRED_HISTORY\" (1000)", 8},
	{"execute \"DELETE_EXPIRED_DISCARDED_LETTERS\" (1000)", 8},
	{"execute \"DELETE_EXPIRED_INBOX\" ('(2,0)', '(3,0)', 7)", 2},
	{"execute \"DELETE_EXPIRED_BLIND_WINDOWS\" (1000)", 8},
	{"execute \"MARK_STREAM\" ('none', 1, '1-1', '1-1', '')", 8},
};

#define COSTS ((int)(sizeof costs / sizeof costs[0]))

/* Runs in a session that waits for locks: autovacuum may hold the table, and gives way after a second. */
static void vacuum(const char *how)
{
	database_sql("vacuum %s", how);
}

/* Compares plans made while the tables were empty with plans made later. */
static void assert_costs(bool plan_anew)
{
	vacuum(""); /* removes what earlier tests left */
	for (int i = 0; i < COSTS; i++)
		pages_of(costs[i].execute);
	make_history(10000, 20000);
	if (plan_anew)
		vacuum("analyze");
	for (int i = 0; i < COSTS; i++) {
		long pages = pages_of(costs[i].execute);

		ck_assert_msg(pages <= costs[i].pages, "%s touches %ld pages", costs[i].execute, pages);
	}
}

START_TEST(a_long_history_does_not_slow_a_unit_down)
{
	assert_costs(_i);
}
END_TEST

START_TEST(many_exhausted_batches_do_not_slow_a_load_down)
{
	struct work *work;
	struct product *product;

	make_history(10000, 10);
	work = work_new(&world.fixture, world_make_store());
	unit_of_work_want_product(&work->uow, "lamp");

	ck_assert_int_eq(work_load(work), NO_FAILURE);

	product = unit_of_work_product(&work->uow, "lamp");
	ck_assert_ptr_nonnull(product_first_batch(product));
	ck_assert_ptr_null(batch_next(product_first_batch(product)));
	work_free(&work);
}
END_TEST

/* ---- the same settings, for a transaction ---- */

static const char settings_that_plans_and_locks_depend_on[] =
	"select string_agg(name || '=' || current_setting(name), ' ' order by name) from pg_settings"
	" where name ~ '^enable_' or name in ('statement_timeout', 'lock_timeout',"
	" 'idle_in_transaction_session_timeout', 'plan_cache_mode', 'jit', 'transaction_isolation')";

static void set_for_transaction(PGconn *pooled)
{
	const char *const params[] = {session_statement_timeout(FOR_STORES), session_lock_timeout(FOR_STORES),
				      NULL};
	PGresult *result;

	PQclear(PQexec(pooled, "begin"));
	result = PQexecParams(pooled, statements[SET_FOR_TRANSACTION].sql, 3, NULL, params, NULL, NULL, 0);
	ck_assert_msg(PQresultStatus(result) == PGRES_TUPLES_OK, "%s", PQerrorMessage(pooled));
	PQclear(result);
}

START_TEST(a_transaction_behind_a_pooler_has_the_settings_of_a_session)
{
	PGconn *pooled = PQconnectdb(database_conninfo());
	PGresult *ours = run(settings_that_plans_and_locks_depend_on), *theirs;

	set_for_transaction(pooled);
	theirs = PQexec(pooled, settings_that_plans_and_locks_depend_on);

	ck_assert_str_eq(PQgetvalue(theirs, 0, 0), PQgetvalue(ours, 0, 0));
	PQclear(ours);
	PQclear(theirs);
	PQfinish(pooled);
}
END_TEST

SUITE("plans", set_up, tear_down, .only_if = database_is_direct)
{
	tcase_add_loop_test(tests, a_plan_made_on_empty_tables_uses_their_indexes, 0, STATEMENTS);
	tcase_add_loop_test(tests, a_long_history_does_not_slow_a_unit_down, 0, 2);
	tcase_add_test(tests, many_exhausted_batches_do_not_slow_a_load_down);
	tcase_add_test(tests, a_transaction_behind_a_pooler_has_the_settings_of_a_session);
}
