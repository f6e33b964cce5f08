/* The tests' own databases, used through libpq's blocking calls. */
#include "database.h"

#include <check.h>
#include <libpq-fe.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_SIZE 4096

/* The exit status by which meson recognizes a skipped test. */
#define SKIPPED 77

static char name[64];
static char another[128];
static char conninfo[TEXT_SIZE];

static const char *server_url(void)
{
	const char *url = getenv("ALLOCD_TEST_DATABASE_URL");

	if (!url || !*url) {
		fputs("ALLOCD_TEST_DATABASE_URL names no server to test on\n", stderr);
		exit(EXIT_FAILURE);
	}
	return url;
}

/* Check cannot report failures outside of a test, where these functions are used, too. */
static void require(bool truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "%s\n", what);
	exit(EXIT_FAILURE);
}

/* ---- connection strings ---- */

static size_t append_option(char *text, size_t used, const char *keyword, const char *value)
{
	used += (size_t)snprintf(text + used, TEXT_SIZE - used, "%s='", keyword);
	for (; *value && used < TEXT_SIZE - 4; value++) {
		if (*value == '\'' || *value == '\\')
			text[used++] = '\\';
		text[used++] = *value;
	}
	used += (size_t)snprintf(text + used, TEXT_SIZE - used, "' ");
	require(used < TEXT_SIZE, "the connection string is too long");
	return used;
}

static void write_conninfo(char text[TEXT_SIZE], const char *database)
{
	PQconninfoOption *options = PQconninfoParse(server_url(), NULL);
	size_t used = append_option(text, 0, "dbname", database);

	require(options, "ALLOCD_TEST_DATABASE_URL is no connection string");
	for (PQconninfoOption *option = options; option->keyword; option++) {
		if (option->val && strcmp(option->keyword, "dbname") != 0)
			used = append_option(text, used, option->keyword, option->val);
	}
	PQconninfoFree(options);
}

const char *database_conninfo_of(const char *database, const char *more)
{
	static char text[2 * TEXT_SIZE];

	write_conninfo(text, database);
	strcat(text, more);
	return text;
}

const char *database_conninfo(void)
{
	return conninfo;
}

/* ---- by way of a pooler ---- */

static const char *pooler;

void database_use_pooler(void)
{
	pooler = getenv("ALLOCD_TEST_POOLER");
	if (pooler && *pooler)
		return;
	fputs("ALLOCD_TEST_POOLER names no pooler to test with\n", stderr);
	exit(SKIPPED);
}

bool database_is_pooled(void)
{
	return pooler;
}

bool database_is_direct(void)
{
	return !pooler;
}

/* If a keyword occurs twice, libpq uses the later one. */
const char *database_way(const char *direct)
{
	static char text[3 * TEXT_SIZE];

	snprintf(text, sizeof text, "%s %s", direct, pooler ? pooler : "");
	return pooler ? text : direct;
}

/* ---- statements ---- */

static PGconn *connect_to(const char *where)
{
	PGconn *pg = PQconnectdb(where);

	require(PQstatus(pg) == CONNECTION_OK, PQerrorMessage(pg));
	/* A test may limit the time of every session of its role; sessions made here must not be affected. */
	PQclear(PQexec(pg, "set client_min_messages = warning; set statement_timeout = 0"));
	return pg;
}

static bool succeeded(const PGresult *result)
{
	return PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK;
}

__attribute__((format(printf, 1, 2))) static void run_on_server(const char *format, ...)
{
	char sql[512];
	va_list args;
	PGconn *pg = connect_to(server_url());
	PGresult *result;

	va_start(args, format);
	vsnprintf(sql, sizeof sql, format, args);
	va_end(args);
	result = PQexec(pg, sql);
	require(succeeded(result), PQerrorMessage(pg));
	PQclear(result);
	PQfinish(pg);
}

const char *database_sql_on(const char *where, const char *sql)
{
	static char value[TEXT_SIZE];
	PGconn *pg = connect_to(where);
	PGresult *result = PQexec(pg, sql);

	ck_assert_msg(succeeded(result), "%s: %s", sql, PQerrorMessage(pg));
	snprintf(value, sizeof value, "%s",
		 PQntuples(result) && PQnfields(result) ? PQgetvalue(result, 0, 0) : "");
	PQclear(result);
	PQfinish(pg);
	return value;
}

const char *database_sql(const char *format, ...)
{
	char sql[TEXT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(sql, sizeof sql, format, args);
	va_end(args);
	return database_sql_on(conninfo, sql);
}

long database_number(const char *format, ...)
{
	char sql[TEXT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(sql, sizeof sql, format, args);
	va_end(args);
	return atol(database_sql_on(conninfo, sql));
}

void *database_hold(const char *where, const char *sql)
{
	PGconn *pg = connect_to(where);

	PQclear(PQexec(pg, "begin"));
	PQclear(PQexec(pg, sql));
	ck_assert_int_eq(PQtransactionStatus(pg), PQTRANS_INTRANS);
	return pg;
}

void database_let_go(void *holder)
{
	PQfinish(holder);
}

void database_commit(void *holder)
{
	PQclear(PQexec(holder, "commit"));
	ck_assert_int_eq(PQtransactionStatus(holder), PQTRANS_IDLE);
	PQfinish(holder);
}

/* ---- databases ---- */

void database_create(void)
{
	snprintf(name, sizeof name, "allocd_test_%ld", (long)getpid());
	write_conninfo(conninfo, name);
	run_on_server("create database \"%s\" template template0 encoding 'UTF8'", name);
}

void database_drop(void)
{
	run_on_server("drop database if exists \"%s\" with (force)", name);
}

const char *database_make_another(const char *options)
{
	snprintf(another, sizeof another, "%s_%ld", name, (long)getpid());
	run_on_server("create database \"%s\" template template0 %s", another, options);
	return another;
}

void database_drop_another(void)
{
	if (another[0])
		run_on_server("drop database if exists \"%s\" with (force)", another);
	another[0] = '\0';
}

void database_empty(void)
{
	database_sql("select pg_terminate_backend(pid, 5000) from pg_stat_activity"
		     " where datname = current_database() and pid <> pg_backend_pid()");
	/* TRUNCATE would create each table's files anew. */
	database_sql(
		"delete from order_lines; delete from displaced_lines; delete from shrinks;"
		" delete from processes; delete"
		" from batches;"
		" delete from products; delete from allocations_view; delete from outbox;"
		" delete from outbox_directory; delete from inbox;"
		" delete from units; delete from dead_letters; delete from notifications;"
		" delete from dead_letter_history; delete from discarded_letters; delete from streams; delete from blind_windows;"
		" update installation set heard_until = null, streams = null;"
		" delete from leases; delete from workers;"
		" delete from epochs; update outbox_heads set position = 0, epoch = 1;"
		" update outbox_cursors set position = 0;"
		" update dead_letter_totals set dropped = 0");
}
