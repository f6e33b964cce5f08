/*
 * Port: the leases, and the workers that are alive.
 *
 * A lease belongs to the worker that wrote its term.  Every call answers exactly once, through its callback,
 * never before it returns; several calls may be under way, and are carried out in their order.  `failure` is
 * NULL on success.  After FAILURE_RETRY the call may have been carried out all the same.
 */
#ifndef ALLOCD_BUS_PORTS_LEASE_STORE_H
#define ALLOCD_BUS_PORTS_LEASE_STORE_H

#include "bus/ports/store_done.h"
#include "core/base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Terms and the ids of workers are random UUIDs: 36 characters in lower case, and a NUL. */
#define LEASE_UUID_SIZE 37

struct lease_row {
	const char *name;
	const char *term;
	const char *holder; /* the id of a worker, which may be dead; "": no worker has it */
	const char *note;   /* how the next holder ends what this one, or the last one, may still be doing */
};

struct worker_row {
	const char *id;
	const char *name;               /* the same at every start of this worker */
	int64_t beats;                  /* rises while the worker is alive */
	int32_t ttl_ms;                 /* it is dead when its beats have stood still for this long */
	const char *const *candidacies; /* the leases that it could have; no name contains a newline */
	size_t candidacy_count;
	const char *const *messages; /* the names of the messages that it knows; no name contains a newline */
	size_t message_count;
};

/* All workers and leases. */
struct lease_roll {
	struct worker_row *workers; /* in the order of their ids; dead ones may be among them */
	size_t worker_count;
	struct lease_row *leases; /* in the order of their names */
	size_t lease_count;
	const char *streams; /* what the database says about the streams: base/stream_plan.h; "": nothing */
};

struct lease_change {
	const char *name;
	const char *from;      /* nothing happens if the lease has another term than this, */
	const char *from_note; /* or another note; NULL: any */
	const char *streams;   /* or if the database says something else about the streams; NULL: anything */
	struct lease_row to;
	/* End the sessions whose uncommitted units keep the lease, instead of waiting for them. */
	bool ends_sessions;
};

struct lease_store {
	const struct lease_store_ops *ops;
};

struct lease_store_ops {
	/*
	 * Raises the beats of this worker and writes its row (`beats` is ignored); adds the leases that it is
	 * the first candidate for, without a holder; and reads the roll, whose texts live in `arena`.
	 */
	void (*beat)(struct lease_store *store, const struct worker_row *worker, struct lease_roll *roll,
		     struct arena *arena, store_done *done, void *context);

	/*
	 * Changes a lease, and sets *changed to whether it was changed.  No unit of work is committed under
	 * the earlier term afterwards.  FAILURE_BUSY: a unit that is being committed under it keeps
	 * it; nothing has happened.  A change that keeps the term writes the note only, and waits for no
	 * unit.
	 */
	void (*change)(struct lease_store *store, const struct lease_change *change, bool *changed,
		       store_done *done, void *context);

	/* Removes the row of a worker, which ends. */
	void (*leave)(struct lease_store *store, const char *worker, store_done *done, void *context);
};

#endif
