/*
 * The one call that a store has under way.  Only the store's own files include this header.
 */
#ifndef ALLOCD_ADAPTERS_MEMORY_STORE_CALL_H
#define ALLOCD_ADAPTERS_MEMORY_STORE_CALL_H

#include "adapters/memory/database/changes.h"
#include "adapters/memory/simulation/lost.h"
#include "adapters/memory/store/memory_store.h"

struct memory_call {
	enum store_call kind;
	store_done *done; /* NULL: no call is under way */
	void *context;
	enum store_injection injected; /* the failure that a test injected into the call */
	int server;                    /* of the database, when the call was sent */
	bool carried_out;
	bool failed;
	struct failure failure;

	/* The request; which members are used depends on the kind. */
	struct unit_of_work *uow;
	const struct unit_of_work *asked;
	bool *locked;
	struct changes *changes;
	const char *witness;
	struct resolved_batch *batches;
	struct process_start *starts;
	struct process_claim claim;
	struct due_process *due;
	struct outbox_state *state;
	struct outbox_range *range;
	const struct cursor *saved;
	struct notification *notifications;
	const char **skus;
	size_t count, *found;
	struct arena *arena;
	int64_t key;
	enum notification_result result;
	const char *const *recipients;
	int64_t *keys;
	const char *sku;
	struct stock *stock;
	const char *reason;
	struct cleanup *cleanup;
	int retry_seconds;
};

#define PLANNED_MAX 64

struct memory_store {
	struct unit_store unit_store;
	struct batch_directory batch_directory;
	struct process_store process_store;
	struct outbox_store outbox_store;
	struct chores_store chores_store;
	struct database *database;
	struct cable requests, answers;
	struct arena *arena; /* of the call under way */
	struct memory_call call;
	unsigned char loaded[WITNESS_SIZE]; /* the witness of the unit that was loaded last, */
	size_t loaded_after;                /* and the number of keys in the inbox when it was loaded first */
	size_t last_shrink;                 /* the last product that find_active_shrinks returned */
	struct task *lock_timeout;          /* set while the call waits for a lock */
	enum store_injection planned[STORE_CALLS][PLANNED_MAX];
	size_t planned_count[STORE_CALLS];
	store_injector *injector;
	void *injector_context;
	size_t calls[STORE_CALLS];
};

/* A task whose context is the store: the call arrives at the database. */
void call_arrive(void *store);

/* Leaves the flush to the database; its result is not reported. */
void call_leave_flush(struct memory_store *store, enum lost_where where);

#endif
