/* Results of the queries that `allocd-bench` sends to the database. */
#ifndef ALLOCD_ADAPTERS_POSTGRES_TOOLS_BENCH_RESULTS_H
#define ALLOCD_ADAPTERS_POSTGRES_TOOLS_BENCH_RESULTS_H

#include <stdint.h>

/* What a run left behind: counts of rows, and the sum of all batches in `allocated`. */
struct bench_results {
	int64_t handled; /* ids in the inbox */
	int64_t allocated;
	int64_t lines, shown; /* on the write side, in the read model */
	int64_t dead_letters;
};

/* The findings that are reported one by one. */
struct run_listener {
	void (*missing)(void *context, int64_t number); /* a message that is not in the inbox */
	void (*product)(void *context, int64_t sku, int64_t version);
	void (*dead_letter)(void *context, const char *outcome, const char *id,
			    const char *reason); /* for the first few */
};

/* The server's own figures at one instant. */
struct database_gauges {
	int64_t backend;   /* the process that serves us; 0: on another machine */
	int64_t wal_bytes; /* written until now */
};

#endif
