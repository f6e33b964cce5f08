/* Private to the store: what its calls share. (postgres.h is the public header.) */
#ifndef ALLOCD_ADAPTERS_POSTGRES_STORE_PG_STORE_H
#define ALLOCD_ADAPTERS_POSTGRES_STORE_PG_STORE_H

#include "adapters/postgres/connection/pg_connection.h"
#include "adapters/postgres/housekeeping/expired_rows.h"
#include "bus/ports/batch_directory.h"
#include "bus/ports/chores_store.h"
#include "bus/ports/outbox_store.h"
#include "bus/ports/process_store.h"
#include "bus/ports/unit_store.h"
#include "core/base/container_of.h"

struct postgres_store {
	struct unit_store unit_store;
	struct batch_directory batch_directory;
	struct process_store process_store;
	struct outbox_store outbox_store;
	struct chores_store chores_store;
	struct pg_connection *connection;
	bool is_dry_run;
	bool is_parking; /* its flushes may be slow, and must not delay those of others */
	int inbox_days;
	int64_t dead_letters_max;
	int dead_letters_days;
	int64_t last_dead_letter; /* the last one that was checked for its age */

	/* The call in progress. */
	struct arena *arena; /* holds its pipeline */
	struct query_pipeline pipeline;
	store_done *done;
	void *context;

	/*
	 * A load opens a transaction; that of a unit that locks lasts until the flush.  If the unit is
	 * abandoned, the next call rolls the transaction back.
	 */
	bool in_transaction;

	/* Keys for new products and batches, reserved in advance. */
	int64_t *keys;
	size_t key_count, key_room;
	uint64_t keys_of; /* the number of sessions lost when they were reserved */

	int64_t last_shrink; /* the product that find_active_shrinks returned last */
	struct expired_rows units, inbox;
};

/* The store behind each of its ports. */

static inline struct postgres_store *store_of_units(struct unit_store *port)
{
	return container_of(port, struct postgres_store, unit_store);
}

static inline struct postgres_store *store_of_directory(struct batch_directory *port)
{
	return container_of(port, struct postgres_store, batch_directory);
}

static inline struct postgres_store *store_of_processes(struct process_store *port)
{
	return container_of(port, struct postgres_store, process_store);
}

static inline struct postgres_store *store_of_outbox(struct outbox_store *port)
{
	return container_of(port, struct postgres_store, outbox_store);
}

static inline struct postgres_store *store_of_chores(struct chores_store *port)
{
	return container_of(port, struct postgres_store, chores_store);
}

/* Begins a call with an empty pipeline, or with a ROLLBACK if an earlier call left a transaction open. */
struct query_pipeline *store_begin(struct postgres_store *store, store_done *done, void *context);

/* Begins a call within the transaction that the unit's load began. */
struct query_pipeline *store_continue(struct postgres_store *store, store_done *done, void *context);

/* Sends the call's pipeline; `next` gets the results and answers by store_answer(). */
void store_send(struct postgres_store *store, enum query_pipeline_effect effect, query_pipeline_done *next,
		void *context);

/* Sends the call's pipeline, whose outcome is the answer. */
void store_send_and_answer(struct postgres_store *store, enum query_pipeline_effect effect);

/* Ends the call.  The results are gone when the callback runs: it may begin the next call. */
void store_answer(struct postgres_store *store, const struct failure *failure);

/*
 * Keys for new rows are reserved some time before they are used.  Those of a lost session are dropped by the
 * next load, because a database that was restored from a backup hands out the same keys again.
 * store_reserve_keys() returns the query that reserves keys, or NULL if as many as `needed` are left;
 * store_keep_keys() adds the keys that it returned.
 */
void store_drop_old_keys(struct postgres_store *store);
struct query *store_reserve_keys(struct postgres_store *store, struct query_pipeline *pipeline,
				 size_t needed);
void store_keep_keys(struct postgres_store *store, const struct query *query);
int64_t store_next_key(struct postgres_store *store);

/* Adds a query that sets statement_timeout for the rest of the transaction; 0 leaves it as it is. */
void store_set_statement_time(struct query_pipeline *pipeline, int time_ms);

/* Adds a query that moves cursors forward. */
void store_move_cursors(struct query_pipeline *pipeline, const struct cursor *cursors, size_t count);

/* Adds a query that checks these leases, and keeps them from being taken before the transaction ends. */
void store_check_leases(struct query_pipeline *pipeline, struct lease *const *leases, size_t count);

/* ---- the calls of unit_store.h ---- */

void store_load(struct unit_store *, struct unit_of_work *, store_done *, void *);
void store_flush(struct unit_store *, struct unit_of_work *, store_done *, void *);
void store_resolve_commit(struct unit_store *, const unsigned char[WITNESS_SIZE], store_done *, void *);
void store_find_locked(struct unit_store *, const struct unit_of_work *, bool *, store_done *, void *);
void store_find_lost_leases(struct unit_store *, const struct unit_of_work *, store_done *, void *);
void store_probe(struct unit_store *, store_done *, void *);

/* ---- of batch_directory.h ---- */

void store_resolve(struct batch_directory *, struct resolved_batch *, size_t, struct arena *, store_done *,
		   void *);

/* ---- of process_store.h ---- */

void store_begin_processes(struct process_store *, struct process_start *, size_t, struct arena *,
			   store_done *, void *);

/* ---- of outbox_store.h ---- */

void store_read_cursors(struct outbox_store *, struct outbox_state *, store_done *, void *);
void store_read_outbox(struct outbox_store *, struct outbox_range *, store_done *, void *);
void store_save_cursors(struct outbox_store *, const struct cursor *, size_t, store_done *, void *);

/* ---- of chores_store.h ---- */

void store_probe_for_chores(struct chores_store *, store_done *, void *);
void store_claim_notifications(struct chores_store *, struct notification *, size_t, size_t *, struct arena *,
			       store_done *, void *);
void store_record_notification(struct chores_store *, int64_t, enum notification_result, int, const char *,
			       store_done *, void *);
void store_split_notification(struct chores_store *, int64_t, const char *const *, size_t, int64_t *,
			      store_done *, void *);
void store_read_stock(struct chores_store *, const char *, struct stock *, struct arena *, store_done *,
		      void *);
void store_find_active_shrinks(struct chores_store *, const char **, size_t, size_t *, struct arena *,
			       store_done *, void *);
void store_claim_processes(struct chores_store *, const struct process_claim *, struct due_process *,
			   size_t *, struct arena *, store_done *, void *);
void store_clean_up(struct chores_store *, struct cleanup *, store_done *, void *);

#endif
