/*
 * Calls in progress of a port that accepts several at a time: each has a pipeline of its own, and the list
 * allows the port to drop all of them.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_CONNECTION_CALL_LIST_H
#define ALLOCD_ADAPTERS_POSTGRES_CONNECTION_CALL_LIST_H

#include "adapters/postgres/connection/query_pipeline.h"

/* Embedded first in a struct of the port's own. */
struct pg_call {
	struct pg_call *next, **link;
	struct arena *arena; /* owns the call's memory */
	struct query_pipeline pipeline;
};

/* Returns a new call of `size` bytes, zeroed but for struct pg_call, and puts it first in `calls`. */
void *pg_call_begin(struct pg_call **calls, size_t size);

/* Removes the call from its list and frees it with its results. */
void pg_call_end(struct pg_call *call);

#endif
