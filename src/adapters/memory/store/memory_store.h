/*
 * A store on a database in memory: it offers the ports unit_store.h, batch_directory.h, outbox_store.h and
 * chores_store.h.
 *
 * Every call travels to the database over `requests`, is carried out there at once and whole, and its answer
 * travels back over `answers` (see cable.h).  A test decides when each of them arrives, and which calls fail.
 */
#ifndef ALLOCD_ADAPTERS_MEMORY_STORE_MEMORY_STORE_H
#define ALLOCD_ADAPTERS_MEMORY_STORE_MEMORY_STORE_H

#include "adapters/memory/database/database.h"
#include "adapters/memory/simulation/cable.h"
#include "bus/ports/batch_directory.h"
#include "bus/ports/chores_store.h"
#include "bus/ports/outbox_store.h"
#include "bus/ports/unit_store.h"

/* A call that waits longer than this for a lock fails with FAILURE_BUSY. */
#define MEMORY_LOCK_TIMEOUT_MS 500

enum store_call {
	CALL_RESOLVE,
	CALL_LOAD,
	CALL_FLUSH,
	CALL_RESOLVE_COMMIT,
	CALL_FIND_LOCKED,
	CALL_PROBE,
	CALL_READ_CURSORS,
	CALL_READ_OUTBOX,
	CALL_SAVE_CURSORS,
	CALL_CLAIM_NOTIFICATIONS,
	CALL_RECORD_NOTIFICATION,
	CALL_SPLIT_NOTIFICATION,
	CALL_READ_STOCK,
	CALL_FIND_ACTIVE_SHRINKS,
	CALL_CLEAN_UP,
	STORE_CALLS,
};

enum memory_trouble {
	TROUBLE_NONE,
	TROUBLE_REFUSED,  /* nothing is done; FAILURE_RETRY */
	TROUBLE_CONFLICT, /* nothing is done; FAILURE_CONFLICT */
	TROUBLE_DATA,     /* nothing is done; FAILURE_DATA */
	TROUBLE_BUSY,     /* nothing is done; FAILURE_BUSY */
	/* The connection is lost: a flush answers FAILURE_UNCERTAIN, anything else FAILURE_RETRY. */
	TROUBLE_LOST_BEFORE,     /* nothing is done, and never will be */
	TROUBLE_LOST_AFTER,      /* it is done */
	TROUBLE_LOST_COMMITTING, /* a flush is about to commit: see lost.h */
	TROUBLE_LOST_ON_THE_WAY, /* a flush will arrive later: see lost.h */
};

/* Asked for each call that arrives: what goes wrong with it? */
typedef enum memory_trouble store_trouble(void *context, enum store_call call);

struct memory_store;

struct memory_store *memory_store_new(struct database *database);

/*
 * The worker is gone: its calls are not answered.  A flush in flight is left to the database: see lost.h.
 * Accepts NULL in *store and nulls it.
 */
void memory_store_free(struct memory_store **store);

/* Its ports, which live as long as it does. */
struct unit_store *memory_unit_store(struct memory_store *store);
struct batch_directory *memory_batch_directory(struct memory_store *store);
struct outbox_store *memory_outbox_store(struct memory_store *store);
struct chores_store *memory_chores_store(struct memory_store *store);

struct cable *memory_store_requests(struct memory_store *store);
struct cable *memory_store_answers(struct memory_store *store);

/*
 * The next call of that kind that arrives fails that way.  Called several times, it plans as many calls, in
 * order.
 */
void memory_store_fail_next(struct memory_store *store, enum store_call call, enum memory_trouble trouble);

/* Decides about calls that fail_next says nothing about; NULL: they succeed. */
void memory_store_on_trouble(struct memory_store *store, store_trouble *trouble, void *context);

/* Between two calls; the next one has a new session. */
void memory_store_lose_session(struct memory_store *store);

/* How many calls of that kind have arrived. */
size_t memory_store_calls(const struct memory_store *store, enum store_call call);

#endif
