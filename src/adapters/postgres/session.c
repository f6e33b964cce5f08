/* The settings of the worker's sessions. */
#include "adapters/postgres/session.h"

#include "adapters/postgres/rehearse.h"
#include "adapters/postgres/statements.h"

#include <stdlib.h>
#include <string.h>

#define SERVER_VERSION_MIN 140000

const char session_first_statement[] = "set statement_timeout = 0;"
				       " set idle_session_timeout = 0;"
				       " set idle_in_transaction_session_timeout = 0;"
				       " set lock_timeout = 0;"
				       " set default_transaction_isolation = 'read committed'";

/* The timeline is that of the WAL that is being written: a standby has none, and is not asked. */
static const char identify[] =
	"select system_identifier, substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8),"
	" exists (select from pg_trigger where tginitdeferred)"
	" from pg_control_system()";

/*
 * Plans must not depend on what the tables held when they were made: a plan that was made on empty tables
 * reads them whole when they have grown.  So the planner is left nothing but index scans and nested loops,
 * once.
 *
 * A statement ends before the client gives the session up (see ANSWER_TIMEOUT_MS).
 *
 * Our locking relies on READ COMMITTED, where a row is read again after the wait for its lock.  The
 * keepalives are the server's end: no timeout of its own ends a backend that waits for the rest of a
 * pipeline.
 */
static const char settings[] = "select set_config(name, setting, false) from (values"
			       " ('statement_timeout', '6s'),"
			       " ('lock_timeout', '500ms'),"
			       " ('idle_in_transaction_session_timeout', '10s'),"
			       " ('default_transaction_isolation', 'read committed'),"
			       " ('plan_cache_mode', 'force_generic_plan'),"
			       " ('enable_seqscan', 'off'),"
			       " ('enable_bitmapscan', 'off'),"
			       " ('enable_hashjoin', 'off'),"
			       " ('enable_mergejoin', 'off'),"
			       " ('jit', 'off'),"
			       " ('tcp_keepalives_idle', '2'),"
			       " ('tcp_keepalives_interval', '1'),"
			       " ('tcp_keepalives_count', '3'),"
			       " ('tcp_user_timeout', '5000')"
			       ") as settings (name, setting)";

/*
 * Of a lane: one slow statement costs the SKUs beside it no more than that.  A unit that is slow because it
 * is large asks for more (SET_TIME).
 */
static const char brief[] = "set statement_timeout = '1s'";

/* Of the parking lane: what is still locked is tried again later, and the next SKU at once. */
static const char hasty[] = "set lock_timeout = '20ms'";

const char *session_defect(const PGconn *pg)
{
	const char *encoding = PQparameterStatus(pg, "server_encoding");

	if (PQserverVersion(pg) < SERVER_VERSION_MIN)
		return "the server is older than Postgres 14";
	if (!encoding || strcmp(encoding, "UTF8") != 0)
		return "the database's encoding is not UTF8";
	return NULL;
}

static bool is_on(const PGconn *pg, const char *parameter)
{
	const char *value = PQparameterStatus(pg, parameter);

	return value && !strcmp(value, "on");
}

bool session_is_on_standby(const PGconn *pg)
{
	return is_on(pg, "in_hot_standby");
}

const char *session_refuses_writes(const PGconn *pg)
{
	if (session_is_on_standby(pg))
		return "the server takes no writes: it is a standby";
	if (is_on(pg, "default_transaction_read_only"))
		return "the server takes no writes: default_transaction_read_only is on";
	return NULL;
}

/* Before the statements are prepared, which then mean these tables. */
static bool send_rehearsal_setup(PGconn *pg)
{
	for (int i = 0; rehearse_setup[i]; i++) {
		if (!PQsendQueryParams(pg, rehearse_setup[i], 0, NULL, NULL, NULL, NULL, 0))
			return false;
	}
	return true;
}

bool session_send_setup(PGconn *pg, unsigned use)
{
	if (!PQsendQueryParams(pg, settings, 0, NULL, NULL, NULL, NULL, 0))
		return false;
	if ((use & FOR_LANES) && !PQsendQueryParams(pg, brief, 0, NULL, NULL, NULL, NULL, 0))
		return false;
	if ((use & FOR_PARKING) && !PQsendQueryParams(pg, hasty, 0, NULL, NULL, NULL, NULL, 0))
		return false;
	if ((use & FOR_REHEARSALS) && !send_rehearsal_setup(pg))
		return false;
	for (int i = 0; i < STATEMENTS; i++) {
		const struct statement *statement = &statements[i];

		if ((statement->used_by & use) &&
		    !PQsendPrepare(pg, statement->name, statement->sql, 0, NULL))
			return false;
	}
	return PQpipelineSync(pg);
}

bool session_send_identify(PGconn *pg)
{
	return PQsendQueryParams(pg, identify, 0, NULL, NULL, NULL, NULL, 0) && PQpipelineSync(pg);
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
