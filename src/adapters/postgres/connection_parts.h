/* Inside a connection: what its life (connection.c) and its answers (connection_answers.c) share. */
#ifndef ALLOCD_ADAPTERS_POSTGRES_CONNECTION_PARTS_H
#define ALLOCD_ADAPTERS_POSTGRES_CONNECTION_PARTS_H

#include "adapters/postgres/connection.h"
#include "adapters/postgres/job.h"

#include <event2/event_struct.h>

struct connector;

enum connection_state {
	CONNECTION_WAITING,     /* for the time to try again */
	CONNECTION_CONNECTING,  /* for the connector, until a server has let us in */
	CONNECTION_PREPARING,   /* for the session's settings and statements */
	CONNECTION_IDENTIFYING, /* for the server's identity */
	CONNECTION_READY,       /* for work */
};

struct connection {
	struct connection_config config;
	enum connection_state state;
	struct connector *connector;
	PGconn *pg;
	struct server_user server; /* which one the session is on */
	bool defers_triggers;      /* see connection_defers_triggers() */
	struct event *io;
	short watched;
	/*
	 * WAITING: the next attempt is due; later: the server is silent for too long; READY: or see
	 * `broken`.
	 */
	struct event timer;
	bool broken; /* sending failed, or the session is `given_up` */
	const char *given_up;
	struct job_queue jobs;
	unsigned failures;              /* attempts since the last segment that succeeded */
	struct trouble trouble;         /* why there is, or was, no connection */
	struct trouble farewell;        /* the server's last error, when it ends the session */
	char logged[TROUBLE_TEXT_SIZE]; /* the trouble that was logged last */
};

/* Arms a timer; see the state for what it limits. */
void connection_set_timer(struct event *timer, int64_t delay_ms);

/*
 * Ends the session: jobs that were sent are answered as lost, and the next attempt to connect follows after a
 * pause.  `silently`: its server did not answer.
 */
void connection_lose(struct connection *connection, bool silently);
void connection_lose_because(struct connection *connection, enum failure_kind kind, const char *text);
void connection_lose_as_libpq_says(struct connection *connection);

/* The session is prepared. */
void connection_become_ready(struct connection *connection);

/* Sends as much as the socket takes; false when the connection is broken. */
bool connection_flush(struct connection *connection);

/* Whether the server owes an answer. */
bool connection_expects_answer(const struct connection *connection);

/* ---- answers ---- */

/* Reads and writes what the socket has and takes. */
void connection_exchange(struct connection *connection, short what);

/* Ends the session after sending or receiving failed, for the reason that the server gave, if any. */
void connection_lose_broken(struct connection *connection);

#endif
