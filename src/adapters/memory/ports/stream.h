/*
 * The stream port: a stream with its groups, as Redis keeps them, and any number of consumers of it.
 *
 * A consumer's calls travel over its `requests`, answers over its `answers` (see cable.h); reads have a
 * connection of their own.  Ids are made of simulated milliseconds, from 1 on.
 */
#ifndef ALLOCD_ADAPTERS_MEMORY_PORTS_STREAM_H
#define ALLOCD_ADAPTERS_MEMORY_PORTS_STREAM_H

#include "adapters/memory/simulation/cable.h"
#include "bus/ports/stream.h"

enum consumer_call_kind {
	STREAM_LOOK,
	STREAM_CREATE_GROUP,
	STREAM_MOVE_GROUP,
	STREAM_MARK_LIFE,
	STREAM_CLAIM,
	STREAM_READ_PENDING,
	STREAM_READ_NEW,
	STREAM_ACKNOWLEDGE,
	STREAM_TRIM,
	STREAM_CALLS,
};

enum consumer_trouble {
	STREAM_WELL,
	STREAM_AWAY,        /* nothing is done; FAILURE_RETRY */
	STREAM_REFUSED,     /* nothing is done; FAILURE_FATAL */
	STREAM_NO_GROUP,    /* nothing is done; FAILURE_CONFLICT */
	STREAM_ANSWER_LOST, /* it is done; FAILURE_RETRY */
};

/* Asked for each call that arrives: what goes wrong with it? */
typedef enum consumer_trouble stream_on_trouble(void *context, enum consumer_call_kind call);

struct memory_stream;
struct memory_consumer;

/* No entry was ever added: there is no such stream yet. */
struct memory_stream *memory_stream_new(struct simulation *simulation);

/* All its consumers are freed before.  Accepts NULL in *stream and nulls it. */
void memory_stream_free(struct memory_stream **stream);

/* What a consumer of that name held before is pending for this one. */
struct memory_consumer *memory_consumer_new(struct memory_stream *stream, const char *group,
					    const char *name);

/* The worker is gone: calls under way are dropped, what it holds stays so.  Accepts NULL and nulls. */
void memory_consumer_free(struct memory_consumer **consumer);

struct stream *memory_consumer_port(struct memory_consumer *consumer);
struct cable *memory_consumer_requests(struct memory_consumer *consumer);
struct cable *memory_consumer_answers(struct memory_consumer *consumer);
struct cable *memory_consumer_read_answers(struct memory_consumer *consumer); /* of reads */

/* ---- what a test says ---- */

/* Copied; without an id it gets the next one.  Returns its id.  Readers that wait get it. */
struct stream_id memory_stream_add(struct memory_stream *stream, const struct stream_entry *entry);

/* The stream, its entries and its groups are no more: any id may come again. */
void memory_stream_delete(struct memory_stream *stream);

/* The group goes there. */
void memory_stream_move_group(struct memory_stream *stream, const char *group, struct stream_id to);

/* As Redis before version 7: a look does not say how many entries were added. */
void memory_stream_count_nothing(struct memory_stream *stream);

void memory_stream_lose_marks(struct memory_stream *stream);

/*
 * The stream is as it was when it had that entry last: later ones are gone, its groups stand there at most.
 */
void memory_stream_restore(struct memory_stream *stream, struct stream_id last);

void memory_stream_destroy_group(struct memory_stream *stream, const char *group);

/* Deletes the entry, pending or not. */
void memory_stream_drop(struct memory_stream *stream, struct stream_id id);

/* While it is down every call fails, those that wait at once. */
void memory_stream_set_down(struct memory_stream *stream, bool down);

/* The next call of that kind that arrives fails that way. */
void memory_consumer_fail_next(struct memory_consumer *consumer, enum consumer_call_kind call,
			       enum consumer_trouble trouble);

/* Decides about calls that fail_next says nothing about; NULL: they succeed. */
void memory_consumer_on_trouble(struct memory_consumer *consumer, stream_on_trouble *trouble, void *context);

/* ---- what a test sees ---- */

/* The number of entries, and the id of the first one, which is 0-0 for an empty stream. */
size_t memory_stream_length(const struct memory_stream *stream);
struct stream_id memory_stream_first(const struct memory_stream *stream);

bool memory_stream_has_group(const struct memory_stream *stream, const char *group);

/* How many entries of the group were read and not acknowledged; 0 when there is no such group. */
size_t memory_stream_pending(const struct memory_stream *stream, const char *group);

/* How many calls of that kind have arrived. */
size_t memory_consumer_calls(const struct memory_consumer *consumer, enum consumer_call_kind call);

/* How many entries the last read of that kind asked for. */
size_t memory_consumer_max(const struct memory_consumer *consumer, enum consumer_call_kind call);

#endif
