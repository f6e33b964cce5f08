/*
 * Receives messages on Redis' channels: one channel for each message type, named after it behind the prefix.
 *
 * Delivery is at most once: what is published while this subscriber is not up is never received.  Such
 * subscription gaps are reported.  Messages, and signals on further channels, are delivered in the order in
 * which Redis sent them.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_SUBSCRIBER_REDIS_SUBSCRIBER_H
#define ALLOCD_ADAPTERS_REDIS_SUBSCRIBER_REDIS_SUBSCRIBER_H

#include "adapters/redis/connection/redis_connection.h"
#include "bus/ports/checkpoints.h"
#include "core/base/bytes.h"
#include "core/message.h"

/* Called from the event loop.  Arguments are valid during the call.  All but `message` may be NULL. */
struct redis_listener {
	/* `payload` holds PAYLOAD_MAX bytes at most; `true_size` is more when the rest was not kept. */
	void (*message)(void *context, enum message_type type, const char *channel, struct bytes payload,
			size_t true_size);

	/* A message arrived on the signal's channel.  NULL when there are no signals. */
	void (*signal)(void *context, size_t index, struct bytes payload);

	/*
	 * All channels are subscribed from now on.  The window began when the subscriber was created, or
	 * when its connection was lost.
	 */
	void (*up)(void *context, const struct subscription_gap *window);

	/* The subscriber is not up any more.  Nothing was missed before `since`: microseconds since 1970. */
	void (*down)(void *context, int64_t since, const char *cause);
};

struct redis_subscriber_config {
	const char *name;   /* what CLIENT LIST shows */
	const char *prefix; /* before every channel; copied, like the types */
	const enum message_type *types;
	size_t count;               /* 1 to MSG_TYPES */
	const char *const *signals; /* further channels, behind the prefix; copied */
	size_t signal_count;
};

/* Counters only go up. */
struct redis_subscriber_stats {
	uint64_t received;  /* messages */
	uint64_t oversized; /* those of them that are longer than PAYLOAD_MAX */
	uint64_t losses;    /* of a connection that was up */
	uint64_t pauses;
};

struct redis_subscriber;

/* Begins to connect.  `listener` outlives it. */
struct redis_subscriber *redis_subscriber_new(const struct redis_settings *settings,
					      const struct redis_subscriber_config *config,
					      const struct redis_listener *listener, void *context);

/* No callback is called any more.  Not from its own callbacks.  Accepts NULL in *subscriber and nulls it. */
void redis_subscriber_free(struct redis_subscriber **subscriber);

/*
 * While it is paused no message is delivered: what was read already is kept (a bounded amount), and the rest
 * waits at Redis, which disconnects a client that reads too slowly.  Both may be called from `message`.
 */
void redis_subscriber_pause(struct redis_subscriber *subscriber);
void redis_subscriber_resume(struct redis_subscriber *subscriber);

bool redis_subscriber_is_paused(const struct redis_subscriber *subscriber);

bool redis_subscriber_is_up(const struct redis_subscriber *subscriber);

/* The run id of the server that it was connected to last; "": unknown. */
const char *redis_subscriber_run_id(const struct redis_subscriber *subscriber);

/* Why it is not up; NULL when it is. */
const char *redis_subscriber_trouble(const struct redis_subscriber *subscriber);

/*
 * Ends the connection, if it is up, and reconnects.  The subscription gap begins at `since`, but not before
 * the connection came up.  Not from its own callbacks.
 */
void redis_subscriber_drop(struct redis_subscriber *subscriber, int64_t since, const char *cause);

const struct redis_subscriber_stats *redis_subscriber_stats(const struct redis_subscriber *subscriber);

#endif
