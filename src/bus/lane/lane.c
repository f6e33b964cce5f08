/*
 * The steps of a unit of work, in order.
 *
 *     begin ─► recall ─► load ─► handle ─► flush ─► finish
 *                          ▲        │
 *                          └────────┘
 *                         needs more
 *
 * A unit whose products are all cached loads nothing, and costs one round trip.  Its messages are handled
 * in lane_handling.c.  lane_recovery.c acts when a load or a flush fails, poison_search.c finds the message
 * that is to blame, lane_parking.c keeps a SKU in trouble from blocking others, and lane_shrinks.c
 * schedules the steps of shrinks.
 */
#include "bus/lane/lane.h"

#include "bus/lane/lane_internal.h"
#include "bus/messages/execute.h"
#include "core/base/must.h"

#include <stdlib.h>

/* After this many conflicts in a row, LOAD takes row locks. */
#define CONFLICTS_BEFORE_LOCKING 2

/* Bytes of products that the parking lane caches: it seldom meets a product twice. */
#define PARKING_CACHE_BYTES ((size_t)64 * 1024)

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
	lane->shared->ports->clock->ops->timer_set(lane->timer, delay_ms);
}

struct lane *lane_new(struct lanes_shared *shared, size_t number)
{
	const struct engine_ports *ports = shared->ports;
	size_t lanes = shared->config->lanes;
	struct lane *lane = must_alloc(sizeof *lane);

	lane->engine = shared->engine;
	lane->shared = shared;
	lane->number = number;
	lane->is_parking = number == lanes;
	lane->store = lane->is_parking ? ports->parking_store : ports->lane_stores[number];
	lane->timer = ports->clock->ops->timer_new(ports->clock, on_timer, lane);
	lane->backoff = (struct backoff){.first_ms = 20, .cap_ms = 5000};
	lane->conflict_backoff = (struct backoff){.first_ms = 2, .cap_ms = 100};
	poison_search_init(&lane->search, shared->config->unit_max);
	lane->is_lent = number > 0 && !lane->is_parking && shared->config->backlog;
	lane->cache = lane->is_parking ? product_cache_new(PARKING_CACHE_BYTES) : shared->cache;
	unit_of_work_init(&lane->uow, ports->codec, shared->config->move_max);
	lane->uow.rejection_events = shared->config->rejection_events;
	return lane;
}

void lane_free(struct lane **lane)
{
	struct lane *it = *lane;

	if (!it)
		return;
	active_shrinks_release(&it->shrinks);
	delivery_queue_free(&it->queue);
	delivery_queue_free(&it->returned);
	delivery_queue_free(&it->todo);
	delivery_queue_free(&it->done);
	delivery_queue_free(&it->causes);
	delivery_queue_free(&it->later);
	unit_of_work_release(&it->uow);
	if (it->is_parking)
		product_cache_free(&it->cache);
	it->shared->ports->clock->ops->timer_free(&it->timer);
	free(it);
	*lane = NULL;
}

bool lane_is_idle(const struct lane *lane)
{
	return lane->state == LANE_IDLE;
}

bool lane_is_comparing(const struct lane *lane)
{
	return lane->state == LANE_COMPARING;
}

const char *lane_complaint(const struct lane *lane)
{
	return lane->complaint;
}

void lane_wake(struct lane *lane)
{
	if (lane->state != LANE_IDLE && lane->state != LANE_RESTING)
		return;
	if (lane->is_parking)
		parking_schedule(lane);
	else if (lane->queue.first || lane->returned.first)
		lane_wait_then(lane, LANE_SCHEDULED, 0, lane_begin);
	else if (lane->shrinks.first)
		lane_schedule_step(lane);
}

void lane_push(struct lane *lane, struct delivery *delivery)
{
	struct lanes_shared *shared = lane->shared;
	struct parked *parked = parked_find(&shared->parked, delivery_key(delivery));

	if (engine_postpones(lane->engine, delivery, parking_holds_up(shared, parked)))
		return;
	if (parked) {
		parking_push(shared->parking, parked, delivery);
		return;
	}
	delivery_queue_push(&lane->queue, delivery);
	lane_wake(lane);
}

/* ---- begin: the deliveries that wait become a unit ---- */

/* Whether the delivery would overtake a postponed entry of its SKU; if so, it is postponed, too. */
static bool has_to_wait_behind_postponed(struct lane *lane, struct delivery *delivery)
{
	if (!engine_postpones(lane->engine, delivery, NOT_HELD_UP))
		return false;
	poison_search_clear(&lane->search, 1);
	return true;
}

void lane_check_again(struct lane *lane, const char *sku)
{
	struct delivery_queue all = {0};
	struct delivery *delivery;

	delivery_queue_collect(&lane->queue, sku, &all);
	if (all.first)
		poison_search_clear(&lane->search, lane->search.suspects); /* which come first in the queue */
	while ((delivery = delivery_queue_pop(&all))) {
		if (!engine_postpones(lane->engine, delivery, NOT_HELD_UP))
			delivery_queue_push(&lane->queue, delivery);
	}
}

static struct delivery *next_delivery(struct lane *lane)
{
	return lane->is_parking ? parking_next(lane) : delivery_queue_pop(&lane->queue);
}

static void note_wait(const struct lane *lane)
{
	if (lane->todo.first)
		unit_statistics_add(&lane->shared->stats->by_unit, STAGE_WAIT,
				    engine_now_us(lane->engine) - lane->todo.first->received_us);
}

void lane_begin(struct lane *lane)
{
	size_t limit = lane->is_parking ? 1 : lane->search.limit;
	struct delivery *delivery;

	lane->state = LANE_HANDLING;
	delivery_queue_prepend(&lane->queue, &lane->returned);
	while (lane->todo.count < limit && (delivery = next_delivery(lane))) {
		/* A parked message was checked when it was parked, and stays held up while it is tried. */
		if (!lane->is_parking) {
			if (lane_waits_for_shrink(lane, delivery) ||
			    has_to_wait_behind_postponed(lane, delivery))
				continue;
			engine_let_go(lane->engine, delivery);
		}
		delivery_queue_push(&lane->todo, delivery);
	}
	if (!lane->todo.first)
		poison_search_clear(&lane->search, lane->search.suspects);
	/* No step is taken during a search, so that only messages are suspects. */
	lane->stepping = lane->shrinks.first && !lane->search.suspects && !lane_rest_ms(lane);
	if (lane->todo.first || lane->stepping) {
		note_wait(lane);
		lane_trace_begin(lane);
		lane_redo(lane);
		return;
	}
	lane->state = LANE_IDLE;
	lane_wake(lane);
	if (lane->state == LANE_IDLE)
		engine_check_drained(lane->engine);
}

/* Resets all messages of the unit, to be handled again, each SKU's in the order they arrived. */
static void reopen(struct lane *lane)
{
	delivery_queue_prepend(&lane->todo, &lane->later);
	delivery_queue_prepend(&lane->todo, &lane->causes);
	delivery_queue_prepend(&lane->todo, &lane->done);
}

size_t lane_put_back(struct lane *lane)
{
	size_t count;

	reopen(lane);
	count = lane->todo.count;
	delivery_queue_prepend(&lane->queue, &lane->todo);
	return count;
}

/* ---- recall ---- */

/*
 * Whether the unit may speculate (see speculation.h).  The lines that a step moves are stored already, and
 * during a search for a poison message a conflict would only cost time.
 */
static bool may_speculate(const struct lane *lane)
{
	return !lane->caution.units_left && !lane->uow.locking && !lane->stepping && !lane->search.suspects;
}

/* Of all sessions that read or wrote what the lane's cache has. */
static uint64_t sessions_lost(const struct lane *lane)
{
	uint64_t count = 0;

	if (lane->is_parking)
		return lane->store->sessions_lost;
	for (size_t i = 0; i < lane->shared->config->lanes; i++)
		count += lane->shared->lanes[i]->store->sessions_lost;
	return count;
}

/* Fills in the cached products, so that they need not be loaded. */
static void recall(struct lane *lane)
{
	struct unit_of_work *uow = &lane->uow;
	uint64_t lost = sessions_lost(lane);

	if (lane->cache_of != lost)
		product_cache_clear(lane->cache);
	lane->cache_of = lost;
	if (uow->locking)
		return;
	product_cache_recall(lane->cache, uow);
	for (const struct delivery *it = lane->todo.first; it; it = it->next) {
		if (!it->decided && it->by_batch && it->sku)
			unit_of_work_recall_batch(uow, it->batchref, it->sku);
	}
}

/* The stage is over, and the next one begins. */
static void end_stage(struct lane *lane, enum unit_stage stage)
{
	int64_t now_us = engine_now_us(lane->engine);

	unit_statistics_add(&lane->shared->stats->by_unit, stage, now_us - lane->stage_us);
	lane->times.ended_us[stage] = now_us;
	lane->stage_us = now_us;
}

void lane_redo(struct lane *lane)
{
	struct random *random = lane->shared->ports->random;
	struct unit_of_work *uow = &lane->uow;

	lane->state = LANE_HANDLING;
	lane->stage_us = engine_now_us(lane->engine);
	lane->times = (struct unit_times){.began_us = lane->stage_us};
	engine_lane_began(lane->engine, lane->number);
	lane_trace_attempt(lane);
	reopen(lane);
	unit_of_work_clear(uow);
	random->fill(random, uow->witness, sizeof uow->witness);
	uow->locking = lane->conflicts >= CONFLICTS_BEFORE_LOCKING;
	speculation_begin(&uow->speculation, may_speculate(lane));
	uow->statement_ms =
		lane->stepping ? PATIENT_MS : poison_search_statement_ms(&lane->search, lane->todo.count);
	lane->loads = 0;
	lane->stepped = false;
	if (lane->stepping)
		unit_of_work_want_product(uow, lane->shrinks.first->sku);
	for (struct delivery *it = lane->todo.first; it; it = it->next)
		admit_delivery(uow, it);
	recall(lane);
	if (unit_of_work_needs_load(uow) || lane->store->must_load ||
	    !engine_knows_database_clock(lane->engine, uow))
		lane_load(lane);
	else
		lane_handle(lane);
}

/* Waits until the outbox is compared, and then calls `resume`. */
static void compare_before(struct lane *lane, void (*resume)(struct lane *lane))
{
	lane->state = LANE_COMPARING;
	lane->resume = resume;
	engine_lane_waits_anew(lane->engine, lane->number);
}

void lane_outbox_is_compared(struct lane *lane)
{
	if (lane->state != LANE_COMPARING)
		return;
	engine_lane_waits_anew(lane->engine, lane->number);
	lane->stage_us = engine_now_us(lane->engine);
	lane->resume(lane);
}

void lane_redo_with_look_ups(struct lane *lane)
{
	lane->shared->stats->failed_speculations++;
	speculation_failed(&lane->caution);
	lane_redo(lane);
}

/* ---- load ---- */

static void on_loaded(void *context, const struct failure *failure)
{
	struct lane *lane = context;
	int64_t sent_us = lane->stage_us;

	lane->state = LANE_HANDLING;
	end_stage(lane, STAGE_LOAD);
	lane_trace_call(lane, STAGE_LOAD, sent_us, failure);
	if (failure) {
		lane_recover(lane, failure);
		return;
	}
	engine_database_answers(lane->engine);
	engine_note_database_clock(lane->engine, &lane->uow, sent_us);
	lane->shared->stats->loads_again += lane->loads > 0;
	lane_handle(lane);
}

static void load(struct lane *lane)
{
	lane->state = LANE_LOADING;
	lane->store->ops->load(lane->store, &lane->uow, on_loaded, lane);
}

/* A unit that locks holds the locks until its flush, so it waits first for what the flush would wait for. */
void lane_load(struct lane *lane)
{
	struct unit_of_work *uow = &lane->uow;

	end_stage(lane, STAGE_HANDLE);
	if (uow->locking && !publisher_timeline(lane->shared->publisher, uow->timeline))
		compare_before(lane, load);
	else
		load(lane);
}

/* ---- flush ---- */

static void on_flushed(void *context, const struct failure *failure)
{
	struct lane *lane = context;
	struct unit_of_work *uow = &lane->uow;
	int64_t sent_us = lane->stage_us;

	lane->state = LANE_HANDLING;
	end_stage(lane, STAGE_FLUSH);
	lane_trace_call(lane, STAGE_FLUSH, sent_us, failure);
	if (failure) {
		lane_recover(lane, failure);
		return;
	}
	engine_database_is(lane->engine, true);
	engine_note_database_clock(lane->engine, uow, sent_us);
	product_cache_keep(lane->cache, uow);
	lane_trace_committed(lane);
	publisher_add(lane->shared->publisher, uow);
	housekeeper_add_notifications(lane->shared->housekeeper, uow->notifications, uow->notification_count);
	lane_finish(lane);
}

static void flush(struct lane *lane)
{
	struct unit_of_work *uow = &lane->uow;

	if (!publisher_timeline(lane->shared->publisher, uow->timeline) && uow->outbox_count) {
		compare_before(lane, flush);
		return;
	}
	lane->state = LANE_FLUSHING;
	lane->store->ops->flush(lane->store, &lane->uow, on_flushed, lane);
}

void lane_flush(struct lane *lane)
{
	struct unit_of_work *uow = &lane->uow;

	uow->cursors = arena_alloc(uow->arena, PARTITIONS * sizeof *uow->cursors);
	/* No two lanes save the cursor of a partition at the same time, and the parking lane saves none. */
	uow->cursor_count = publisher_cursors(lane->shared->publisher,
					      engine_partitions_of(lane->engine, lane), uow->cursors);
	unit_of_work_close(uow);
	end_stage(lane, STAGE_HANDLE);
	flush(lane);
}

/* ---- finish: it is committed ---- */

void lane_finish(struct lane *lane)
{
	struct lanes_shared *shared = lane->shared;
	const struct engine_config *config = shared->config;
	size_t count = lane->done.count + lane->causes.count, postponed = lane->later.count;

	engine_lane_committed(lane->engine, lane->number);
	if (config->committed)
		config->committed(config->committed_context, &lane->uow);
	shared->stats->units++;
	shared->stats->committed_us = engine_now_us(lane->engine);
	shared->stats->messages += count;
	histogram_add(&shared->stats->by_unit.messages, &histogram_unit_sizes, (int64_t)count);
	lane->conflicts = 0;
	lane->tried_again = false;
	speculation_note_commit(&lane->caution, &lane->uow.speculation, &lane->done);
	lane->conflict_backoff.failures = lane->backoff.failures = 0;
	publisher_cursors_saved(shared->publisher, lane->uow.cursors, lane->uow.cursor_count);
	lane_note_shrinks(lane);
	poison_search_clear(&lane->search, count + postponed);
	poison_search_note_commit(&lane->search);
	unit_of_work_clear(&lane->uow);
	lane->times.messages = count;
	engine_finish_unit(lane->engine, &lane->done, &lane->times);
	if (lane->trying)
		parking_release(lane);
	lane->state = LANE_IDLE;
	lane_balance(lane);
	lane_wake(lane);
	engine_check_drained(lane->engine);
}
