/*
 * Takes, keeps and hands over this worker's leases.
 *
 *     elsewhere ─► ending ─► taking ─► held ─► stopping ─► giving ─► elsewhere
 *                                       │ ▲
 *                                       ▼ │
 *                                      noting
 *
 * Every worker beats twice a second, and reads from the same transaction all workers and leases.  From that,
 * each computes alike which worker is to have which lease (share_out.h).  It hands over what another one is
 * to have, and takes what it is to have and no worker alive has.  A worker is dead when its beats stood still
 * for its whole time to live on the clock of the worker that sees it, and the database was up for all of
 * that time.  Clocks of two machines are never compared.
 *
 * Before a lease is taken, what its last holder may still be doing is ended: so it does not matter whether
 * the worker that takes it dies a moment later.  The lease is taken only if its note is still the same.
 *
 * A lease that was taken too early does no harm: what is committed is decided by the term, see lease.h.
 */
#ifndef ALLOCD_BUS_LEASES_LEASE_KEEPER_H
#define ALLOCD_BUS_LEASES_LEASE_KEEPER_H

#include "bus/base/stream_list.h"
#include "bus/leases/lease.h"
#include "bus/ports/clock.h"
#include "bus/ports/logger.h"

/* How often a worker beats, and for how long its beats may stand still before another one takes over. */
#define LEASE_BEAT_MS 500
#define LEASE_TTL_MS  2500

/* All of them outlive the keeper. */
struct lease_keeper_ports {
	struct lease_store *store;
	struct clock *clock;
	struct random *random;
	struct logger *logger;
};

/* What is leased, for example a stream.  No call calls the keeper back before it returns. */
struct leased_ops {
	/*
	 * What the next holder needs to end what this worker may still be doing; NULL: this worker cannot do
	 * the work now.  The note is written to the lease before work begins, and again before work that
	 * another note is needed for.  A lease that was handed over when the work had ended bears an empty
	 * one.
	 */
	const char *(*note)(void *it);

	/*
	 * Ends what another worker that noted this may still be doing.  Answers once, through `done`, never
	 * before it returns.  FAILURE_RETRY: try again.  FAILURE_FATAL: it cannot be ended.  NULL: there is
	 * nothing to end, because the note says how far the work is: the next holder keeps it until its own
	 * work has a later note, and work continues while a note is written.
	 */
	void (*end)(void *it, const char *last_note, store_done *done, void *context);

	/* The work may begin.  The lease is held if it is kept; it bore `last_note` when it was taken. */
	void (*begin)(void *it, struct lease *lease, const char *last_note);

	/* Begins nothing new; what has begun may be finished. */
	void (*stop)(void *it);

	/* Whether that is finished, or is not waited for. */
	bool (*is_idle)(void *it);

	/* After stop: whether there is nothing that the next holder has to end.  NULL if `end` is. */
	bool (*has_ended)(void *it);

	/* After stop: the lease is lost, with what is not finished.  `is_lost` is set. */
	void (*lost)(void *it);
};

struct lease_keeper;

/* How the log and readiness name the trouble that another worker took a lease. */
#define LEASE_LOST "lease-lost"

/* `worker` names this worker, alike at every start; copied. */
struct lease_keeper *lease_keeper_new(const struct lease_keeper_ports *ports, const char *worker);

/* The store must not call back any more.  Accepts NULL in *keeper and nulls it. */
void lease_keeper_free(struct lease_keeper **keeper);

/* Before the start.  The name is copied, and has no newline. */
void lease_keeper_add(struct lease_keeper *keeper, const char *name, const struct leased_ops *ops, void *it);

/*
 * Before the start: binds the leases of these streams to what the database says about them (stream_gate.h).
 * Both outlive the keeper, which sets the list's `grows_from`.
 */
void lease_keeper_add_streams(struct lease_keeper *keeper, struct stream_list *list, const char *prefix);

/* Before the start: this worker knows messages of that name.  The name is copied, and has no newline. */
void lease_keeper_add_message(struct lease_keeper *keeper, const char *name);

void lease_keeper_start(struct lease_keeper *keeper);

/* A note has changed, or work is idle: acts at once. */
void lease_keeper_check(struct lease_keeper *keeper);

/* Hands over all leases as soon as their work is idle, and takes no further one. */
void lease_keeper_stop(struct lease_keeper *keeper);

/* After the stop: whether all leases are handed over, or the database cannot be reached. */
bool lease_keeper_has_left(const struct lease_keeper *keeper);

/* Whether this worker has the lease, and whether another one does that is alive. */
bool lease_keeper_has(const struct lease_keeper *keeper, const void *it);
bool lease_keeper_is_elsewhere(const struct lease_keeper *keeper, const void *it);

/*
 * How long ago another living worker was last seen to have the lease, or this one began to hand it over;
 * INT64_MAX: that never was.  Between two holders no worker has it, for two beats or a little more.
 */
int64_t lease_keeper_moved_ms_ago(const struct lease_keeper *keeper, const void *it);

/* Whether the lease is that of a stream that no worker reads yet, because the range is growing. */
bool lease_keeper_is_to_come(const struct lease_keeper *keeper, const void *it);

/* Whether another worker that is alive knows messages of that name, as of the last roll. */
bool lease_keeper_is_known(const struct lease_keeper *keeper, const char *message);

/*
 * Reads a roll soon, and returns its number.  Once lease_keeper_roll() is that number, or a higher one, the
 * last roll was read after this call.
 */
uint64_t lease_keeper_ask_roll(struct lease_keeper *keeper);
uint64_t lease_keeper_roll(const struct lease_keeper *keeper);

/* Whether another worker took the lease from this one, and none that is alive was seen to have it since. */
bool lease_keeper_lost(const struct lease_keeper *keeper, const void *it);

struct lease_report {
	const char *name;
	bool is_held; /* by this worker */
};

/* Reports the leases, in the order in which they were added, `max` at most; returns how many. */
size_t lease_keeper_report(const struct lease_keeper *keeper, struct lease_report *reports, size_t max);

/* How often another worker took a lease from this one. */
uint64_t lease_keeper_losses(const struct lease_keeper *keeper);

/* Whether another worker had the lease and beat since this one started. */
bool lease_keeper_was_elsewhere(const struct lease_keeper *keeper, const void *it);

/* Whether another worker that is taken for alive was a candidate for the lease, as of the last roll. */
bool lease_keeper_has_rival(const struct lease_keeper *keeper, const void *it);

/* Whether the other worker that has the lease was a candidate for it as of the last roll: it can go on. */
bool lease_keeper_holder_could_have(const struct lease_keeper *keeper, const void *it);

/* Whether no other worker had the lease since this one worked under it before. */
bool lease_keeper_is_resumed(const struct lease_keeper *keeper, const void *it);

/* When the last roll was asked for, on the clock's monotonic time. */
int64_t lease_keeper_rolled_ms(const struct lease_keeper *keeper);

/* Since when rolls come without missed time (workers_alive.h); INT64_MAX: they do not. */
int64_t lease_keeper_rolls_since_ms(const struct lease_keeper *keeper);

/* The note in the lease, as of the last roll; while this worker has the lease, NULL when it is uncertain. */
const char *lease_keeper_note(const struct lease_keeper *keeper, const void *it);

struct known_worker {
	const char *id, *name;
	bool is_self, is_alive;
};

/*
 * Sets *worker to the one at `index` in the last roll, and returns false behind the last one; returns the id
 * of the worker that has the lease of that name, or NULL.  While a beat is under way there is no roll.
 */
bool lease_keeper_worker(const struct lease_keeper *keeper, size_t index, struct known_worker *worker);
const char *lease_keeper_holder(const struct lease_keeper *keeper, const char *lease);

/* Whether another worker is alive. */
bool lease_keeper_has_company(const struct lease_keeper *keeper);

#endif
