/*
 * Private to the flush: products with their batches, lines and shrinks (flush_products.c), dead letters
 * (flush_dead_letters.c), and everything else (flush.c).
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_STORE_FLUSH_H
#define ALLOCD_ADAPTERS_POSTGRES_STORE_FLUSH_H

#include "adapters/postgres/store/pg_store.h"

struct flush {
	struct postgres_store *store;
	struct unit_of_work *uow;
	struct query_pipeline *pipeline;
	struct query *witness;
	struct query *notifications;
	struct query *outbox;
};

/* Returns a sorted copy of an array of pointers; `compare` is as for qsort(). */
typedef int comparison(const void *, const void *);
void *flush_sorted(struct flush *flush, const void *pointers, size_t count, comparison *compare);

/* Writes products, batches, lines and shrinks. */
void flush_products(struct flush *flush);

/* Inserts new dead letters, and records the outcome of those that were replayed. */
void flush_dead_letters(struct flush *flush);

#endif
