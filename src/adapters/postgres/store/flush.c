/*
 * The flush writes everything that a unit of work changed, in one round trip and one transaction.
 *
 * All workers send the statements in the same order: witness, leases, inbox, products, batches, lines,
 * shrinks, read model, notifications, dead letters, processes, cursors, the outbox's directory, outbox.
 * Within a table, rows that two workers could both lock are sorted by their keys; all rows of a product are
 * guarded by the product's own row, which is locked first.
 */
#include "adapters/postgres/store/flush.h"
#include "core/product_repository.h"

#include <stdlib.h>
#include <string.h>

/*
 * A unit whose products are all cached loads nothing, but needs a key for its rows of the outbox: a flush
 * reserves further ones when fewer than this are left.
 */
#define KEYS_LEFT 50

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

/* ---- processes ---- */

static void delete_processes(struct flush *flush)
{
	const struct unit_of_work *uow = flush->uow;
	struct param *keys = query_array(query_pipeline_add(flush->pipeline, DELETE_PROCESSES), ARRAY_INT8);

	for (size_t i = 0; i < uow->ended_count; i++)
		array_int8(keys, uow->ended[i]);
}

/* ---- cursors ---- */

void store_move_cursors(struct query_pipeline *pipeline, const struct cursor *cursors, size_t count)
{
	struct query *query = query_pipeline_add(pipeline, MOVE_CURSORS);
	struct param *partitions = query_array(query, ARRAY_INT2),
		     *positions = query_array(query, ARRAY_INT8), *epochs = query_array(query, ARRAY_INT8);

	for (size_t i = 0; i < count; i++) {
		array_int2(partitions, cursors[i].partition);
		array_int8(positions, cursors[i].position);
		array_int8(epochs, cursors[i].epoch);
	}
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
	store_check_leases(pipeline, uow->leases, uow->lease_count);
	insert_inbox(flush);
	flush->keys = store_reserve_keys(store, pipeline, KEYS_LEFT);
	flush_number_rows(flush);
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
	delete_processes(flush);
	store_move_cursors(pipeline, uow->cursors, uow->cursor_count);
	flush_outbox(flush);
	if (is_locked)
		query_pipeline_add(pipeline, COMMIT);
	store_send(store, PIPELINE_COMMITS, on_flushed, flush);
}

static void on_flushed(void *context, const struct failure *failure)
{
	struct flush *flush = context;
	struct postgres_store *store = flush->store;

	if (!failure) {
		store->in_transaction = false;
		flush->uow->now = result_instant(flush->witness, 0, 0);
		store_keep_keys(store, flush->keys);
		flush_set_positions(flush);
		for (int row = 0; row < query_rows(flush->notifications); row++)
			flush->uow->notifications[row].key = result_int8(flush->notifications, row, 0);
	}
	store_answer(store, failure);
}
