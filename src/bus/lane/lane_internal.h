/* The state of a lane, and the functions that its files share.  Private to this folder. */
#ifndef ALLOCD_BUS_LANE_LANE_INTERNAL_H
#define ALLOCD_BUS_LANE_LANE_INTERNAL_H

#include "bus/base/backoff.h"
#include "bus/engine/engine_lanes.h"
#include "bus/housekeeping/housekeeper.h"
#include "bus/lane/active_shrinks.h"
#include "bus/lane/lane.h"
#include "bus/lane/parked.h"
#include "bus/lane/poison_search.h"
#include "bus/publishing/publisher.h"
#include "bus/unit_of_work/batch_index.h"
#include "bus/unit_of_work/product_cache.h"

/* What the lane waits for. */
enum lane_state {
	LANE_IDLE,           /* a delivery */
	LANE_HANDLING,       /* nothing: a unit is being assembled or handled */
	LANE_SCHEDULED,      /* the event loop's next turn: a burst may still be arriving */
	LANE_RESTING,        /* the time of the next step, or retry of a parked SKU; or a delivery */
	LANE_LOADING,        /* the store */
	LANE_COMPARING,      /* the publisher: does the database have all that was published? */
	LANE_FLUSHING,       /* the store */
	LANE_RESOLVING,      /* the store: did the lost session commit? */
	LANE_WAITING,        /* the time to retry, by calling `resume` */
	LANE_PROBING,        /* the store: does the database accept an empty unit? */
	LANE_FINDING_LOCKED, /* the store: which of the unit's products are locked? */
	LANE_FINDING_LOST,   /* the store: which of the unit's leases are lost? */
};

struct lane {
	struct engine *engine;
	struct lanes_shared *shared;
	size_t number;
	bool is_lent;          /* the first lane handles its messages: see lane_lending.c */
	bool is_parking;       /* it retries parked messages, one at a time: see parked.h */
	struct parked *trying; /* of the parking lane: the SKU whose message the unit holds */
	struct unit_store *store;
	enum lane_state state;
	struct timer *timer;
	void (*resume)(struct lane *lane); /* called when the timer fires, or the outbox is compared */

	struct delivery_queue queue;    /* deliveries that wait for a unit */
	struct delivery_queue returned; /* by the parking lane: they precede the queue in the next unit */
	struct active_shrinks shrinks;

	/* The unit in flight.  A redone unit begins again with done, causes, later, todo, in this order. */
	struct unit_of_work uow;
	struct delivery_queue todo;   /* to be handled */
	struct delivery_queue done;   /* handled: have an outcome if the flush succeeds */
	struct delivery_queue causes; /* handled: began a shrink that takes further steps */
	struct delivery_queue later;  /* not handled: a shrink of their SKU is in progress */
	bool stepping;                /* the unit takes a step of the first shrink, */
	bool stepped;                 /* and has done so */
	int64_t steps_from_ms;        /* no step is taken before this time */
	struct unit_times times;
	int64_t stage_us;        /* when the stage of the unit that is under way began */
	struct unit_trace trace; /* what becomes of it, if a message is sampled */
	int loads;               /* for the next step or message, beyond the first load */

	struct product_cache *cache; /* of all lanes, or the parking lane's own */
	uint64_t cache_of;           /* the sessions that were lost when the lane used the cache last */
	struct speculation_caution caution;

	int conflicts;    /* in a row */
	bool tried_again; /* the unit, or what is left of it, was redone on a database that works */
	struct backoff conflict_backoff, backoff;

	struct poison_search search;
	char complaint[FAILURE_TEXT_SIZE]; /* the database's last error */
	const bool *locked;                /* by index in uow.products, once the store has answered */

	void (*after_probe)(struct lane *lane); /* called once the database accepts an empty unit */
};

/* ---- of lane.c ---- */

/* Enters the state, and calls `resume` in `delay_ms`. */
void lane_wait_then(struct lane *lane, enum lane_state state, int64_t delay_ms,
		    void (*resume)(struct lane *lane));

/* Begins a unit soon, if the lane is idle and has work. */
void lane_wake(struct lane *lane);

/* Begins a unit with the deliveries that wait. */
void lane_begin(struct lane *lane);

/* Puts the unit's messages back in front of the queue; returns how many there are. */
size_t lane_put_back(struct lane *lane);

/* Redoes the unit from its load on, and drops the results of the earlier attempt. */
void lane_redo(struct lane *lane);

/* A speculation failed: redoes this unit and runs the next ones without speculation (see speculation.h). */
void lane_redo_with_look_ups(struct lane *lane);

/* Loads everything that the unit wants, then handles its messages. */
void lane_load(struct lane *lane);

/* Writes and commits the results of the handled messages. */
void lane_flush(struct lane *lane);

/* Answers the messages of the committed unit. */
void lane_finish(struct lane *lane);

/* ---- of lane_tracing.c ---- */

/* A unit begins; it is attempted, or attempted again. */
void lane_trace_begin(struct lane *lane);
void lane_trace_attempt(struct lane *lane);

/* A stage is over that was a call of the store. */
void lane_trace_call(struct lane *lane, enum unit_stage stage, int64_t began_us,
		     const struct failure *failure);

/* The unit is committed, and its rows are not published yet. */
void lane_trace_committed(struct lane *lane);

/* ---- of lane_lending.c ---- */

/* After a commit: lends the lane's SKUs to the first lane or, in the first lane, gives them back. */
void lane_balance(struct lane *lane);

/* ---- of lane_handling.c ---- */

/* Handles the unit's messages as far as their data is loaded; then loads more, or flushes. */
void lane_handle(struct lane *lane);

/* ---- of lane_shrinks.c ---- */

/* Returns the loaded product of the first shrink while it is shrinking, else NULL. */
struct product *lane_shrinking_product(struct lane *lane);

/* Milliseconds until a step may be taken. */
int64_t lane_rest_ms(const struct lane *lane);

/* Waits until a step may be taken, then begins a unit. */
void lane_schedule_step(struct lane *lane);

/* The first shrink rests for a second before its step is retried; the other shrinks are next. */
void lane_rest_shrink(struct lane *lane);

/* Whether a shrink of the delivery's SKU is in progress; the lane then keeps the delivery until it ends. */
bool lane_waits_for_shrink(struct lane *lane, struct delivery *delivery);

/* Notes, after a commit, which shrinks began and whether one ended. */
void lane_note_shrinks(struct lane *lane);

/* ---- of lane_recovery.c ---- */

/* A load or a flush of the unit failed. */
void lane_recover(struct lane *lane, const struct failure *failure);

/* Logs the failure, and calls `again` after a while. */
void lane_retry(struct lane *lane, const struct failure *failure, void (*again)(struct lane *lane));

/* Flushes empty units until one succeeds, then calls `after`. */
void lane_probe(struct lane *lane, void (*after)(struct lane *lane));

/* ---- of poison_search.c ---- */

/* The unit fails though the database accepts others: searches for the message to blame, and parks its SKU. */
void lane_isolate(struct lane *lane);

/* The same as lane_isolate() for a unit that takes too long. */
void lane_isolate_slow(struct lane *lane);

/* The database refuses the unit's data: searches for the message to blame, and fails it. */
void lane_bisect(struct lane *lane, const struct failure *failure);

/* Makes a dead letter of the queue's first message, which is the poison. */
void lane_fail_poison(struct lane *lane);

/* ---- of lane_parking.c ---- */

/* Whether there is a parking lane, and this lane is not it. */
bool lane_can_park(const struct lane *lane);

/* How far the next message of a SKU is held up; `parked` is NULL for a SKU that is not parked. */
enum held_up parking_holds_up(const struct lanes_shared *shared, const struct parked *parked);

/* Parks all messages of the SKU in the lane's queue. */
void lane_park(struct lane *lane, const char *sku);

/* Parking lane only: the delivery waits until its SKU is retried. */
void parking_push(struct lane *lane, struct parked *parked, struct delivery *delivery);

/* Parking lane only: returns the next message that is due, or NULL. */
struct delivery *parking_next(struct lane *lane);

/* Parking lane only: postpones its message, which failed again (see `complaint`), and tries the next one. */
void parking_postpone(struct lane *lane);

/* Parking lane only: its message is committed; returns the messages behind it to their own lane. */
void parking_release(struct lane *lane);

/* Parking lane only: begins a unit when the next message is due. */
void parking_schedule(struct lane *lane);

#endif
