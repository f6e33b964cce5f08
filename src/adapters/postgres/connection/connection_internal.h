/* Inside a connection: what its life (pg_connection.c) and its answers (connection_results.c) share. */
#ifndef ALLOCD_ADAPTERS_POSTGRES_CONNECTION_CONNECTION_INTERNAL_H
#define ALLOCD_ADAPTERS_POSTGRES_CONNECTION_CONNECTION_INTERNAL_H

#include "adapters/postgres/connection/pg_connection.h"
#include "adapters/postgres/connection/pg_request.h"
#include "bus/base/backoff.h"

#include <event2/event_struct.h>

struct connector;

enum pg_connection_state {
	CONNECTION_WAITING,     /* for the time to try again */
	CONNECTION_CONNECTING,  /* for the connector, until a server has let us in */
	CONNECTION_PREPARING,   /* for the session's settings and statements */
	CONNECTION_IDENTIFYING, /* for the server's identity */
	CONNECTION_READY,       /* for work */
};

struct pg_connection {
	struct pg_connection_config config;
	enum pg_connection_state state;
	struct connector *connector;
	PGconn *pg;
	struct server_user server; /* which one the session is on */
	bool defers_triggers;      /* see pg_connection_defers_triggers() */
	int64_t mark;              /* of that server, behind a pooler: see session_mark(); 0: not known */
	struct event *io;
	short watched;
	/*
	 * WAITING: the next attempt is due; later: the server is silent for too long; READY: or see
	 * `broken`.
	 */
	struct event timer;
	bool broken; /* sending failed, or the session is `given_up` */
	const char *given_up;
	struct pg_request_queue requests;
	struct query_pipeline rollback;  /* of a transaction that failed; its arena is NULL until one did */
	struct backoff backoff;          /* of the attempts since the last request that succeeded */
	struct pg_error trouble;         /* why there is, or was, no connection */
	struct pg_error termination;     /* the server's last error, when it ends the session */
	char logged[PG_ERROR_TEXT_SIZE]; /* the trouble that was logged last */
};

/* Arms a timer; see the state for what it limits. */
void pg_connection_set_timer(struct event *timer, int64_t delay_ms);

/*
 * Ends the session: jobs that were sent are answered as lost, and the next attempt to connect follows after a
 * pause.  `silently`: its server did not answer.
 */
void pg_connection_lose(struct pg_connection *connection, bool silently);
void pg_connection_lose_with(struct pg_connection *connection, enum failure_kind kind, const char *text);
void pg_connection_lose_after_libpq_error(struct pg_connection *connection);

/* The session is prepared. */
void pg_connection_become_ready(struct pg_connection *connection);

/* Sends as much as the socket takes; false when the connection is broken. */
bool pg_connection_flush(struct pg_connection *connection);

/* Whether the server owes an answer. */
bool pg_connection_expects_answer(const struct pg_connection *connection);

/* Runs the segment before those that wait for their turn; the connection is ready and owes no answer. */
void pg_connection_run_first(struct pg_connection *connection, struct query_pipeline *pipeline,
			     query_pipeline_done *done, void *context);

/* Sends what waits for its turn. */
void pg_connection_send_requests(struct pg_connection *connection);

/* ---- behind a pooler: connection_pooled.c ---- */

/*
 * Segments are then sent one at a time: when PgBouncer has answered a sync while the next segment is
 * arriving, it may send the rest of that segment to another session.
 */
static inline bool connection_is_pooled(const struct pg_connection *connection)
{
	return connection->config.url.pooled;
}

/* Before a job is sent: adds the session's settings to its transaction; drops a ROLLBACK of nothing. */
void pg_connection_fit_request(struct pg_connection *connection, struct pg_request *request);

/*
 * Whether the query's error says that the server is not the one that the connection began on, or has
 * restarted since.  Nothing of the job was done then.
 */
bool pg_connection_strayed(const struct pg_request *request, const struct query *query, const char *sqlstate);

/* Once a job is answered: takes the server's mark from it where the server did not identify itself. */
void pg_connection_learn_mark(struct pg_connection *connection, const struct pg_request *request);

/* Rolls a failed transaction back at once, for the pooler cannot lend the session until it has ended. */
void pg_connection_roll_back(struct pg_connection *connection);
void pg_connection_drop_rollback(struct pg_connection *connection);

/* ---- answers ---- */

/* Reads and writes what the socket has and takes. */
void pg_connection_exchange(struct pg_connection *connection, short what);

/* Ends the session after sending or receiving failed, for the reason that the server gave, if any. */
void pg_connection_lose_broken(struct pg_connection *connection);

#endif
