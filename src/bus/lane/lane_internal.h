/*
 * What a lane consists of, for its own files only: the way of a unit of work (lane.c), handling its messages
 * (lane_handling.c), what happens when a call fails (lane_recovery.c), and parking (lane_parking.c).
 */
#ifndef ALLOCD_BUS_LANE_LANE_INTERNAL_H
#define ALLOCD_BUS_LANE_LANE_INTERNAL_H

#include "bus/base/backoff.h"
#include "bus/engine/active_shrinks.h"
#include "bus/engine/engine_internal.h"
#include "bus/lane/lane.h"
#include "bus/lane/parked.h"
#include "bus/unit_of_work/product_cache.h"

enum lane_state {
	LANE_IDLE,      /* nothing to do */
	LANE_HANDLING,  /* for nothing: a unit is put together, or handled */
	LANE_SCHEDULED, /* for the event loop's next turn: a burst may still be coming in */
	LANE_RESTING,   /* for the time to try a step again that is stuck, or for a message */
	LANE_LOADING,   /* for the store */
	LANE_FLUSHING,  /* for the store */
	LANE_SETTLING,  /* for the store's word whether the lost session committed */
	LANE_WAITING,   /* for the time to try again, with what `resume` says */
	LANE_PROBING,   /* for the store's word whether the database takes anything at all */
	LANE_ASKING,    /* for the store's word which of the unit's products are locked */
};

struct lane {
	struct engine *engine;
	size_t number;
	bool is_parking;       /* it tries what is parked, one message at a time: see parked.h */
	struct parked *trying; /* whose message the unit holds; of the parking lane only */
	struct unit_store *store;
	enum lane_state state;
	struct timer *timer;
	void (*resume)(struct lane *lane); /* what to do when the timer fires */

	struct delivery_queue queue; /* waits for a unit */
	struct delivery_queue
		returned; /* by the parking lane: comes before the queue when the next unit begins */
	struct active_shrinks unfinished;

	/* The unit in flight.  Redone, it begins again with done, causes, later, todo, in this order. */
	struct unit_of_work uow;
	struct delivery_queue todo;   /* to be handled */
	struct delivery_queue done;   /* handled: have an outcome if the flush succeeds */
	struct delivery_queue causes; /* handled: began a shrink that goes on after this unit */
	struct delivery_queue later;  /* not handled: a shrink of their SKU goes on */
	bool stepping;                /* it takes a step of the first unfinished shrink, */
	bool stepped;                 /* and has done so */
	int64_t steps_from_ms;        /* no step is taken before */
	int64_t sent_ms;              /* when the load or flush that is waited for was sent */
	int loads;                    /* for the step or message that is next, beyond the first */

	struct product_cache *cache;
	uint64_t cache_of; /* how many sessions the store had lost then */
	struct speculation_caution caution;

	int conflicts;    /* in a row */
	bool tried_again; /* this unit, or what was left of it, on a database that was well */
	struct backoff conflict_backoff, backoff;

	/* While a message that the database refuses is looked for, or a unit was too large for it: */
	size_t limit;        /* so many messages in a unit, */
	size_t suspects;     /* until so many were committed (0: nothing is looked for) */
	char complaint[512]; /* the database's, about the message that stands alone */
	bool blames_time;    /* a message is looked for because the unit took too long */
	bool found_culprit;  /* and it was parked */
	int patient_units;   /* this many units get more time: the last one only was too large */
	const bool *locked;  /* by number in the unit's list of products, once the store was asked */

	void (*after_probe)(struct lane *lane); /* what to do once the database takes an empty flush */
};

/* ---- of lane.c ---- */

/* Enters that state until `delay_ms` from now. */
void lane_wait_then(struct lane *lane, enum lane_state state, int64_t delay_ms,
		    void (*resume)(struct lane *lane));

/* The product of the first unfinished shrink, loaded and still shrinking, or NULL. */
struct product *lane_shrinking_product(struct lane *lane);

/* What waits becomes a unit, `limit` messages at most. */
void lane_begin(struct lane *lane);

/* All of the unit is to be handled again, in the order it came as far as each SKU is concerned. */
void lane_take_back(struct lane *lane);

/* The unit from its load on: whatever an earlier try made of it is thrown away. */
void lane_redo(struct lane *lane);

/* A speculation failed: the same, without speculation, which the next units do without, too. */
void lane_redo_with_look_ups(struct lane *lane);

/* Asks the store for all that the unit of work wants, then handles its messages. */
void lane_load(struct lane *lane);

/* Writes and commits what was handled. */
void lane_flush(struct lane *lane);

/* It is committed. */
void lane_finish(struct lane *lane);

/* So many messages less to look for the culprit among. */
void lane_clear_suspects(struct lane *lane, size_t count);

/* Puts the unit's messages back before what is in the queue; returns how many. */
size_t lane_put_back(struct lane *lane);

/* Something was put into the queue. */
void lane_wake(struct lane *lane);

/* The step of the first shrink is left for a while; the others are next. */
void lane_rest_shrink(struct lane *lane, int64_t delay_ms);

/* ---- of lane_handling.c ---- */

/* Handles the unit's messages as far as what is loaded goes; then loads more, or flushes. */
void lane_handle(struct lane *lane);

/* ---- of lane_recovery.c ---- */

/* A load or a flush of the unit failed. */
void lane_fail(struct lane *lane, const struct failure *failure);

/* ---- of lane_parking.c ---- */

/* Whether there is a parking lane, and this is none. */
bool lane_can_park(const struct lane *lane);

/* What `parked` (or NULL) means for the next message of its SKU. */
enum held_up parking_holds_up(const struct engine *engine, const struct parked *parked);

/* The delivery waits there. */
void parking_take(struct lane *lane, struct parked *parked, struct delivery *delivery);

/* All of that SKU in the lane's queue, from its front on, waits in the parking lane. */
void lane_park(struct lane *lane, const char *sku);

/* Of the parking lane: takes the next message that is due, if any is. */
struct delivery *parking_next(struct lane *lane);

/*
 * Of the parking lane: the message cannot be done yet, for the reason of `complaint`; the next one is tried.
 */
void parking_postpone(struct lane *lane);

/* Of the parking lane: its message was done, so what waited behind it goes home. */
void parking_release(struct lane *lane);

/* Of the parking lane: wakes up when the next message is due. */
void parking_schedule(struct lane *lane);

#endif
