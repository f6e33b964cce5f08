/* Port: loads and commits units of work.  See store_done.h for what every call has in common. */
#ifndef ALLOCD_BUS_PORTS_UNIT_STORE_H
#define ALLOCD_BUS_PORTS_UNIT_STORE_H

#include "bus/ports/store_done.h"
#include "bus/unit_of_work/unit_of_work.h"

struct unit_store {
	const struct unit_store_ops *ops;

	/*
	 * Counts the sessions that were lost, also between calls.  What was cached before a loss may be wrong
	 * afterwards: the database may have been restored from a backup in between.
	 */
	uint64_t sessions_lost;

	bool must_load; /* the next unit must load before its flush, even if it lacks nothing */
};

struct unit_store_ops {
	/*
	 * Loads, in one snapshot, everything that the unit asks for and does not have yet: the answer of
	 * every slot that is not `loaded`, and for every loaded product what its `need` names (which is
	 * then cleared).  A product is loaded with its first OPEN_BATCHES batches that have free stock, its
	 * named batches and its shrink.  A batch that shrinks is loaded with its newest lines, as many as
	 * the shortfall needs, FIRST_LINES at most.  Sets `now`.  FAILURE_CONFLICT: the revision of a
	 * product whose `need` was to be answered has changed since the product was loaded.
	 */
	void (*load)(struct unit_store *store, struct unit_of_work *uow, store_done *done, void *context);

	/*
	 * Writes everything that changed, in one transaction: witness first, then the leases (each is
	 * checked, and cannot be taken before the commit), inbox, products (every
	 * loaded one is checked against its revision and locked, and a SKU without one is not checked; the
	 * changed ones get the next revision),
	 * batches, lines, displaced lines, shrinks, read model, notifications, dead letters, cursors, outbox
	 * with its positions.  On success sets `now`, the positions of the outbox rows and the keys of the
	 * notifications.  FAILURE_CONFLICT, FAILURE_DATA, FAILURE_BUSY, FAILURE_RETRY,
	 * FAILURE_FENCED: nothing was written.
	 * FAILURE_UNCERTAIN: ask resolve_commit.
	 */
	void (*flush)(struct unit_store *store, struct unit_of_work *uow, store_done *done, void *context);

	/*
	 * After FAILURE_UNCERTAIN: inserts and commits the unit's witness again.  Success means that the
	 * insert succeeded: the lost session can never commit.  FAILURE_CONFLICT means that the witness was
	 * already there: the unit is committed.
	 */
	void (*resolve_commit)(struct unit_store *store, const unsigned char witness[WITNESS_SIZE],
			       store_done *done, void *context);

	/*
	 * After FAILURE_BUSY: sets locked[i] to whether another session locks the row of the unit's product
	 * number i, or of a loaded batch of that product.  It waits for no lock.
	 */
	void (*find_locked)(struct unit_store *store, const struct unit_of_work *uow, bool *locked,
			    store_done *done, void *context);

	/* After FAILURE_FENCED: sets `is_lost` of the unit's leases that another worker has. */
	void (*find_lost_leases)(struct unit_store *store, const struct unit_of_work *uow, store_done *done,
				 void *context);

	/*
	 * Flushes an empty unit, which touches every table and head that a flush writes to: if that succeeds
	 * while a unit fails, one of the unit's messages is to blame and not the database.
	 */
	void (*probe)(struct unit_store *store, store_done *done, void *context);
};

/* A product is loaded with this many open batches, and a need loads at least this many more. */
#define OPEN_BATCHES 32

/* How many batches a store loads for a need that asks for `batches` or more. */
static inline int32_t batches_needed(int32_t batches)
{
	return batches > OPEN_BATCHES ? batches : OPEN_BATCHES;
}

/* A shrinking batch is loaded with this many lines at most; a need loads up to the unit's `move_max`. */
#define FIRST_LINES 100

#endif
