/*
 * The flush writes everything that a unit of work changed, in one round trip and one transaction.
 *
 * All workers send the statements in the same order: witness, inbox, products, batches, lines, shrinks, read
 * model, notifications, dead letters, cursors, outbox.  Within a table, rows that two workers could both
 * lock are sorted by their keys; all rows of a product are guarded by the product's own row, which is locked
 * first.
 */
#include "adapters/postgres/store/flush.h"
#include "core/partition.h"
#include "core/product_repository.h"

#include <stdlib.h>
#include <string.h>

/*
 * How long a parked message may hold the heads of the outbox: a time below lock_timeout (see session_setup.c)
 * and a millisecond for each KiB of frames.
 */
#define HEADS_MS     300
#define BYTES_PER_MS 1024

/* ---- rows in the order of their keys ---- */

void *flush_sorted(struct flush *flush, const void *pointers, size_t count, comparison *compare)
{
	void *copy = arena_copy(flush->pipeline->arena, pointers, count * sizeof(void *));

	if (count)
		qsort(copy, count, sizeof(void *), compare);
	return copy;
}

static int by_id(const void *left, const void *right)
{
	const struct inbox_slot *const *a = left, *const *b = right;

	return strcmp((*a)->key, (*b)->key);
}

static int by_line(const void *left, const void *right)
{
	const struct view_change *const *a = left, *const *b = right;
	int difference = strcmp((*a)->orderid, (*b)->orderid);

	if (!difference)
		difference = strcmp((*a)->sku, (*b)->sku);
	return difference ? difference : ((*a)->qty > (*b)->qty) - ((*a)->qty < (*b)->qty);
}

/* ---- inbox ---- */

static void insert_inbox(struct flush *flush)
{
	const struct unit_of_work *uow = flush->uow;
	struct inbox_slot **slots = flush_sorted(flush, uow->inbox, uow->inbox_count, by_id);
	struct query *query = query_pipeline_add(flush->pipeline, INSERT_INBOX);
	struct param *messages = query_array(query, ARRAY_TEXT), *sources = query_array(query, ARRAY_TEXT),
		     *ids = query_array(query, ARRAY_TEXT), *digests = query_array(query, ARRAY_INT8),
		     *outcomes = query_array(query, ARRAY_TEXT);

	for (size_t i = 0; i < uow->inbox_count; i++) {
		if (slots[i]->outcome == OUTCOME_NONE)
			continue;
		array_text(messages, slots[i]->parts.message);
		array_text(sources, slots[i]->parts.source);
		array_text(ids, slots[i]->parts.id);
		array_int8(digests, (int64_t)slots[i]->digest);
		array_text(outcomes, outcome_name(slots[i]->outcome));
	}
}

/* ---- the read model ---- */

/* Adds a query whose first arrays are the keys of the read model's rows. */
static struct query *add_view_query(struct flush *flush, enum statement_name statement)
{
	struct query *query = query_pipeline_add(flush->pipeline, statement);

	query_array(query, ARRAY_TEXT);
	query_array(query, ARRAY_TEXT);
	query_array(query, ARRAY_INT4);
	return query;
}

static void add_view_key(struct query *query, const struct view_change *row)
{
	array_text(&query->params[0], row->orderid);
	array_text(&query->params[1], row->sku);
	array_int4(&query->params[2], row->qty);
}

/*
 * A row that should be new but exists, because the read model was wrong, is a conflict; the unit is then
 * redone with locks and corrects the row.
 */
static void write_views(struct flush *flush)
{
	const struct unit_of_work *uow = flush->uow;
	struct view_change **rows = flush_sorted(flush, uow->views, uow->view_count, by_line);
	struct query *delete = add_view_query(flush, DELETE_VIEW), *upsert = add_view_query(flush, PUT_VIEW),
		     *insert = add_view_query(flush, INSERT_VIEW);

	query_array(upsert, ARRAY_TEXT);
	query_array(insert, ARRAY_TEXT);
	for (size_t i = 0; i < uow->view_count; i++) {
		struct query *write = rows[i]->is_new && !uow->locking ? insert : upsert;

		add_view_key(rows[i]->batchref ? write : delete, rows[i]);
		if (rows[i]->batchref)
			array_text(&write->params[3], rows[i]->batchref);
	}
}

/* ---- notifications ---- */

static struct query *insert_notifications(struct flush *flush)
{
	const struct unit_of_work *uow = flush->uow;
	struct query *query = query_pipeline_add(flush->pipeline, INSERT_NOTIFICATIONS);
	struct param *skus = query_array(query, ARRAY_TEXT), *orderids = query_array(query, ARRAY_TEXT),
		     *qtys = query_array(query, ARRAY_INT4);

	query_int4(query, NOTIFICATION_LEASE);
	for (size_t i = 0; i < uow->notification_count; i++) {
		array_text(skus, uow->notifications[i].sku);
		array_text(orderids, uow->notifications[i].orderid);
		array_int4(qtys, uow->notifications[i].qty);
	}
	return query;
}

/* ---- the outbox ---- */

void store_move_cursors(struct query_pipeline *pipeline, const struct cursor *cursors, size_t count)
{
	struct query *query = query_pipeline_add(pipeline, MOVE_CURSORS);
	struct param *partitions = query_array(query, ARRAY_INT2),
		     *positions = query_array(query, ARRAY_INT8);

	for (size_t i = 0; i < count; i++) {
		array_int2(partitions, cursors[i].partition);
		array_int8(positions, cursors[i].position);
	}
}

/*
 * Adds the heads that move, in order; numbers[partition] is the place of the partition's head among them,
 * from 1.
 */
static void add_heads(const struct unit_of_work *uow, struct query *query, int numbers[PARTITIONS])
{
	struct param *partitions = query_array(query, ARRAY_INT2), *counts = query_array(query, ARRAY_INT8);
	int64_t rows[PARTITIONS] = {0};
	int number = 0;

	for (size_t i = 0; i < uow->outbox_count; i++)
		rows[uow->outbox[i].partition]++;
	for (int partition = 0; partition < PARTITIONS; partition++) {
		if (!rows[partition])
			continue;
		array_int2(partitions, partition);
		array_int8(counts, rows[partition]);
		numbers[partition] = ++number;
	}
}

static void add_outbox_rows(const struct unit_of_work *uow, struct query *query,
			    const int numbers[PARTITIONS])
{
	struct param *partitions = query_array(query, ARRAY_INT2), *heads = query_array(query, ARRAY_INT4),
		     *steps = query_array(query, ARRAY_INT8), *products = query_array(query, ARRAY_INT8),
		     *firsts = query_array(query, ARRAY_INT8), *lasts = query_array(query, ARRAY_INT8),
		     *frames = query_array(query, ARRAY_BYTEA);
	int64_t rows[PARTITIONS] = {0};

	for (size_t i = 0; i < uow->outbox_count; i++) {
		const struct outbox_row *row = &uow->outbox[i];

		array_int2(partitions, row->partition);
		array_int4(heads, numbers[row->partition]);
		array_int8(steps, ++rows[row->partition]);
		array_int8(products, row->product->key);
		array_int8(firsts, row->first_version);
		array_int8(lasts, row->last_version);
		array_bytes(frames, row->frame);
	}
}

/*
 * A transaction that locks a head blocks every SKU of its partition.  A parked message may be slow at just
 * this statement (a trigger on the outbox): it then fails before the others' lock_timeout ends, and is
 * retried.
 */
static void limit_head_time(struct flush *flush)
{
	size_t bytes = 0;

	for (size_t i = 0; i < flush->uow->outbox_count; i++)
		bytes += flush->uow->outbox[i].frame.size;
	if (flush->uow->outbox_count)
		store_set_statement_time(flush->pipeline, HEADS_MS + (int)(bytes / BYTES_PER_MS));
}

static struct query *insert_outbox(struct flush *flush)
{
	struct query *query;
	int numbers[PARTITIONS];

	if (flush->store->is_parking)
		limit_head_time(flush);
	query = query_pipeline_add(flush->pipeline, INSERT_OUTBOX);

	add_heads(flush->uow, query, numbers);
	add_outbox_rows(flush->uow, query, numbers);
	return query;
}

/* ---- the flush ---- */

static void on_flushed(void *context, const struct failure *failure);

void store_flush(struct unit_store *port, struct unit_of_work *uow, store_done *done, void *context)
{
	struct postgres_store *store = store_of_units(port);
	bool is_locked = uow->locking && store->in_transaction;
	struct query_pipeline *pipeline =
		is_locked ? store_continue(store, done, context) : store_begin(store, done, context);
	struct flush *flush = arena_alloc(store->arena, sizeof *flush);

	*flush = (struct flush){.store = store, .uow = uow, .pipeline = pipeline};
	store_set_statement_time(pipeline, uow->statement_ms);
	flush->witness = query_pipeline_add(pipeline, INSERT_WITNESS);
	query_uuid(flush->witness, uow->witness);
	insert_inbox(flush);
	flush_products(flush);
	write_views(flush);
	flush->notifications = insert_notifications(flush);
	/*
	 * Deferred triggers run now: at the commit they would hold the heads, and no timeout of the server
	 * would end them.
	 */
	if (pg_connection_defers_triggers(store->connection))
		query_pipeline_add(pipeline, DEFER_NO_LONGER);
	flush_dead_letters(flush);
	store_move_cursors(pipeline, uow->cursors, uow->cursor_count);
	flush->outbox = insert_outbox(flush);
	if (is_locked)
		query_pipeline_add(pipeline, COMMIT);
	store_send(store, PIPELINE_COMMITS, on_flushed, flush);
}

/* The rows of a partition got the positions after its head, in their order. */
static void set_positions(struct flush *flush)
{
	int64_t heads[PARTITIONS] = {0};

	for (int row = 0; row < query_rows(flush->outbox); row++)
		heads[result_int2(flush->outbox, row, 0)] = result_int8(flush->outbox, row, 1);
	for (size_t i = 0; i < flush->uow->outbox_count; i++) {
		struct outbox_row *row = &flush->uow->outbox[i];

		row->position = ++heads[row->partition];
	}
}

static void on_flushed(void *context, const struct failure *failure)
{
	struct flush *flush = context;
	struct postgres_store *store = flush->store;

	if (!failure) {
		store->in_transaction = false;
		flush->uow->now = result_instant(flush->witness, 0, 0);
		set_positions(flush);
		for (int row = 0; row < query_rows(flush->notifications); row++)
			flush->uow->notifications[row].key = result_int8(flush->notifications, row, 0);
	}
	store_answer(store, failure);
}
