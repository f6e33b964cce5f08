/*
 * What happens when a load or a flush fails.
 *
 *     conflict:  load again and redo
 *     busy:      park the SKUs that another session locks, and redo the rest at once
 *     retry:     wait, probe with an empty flush, redo
 *     uncertain: ask whether the unit was committed, then finish or redo
 *     fenced:    give back what came under a lost lease, and redo the rest at once
 *     data:      search for the poison message (see poison_search.h)
 */
#include "bus/lane/lane_internal.h"

#include "bus/leases/lease.h"
#include "core/base/utf8.h"

#include <string.h>

/* A warning is logged each time this many more conflicts happened in a row. */
#define CONFLICTS_BEFORE_ALARM 10

/* ---- a concurrent update ---- */

static void on_conflict(struct lane *lane, const struct failure *failure)
{
	product_cache_forget(lane->cache, &lane->uow);
	engine_forget_database_clock(lane->engine); /* the outbox may have been renewed */
	if (lane->uow.speculation.was_on) {
		lane_redo_with_look_ups(lane); /* an id or a line is the likeliest cause */
		return;
	}
	lane->shared->stats->conflicts++;
	if (++lane->conflicts % CONFLICTS_BEFORE_ALARM == 0) {
		engine_lane_failed(lane->engine, lane->number, failure);
		LOG(lane->shared->ports->logger, LOG_WARN, "unit of work: one conflict after another",
		    LOG_NUMBER("lane", lane->number), LOG_NUMBER("conflicts", lane->conflicts),
		    LOG_TEXT("error", failure->text));
	}
	if (lane->conflicts == 1)
		lane_redo(lane);
	else
		lane_wait_then(lane, LANE_WAITING,
			       backoff_next(&lane->conflict_backoff, lane->shared->ports->random), lane_redo);
}

/*
 * Redoes the unit as it is once the database works again.  If that fails, too, while an empty flush
 * succeeds, the unit is too large for its time limit, or one of its messages is to blame.
 */
static void try_again(struct lane *lane)
{
	size_t count = lane->done.count + lane->causes.count + lane->later.count + lane->todo.count;

	if (lane->tried_again && (count > 1 || lane_can_park(lane))) {
		lane_isolate(lane);
		return;
	}
	lane->tried_again = true;
	publisher_doubt_database(lane->shared->publisher);
	lane_redo(lane);
}

/* ---- the database fails: wait, probe with an empty flush, continue ---- */

void lane_retry(struct lane *lane, const struct failure *failure, void (*again)(struct lane *lane))
{
	int64_t delay_ms = backoff_next(&lane->backoff, lane->shared->ports->random);

	lane->shared->stats->retries++;
	engine_lane_failed(lane->engine, lane->number, failure);
	LOG(lane->shared->ports->logger, failure->kind == FAILURE_FATAL ? LOG_ERROR : LOG_WARN,
	    "trouble with the database, will try again", LOG_TROUBLE(LOG_DATABASE),
	    LOG_NUMBER("lane", lane->number), LOG_NUMBER("in_ms", delay_ms),
	    LOG_TEXT("error", failure->text));
	lane_wait_then(lane, LANE_WAITING, delay_ms, again);
}

void lane_retry_now(struct lane *lane)
{
	if (lane->state == LANE_WAITING && lane->backoff.failures)
		lane->shared->ports->clock->ops->timer_set(lane->timer, 0);
}

static void probe(struct lane *lane);

static void on_probed(void *context, const struct failure *failure)
{
	struct lane *lane = context;

	if (failure) {
		/* The database is at fault and not the message that stands alone: retry it. */
		if (lane->after_probe == lane_fail_poison)
			lane->after_probe = lane_begin;
		lane_retry(lane, failure, probe);
		return;
	}
	engine_database_is(lane->engine, true);
	if (lane_can_park(lane))
		lane->backoff.failures = 0; /* the unit is isolated rather than waited for */
	lane->after_probe(lane);
}

static void probe(struct lane *lane)
{
	lane->state = LANE_PROBING;
	lane->store->ops->probe(lane->store, on_probed, lane);
}

void lane_probe(struct lane *lane, void (*after)(struct lane *lane))
{
	lane->after_probe = after;
	probe(lane);
}

static void retry_after_probe(struct lane *lane, const struct failure *failure)
{
	lane->after_probe = try_again;
	lane_retry(lane, failure, probe);
}

/* ---- a lock was not acquired, or a statement was too slow ---- */

/* Whether the SKU is in the unit because of the step of the first shrink. */
static bool is_step(const struct lane *lane, const char *sku)
{
	return lane->stepping && !strcmp(lane->shrinks.first->sku, sku);
}

/*
 * Whether product number `i` of the unit is locked, and the lane can do without it for now: a step can
 * wait, and so can the messages of a SKU of this lane.  (The messages of a shrinking SKU wait already, and
 * must not be overtaken.)
 */
static bool can_leave(const struct lane *lane, size_t i)
{
	const char *sku = lane->uow.products[i]->sku;

	return lane->locked[i] && (is_step(lane, sku) || (engine_lane_of(lane->engine, sku) == lane &&
							  !active_shrinks_find(&lane->shrinks, sku)));
}

static bool can_leave_any(const struct lane *lane)
{
	for (size_t i = 0; i < lane->uow.product_count; i++) {
		if (can_leave(lane, i))
			return true;
	}
	return false;
}

/* Parks each product of the unit that another session locks, or lets its shrink rest. */
static void leave_locked(struct lane *lane)
{
	const struct unit_of_work *uow = &lane->uow;

	lane_put_back(lane);
	for (size_t i = 0; i < uow->product_count; i++) {
		const char *sku = uow->products[i]->sku;

		if (!can_leave(lane, i))
			continue;
		if (is_step(lane, sku)) {
			lane_rest_shrink(lane);
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
		retry_after_probe(lane, failure);
	} else if (can_leave_any(lane)) {
		engine_database_is(lane->engine, true);
		leave_locked(lane);
		lane_begin(lane);
	} else {
		/* A slow statement, or a lock on a table or head: in the latter case the probe fails, too. */
		lane_probe(lane, lane_isolate_slow);
	}
}

static void find_locked(struct lane *lane)
{
	struct unit_of_work *uow = &lane->uow;
	bool *locked = arena_alloc(uow->arena, uow->product_count * sizeof *locked);

	lane->locked = locked;
	lane->state = LANE_FINDING_LOCKED;
	lane->store->ops->find_locked(lane->store, uow, locked, on_found_locked, lane);
}

static void on_busy(struct lane *lane, const struct failure *failure)
{
	if (lane->is_parking)
		lane_probe(lane, lane_isolate);
	else if (lane_can_park(lane))
		find_locked(lane);
	else
		retry_after_probe(lane, failure);
}

/* ---- another worker has a lease of the unit ---- */

static bool lost_any(const struct lane *lane)
{
	for (size_t i = 0; i < lane->uow.lease_count; i++) {
		if (lane->uow.leases[i]->is_lost)
			return true;
	}
	return false;
}

/* The parking lane's only message came under the lost lease; those behind it return to their own lane. */
static void return_parked(struct lane *lane)
{
	struct delivery *delivery = delivery_queue_pop(&lane->queue);

	if (!engine_postpones(lane->engine, delivery, HELD_UP))
		delivery_queue_push(&lane->queue, delivery);
	else
		parking_release(lane);
}

/* The next unit gives back what came under a lost lease, as soon as it meets it. */
static void on_found_lost(void *context, const struct failure *failure)
{
	struct lane *lane = context;

	if (failure || !lost_any(lane)) {
		retry_after_probe(lane, failure ? failure
						: &(struct failure){FAILURE_RETRY, "no lease is found lost"});
		return;
	}
	engine_database_answers(lane->engine);
	lane_put_back(lane);
	if (lane->is_parking)
		return_parked(lane);
	lane_begin(lane);
}

static void find_lost_leases(struct lane *lane)
{
	lane->state = LANE_FINDING_LOST;
	lane->store->ops->find_lost_leases(lane->store, &lane->uow, on_found_lost, lane);
}

/* ---- the connection was lost after the commit was sent ---- */

static void resolve_commit(struct lane *lane);

static void on_resolved(void *context, const struct failure *failure)
{
	struct lane *lane = context;

	if (!failure) {
		try_again(lane); /* the lost session can never commit */
	} else if (failure->kind == FAILURE_CONFLICT) {
		/* The unit is committed, at outbox positions that only the database knows. */
		lane_trace_committed(lane);
		publisher_check_again(lane->shared->publisher);
		lane_finish(lane);
	} else {
		lane_retry(lane, failure, resolve_commit);
	}
}

static void resolve_commit(struct lane *lane)
{
	lane->state = LANE_RESOLVING;
	lane->store->ops->resolve_commit(lane->store, lane->uow.witness, on_resolved, lane);
}

/* ---- dispatch by the kind of failure ---- */

static void keep_complaint(struct lane *lane, const struct failure *failure)
{
	utf8_format(lane->complaint, sizeof lane->complaint, "%s", failure->text);
}

void lane_recover(struct lane *lane, const struct failure *failure)
{
	/* The database may have been restored from a backup: cached revisions prove nothing then. */
	if (failure->kind != FAILURE_CONFLICT && failure->kind != FAILURE_DATA)
		product_cache_clear(lane->cache);
	switch (failure->kind) {
	case FAILURE_CONFLICT:
		on_conflict(lane, failure);
		break;
	case FAILURE_FENCED:
		lane->shared->stats->fenced++;
		find_lost_leases(lane);
		break;
	case FAILURE_UNCERTAIN:
		lane->shared->stats->uncertain++;
		LOG(lane->shared->ports->logger, LOG_WARN, "commit uncertain, will ask the database",
		    LOG_TROUBLE(LOG_DATABASE), LOG_NUMBER("lane", lane->number),
		    LOG_TEXT("error", failure->text));
		resolve_commit(lane);
		break;
	case FAILURE_DATA:
		lane->shared->stats->refused++;
		lane_bisect(lane, failure);
		break;
	case FAILURE_BUSY:
		lane->shared->stats->busy++;
		keep_complaint(lane, failure);
		on_busy(lane, failure);
		break;
	case FAILURE_RETRY:
	case FAILURE_FATAL:
		keep_complaint(lane, failure);
		/* If the probe succeeds, the parked SKU is to blame. */
		if (lane->is_parking)
			lane_probe(lane, lane_isolate);
		else
			retry_after_probe(lane, failure);
		break;
	}
}
