/*
 * Private to the flush: products with their batches, lines and shrinks (flush_products.c), dead letters
 * (flush_dead_letters.c), the outbox (flush_outbox.c), and everything else (flush.c).
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_STORE_FLUSH_H
#define ALLOCD_ADAPTERS_POSTGRES_STORE_FLUSH_H

#include "adapters/postgres/store/pg_store.h"

struct flush {
	struct postgres_store *store;
	struct unit_of_work *uow;
	struct query_pipeline *pipeline;
	struct query *witness;
	struct query *keys; /* or NULL */
	struct query *notifications;
	struct query *outbox;
	int64_t first_row; /* the key of the unit's first row of the outbox; the others count on from there */
};

/* Returns a sorted copy of an array of pointers; `compare` is as for qsort(). */
typedef int comparison(const void *, const void *);
void *flush_sorted(struct flush *flush, const void *pointers, size_t count, comparison *compare);

/* Writes products, batches, lines and shrinks. */
void flush_products(struct flush *flush);

/* Inserts new dead letters, and records the outcome of those that were replayed. */
void flush_dead_letters(struct flush *flush);

/* Gives keys to the unit's rows of the outbox, and links each part of them to the events before it. */
void flush_number_rows(struct flush *flush);

/* Inserts the rows of the outbox. */
void flush_outbox(struct flush *flush);

/* Sets the positions that the rows got. */
void flush_set_positions(struct flush *flush);

#endif
