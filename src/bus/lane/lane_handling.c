/* Handles the messages of a unit of work in memory: one after another, loading more where that is needed. */
#include "bus/lane/lane_internal.h"
#include "bus/messages/execute.h"

/* A unit whose memory grows beyond this ends early, and leaves its other messages to the next unit. */
#define UNIT_MEMORY_MAX ((size_t)16 * 1024 * 1024)

/* If one message or step needs more loads than this, the stored data is inconsistent. */
#define LOADS_MAX 1000

/* A step of a shrink that is stuck is retried after this time. */
#define STUCK_MS 5000

static void rest(struct lane *lane, const struct product *product, const char *why)
{
	LOG(lane->shared->ports->logger, LOG_ERROR, why, LOG_TEXT("sku", product_sku(product)));
	lane->stepped = true;
	lane->steps_from_ms = engine_now_ms(lane->engine) + STUCK_MS;
}

/* Executes the shrink's step, which precedes all messages.  Returns false if more has to be loaded first. */
static bool execute_step(struct lane *lane)
{
	struct product *product = lane->stepping && !lane->stepped ? lane_shrinking_product(lane) : NULL;
	enum progress progress;

	if (!product)
		return true;
	progress = handle_shrink_step(&lane->uow, product);
	if (progress == PROGRESS_STUCK)
		rest(lane, product, "a shrink cannot go on: its events cannot be written");
	else if (progress == PROGRESS_NEEDS_MORE && ++lane->loads > LOADS_MAX)
		rest(lane, product, "a shrink cannot go on: what is kept of it does not add up");
	else
		lane->stepped = progress == PROGRESS_DONE;
	return lane->stepped;
}

static bool began_shrink(struct lane *lane, const struct delivery *delivery)
{
	const struct product *product;

	if (delivery->decided || delivery->outcome != OUTCOME_HANDLED)
		return false;
	product = delivery_product(&lane->uow, delivery);
	return product && product_is_shrinking(product);
}

/*
 * Moves the next message, whose batch belongs to another SKU, to that SKU's lane.  If that is this lane and
 * nothing holds the message up, it keeps its place in the unit.
 */
static void move_to_owner(struct lane *lane)
{
	struct delivery *delivery = lane->todo.first;
	const char *owner = unit_of_work_batch_owner(&lane->uow, delivery->batchref);

	delivery->sku = arena_strdup(delivery->arena, owner);
	batch_index_remember(lane->shared->batches, delivery->batchref, owner);
	if (engine_lane_of(lane->engine, owner) == lane && !parked_find(&lane->shared->parked, owner) &&
	    engine_admits(lane->engine, delivery))
		return;
	delivery_queue_pop(&lane->todo);
	poison_search_clear(&lane->search, 1);
	lane_push(engine_lane_of(lane->engine, owner), delivery);
}

/* Whether the unit is to end early: it has handled a message, and exceeds UNIT_MEMORY_MAX. */
static bool is_full(const struct lane *lane)
{
	return (lane->done.first || lane->causes.first) && arena_footprint(lane->uow.arena) > UNIT_MEMORY_MAX;
}

/*
 * Loads what the next message lacks.  Returns false if the message is left to the next unit, or has failed.
 */
static bool load_more(struct lane *lane)
{
	struct delivery *delivery = lane->todo.first;

	if (++lane->loads > LOADS_MAX) {
		delivery->cause = CAUSE_DAMAGED_ROWS;
		delivery_decide(delivery, OUTCOME_FAILED, "what is kept of its product does not add up");
		return false;
	}
	if (is_full(lane))
		return false;
	lane_load(lane);
	return true;
}

/* Ends the speculation, and loads what was assumed.  Returns false if the unit is full. */
static bool end_speculation(struct lane *lane)
{
	speculation_end(&lane->uow.speculation);
	if (is_full(lane))
		return false;
	for (struct delivery *it = lane->todo.first; it; it = it->next)
		readmit_delivery(&lane->uow, it);
	lane_load(lane);
	return true;
}

static bool is_undone(enum progress progress)
{
	return progress == PROGRESS_NEEDS_MORE || progress == PROGRESS_LOOK_UP || progress == PROGRESS_REDO;
}

/* Continues after the next message was undone.  Returns false if it is left to the next unit, or failed. */
static bool find_out_more(struct lane *lane, enum progress progress)
{
	if (progress == PROGRESS_NEEDS_MORE)
		return load_more(lane);
	if (progress == PROGRESS_LOOK_UP)
		return end_speculation(lane);
	lane_redo_with_look_ups(lane);
	return true;
}

void lane_handle(struct lane *lane)
{
	struct delivery *delivery;

	if (!execute_step(lane)) {
		lane_load(lane);
		return;
	}
	while ((delivery = lane->todo.first) && !is_full(lane)) {
		enum progress progress = handle_delivery(&lane->uow, delivery);

		if (is_undone(progress)) {
			if (find_out_more(lane, progress))
				return;
			continue;
		}
		lane->loads = 0;
		if (progress == PROGRESS_ELSEWHERE) {
			/* The unit refers to texts of the delivery, which leaves it: build the unit anew. */
			move_to_owner(lane);
			lane_redo(lane);
			return;
		}
		delivery_queue_pop(&lane->todo);
		if (progress == PROGRESS_LATER)
			delivery_queue_push(&lane->later, delivery);
		else
			delivery_queue_push(began_shrink(lane, delivery) ? &lane->causes : &lane->done,
					    delivery);
	}
	if (lane->uow.letter_count && unit_of_work_needs_load(&lane->uow)) {
		lane_load(lane); /* which of its dead letters are there already */
		return;
	}
	delivery_queue_prepend(&lane->queue, &lane->todo);
	lane_flush(lane);
}
