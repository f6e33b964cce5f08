/*
 * The state machine around a unit of work, in the order things happen:
 *
 *     begin ─► load ─► handle ─► flush ─► finish
 *                ▲        │        │
 *                └────────┘        ├─ conflict: load again and redo
 *               needs more         ├─ data: redo with fewer messages, until one stands alone
 *                                  ├─ retry: wait, probe, redo
 *                                  └─ uncertain: settle, then finish or redo
 */
#include "bus/lane.h"

#include "bus/backoff.h"
#include "bus/engine_parts.h"
#include "bus/handling.h"
#include "bus/intake.h"
#include "bus/unfinished.h"
#include "core/must.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A unit whose memory grows beyond this ends early: what is left is for the next one. */
#define UNIT_MEMORY_MAX ((size_t)16 * 1024 * 1024)

/* A message for which more was loaded so often asks for what cannot be had. */
#define LOADS_MAX 1000

/* After so many conflicts in a row LOAD takes row locks. */
#define CONFLICTS_BEFORE_LOCKING 2
#define CONFLICTS_BEFORE_ALARM   10

/* A step of a shrink that is stuck is tried again after so long. */
#define STUCK_MS 5000

enum lane_state {
	LANE_IDLE,      /* nothing to do */
	LANE_SCHEDULED, /* for the event loop's next turn: a burst may still be coming in */
	LANE_RESTING,   /* for the time to try a step again that is stuck, or for a message */
	LANE_LOADING,   /* for the store */
	LANE_FLUSHING,  /* for the store */
	LANE_SETTLING,  /* for the store's word whether the lost session committed */
	LANE_WAITING,   /* for the time to try again, with what `resume` says */
	LANE_PROBING,   /* for the store's word whether the database takes anything at all */
};

struct lane {
	struct engine *engine;
	size_t number;
	struct store *store;
	enum lane_state state;
	struct timer *timer;
	void (*resume)(struct lane *lane); /* what to do when the timer fires */

	struct delivery_queue queue; /* waits for a unit */
	struct unfinished_list unfinished;

	/* The unit in flight.  Redone, it begins again with done, causes, later, todo, in this order. */
	struct unit_of_work uow;
	struct delivery_queue todo;   /* to be handled */
	struct delivery_queue done;   /* handled: have an outcome if the flush succeeds */
	struct delivery_queue causes; /* handled: began a shrink that goes on after this unit */
	struct delivery_queue later;  /* not handled: a shrink of their SKU goes on */
	bool stepping;                /* it takes a step of the first unfinished shrink, */
	bool stepped;                 /* and has done so */
	int64_t steps_from_ms;        /* no step is taken before */
	int loads;                    /* for the step or message that is next, beyond the first */

	int conflicts;    /* in a row */
	bool tried_again; /* this unit, or what was left of it, on a database that was well */
	struct backoff conflict_backoff, backoff;

	/* While a message that the database refuses is looked for, or a unit was too large for it: */
	size_t limit;        /* so many messages in a unit, */
	size_t suspects;     /* until so many were committed (0: nothing is looked for) */
	char complaint[512]; /* the database's, about the message that stands alone */

	void (*after_probe)(struct lane *lane); /* what to do once the database takes an empty flush */
};

static void begin(struct lane *lane);
static void redo(struct lane *lane);
static void handle_all(struct lane *lane);
static void flush(struct lane *lane);
static void settle(struct lane *lane);
static void on_failure(struct lane *lane, const struct failure *failure);

/* ---- the lane itself ---- */

static void on_timer(void *context)
{
	struct lane *lane = context;

	lane->resume(lane);
}

static void wait_then(struct lane *lane, enum lane_state state, int64_t delay_ms,
		      void (*resume)(struct lane *lane))
{
	lane->state = state;
	lane->resume = resume;
	lane->engine->ports.clock->ops->timer_set(lane->timer, delay_ms);
}

struct lane *lane_new(struct engine *engine, size_t number)
{
	struct lane *lane = must_alloc(sizeof *lane);
	struct clock *clock = engine->ports.clock;

	lane->engine = engine;
	lane->number = number;
	lane->store = engine->ports.lane_stores[number];
	lane->timer = clock->ops->timer_new(clock, on_timer, lane);
	lane->backoff = (struct backoff){.first_ms = 20, .cap_ms = 5000};
	lane->conflict_backoff = (struct backoff){.first_ms = 2, .cap_ms = 100};
	lane->limit = engine->config.unit_max;
	unit_of_work_init(&lane->uow, engine->ports.codec);
	return lane;
}

void lane_free(struct lane **lane)
{
	struct lane *it = *lane;

	if (!it)
		return;
	unfinished_release(&it->unfinished);
	delivery_queue_free(&it->queue);
	delivery_queue_free(&it->todo);
	delivery_queue_free(&it->done);
	delivery_queue_free(&it->causes);
	delivery_queue_free(&it->later);
	unit_of_work_release(&it->uow);
	it->engine->ports.clock->ops->timer_free(&it->timer);
	free(it);
	*lane = NULL;
}

bool lane_is_idle(const struct lane *lane)
{
	return lane->state == LANE_IDLE;
}

/* How long until a step may be taken. */
static int64_t rest_ms(const struct lane *lane)
{
	struct clock *clock = lane->engine->ports.clock;
	int64_t left_ms = lane->steps_from_ms - clock->ops->now_ms(clock);

	return left_ms > 0 ? left_ms : 0;
}

static void schedule(struct lane *lane)
{
	if (lane->state != LANE_IDLE && lane->state != LANE_RESTING)
		return;
	if (lane->queue.first)
		wait_then(lane, LANE_SCHEDULED, 0, begin);
	else if (lane->unfinished.first)
		wait_then(lane, rest_ms(lane) ? LANE_RESTING : LANE_SCHEDULED, rest_ms(lane), begin);
}

void lane_take(struct lane *lane, struct delivery *delivery)
{
	delivery_queue_push(&lane->queue, delivery);
	schedule(lane);
}

/* ---- shrinks that go on in steps ---- */

void lane_resume_shrink(struct lane *lane, const char *sku)
{
	unfinished_ensure(&lane->unfinished, sku);
	schedule(lane);
}

/* The first shrink is done: what waited for it is the next of its SKU. */
static void shrink_is_done(struct lane *lane)
{
	struct delivery *cause = unfinished_end_first(&lane->unfinished, &lane->queue);

	if (cause)
		engine_finish(lane->engine, cause);
}

static struct product *shrinking_product(struct lane *lane)
{
	struct product *product = unit_of_work_product(&lane->uow, lane->unfinished.first->sku);

	return product && product->shrink ? product : NULL;
}

/* ---- begin: all that waits becomes a unit ---- */

/* So many messages less to look for the culprit among. */
static void clear_suspects(struct lane *lane, size_t count)
{
	lane->suspects = lane->suspects > count ? lane->suspects - count : 0;
	if (!lane->suspects)
		lane->limit = lane->engine->config.unit_max;
}

/* Whether the delivery's SKU has to wait for a shrink; then it waits there. */
static bool waits_for_shrink(struct lane *lane, struct delivery *delivery)
{
	struct unfinished *unfinished =
		delivery->decided ? NULL : unfinished_find(&lane->unfinished, delivery->sku);

	if (!unfinished)
		return false;
	delivery_queue_push(&unfinished->waiting, delivery);
	clear_suspects(lane, 1);
	return true;
}

static void begin(struct lane *lane)
{
	struct delivery *delivery;

	lane->state = LANE_IDLE;
	while (lane->todo.count < lane->limit && (delivery = delivery_queue_pop(&lane->queue))) {
		if (!waits_for_shrink(lane, delivery))
			delivery_queue_push(&lane->todo, delivery);
	}
	if (!lane->todo.first)
		clear_suspects(lane, lane->suspects);
	/* While a culprit is looked for, only messages are suspects. */
	lane->stepping = lane->unfinished.first && !lane->suspects && !rest_ms(lane);
	if (lane->todo.first || lane->stepping)
		redo(lane);
	else
		schedule(lane);
	if (lane->state == LANE_IDLE)
		engine_look_whether_drained(lane->engine);
}

/* ---- load ---- */

static void on_loaded(void *context, const struct failure *failure);

static void load(struct lane *lane)
{
	lane->state = LANE_LOADING;
	lane->store->ops->load(lane->store, &lane->uow, on_loaded, lane);
}

/* All of the unit is to be handled again, in the order it came as far as each SKU is concerned. */
static void take_back(struct lane *lane)
{
	delivery_queue_prepend(&lane->todo, &lane->later);
	delivery_queue_prepend(&lane->todo, &lane->causes);
	delivery_queue_prepend(&lane->todo, &lane->done);
}

/* From the beginning: whatever an earlier try made of the unit is thrown away. */
static void redo(struct lane *lane)
{
	struct random *random = lane->engine->ports.random;

	take_back(lane);
	unit_of_work_clear(&lane->uow);
	random->fill(random, lane->uow.witness, sizeof lane->uow.witness);
	lane->uow.locking = lane->conflicts >= CONFLICTS_BEFORE_LOCKING;
	lane->loads = 0;
	lane->stepped = false;
	if (lane->stepping)
		unit_of_work_want_product(&lane->uow, lane->unfinished.first->sku);
	for (struct delivery *it = lane->todo.first; it; it = it->next)
		admit_delivery(&lane->uow, it);
	load(lane);
}

/* ---- handle ---- */

static void on_loaded(void *context, const struct failure *failure)
{
	struct lane *lane = context;

	if (failure) {
		on_failure(lane, failure);
		return;
	}
	engine_database_is(lane->engine, true);
	lane->engine->stats.loads_again += lane->loads > 0;
	handle_all(lane);
}

/* The step of a shrink comes before any message.  False: more has to be loaded first. */
static bool take_step(struct lane *lane)
{
	struct product *product = lane->stepping && !lane->stepped ? shrinking_product(lane) : NULL;
	struct clock *clock = lane->engine->ports.clock;
	enum progress progress;

	if (!product)
		return true;
	progress = handle_shrink_step(&lane->uow, product);
	lane->stepped = progress == PROGRESS_DONE;
	if (progress == PROGRESS_STUCK || (progress == PROGRESS_NEEDS_MORE && ++lane->loads > LOADS_MAX)) {
		LOG(lane->engine->ports.logger, LOG_ERROR,
		    "a shrink cannot go on: what is kept of it does not add up",
		    LOG_TEXT("sku", product->sku));
		lane->stepped = true;
		lane->steps_from_ms = clock->ops->now_ms(clock) + STUCK_MS;
	}
	return lane->stepped;
}

static bool began_shrink(struct lane *lane, const struct delivery *delivery)
{
	const struct product *product;

	if (delivery->decided || delivery->outcome != OUTCOME_HANDLED)
		return false;
	product = delivery_product(&lane->uow, delivery);
	return product && product->shrink;
}

static void move_elsewhere(struct lane *lane, struct delivery *delivery)
{
	const char *owner = unit_of_work_batch_owner(&lane->uow, delivery->batchref);

	delivery->sku = arena_strdup(delivery->arena, owner);
	batch_index_remember(lane->engine->batches, delivery->batchref, owner);
	clear_suspects(lane, 1);
	lane_take(engine_lane_of(lane->engine, owner), delivery);
}

/* Enough for one unit: something is handled, and it took much memory. */
static bool is_full(const struct lane *lane)
{
	return (lane->done.first || lane->causes.first) && arena_footprint(lane->uow.arena) > UNIT_MEMORY_MAX;
}

/*
 * The next message asks for more than the unit has: loads it, or leaves the message to the next unit.  True:
 * loads.
 */
static bool load_more(struct lane *lane)
{
	struct delivery *delivery = lane->todo.first;

	if (++lane->loads > LOADS_MAX) {
		delivery_refuse(delivery, OUTCOME_FAILED, "what is kept of its product does not add up");
		delivery->decided = true;
		return false;
	}
	if (is_full(lane))
		return false;
	load(lane);
	return true;
}

static void handle_all(struct lane *lane)
{
	struct delivery *delivery;

	if (!take_step(lane)) {
		load(lane);
		return;
	}
	while ((delivery = lane->todo.first) && !is_full(lane)) {
		enum progress progress = handle_delivery(&lane->uow, delivery);

		if (progress == PROGRESS_NEEDS_MORE) {
			if (load_more(lane))
				return;
			continue;
		}
		lane->loads = 0;
		delivery_queue_pop(&lane->todo);
		if (progress == PROGRESS_ELSEWHERE) {
			/* The unit knows things by names that go with it. */
			move_elsewhere(lane, delivery);
			redo(lane);
			return;
		}
		if (progress == PROGRESS_LATER)
			delivery_queue_push(&lane->later, delivery);
		else
			delivery_queue_push(began_shrink(lane, delivery) ? &lane->causes : &lane->done,
					    delivery);
	}
	delivery_queue_prepend(&lane->queue, &lane->todo);
	flush(lane);
}

/* ---- flush ---- */

static void on_flushed(void *context, const struct failure *failure);

static void flush(struct lane *lane)
{
	const struct engine *engine = lane->engine;
	struct unit_of_work *uow = &lane->uow;

	uow->cursors = arena_alloc(uow->arena, PARTITIONS * sizeof *uow->cursors);
	uow->cursor_count =
		publisher_cursors(engine->publisher, lane->number, engine->config.lanes, uow->cursors);
	unit_of_work_close(uow);
	lane->state = LANE_FLUSHING;
	lane->store->ops->flush(lane->store, uow, on_flushed, lane);
}

/* ---- finish: it is committed ---- */

static void note_shrinks(struct lane *lane)
{
	struct delivery *delivery;

	if (lane->stepping && shrinking_product(lane))
		unfinished_rotate(&lane->unfinished);
	else if (lane->stepping)
		shrink_is_done(lane);
	while ((delivery = delivery_queue_pop(&lane->causes))) {
		struct unfinished *unfinished = unfinished_ensure(&lane->unfinished, delivery->sku);

		assert(!unfinished->cause);
		unfinished->cause = delivery;
	}
	while ((delivery = delivery_queue_pop(&lane->later)))
		delivery_queue_push(&unfinished_ensure(&lane->unfinished, delivery->sku)->waiting, delivery);
}

static void finish(struct lane *lane)
{
	struct engine *engine = lane->engine;
	size_t count = lane->done.count + lane->causes.count, postponed = lane->later.count;

	engine->stats.units++;
	engine->stats.messages += count;
	lane->conflicts = 0;
	lane->tried_again = false;
	lane->conflict_backoff.failures = lane->backoff.failures = 0;
	publisher_cursors_saved(engine->publisher, lane->uow.cursors, lane->uow.cursor_count);
	note_shrinks(lane);
	clear_suspects(lane, count + postponed);
	unit_of_work_clear(&lane->uow);
	lane->state = LANE_IDLE;
	for (struct delivery *delivery; (delivery = delivery_queue_pop(&lane->done));)
		engine_finish(engine, delivery);
	schedule(lane);
	engine_look_whether_drained(engine);
}

static void on_flushed(void *context, const struct failure *failure)
{
	struct lane *lane = context;
	const struct unit_of_work *uow = &lane->uow;

	if (failure) {
		on_failure(lane, failure);
		return;
	}
	engine_database_is(lane->engine, true);
	publisher_take(lane->engine->publisher, uow->outbox, uow->outbox_count);
	reminder_take(lane->engine->reminder, uow->notifications, uow->notification_count);
	finish(lane);
}

/* ---- what may go wrong: somebody else was faster ---- */

static void on_conflict(struct lane *lane, const struct failure *failure)
{
	lane->engine->stats.conflicts++;
	if (++lane->conflicts % CONFLICTS_BEFORE_ALARM == 0)
		LOG(lane->engine->ports.logger, LOG_WARN, "unit of work: one conflict after another",
		    LOG_NUMBER("lane", lane->number), LOG_NUMBER("conflicts", lane->conflicts),
		    LOG_TEXT("error", failure->text));
	if (lane->conflicts == 1)
		redo(lane);
	else
		wait_then(lane, LANE_WAITING,
			  backoff_next(&lane->conflict_backoff, lane->engine->ports.random), redo);
}

/* ---- fewer messages at a time, until all of the unit's are done with ---- */

/* Puts the unit's messages back before what is in the queue; returns how many. */
static size_t put_back(struct lane *lane)
{
	size_t count;

	take_back(lane);
	count = lane->todo.count;
	delivery_queue_prepend(&lane->queue, &lane->todo);
	return count;
}

static void begin_with_half(struct lane *lane, size_t count)
{
	lane->suspects = lane->suspects > count ? lane->suspects : count;
	lane->limit = count > 1 ? count / 2 : 1;
	begin(lane);
}

/*
 * The database is well again: the same once more.  If that fails, too, while the database takes small things,
 * the unit may be too large for the time it is given.
 */
static void try_again(struct lane *lane)
{
	size_t count = lane->done.count + lane->causes.count + lane->later.count + lane->todo.count;

	if (lane->tried_again && count > 1) {
		begin_with_half(lane, put_back(lane));
		return;
	}
	lane->tried_again = true;
	redo(lane);
}

/* ---- the database is in trouble: wait, probe with an empty flush, go on ---- */

static void probe(struct lane *lane);
static void condemn(struct lane *lane);

static void on_trouble(struct lane *lane, const struct failure *failure, void (*again)(struct lane *lane))
{
	int64_t delay_ms = backoff_next(&lane->backoff, lane->engine->ports.random);

	lane->engine->stats.retries++;
	engine_database_is(lane->engine, false);
	LOG(lane->engine->ports.logger, failure->kind == FAILURE_FATAL ? LOG_ERROR : LOG_WARN,
	    "trouble with the database, will try again", LOG_NUMBER("lane", lane->number),
	    LOG_NUMBER("in_ms", delay_ms), LOG_TEXT("error", failure->text));
	wait_then(lane, LANE_WAITING, delay_ms, again);
}

static void on_probed(void *context, const struct failure *failure)
{
	struct lane *lane = context;

	if (failure) {
		/* Then no message is to blame, and the one that stands alone is tried again. */
		if (lane->after_probe == condemn)
			lane->after_probe = begin;
		on_trouble(lane, failure, probe);
		return;
	}
	engine_database_is(lane->engine, true);
	lane->after_probe(lane);
}

static void probe(struct lane *lane)
{
	lane->state = LANE_PROBING;
	lane->store->ops->probe(lane->store, on_probed, lane);
}

/* ---- the connection was lost after the commit was asked for ---- */

static void on_settled(void *context, const struct failure *failure)
{
	struct lane *lane = context;

	if (!failure) {
		try_again(lane); /* the lost session can never commit */
	} else if (failure->kind == FAILURE_CONFLICT) {
		/* It is committed; what its rows are numbered is in the database. */
		publisher_look_again(lane->engine->publisher);
		finish(lane);
	} else {
		on_trouble(lane, failure, settle);
	}
}

static void settle(struct lane *lane)
{
	lane->state = LANE_SETTLING;
	lane->store->ops->settle(lane->store, lane->uow.witness, on_settled, lane);
}

/* ---- the database refuses what it was given: fewer messages, until the one to blame stands alone ---- */

/* An empty flush succeeds, so it is this very message: it goes to the dead letters, and the rest goes on. */
static void condemn(struct lane *lane)
{
	struct delivery *delivery = lane->queue.first;

	if (!delivery->decided) {
		delivery_refuse(delivery, OUTCOME_FAILED, lane->complaint);
		delivery->decided = true;
		begin(lane);
		return;
	}
	/* Not even its dead letter is taken: the log is all that is left. */
	LOG(lane->engine->ports.logger, LOG_ERROR, "message lost: the database refuses its dead letter",
	    LOG_TEXT("place", delivery->place), LOG_TEXT("id", delivery->envelope.id),
	    LOG_TEXT("error", lane->complaint));
	delivery_queue_pop(&lane->queue);
	clear_suspects(lane, 1);
	engine_finish(lane->engine, delivery);
	begin(lane);
}

static void on_refusal(struct lane *lane, const struct failure *failure)
{
	size_t count = put_back(lane);

	if (!count) {
		/* A shrink's own step: no message is to blame, and what waits for it must not be lost. */
		unfinished_rotate(&lane->unfinished);
		on_trouble(lane, failure, begin);
		return;
	}
	if (count > 1 || lane->stepping) {
		begin_with_half(lane, count);
		return;
	}
	snprintf(lane->complaint, sizeof lane->complaint, "%s", failure->text);
	lane->suspects = lane->suspects ? lane->suspects : 1;
	lane->limit = 1;
	lane->after_probe = condemn;
	probe(lane);
}

static void on_failure(struct lane *lane, const struct failure *failure)
{
	switch (failure->kind) {
	case FAILURE_CONFLICT:
		on_conflict(lane, failure);
		break;
	case FAILURE_UNCERTAIN:
		lane->engine->stats.uncertain++;
		LOG(lane->engine->ports.logger, LOG_WARN, "commit uncertain, will ask the database",
		    LOG_NUMBER("lane", lane->number), LOG_TEXT("error", failure->text));
		settle(lane);
		break;
	case FAILURE_DATA:
		on_refusal(lane, failure);
		break;
	case FAILURE_RETRY:
	case FAILURE_FATAL:
		lane->after_probe = try_again;
		on_trouble(lane, failure, probe);
		break;
	}
}
