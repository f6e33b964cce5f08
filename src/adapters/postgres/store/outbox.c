/* Reads and saves cursors, and reads the outbox. */
#include "adapters/postgres/store/pg_store.h"

#include <stdio.h>

struct cursors_read {
	struct postgres_store *store;
	struct outbox_state *state;
	struct query *query;
};

static void on_cursors_read(void *context, const struct failure *failure)
{
	struct cursors_read *read = context;

	for (int row = 0; !failure && row < query_rows(read->query); row++) {
		int partition = result_int2(read->query, row, 0);

		read->state->cursors[partition] = result_int8(read->query, row, 1);
		read->state->heads[partition] = result_int8(read->query, row, 2);
		snprintf(read->state->incarnation, sizeof read->state->incarnation, "%s",
			 result_peek(read->query, row, 3));
		read->state->epoch = result_int8(read->query, row, 4);
		snprintf(read->state->timeline, sizeof read->state->timeline, "%s",
			 result_peek(read->query, row, 5));
		snprintf(read->state->system, sizeof read->state->system, "%s",
			 result_peek(read->query, row, 6));
	}
	store_answer(read->store, failure);
}

void store_read_cursors(struct outbox_store *port, struct outbox_state *state, store_done *done,
			void *context)
{
	struct postgres_store *store = store_of_outbox(port);
	struct query_pipeline *pipeline = store_begin(store, done, context);
	struct cursors_read *read = arena_alloc(store->arena, sizeof *read);

	*read = (struct cursors_read){store, state, query_pipeline_add(pipeline, READ_CURSORS)};
	store_send(store, PIPELINE_READS, on_cursors_read, read);
}

struct range_read {
	struct postgres_store *store;
	struct outbox_range *range;
	struct query *rows, *head;
};

/* Reads the rows up to the first gap. */
static void read_rows(const struct query *query, struct outbox_range *range)
{
	range->rows = arena_alloc(range->arena, (size_t)query_rows(query) * sizeof *range->rows);
	range->row_count = 0;
	for (int row = 0; row < query_rows(query); row++) {
		struct bytes frame = result_bytes(query, row, 1);
		int64_t position = result_int8(query, row, 0);

		if (position != range->after + row + 1)
			break;
		range->rows[range->row_count++] = (struct outbox_row){
			.partition = range->partition,
			.position = position,
			.frame = {arena_copy(range->arena, frame.data, frame.size), frame.size},
		};
	}
}

static void on_range_read(void *context, const struct failure *failure)
{
	struct range_read *read = context;

	if (!failure) {
		read_rows(read->rows, read->range);
		read->range->head = result_int8(read->head, 0, 0);
		read->range->epoch = result_int8(read->head, 0, 1);
	}
	store_answer(read->store, failure);
}

void store_read_outbox(struct outbox_store *port, struct outbox_range *range, store_done *done, void *context)
{
	struct postgres_store *store = store_of_outbox(port);
	struct query_pipeline *pipeline = store_begin(store, done, context);
	struct range_read *read = arena_alloc(store->arena, sizeof *read);

	read->store = store;
	read->range = range;
	read->rows = query_pipeline_add(pipeline, READ_OUTBOX);
	query_int2(read->rows, range->partition);
	query_int8(read->rows, range->after);
	query_int8(read->rows, (int64_t)range->rows_max);
	query_int8(read->rows, (int64_t)range->bytes_max);
	read->head = query_pipeline_add(pipeline, READ_HEAD);
	query_int2(read->head, range->partition);
	store_send(store, PIPELINE_READS, on_range_read, read);
}

void store_save_cursors(struct outbox_store *port, const struct cursor *cursors, size_t count,
			store_done *done, void *context)
{
	struct postgres_store *store = store_of_outbox(port);

	store_move_cursors(store_begin(store, done, context), cursors, count);
	store_send_and_answer(store, PIPELINE_READS);
}
