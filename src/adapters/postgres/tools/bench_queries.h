/* What a run of `allocd-bench` left in the database: the run finds its own rows by their names. */
#ifndef ALLOCD_ADAPTERS_POSTGRES_TOOLS_BENCH_QUERIES_H
#define ALLOCD_ADAPTERS_POSTGRES_TOOLS_BENCH_QUERIES_H

#include "adapters/postgres/tools/bench_results.h"
#include "adapters/postgres/tools/blocking_client.h"

/* Each of these is false when the database did not answer: see the dialogue. */

/* How many message ids are spent that begin with RUN-m. */
bool postgres_count_spent(struct blocking_client *client, const char *run, int64_t *count);

/* In one snapshot; `expected` messages were sent. */
bool postgres_find_run(struct blocking_client *client, const char *run, uint32_t expected,
		       struct bench_results *results, const struct run_listener *listener, void *context);

/* What the server's gauges say now. */
bool postgres_read_gauges(struct blocking_client *client, struct database_gauges *gauges);

#endif
