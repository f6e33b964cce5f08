/*
 * A store on a database in memory: it implements the ports unit_store.h, batch_directory.h, outbox_store.h
 * and chores_store.h.
 *
 * Every call travels to the database over `requests`, is executed there atomically, and its answer travels
 * back over `answers` (see cable.h).  A test decides when each of them arrives, and which calls fail.
 */
#ifndef ALLOCD_ADAPTERS_MEMORY_STORE_MEMORY_STORE_H
#define ALLOCD_ADAPTERS_MEMORY_STORE_MEMORY_STORE_H

#include "adapters/memory/database/database.h"
#include "adapters/memory/simulation/cable.h"
#include "bus/ports/batch_directory.h"
#include "bus/ports/chores_store.h"
#include "bus/ports/outbox_store.h"
#include "bus/ports/process_store.h"
#include "bus/ports/unit_store.h"

/* A call that waits longer than this for a lock fails with FAILURE_BUSY. */
#define MEMORY_LOCK_TIMEOUT_MS 500

enum store_call {
	CALL_RESOLVE,
	CALL_BEGIN_PROCESSES,
	CALL_LOAD,
	CALL_FLUSH,
	CALL_RESOLVE_COMMIT,
	CALL_FIND_LOCKED,
	CALL_FIND_LOST_LEASES,
	CALL_PROBE,
	CALL_READ_CURSORS,
	CALL_READ_OUTBOX,
	CALL_SAVE_CURSORS,
	CALL_CLAIM_NOTIFICATIONS,
	CALL_RECORD_NOTIFICATION,
	CALL_SPLIT_NOTIFICATION,
	CALL_READ_STOCK,
	CALL_FIND_ACTIVE_SHRINKS,
	CALL_CLAIM_PROCESSES,
	CALL_CLEAN_UP,
	STORE_CALLS,
};

enum store_injection {
	INJECT_NONE,
	INJECT_REFUSED,  /* nothing is done; FAILURE_RETRY */
	INJECT_CONFLICT, /* nothing is done; FAILURE_CONFLICT */
	INJECT_DATA,     /* nothing is done; FAILURE_DATA */
	INJECT_BUSY,     /* nothing is done; FAILURE_BUSY */
	/* The connection is lost: a flush answers FAILURE_UNCERTAIN, anything else FAILURE_RETRY. */
	INJECT_LOST_BEFORE,     /* nothing is done, and never will be */
	INJECT_LOST_AFTER,      /* it is done */
	INJECT_LOST_COMMITTING, /* a flush is about to commit: see lost.h */
	INJECT_LOST_ON_THE_WAY, /* a flush will arrive later: see lost.h */
};

/* Called for each call that arrives; returns the failure that is injected into it. */
typedef enum store_injection store_injector(void *context, enum store_call call);

struct memory_store;

struct memory_store *memory_store_new(struct database *database);

/*
 * Frees the store as when its worker dies: its calls are not answered, and a flush in flight is left to the
 * database (see lost.h).  Accepts NULL in *store and nulls it.
 */
void memory_store_free(struct memory_store **store);

/* The store's ports, which are valid as long as the store. */
struct unit_store *memory_unit_store(struct memory_store *store);
struct batch_directory *memory_batch_directory(struct memory_store *store);
struct process_store *memory_process_store(struct memory_store *store);
struct outbox_store *memory_outbox_store(struct memory_store *store);
struct chores_store *memory_chores_store(struct memory_store *store);

struct cable *memory_store_requests(struct memory_store *store);
struct cable *memory_store_answers(struct memory_store *store);

/*
 * The next call of that kind that arrives gets this injection.  Repeated calls plan the failures of
 * successive calls, in order.
 */
void memory_store_fail_next(struct memory_store *store, enum store_call call, enum store_injection injected);

/* Decides about calls for which fail_next has planned no failure; NULL: they succeed. */
void memory_store_set_injector(struct memory_store *store, store_injector *injector, void *context);

/* Loses the session between two calls; the next call has a new one. */
void memory_store_lose_session(struct memory_store *store);

/* The number of calls of that kind that have arrived. */
size_t memory_store_calls(const struct memory_store *store, enum store_call call);

#endif
