/*
 * What happens when a load or a flush fails.
 *
 *     conflict:  load again and redo
 *     busy:      park the SKUs that another session locks, redo the rest at once
 *     retry:     wait, probe with an empty flush, redo
 *     uncertain: settle, then finish or redo
 *     data:      redo with fewer messages, until the one to blame stands alone
 */
#include "bus/lane/lane_internal.h"

#include "core/base/utf8.h"

#include <string.h>

#define CONFLICTS_BEFORE_ALARM 10

/* A shrink whose step cannot be taken for now is left for this long. */
#define STEP_REST_MS 1000

static void resolve_commit(struct lane *lane);

/* ---- somebody else was faster ---- */

static void on_conflict(struct lane *lane, const struct failure *failure)
{
	product_cache_forget(lane->cache, &lane->uow);
	if (lane->uow.speculation.was_on) {
		lane_redo_with_look_ups(lane); /* an id or a line is the likeliest cause */
		return;
	}
	lane->engine->stats.conflicts++;
	if (++lane->conflicts % CONFLICTS_BEFORE_ALARM == 0) {
		engine_lane_failed(lane->engine, lane->number, failure);
		LOG(lane->engine->ports.logger, LOG_WARN, "unit of work: one conflict after another",
		    LOG_NUMBER("lane", lane->number), LOG_NUMBER("conflicts", lane->conflicts),
		    LOG_TEXT("error", failure->text));
	}
	if (lane->conflicts == 1)
		lane_redo(lane);
	else
		lane_wait_then(lane, LANE_WAITING,
			       backoff_next(&lane->conflict_backoff, lane->engine->ports.random), lane_redo);
}

/* ---- fewer messages at a time, until all of the unit's are done with ---- */

static void begin_with_half(struct lane *lane, size_t count)
{
	lane->suspects = lane->suspects > count ? lane->suspects : count;
	lane->limit = count > 1 && !lane->blames_time ? count / 2 : 1;
	lane_begin(lane);
}

/*
 * The database is well, and yet the unit fails: fewer messages at a time, until the one to blame stands
 * alone.  Then its SKU waits apart from the others.
 */
static void isolate(struct lane *lane)
{
	size_t count = lane_put_back(lane);

	if (!count) {
		lane_rest_shrink(lane, STEP_REST_MS);
		lane_begin(lane);
	} else if (lane->is_parking) {
		parking_postpone(lane);
	} else if (count > 1 || lane->stepping) {
		begin_with_half(lane, count);
	} else {
		lane_park(lane, delivery_key(lane->queue.first));
		lane_begin(lane);
	}
}

/* No half: each unit with a slow message in it costs the time that a statement is given. */
static void isolate_at_once(struct lane *lane)
{
	lane->blames_time = true;
	isolate(lane);
}

/*
 * The database is well again: the same once more.  If that fails, too, while the database takes small things,
 * the unit may be too large for the time it is given, or one message has a trouble of its own.
 */
static void try_again(struct lane *lane)
{
	size_t count = lane->done.count + lane->causes.count + lane->later.count + lane->todo.count;

	if (lane->tried_again && (count > 1 || lane_can_park(lane))) {
		isolate(lane);
		return;
	}
	lane->tried_again = true;
	lane_redo(lane);
}

/* ---- the database is in trouble: wait, probe with an empty flush, go on ---- */

static void probe(struct lane *lane);
static void condemn(struct lane *lane);

static void on_trouble(struct lane *lane, const struct failure *failure, void (*again)(struct lane *lane))
{
	int64_t delay_ms = backoff_next(&lane->backoff, lane->engine->ports.random);

	lane->engine->stats.retries++;
	engine_lane_failed(lane->engine, lane->number, failure);
	LOG(lane->engine->ports.logger, failure->kind == FAILURE_FATAL ? LOG_ERROR : LOG_WARN,
	    "trouble with the database, will try again", LOG_TROUBLE(LOG_DATABASE),
	    LOG_NUMBER("lane", lane->number), LOG_NUMBER("in_ms", delay_ms),
	    LOG_TEXT("error", failure->text));
	lane_wait_then(lane, LANE_WAITING, delay_ms, again);
}

void lane_retry_now(struct lane *lane)
{
	if (lane->state == LANE_WAITING && lane->backoff.failures)
		lane->engine->ports.clock->ops->timer_set(lane->timer, 0);
}

static void on_probed(void *context, const struct failure *failure)
{
	struct lane *lane = context;

	if (failure) {
		/* Then no message is to blame, and the one that stands alone is tried again. */
		if (lane->after_probe == condemn)
			lane->after_probe = lane_begin;
		on_trouble(lane, failure, probe);
		return;
	}
	engine_database_is(lane->engine, true);
	if (lane_can_park(lane))
		lane->backoff.failures = 0; /* it is no longer waited for: see isolate() */
	lane->after_probe(lane);
}

static void probe(struct lane *lane)
{
	lane->state = LANE_PROBING;
	lane->store->ops->probe(lane->store, on_probed, lane);
}

/* ---- a lock was not had, or a statement was too slow ---- */

/* Whether the step of the first shrink is what the unit wants the product for. */
static bool is_step(const struct lane *lane, const char *sku)
{
	return lane->stepping && !strcmp(lane->unfinished.first->sku, sku);
}

/*
 * Whether product number `i` of the unit is locked, and this lane can leave it: a step can wait, and so can
 * what concerns a SKU of this lane.  (What waits for a shrink does so already, and must not be overtaken.)
 */
static bool can_leave(const struct lane *lane, size_t i)
{
	const char *sku = lane->uow.products[i]->sku;

	return lane->locked[i] && (is_step(lane, sku) || (engine_lane_of(lane->engine, sku) == lane &&
							  !active_shrinks_find(&lane->unfinished, sku)));
}

static bool can_leave_any(const struct lane *lane)
{
	for (size_t i = 0; i < lane->uow.product_count; i++) {
		if (can_leave(lane, i))
			return true;
	}
	return false;
}

/* Each product of the unit that another session holds is parked, or its shrink rests. */
static void leave_locked(struct lane *lane)
{
	const struct unit_of_work *uow = &lane->uow;

	lane_put_back(lane);
	for (size_t i = 0; i < uow->product_count; i++) {
		const char *sku = uow->products[i]->sku;

		if (!can_leave(lane, i))
			continue;
		if (is_step(lane, sku)) {
			lane_rest_shrink(lane, STEP_REST_MS);
			lane->stepping = false;
		} else {
			lane_park(lane, sku);
		}
	}
}

static void on_found_locked(void *context, const struct failure *failure)
{
	struct lane *lane = context;

	if (failure) {
		lane->after_probe = try_again;
		on_trouble(lane, failure, probe);
	} else if (can_leave_any(lane)) {
		engine_database_is(lane->engine, true);
		leave_locked(lane);
		lane_begin(lane);
	} else {
		/*
		 * A slow statement, or a lock that is no product's: the probe tells, for it asks for those,
		 * too.
		 */
		lane->after_probe = isolate_at_once;
		probe(lane);
	}
}

static void ask_for_locked(struct lane *lane)
{
	struct unit_of_work *uow = &lane->uow;
	bool *locked = arena_alloc(uow->arena, uow->product_count * sizeof *locked);

	lane->locked = locked;
	lane->state = LANE_ASKING;
	lane->store->ops->find_locked(lane->store, uow, locked, on_found_locked, lane);
}

static void on_busy(struct lane *lane, const struct failure *failure)
{
	utf8_format(lane->complaint, sizeof lane->complaint, "%s", failure->text);
	if (lane->is_parking) {
		lane->after_probe = isolate;
		probe(lane);
	} else if (lane_can_park(lane)) {
		ask_for_locked(lane);
	} else {
		lane->after_probe = try_again;
		on_trouble(lane, failure, probe);
	}
}

/* ---- the connection was lost after the commit was asked for ---- */

static void on_settled(void *context, const struct failure *failure)
{
	struct lane *lane = context;

	if (!failure) {
		try_again(lane); /* the lost session can never commit */
	} else if (failure->kind == FAILURE_CONFLICT) {
		/* It is committed; what its rows are numbered is in the database. */
		publisher_check_again(lane->engine->publisher);
		lane_finish(lane);
	} else {
		on_trouble(lane, failure, resolve_commit);
	}
}

static void resolve_commit(struct lane *lane)
{
	lane->state = LANE_SETTLING;
	lane->store->ops->resolve_commit(lane->store, lane->uow.witness, on_settled, lane);
}

/* ---- the database refuses what it was given: fewer messages, until the one to blame stands alone ---- */

/* An empty flush succeeds, so it is this very message: it goes to the dead letters, and the rest goes on. */
static void condemn(struct lane *lane)
{
	struct delivery *delivery = lane->queue.first;

	if (!delivery->decided) {
		delivery_refuse(delivery, OUTCOME_FAILED, lane->complaint);
		delivery->decided = true;
		lane_begin(lane);
		return;
	}
	/* Not even its dead letter is taken: the log is all that is left. */
	LOG(lane->engine->ports.logger, LOG_ERROR, "message lost: the database refuses its dead letter",
	    LOG_KEPT, LOG_TEXT("place", delivery->place), LOG_TEXT("id", delivery->envelope.id),
	    LOG_TEXT("error", lane->complaint));
	delivery_queue_pop(&lane->queue);
	lane_clear_suspects(lane, 1);
	engine_lane_committed(lane->engine, lane->number);
	engine_finish(lane->engine, delivery);
	lane_begin(lane);
}

static void on_refusal(struct lane *lane, const struct failure *failure)
{
	size_t count = lane_put_back(lane);

	if (!count) {
		/* A shrink's own step: no message is to blame, and what waits for it must not be lost. */
		active_shrinks_rotate(&lane->unfinished);
		on_trouble(lane, failure, lane_begin);
		return;
	}
	if (count > 1 || lane->stepping) {
		begin_with_half(lane, count);
		return;
	}
	utf8_format(lane->complaint, sizeof lane->complaint, "%s", failure->text);
	lane->suspects = lane->suspects ? lane->suspects : 1;
	lane->limit = 1;
	lane->after_probe = condemn;
	probe(lane);
}

void lane_fail(struct lane *lane, const struct failure *failure)
{
	/* Perhaps it is another database by now, that was restored: its revisions tell nothing. */
	if (failure->kind != FAILURE_CONFLICT && failure->kind != FAILURE_DATA)
		product_cache_clear(lane->cache);
	switch (failure->kind) {
	case FAILURE_CONFLICT:
		on_conflict(lane, failure);
		break;
	case FAILURE_UNCERTAIN:
		lane->engine->stats.uncertain++;
		LOG(lane->engine->ports.logger, LOG_WARN, "commit uncertain, will ask the database",
		    LOG_TROUBLE(LOG_DATABASE), LOG_NUMBER("lane", lane->number),
		    LOG_TEXT("error", failure->text));
		resolve_commit(lane);
		break;
	case FAILURE_DATA:
		on_refusal(lane, failure);
		break;
	case FAILURE_BUSY:
		on_busy(lane, failure);
		break;
	case FAILURE_RETRY:
	case FAILURE_FATAL:
		utf8_format(lane->complaint, sizeof lane->complaint, "%s", failure->text);
		lane->after_probe = lane->is_parking ? isolate : try_again;
		if (lane->is_parking)
			probe(lane); /* the trouble is known, unless the probe fails, too */
		else
			on_trouble(lane, failure, probe);
		break;
	}
}
