/*
 * Port: where products are kept, and everything that commits with them.
 *
 * A store is one line of work: one call at a time.  Every call answers exactly once, through its callback,
 * never before the call returns.  `failure` is NULL on success and valid only during the callback.  A store
 * that lost its connection finds it again by itself: calls made meanwhile answer FAILURE_RETRY within a
 * bounded time.
 */
#ifndef ALLOCD_BUS_PORTS_STORE_H
#define ALLOCD_BUS_PORTS_STORE_H

#include "bus/ports/failure.h"
#include "bus/ports/notifier.h"
#include "bus/unit_of_work/unit_of_work.h"
#include "core/partition.h"

typedef void store_done(void *context, const struct failure *failure);

/* For resolve: which SKU a batch belongs to. */
struct resolved_batch {
	const char *reference;
	const char *sku; /* set to a text in `arena`, or NULL when there is no such batch */
};

/* For read_outbox: rows of one partition, in order of position; the frames live in the arena. */
struct outbox_range {
	int partition;
	int64_t after;    /* positions above this one; */
	size_t rows_max;  /* no more rows than this, */
	size_t bytes_max; /* and, but for the first row, no more bytes */
	struct arena *arena;
	struct outbox_row *rows; /* out; gapless from `after` + 1 on */
	size_t row_count;
	int64_t head; /* out: the partition's last committed position */
};

/* For read_cursors. */
struct outbox_state {
	char incarnation[INCARNATION_SIZE]; /* of the database: see broker.h */
	int64_t cursors[PARTITIONS], heads[PARTITIONS];
};

/* What became of a notification. */
enum notification_result {
	NOTIFICATION_DELIVERED, /* it is deleted */
	NOTIFICATION_POSTPONED, /* it is due again after a while */
	NOTIFICATION_DEAD,      /* it becomes a dead letter: way "mail", message "out_of_stock" */
};

/* For tidy. */
struct tidied {
	bool more;                                  /* there is more to delete */
	int64_t dead_letters, dead_letters_dropped; /* how many are kept, and were dropped for want of room */
};

struct store {
	const struct store_ops *ops;

	/*
	 * Counts the sessions that were lost, also between calls: what was remembered before may be of
	 * another life of the database, which came back from a backup.
	 */
	uint64_t sessions_lost;
};

struct store_ops {
	/*
	 * Finds the owners of `count` batches, from the database.
	 */
	void (*resolve)(struct store *store, struct resolved_batch *batches, size_t count,
			struct arena *arena, store_done *done, void *context);

	/*
	 * Brings, in one snapshot, whatever the unit asks for and does not have: for every slot that is not
	 * `loaded` its answer, for every loaded product what its `need` says (which is then cleared).  A
	 * product comes with its first OPEN_BATCHES batches that have free stock, its named batches and its
	 * shrink.  For a batch that shrinks, the newest lines up to the shortfall come along, FIRST_LINES at
	 * most.  Sets `now`.  FAILURE_CONFLICT when a product whose `need` is answered has another revision
	 * by now.
	 */
	void (*load)(struct store *store, struct unit_of_work *uow, store_done *done, void *context);

	/*
	 * Writes everything that changed, in one transaction: witness first, then inbox, products (every one
	 * loaded is checked against its revision and locked, the changed ones get the next), batches, lines,
	 * displaced lines, shrinks, read model, notifications, dead letters, cursors, outbox with its
	 * positions.  On success sets `now`, the positions of the outbox rows and the keys of the
	 * notifications.
	 * FAILURE_CONFLICT, FAILURE_DATA, FAILURE_BUSY, FAILURE_RETRY: nothing was written.
	 * FAILURE_UNCERTAIN: see settle.
	 */
	void (*flush)(struct store *store, struct unit_of_work *uow, store_done *done, void *context);

	/*
	 * After FAILURE_UNCERTAIN: inserts and commits the unit's witness again.  Success means that it went
	 * in: the lost session can never commit.  FAILURE_CONFLICT means that it was there: the unit is
	 * committed.
	 */
	void (*resolve_commit)(struct store *store, const unsigned char witness[WITNESS_SIZE],
			       store_done *done, void *context);

	/*
	 * After FAILURE_BUSY: sets locked[i] to whether the row of the unit's product number i, or of a
	 * loaded batch of it, is locked by another session.  It waits for no lock.
	 */
	void (*find_locked)(struct store *store, const struct unit_of_work *uow, bool *locked,
			    store_done *done, void *context);

	/*
	 * An empty flush: tells the infrastructure's trouble from a message's.  It asks for every table and
	 * head that a flush writes to.
	 */
	void (*probe)(struct store *store, store_done *done, void *context);

	/* How far each partition was published and committed. */
	void (*read_cursors)(struct store *store, struct outbox_state *state, store_done *done,
			     void *context);
	void (*read_outbox)(struct store *store, struct outbox_range *range, store_done *done, void *context);

	/* Moves cursors forward; one that is further already stays, none goes beyond what is committed. */
	void (*save_cursors)(struct store *store, const struct cursor *cursors, size_t count,
			     store_done *done, void *context);

	/*
	 * Takes up to `max` notifications that are due for NOTIFICATION_LEASE seconds, so that nobody else
	 * takes them meanwhile (a new one is due that long after its commit: until then it is for the worker
	 * that wrote it). Texts live in `arena`.
	 */
	void (*due_notifications)(struct store *store, struct notification *notifications, size_t max,
				  size_t *count, struct arena *arena, store_done *done, void *context);

	/*
	 * Writes down what became of a notification: `retry_seconds` is for one that is postponed, `reason`
	 * for one that is dead.
	 */
	void (*record_notification)(struct store *store, int64_t key, enum notification_result result,
				    int retry_seconds, const char *reason, store_done *done, void *context);

	/*
	 * Puts a notification for each recipient in the place of one that is for all of them, each leased
	 * like a new one, and sets their keys, which are 0 when that one is gone.
	 */
	void (*split_notification)(struct store *store, int64_t key, const char *const *recipients,
				   size_t count, int64_t *keys, store_done *done, void *context);

	/* What there is of an SKU now, for a notification; texts live in `arena`. */
	void (*read_stock)(struct store *store, const char *sku, struct stock *stock, struct arena *arena,
			   store_done *done, void *context);

	/* The SKUs, `max` at most, that a shrink goes on for; texts live in `arena`. */
	void (*find_active_shrinks)(struct store *store, const char **skus, size_t max, size_t *count,
				    struct arena *arena, store_done *done, void *context);

	/* Deletes a small portion of what is past its retention. */
	void (*tidy)(struct store *store, struct tidied *tidied, store_done *done, void *context);
};

/* With how many open batches a product comes, and how many more a need brings at least. */
#define OPEN_BATCHES 32

/* How many batches a store brings for a need that asks for `batches` or more. */
static inline int32_t batches_needed(int32_t batches)
{
	return batches > OPEN_BATCHES ? batches : OPEN_BATCHES;
}

/* How many lines of a shrinking batch come unasked; a need brings up to the unit's `move_max`. */
#define FIRST_LINES 100

#define NOTIFICATION_LEASE 60

#endif
