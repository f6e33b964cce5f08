/*
 * How a connection to Postgres begins: the connection string is handed to libpq as it is, PG* variables are
 * honoured, and what neither says is set so that a dead peer is found within 5 seconds.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_CONNINFO_H
#define ALLOCD_ADAPTERS_POSTGRES_CONNINFO_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Begins to connect; go on with PQconnectPoll.  A host name is looked up before this returns.  NULL when the
 * connection string cannot be read; *defect then says so, in words that hold nothing of it (libpq's own
 * repeat it, with the password).
 */
PGconn *conninfo_connect_start(const char *conninfo, const char **defect);

/* How long the connection may take, in all: libpq's connect_timeout, or ours. */
int conninfo_connect_timeout_ms(PGconn *pg);

/* What libpq said last, in one line. */
void conninfo_error(const PGconn *pg, char *text, size_t size);

/* Makes one line of several. */
void conninfo_join_lines(char *text);

#endif
