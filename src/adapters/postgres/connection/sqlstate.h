/*
 * What Postgres' error codes mean for us (https://www.postgresql.org/docs/current/errcodes-appendix.html).
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_CONNECTION_SQLSTATE_H
#define ALLOCD_ADAPTERS_POSTGRES_CONNECTION_SQLSTATE_H

#include "bus/ports/failure.h"

#include <stdbool.h>

/* `constraint` names the violated constraint; it may be NULL, as may `sqlstate`. */
enum failure_kind sqlstate_kind(const char *sqlstate, const char *constraint);

/*
 * Whether the session can no longer be used, although it is alive: its prepared statements are gone or do
 * not fit the tables any more (during a migration), or the server has become read-only.
 */
bool sqlstate_ends_session(const char *sqlstate);

#endif
