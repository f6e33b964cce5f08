/*
 * The engine: accepts messages, and gives each exactly one outcome.
 *
 *     SKU resolver ──► lane ──► publisher
 *
 * The SKU resolver finds the SKU of each message.  The lane of that SKU groups waiting messages into units
 * of work, and loads, handles and flushes each unit.  The publisher sends committed events to the broker,
 * in order, and the housekeeper sends notifications.  All of them wait only for their ports, whose
 * callbacks drive them.
 *
 * Not thread-safe: one event loop drives it.
 */
#ifndef ALLOCD_BUS_ENGINE_ENGINE_H
#define ALLOCD_BUS_ENGINE_ENGINE_H

#include "bus/base/stream_id.h"
#include "bus/engine/engine_config.h"
#include "bus/engine/engine_ports.h"
#include "bus/engine/engine_stats.h"
#include "bus/messages/delivery.h"
#include "bus/statistics/message_times.h"

struct engine;

struct engine *engine_new(const struct engine_ports *ports, const struct engine_config *config);

/*
 * Publishes what an earlier run left unpublished, resumes unfinished shrinks, and sends the notifications
 * that are due.
 */
void engine_start(struct engine *engine);

/* Accepts a message, even when the queue is full. */
void engine_submit(struct engine *engine, const struct arrival *arrival);

/*
 * Whether the queue has room for a message whose sender waits for the answer.  Messages of SKUs that are
 * held up do not count.
 */
bool engine_has_room(const struct engine *engine);

/*
 * False while the database is older than what was published, as after a failover to a standby that lags
 * behind: whether its commits are kept is for an operator to say.  Sources should pause.
 */
bool engine_takes_commands(const struct engine *engine);

/*
 * Whether message sources should pause: from when the queue is full until half of it is free again.  The
 * share held by messages of SKUs that are held up does not count.
 */
bool engine_is_full(const struct engine *engine);

/*
 * Whether pub/sub should pause although the queue is not full, because too many messages wait for SKUs that
 * are held up.
 */
bool engine_pauses_pubsub(const struct engine *engine);

/*
 * `changed` is called, from the event loop, whenever engine_takes_commands(), engine_is_full(),
 * engine_pauses_pubsub() or engine_stats()->database_up has changed.
 */
void engine_on_change(struct engine *engine, void (*changed)(void *context), void *context);

/* A stream whose entries come to this engine. */
struct stream_source {
	const char *name;
	/*
	 * Whether its reader has received again what was pending when it began, and what it claimed: of an
	 * entry that a reader received more than PROCESS_LEASE_OF_STREAM ago, all entries in front have come.
	 */
	bool (*has_caught_up)(const void *reader);
	const void *reader;
	struct stream_source *next;
};

/* To be called before its first entry is submitted.  The source outlives the engine's calls. */
void engine_add_stream(struct engine *engine, struct stream_source *source);

/*
 * For the reader of a stream (see postponed.h): whether entries of the stream are postponed, and whether a
 * pass over the pending ones above `after` is due.  While some are postponed, the reader begins a read of
 * pending entries only when `placed` of engine_stats() has reached the value that `received` had after the
 * reader's last submission: by then it is known what was postponed.  With too many SKUs postponed, no new
 * entries are accepted.
 */
bool engine_has_postponed(const struct engine *engine, const char *stream);
bool engine_pass_is_due(struct engine *engine, const char *stream, struct stream_id *after);
bool engine_takes_new_entries(const struct engine *engine);

/*
 * The reader calls these before the first read and after the last read of every pass over pending entries,
 * due or not.  Returns the number of the pass.
 */
uint64_t engine_begin_pass(struct engine *engine, const char *stream, struct stream_id after);
void engine_end_pass(struct engine *engine, const char *stream);

/*
 * A lease of the stream is lost: gives back the deliveries that came under it and wait for their SKU; the
 * others are given back by the next unit of work that meets them.
 */
void engine_return_lost(struct engine *engine, const char *stream);

/* Whether nothing is queued, in flight or unpublished. */
bool engine_is_idle(const struct engine *engine);

/*
 * `drained` is called from the event loop once nothing is queued, in flight or unpublished.  The caller
 * must stop the sources of messages first.
 */
void engine_drain(struct engine *engine, void (*drained)(void *context), void *context);

/*
 * Begins no further notification; to be called before engine_drain(), which then waits for those under way,
 * 2 s at most.
 */
void engine_stop_notifications(struct engine *engine);

/* When the last message with that id was received, handled and committed; NULL: see message_times.h. */
const struct message_time *engine_message_time(const struct engine *engine, const char *id,
					       const struct unit_times **unit);

const struct engine_stats *engine_stats(const struct engine *engine);

/* Why waiting work is not done. */
struct engine_trouble {
	const char *text; /* the error of the service; "": unknown */
	int64_t for_ms;   /* how long it has lasted */
};

/* The text of a trouble: lanes wait for the broker before they commit events (see publisher_timeline()). */
#define ENGINE_UNCOMPARED "the broker does not answer which events it has published"

/*
 * Whether units of work are not committed, or would not be: a lane, the SKU resolver or the publisher failed
 * twice in a row or has had no answer for some seconds, or an empty unit failed while the engine was idle.
 * `trouble` is the failure that has lasted longest; its text is valid until the engine is next called.
 */
bool engine_database_trouble(const struct engine *engine, struct engine_trouble *trouble);

/* Whether a SKU has been parked for long enough that its messages wait noticeably: see parked.h. */
bool engine_parked_trouble(const struct engine *engine, struct engine_trouble *trouble);

/* Whether committed events are refused, or wait while no event has been published for some time. */
bool engine_events_trouble(const struct engine *engine, struct engine_trouble *trouble);

/*
 * Drops all waiting messages without an answer.  Stores, broker and notifier must be freed before, so that
 * none calls back.  Accepts NULL in *engine and nulls it.
 */
void engine_free(struct engine **engine);

#endif
