/* What is to be gone on with, and what can go. */
#include "adapters/postgres/store.h"

#include <stdlib.h>

/* Rows that go at once: few enough that nobody notices. */
#define TIDY_ROWS 1000

/* The same for the outbox, a partition. */
#define TIDY_OUTBOX_ROWS 100

struct shrinks_read {
	struct postgres_store *store;
	const char **skus;
	size_t *count;
	struct arena *arena;
	struct query *query;
};

static void on_shrinks_read(void *context, const struct failure *failure)
{
	struct shrinks_read *read = context;

	*read->count = failure ? 0 : (size_t)query_rows(read->query);
	for (size_t row = 0; row < *read->count; row++)
		read->skus[row] = result_text(read->query, read->arena, (int)row, 0);
	store_answer(read->store, failure);
}

void store_unfinished_shrinks(struct store *port, const char **skus, size_t max, size_t *count,
			      struct arena *arena, store_done *done, void *context)
{
	struct postgres_store *store = postgres_store(port);
	struct query *query = segment_add(store_begin(store, done, context), READ_SHRINKS);
	struct shrinks_read *read = arena_alloc(store->arena, sizeof *read);

	query_int8(query, (int64_t)max);
	*read = (struct shrinks_read){store, skus, count, arena, query};
	store_send(store, SEGMENT_READS, on_shrinks_read, read);
}

struct tidying {
	struct postgres_store *store;
	struct tidied *tidied;
	struct query *units, *inbox, *outbox;
};

static void on_tidied(void *context, const struct failure *failure)
{
	struct tidying *tidying = context;

	*tidying->tidied = (struct tidied){0};
	tidying->tidied->more = !failure && (query_affected(tidying->units) == TIDY_ROWS ||
					     query_affected(tidying->inbox) == TIDY_ROWS ||
					     query_affected(tidying->outbox) >= TIDY_OUTBOX_ROWS);
	store_answer(tidying->store, failure);
}

void store_tidy(struct store *port, struct tidied *tidied, store_done *done, void *context)
{
	struct postgres_store *store = postgres_store(port);
	struct segment *segment = store_begin(store, done, context);
	struct tidying *tidying = arena_alloc(store->arena, sizeof *tidying);

	tidying->store = store;
	tidying->tidied = tidied;
	tidying->units = segment_add(segment, TIDY_UNITS);
	query_int4(tidying->units, TIDY_ROWS);
	tidying->inbox = segment_add(segment, TIDY_INBOX);
	query_int4(tidying->inbox, TIDY_ROWS);
	query_int4(tidying->inbox, store->inbox_days);
	tidying->outbox = segment_add(segment, TIDY_OUTBOX);
	query_int4(tidying->outbox, TIDY_OUTBOX_ROWS);
	store_send(store, SEGMENT_READS, on_tidied, tidying);
}
