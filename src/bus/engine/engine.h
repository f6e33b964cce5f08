/*
 * The engine: takes messages in, and sees to it that each ends in exactly one outcome.
 *
 *     intake ──► lane ──► publisher
 *
 * The intake decodes and finds out which SKU a message is about; a lane gathers all that waits for it into
 * units of work and leads each through load, handle, flush; the publisher hands committed events to the
 * broker, in order. The reminder sends notifications.  All of it waits only for its ports, and is driven by
 * their callbacks.
 *
 * Not thread-safe: one event loop drives it.
 */
#ifndef ALLOCD_BUS_ENGINE_ENGINE_H
#define ALLOCD_BUS_ENGINE_ENGINE_H

#include "bus/engine/engine_config.h"
#include "bus/engine/engine_ports.h"
#include "bus/engine/engine_stats.h"
#include "bus/intake/stream_id.h"
#include "bus/messages/delivery.h"

struct engine;

struct engine *engine_new(const struct engine_ports *ports, const struct engine_config *config);

/*
 * Begins: publishes what an earlier run left, resumes unfinished shrinks, and sends notifications that are
 * due.
 */
void engine_start(struct engine *engine);

/* Takes a message, always. */
void engine_submit(struct engine *engine, const struct arrival *arrival);

/*
 * Whether the next message of a caller who waits for its answer stays within the bounds: messages of SKUs
 * that are held up take no room from it.
 */
bool engine_has_room(const struct engine *engine);

/*
 * Whether who reads messages should pause: from when the queue is full until half of it is free again, of
 * what the messages of SKUs that are held up leave to the others.
 */
bool engine_is_full(const struct engine *engine);

/*
 * Whether who reads pub/sub should pause, though the queue is not full: too many of its messages wait for
 * SKUs that are held up.
 */
bool engine_pauses_pubsub(const struct engine *engine);

/*
 * `changed` is called, from the event loop, whenever engine_is_full(), engine_pauses_pubsub() or
 * engine_stats()->database_up has changed.
 */
void engine_on_change(struct engine *engine, void (*changed)(void *context), void *context);

/*
 * For the reader of a stream: see postponed.h.  Whether entries of the stream are postponed, and whether a
 * pass over the pending ones above `after` is due.  While some are postponed, the reader begins a read of
 * pending entries only when `placed` of engine_stats() has reached what was `received` when it had submitted
 * the last entry: so it knows what was postponed.  With too many SKUs postponed, no new entries are taken.
 */
bool engine_has_postponed(const struct engine *engine, const char *stream);
bool engine_pass_is_due(struct engine *engine, const char *stream, struct stream_id *after);
bool engine_takes_new_entries(const struct engine *engine);

/*
 * Every pass over pending entries, due or not, is said to begin before its first read, and to end.  It has a
 * number.
 */
uint64_t engine_begin_pass(struct engine *engine, const char *stream, struct stream_id after);
void engine_end_pass(struct engine *engine, const char *stream);

/* Whether nothing is queued, in flight or unpublished. */
bool engine_is_idle(const struct engine *engine);

/*
 * `drained` is called once nothing is queued, in flight or unpublished (which may be at once, from the event
 * loop).  The caller has stopped what submits.
 */
void engine_drain(struct engine *engine, void (*drained)(void *context), void *context);

/*
 * Begins no further notification.  Draining waits for those that the notifier has, 2 s at most.  The caller
 * is about to drain.
 */
void engine_stop_notifications(struct engine *engine);

const struct engine_stats *engine_stats(const struct engine *engine);

/* Why work that waits is not done. */
struct engine_trouble {
	const char *text; /* what fails, as the service says it; "": nothing says why */
	int64_t for_ms;   /* how long it has lasted */
};

/*
 * Whether units of work are not committed, or would not be: a lane, the intake or the publisher failed twice
 * in a row, has had no answer for some seconds, or an empty unit failed while nothing else was to be done.
 * `trouble` is the one that has lasted longest; its text lives as long as the engine does nothing.
 */
bool engine_database_trouble(const struct engine *engine, struct engine_trouble *trouble);

/* Whether committed events are refused, or wait and none was published for a while. */
bool engine_events_trouble(const struct engine *engine, struct engine_trouble *trouble);

/*
 * Drops whatever waits, unanswered.  No port may call back any more: stores, broker and notifier are freed or
 * silenced before.  Accepts NULL in *engine and nulls it.
 */
void engine_free(struct engine **engine);

#endif
