/* Parking: keeps a SKU in trouble from blocking other SKUs.  See parked.h. */
#include "bus/lane/lane_internal.h"

/* A SKU that is parked for longer than this is reported in the log. */
#define REPORT_AFTER_MS 10000

/*
 * How often SKUs without a queued message are retried: all at the same moment, since each retry may cost a
 * pass over every postponed entry.
 */
#define TRY_UNTRIED_EVERY_MS 10000

bool lane_can_park(const struct lane *lane)
{
	return lane->shared->parking && !lane->is_parking;
}

enum held_up parking_holds_up(const struct lanes_shared *shared, const struct parked *parked)
{
	if (!parked)
		return NOT_HELD_UP;
	return parked->waiting.first || shared->parking->trying == parked ? HELD_UP : HELD_UP_UNTRIED;
}

void parking_push(struct lane *lane, struct parked *parked, struct delivery *delivery)
{
	if (parking_holds_up(lane->shared, parked) == HELD_UP_UNTRIED)
		parked->try_at_ms = engine_now_ms(lane->engine);
	delivery_queue_push(&parked->waiting, delivery);
	engine_hold(lane->engine, delivery);
	lane->shared->stats->parked_messages++;
	parking_schedule(lane);
}

void lane_park(struct lane *lane, const char *sku)
{
	struct lanes_shared *shared = lane->shared;
	struct parked *parked = parked_find(&shared->parked, sku);
	struct delivery_queue collected = {0};
	struct delivery *delivery;
	size_t count;

	delivery_queue_prepend(&lane->queue, &lane->returned);
	if (!parked)
		parked = parked_add(&shared->parked, sku, engine_now_ms(lane->engine));
	delivery_queue_collect(&lane->queue, sku, &collected);
	count = collected.count;
	while ((delivery = delivery_queue_pop(&collected))) {
		if (!engine_postpones(lane->engine, delivery, parking_holds_up(shared, parked)))
			parking_push(shared->parking, parked, delivery);
	}
	if (parking_holds_up(shared, parked) == HELD_UP_UNTRIED)
		parked->try_at_ms += TRY_UNTRIED_EVERY_MS - parked->try_at_ms % TRY_UNTRIED_EVERY_MS;

	shared->stats->parked_skus = shared->parked.skus.count;
	lane->tried_again = false;
	lane->search.has_found = true;
	poison_search_clear(&lane->search, count);
	engine_lane_parked(lane->engine, lane->number);
	parking_schedule(shared->parking);
}

void parking_schedule(struct lane *lane)
{
	const struct parked *next = parked_first_due(&lane->shared->parked);
	int64_t left_ms = next ? next->try_at_ms - engine_now_ms(lane->engine) : 0;

	if (lane->state != LANE_IDLE && lane->state != LANE_RESTING)
		return;
	if (next || lane->queue.first)
		lane_wait_then(lane, LANE_RESTING, left_ms > 0 && !lane->queue.first ? left_ms : 0,
			       lane_begin);
}

struct delivery *parking_next(struct lane *lane)
{
	struct parked_list *list = &lane->shared->parked;
	struct parked *next;

	if (lane->queue.first)
		return delivery_queue_pop(&lane->queue);
	while ((next = parked_first_due(list)) && next->try_at_ms <= engine_now_ms(lane->engine)) {
		lane->trying = next;
		if (next->waiting.first) {
			lane->shared->stats->parked_messages--;
			return delivery_queue_pop(&next->waiting);
		}
		parking_release(lane); /* all of its messages were postponed */
	}
	return NULL;
}

static void return_lost_of(struct lane *lane, struct parked *parked)
{
	struct delivery_queue waiting = parked->waiting;
	struct delivery *delivery;

	parked->waiting = (struct delivery_queue){0};
	while ((delivery = delivery_queue_pop(&waiting))) {
		if (!delivery_lost_lease(delivery)) {
			delivery_queue_push(&parked->waiting, delivery);
			continue;
		}
		lane->shared->stats->parked_messages--;
		engine_postpones(lane->engine, delivery, HELD_UP);
	}
}

void lane_return_lost(struct lane *lane)
{
	for (struct parked *it = parked_first(&lane->shared->parked); it; it = parked_next(it))
		return_lost_of(lane, it);
}

static void report_once(struct lane *lane, struct parked *parked)
{
	int64_t waited_ms = engine_now_ms(lane->engine) - parked->since_ms;

	if (parked->is_reported || waited_ms < REPORT_AFTER_MS)
		return;
	parked->is_reported = true;
	LOG(lane->shared->ports->logger, LOG_WARN,
	    "SKU parked: the database does not accept its messages, but accepts others",
	    LOG_TEXT("sku", parked->node.sku), LOG_NUMBER("messages", parked->waiting.count),
	    LOG_NUMBER("waited_ms", waited_ms), LOG_TEXT("error", lane->complaint));
}

void parking_postpone(struct lane *lane)
{
	struct parked *parked = lane->trying;

	lane->shared->stats->parked_messages += lane->queue.count;
	for (struct delivery *it = lane->queue.first; it; it = it->next)
		engine_hold(lane->engine, it);
	delivery_queue_prepend(&parked->waiting, &lane->queue);
	parked->try_at_ms =
		engine_now_ms(lane->engine) + backoff_next(&parked->backoff, lane->shared->ports->random);
	report_once(lane, parked);
	lane->trying = NULL;
	lane_begin(lane);
}

void parking_release(struct lane *lane)
{
	struct lanes_shared *shared = lane->shared;
	struct parked *parked = lane->trying;
	struct lane *home = engine_lane_of(lane->engine, parked->node.sku);

	if (parked->is_reported)
		LOG(shared->ports->logger, LOG_INFO, "SKU no longer parked: its messages are handled",
		    LOG_TEXT("sku", parked->node.sku),
		    LOG_NUMBER("waited_ms", engine_now_ms(lane->engine) - parked->since_ms));
	shared->stats->parked_messages -= parked->waiting.count;
	/* Do not use its queue: a probe may be under way for the first message there. */
	delivery_queue_prepend(&parked->waiting, &home->returned);
	delivery_queue_prepend(&home->returned, &parked->waiting);
	parked_remove(&shared->parked, parked);
	shared->stats->parked_skus = shared->parked.skus.count;
	lane->trying = NULL;
	lane_wake(home);
}
