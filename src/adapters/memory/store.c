/* A call of the port, from the request to the answer. */
#include "adapters/memory/store.h"

#include "adapters/memory/changes.h"
#include "adapters/memory/housekeeping.h"
#include "adapters/memory/load.h"
#include "adapters/memory/locks.h"
#include "adapters/memory/lost.h"
#include "core/must.h"

#include <assert.h>
#include <string.h>

/* The one call that is under way. */
struct call {
	enum store_call kind;
	store_done *done; /* NULL: none is under way */
	void *context;
	enum trouble trouble; /* that it meets */
	bool carried_out;
	bool failed;
	struct failure failure;

	/* What is asked for, by kind. */
	struct unit_of_work *uow;
	struct changes *changes;
	const char *witness;
	struct resolved_batch *batches;
	int64_t *cursors, *heads;
	struct outbox_range *range;
	const struct cursor *saved;
	struct notification *notifications;
	const char **skus;
	size_t count, *found;
	struct arena *arena;
	int64_t key;
	bool delivered, *more;
	int retry_seconds;
};

#define PLANNED_MAX 64

struct memory_store {
	struct store store;
	struct database *database;
	struct wire requests, answers;
	struct arena *arena; /* of the call under way */
	struct call call;
	struct task *lock_timeout; /* set while the call waits for a lock */
	enum trouble planned[STORE_CALLS][PLANNED_MAX];
	size_t planned_count[STORE_CALLS];
	store_trouble *trouble;
	void *trouble_context;
	size_t calls[STORE_CALLS];
};

static struct memory_store *memory_store(struct store *store)
{
	return (struct memory_store *)store;
}

static void on_request(void *context);
static void on_answer(void *context);

/* ---- 1. the call sets out ---- */

static struct call *begin(struct store *port, enum store_call kind, store_done *done, void *context)
{
	struct memory_store *store = memory_store(port);

	assert(!store->call.done && "a store takes one call at a time");
	arena_clear(store->arena);
	store->call = (struct call){.kind = kind, .done = done, .context = context};
	wire_pass(&store->requests, on_request, store);
	return &store->call;
}

static void resolve(struct store *port, struct resolved_batch *batches, size_t count, struct arena *arena,
		    store_done *done, void *context)
{
	struct call *call = begin(port, CALL_RESOLVE, done, context);

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
	struct call *call = begin(port, CALL_FLUSH, done, context);

	call->uow = uow;
	call->changes = changes_of(uow);
}

static void settle(struct store *port, const unsigned char witness[WITNESS_SIZE], store_done *done,
		   void *context)
{
	struct call *call = begin(port, CALL_SETTLE, done, context);

	call->witness = database_witness_key(memory_store(port)->arena, witness);
}

static void probe(struct store *port, store_done *done, void *context)
{
	begin(port, CALL_PROBE, done, context);
}

static void read_cursors(struct store *port, int64_t *cursors, int64_t *heads, store_done *done,
			 void *context)
{
	struct call *call = begin(port, CALL_READ_CURSORS, done, context);

	call->cursors = cursors;
	call->heads = heads;
}

static void read_outbox(struct store *port, struct outbox_range *range, store_done *done, void *context)
{
	begin(port, CALL_READ_OUTBOX, done, context)->range = range;
}

static void save_cursors(struct store *port, const struct cursor *cursors, size_t count, store_done *done,
			 void *context)
{
	struct call *call = begin(port, CALL_SAVE_CURSORS, done, context);

	call->saved = arena_copy(memory_store(port)->arena, cursors, count * sizeof *cursors);
	call->count = count;
}

static void due_notifications(struct store *port, struct notification *notifications, size_t max,
			      size_t *count, struct arena *arena, store_done *done, void *context)
{
	struct call *call = begin(port, CALL_DUE_NOTIFICATIONS, done, context);

	call->notifications = notifications;
	call->count = max;
	call->found = count;
	call->arena = arena;
}

static void settle_notification(struct store *port, int64_t key, bool delivered, int retry_seconds,
				store_done *done, void *context)
{
	struct call *call = begin(port, CALL_SETTLE_NOTIFICATION, done, context);

	call->key = key;
	call->delivered = delivered;
	call->retry_seconds = retry_seconds;
}

static void unfinished_shrinks(struct store *port, const char **skus, size_t max, size_t *count,
			       struct arena *arena, store_done *done, void *context)
{
	struct call *call = begin(port, CALL_UNFINISHED_SHRINKS, done, context);

	call->skus = skus;
	call->count = max;
	call->found = count;
	call->arena = arena;
}

static void tidy(struct store *port, bool *more, store_done *done, void *context)
{
	begin(port, CALL_TIDY, done, context)->more = more;
}

/* ---- 4. the answer arrives ---- */

static void on_answer(void *context)
{
	struct memory_store *store = context;
	struct call call = store->call;

	changes_free(&store->call.changes);
	store->call = (struct call){0};
	call.done(call.context, call.failed ? &call.failure : NULL);
}

/* ---- 3. the call was carried out ---- */

static bool is_lost(const struct call *call)
{
	return call->trouble >= TROUBLE_LOST_BEFORE;
}

static void set_failure(struct call *call, enum failure_kind kind, const char *text)
{
	call->failed = true;
	call->failure = (struct failure){kind, text};
}

static void answer(struct memory_store *store)
{
	struct call *call = &store->call;

	call->carried_out = true;
	if (is_lost(call))
		set_failure(call, call->kind == CALL_FLUSH ? FAILURE_UNCERTAIN : FAILURE_RETRY,
			    "connection lost");
	wire_pass(&store->answers, on_answer, store);
}

static void succeed(struct memory_store *store)
{
	answer(store);
}

/* Whatever failed, the transaction of a locking load is rolled back with it. */
static void fail(struct memory_store *store, enum failure_kind kind, const char *text)
{
	set_failure(&store->call, kind, text);
	locks_release(store->database, store);
	answer(store);
}

/* The worker does not see any more what becomes of its flush. */
static void leave_flush(struct memory_store *store, enum lost_where where)
{
	locks_release(store->database, store);
	lost_add(store->database, store->call.changes, where);
	store->call.changes = NULL;
}

/* ---- 2. the call arrives at the database ---- */

static void on_lock_timeout(void *context)
{
	struct memory_store *store = context;

	store->lock_timeout = NULL;
	locks_stop_waiting(store->database, store);
	fail(store, FAILURE_RETRY, "lock timeout");
}

static void carry_out(void *context);

/* False when somebody else holds one of the locks: then the call is carried out when it is released. */
static bool have_locks(struct memory_store *store, const struct lock_names *names)
{
	if (!locks_blocked(store->database, names, store)) {
		simulation_cancel(store->database->simulation, &store->lock_timeout);
		return true;
	}
	locks_wait(store->database, carry_out, store);
	if (!store->lock_timeout)
		store->lock_timeout = simulation_post(store->database->simulation, MEMORY_LOCK_TIMEOUT_MS,
						      on_lock_timeout, store);
	return false;
}

static void do_load(struct memory_store *store)
{
	struct unit_of_work *uow = store->call.uow;
	struct lock_names names;

	if (load_is_first(uow))
		locks_release(store->database, store);
	if (uow->locking) {
		names = load_locks(store->database, uow, store->arena);
		if (!have_locks(store, &names))
			return;
		locks_take(store->database, &names, store);
	}
	if (load_unit(store->database, uow))
		succeed(store);
	else
		fail(store, FAILURE_CONFLICT, "a product has another revision by now");
}

static void commit(struct memory_store *store)
{
	struct call *call = &store->call;

	if (call->trouble == TROUBLE_LOST_COMMITTING) {
		leave_flush(store, LOST_COMMITTING);
		answer(store);
		return;
	}
	changes_apply(call->changes, store->database);
	if (!is_lost(call))
		changes_tell(call->changes, call->uow);
	locks_release(store->database, store);
	succeed(store);
}

static void do_flush(struct memory_store *store)
{
	struct lock_names names = changes_locks(store->call.changes);
	struct failure failure;

	if (!have_locks(store, &names))
		return;
	if (store->database->broken)
		fail(store, FAILURE_DATA, "the database is broken");
	else if (!changes_check(store->call.changes, store->database, &failure))
		fail(store, failure.kind, failure.text);
	else
		commit(store);
}

/* The same question gets the same answer, however often it is asked: who inserted the witness is kept with it. */
static void do_settle(struct memory_store *store)
{
	struct lock_names names = {.arena = store->arena};
	const struct witness_row *row;

	lock_names_add(&names, "witness", store->call.witness);
	if (!have_locks(store, &names))
		return;
	row = map_get(&store->database->witnesses, store->call.witness);
	if (!row)
		database_insert_witness(store->database, store->call.witness, false);
	if (row && row->committed)
		fail(store, FAILURE_CONFLICT, "the unit is committed");
	else
		succeed(store);
}

static void do_probe(struct memory_store *store)
{
	if (store->database->broken)
		fail(store, FAILURE_DATA, "the database is broken");
	else
		succeed(store);
}

static void do_save_cursors(struct memory_store *store)
{
	for (size_t i = 0; i < store->call.count; i++)
		database_move_cursor(store->database, &store->call.saved[i]);
	succeed(store);
}

/* What neither waits nor fails. */
static void do_housekeeping(struct memory_store *store)
{
	struct database *database = store->database;
	struct call *call = &store->call;

	if (call->kind == CALL_RESOLVE)
		database_resolve(database, call->batches, call->count, call->arena);
	else if (call->kind == CALL_READ_CURSORS)
		database_read_cursors(database, call->cursors, call->heads);
	else if (call->kind == CALL_READ_OUTBOX)
		database_read_outbox(database, call->range);
	else if (call->kind == CALL_DUE_NOTIFICATIONS)
		*call->found =
			database_lease_notifications(database, call->notifications, call->count, call->arena);
	else if (call->kind == CALL_SETTLE_NOTIFICATION)
		database_settle_notification(database, call->key, call->delivered, call->retry_seconds);
	else if (call->kind == CALL_UNFINISHED_SHRINKS)
		*call->found = database_unfinished_shrinks(database, call->skus, call->count, call->arena);
	else if (call->kind == CALL_TIDY)
		*call->more = database_tidy(database);
	succeed(store);
}

static void carry_out(void *context)
{
	struct memory_store *store = context;

	switch (store->call.kind) {
	case CALL_LOAD:
		do_load(store);
		break;
	case CALL_FLUSH:
		do_flush(store);
		break;
	case CALL_SETTLE:
		do_settle(store);
		break;
	case CALL_PROBE:
		do_probe(store);
		break;
	case CALL_SAVE_CURSORS:
		do_save_cursors(store);
		break;
	case CALL_RESOLVE:
	case CALL_READ_CURSORS:
	case CALL_READ_OUTBOX:
	case CALL_DUE_NOTIFICATIONS:
	case CALL_SETTLE_NOTIFICATION:
	case CALL_UNFINISHED_SHRINKS:
	case CALL_TIDY:
	case STORE_CALLS:
		do_housekeeping(store);
		break;
	}
}

static enum trouble take_planned(struct memory_store *store, enum store_call kind)
{
	enum trouble *planned = store->planned[kind], first = planned[0];

	store->planned_count[kind]--;
	memmove(planned, planned + 1, store->planned_count[kind] * sizeof *planned);
	return first;
}

static enum trouble trouble_of(struct memory_store *store, enum store_call kind)
{
	if (store->planned_count[kind])
		return take_planned(store, kind);
	return store->trouble ? store->trouble(store->trouble_context, kind) : TROUBLE_NONE;
}

static void on_request(void *context)
{
	struct memory_store *store = context;
	struct call *call = &store->call;

	store->calls[call->kind]++;
	call->trouble = trouble_of(store, call->kind);
	if (store->database->down || call->trouble == TROUBLE_REFUSED) {
		call->trouble = TROUBLE_NONE;
		fail(store, FAILURE_RETRY, "the database is away");
	} else if (call->trouble == TROUBLE_CONFLICT) {
		fail(store, FAILURE_CONFLICT, "serialization failure");
	} else if (call->trouble == TROUBLE_DATA) {
		fail(store, FAILURE_DATA, "constraint: as the test says");
	} else if (call->trouble == TROUBLE_LOST_ON_THE_WAY && call->kind == CALL_FLUSH) {
		leave_flush(store, LOST_ON_THE_WAY);
		answer(store);
	} else if (call->trouble == TROUBLE_NONE || call->trouble == TROUBLE_LOST_AFTER ||
		   (call->trouble == TROUBLE_LOST_COMMITTING && call->kind == CALL_FLUSH)) {
		carry_out(store);
	} else {
		fail(store, FAILURE_RETRY, "connection lost");
	}
}

/* ---- what tests do ---- */

struct memory_store *memory_store_new(struct database *database)
{
	static const struct store_ops ops = {
		.resolve = resolve,
		.load = load,
		.flush = flush,
		.settle = settle,
		.probe = probe,
		.read_cursors = read_cursors,
		.read_outbox = read_outbox,
		.save_cursors = save_cursors,
		.due_notifications = due_notifications,
		.settle_notification = settle_notification,
		.unfinished_shrinks = unfinished_shrinks,
		.tidy = tidy,
	};
	struct memory_store *store = must_alloc(sizeof *store);

	store->store.ops = &ops;
	store->database = database;
	store->arena = arena_new(1024);
	wire_init(&store->requests, database->simulation);
	wire_init(&store->answers, database->simulation);
	return store;
}

void memory_store_free(struct memory_store **store)
{
	struct memory_store *gone = *store;

	if (!gone)
		return;
	wire_clear(&gone->requests);
	wire_clear(&gone->answers);
	locks_stop_waiting(gone->database, gone);
	simulation_cancel(gone->database->simulation, &gone->lock_timeout);
	locks_release(gone->database, gone);
	if (gone->call.changes && !gone->call.carried_out)
		leave_flush(gone, LOST_ON_THE_WAY);
	changes_free(&gone->call.changes);
	arena_free(&gone->arena);
	free(gone);
	*store = NULL;
}

struct store *memory_store_port(struct memory_store *store)
{
	return &store->store;
}

struct wire *memory_store_requests(struct memory_store *store)
{
	return &store->requests;
}

struct wire *memory_store_answers(struct memory_store *store)
{
	return &store->answers;
}

void memory_store_fail_next(struct memory_store *store, enum store_call call, enum trouble trouble)
{
	assert(store->planned_count[call] < PLANNED_MAX);
	store->planned[call][store->planned_count[call]++] = trouble;
}

void memory_store_on_trouble(struct memory_store *store, store_trouble *trouble, void *context)
{
	store->trouble = trouble;
	store->trouble_context = context;
}

size_t memory_store_calls(const struct memory_store *store, enum store_call call)
{
	return store->calls[call];
}
