/*
 * One connection to Postgres, in pipeline mode on an event loop, that reconnects by itself.
 *
 * A connection outlives its sessions: a connector (connector.h) establishes each of them, and
 * session_setup.h prepares it.  Requests that are made while there is no session wait for one, for a second
 * at most.  Every wait has a limit.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_CONNECTION_PG_CONNECTION_H
#define ALLOCD_ADAPTERS_POSTGRES_CONNECTION_PG_CONNECTION_H

#include "adapters/postgres/connection/query_pipeline.h"
#include "adapters/postgres/connection/session_start.h"
#include "adapters/postgres/connector/known_servers.h"
#include "adapters/system/url_source.h"
#include "bus/ports/failure.h"
#include "bus/ports/logger.h"
#include "bus/statistics/connection_statistics.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pg_connection;

struct pg_connection_config {
	struct event_base *base;
	struct url_source url;
	struct known_servers *servers; /* shared by the process's connections; NULL: it is alone */
	const char *name;              /* identifies the connection in the log; copied */
	struct logger *logger;
	unsigned use;     /* enum session_use */
	uint64_t *losses; /* incremented for each session that is lost; may be NULL */
	struct connection_statistics *connections; /* counts it by its name; NULL: nothing does */
	int answer_timeout_ms; /* a server that is silent for longer is given up; 0: the default */
	enum session_start start;
};

/*
 * `failure` is NULL if everything in the pipeline was done, and committed unless a transaction block is
 * open.
 */
typedef void query_pipeline_done(void *context, const struct failure *failure);

enum query_pipeline_effect {
	PIPELINE_READS,   /* safe to repeat: a lost connection means FAILURE_RETRY */
	PIPELINE_COMMITS, /* a connection lost after sending means FAILURE_UNCERTAIN */
};

/* Returns a new connection, which begins to connect by itself. */
struct pg_connection *pg_connection_new(const struct pg_connection_config *config);

/*
 * Drops everything; requests in progress are never answered.  Must not be called from within a callback.
 * Accepts NULL in *connection and nulls it.
 */
void pg_connection_free(struct pg_connection **connection);

/*
 * Sends the pipeline, after those passed earlier, as one transaction. `done` is called exactly once and never
 * before this returns; until then the pipeline must not change.
 */
void pg_connection_run(struct pg_connection *connection, struct query_pipeline *pipeline,
		       enum query_pipeline_effect effect, query_pipeline_done *done, void *context);

/*
 * Whether the database has deferred triggers, which run at the commit, where statement_timeout does not
 * apply; as of the latest session.
 */
bool pg_connection_defers_triggers(const struct pg_connection *connection);

/* The server of the session, as libpq says it, until the event loop turns.  False: there is no session. */
bool pg_connection_server(const struct pg_connection *connection, const char **host, const char **port,
			  const char **database);

/* Whether a request would be sent at once, and not wait for a session. */
bool pg_connection_has_session(const struct pg_connection *connection);

#endif
