/*
 * Private to the connection: what connecting and sending (pg_connection.c), handling results
 * (connection_results.c) and poolers (connection_pooled.c) share.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_CONNECTION_CONNECTION_INTERNAL_H
#define ALLOCD_ADAPTERS_POSTGRES_CONNECTION_CONNECTION_INTERNAL_H

#include "adapters/postgres/connection/pg_connection.h"
#include "adapters/postgres/connection/pg_request.h"
#include "bus/base/backoff.h"

#include <event2/event_struct.h>

struct connector;

enum pg_connection_state {
	CONNECTION_WAITING,     /* waits until the next attempt is due */
	CONNECTION_CONNECTING,  /* waits for the connector to hand over a session */
	CONNECTION_PREPARING,   /* waits until the session's settings and statements are accepted */
	CONNECTION_IDENTIFYING, /* waits for the server's identity */
	CONNECTION_READY,       /* sends requests */
};

struct pg_connection {
	struct pg_connection_config config;
	enum pg_connection_state state;
	struct connection_role *role; /* or NULL */
	struct connector *connector;
	PGconn *pg;
	struct server_user server; /* the server of the session */
	bool defers_triggers;      /* see pg_connection_defers_triggers() */
	int64_t mark;              /* the server's, behind a pooler: see session_mark(); 0: not known */
	struct event *io;
	short watched;
	/*
	 * WAITING: the next attempt is due.  In later states: the server has been silent for too long.
	 * READY: also, a session that is `broken` must be ended.
	 */
	struct event timer;
	bool is_unused; /* no request came, and no attempt to connect was made */
	bool broken;    /* sending failed, or the session is `given_up` */
	const char *given_up;
	struct pg_request_queue requests;
	struct query_pipeline
		rollback;       /* of a failed transaction, behind a pooler; its arena is NULL while unused */
	struct backoff backoff; /* of the attempts since the last request that succeeded */
	struct pg_error error;  /* why there is, or was, no connection */
	struct pg_error termination;         /* the error with which the server ended the session */
	char last_error[PG_ERROR_TEXT_SIZE]; /* of the last loss or attempt; "": none since it was ready */
};

/* Arms a timer; see the state for what it limits. */
void pg_connection_set_timer(struct event *timer, int64_t delay_ms);

/*
 * Ends the session: requests that were sent are answered as lost, and the next attempt to connect follows
 * after a pause.  `silently` means that the server did not answer.
 */
void pg_connection_lose(struct pg_connection *connection, bool silently);
void pg_connection_lose_with(struct pg_connection *connection, enum failure_kind kind, const char *text);
void pg_connection_lose_after_libpq_error(struct pg_connection *connection);

/* Begins to send requests, because the session is prepared. */
void pg_connection_become_ready(struct pg_connection *connection);

/* Sends as much as the socket accepts; returns false if the connection is broken. */
bool pg_connection_flush(struct pg_connection *connection);

/* Whether an answer of the server is outstanding. */
bool pg_connection_expects_answer(const struct pg_connection *connection);

/* Runs the pipeline before the queued ones. The connection must be ready and must expect no answer. */
void pg_connection_run_first(struct pg_connection *connection, struct query_pipeline *pipeline,
			     query_pipeline_done *done, void *context);

/* Sends the queued requests that may be sent now. */
void pg_connection_send_requests(struct pg_connection *connection);

/* ---- behind a pooler: connection_pooled.c ---- */

/*
 * Pipelines are then sent one at a time: if PgBouncer answers a sync while the next pipeline is arriving, it
 * may send the rest of that pipeline to another session.
 */
static inline bool connection_is_pooled(const struct pg_connection *connection)
{
	return connection->config.url.pooled;
}

/*
 * Adds the session's settings to the transaction of a request that is about to be sent, and drops a ROLLBACK
 * outside of a transaction.
 */
void pg_connection_fit_request(struct pg_connection *connection, struct pg_request *request);

/*
 * Whether the query's error means that the pooler leads to another server than at the connection's start, or
 * that the server has restarted.  Nothing of the request was done in that case.
 */
bool pg_connection_strayed(const struct pg_request *request, const struct query *query, const char *sqlstate);

/* Reads the server's mark from an answered request, if the server did not identify itself. */
void pg_connection_learn_mark(struct pg_connection *connection, const struct pg_request *request);

/* Rolls back a failed transaction at once, because the pooler cannot lend the session before it has ended. */
void pg_connection_roll_back(struct pg_connection *connection);
void pg_connection_drop_rollback(struct pg_connection *connection);

/* ---- answers ---- */

/* Reads what arrived and writes what the socket accepts. */
void pg_connection_exchange(struct pg_connection *connection, short what);

/* Ends the session after sending or receiving failed, for the reason that the server gave, if any. */
void pg_connection_lose_broken(struct pg_connection *connection);

#endif
