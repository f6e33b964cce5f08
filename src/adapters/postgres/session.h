/*
 * What a session is before it is used: a server that will do, settings that our statements rely on, the
 * statements prepared.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_SESSION_H
#define ALLOCD_ADAPTERS_POSTGRES_SESSION_H

#include "adapters/postgres/servers.h"

#include <libpq-fe.h>
#include <stdbool.h>

/* Why this server is not for us (only an operator can help), or NULL. */
const char *session_defect(const PGconn *pg);

/*
 * Sent before anything else: the timeouts of the database or the role must not end the session before it has
 * settings of its own.  It leaves the session as a server without such settings would.
 */
extern const char session_first_statement[];

/* Why the session takes no writes, as far as the server says so by itself (Postgres 14 does), or NULL. */
const char *session_refuses_writes(const PGconn *pg);
bool session_is_on_standby(const PGconn *pg);

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

#endif
