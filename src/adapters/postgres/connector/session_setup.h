/*
 * What a session is before it is used: a server that will do, settings that our statements rely on, the
 * statements prepared.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_CONNECTOR_SESSION_SETUP_H
#define ALLOCD_ADAPTERS_POSTGRES_CONNECTOR_SESSION_SETUP_H

#include "adapters/postgres/connector/known_servers.h"

#include <libpq-fe.h>
#include <stdbool.h>

/* Why this server is not for us (only an operator can help), or NULL. */
const char *session_defect(const PGconn *pg);

/* What the first statement's answer says of the server and of what is between it and us. */
struct session_state {
	int backend; /* the process that answered; see session_is_pooled() */
	bool is_on_standby, is_read_only;
	bool is_read_committed; /* by default */
};

/* Which sessions the first statement gives settings: one behind a pooler may be another client's next. */
enum session_scope { SESSION_UNLESS_POOLED, SESSION_OURS, SESSION_SHARED };

/*
 * Sent before anything else: the timeouts of the database or the role must not end the session before it has
 * settings of its own.  It leaves the session as a server without such settings would, but for the sessions
 * that `scope` spares.
 */
bool session_send_first_statement(PGconn *pg, enum session_scope scope);

/* Reads its answer; false: it is none. */
bool session_read_state(const PGresult *result, struct session_state *standing);

/* Whether a pooler is between: its keys for cancel requests name no process of the server. */
bool session_is_pooled(const PGconn *pg, const struct session_state *standing);

/*
 * Why the session takes no writes, or NULL: by that answer; and as far as the server says so by itself, which
 * Postgres 14 does and a pooler may have from another server.
 */
const char *session_state_refuses_writes(const struct session_state *standing);
const char *session_refuses_writes(const PGconn *pg);

/* What a statement of such a session may take, and wait for a lock, in Postgres' words. */
const char *session_statement_timeout(unsigned use);
const char *session_lock_timeout(unsigned use);

/* Sends the settings and statements (see enum session_use) into the pipeline, with a sync at the end. */
bool session_send_setup(PGconn *pg, unsigned use);

/*
 * Sends the question which server this is, with a sync of its own, for a server may refuse to say; and reads
 * the answer, which is all 0 where it says nothing.
 */
bool session_send_identify(PGconn *pg);
struct server_identity session_identity(const PGresult *result);

/* From the same answer: whether triggers or constraints are put off to the commit. */
bool session_defers_triggers(const PGresult *result);

/*
 * From the same answer: the mark that SET_FOR_TRANSACTION returns, too; another server, or the same one after
 * a restart, has another mark.  0: not known.
 */
int64_t session_mark(const PGresult *result);

#endif
