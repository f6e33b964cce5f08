/*
 * Behind a pooler that lends each session for one transaction, nothing may outlive a transaction: each one is
 * given the settings that a session of our own is given once, in the same round trip, and checks its server.
 */
#include "adapters/postgres/connection/connection_internal.h"
#include "adapters/postgres/connector/session_setup.h"

#include <string.h>

#define ARENA_SIZE 1024

/* Of SET_FOR_TRANSACTION on another server than was expected. */
#define INVALID_VALUE "22023"

/* ---- before it is sent ---- */

static bool begins_transaction(const struct query *query)
{
	return query->statement == BEGIN_SNAPSHOT || query->statement == BEGIN_LOCKING;
}

static struct query *add_settings(const struct connection *connection, struct segment *segment, size_t at)
{
	struct query *settings = segment_insert(segment, at, SET_FOR_TRANSACTION);

	query_text(settings, session_statement_timeout(connection->config.use));
	query_text(settings, session_lock_timeout(connection->config.use));
	if (connection->mark)
		query_int8(settings, connection->mark);
	else
		query_null(settings);
	return settings;
}

void connection_fit_job(struct connection *connection, struct job *job)
{
	struct segment *segment = job->segment;
	PGTransactionStatusType status = PQtransactionStatus(connection->pg);
	bool is_open = status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
	size_t at = 0;

	if (segment->count && segment->queries[0]->statement == ROLLBACK) {
		segment->queries[0]->is_needless = !is_open;
		is_open = false;
		at++;
	}
	if (is_open || at == segment->count)
		return;
	if (begins_transaction(segment->queries[at]))
		at++;
	job->settings = add_settings(connection, segment, at);
}

/* ---- once it is answered ---- */

bool connection_strayed(const struct job *job, const struct query *query, const char *sqlstate)
{
	return query && query == job->settings && sqlstate && !strcmp(sqlstate, INVALID_VALUE);
}

void connection_learn_mark(struct connection *connection, const struct job *job)
{
	if (!job->failed && job->settings && !connection->mark)
		connection->mark = result_int8(job->settings, 0, 0);
}

static void on_ended(void *context, const struct failure *failure)
{
	struct connection *connection = context;

	(void)failure;
	connection_forget_ending(connection);
}

void connection_end_failed_transaction(struct connection *connection)
{
	if (PQtransactionStatus(connection->pg) != PQTRANS_INERROR || connection->ending.arena)
		return;
	segment_init(&connection->ending, arena_new(ARENA_SIZE));
	segment_add(&connection->ending, ROLLBACK);
	connection_run_first(connection, &connection->ending, on_ended, connection);
}

void connection_forget_ending(struct connection *connection)
{
	struct arena *arena = connection->ending.arena;

	if (!arena)
		return;
	segment_clear(&connection->ending);
	arena_free(&arena);
	connection->ending.arena = NULL;
}
