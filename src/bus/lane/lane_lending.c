/*
 * While there is no backlog, the first lane handles the messages of all lanes: one large unit has fewer
 * statements and commits than a small one in each lane.  With a backlog each lane handles its own messages,
 * because several units at a time are faster.
 *
 * A lane lends its SKUs, or the first lane gives them back, right after a commit: the lane then has no unit
 * in flight, so that each SKU's messages keep their order.
 */
#include "bus/lane/lane_internal.h"

/* Lanes lend their SKUs when less than this part of a backlog waits. */
#define CALM_PART 4

static struct lane *first_lane(const struct lane *lane)
{
	return lane->shared->lanes[0];
}

/*
 * Moves what waits in the lane to the lanes that handle it now.  The first messages of the queue may be
 * suspects of a search for a poison message: one that moves is no longer a suspect, and if it is the poison,
 * its new lane searches again.
 */
static void move_waiting(struct lane *lane)
{
	struct delivery_queue queue = lane->queue;
	size_t suspects = lane->search.suspects;
	struct active_shrinks shrinks = lane->shrinks;
	struct active_shrink *shrink;
	struct delivery *delivery;

	lane->queue = (struct delivery_queue){0};
	lane->shrinks = (struct active_shrinks){0};
	while ((shrink = active_shrinks_pop(&shrinks)))
		active_shrinks_push(&engine_lane_of(lane->engine, shrink->sku)->shrinks, shrink);
	while ((delivery = delivery_queue_pop(&queue))) {
		struct lane *target = engine_lane_of(lane->engine, delivery_key(delivery));

		if (suspects && target != lane)
			poison_search_clear(&lane->search, 1);
		suspects -= suspects > 0;
		delivery_queue_push(&target->queue, delivery);
	}
}

/* Does nothing while each lane has its own. */
static void give_back(struct lane *first)
{
	size_t lanes = first->shared->config->lanes, lent = 0;

	for (size_t i = 1; i < lanes; i++) {
		lent += first->shared->lanes[i]->is_lent;
		first->shared->lanes[i]->is_lent = false;
	}
	if (!lent)
		return;
	move_waiting(first);
	for (size_t i = 1; i < lanes; i++)
		lane_wake(first->shared->lanes[i]);
}

static void lend(struct lane *lane)
{
	lane->is_lent = true;
	move_waiting(lane);
	lane_wake(first_lane(lane));
}

/* A search for a poison message holds up no more SKUs than it has to. */
void lane_balance(struct lane *lane)
{
	size_t backlog = lane->shared->config->backlog;
	struct lane *first = first_lane(lane);

	if (lane->is_parking)
		return;
	delivery_queue_prepend(&lane->queue, &lane->returned);
	if (lane == first && (lane->queue.count >= backlog || lane->search.suspects))
		give_back(lane);
	else if (lane != first && !lane->search.suspects && !first->search.suspects &&
		 lane->queue.count + first->queue.count < backlog / CALM_PART)
		lend(lane);
}

struct lane *lane_in_charge(struct lane *lane)
{
	return lane->is_lent ? first_lane(lane) : lane;
}
