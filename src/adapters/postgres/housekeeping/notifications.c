/* Notifications: leased for sending, then deleted, postponed or turned into dead letters. */
#include "adapters/postgres/store/pg_store.h"
#include "core/base/utf8.h"

struct due {
	struct postgres_store *store;
	struct notification *notifications;
	size_t *count;
	struct arena *arena;
	struct query *query;
};

static void on_leased(void *context, const struct failure *failure)
{
	struct due *due = context;
	const struct query *query = due->query;

	*due->count = failure ? 0 : (size_t)query_rows(query);
	for (int row = 0; !failure && row < query_rows(query); row++)
		due->notifications[row] = (struct notification){
			.key = result_int8(query, row, 0),
			.sku = result_text(query, due->arena, row, 1),
			.orderid = result_text(query, due->arena, row, 2),
			.qty = result_int4(query, row, 3),
			.attempts = result_int4(query, row, 4),
			.recipient = result_text(query, due->arena, row, 5),
		};
	store_answer(due->store, failure);
}

void store_claim_notifications(struct chores_store *port, struct notification *notifications, size_t max,
			       size_t *count, struct arena *arena, store_done *done, void *context)
{
	struct postgres_store *store = store_of_chores(port);
	struct query *query = query_pipeline_add(store_begin(store, done, context), TAKE_NOTIFICATIONS);
	struct due *due = arena_alloc(store->arena, sizeof *due);

	query_int8(query, (int64_t)max);
	query_int4(query, NOTIFICATION_LEASE);
	*due = (struct due){store, notifications, count, arena, query};
	store_send(store, PIPELINE_READS, on_leased, due);
}

/* ---- one for each recipient ---- */

struct split {
	struct postgres_store *store;
	struct query *query;
	int64_t *keys;
	size_t count;
};

static void on_split(void *context, const struct failure *failure)
{
	struct split *split = context;
	int rows = failure ? 0 : query_rows(split->query);

	for (size_t i = 0; i < split->count; i++)
		split->keys[i] = (int)i < rows ? result_int8(split->query, (int)i, 0) : 0;
	store_answer(split->store, failure);
}

void store_split_notification(struct chores_store *port, int64_t key, const char *const *recipients,
			      size_t count, int64_t *keys, store_done *done, void *context)
{
	struct postgres_store *store = store_of_chores(port);
	struct query *query = query_pipeline_add(store_begin(store, done, context), SPLIT_NOTIFICATION);
	struct split *split = arena_alloc(store->arena, sizeof *split);
	struct param *names;

	query_int8(query, key);
	names = query_array(query, ARRAY_TEXT);
	for (size_t i = 0; i < count; i++)
		array_text(names, recipients[i]);
	query_int4(query, NOTIFICATION_LEASE);
	*split = (struct split){store, query, keys, count};
	store_send(store, PIPELINE_READS, on_split, split);
}

/* ---- the stock that a notification shows ---- */

struct stock_read {
	struct postgres_store *store;
	struct query *installation, *batches;
	struct stock *stock;
	struct arena *arena;
};

static void on_stock(void *context, const struct failure *failure)
{
	struct stock_read *read = context;
	struct stock *stock = read->stock;
	int rows = failure ? 0 : query_rows(read->batches);

	*stock = (struct stock){.incarnation = ""};
	if (!failure)
		stock->incarnation = result_text(read->installation, read->arena, 0, 0);
	stock->has_more = rows > STOCK_BATCHES_MAX;
	for (int row = 0; row < rows && row < STOCK_BATCHES_MAX; row++)
		stock->batches[stock->count++] = (struct stock_batch){
			.reference = result_text(read->batches, read->arena, row, 0),
			.eta = result_day(read->batches, row, 1),
			.free = result_int4(read->batches, row, 2),
		};
	store_answer(read->store, failure);
}

void store_read_stock(struct chores_store *port, const char *sku, struct stock *stock, struct arena *arena,
		      store_done *done, void *context)
{
	struct postgres_store *store = store_of_chores(port);
	struct query_pipeline *pipeline = store_begin(store, done, context);
	struct stock_read *read = arena_alloc(store->arena, sizeof *read);

	*read = (struct stock_read){.store = store, .stock = stock, .arena = arena};
	read->installation = query_pipeline_add(pipeline, READ_INSTALLATION);
	read->batches = query_pipeline_add(pipeline, READ_STOCK);
	query_text(read->batches, sku);
	query_int8(read->batches, STOCK_BATCHES_MAX + 1);
	store_send(store, PIPELINE_READS, on_stock, read);
}

/* ---- the result of sending ---- */

/* The mail server's text may be malformed, so it is repaired. */
static void bury(struct postgres_store *store, struct query_pipeline *pipeline, int64_t key,
		 const char *reason)
{
	struct query *query = query_pipeline_add(pipeline, BURY_NOTIFICATION);

	query_int8(query, key);
	query_text(query, utf8_repaired(pipeline->arena, reason));
	query_int8(query_pipeline_add(pipeline, TRIM_DEAD_LETTERS), store->dead_letters_max);
}

static void postpone(struct query_pipeline *pipeline, int64_t key, int retry_seconds)
{
	struct query *query = query_pipeline_add(pipeline, POSTPONE_NOTIFICATION);

	query_int8(query, key);
	query_int4(query, retry_seconds);
}

void store_record_notification(struct chores_store *port, int64_t key, enum notification_result result,
			       int retry_seconds, const char *reason, store_done *done, void *context)
{
	struct postgres_store *store = store_of_chores(port);
	struct query_pipeline *pipeline = store_begin(store, done, context);

	switch (result) {
	case NOTIFICATION_DELIVERED:
		query_int8(query_pipeline_add(pipeline, DELETE_NOTIFICATION), key);
		break;
	case NOTIFICATION_POSTPONED:
		postpone(pipeline, key, retry_seconds);
		break;
	case NOTIFICATION_DEAD:
		bury(store, pipeline, key, reason);
		break;
	}
	store_send_and_answer(store, PIPELINE_READS);
}
