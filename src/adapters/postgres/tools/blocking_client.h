/*
 * Talking to Postgres and waiting for each answer, with an end to patience: for what is done before there is
 * an event loop, or without one.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_TOOLS_BLOCKING_CLIENT_H
#define ALLOCD_ADAPTERS_POSTGRES_TOOLS_BLOCKING_CLIENT_H

#include "adapters/system/url_source.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#define CLIENT_TEXT_SIZE 512

struct blocking_client {
	PGconn *pg;
	int64_t deadline_ms;
	bool pooled;        /* see url_source.h: then each transaction lifts the time limits by itself */
	const char *defect; /* of the connection string or the server, where a retry is of no use; or NULL */
	char sqlstate[6];   /* of the last error; empty: the connection's own */
	char text[CLIENT_TEXT_SIZE]; /* what went wrong, in one line */
};

/*
 * Connects (see connector.h).  With CLIENT_READS a server that refuses writes is used where no other one is
 * found; with CLIENT_DRY_RUNS a pooler that lends sessions for one transaction is refused, whatever
 * url->pooled says.  False: see `defect` and `text`.
 */
enum blocking_client_need { CLIENT_READS, CLIENT_WRITES, CLIENT_DRY_RUNS };
bool blocking_client_connect(struct blocking_client *client, const struct url_source *url,
			     enum blocking_client_need need, int timeout_ms);
void blocking_client_close(struct blocking_client *client);

/* Its patience begins anew. */
void blocking_client_set_deadline(struct blocking_client *client, int timeout_ms);

/* Whether the last error is one that passes: no connection, no answer in time, the server's own trouble. */
bool blocking_client_may_retry(const struct blocking_client *client);

/* How long its patience lasts still. */
int blocking_client_remaining_ms(const struct blocking_client *client);

/* From here on an answer may take as long as it takes. */
void blocking_client_clear_deadline(struct blocking_client *client);

/* Parameters and results are text.  NULL: see `sqlstate` and `text`.  The caller clears the result. */
PGresult *blocking_client_query(struct blocking_client *client, const char *sql, int count,
				const char *const *params);

/* Of a result: a whole number; a bytea, which the caller gives back with PQfreemem(). */
int64_t blocking_client_number(const PGresult *result, int row, int column);
unsigned char *blocking_client_bytea(const PGresult *result, int row, int column, size_t *size);

/* Makes `text` the last error, one that may pass.  Returns false. */
bool blocking_client_fail(struct blocking_client *client, const char *text);

/* Any number of statements, results dropped. */
bool blocking_client_execute(struct blocking_client *client, const char *sql);

/* The same, the first of which is BEGIN: for all behind it, time is limited by `sql` alone. */
bool blocking_client_begin_transaction(struct blocking_client *client, const char *sql);

#endif
