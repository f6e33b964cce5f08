/* Records processes when they begin, and finds those whose worker has died. */
#include "adapters/postgres/store/pg_store.h"
#include "adapters/postgres/tools/dry_run_commits.h"

#include <string.h>

struct beginning {
	struct postgres_store *store;
	struct process_start *starts;
	size_t count;
	struct arena *arena;
	struct query *query, *spent;
};

static void read_row(const struct beginning *beginning, int row)
{
	const struct query *query = beginning->query;
	struct process_start *start = &beginning->starts[result_int8(query, row, 0) - 1];

	start->key = result_int8(query, row, 1);
	start->digest = (uint64_t)result_int8(query, row, 2);
	start->is_answered = result_bool(query, row, 5);
	start->is_from_future = result_bool(query, row, 6);
	if (result_is_null(query, row, 3))
		return;
	start->lines = arena_grow(beginning->arena, start->lines, start->line_count, sizeof *start->lines);
	start->lines[start->line_count++] = (struct order_line){
		.sku = result_text(query, beginning->arena, row, 3),
		.qty = result_int4(query, row, 4),
	};
}

static void on_begun(void *context, const struct failure *failure)
{
	struct beginning *beginning = context;

	for (size_t i = 0; i < beginning->count; i++) {
		beginning->starts[i].key = 0;
		beginning->starts[i].is_answered = true;
		beginning->starts[i].is_from_future = false;
	}
	for (int row = 0; !failure && row < query_rows(beginning->query); row++)
		read_row(beginning, row);
	for (int row = 0; !failure && row < query_rows(beginning->spent); row++)
		beginning->starts[result_int8(beginning->spent, row, 0) - 1].key = 0;
	store_answer(beginning->store, failure);
}

static struct query *add_query(struct query_pipeline *pipeline, const struct process_start *starts,
			       size_t count)
{
	struct query *query = query_pipeline_add(pipeline, BEGIN_PROCESSES);
	struct param *sources = query_array(query, ARRAY_TEXT), *ids = query_array(query, ARRAY_TEXT),
		     *digests = query_array(query, ARRAY_INT8), *messages = query_array(query, ARRAY_TEXT),
		     *places = query_array(query, ARRAY_TEXT), *leases = query_array(query, ARRAY_INT4),
		     *payloads = query_array(query, ARRAY_BYTEA), *orders = query_array(query, ARRAY_TEXT),
		     *instants = query_array(query, ARRAY_TIMESTAMP),
		     *letters = query_array(query, ARRAY_INT8), *attempts = query_array(query, ARRAY_INT4),
		     *ways = query_array(query, ARRAY_TEXT), *events = query_array(query, ARRAY_INT8),
		     *skus = query_array(query, ARRAY_TEXT), *qtys = query_array(query, ARRAY_INT4),
		     *parts = query_array(query, ARRAY_TEXT);

	for (size_t i = 0; i < count; i++) {
		const struct delivery *event = starts[i].event;

		array_text(sources, event->inbox.source);
		array_text(ids, event->inbox.id);
		array_int8(digests, (int64_t)event->digest);
		array_text(messages, message_name(event->type));
		array_text(places, event->origin);
		array_int4(leases,
			   event->transport == TRANSPORT_STREAM ? PROCESS_LEASE_OF_STREAM : PROCESS_LEASE);
		array_bytes(payloads, event->payload);
		array_text(orders, message_text(&event->envelope.message, "orderid"));
		array_instant(instants, event->envelope.occurred_at);
		array_int8(letters, event->replay ? event->replay->dead_letter : 0);
		array_int4(attempts, event->replay ? event->replay->attempts : 0);
		array_text(ways, transport_name(event->transport));
		array_text(parts, delivery_part(event));
		for (size_t j = 0; j < starts[i].pending_count; j++) {
			array_int8(events, (int64_t)i + 1);
			array_text(skus, starts[i].pending[j].sku);
			array_int4(qtys, starts[i].pending[j].qty);
		}
	}
	return query;
}

static struct query *delete_spent(struct query_pipeline *pipeline, const struct process_start *starts,
				  size_t count)
{
	struct query *query = query_pipeline_add(pipeline, DELETE_SPENT_PROCESSES);
	struct param *sources = query_array(query, ARRAY_TEXT), *ids = query_array(query, ARRAY_TEXT);

	for (size_t i = 0; i < count; i++) {
		array_text(sources, starts[i].event->inbox.source);
		array_text(ids, starts[i].event->inbox.id);
	}
	return query;
}

static void check_leases(struct postgres_store *store, const struct process_start *starts, size_t count)
{
	struct lease **leases = arena_alloc(store->arena, count * sizeof *leases + 1);
	size_t lease_count = 0;

	for (size_t i = 0; i < count; i++) {
		struct lease *lease = starts[i].event->lease;

		if (lease && (!lease_count || leases[lease_count - 1] != lease))
			leases[lease_count++] = lease;
	}
	store_check_leases(&store->pipeline, leases, lease_count);
}

void store_begin_processes(struct process_store *port, struct process_start *starts, size_t count,
			   struct arena *arena, store_done *done, void *context)
{
	struct postgres_store *store = store_of_processes(port);
	struct query_pipeline *pipeline = store_begin(store, done, context);
	struct beginning *beginning = arena_alloc(store->arena, sizeof *beginning);

	if (store->is_dry_run)
		dry_run_copy_orders(pipeline, starts, count);
	*beginning = (struct beginning){.store = store, .starts = starts, .count = count, .arena = arena};
	check_leases(store, starts, count);
	beginning->query = add_query(pipeline, starts, count);
	beginning->spent = delete_spent(pipeline, starts, count);
	store_send(store, PIPELINE_READS, on_begun, beginning);
}

/* ---- of workers that died ---- */

struct claim {
	struct postgres_store *store;
	struct due_process *due;
	size_t *count;
	struct arena *arena;
	struct query *query;
};

static void on_claimed(void *context, const struct failure *failure)
{
	struct claim *claim = context;
	const struct query *query = claim->query;

	*claim->count = failure ? 0 : (size_t)query_rows(query);
	for (int row = 0; !failure && row < query_rows(query); row++) {
		struct bytes payload = result_bytes(query, row, 6);

		claim->due[row] = (struct due_process){
			.key = result_int8(query, row, 0),
			.type = message_type_named(result_peek(query, row, 1)),
			.inbox = {result_text(query, claim->arena, row, 1),
				  result_text(query, claim->arena, row, 2),
				  result_text(query, claim->arena, row, 3)},
			.is_from_stream =
				!strcmp(result_peek(query, row, 4), transport_name(TRANSPORT_STREAM)),
			.origin = result_text(query, claim->arena, row, 5),
			.payload = {arena_copy(claim->arena, payload.data, payload.size), payload.size},
		};
	}
	store_answer(claim->store, failure);
}

void store_claim_processes(struct chores_store *port, const struct process_claim *wanted,
			   struct due_process *due, size_t *count, struct arena *arena, store_done *done,
			   void *context)
{
	struct postgres_store *store = store_of_chores(port);
	struct query_pipeline *pipeline = store_begin(store, done, context);
	struct query *keep = query_pipeline_add(pipeline, KEEP_PROCESSES),
		     *query = query_pipeline_add(pipeline, CLAIM_PROCESSES);
	struct claim *claim = arena_alloc(store->arena, sizeof *claim);
	struct param *keys = query_array(keep, ARRAY_INT8), *streams;

	for (size_t i = 0; i < wanted->running_count; i++)
		array_int8(keys, wanted->running[i]);
	query_int4(keep, PROCESS_LEASE);
	query_int4(query, PROCESS_LEASE);
	query_int4(query, PROCESS_LEASE_SPREAD);
	query_int8(query, (int64_t)wanted->max);
	streams = query_array(query, ARRAY_TEXT);
	array_text(streams, NULL); /* a query whose arrays are all empty is not sent */
	for (size_t i = 0; i < wanted->stream_count; i++)
		array_text(streams, wanted->streams[i]);
	*claim = (struct claim){store, due, count, arena, query};
	store_send(store, PIPELINE_READS, on_claimed, claim);
}
