/*
 * The parts that operators' commands share: a blocking connection to the database, one to Redis, and error
 * reports.
 *
 * A function that returns false has reported the failure on standard error; `status` is then the exit
 * status.
 */
#ifndef ALLOCD_ENTRYPOINTS_ADMIN_ADMIN_TOOLS_H
#define ALLOCD_ENTRYPOINTS_ADMIN_ADMIN_TOOLS_H

#include "adapters/postgres/tools/blocking_client.h"
#include "adapters/redis/tools/redis_client.h"
#include "entrypoints/cli/commands.h"

struct redis_query;

struct tools {
	const struct invocation *invocation;
	enum exit_status status;
	struct codec
		*codec; /* reads events as they are stored: JSON or MessagePack, in an envelope or bare */

	struct blocking_client client; /* see tools_client() */
	bool has_client;

	struct url_source redis_url;
	struct redis_client *redis; /* set once tools_open_redis() has returned true */
	struct redis_query *query;  /* set once tools_ask_whether_idle() was called */
	char redis_error[REDIS_TROUBLE_MAX];
};

/* Does not connect yet. */
struct tools *tools_new(const struct invocation *invocation);

/* Returns `status`, and nulls *tools. */
enum exit_status tools_free(struct tools **tools);

/* Connects to the database, and refuses one that does not fit this program. */
bool tools_open_database(struct tools *tools);

/* The open connection to the database, with the full time for the next answer. */
struct blocking_client *tools_client(struct tools *tools);

/* Reports the client's last error.  Returns false. */
bool tools_report_database(struct tools *tools);

bool tools_open_redis(struct tools *tools);

/* Reports `redis_error`.  Returns false. */
bool tools_report_redis(struct tools *tools);

/* Reports any other failure, in two parts.  Returns false. */
bool tools_report(struct tools *tools, enum exit_status status, const char *what, const char *why);

/* The name of a channel or stream with the configured prefix. */
const char *tools_prefixed(const struct tools *tools, const char *name);

/*
 * Counts the entries of the stream, up to the id `up_to` ("+": all), that the group has not acknowledged: of
 * those that it did not read, and of the others, 1000 each at most.
 */
bool tools_count_entries(struct tools *tools, const char *stream, const char *up_to, int64_t *count);

/*
 * Asks every worker to answer when it is idle, and waits for the answers: *asked is how many workers there
 * are, *answered how many answered in time.
 */
bool tools_ask_whether_idle(struct tools *tools, int64_t timeout_ms, int64_t *asked, int64_t *answered);

#endif
