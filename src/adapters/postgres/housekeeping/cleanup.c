/* Finds active shrinks, and deletes expired rows. */
#include "adapters/postgres/store/pg_store.h"

#include <stdlib.h>

/* Rows deleted at once: few enough not to delay other sessions. */
#define TIDY_ROWS 1000

/* The same for each partition of the outbox. */
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
		read->skus[row] = result_text(read->query, read->arena, (int)row, 1);
	if (*read->count)
		read->store->last_shrink = result_int8(read->query, (int)*read->count - 1, 0);
	store_answer(read->store, failure);
}

void store_find_active_shrinks(struct chores_store *port, const char **skus, size_t max, size_t *count,
			       struct arena *arena, store_done *done, void *context)
{
	struct postgres_store *store = store_of_chores(port);
	struct query *query = query_pipeline_add(store_begin(store, done, context), READ_SHRINKS);
	struct shrinks_read *read = arena_alloc(store->arena, sizeof *read);

	query_int8(query, (int64_t)max);
	query_int8(query, store->last_shrink);
	*read = (struct shrinks_read){store, skus, count, arena, query};
	store_send(store, PIPELINE_READS, on_shrinks_read, read);
}

struct tidying {
	struct postgres_store *store;
	struct cleanup *cleanup;
	struct query *units, *inbox, *outbox, *windows, *history, *totals;
};

static bool has_more(const struct query *query)
{
	return query_affected(query) == TIDY_ROWS;
}

static bool is_caught_up(struct expired_rows *expired, const struct query *query)
{
	return !expired_rows_advance(expired, result_int8(query, 0, 0), result_int8(query, 0, 1),
				     result_instant(query, 0, 2));
}

static void set_tidied(struct tidying *tidying)
{
	bool units_are_swept = is_caught_up(&tidying->store->units, tidying->units),
	     inbox_is_swept = is_caught_up(&tidying->store->inbox, tidying->inbox);

	tidying->cleanup->more = !units_are_swept || !inbox_is_swept || has_more(tidying->windows) ||
				 has_more(tidying->history) ||
				 query_affected(tidying->outbox) >= TIDY_OUTBOX_ROWS;
	tidying->cleanup->dead_letters = result_int8(tidying->totals, 0, 0);
	tidying->cleanup->dead_letters_dropped = result_int8(tidying->totals, 0, 1);
}

static void on_tidied(void *context, const struct failure *failure)
{
	struct tidying *tidying = context;

	*tidying->cleanup = (struct cleanup){0};
	if (!failure)
		set_tidied(tidying);
	store_answer(tidying->store, failure);
}

static struct query *add_limited_delete(struct query_pipeline *pipeline, enum statement_name statement,
					int32_t rows)
{
	struct query *query = query_pipeline_add(pipeline, statement);

	query_int4(query, rows);
	return query;
}

static struct query *add_page_delete(struct query_pipeline *pipeline, enum statement_name statement,
				     const struct expired_rows *expired)
{
	struct query *query = query_pipeline_add(pipeline, statement);

	query_text(query, arena_printf(pipeline->arena, "(%lld,0)", (long long)expired->page));
	query_text(query, arena_printf(pipeline->arena, "(%lld,0)", (long long)expired->page + SWEEP_PAGES));
	return query;
}

void store_clean_up(struct chores_store *port, struct cleanup *cleanup, store_done *done, void *context)
{
	struct postgres_store *store = store_of_chores(port);
	struct query_pipeline *pipeline = store_begin(store, done, context);
	struct tidying *tidying = arena_alloc(store->arena, sizeof *tidying);

	tidying->store = store;
	tidying->cleanup = cleanup;
	tidying->units = add_page_delete(pipeline, TIDY_UNITS, &store->units);
	tidying->inbox = add_page_delete(pipeline, TIDY_INBOX, &store->inbox);
	query_int4(tidying->inbox, store->inbox_days);
	tidying->outbox = add_limited_delete(pipeline, TIDY_OUTBOX, TIDY_OUTBOX_ROWS);
	tidying->windows = add_limited_delete(pipeline, TIDY_BLIND_WINDOWS, TIDY_ROWS);
	tidying->history = add_limited_delete(pipeline, TIDY_HISTORY, TIDY_ROWS);
	tidying->totals = query_pipeline_add(pipeline, READ_DEAD_LETTER_TOTALS);
	store_send(store, PIPELINE_READS, on_tidied, tidying);
}
