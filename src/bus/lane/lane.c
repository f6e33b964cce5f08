/*
 * A unit of work when all goes well, in the order things happen.  lane_handling.c handles its messages,
 * lane_recovery.c acts when a load or a flush fails, and lane_parking.c keeps what cannot be done at the
 * moment from holding up the rest.
 *
 *     begin ─► recall ─► load ─► handle ─► flush ─► finish
 *                          ▲        │
 *                          └────────┘
 *                         needs more
 *
 * A unit all of whose products are recalled loads nothing, and is one round trip.
 */
#include "bus/lane/lane.h"

#include "bus/lane/lane_internal.h"
#include "bus/messages/execute.h"
#include "core/base/must.h"

#include <assert.h>
#include <stdlib.h>

/* After so many conflicts in a row LOAD takes row locks. */
#define CONFLICTS_BEFORE_LOCKING 2

/* Of the products that all lanes keep between units. */
#define CACHE_BYTES ((size_t)22 * 1024 * 1024)

/* Of those that the parking lane keeps: it seldom sees one twice. */
#define PARKING_CACHE_BYTES ((size_t)64 * 1024)

/* After a unit was too large for its time, the next ones get more of it. */
#define PATIENT_UNITS 64
#define PATIENT_MS    6000
#define BRISK_MS      150

/* ---- the lane itself ---- */

static void on_timer(void *context)
{
	struct lane *lane = context;

	lane->resume(lane);
}

void lane_wait_then(struct lane *lane, enum lane_state state, int64_t delay_ms,
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
	lane->is_parking = number == engine->config.lanes;
	lane->store = lane->is_parking ? engine->ports.parking_store : engine->ports.lane_stores[number];
	lane->timer = clock->ops->timer_new(clock, on_timer, lane);
	lane->backoff = (struct backoff){.first_ms = 20, .cap_ms = 5000};
	lane->conflict_backoff = (struct backoff){.first_ms = 2, .cap_ms = 100};
	lane->limit = engine->config.unit_max;
	lane->cache = product_cache_new(lane->is_parking ? PARKING_CACHE_BYTES
							 : CACHE_BYTES / engine->config.lanes);
	unit_of_work_init(&lane->uow, engine->ports.codec, engine->config.move_max);
	return lane;
}

void lane_free(struct lane **lane)
{
	struct lane *it = *lane;

	if (!it)
		return;
	active_shrinks_release(&it->unfinished);
	delivery_queue_free(&it->queue);
	delivery_queue_free(&it->returned);
	delivery_queue_free(&it->todo);
	delivery_queue_free(&it->done);
	delivery_queue_free(&it->causes);
	delivery_queue_free(&it->later);
	unit_of_work_release(&it->uow);
	product_cache_free(&it->cache);
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
	int64_t left_ms = lane->steps_from_ms - engine_now_ms(lane->engine);

	return left_ms > 0 ? left_ms : 0;
}

static void schedule(struct lane *lane)
{
	if (lane->state != LANE_IDLE && lane->state != LANE_RESTING)
		return;
	if (lane->is_parking)
		parking_schedule(lane);
	else if (lane->queue.first || lane->returned.first)
		lane_wait_then(lane, LANE_SCHEDULED, 0, lane_begin);
	else if (lane->unfinished.first)
		lane_wait_then(lane, rest_ms(lane) ? LANE_RESTING : LANE_SCHEDULED, rest_ms(lane),
			       lane_begin);
}

void lane_wake(struct lane *lane)
{
	schedule(lane);
}

void lane_take(struct lane *lane, struct delivery *delivery)
{
	struct parked *parked = parked_find(&lane->engine->parked, delivery_key(delivery));

	if (engine_postpones(lane->engine, delivery, parking_holds_up(lane->engine, parked)))
		return;
	if (parked) {
		parking_take(lane->engine->parking, parked, delivery);
		return;
	}
	delivery_queue_push(&lane->queue, delivery);
	schedule(lane);
}

/* ---- shrinks that go on in steps ---- */

bool lane_is_shrinking(const struct lane *lane, const char *sku)
{
	return active_shrinks_find(&lane->unfinished, sku);
}

void lane_resume_shrink(struct lane *lane, const char *sku)
{
	active_shrinks_ensure(&lane->unfinished, sku);
	schedule(lane);
}

void lane_rest_shrink(struct lane *lane, int64_t delay_ms)
{
	active_shrinks_rotate(&lane->unfinished);
	lane->steps_from_ms = engine_now_ms(lane->engine) + delay_ms;
}

/* The first shrink is done: what waited for it is the next of its SKU. */
static void shrink_is_done(struct lane *lane)
{
	struct delivery *cause;

	/* It came before what the parking lane returned. */
	delivery_queue_prepend(&lane->queue, &lane->returned);
	cause = active_shrinks_end_first(&lane->unfinished, &lane->queue);

	if (cause)
		engine_finish(lane->engine, cause);
}

struct product *lane_shrinking_product(struct lane *lane)
{
	struct product *product = unit_of_work_product(&lane->uow, lane->unfinished.first->sku);

	return product && product_is_shrinking(product) ? product : NULL;
}

/* ---- begin: all that waits becomes a unit ---- */

void lane_clear_suspects(struct lane *lane, size_t count)
{
	lane->suspects = lane->suspects > count ? lane->suspects - count : 0;
	if (lane->suspects)
		return;
	lane->limit = lane->engine->config.unit_max;
	if (lane->blames_time && !lane->found_culprit)
		lane->patient_units = PATIENT_UNITS; /* each alone was done in time */
	lane->blames_time = lane->found_culprit = false;
}

static void wait_for_shrink(struct lane *lane, struct active_shrink *unfinished, struct delivery *delivery)
{
	lane_clear_suspects(lane, 1);
	if (engine_postpones(lane->engine, delivery, HELD_UP))
		return;
	delivery_queue_push(&unfinished->waiting, delivery);
	engine_hold(lane->engine, delivery);
}

/*
 * Whether the delivery has to wait for a shrink of its SKU.  Then all of the SKU leaves the queue with it: of
 * these, those that are postponed are read again, and come to the end of the queue.
 */
static bool has_to_wait_for_shrink(struct lane *lane, struct delivery *delivery)
{
	struct active_shrink *unfinished =
		delivery->decided ? NULL : active_shrinks_find(&lane->unfinished, delivery->sku);
	struct delivery_queue rest = {0};

	if (!unfinished)
		return false;
	delivery_queue_collect(&lane->queue, unfinished->sku, &rest);
	wait_for_shrink(lane, unfinished, delivery);
	while ((delivery = delivery_queue_pop(&rest)))
		wait_for_shrink(lane, unfinished, delivery);
	return true;
}

/* Whether the delivery would overtake an entry of its SKU that was postponed.  Then it is postponed, too. */
static bool has_to_wait_behind_postponed(struct lane *lane, struct delivery *delivery)
{
	if (!lane->engine->postponed.count || !engine_postpones(lane->engine, delivery, NOT_HELD_UP))
		return false;
	lane_clear_suspects(lane, 1);
	return true;
}

static bool has_to_wait(struct lane *lane, struct delivery *delivery)
{
	return has_to_wait_for_shrink(lane, delivery) || has_to_wait_behind_postponed(lane, delivery);
}

static struct delivery *next_delivery(struct lane *lane)
{
	return lane->is_parking ? parking_next(lane) : delivery_queue_pop(&lane->queue);
}

void lane_begin(struct lane *lane)
{
	size_t limit = lane->is_parking ? 1 : lane->limit;
	struct delivery *delivery;

	lane->state = LANE_HANDLING;
	delivery_queue_prepend(&lane->queue, &lane->returned);
	while (lane->todo.count < limit && (delivery = next_delivery(lane))) {
		/* What is parked was asked when it came, and stays held up while it is tried. */
		if (!lane->is_parking) {
			if (has_to_wait(lane, delivery))
				continue;
			engine_let_go(lane->engine, delivery);
		}
		delivery_queue_push(&lane->todo, delivery);
	}
	if (!lane->todo.first)
		lane_clear_suspects(lane, lane->suspects);
	/* While a culprit is looked for, only messages are suspects. */
	lane->stepping = lane->unfinished.first && !lane->suspects && !rest_ms(lane);
	if (lane->todo.first || lane->stepping) {
		lane_redo(lane);
		return;
	}
	lane->state = LANE_IDLE;
	schedule(lane);
	if (lane->state == LANE_IDLE)
		engine_look_whether_drained(lane->engine);
}

/* ---- recall ---- */

size_t lane_put_back(struct lane *lane)
{
	size_t count;

	lane_take_back(lane);
	count = lane->todo.count;
	delivery_queue_prepend(&lane->queue, &lane->todo);
	return count;
}

void lane_take_back(struct lane *lane)
{
	delivery_queue_prepend(&lane->todo, &lane->later);
	delivery_queue_prepend(&lane->todo, &lane->causes);
	delivery_queue_prepend(&lane->todo, &lane->done);
}

/*
 * Whether the unit may speculate (see speculation.h).  The lines that a step moves are stored already, and
 * in a search for a poison message a conflict would only cost time.
 */
static bool may_speculate(const struct lane *lane)
{
	return !lane->caution.units_left && !lane->uow.locking && !lane->stepping && !lane->suspects;
}

/* What the lane knows need not be loaded. */
static void recall(struct lane *lane)
{
	struct unit_of_work *uow = &lane->uow;

	if (lane->cache_of != lane->store->sessions_lost)
		product_cache_clear(lane->cache);
	lane->cache_of = lane->store->sessions_lost;
	if (uow->locking)
		return;
	product_cache_recall(lane->cache, uow);
	for (const struct delivery *it = lane->todo.first; it; it = it->next) {
		if (!it->decided && it->by_batch && it->sku)
			unit_of_work_recall_batch(uow, it->batchref, it->sku);
	}
}

/*
 * Large units get more time.  One message out of a unit that was too slow gets little: if that does not
 * suffice, it is parked, and has all the time there.
 */
static int statement_ms(const struct lane *lane)
{
	if (lane->stepping || (lane->patient_units && lane->todo.count > 1))
		return PATIENT_MS;
	return lane->blames_time && !lane->is_parking ? BRISK_MS : 0;
}

void lane_redo(struct lane *lane)
{
	struct random *random = lane->engine->ports.random;
	struct unit_of_work *uow = &lane->uow;

	lane->state = LANE_HANDLING;
	engine_lane_began(lane->engine, lane->number);
	lane_take_back(lane);
	unit_of_work_clear(uow);
	random->fill(random, uow->witness, sizeof uow->witness);
	uow->locking = lane->conflicts >= CONFLICTS_BEFORE_LOCKING;
	speculation_begin(&uow->speculation, may_speculate(lane));
	uow->statement_ms = statement_ms(lane);
	lane->loads = 0;
	lane->stepped = false;
	if (lane->stepping)
		unit_of_work_want_product(uow, lane->unfinished.first->sku);
	for (struct delivery *it = lane->todo.first; it; it = it->next)
		admit_delivery(uow, it);
	recall(lane);
	if (unit_of_work_needs_load(uow) || !engine_knows_database_clock(lane->engine, &uow->now))
		lane_load(lane);
	else
		lane_handle(lane);
}

void lane_redo_with_look_ups(struct lane *lane)
{
	lane->engine->stats.failed_speculations++;
	speculation_failed(&lane->caution);
	lane_redo(lane);
}

/* ---- load ---- */

static void on_loaded(void *context, const struct failure *failure)
{
	struct lane *lane = context;

	lane->state = LANE_HANDLING;
	if (failure) {
		lane_fail(lane, failure);
		return;
	}
	engine_database_answers(lane->engine);
	engine_note_database_clock(lane->engine, lane->uow.now, lane->sent_ms);
	lane->engine->stats.loads_again += lane->loads > 0;
	lane_handle(lane);
}

void lane_load(struct lane *lane)
{
	lane->state = LANE_LOADING;
	lane->sent_ms = engine_now_ms(lane->engine);
	lane->store->ops->load(lane->store, &lane->uow, on_loaded, lane);
}

/* ---- flush ---- */

static void on_flushed(void *context, const struct failure *failure);

void lane_flush(struct lane *lane)
{
	const struct engine *engine = lane->engine;
	struct unit_of_work *uow = &lane->uow;

	uow->cursors = arena_alloc(uow->arena, PARTITIONS * sizeof *uow->cursors);
	/* Every partition's cursor is the business of one lane. */
	uow->cursor_count = lane->is_parking ? 0
					     : publisher_cursors(engine->publisher, lane->number,
								 engine->config.lanes, uow->cursors);
	unit_of_work_close(uow);
	lane->state = LANE_FLUSHING;
	lane->sent_ms = engine_now_ms(lane->engine);
	lane->store->ops->flush(lane->store, uow, on_flushed, lane);
}

/* ---- finish: it is committed ---- */

static void note_shrinks(struct lane *lane)
{
	struct lane *home = lane->trying ? lane->trying->home : lane; /* where a shrink takes its steps */
	struct delivery *delivery;

	if (lane->stepping && lane_shrinking_product(lane))
		active_shrinks_rotate(&lane->unfinished);
	else if (lane->stepping)
		shrink_is_done(lane);
	while ((delivery = delivery_queue_pop(&lane->causes))) {
		struct active_shrink *unfinished = active_shrinks_ensure(&home->unfinished, delivery->sku);

		assert(!unfinished->cause);
		unfinished->cause = delivery;
	}
	while ((delivery = delivery_queue_pop(&lane->later))) {
		delivery_queue_push(&active_shrinks_ensure(&home->unfinished, delivery->sku)->waiting,
				    delivery);
		engine_hold(lane->engine, delivery);
	}
}

void lane_finish(struct lane *lane)
{
	struct engine *engine = lane->engine;
	size_t count = lane->done.count + lane->causes.count, postponed = lane->later.count;

	engine_lane_committed(engine, lane->number);
	if (engine->config.committed)
		engine->config.committed(engine->config.committed_context, &lane->uow);
	engine->stats.units++;
	engine->stats.messages += count;
	lane->conflicts = 0;
	lane->tried_again = false;
	speculation_note_commit(&lane->caution, &lane->uow.speculation, &lane->done);
	lane->conflict_backoff.failures = lane->backoff.failures = 0;
	publisher_cursors_saved(engine->publisher, lane->uow.cursors, lane->uow.cursor_count);
	note_shrinks(lane);
	lane_clear_suspects(lane, count + postponed);
	unit_of_work_clear(&lane->uow);
	lane->patient_units -= lane->patient_units > 0;
	for (struct delivery *delivery; (delivery = delivery_queue_pop(&lane->done));)
		engine_finish(engine, delivery);
	if (lane->trying)
		parking_release(lane);
	lane->state = LANE_IDLE;
	schedule(lane);
	engine_look_whether_drained(engine);
}

static void on_flushed(void *context, const struct failure *failure)
{
	struct lane *lane = context;
	const struct unit_of_work *uow = &lane->uow;

	lane->state = LANE_HANDLING;
	if (failure) {
		lane_fail(lane, failure);
		return;
	}
	engine_database_is(lane->engine, true);
	engine_note_database_clock(lane->engine, uow->now, lane->sent_ms);
	product_cache_keep(lane->cache, uow);
	publisher_add(lane->engine->publisher, uow->outbox, uow->outbox_count);
	housekeeper_add_notifications(lane->engine->housekeeper, uow->notifications, uow->notification_count);
	lane_finish(lane);
}
