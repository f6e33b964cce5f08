/*
 * The broker port on Redis.  A script (see fence.lua) publishes rows behind the fence of their partition: it
 * sends each event by PUBLISH to the channel of its name with the prefix and, if a stream is configured, by
 * XADD to that stream (fields `type`, `data`), which is trimmed to about EVENT_STREAM_LENGTH entries.
 *
 * No event of a row that the stream refuses is published, at any retry.  While Redis has no memory for fence
 * and stream, events are published without them, in order: then each is published at least once.
 *
 * The user in REDIS_URL needs SCRIPT LOAD, EVALSHA, HGET, HSET, PEXPIRE, XADD and PUBLISH.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_PUBLISHER_REDIS_PUBLISHER_H
#define ALLOCD_ADAPTERS_REDIS_PUBLISHER_REDIS_PUBLISHER_H

#include "adapters/redis/connection/redis_connection.h"
#include "bus/ports/broker.h"
#include "bus/statistics/event_statistics.h"

/* While more bytes than this are unsent, further calls fail at once. */
#define PUBLISHER_OUTPUT_MAX ((size_t)16 * 1024 * 1024)

struct redis_publisher_config {
	const char *name;          /* what CLIENT LIST shows */
	const char *prefix;        /* before every channel and key; copied */
	const char *event_stream;  /* copied; NULL or empty: none */
	void (*up)(void *context); /* called whenever it comes up; may be NULL */
	void *context;
};

/* Counters only go up. */
struct redis_publisher_stats {
	uint64_t published; /* events that Redis accepted */
	uint64_t unheard;   /* those without a subscriber under any of their names; each counts once, */
	uint64_t unfenced;  /* and those published without fence and stream: Redis was out of memory */
	struct event_statistics by_event; /* each name of an event for itself */
	uint64_t gaps;                    /* calls whose rows follow a missing row */
	uint64_t refused;                 /* calls that Redis answered with an error */
};

struct redis_publisher;

/* Begins to connect. */
struct redis_publisher *redis_publisher_new(const struct redis_settings *settings,
					    const struct redis_publisher_config *config);

/* Calls in flight are not answered.  Not from a `done`.  Accepts NULL in *publisher and nulls it. */
void redis_publisher_free(struct redis_publisher **publisher);

struct broker *redis_publisher_broker(struct redis_publisher *publisher);

/* Publishes a message that is no event, on the prefixed channel.  Its outcome is not reported. */
void redis_publisher_signal(struct redis_publisher *publisher, const char *channel, struct bytes payload);

bool redis_publisher_is_up(const struct redis_publisher *publisher);

/* Why Redis refused the last signal that it answered; "" when it did not. */
const char *redis_publisher_signal_refusal(const struct redis_publisher *publisher);

/* Why it is not up; NULL when it is. */
const char *redis_publisher_trouble(const struct redis_publisher *publisher);

/* Whether events are published without fence and stream, because Redis has no memory for them. */
bool redis_publisher_is_out_of_memory(const struct redis_publisher *publisher);

/* Asks Redis whether it has become a replica, and leaves it then. */
void redis_publisher_check_role(struct redis_publisher *publisher);

/* Ends the connection, and reconnects; calls in flight fail.  Not from a `done`. */
void redis_publisher_drop(struct redis_publisher *publisher, const char *cause);

const struct redis_publisher_stats *redis_publisher_stats(const struct redis_publisher *publisher);

#endif
