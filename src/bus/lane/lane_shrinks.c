/* Shrinks that take several steps: one step a unit, each SKU in turn, while the SKU's messages wait. */
#include "bus/lane/lane_internal.h"

#include <assert.h>

/* A shrink whose step cannot be committed now rests this long. */
#define STEP_REST_MS 1000

bool lane_is_shrinking(const struct lane *lane, const char *sku)
{
	return active_shrinks_find(&lane->shrinks, sku);
}

void lane_resume_shrink(struct lane *lane, const char *sku)
{
	active_shrinks_ensure(&lane->shrinks, sku);
	lane_wake(lane);
}

int64_t lane_rest_ms(const struct lane *lane)
{
	int64_t left_ms = lane->steps_from_ms - engine_now_ms(lane->engine);

	return left_ms > 0 ? left_ms : 0;
}

void lane_schedule_step(struct lane *lane)
{
	int64_t rest_ms = lane_rest_ms(lane);

	lane_wait_then(lane, rest_ms ? LANE_RESTING : LANE_SCHEDULED, rest_ms, lane_begin);
}

void lane_rest_shrink(struct lane *lane)
{
	active_shrinks_rotate(&lane->shrinks);
	lane->steps_from_ms = engine_now_ms(lane->engine) + STEP_REST_MS;
}

struct product *lane_shrinking_product(struct lane *lane)
{
	struct product *product = unit_of_work_product(&lane->uow, lane->shrinks.first->sku);

	return product && product_is_shrinking(product) ? product : NULL;
}

/* ---- messages wait for a shrink of their SKU ---- */

static void wait_for(struct lane *lane, struct active_shrink *shrink, struct delivery *delivery)
{
	poison_search_clear(&lane->search, 1);
	if (engine_postpones(lane->engine, delivery, HELD_UP))
		return;
	delivery_queue_push(&shrink->waiting, delivery);
	engine_hold(lane->engine, delivery);
}

/*
 * All messages of the SKU leave the queue together: the postponed ones are read again later, and then join
 * the end of the queue.
 */
bool lane_waits_for_shrink(struct lane *lane, struct delivery *delivery)
{
	struct active_shrink *shrink =
		delivery->decided ? NULL : active_shrinks_find(&lane->shrinks, delivery_key(delivery));
	struct delivery_queue rest = {0};

	if (!shrink)
		return false;
	delivery_queue_collect(&lane->queue, shrink->sku, &rest);
	wait_for(lane, shrink, delivery);
	while ((delivery = delivery_queue_pop(&rest)))
		wait_for(lane, shrink, delivery);
	return true;
}

/* ---- a unit was committed ---- */

/* The messages that waited for the shrink are the next ones of their SKU. */
static void end_first_shrink(struct lane *lane)
{
	struct delivery *cause;

	/* Messages that waited for the shrink arrived before those that the parking lane returned. */
	delivery_queue_prepend(&lane->queue, &lane->returned);
	cause = active_shrinks_end_first(&lane->shrinks, &lane->queue);
	if (cause)
		engine_finish(lane->engine, cause);
}

void lane_note_shrinks(struct lane *lane)
{
	struct lane *home = /* the lane that takes the steps */
		lane->trying ? engine_lane_of(lane->engine, lane->trying->node.sku) : lane;
	struct delivery *delivery;

	if (lane->stepping && lane_shrinking_product(lane))
		active_shrinks_rotate(&lane->shrinks);
	else if (lane->stepping)
		end_first_shrink(lane);
	while ((delivery = delivery_queue_pop(&lane->causes))) {
		struct active_shrink *shrink = active_shrinks_ensure(&home->shrinks, delivery->sku);

		assert(!shrink->cause);
		shrink->cause = delivery;
	}
	while ((delivery = delivery_queue_pop(&lane->later))) {
		delivery_queue_push(&active_shrinks_ensure(&home->shrinks, delivery->sku)->waiting, delivery);
		engine_hold(lane->engine, delivery);
	}
}
