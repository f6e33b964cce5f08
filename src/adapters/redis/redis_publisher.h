/*
 * The broker port on Redis: PUBLISH for each event, on the channel of its name behind the prefix; and, when
 * it is configured, XADD of the same to a stream, trimmed to about EVENT_STREAM_LENGTH entries (fields
 * `type`, `data`).
 *
 * A call is one pipeline and no transaction: when Redis refuses one event of it, the call fails with
 * FAILURE_RETRY though others went out.  Repeating it is safe: an event has its version.  While the stream
 * refuses events, calls fail without publishing any, so that listeners do not hear the same at each repetition.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_REDIS_PUBLISHER_H
#define ALLOCD_ADAPTERS_REDIS_REDIS_PUBLISHER_H

#include "adapters/redis/connection.h"
#include "bus/broker.h"

#define EVENT_STREAM_LENGTH "100000"

/* While more than this waits to be sent, further calls fail at once. */
#define PUBLISHER_OUTPUT_MAX ((size_t)16 * 1024 * 1024)

struct redis_publisher_config {
	const char *name;         /* what CLIENT LIST shows */
	const char *prefix;       /* before every channel and key; copied */
	const char *event_stream; /* copied; NULL or empty: none */
};

/* Counters only go up. */
struct redis_publisher_stats {
	uint64_t published;    /* events that Redis took */
	uint64_t nobody_heard; /* of them those that had no receiver on their channel */
	uint64_t refused;      /* commands that Redis answered with an error */
};

struct redis_publisher;

/* Begins to connect. */
struct redis_publisher *redis_publisher_new(const struct redis_settings *settings,
					    const struct redis_publisher_config *config);

/* Calls under way are not answered any more.  Not from a `done`.  Accepts NULL in *publisher and nulls it. */
void redis_publisher_free(struct redis_publisher **publisher);

struct broker *redis_publisher_broker(struct redis_publisher *publisher);

/* Why it is not up; NULL when it is. */
const char *redis_publisher_trouble(const struct redis_publisher *publisher);

const struct redis_publisher_stats *redis_publisher_stats(const struct redis_publisher *publisher);

#endif
