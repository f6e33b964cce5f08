/*
 * Calls of a port that takes several at a time: each has a segment of its own, and all of them are known, so
 * that they can be dropped together.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_CONNECTION_CALL_LIST_H
#define ALLOCD_ADAPTERS_POSTGRES_CONNECTION_CALL_LIST_H

#include "adapters/postgres/connection/query_pipeline.h"

/* First in a struct of the port's own. */
struct pg_call {
	struct pg_call *next, **link;
	struct arena *arena; /* holds all of it */
	struct query_pipeline pipeline;
};

/* A call of `size` bytes in all, zeroed but for the call itself, which is the first of `calls` now. */
void *pg_call_begin(struct pg_call **calls, size_t size);

/* Frees it, with its results. */
void pg_call_end(struct pg_call *call);

#endif
