/* Mail that is to be sent: taken with a lease, then gone, due again or a dead letter. */
#include "adapters/postgres/store.h"
#include "core/utf8.h"

struct due {
	struct postgres_store *store;
	struct notification *notifications;
	size_t *count;
	struct arena *arena;
	struct query *query;
};

static void on_taken(void *context, const struct failure *failure)
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
		};
	store_answer(due->store, failure);
}

void store_due_notifications(struct store *port, struct notification *notifications, size_t max,
			     size_t *count, struct arena *arena, store_done *done, void *context)
{
	struct postgres_store *store = postgres_store(port);
	struct query *query = segment_add(store_begin(store, done, context), TAKE_NOTIFICATIONS);
	struct due *due = arena_alloc(store->arena, sizeof *due);

	query_int8(query, (int64_t)max);
	query_int4(query, NOTIFICATION_LEASE);
	*due = (struct due){store, notifications, count, arena, query};
	store_send(store, SEGMENT_READS, on_taken, due);
}

/* What the mail server said may be anything. */
static void bury(struct postgres_store *store, struct segment *segment, int64_t key, const char *reason)
{
	struct query *query = segment_add(segment, BURY_NOTIFICATION);

	query_int8(query, key);
	query_text(query, utf8_repaired(segment->arena, reason));
	query_int8(segment_add(segment, TRIM_DEAD_LETTERS), store->dead_letters_max);
}

static void postpone(struct segment *segment, int64_t key, int retry_seconds)
{
	struct query *query = segment_add(segment, POSTPONE_NOTIFICATION);

	query_int8(query, key);
	query_int4(query, retry_seconds);
}

void store_settle_notification(struct store *port, int64_t key, enum notification_result result,
			       int retry_seconds, const char *reason, store_done *done, void *context)
{
	struct postgres_store *store = postgres_store(port);
	struct segment *segment = store_begin(store, done, context);

	switch (result) {
	case NOTIFICATION_DELIVERED:
		query_int8(segment_add(segment, DELETE_NOTIFICATION), key);
		break;
	case NOTIFICATION_POSTPONED:
		postpone(segment, key, retry_seconds);
		break;
	case NOTIFICATION_DEAD:
		bury(store, segment, key, reason);
		break;
	}
	store_send_and_answer(store, SEGMENT_READS);
}
