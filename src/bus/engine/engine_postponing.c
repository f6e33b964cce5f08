/*
 * The messages of SKUs that are held up wait in memory, up to their share of the queue.  Beyond it, stream
 * entries are postponed (see postponed.h), HTTP callers are asked to retry, and pub/sub, which stores
 * nothing, is paused.
 */
#include "bus/engine/engine_internal.h"
#include "bus/engine/sku_resolver.h"
#include "bus/lane/lane.h"

#include <string.h>

/*
 * Quarters of the queue that the messages of held-up SKUs may fill, and below which pub/sub resumes.  The
 * first message of a SKU is the one that is retried, so it is kept until they fill one quarter more.
 */
#define HELD_QUARTERS   2
#define RESUME_QUARTERS 1
#define TRIED_QUARTERS  3

/* With more postponed SKUs than this, no new entries are read until some SKUs are free again. */
#define MARKS_MAX 1000

/* ---- how much is held up ---- */

static bool holds_less_than(const struct engine *engine, size_t quarters)
{
	return engine->held_messages < engine->config.queue_max * quarters / 4 &&
	       engine->held_bytes < engine->config.queue_bytes * quarters / 4;
}

bool engine_has_room_for_held(const struct engine *engine)
{
	return holds_less_than(engine, HELD_QUARTERS);
}

void engine_hold(struct engine *engine, struct delivery *delivery)
{
	if (delivery->is_held)
		return;
	delivery->is_held = true;
	engine->held_messages++;
	engine->held_bytes += delivery->footprint;
	if (delivery->part_of) {
		engine->held_parts++;
		engine_hold(engine, delivery->event); /* which waits for it */
		sku_resolver_check_room(engine->resolver);
	}
	engine_check_full(engine); /* fewer messages count as not held up now */
}

void engine_let_go(struct engine *engine, struct delivery *delivery)
{
	if (!delivery->is_held)
		return;
	delivery->is_held = false;
	engine->held_messages--;
	engine->held_bytes -= delivery->footprint;
	engine->held_parts -= delivery->part_of != NULL;
	if (!engine->pauses_pubsub || !holds_less_than(engine, RESUME_QUARTERS))
		return;
	engine->pauses_pubsub = false;
	LOG(engine->ports.logger, LOG_INFO, "reading pub/sub resumed",
	    LOG_NUMBER("messages", engine->held_messages));
	engine_note_change(engine);
}

static bool is_held_up(struct engine *engine, const char *sku)
{
	return parked_find(&engine->shared.parked, sku) ||
	       (*sku && lane_is_shrinking(engine_lane_of(engine, sku), sku));
}

/* ---- messages that have no room any more ---- */

static void pause_pubsub(struct engine *engine, const char *sku)
{
	if (engine->pauses_pubsub)
		return;
	engine->pauses_pubsub = true;
	LOG(engine->ports.logger, LOG_WARN,
	    "pub/sub is not read: the messages of SKUs that are held up fill their half of the queue",
	    LOG_TEXT("sku", sku), LOG_NUMBER("messages", engine->held_messages));
	engine_note_change(engine);
}

static void give_back(struct engine *engine, struct delivery *delivery)
{
	delivery_postpone(delivery);
	engine_finish(engine, delivery);
}

/* A pass may return what is postponed, and end, before a lane begins what it accepted of that SKU before. */
static void check_again(struct engine *engine, const char *sku)
{
	if (sku)
		lane_check_again(engine_lane_of(engine, sku), sku);
}

static void leave_pending(struct engine *engine, const struct delivery *delivery, const char *sku)
{
	bool is_first = !postponed_has(&engine->postponed, delivery->origin);
	const char *behind = postponed_add(&engine->postponed, delivery, sku);

	if (is_first)
		LOG(engine->ports.logger, LOG_WARN,
		    "stream entries stay pending: the messages of SKUs that are held up fill their half of the queue",
		    LOG_TEXT("stream", delivery->origin), LOG_TEXT("sku", sku),
		    LOG_NUMBER("messages", engine->held_messages));
	check_again(engine, behind);
}

void engine_postpone(struct engine *engine, struct delivery *delivery, const char *sku)
{
	if (delivery->transport == TRANSPORT_STREAM && !delivery_lost_lease(delivery))
		leave_pending(engine, delivery, sku);
	engine->stats.postponed_skus = engine->postponed.marks.count;
	give_back(engine, delivery);
}

/* The message itself; of a command of a process, the event: both have one place in their stream. */
static const struct delivery *message_of(const struct delivery *delivery)
{
	return delivery->event ? delivery->event : delivery;
}

bool engine_admits(const struct engine *engine, const struct delivery *delivery)
{
	const struct delivery *entry = message_of(delivery);
	bool is_of_stream = entry->transport == TRANSPORT_STREAM || entry->transport == TRANSPORT_PROCESS;

	return !is_of_stream || postponed_admits(&engine->postponed, entry, delivery_key(delivery));
}

bool engine_postpones(struct engine *engine, struct delivery *delivery, enum held_up held_up)
{
	const char *sku = delivery_key(delivery);
	size_t quarters = held_up == HELD_UP_UNTRIED ? TRIED_QUARTERS : HELD_QUARTERS;
	const struct delivery *message = message_of(delivery);
	/* A sender that has its answer cannot be asked to try again. */
	bool has_room = message->was_answered || held_up == NOT_HELD_UP || delivery->is_held ||
			holds_less_than(engine, quarters);
	bool is_accepted = has_room && engine_admits(engine, delivery);

	if (delivery_lost_lease(delivery)) {
		give_back(engine, delivery);
		return true;
	}
	if (!is_accepted && message->transport == TRANSPORT_PUBSUB) {
		pause_pubsub(engine, sku);
		is_accepted = true;
	}
	if (is_accepted)
		delivery->was_accepted = true;
	else if (delivery->event)
		give_back(engine, delivery); /* its event is postponed, too */
	else
		engine_postpone(engine, delivery, sku);
	return !is_accepted;
}

bool engine_postpones_unknown(struct engine *engine, struct delivery *delivery)
{
	const char *behind;

	if (delivery->transport != TRANSPORT_STREAM ||
	    !postponed_add_unknown(&engine->postponed, delivery, &behind))
		return false;
	check_again(engine, behind);
	give_back(engine, delivery);
	return true;
}

const char *engine_must_wait_for(const struct engine *engine, const struct delivery *event)
{
	if (event->transport == TRANSPORT_STREAM)
		return postponed_before(&engine->postponed, event);
	return event->transport == TRANSPORT_HTTP && !engine_has_room_for_held(engine) ? "" : NULL;
}

/*
 * While entries are postponed, this worker keeps the processes of postponed events from others.  A stream
 * that is read by another one is no reason to.
 */
static void note_postponed(struct engine *engine)
{
	engine->stats.postponed_skus = engine->postponed.marks.count;
	if (!engine->postponed.marks.count)
		processes_forget_postponed(engine->processes);
}

void engine_return_lost(struct engine *engine, const char *stream)
{
	postponed_forget(&engine->postponed, stream);
	note_postponed(engine);
	if (engine->shared.parking)
		lane_return_lost(engine->shared.parking);
}

/* ---- what the reader of a stream calls ---- */

bool engine_pauses_pubsub(const struct engine *engine)
{
	return engine->pauses_pubsub;
}

bool engine_has_postponed(const struct engine *engine, const char *stream)
{
	return postponed_has(&engine->postponed, stream);
}

bool engine_takes_new_entries(const struct engine *engine)
{
	return engine->postponed.marks.count < MARKS_MAX;
}

bool engine_pass_is_due(struct engine *engine, const char *stream, struct stream_id *after)
{
	struct stream_id lowest = STREAM_ID_MAX;

	for (const struct postponed *it = postponed_first(&engine->postponed); it; it = postponed_next(it)) {
		if (!strcmp(it->stream, stream) && stream_id_compare(it->lowest, lowest) < 0 &&
		    !is_held_up(engine, it->node.sku))
			lowest = it->lowest;
	}
	*after = stream_id_before(lowest);
	return stream_id_compare(lowest, STREAM_ID_MAX) < 0;
}

uint64_t engine_begin_pass(struct engine *engine, const char *stream, struct stream_id after)
{
	return postponed_begin_pass(&engine->postponed, stream, after);
}

void engine_end_pass(struct engine *engine, const char *stream)
{
	if (postponed_end_pass(&engine->postponed, stream))
		LOG(engine->ports.logger, LOG_INFO, "the stream entries that stayed pending were read again",
		    LOG_TEXT("stream", stream));
	note_postponed(engine);
}
