/* Reads what a run of `allocd-bench` left in the database; its rows are recognized by their names. */
#ifndef ALLOCD_ADAPTERS_POSTGRES_TOOLS_BENCH_QUERIES_H
#define ALLOCD_ADAPTERS_POSTGRES_TOOLS_BENCH_QUERIES_H

#include "adapters/postgres/tools/bench_results.h"
#include "adapters/postgres/tools/blocking_client.h"

/* Each of these returns false after a failure: see the client. */

/* Counts the spent message ids that begin with RUN-m. */
bool postgres_count_spent(struct blocking_client *client, const char *run, int64_t *count);

/* Reads the results of a run in one snapshot; `expected` messages were sent. */
bool postgres_find_run(struct blocking_client *client, const char *run, uint32_t expected,
		       struct bench_results *results, const struct run_listener *listener, void *context);

/* Reads the server's gauges. */
bool postgres_read_gauges(struct blocking_client *client, struct database_gauges *gauges);

#endif
