/* Handles the server's answers: results, errors, syncs, and the error that ends a session. */
#include "adapters/postgres/connection/connection_internal.h"
#include "adapters/postgres/connection/sqlstate.h"
#include "adapters/postgres/connector/session_setup.h"

#include <string.h>

#define READ_ONLY "25006"

/*
 * Whether the server, or a pooler that lost the server's session, ends the session with this error.  It is
 * no answer to a statement, so a commit may have preceded it.  PgBouncer fills only the severity field that
 * Postgres translates.
 */
static bool is_termination(const PGresult *result)
{
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

	if (!severity)
		severity = PQresultErrorField(result, PG_DIAG_SEVERITY);
	return severity && (!strcmp(severity, "FATAL") || !strcmp(severity, "PANIC"));
}

/* Keeps the first such error: a pooler adds one of its own, which says only that the session is gone. */
static void keep_termination(struct pg_connection *connection, const PGresult *result)
{
	if (!connection->termination.text[0])
		pg_error_set_from_result(&connection->termination, result);
}

/*
 * Whether a new session may do better.  Behind a pooler it would fail in the same way, unless the server has
 * become read-only.
 */
static bool ends_session(const struct pg_connection *connection, const char *sqlstate)
{
	return connection_is_pooled(connection) ? sqlstate && !strcmp(sqlstate, READ_ONLY)
						: sqlstate_ends_session(sqlstate);
}

/* `request` is NULL while the session is being prepared. */
static void handle_error(struct pg_connection *connection, struct pg_request *request, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	if (is_termination(result)) {
		connection_error_note(connection->config.connections, sqlstate);
		keep_termination(connection, result);
		return;
	}
	if (connection->state == CONNECTION_IDENTIFYING)
		return; /* the role may not read the server's identity */
	connection_error_note(connection->config.connections, sqlstate ? sqlstate : "");
	/*
	 * An error of libpq itself, as without memory for a result: the server may have committed, and libpq
	 * may have lost a sync, by which later results would be taken for those of an earlier request.
	 */
	if (!sqlstate) {
		pg_error_set_from_result(&connection->error, result);
		pg_connection_lose(connection, false);
		return;
	}
	if (!request) {
		pg_error_set_from_result(&connection->error, result);
		connection->error.kind = FAILURE_RETRY;
		return;
	}
	if (request->failed)
		return;
	request->failed = true;
	request->ends_session = ends_session(connection, sqlstate);
	pg_error_set_from_result(&request->error, result);
	if (pg_connection_strayed(request, pg_request_current_query(request), sqlstate)) {
		request->ends_session = true;
		pg_error_set(&request->error, FAILURE_RETRY,
			     "the pooler leads to another server now, or the server restarted");
	}
	/* A pooler may hide the server's own report that it is read-only. */
	if (sqlstate && !strcmp(sqlstate, READ_ONLY))
		known_servers_suspect(connection->config.servers, connection->server.key);
}

/* A dry run's session has made itself read-only, and what a pooler reports may concern another server. */
static const char *refuses_writes(const struct pg_connection *connection)
{
	if (connection->config.use & FOR_DRY_RUNS || connection_is_pooled(connection))
		return NULL;
	return session_refuses_writes(connection->pg);
}

/* Why a session that still works must be ended, or NULL. */
static const char *reason_to_end_session(const struct pg_connection *connection,
					 const struct pg_request *request)
{
	if (connection->given_up)
		return connection->given_up;
	if (request->ends_session)
		return request->error.text;
	return refuses_writes(connection);
}

/* Fails a request on a server that may be stale: its reads may be old and its commits lost. */
static void fail_on_stale_server(const struct pg_connection *connection, struct pg_request *request,
				 const char *reason)
{
	if (request->failed || (request->effect == PIPELINE_COMMITS && !connection->given_up))
		return;
	pg_error_set(&request->error, request->effect == PIPELINE_COMMITS ? FAILURE_UNCERTAIN : FAILURE_RETRY,
		     reason);
	request->failed = true;
}

/* Handles the sync of a request, which is committed now or has failed as a whole. */
static void finish_request(struct pg_connection *connection, struct pg_request *request)
{
	const char *reason = reason_to_end_session(connection, request);

	pg_request_queue_remove(&connection->requests, request);
	if (reason)
		fail_on_stale_server(connection, request, reason);
	if (reason && refuses_writes(connection))
		known_servers_suspect(connection->config.servers, connection->server.key);
	if (reason)
		pg_connection_lose_with(connection, FAILURE_RETRY, reason);
	else if (!request->failed)
		connection->backoff.failures = 0;
	if (!reason && connection_is_pooled(connection)) {
		pg_connection_learn_mark(connection, request);
		pg_connection_roll_back(connection);
	}
	pg_request_answer(request);
	if (connection_is_pooled(connection) && connection->state == CONNECTION_READY)
		pg_connection_send_requests(connection);
}

/* Handles one of the two syncs that end the preparation. */
static void finish_setup(struct pg_connection *connection)
{
	if (connection->error.text[0])
		pg_connection_lose(connection, false);
	else if (connection->state == CONNECTION_PREPARING)
		connection->state = CONNECTION_IDENTIFYING;
	else
		pg_connection_become_ready(connection);
}

static void read_identity(struct pg_connection *connection, const PGresult *result)
{
	connection->server.identity = session_identity(result);
	connection->defers_triggers = session_defers_triggers(result);
	connection->mark = session_mark(result);
}

/* `request` is NULL while the session is being prepared. */
static void handle_result(struct pg_connection *connection, struct pg_request *request, PGresult *result)
{
	struct query *query = request ? pg_request_current_query(request) : NULL;

	/* As a number, because a later libpq has kinds that an earlier one lacks. */
	switch ((int)PQresultStatus(result)) {
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK:
		if (query) {
			query->result = result;
			return;
		}
		if (connection->state == CONNECTION_IDENTIFYING)
			read_identity(connection, result);
		break;
	case PGRES_FATAL_ERROR:
		handle_error(connection, request, result);
		break;
	case PGRES_PIPELINE_SYNC:
		PQclear(result);
		if (request)
			finish_request(connection, request);
		else
			finish_setup(connection);
		return;
	default: /* PGRES_PIPELINE_ABORTED: an error came before */
		break;
	}
	PQclear(result);
}

/*
 * Reads the available results.  NULL follows each result except a sync; a dead connection never delivers the
 * sync.
 */
static void read_results(struct pg_connection *connection)
{
	while (pg_connection_expects_answer(connection) && PQstatus(connection->pg) == CONNECTION_OK &&
	       !PQisBusy(connection->pg)) {
		struct pg_request *request =
			connection->state == CONNECTION_READY ? connection->requests.first : NULL;
		PGresult *result = PQgetResult(connection->pg);

		if (result)
			handle_result(connection, request, result);
		else if (request && pg_request_current_query(request))
			request->answered++;
	}
}

/* Keeps the error with which the server ended the session, if one was received. */
static void read_termination(struct pg_connection *connection)
{
	PGresult *result = PQisBusy(connection->pg) ? NULL : PQgetResult(connection->pg);

	if (result && is_termination(result))
		keep_termination(connection, result);
	PQclear(result);
}

void pg_connection_lose_broken(struct pg_connection *connection)
{
	read_termination(connection);
	if (connection->termination.text[0])
		pg_connection_lose_with(connection, FAILURE_RETRY, connection->termination.text);
	else
		pg_connection_lose_after_libpq_error(connection);
}

void pg_connection_exchange(struct pg_connection *connection, short what)
{
	bool alive = !(what & EV_READ) || PQconsumeInput(connection->pg);

	if ((what & EV_READ) && connection->state == CONNECTION_READY && !connection->broken)
		pg_connection_set_timer(&connection->timer, connection->config.answer_timeout_ms);
	read_results(connection);
	if (!pg_connection_expects_answer(connection) && connection->state != CONNECTION_READY)
		return; /* a result has ended the session */
	if (!alive || PQstatus(connection->pg) != CONNECTION_OK || !pg_connection_flush(connection))
		pg_connection_lose_broken(connection);
}
