/* The port's calls set out; what becomes of them is in call.c. */
#include "adapters/memory/store/memory_store.h"

#include "adapters/memory/database/locks.h"
#include "adapters/memory/store/call.h"
#include "core/base/must.h"

#include <assert.h>

static struct memory_store *memory_store(struct store *store)
{
	return (struct memory_store *)store;
}

/* ---- the port ---- */

static struct memory_call *begin(struct store *port, enum store_call kind, store_done *done, void *context)
{
	struct memory_store *store = memory_store(port);

	assert(!store->call.done && "a store takes one call at a time");
	arena_clear(store->arena);
	store->call = (struct memory_call){.kind = kind, .done = done, .context = context};
	cable_pass(&store->requests, call_arrive, store);
	return &store->call;
}

static void resolve(struct store *port, struct resolved_batch *batches, size_t count, struct arena *arena,
		    store_done *done, void *context)
{
	struct memory_call *call = begin(port, CALL_RESOLVE, done, context);

	call->batches = batches;
	call->count = count;
	call->arena = arena;
}

static void load(struct store *port, struct unit_of_work *uow, store_done *done, void *context)
{
	begin(port, CALL_LOAD, done, context)->uow = uow;
}

static void flush(struct store *port, struct unit_of_work *uow, store_done *done, void *context)
{
	struct memory_call *call = begin(port, CALL_FLUSH, done, context);

	call->uow = uow;
	call->changes = changes_of(uow);
}

static void resolve_commit(struct store *port, const unsigned char witness[WITNESS_SIZE], store_done *done,
			   void *context)
{
	struct memory_call *call = begin(port, CALL_SETTLE, done, context);

	call->witness = database_witness_key(memory_store(port)->arena, witness);
}

static void find_locked(struct store *port, const struct unit_of_work *uow, bool *locked, store_done *done,
			void *context)
{
	struct memory_call *call = begin(port, CALL_FIND_LOCKED, done, context);

	call->asked = uow;
	call->locked = locked;
}

static void probe(struct store *port, store_done *done, void *context)
{
	begin(port, CALL_PROBE, done, context);
}

static void read_cursors(struct store *port, struct outbox_state *state, store_done *done, void *context)
{
	begin(port, CALL_READ_CURSORS, done, context)->state = state;
}

static void read_outbox(struct store *port, struct outbox_range *range, store_done *done, void *context)
{
	begin(port, CALL_READ_OUTBOX, done, context)->range = range;
}

static void save_cursors(struct store *port, const struct cursor *cursors, size_t count, store_done *done,
			 void *context)
{
	struct memory_call *call = begin(port, CALL_SAVE_CURSORS, done, context);

	call->saved = arena_copy(memory_store(port)->arena, cursors, count * sizeof *cursors);
	call->count = count;
}

static void due_notifications(struct store *port, struct notification *notifications, size_t max,
			      size_t *count, struct arena *arena, store_done *done, void *context)
{
	struct memory_call *call = begin(port, CALL_DUE_NOTIFICATIONS, done, context);

	call->notifications = notifications;
	call->count = max;
	call->found = count;
	call->arena = arena;
}

static void record_notification(struct store *port, int64_t key, enum notification_result result,
				int retry_seconds, const char *reason, store_done *done, void *context)
{
	struct memory_call *call = begin(port, CALL_SETTLE_NOTIFICATION, done, context);

	call->key = key;
	call->result = result;
	call->reason = arena_strdup(memory_store(port)->arena, reason);
	call->retry_seconds = retry_seconds;
}

static void split_notification(struct store *port, int64_t key, const char *const *recipients, size_t count,
			       int64_t *keys, store_done *done, void *context)
{
	struct memory_call *call = begin(port, CALL_SPLIT_NOTIFICATION, done, context);

	call->key = key;
	call->recipients = recipients;
	call->count = count;
	call->keys = keys;
}

static void read_stock(struct store *port, const char *sku, struct stock *stock, struct arena *arena,
		       store_done *done, void *context)
{
	struct memory_call *call = begin(port, CALL_READ_STOCK, done, context);

	call->sku = sku;
	call->stock = stock;
	call->arena = arena;
}

static void find_active_shrinks(struct store *port, const char **skus, size_t max, size_t *count,
				struct arena *arena, store_done *done, void *context)
{
	struct memory_call *call = begin(port, CALL_UNFINISHED_SHRINKS, done, context);

	call->skus = skus;
	call->count = max;
	call->found = count;
	call->arena = arena;
}

static void tidy(struct store *port, struct tidied *tidied, store_done *done, void *context)
{
	begin(port, CALL_TIDY, done, context)->tidied = tidied;
}

/* ---- its life ---- */

struct memory_store *memory_store_new(struct database *database)
{
	static const struct store_ops ops = {
		.resolve = resolve,
		.load = load,
		.flush = flush,
		.resolve_commit = resolve_commit,
		.find_locked = find_locked,
		.probe = probe,
		.read_cursors = read_cursors,
		.read_outbox = read_outbox,
		.save_cursors = save_cursors,
		.due_notifications = due_notifications,
		.record_notification = record_notification,
		.split_notification = split_notification,
		.read_stock = read_stock,
		.find_active_shrinks = find_active_shrinks,
		.tidy = tidy,
	};
	struct memory_store *store = must_alloc(sizeof *store);

	store->store.ops = &ops;
	store->database = database;
	store->arena = arena_new(1024);
	cable_init(&store->requests, database->simulation);
	cable_init(&store->answers, database->simulation);
	return store;
}

void memory_store_free(struct memory_store **store)
{
	struct memory_store *gone = *store;

	if (!gone)
		return;
	cable_clear(&gone->requests);
	cable_clear(&gone->answers);
	locks_stop_waiting(gone->database, gone);
	simulation_cancel(gone->database->simulation, &gone->lock_timeout);
	locks_release(gone->database, gone);
	if (gone->call.changes && !gone->call.carried_out)
		call_leave_flush(gone, LOST_ON_THE_WAY);
	changes_free(&gone->call.changes);
	arena_free(&gone->arena);
	free(gone);
	*store = NULL;
}

/* ---- what tests say and see ---- */

struct store *memory_store_port(struct memory_store *store)
{
	return &store->store;
}

struct cable *memory_store_requests(struct memory_store *store)
{
	return &store->requests;
}

struct cable *memory_store_answers(struct memory_store *store)
{
	return &store->answers;
}

void memory_store_fail_next(struct memory_store *store, enum store_call call, enum memory_trouble trouble)
{
	assert(store->planned_count[call] < PLANNED_MAX);
	store->planned[call][store->planned_count[call]++] = trouble;
}

void memory_store_on_trouble(struct memory_store *store, store_trouble *trouble, void *context)
{
	store->trouble = trouble;
	store->trouble_context = context;
}

void memory_store_lose_session(struct memory_store *store)
{
	store->store.sessions_lost++;
}

size_t memory_store_calls(const struct memory_store *store, enum store_call call)
{
	return store->calls[call];
}
