/*
 * Prepares a session: checks the server, applies the settings that our statements rely on, and prepares the
 * statements.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_CONNECTOR_SESSION_SETUP_H
#define ALLOCD_ADAPTERS_POSTGRES_CONNECTOR_SESSION_SETUP_H

#include "adapters/postgres/connector/known_servers.h"

#include <libpq-fe.h>
#include <stdbool.h>

/* Why this server cannot be used (only an operator can help), or NULL. */
const char *session_defect(const PGconn *pg);

/* What the first statement's answer says about the server and about a pooler in between. */
struct session_state {
	int backend; /* the process that answered; see session_is_pooled() */
	bool is_on_standby, is_read_only;
	bool is_read_committed; /* by default */
};

/* The sessions that the first statement changes: one behind a pooler may be lent to another client next. */
enum session_scope { SESSION_UNLESS_POOLED, SESSION_OURS, SESSION_SHARED };

/*
 * Sends the first statement.  It precedes everything else, because timeouts of the database or the role must
 * not end the session before it has settings of its own.  It resets those settings to a server's defaults,
 * except in sessions that `scope` excludes.
 */
bool session_send_first_statement(PGconn *pg, enum session_scope scope);

/* Reads the answer; returns false if the result is not such an answer. */
bool session_read_state(const PGresult *result, struct session_state *standing);

/* Whether a pooler is in between: its keys for cancel requests do not name the server's process. */
bool session_is_pooled(const PGconn *pg, const struct session_state *standing);

/*
 * Why the session refuses writes, or NULL: according to that answer; and according to the parameters that
 * the server reports by itself, which Postgres 14 does and a pooler may have from another server.
 */
const char *session_state_refuses_writes(const struct session_state *standing);
const char *session_refuses_writes(const PGconn *pg);

/* The values of statement_timeout and lock_timeout for a session with this use (enum session_use). */
const char *session_statement_timeout(unsigned use);
const char *session_lock_timeout(unsigned use);

/* Sends the settings and statements (see enum session_use) into the pipeline, with a sync at the end. */
bool session_send_setup(PGconn *pg, unsigned use);

/*
 * Asks which server this is, with a sync of its own because a server may refuse to answer; and reads the
 * answer, which is all 0 after a refusal.
 */
bool session_send_identify(PGconn *pg);
struct server_identity session_identity(const PGresult *result);

/* Whether triggers or constraints are deferred to the commit, from the answer to session_send_identify(). */
bool session_defers_triggers(const PGresult *result);

/*
 * From the same answer: the server's mark, which SET_FOR_TRANSACTION returns, too.  Another server has
 * another mark, and so has the same one after a restart. 0: not known.
 */
int64_t session_mark(const PGresult *result);

#endif
