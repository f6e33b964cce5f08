/*
 * Behind a pooler that lends each session for one transaction, no setting may outlive a transaction.  So
 * each transaction applies, in the same round trip, the settings that a session of our own gets once, and
 * checks that its server is still the same.
 */
#include "adapters/postgres/connection/connection_internal.h"
#include "adapters/postgres/connector/session_setup.h"

#include <string.h>

#define ARENA_SIZE 1024

/* The SQLSTATE of SET_FOR_TRANSACTION on another server than expected. */
#define INVALID_VALUE "22023"

/* ---- before a request is sent ---- */

static bool begins_transaction(const struct query *query)
{
	return query->statement == BEGIN_SNAPSHOT || query->statement == BEGIN_LOCKING;
}

static struct query *add_settings(const struct pg_connection *connection, struct query_pipeline *pipeline,
				  size_t at)
{
	struct query *settings = query_pipeline_insert(pipeline, at, SET_FOR_TRANSACTION);

	query_text(settings, session_statement_timeout(connection->config.use));
	query_text(settings, session_lock_timeout(connection->config.use));
	if (connection->mark)
		query_int8(settings, connection->mark);
	else
		query_null(settings);
	return settings;
}

void pg_connection_fit_request(struct pg_connection *connection, struct pg_request *request)
{
	struct query_pipeline *pipeline = request->pipeline;
	PGTransactionStatusType status = PQtransactionStatus(connection->pg);
	bool is_open = status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
	size_t at = 0;

	if (pipeline->count && pipeline->queries[0]->statement == ROLLBACK) {
		pipeline->queries[0]->is_needless = !is_open;
		is_open = false;
		at++;
	}
	if (is_open || at == pipeline->count)
		return;
	if (begins_transaction(pipeline->queries[at]))
		at++;
	request->settings = add_settings(connection, pipeline, at);
}

/* ---- after a request is answered ---- */

bool pg_connection_strayed(const struct pg_request *request, const struct query *query, const char *sqlstate)
{
	return query && query == request->settings && sqlstate && !strcmp(sqlstate, INVALID_VALUE);
}

void pg_connection_learn_mark(struct pg_connection *connection, const struct pg_request *request)
{
	if (!request->failed && request->settings && !connection->mark)
		connection->mark = result_int8(request->settings, 0, 0);
}

static void on_rolled_back(void *context, const struct failure *failure)
{
	struct pg_connection *connection = context;

	(void)failure;
	pg_connection_drop_rollback(connection);
}

void pg_connection_roll_back(struct pg_connection *connection)
{
	if (PQtransactionStatus(connection->pg) != PQTRANS_INERROR || connection->rollback.arena)
		return;
	query_pipeline_init(&connection->rollback, arena_new(ARENA_SIZE));
	query_pipeline_add(&connection->rollback, ROLLBACK);
	pg_connection_run_first(connection, &connection->rollback, on_rolled_back, connection);
}

void pg_connection_drop_rollback(struct pg_connection *connection)
{
	struct arena *arena = connection->rollback.arena;

	if (!arena)
		return;
	query_pipeline_clear(&connection->rollback);
	arena_free(&arena);
	connection->rollback.arena = NULL;
}
