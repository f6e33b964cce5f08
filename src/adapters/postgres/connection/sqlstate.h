/*
 * What Postgres' error codes mean for us (https://www.postgresql.org/docs/current/errcodes-appendix.html).
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_CONNECTION_SQLSTATE_H
#define ALLOCD_ADAPTERS_POSTGRES_CONNECTION_SQLSTATE_H

#include "bus/ports/failure.h"

#include <stdbool.h>

/* `constraint` is the name of the one that was violated; it may be NULL, as may `sqlstate`. */
enum failure_kind sqlstate_kind(const char *sqlstate, const char *constraint);

/*
 * Whether the session is of no more use, though it lives: what it prepared is gone or does not fit the tables
 * any more (somebody migrates), or the server is one that does not take writes now.
 */
bool sqlstate_ends_session(const char *sqlstate);

#endif
