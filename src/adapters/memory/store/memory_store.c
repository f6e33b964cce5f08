/* Sends the calls of the four ports to the database; call.c executes them. */
#include "adapters/memory/store/memory_store.h"

#include "adapters/memory/database/locks.h"
#include "adapters/memory/store/call.h"
#include "core/base/container_of.h"
#include "core/base/must.h"

#include <assert.h>
#include <string.h>

/* ---- what its ports have in common ---- */

static struct memory_call *begin(struct memory_store *store, enum store_call kind, store_done *done,
				 void *context)
{
	assert(!store->call.done && "a store executes one call at a time");
	arena_clear(store->arena);
	store->call = (struct memory_call){
		.kind = kind, .done = done, .context = context, .server = store->database->server};
	cable_pass(&store->requests, call_arrive, store);
	return &store->call;
}

/* ---- the unit store ---- */

static struct memory_store *of_units(struct unit_store *port)
{
	return container_of(port, struct memory_store, unit_store);
}

static void load(struct unit_store *port, struct unit_of_work *uow, store_done *done, void *context)
{
	port->must_load = false;
	begin(of_units(port), CALL_LOAD, done, context)->uow = uow;
}

static void flush(struct unit_store *port, struct unit_of_work *uow, store_done *done, void *context)
{
	struct memory_store *store = of_units(port);
	struct memory_call *call = begin(store, CALL_FLUSH, done, context);
	bool was_loaded = !memcmp(store->loaded, uow->witness, WITNESS_SIZE);

	assert(!port->must_load || !uow->outbox_count);

	call->uow = uow;
	call->changes = changes_of(uow, store->database->arena);
	call->changes->loaded_after = was_loaded ? store->loaded_after : SIZE_MAX;
}

static void resolve_commit(struct unit_store *port, const unsigned char witness[WITNESS_SIZE],
			   store_done *done, void *context)
{
	struct memory_call *call = begin(of_units(port), CALL_RESOLVE_COMMIT, done, context);

	call->witness = database_witness_key(of_units(port)->arena, witness);
}

static void find_locked(struct unit_store *port, const struct unit_of_work *uow, bool *locked,
			store_done *done, void *context)
{
	struct memory_call *call = begin(of_units(port), CALL_FIND_LOCKED, done, context);

	call->asked = uow;
	call->locked = locked;
}

static void find_lost_leases(struct unit_store *port, const struct unit_of_work *uow, store_done *done,
			     void *context)
{
	begin(of_units(port), CALL_FIND_LOST_LEASES, done, context)->asked = uow;
}

static void probe(struct unit_store *port, store_done *done, void *context)
{
	begin(of_units(port), CALL_PROBE, done, context);
}

static const struct unit_store_ops unit_store_ops = {
	.load = load,
	.flush = flush,
	.resolve_commit = resolve_commit,
	.find_locked = find_locked,
	.find_lost_leases = find_lost_leases,
	.probe = probe,
};

/* ---- the batch directory ---- */

static struct memory_store *of_directory(struct batch_directory *port)
{
	return container_of(port, struct memory_store, batch_directory);
}

static void resolve(struct batch_directory *port, struct resolved_batch *batches, size_t count,
		    struct arena *arena, store_done *done, void *context)
{
	struct memory_call *call = begin(of_directory(port), CALL_RESOLVE, done, context);

	call->batches = batches;
	call->count = count;
	call->arena = arena;
}

static const struct batch_directory_ops batch_directory_ops = {
	.resolve = resolve,
};

/* ---- the process store ---- */

static struct memory_store *of_processes(struct process_store *port)
{
	return container_of(port, struct memory_store, process_store);
}

static void begin_processes(struct process_store *port, struct process_start *starts, size_t count,
			    struct arena *arena, store_done *done, void *context)
{
	struct memory_call *call = begin(of_processes(port), CALL_BEGIN_PROCESSES, done, context);

	call->starts = starts;
	call->count = count;
	call->arena = arena;
}

static const struct process_store_ops process_store_ops = {
	.begin = begin_processes,
};

/* ---- the outbox store ---- */

static struct memory_store *of_outbox(struct outbox_store *port)
{
	return container_of(port, struct memory_store, outbox_store);
}

static void read_cursors(struct outbox_store *port, struct outbox_state *state, store_done *done,
			 void *context)
{
	begin(of_outbox(port), CALL_READ_CURSORS, done, context)->state = state;
}

static void read_outbox(struct outbox_store *port, struct outbox_range *range, store_done *done,
			void *context)
{
	begin(of_outbox(port), CALL_READ_OUTBOX, done, context)->range = range;
}

static void save_cursors(struct outbox_store *port, const struct cursor *cursors, size_t count,
			 store_done *done, void *context)
{
	struct memory_call *call = begin(of_outbox(port), CALL_SAVE_CURSORS, done, context);

	call->saved = arena_copy(of_outbox(port)->arena, cursors, count * sizeof *cursors);
	call->count = count;
}

static const struct outbox_store_ops outbox_store_ops = {
	.read_cursors = read_cursors,
	.read_outbox = read_outbox,
	.save_cursors = save_cursors,
};

/* ---- the chores store ---- */

static struct memory_store *of_chores(struct chores_store *port)
{
	return container_of(port, struct memory_store, chores_store);
}

static void probe_for_chores(struct chores_store *port, store_done *done, void *context)
{
	begin(of_chores(port), CALL_PROBE, done, context);
}

static void claim_notifications(struct chores_store *port, struct notification *notifications, size_t max,
				size_t *count, struct arena *arena, store_done *done, void *context)
{
	struct memory_call *call = begin(of_chores(port), CALL_CLAIM_NOTIFICATIONS, done, context);

	call->notifications = notifications;
	call->count = max;
	call->found = count;
	call->arena = arena;
}

static void record_notification(struct chores_store *port, int64_t key, enum notification_result result,
				int retry_seconds, const char *reason, store_done *done, void *context)
{
	struct memory_call *call = begin(of_chores(port), CALL_RECORD_NOTIFICATION, done, context);

	call->key = key;
	call->result = result;
	call->reason = arena_strdup(of_chores(port)->arena, reason);
	call->retry_seconds = retry_seconds;
}

static void split_notification(struct chores_store *port, int64_t key, const char *const *recipients,
			       size_t count, int64_t *keys, store_done *done, void *context)
{
	struct memory_call *call = begin(of_chores(port), CALL_SPLIT_NOTIFICATION, done, context);

	call->key = key;
	call->recipients = recipients;
	call->count = count;
	call->keys = keys;
}

static void read_stock(struct chores_store *port, const char *sku, struct stock *stock, struct arena *arena,
		       store_done *done, void *context)
{
	struct memory_call *call = begin(of_chores(port), CALL_READ_STOCK, done, context);

	call->sku = sku;
	call->stock = stock;
	call->arena = arena;
}

static void find_active_shrinks(struct chores_store *port, const char **skus, size_t max, size_t *count,
				struct arena *arena, store_done *done, void *context)
{
	struct memory_call *call = begin(of_chores(port), CALL_FIND_ACTIVE_SHRINKS, done, context);

	call->skus = skus;
	call->count = max;
	call->found = count;
	call->arena = arena;
}

static void claim_processes(struct chores_store *port, const struct process_claim *claim,
			    struct due_process *due, size_t *count, struct arena *arena, store_done *done,
			    void *context)
{
	struct memory_call *call = begin(of_chores(port), CALL_CLAIM_PROCESSES, done, context);
	struct arena *own = of_chores(port)->arena;

	call->claim = *claim;
	call->claim.running = arena_copy(own, claim->running, claim->running_count * sizeof *claim->running);
	call->claim.streams = arena_strdup_all(own, claim->streams, claim->stream_count);
	call->due = due;
	call->found = count;
	call->arena = arena;
}

static void clean_up(struct chores_store *port, struct cleanup *cleanup, store_done *done, void *context)
{
	begin(of_chores(port), CALL_CLEAN_UP, done, context)->cleanup = cleanup;
}

static const struct chores_store_ops chores_store_ops = {
	.claim_notifications = claim_notifications,
	.record_notification = record_notification,
	.split_notification = split_notification,
	.read_stock = read_stock,
	.find_active_shrinks = find_active_shrinks,
	.claim_processes = claim_processes,
	.clean_up = clean_up,
	.probe = probe_for_chores,
};

/* ---- its life ---- */

struct memory_store *memory_store_new(struct database *database)
{
	struct memory_store *store = must_alloc(sizeof *store);

	store->unit_store.ops = &unit_store_ops;
	store->unit_store.must_load = true;
	store->batch_directory.ops = &batch_directory_ops;
	store->process_store.ops = &process_store_ops;
	store->outbox_store.ops = &outbox_store_ops;
	store->chores_store.ops = &chores_store_ops;
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
	if (gone->call.changes && !gone->call.carried_out && gone->call.server == gone->database->server)
		call_leave_flush(gone, LOST_ON_THE_WAY);
	arena_free(&gone->arena);
	free(gone);
	*store = NULL;
}

/* ---- what tests say and see ---- */

struct unit_store *memory_unit_store(struct memory_store *store)
{
	return &store->unit_store;
}

struct batch_directory *memory_batch_directory(struct memory_store *store)
{
	return &store->batch_directory;
}

struct process_store *memory_process_store(struct memory_store *store)
{
	return &store->process_store;
}

struct outbox_store *memory_outbox_store(struct memory_store *store)
{
	return &store->outbox_store;
}

struct chores_store *memory_chores_store(struct memory_store *store)
{
	return &store->chores_store;
}

struct cable *memory_store_requests(struct memory_store *store)
{
	return &store->requests;
}

struct cable *memory_store_answers(struct memory_store *store)
{
	return &store->answers;
}

void memory_store_fail_next(struct memory_store *store, enum store_call call, enum store_injection injected)
{
	assert(store->planned_count[call] < PLANNED_MAX);
	store->planned[call][store->planned_count[call]++] = injected;
}

void memory_store_set_injector(struct memory_store *store, store_injector *injector, void *context)
{
	store->injector = injector;
	store->injector_context = context;
}

void memory_store_lose_session(struct memory_store *store)
{
	store->unit_store.sessions_lost++;
}

size_t memory_store_calls(const struct memory_store *store, enum store_call call)
{
	return store->calls[call];
}
