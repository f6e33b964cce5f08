/*
 * A client of Postgres that waits for each answer, until a deadline: for programs without an event loop, or
 * before there is one.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_TOOLS_BLOCKING_CLIENT_H
#define ALLOCD_ADAPTERS_POSTGRES_TOOLS_BLOCKING_CLIENT_H

#include "adapters/system/url_source.h"
#include "core/base/arena.h"
#include "core/base/bytes.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#define CLIENT_TEXT_SIZE 512

struct blocking_client {
	PGconn *pg;
	int64_t deadline_ms;
	bool pooled; /* see url_source.h: then each transaction lifts the time limits by itself */
	char statement_timeout[16]; /* of queries outside of transactions; "": none */
	const char *defect; /* of the connection string or the server, if a retry is useless; or NULL */
	char sqlstate[6];   /* of the last error; empty for an error of the connection */
	char text[CLIENT_TEXT_SIZE]; /* what went wrong, in one line */
};

/*
 * Connects (see connector.h).  With CLIENT_READS a read-only server is used if there is no other one; with
 * CLIENT_DRY_RUNS a pooler that lends sessions for one transaction is refused even if url->pooled is set.
 * Returns false after a failure: see `defect` and `text`.
 */
enum blocking_client_need { CLIENT_READS, CLIENT_WRITES, CLIENT_DRY_RUNS };
bool blocking_client_connect(struct blocking_client *client, const struct url_source *url,
			     enum blocking_client_need need, int timeout_ms);
void blocking_client_close(struct blocking_client *client);

/* Sets the deadline to `timeout_ms` from now. */
void blocking_client_set_deadline(struct blocking_client *client, int timeout_ms);

/*
 * Whether a retry may succeed after the last error: no connection, no answer in time, or an error of the
 * server.
 */
bool blocking_client_may_retry(const struct blocking_client *client);

/* Returns the milliseconds until the deadline; -1: there is no deadline. */
int blocking_client_remaining_ms(const struct blocking_client *client);

/* Removes the deadline: answers may take any time. */
void blocking_client_clear_deadline(struct blocking_client *client);

/*
 * Runs one statement; parameters and results are text.  Returns NULL after a failure: see `sqlstate` and
 * `text`.  The caller clears the result.
 */
PGresult *blocking_client_query(struct blocking_client *client, const char *sql, int count,
				const char *const *params);

/* Values of a result: an integer; a bytea, which the caller frees with PQfreemem(). */
int64_t blocking_client_number(const PGresult *result, int row, int column);
unsigned char *blocking_client_bytea(const PGresult *result, int row, int column, size_t *size);

/* Bytes as the text of a bytea, for a parameter. */
const char *blocking_client_hexadecimal(struct arena *arena, struct bytes bytes);

/* Makes `text` the last error, after which a retry may succeed. Returns false. */
bool blocking_client_fail(struct blocking_client *client, const char *text);

/* Runs any number of statements and drops their results. */
bool blocking_client_execute(struct blocking_client *client, const char *sql);

/*
 * Executes statements of which the first one is BEGIN; only `sql` itself limits the time of those after it.
 */
bool blocking_client_begin_transaction(struct blocking_client *client, const char *sql);

#endif
