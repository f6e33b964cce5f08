/*
 * The stream port in memory: a stream with groups that behave as in Redis, and any number of consumers.
 *
 * A consumer's calls travel over its `requests`, answers over its `answers` (see cable.h); reads and their
 * answers have cables of their own.  Ids are made of simulated milliseconds, starting at 1.
 */
#ifndef ALLOCD_ADAPTERS_MEMORY_PORTS_STREAM_H
#define ALLOCD_ADAPTERS_MEMORY_PORTS_STREAM_H

#include "adapters/memory/simulation/cable.h"
#include "bus/base/stream_list.h"
#include "bus/ports/stream.h"

enum consumer_call_kind {
	STREAM_LOOK,
	STREAM_CREATE_GROUP,
	STREAM_MOVE_GROUP,
	STREAM_MARK_LIFE,
	STREAM_CLAIM,
	STREAM_READ_PENDING,
	STREAM_READ_NEW,
	STREAM_UNBLOCK,
	STREAM_ACKNOWLEDGE,
	STREAM_FORWARD,
	STREAM_TRIM,
	STREAM_END_CONNECTIONS,
	STREAM_CALLS,
};

enum stream_injection {
	STREAM_WELL,
	STREAM_AWAY,        /* nothing is done; FAILURE_RETRY */
	STREAM_REFUSED,     /* nothing is done; FAILURE_FATAL */
	STREAM_NO_GROUP,    /* nothing is done; FAILURE_CONFLICT */
	STREAM_ANSWER_LOST, /* it is done; FAILURE_RETRY */
};

/* Called for each call that arrives; returns the failure that is injected into it. */
typedef enum stream_injection stream_injector(void *context, enum consumer_call_kind call);

struct memory_stream;
struct memory_consumer;

/* As in Redis, the stream does not exist before its first entry is added. */
struct memory_stream *memory_stream_new(struct simulation *simulation);

/* The caller frees all consumers first.  Accepts NULL in *stream and nulls it. */
void memory_stream_free(struct memory_stream **stream);

/* Entries that are pending for an earlier consumer of that name are pending for this one. */
struct memory_consumer *memory_consumer_new(struct memory_stream *stream, const char *group,
					    const char *name);

/* Drops calls under way; pending entries stay pending.  Accepts NULL in *consumer and nulls it. */
void memory_consumer_free(struct memory_consumer **consumer);

/* The streams that it can forward entries to, by their names; the list and the array outlive it. */
void memory_consumer_know(struct memory_consumer *consumer, const struct stream_list *list,
			  struct memory_stream *const *streams);

struct stream *memory_consumer_port(struct memory_consumer *consumer);
struct cable *memory_consumer_requests(struct memory_consumer *consumer);
struct cable *memory_consumer_answers(struct memory_consumer *consumer);
struct cable *memory_consumer_read_requests(struct memory_consumer *consumer); /* of reads */
struct cable *memory_consumer_read_answers(struct memory_consumer *consumer);

/* ---- for tests ---- */

/* Adds a copy of the entry, with the next id if it has no id; returns the id.  Waiting reads receive it. */
struct stream_id memory_stream_add(struct memory_stream *stream, const struct stream_entry *entry);

/* Deletes the stream with its entries and groups; its ids may be used again. */
void memory_stream_delete(struct memory_stream *stream);

/* Sets the group's last delivered id, as XGROUP SETID does. */
void memory_stream_move_group(struct memory_stream *stream, const char *group, struct stream_id to);

/* Behaves like Redis before version 7, whose answer to a look lacks the number of entries added. */
void memory_stream_count_nothing(struct memory_stream *stream);

void memory_stream_lose_marks(struct memory_stream *stream);

/* Restores the stream to where `last` was its last entry: later entries are gone, and no group is past it. */
void memory_stream_restore(struct memory_stream *stream, struct stream_id last);

void memory_stream_destroy_group(struct memory_stream *stream, const char *group);

/* Deletes the entry, whether or not it is pending. */
void memory_stream_drop(struct memory_stream *stream, struct stream_id id);

/* Ends the connections of all consumers: calls under way fail, and so do reads that wait. */
void memory_stream_end_connections(struct memory_stream *stream);

/*
 * The server's clock, of which ids are made, is this far ahead of simulated time; negative: behind, but never
 * before time 0.
 */
void memory_stream_set_clock(struct memory_stream *stream, int64_t ahead_ms);

/* While the stream is down, every call fails; reads that wait fail immediately. */
void memory_stream_set_down(struct memory_stream *stream, bool down);

/* The next call of that kind that arrives gets this injection. */
void memory_consumer_fail_next(struct memory_consumer *consumer, enum consumer_call_kind call,
			       enum stream_injection injected);

/* Decides about calls for which fail_next has planned no failure; NULL: they succeed. */
void memory_consumer_set_injector(struct memory_consumer *consumer, stream_injector *injector, void *context);

/* ---- what a test sees ---- */

/* The number of entries, and the id of the first one, which is 0-0 for an empty stream. */
size_t memory_stream_length(const struct memory_stream *stream);
struct stream_id memory_stream_first(const struct memory_stream *stream);

/* The last id that it has given; 0-0: there is no stream. */
struct stream_id memory_stream_last(const struct memory_stream *stream);

bool memory_stream_has_group(const struct memory_stream *stream, const char *group);

/* The number of entries that the group has read and not acknowledged; 0 if there is no such group. */
size_t memory_stream_pending(const struct memory_stream *stream, const char *group);

/* The number of entries that the group has not read. */
size_t memory_stream_unread(const struct memory_stream *stream, const char *group);

/* The number of calls of that kind that have arrived. */
size_t memory_consumer_calls(const struct memory_consumer *consumer, enum consumer_call_kind call);

/* The number of entries that the last read of that kind asked for. */
size_t memory_consumer_max(const struct memory_consumer *consumer, enum consumer_call_kind call);

#endif
