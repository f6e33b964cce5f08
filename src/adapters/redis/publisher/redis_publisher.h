/*
 * The broker port on Redis: rows go out behind the fence of their partition, in one script (see fence.lua):
 * PUBLISH of each event, on the channel of its name behind the prefix; and, when it is configured, XADD of
 * the same to a stream, trimmed to about EVENT_STREAM_LENGTH entries (fields `type`, `data`).
 *
 * No event of a row that the stream refuses is published, at any retry.  While Redis has no memory for fence
 * and stream, events are published without them, in order: then each goes out at least once.
 *
 * The user in REDIS_URL needs SCRIPT LOAD, EVALSHA, HGET, HSET, PEXPIRE, XADD and PUBLISH.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_PUBLISHER_REDIS_PUBLISHER_H
#define ALLOCD_ADAPTERS_REDIS_PUBLISHER_REDIS_PUBLISHER_H

#include "adapters/redis/connection/redis_connection.h"
#include "bus/ports/broker.h"

/* While more than this waits to be sent, further calls fail at once. */
#define PUBLISHER_OUTPUT_MAX ((size_t)16 * 1024 * 1024)

struct redis_publisher_config {
	const char *name;          /* what CLIENT LIST shows */
	const char *prefix;        /* before every channel and key; copied */
	const char *event_stream;  /* copied; NULL or empty: none */
	void (*up)(void *context); /* called whenever it came up; may be NULL */
	void *context;
};

/* Counters only go up. */
struct redis_publisher_stats {
	uint64_t published;    /* events that Redis took */
	uint64_t nobody_heard; /* of them those that had no receiver on their channel, */
	uint64_t unfenced;     /* and those that went past fence and stream: Redis was out of memory */
	uint64_t gaps;         /* calls whose rows follow missing ones */
	uint64_t refused;      /* calls that Redis answered with an error */
};

struct redis_publisher;

/* Begins to connect. */
struct redis_publisher *redis_publisher_new(const struct redis_settings *settings,
					    const struct redis_publisher_config *config);

/* Calls under way are not answered any more.  Not from a `done`.  Accepts NULL in *publisher and nulls it. */
void redis_publisher_free(struct redis_publisher **publisher);

struct broker *redis_publisher_broker(struct redis_publisher *publisher);

/* Publishes what is no event, on a channel behind the prefix.  Its outcome is not reported. */
void redis_publisher_signal(struct redis_publisher *publisher, const char *channel, struct bytes payload);

bool redis_publisher_is_up(const struct redis_publisher *publisher);

/* Why Redis refused the last of redis_publisher_signal(); "" when it did not. */
const char *redis_publisher_signal_refusal(const struct redis_publisher *publisher);

/* Why it is not up; NULL when it is. */
const char *redis_publisher_trouble(const struct redis_publisher *publisher);

/* Asks Redis whether it is a replica by now, and leaves it then. */
void redis_publisher_check_role(struct redis_publisher *publisher);

/* Ends the connection; calls under way fail.  It comes back by itself.  Not from a `done`. */
void redis_publisher_drop(struct redis_publisher *publisher, const char *cause);

const struct redis_publisher_stats *redis_publisher_stats(const struct redis_publisher *publisher);

#endif
