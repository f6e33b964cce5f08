/* Executes a call, from its arrival at the database to its answer; the functions are in time order. */
#include "adapters/memory/store/call.h"

#include "adapters/memory/database/locks.h"
#include "adapters/memory/database/processes.h"
#include "adapters/memory/store/housekeeping.h"
#include "adapters/memory/store/load.h"
#include "bus/leases/lease.h"

#include <string.h>

static bool is_lost(const struct memory_call *call)
{
	return call->injected >= INJECT_LOST_BEFORE;
}

/* The session was one of an earlier server. */
static bool is_cut(const struct memory_store *store)
{
	return store->call.server != store->database->server;
}

static void carry_out(void *context);
static void succeed(struct memory_store *store);
static void fail(struct memory_store *store, enum failure_kind kind, const char *text);
static void answer(struct memory_store *store);

/* ---- it arrives, and meets the failure that a test has injected ---- */

static enum store_injection next_injection(struct memory_store *store, enum store_call kind)
{
	enum store_injection *planned = store->planned[kind], injected = INJECT_NONE;

	if (store->planned_count[kind]) {
		injected = planned[0];
		store->planned_count[kind]--;
		memmove(planned, planned + 1, store->planned_count[kind] * sizeof *planned);
	} else if (store->injector) {
		injected = store->injector(store->injector_context, kind);
	}
	/* The last two are for flushes only; any other call meets INJECT_LOST_BEFORE instead. */
	if (kind != CALL_FLUSH && injected >= INJECT_LOST_COMMITTING)
		return INJECT_LOST_BEFORE;
	return injected;
}

static void meet_injection(struct memory_store *store)
{
	switch (store->call.injected) {
	case INJECT_REFUSED:
		fail(store, FAILURE_RETRY, "the database is away");
		break;
	case INJECT_CONFLICT:
		fail(store, FAILURE_CONFLICT, "serialization failure");
		break;
	case INJECT_DATA:
		fail(store, FAILURE_DATA, "constraint: as the test says");
		break;
	case INJECT_BUSY:
		fail(store, FAILURE_BUSY, "statement timeout");
		break;
	case INJECT_LOST_BEFORE:
		fail(store, FAILURE_RETRY, "connection lost");
		break;
	case INJECT_LOST_ON_THE_WAY:
		call_leave_flush(store, LOST_ON_THE_WAY);
		answer(store);
		break;
	case INJECT_NONE:
	case INJECT_LOST_AFTER:
	case INJECT_LOST_COMMITTING:
		carry_out(store);
		break;
	}
}

void call_arrive(void *context)
{
	struct memory_store *store = context;
	struct memory_call *call = &store->call;

	store->calls[call->kind]++;
	call->injected = next_injection(store, call->kind);
	if (store->database->down)
		call->injected = INJECT_REFUSED;
	if (is_cut(store))
		call->injected = INJECT_LOST_BEFORE;
	meet_injection(store);
}

/* ---- it is carried out, whole and at once, unless it has to wait for a lock ---- */

void call_leave_flush(struct memory_store *store, enum lost_where where)
{
	locks_release(store->database, store);
	lost_add(store->database, store->call.changes, where);
	store->call.changes = NULL;
}

static void on_lock_timeout(void *context)
{
	struct memory_store *store = context;

	store->lock_timeout = NULL;
	locks_stop_waiting(store->database, store);
	fail(store, FAILURE_BUSY, "lock timeout");
}

/* Returns false if another holder has one of the locks; this call is then retried after a release. */
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

/* A product that is unknown then may exist when the unit is flushed. */
static void note_load(struct memory_store *store)
{
	const struct unit_of_work *uow = store->call.uow;

	if (!memcmp(store->loaded, uow->witness, WITNESS_SIZE))
		return;
	memcpy(store->loaded, uow->witness, WITNESS_SIZE);
	store->loaded_after = store->database->inbox_count;
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
		locks_acquire(store->database, &names, store);
	}
	note_load(store);
	if (load_unit(store->database, uow))
		succeed(store);
	else
		fail(store, FAILURE_CONFLICT, "a product has another revision by now");
}

static void commit(struct memory_store *store)
{
	struct memory_call *call = &store->call;

	if (call->injected == INJECT_LOST_COMMITTING) {
		call_leave_flush(store, LOST_COMMITTING);
		answer(store);
		return;
	}
	changes_apply(call->changes, store->database);
	if (!is_lost(call)) {
		call->uow->now = database_now(store->database);
		changes_report(call->changes, call->uow);
	}
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

/*
 * Every repetition gets the same answer, because the witness records whether the flush or this call
 * inserted it.
 */
static void do_resolve_commit(struct memory_store *store)
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

static void do_find_locked(struct memory_store *store)
{
	const struct unit_of_work *uow = store->call.asked;

	for (size_t i = 0; i < uow->product_count; i++) {
		struct lock_names names = {.arena = store->arena};

		lock_names_add(&names, "product", uow->products[i]->sku);
		store->call.locked[i] = locks_blocked(store->database, &names, store);
	}
	succeed(store);
}

static void do_find_lost_leases(struct memory_store *store)
{
	const struct unit_of_work *uow = store->call.asked;

	for (size_t i = 0; i < uow->lease_count; i++)
		uow->leases[i]->is_lost |= !database_has_leases(
			store->database,
			&(struct lease_row){.name = uow->leases[i]->name, .term = uow->leases[i]->term}, 1);
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

static void do_begin_processes(struct memory_store *store)
{
	const struct memory_call *call = &store->call;
	const struct refusal *refusal;

	for (size_t i = 0; i < call->count; i++) {
		const struct lease *lease = call->starts[i].event->lease;

		refusal = database_refusal(store->database,
					   message_text(&call->starts[i].event->envelope.message, "orderid"));
		if (refusal) {
			fail(store, refusal->kind, "constraint: this order is refused");
			return;
		}
		if (lease &&
		    !database_has_leases(store->database,
					 &(struct lease_row){.name = lease->name, .term = lease->term}, 1)) {
			fail(store, FAILURE_FENCED, "another worker has taken a lease");
			return;
		}
	}
	database_begin_processes(store->database, call->starts, call->count, call->arena);
	succeed(store);
}

/* Executes the calls that neither wait nor fail. */
static void do_housekeeping(struct memory_store *store)
{
	struct database *database = store->database;
	struct memory_call *call = &store->call;

	if (call->kind == CALL_RESOLVE)
		database_resolve(database, call->batches, call->count, call->arena);
	else if (call->kind == CALL_CLAIM_PROCESSES)
		*call->found = database_claim_processes(database, &call->claim, call->due, call->arena);
	else if (call->kind == CALL_READ_CURSORS)
		database_read_cursors(database, call->state);
	else if (call->kind == CALL_READ_OUTBOX)
		database_read_outbox(database, call->range);
	else if (call->kind == CALL_CLAIM_NOTIFICATIONS)
		*call->found =
			database_claim_notifications(database, call->notifications, call->count, call->arena);
	else if (call->kind == CALL_RECORD_NOTIFICATION)
		database_record_notification(database, call->key, call->result, call->retry_seconds,
					     call->reason);
	else if (call->kind == CALL_SPLIT_NOTIFICATION)
		database_split_notification(database, call->key, call->recipients, call->count, call->keys);
	else if (call->kind == CALL_READ_STOCK)
		database_read_stock(database, call->sku, call->stock, call->arena);
	else if (call->kind == CALL_FIND_ACTIVE_SHRINKS)
		*call->found = database_find_active_shrinks(database, call->skus, call->count,
							    &store->last_shrink, call->arena);
	else if (call->kind == CALL_CLEAN_UP)
		database_clean_up(database, call->cleanup);
	succeed(store);
}

/* The server was another one, when the call had waited for a lock. */
static void end_with_server(struct memory_store *store)
{
	store->call.injected = INJECT_LOST_BEFORE;
	simulation_cancel(store->database->simulation, &store->lock_timeout);
	fail(store, FAILURE_RETRY, "connection lost");
}

static void carry_out(void *context)
{
	struct memory_store *store = context;

	if (is_cut(store)) {
		end_with_server(store);
		return;
	}
	switch (store->call.kind) {
	case CALL_LOAD:
		do_load(store);
		break;
	case CALL_FLUSH:
		do_flush(store);
		break;
	case CALL_RESOLVE_COMMIT:
		do_resolve_commit(store);
		break;
	case CALL_FIND_LOCKED:
		do_find_locked(store);
		break;
	case CALL_FIND_LOST_LEASES:
		do_find_lost_leases(store);
		break;
	case CALL_PROBE:
		do_probe(store);
		break;
	case CALL_SAVE_CURSORS:
		do_save_cursors(store);
		break;
	case CALL_BEGIN_PROCESSES:
		do_begin_processes(store);
		break;
	case CALL_RESOLVE:
	case CALL_CLAIM_PROCESSES:
	case CALL_READ_CURSORS:
	case CALL_READ_OUTBOX:
	case CALL_CLAIM_NOTIFICATIONS:
	case CALL_RECORD_NOTIFICATION:
	case CALL_SPLIT_NOTIFICATION:
	case CALL_READ_STOCK:
	case CALL_FIND_ACTIVE_SHRINKS:
	case CALL_CLEAN_UP:
	case STORE_CALLS:
		do_housekeeping(store);
		break;
	}
}

/* ---- its answer sets out, and arrives ---- */

static void set_failure(struct memory_call *call, enum failure_kind kind, const char *text)
{
	call->failed = true;
	call->failure = (struct failure){kind, text};
}

static void set_lost(struct memory_call *call)
{
	set_failure(call, call->kind == CALL_FLUSH ? FAILURE_UNCERTAIN : FAILURE_RETRY, "connection lost");
}

static void on_answer(void *context)
{
	struct memory_store *store = context;
	struct memory_call call = store->call;

	if (is_cut(store))
		set_lost(&call);
	store->call = (struct memory_call){0};
	call.done(call.context, call.failed ? &call.failure : NULL);
}

/* The locks of a locking load end with its session. */
static void answer(struct memory_store *store)
{
	struct memory_call *call = &store->call;

	call->carried_out = true;
	if (is_lost(call)) {
		set_lost(call);
		locks_release(store->database, store);
	}
	cable_pass(&store->answers, on_answer, store);
}

static void succeed(struct memory_store *store)
{
	answer(store);
}

/* Any failure also rolls back the transaction of a locking load. */
static void fail(struct memory_store *store, enum failure_kind kind, const char *text)
{
	set_failure(&store->call, kind, text);
	locks_release(store->database, store);
	answer(store);
}
