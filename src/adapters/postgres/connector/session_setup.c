/* The settings of the worker's sessions. */
#include "adapters/postgres/connector/session_setup.h"

#include "adapters/postgres/sql/statements.h"
#include "adapters/postgres/tools/dry_run_commits.h"
#include "tools_sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVER_VERSION_MIN 140000

/*
 * This is no query of tools.sql, because it is sent by the simple protocol, which takes no parameters but
 * needs the least time where a statement_timeout of the database is short.  It also asks for what a pooler
 * does not report, or reports as it was some time ago.
 */
#define FIRST_STATEMENT                                                                                      \
	"select pg_backend_pid(), pg_is_in_recovery(),"                                                      \
	" current_setting('default_transaction_read_only') = 'on',"                                          \
	" current_setting('default_transaction_isolation') = 'read committed',"                              \
	" (select count(set_config(name, setting, false)) from (values"                                      \
	" ('statement_timeout', '0'),"                                                                       \
	" ('idle_session_timeout', '0'),"                                                                    \
	" ('idle_in_transaction_session_timeout', '0'),"                                                     \
	" ('lock_timeout', '0'),"                                                                            \
	" ('default_transaction_isolation', 'read committed')"                                               \
	") as settings (name, setting) where %d in (0, pg_backend_pid()))"

/* A statement ends before the client gives the session up (see ANSWER_TIMEOUT_MS). */
#define STATEMENT_TIMEOUT "6s"
#define LOCK_TIMEOUT      "500ms"

/*
 * The statement_timeout of a lane: a slow statement delays the other SKUs of its unit no longer than this.
 * A unit that is slow because it is large extends it (SET_TIME).
 */
#define BRIEF "1s"
static const char brief[] = "set statement_timeout = '" BRIEF "'";

/*
 * The lock_timeout of the parking lane: a SKU that is still locked is tried again later, and the next SKU at
 * once.
 */
#define HASTY "20ms"
static const char hasty[] = "set lock_timeout = '" HASTY "'";

/* ---- judging the server ---- */

const char *session_defect(const PGconn *pg)
{
	const char *encoding = PQparameterStatus(pg, "server_encoding");

	if (PQserverVersion(pg) < SERVER_VERSION_MIN)
		return "the server is older than Postgres 14";
	if (!encoding || strcmp(encoding, "UTF8") != 0)
		return "the database's encoding is not UTF8";
	return NULL;
}

bool session_send_first_statement(PGconn *pg, enum session_scope scope)
{
	char sql[sizeof FIRST_STATEMENT + 16];

	snprintf(sql, sizeof sql, FIRST_STATEMENT,
		 scope == SESSION_OURS     ? 0
		 : scope == SESSION_SHARED ? -1
					   : PQbackendPID(pg));
	return PQsendQuery(pg, sql);
}

static bool is_true(const PGresult *result, int column)
{
	return PQgetvalue(result, 0, column)[0] == 't';
}

bool session_read_state(const PGresult *result, struct session_state *standing)
{
	*standing = (struct session_state){0};
	if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1 || PQnfields(result) < 4)
		return false;
	*standing = (struct session_state){atoi(PQgetvalue(result, 0, 0)), is_true(result, 1),
					   is_true(result, 2), is_true(result, 3)};
	return true;
}

bool session_is_pooled(const PGconn *pg, const struct session_state *standing)
{
	return standing->backend != PQbackendPID(pg);
}

static bool is_on(const PGconn *pg, const char *parameter)
{
	const char *value = PQparameterStatus(pg, parameter);

	return value && !strcmp(value, "on");
}

static const char *why_no_writes(bool is_on_standby, bool is_read_only)
{
	if (is_on_standby)
		return "the server takes no writes: it is a standby";
	return is_read_only ? "the server takes no writes: default_transaction_read_only is on" : NULL;
}

const char *session_refuses_writes(const PGconn *pg)
{
	return why_no_writes(is_on(pg, "in_hot_standby"), is_on(pg, "default_transaction_read_only"));
}

const char *session_state_refuses_writes(const struct session_state *standing)
{
	return why_no_writes(standing->is_on_standby, standing->is_read_only);
}

/* ---- settings and statements ---- */

const char *session_statement_timeout(unsigned use)
{
	return use & FOR_LANES ? BRIEF : STATEMENT_TIMEOUT;
}

const char *session_lock_timeout(unsigned use)
{
	return use & FOR_PARKING ? HASTY : LOCK_TIMEOUT;
}

/* Sent before the statements are prepared, which then refer to these tables. */
static bool send_dry_run_setup(PGconn *pg)
{
	for (int i = 0; dry_run_setup[i]; i++) {
		if (!PQsendQueryParams(pg, dry_run_setup[i], 0, NULL, NULL, NULL, NULL, 0))
			return false;
	}
	return true;
}

bool session_send_setup(PGconn *pg, unsigned use)
{
	static const char *const timeouts[] = {STATEMENT_TIMEOUT, LOCK_TIMEOUT};

	if (!PQsendQueryParams(pg, sql_session_settings, 2, NULL, timeouts, NULL, NULL, 0))
		return false;
	if ((use & FOR_LANES) && !PQsendQueryParams(pg, brief, 0, NULL, NULL, NULL, NULL, 0))
		return false;
	if ((use & FOR_PARKING) && !PQsendQueryParams(pg, hasty, 0, NULL, NULL, NULL, NULL, 0))
		return false;
	if ((use & FOR_DRY_RUNS) && !send_dry_run_setup(pg))
		return false;
	for (int i = 0; i < STATEMENTS; i++) {
		const struct statement *statement = &statements[i];

		if ((statement->used_by & use) &&
		    !PQsendPrepare(pg, statement->name, statement->sql, 0, NULL))
			return false;
	}
	return PQpipelineSync(pg);
}

/* ---- the server's identity ---- */

bool session_send_identify(PGconn *pg)
{
	return PQsendQueryParams(pg, sql_identify_server, 0, NULL, NULL, NULL, NULL, 0) && PQpipelineSync(pg);
}

struct server_identity session_identity(const PGresult *result)
{
	struct server_identity identity = {0};

	if (PQntuples(result) != 1 || PQgetisnull(result, 0, 0) || PQgetisnull(result, 0, 1))
		return identity;
	identity.system = strtoull(PQgetvalue(result, 0, 0), NULL, 10);
	identity.timeline = (uint32_t)strtoul(PQgetvalue(result, 0, 1), NULL, 16);
	return identity;
}

bool session_defers_triggers(const PGresult *result)
{
	return PQntuples(result) == 1 && PQgetvalue(result, 0, 2)[0] == 't';
}

int64_t session_mark(const PGresult *result)
{
	return PQntuples(result) == 1 && !PQgetisnull(result, 0, 3)
		       ? strtoll(PQgetvalue(result, 0, 3), NULL, 10)
		       : 0;
}
