/*
 * After the server has authenticated us: lifts timeouts, detects a pooler, and judges the session; in time
 * order.
 */
#include "adapters/postgres/connector/connector_internal.h"

#include "core/base/utf8.h"

#include <string.h>

/* A timeout of 1 ms set for the database sometimes ends the first statement, which is then tried again. */
#define TRIES_MAX 20

static const char needs_session[] =
	"a dry run needs a session of its own, but a pooler lends each session for one transaction only:"
	" set DATABASE_URL to Postgres itself, or to a pool with pool_mode=session";

static const char not_read_committed[] =
	"default_transaction_isolation of the database or the role is not read committed, which"
	" ALLOCD_POOLED=on needs: run ALTER ROLE ... SET default_transaction_isolation = 'read committed'";

/* ---- judging the session ---- */

/* Keeps the session in case no better one is found. */
static void keep_spare(struct connector *connector)
{
	PGconn *pg = connector->pg;

	connector->pg = NULL;
	connector_drop_attempt(connector);
	if (connector->spare) {
		PQfinish(pg);
		return;
	}
	connector->spare = pg;
	connector->spare_key = connector->current->key;
}

static void judge_session(struct connector *connector, const struct session_state *standing)
{
	const char *refusal = session_state_refuses_writes(standing);
	bool wants_standby = connector->config.reads && connector->conninfo.prefers_standby;
	bool is_preferred = wants_standby ? standing->is_on_standby : !refusal;
	PGconn *pg = connector->pg;

	if (refusal && !connector->config.reads) {
		connector_give_up_address(connector, FAILURE_RETRY, refusal);
		connector_proceed(connector);
	} else if (!is_preferred) {
		keep_spare(connector);
		connector_proceed(connector);
	} else {
		connector->pg = NULL;
		connector_finish(connector, pg, connector->current->key, NULL);
	}
}

/* ---- the session's first statement ---- */

static void send_first_statement(struct connector *connector)
{
	connector->current->tries++;
	if (!session_send_first_statement(connector->pg, connector->scope)) {
		connector_proceed_after_libpq_error(connector);
		return;
	}
	connector_watch(connector, EV_READ);
}

static void refuse(struct connector *connector, const char *why)
{
	connector_give_up_address(connector, FAILURE_FATAL, why);
	connector_proceed(connector);
}

void connector_begin_session(struct connector *connector)
{
	const char *defect = session_defect(connector->pg);

	if (defect) {
		refuse(connector, defect);
		return;
	}
	connector->connected = true;
	connector->scope = connector->config.url->pooled ? SESSION_SHARED : SESSION_UNLESS_POOLED;
	send_first_statement(connector);
}

/* Tries again after a timeout of the database or the role fired before the statement that turns it off. */
static void retry(struct connector *connector, const char *sqlstate)
{
	struct server_address *server = connector->current;

	if (!strcmp(sqlstate, "57014")) {
		send_first_statement(connector);
		return;
	}
	connector_drop_attempt(connector);
	server->tried = false;
	connector_proceed(connector);
}

static bool is_ended_by_timeout(const char *sqlstate)
{
	return !strcmp(sqlstate, "57014") || !strcmp(sqlstate, "57P05");
}

static void handle_refusal(struct connector *connector, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	bool by_timeout = sqlstate && is_ended_by_timeout(sqlstate);
	struct pg_error error;
	char text[PG_ERROR_TEXT_SIZE];

	if (by_timeout && connector->current->tries < TRIES_MAX) {
		retry(connector, sqlstate);
		return;
	}
	pg_error_set_from_result(&error, result);
	utf8_format(text, sizeof text, "%s the session's first statement: %s",
		    by_timeout ? "statement_timeout or idle_session_timeout of the database or the role ended"
			       : "the server refused",
		    error.text);
	connector_give_up_address(connector, FAILURE_RETRY, text);
	connector_proceed(connector);
}

/* ---- poolers ---- */

static void keep_session(struct connector *connector)
{
	connector->scope = SESSION_OURS;
	send_first_statement(connector);
}

static void on_tried(void *context, enum pooling pooling)
{
	struct connector *connector = context;

	connector->trial = NULL;
	switch (pooling) {
	case POOLS_SESSIONS:
		keep_session(connector);
		break;
	case POOLS_TRANSACTIONS:
		refuse(connector, connector->config.is_dry_run ? needs_session : POOLS_TRANSACTIONS_TEXT);
		break;
	case POOLING_LOST:
		connector_proceed_after_libpq_error(connector);
		break;
	}
}

/* Runs a pooler trial for a session behind a pooler, which has no settings of its own yet. */
static void try_pooler(struct connector *connector, int backend)
{
	const struct server_address *server = connector->current;
	PGconn *rival;

	rival = conninfo_connect_start(&connector->conninfo, server->host, server->address);
	if (!rival || PQstatus(rival) == CONNECTION_BAD) {
		PQfinish(rival);
		keep_session(connector);
		return;
	}
	connector_unwatch(connector);
	connector_set_timer(connector, connector->conninfo.timeout_ms + POOLER_TRIAL_MS);
	connector->trial = pooler_trial_start(connector->config.base, connector->pg, backend, rival, on_tried,
					      connector);
}

static void handle_state(struct connector *connector, const PGresult *result)
{
	struct session_state standing;

	if (!session_read_state(result, &standing)) {
		connector_give_up_address(connector, FAILURE_RETRY,
					  "the server did not answer as Postgres does");
		connector_proceed(connector);
	} else if (connector->scope == SESSION_UNLESS_POOLED && session_is_pooled(connector->pg, &standing)) {
		try_pooler(connector, standing.backend);
	} else if (connector->scope == SESSION_SHARED && !standing.is_read_committed) {
		refuse(connector, not_read_committed);
	} else {
		judge_session(connector, &standing);
	}
}

/* ---- receiving ---- */

/* Reads the available results; returns true after the last one. */
static bool read_results(struct connector *connector)
{
	PGresult *result = NULL;

	while (!PQisBusy(connector->pg) && (result = PQgetResult(connector->pg))) {
		if (!connector->answer)
			connector->answer = result;
		else
			PQclear(result);
	}
	return !PQisBusy(connector->pg) && !result;
}

void connector_continue_session(struct connector *connector)
{
	bool alive = PQconsumeInput(connector->pg);
	bool all = read_results(connector) || !alive;
	PGresult *answer = connector->answer;

	if (!all)
		return;
	connector->answer = NULL;
	if (answer && PQresultStatus(answer) == PGRES_FATAL_ERROR)
		handle_refusal(connector, answer);
	else if (!answer || !alive || PQstatus(connector->pg) != CONNECTION_OK)
		connector_proceed_after_libpq_error(connector);
	else
		handle_state(connector, answer);
	PQclear(answer);
}
