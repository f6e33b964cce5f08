/* Takes the server's answers: results, errors, syncs, and the error that ends a session. */
#include "adapters/postgres/connection/connection_internal.h"
#include "adapters/postgres/connection/sqlstate.h"
#include "adapters/postgres/connector/session_setup.h"

#include <string.h>

#define READ_ONLY "25006"

/*
 * The error with which the server ends a session, or a pooler that lost the server's session.  It answers no
 * statement: a commit may have preceded it.  PgBouncer tells the severity only in the field that Postgres
 * translates.
 */
static bool is_farewell(const PGresult *result)
{
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

	if (!severity)
		severity = PQresultErrorField(result, PG_DIAG_SEVERITY);
	return severity && (!strcmp(severity, "FATAL") || !strcmp(severity, "PANIC"));
}

/* The first words count: behind the server's own, a pooler adds that the session is gone. */
static void take_farewell_of(struct connection *connection, const PGresult *result)
{
	if (!connection->farewell.text[0])
		trouble_set_error(&connection->farewell, result);
}

/* Behind a pooler another session would fail in the same way, unless the server takes no writes any more. */
static bool ends_session(const struct connection *connection, const char *sqlstate)
{
	return connection_is_pooled(connection) ? sqlstate && !strcmp(sqlstate, READ_ONLY)
						: sqlstate_ends_session(sqlstate);
}

static void take_stray(struct job *job)
{
	job->ends_session = true;
	trouble_set(&job->trouble, FAILURE_RETRY, "the pooler leads to another server, or it started again");
}

/* `job` is NULL while the session is being prepared. */
static void take_error(struct connection *connection, struct job *job, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	if (is_farewell(result)) {
		take_farewell_of(connection, result);
		return;
	}
	if (connection->state == CONNECTION_IDENTIFYING)
		return; /* the role may not read the server's identity */
	if (!job) {
		trouble_set_error(&connection->trouble, result);
		connection->trouble.kind = FAILURE_RETRY;
		return;
	}
	if (job->failed)
		return;
	job->failed = true;
	job->ends_session = ends_session(connection, sqlstate);
	trouble_set_error(&job->trouble, result);
	if (connection_strayed(job, job_current_query(job), sqlstate))
		take_stray(job);
	/* A pooler may hide the server's own report that it is read-only. */
	if (sqlstate && !strcmp(sqlstate, READ_ONLY))
		servers_suspect(connection->config.servers, connection->server.key);
}

/* A rehearsal's session has made itself read only; what a pooler reports may be of another server. */
static const char *refuses_writes(const struct connection *connection)
{
	if (connection->config.use & FOR_REHEARSALS || connection_is_pooled(connection))
		return NULL;
	return session_refuses_writes(connection->pg);
}

/* Why a session that still works must be ended, or NULL. */
static const char *reason_to_leave(const struct connection *connection, const struct job *job)
{
	if (connection->given_up)
		return connection->given_up;
	if (job->ends_session)
		return job->trouble.text;
	return refuses_writes(connection);
}

/* On a server that may be stale, reads may be old and commits may be lost. */
static void doubt(const struct connection *connection, struct job *job, const char *reason)
{
	if (job->failed || (job->effect == SEGMENT_COMMITS && !connection->given_up))
		return;
	trouble_set(&job->trouble, job->effect == SEGMENT_COMMITS ? FAILURE_UNCERTAIN : FAILURE_RETRY,
		    reason);
	job->failed = true;
}

/* A sync: what was sent before it is committed, or failed as a whole. */
static void finish_job(struct connection *connection, struct job *job)
{
	const char *reason = reason_to_leave(connection, job);

	job_queue_remove(&connection->jobs, job);
	if (reason)
		doubt(connection, job, reason);
	if (reason && refuses_writes(connection))
		servers_suspect(connection->config.servers, connection->server.key);
	if (reason)
		connection_lose_because(connection, FAILURE_RETRY, reason);
	else if (!job->failed)
		connection->failures = 0;
	if (!reason && connection_is_pooled(connection)) {
		connection_learn_mark(connection, job);
		connection_end_failed_transaction(connection);
	}
	job_answer(job);
	if (connection_is_pooled(connection) && connection->state == CONNECTION_READY)
		connection_send_jobs(connection);
}

/* A sync of the two that end the preparation. */
static void finish_setup(struct connection *connection)
{
	if (connection->trouble.text[0])
		connection_lose(connection, false);
	else if (connection->state == CONNECTION_PREPARING)
		connection->state = CONNECTION_IDENTIFYING;
	else
		connection_become_ready(connection);
}

static void take_identity(struct connection *connection, const PGresult *result)
{
	connection->server.identity = session_identity(result);
	connection->defers_triggers = session_defers_triggers(result);
	connection->mark = session_mark(result);
}

/* `job` is NULL while the session is being prepared. */
static void take_result(struct connection *connection, struct job *job, PGresult *result)
{
	struct query *query = job ? job_current_query(job) : NULL;

	switch (PQresultStatus(result)) {
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK:
		if (query) {
			query->result = result;
			return;
		}
		if (connection->state == CONNECTION_IDENTIFYING)
			take_identity(connection, result);
		break;
	case PGRES_FATAL_ERROR:
		take_error(connection, job, result);
		break;
	case PGRES_PIPELINE_SYNC:
		PQclear(result);
		if (job)
			finish_job(connection, job);
		else
			finish_setup(connection);
		return;
	case PGRES_PIPELINE_ABORTED: /* an error came before */
	case PGRES_NONFATAL_ERROR:
	case PGRES_EMPTY_QUERY:
	case PGRES_COPY_OUT:
	case PGRES_COPY_IN:
	case PGRES_COPY_BOTH:
	case PGRES_BAD_RESPONSE:
	case PGRES_SINGLE_TUPLE:
	default:
		break;
	}
	PQclear(result);
}

/*
 * Takes every result that is there.  A result ends with NULL, but for a sync; a dead connection never
 * delivers the sync.
 */
static void take_results(struct connection *connection)
{
	while (connection_expects_answer(connection) && PQstatus(connection->pg) == CONNECTION_OK &&
	       !PQisBusy(connection->pg)) {
		struct job *job = connection->state == CONNECTION_READY ? connection->jobs.first : NULL;
		PGresult *result = PQgetResult(connection->pg);

		if (result)
			take_result(connection, job, result);
		else if (job && job_current_query(job))
			job->answered++;
	}
}

/* Keeps the error with which the server ended the session, if one was received. */
static void take_farewell(struct connection *connection)
{
	PGresult *result = PQisBusy(connection->pg) ? NULL : PQgetResult(connection->pg);

	if (result && is_farewell(result))
		take_farewell_of(connection, result);
	PQclear(result);
}

void connection_lose_broken(struct connection *connection)
{
	take_farewell(connection);
	if (connection->farewell.text[0])
		connection_lose_because(connection, FAILURE_RETRY, connection->farewell.text);
	else
		connection_lose_as_libpq_says(connection);
}

void connection_exchange(struct connection *connection, short what)
{
	bool alive = !(what & EV_READ) || PQconsumeInput(connection->pg);

	if ((what & EV_READ) && connection->state == CONNECTION_READY && !connection->broken)
		connection_set_timer(&connection->timer, connection->config.answer_timeout_ms);
	take_results(connection);
	if (!connection_expects_answer(connection) && connection->state != CONNECTION_READY)
		return; /* lost on the way */
	if (!alive || PQstatus(connection->pg) != CONNECTION_OK || !connection_flush(connection))
		connection_lose_broken(connection);
}
