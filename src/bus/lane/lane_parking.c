/* Parking: what keeps one SKU's trouble from being its neighbours'.  See parked.h. */
#include "bus/lane/lane_internal.h"

/* What waits for longer than this is told in the log. */
#define TELL_AFTER_MS 10000

/*
 * The period at which SKUs are retried that have no message in the queue: all at the same moment, since each
 * retry may cost a pass over every postponed entry.
 */
#define TRY_UNTRIED_EVERY_MS 10000

bool lane_can_park(const struct lane *lane)
{
	return lane->engine->parking && !lane->is_parking;
}

enum held_up parking_holds_up(const struct engine *engine, const struct parked *parked)
{
	if (!parked)
		return NOT_HELD_UP;
	return parked->waiting.first || engine->parking->trying == parked ? HELD_UP : HELD_UP_UNTRIED;
}

void parking_take(struct lane *lane, struct parked *parked, struct delivery *delivery)
{
	struct engine *engine = lane->engine;

	if (parking_holds_up(engine, parked) == HELD_UP_UNTRIED)
		parked->try_at_ms = engine_now_ms(engine);
	delivery_queue_push(&parked->waiting, delivery);
	engine_hold(engine, delivery);
	engine->stats.parked_messages++;
	parking_schedule(lane);
}

void lane_park(struct lane *lane, const char *sku)
{
	struct engine *engine = lane->engine;
	struct parked *parked = parked_find(&engine->parked, sku);
	struct delivery_queue collected = {0};
	struct delivery *delivery;
	size_t count;

	delivery_queue_prepend(&lane->queue, &lane->returned);
	if (!parked)
		parked = parked_add(&engine->parked, sku, lane, engine_now_ms(engine));
	delivery_queue_collect(&lane->queue, sku, &collected);
	count = collected.count;
	while ((delivery = delivery_queue_pop(&collected))) {
		if (!engine_postpones(engine, delivery, parking_holds_up(engine, parked)))
			parking_take(engine->parking, parked, delivery);
	}
	if (parking_holds_up(engine, parked) == HELD_UP_UNTRIED)
		parked->try_at_ms += TRY_UNTRIED_EVERY_MS - parked->try_at_ms % TRY_UNTRIED_EVERY_MS;

	engine->stats.parked_skus = engine->parked.count;
	lane->tried_again = false;
	lane->found_culprit = true;
	lane_clear_suspects(lane, count);
	engine_lane_parked(engine, lane->number);
	parking_schedule(engine->parking);
}

void parking_schedule(struct lane *lane)
{
	const struct parked *next = parked_first_due(&lane->engine->parked);
	int64_t left_ms = next ? next->try_at_ms - engine_now_ms(lane->engine) : 0;

	if (lane->state != LANE_IDLE && lane->state != LANE_RESTING)
		return;
	if (next || lane->queue.first)
		lane_wait_then(lane, LANE_RESTING, left_ms > 0 && !lane->queue.first ? left_ms : 0,
			       lane_begin);
}

struct delivery *parking_next(struct lane *lane)
{
	struct engine *engine = lane->engine;
	struct parked *next;

	if (lane->queue.first)
		return delivery_queue_pop(&lane->queue);
	while ((next = parked_first_due(&engine->parked)) && next->try_at_ms <= engine_now_ms(engine)) {
		lane->trying = next;
		if (next->waiting.first) {
			engine->stats.parked_messages--;
			return delivery_queue_pop(&next->waiting);
		}
		parking_release(lane); /* nothing came for it */
	}
	return NULL;
}

/* One line when it is clear that it takes long. */
static void tell(struct lane *lane, struct parked *parked)
{
	int64_t waited_ms = engine_now_ms(lane->engine) - parked->since_ms;

	if (parked->is_told || waited_ms < TELL_AFTER_MS)
		return;
	parked->is_told = true;
	LOG(lane->engine->ports.logger, LOG_WARN,
	    "messages of a SKU wait: the database does not take them, though it takes others",
	    LOG_TEXT("sku", parked->sku), LOG_NUMBER("messages", parked->waiting.count),
	    LOG_NUMBER("waited_ms", waited_ms), LOG_TEXT("error", lane->complaint));
}

void parking_postpone(struct lane *lane)
{
	struct engine *engine = lane->engine;
	struct parked *parked = lane->trying;

	engine->stats.parked_messages += lane->queue.count;
	for (struct delivery *it = lane->queue.first; it; it = it->next)
		engine_hold(engine, it);
	delivery_queue_prepend(&parked->waiting, &lane->queue);
	parked->try_at_ms = engine_now_ms(engine) + backoff_next(&parked->backoff, engine->ports.random);
	tell(lane, parked);
	lane->trying = NULL;
	lane_begin(lane);
}

void parking_release(struct lane *lane)
{
	struct engine *engine = lane->engine;
	struct parked *parked = lane->trying;
	struct lane *home = parked->home;

	if (parked->is_told)
		LOG(engine->ports.logger, LOG_INFO, "messages of a SKU are done again",
		    LOG_TEXT("sku", parked->sku),
		    LOG_NUMBER("waited_ms", engine_now_ms(engine) - parked->since_ms));
	engine->stats.parked_messages -= parked->waiting.count;
	/* Not into its queue: the first message there may be the one that the database is asked about. */
	delivery_queue_prepend(&parked->waiting, &home->returned);
	delivery_queue_prepend(&home->returned, &parked->waiting);
	parked_remove(&engine->parked, parked);
	engine->stats.parked_skus = engine->parked.count;
	lane->trying = NULL;
	lane_wake(home);
}
