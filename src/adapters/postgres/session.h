/*
 * What a session is before it is used: a server that will do, settings that our statements rely on, the
 * statements prepared.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_SESSION_H
#define ALLOCD_ADAPTERS_POSTGRES_SESSION_H

#include <libpq-fe.h>
#include <stdbool.h>

/* Why this server is not for us (only an operator can help), or NULL. */
const char *session_defect(const PGconn *pg);

/* Sends the settings and statements (see enum session_use) into the pipeline, with a sync at the end. */
bool session_send_setup(PGconn *pg, unsigned use);

#endif
