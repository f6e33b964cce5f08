/* Finds active shrinks, and deletes expired rows. */
#include "adapters/postgres/store/pg_store.h"

#include <stdlib.h>

/* Rows deleted at once: few enough not to delay other sessions. */
#define DELETE_EXPIRED_ROWS 1000

/* Rows of each partition of the outbox deleted at once. */
#define DELETE_EXPIRED_OUTBOX_ROWS 100

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

struct cleanup_round {
	struct postgres_store *store;
	struct cleanup *cleanup;
	struct query *units, *inbox, *outbox, *windows, *history, *discarded, *letters, *totals;
};

static bool has_more(const struct query *query)
{
	return query_affected(query) == DELETE_EXPIRED_ROWS;
}

static bool is_caught_up(struct expired_rows *expired, const struct query *query)
{
	return !expired_rows_advance(expired, result_int8(query, 0, 0), result_int8(query, 0, 1),
				     result_instant(query, 0, 2));
}

/* Dead letters are read in a circle, by their ids. Returns true if the next page is due at once. */
static bool has_more_letters(struct postgres_store *store, const struct query *query)
{
	bool is_page = result_int8(query, 0, 0) == DELETE_EXPIRED_ROWS;

	store->last_dead_letter = is_page ? result_int8(query, 0, 2) : 0;
	return is_page && result_int8(query, 0, 1) > 0;
}

static void set_cleanup(struct cleanup_round *round)
{
	bool units_are_done = is_caught_up(&round->store->units, round->units),
	     inbox_is_done = is_caught_up(&round->store->inbox, round->inbox),
	     letters_are_left = has_more_letters(round->store, round->letters);

	round->cleanup->more = !units_are_done || !inbox_is_done || has_more(round->windows) ||
			       has_more(round->history) || has_more(round->discarded) || letters_are_left ||
			       query_affected(round->outbox) >= DELETE_EXPIRED_OUTBOX_ROWS;
	round->cleanup->dead_letters = result_int8(round->totals, 0, 0);
	round->cleanup->dead_letters_dropped = result_int8(round->totals, 0, 1);
}

static void on_cleaned_up(void *context, const struct failure *failure)
{
	struct cleanup_round *round = context;

	*round->cleanup = (struct cleanup){0};
	if (!failure)
		set_cleanup(round);
	store_answer(round->store, failure);
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

static struct query *add_dead_letters_delete(struct query_pipeline *pipeline,
					     const struct postgres_store *store)
{
	struct query *query = query_pipeline_add(pipeline, DELETE_EXPIRED_DEAD_LETTERS);

	query_int8(query, store->last_dead_letter);
	query_int4(query, store->dead_letters_days);
	query_int4(query, DELETE_EXPIRED_ROWS);
	return query;
}

void store_clean_up(struct chores_store *port, struct cleanup *cleanup, store_done *done, void *context)
{
	struct postgres_store *store = store_of_chores(port);
	struct query_pipeline *pipeline = store_begin(store, done, context);
	struct cleanup_round *round = arena_alloc(store->arena, sizeof *round);

	round->store = store;
	round->cleanup = cleanup;
	round->units = add_page_delete(pipeline, DELETE_EXPIRED_UNITS, &store->units);
	round->inbox = add_page_delete(pipeline, DELETE_EXPIRED_INBOX, &store->inbox);
	query_int4(round->inbox, store->inbox_days);
	round->outbox = add_limited_delete(pipeline, DELETE_EXPIRED_OUTBOX, DELETE_EXPIRED_OUTBOX_ROWS);
	round->windows = add_limited_delete(pipeline, DELETE_EXPIRED_BLIND_WINDOWS, DELETE_EXPIRED_ROWS);
	round->history = add_limited_delete(pipeline, DELETE_EXPIRED_HISTORY, DELETE_EXPIRED_ROWS);
	round->discarded =
		add_limited_delete(pipeline, DELETE_EXPIRED_DISCARDED_LETTERS, DELETE_EXPIRED_ROWS);
	round->letters = add_dead_letters_delete(pipeline, store);
	round->totals = query_pipeline_add(pipeline, READ_DEAD_LETTER_TOTALS);
	store_send(store, PIPELINE_READS, on_cleaned_up, round);
}
