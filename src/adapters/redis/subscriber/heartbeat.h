/*
 * Detects whether the subscriber receives what the publisher sends: it publishes a token every two seconds on
 * a channel of its own, and the subscriber must receive it.  So a path that is half-open, or that leads
 * publisher and subscriber to different servers, is found within ten seconds, although each server answers.
 * Both connections are then ended and made anew; commands may have been missed since the last heartbeat.
 *
 * With each beat Redis is asked for its role: a replica passes on what its master receives, and the heartbeat
 * would return although a replica takes no writes.
 *
 * The time in which the subscriber is paused does not count.
 */
#ifndef ALLOCD_ADAPTERS_REDIS_SUBSCRIBER_HEARTBEAT_H
#define ALLOCD_ADAPTERS_REDIS_SUBSCRIBER_HEARTBEAT_H

#include "adapters/redis/publisher/redis_publisher.h"
#include "adapters/redis/subscriber/redis_subscriber.h"

/* Behind the prefix: a signal of the subscriber. */
#define HEARTBEAT_CHANNEL "allocd:heartbeat"

struct heartbeat;

/* Both outlive it. */
struct heartbeat *heartbeat_new(const struct redis_settings *settings, struct redis_publisher *publisher,
				struct redis_subscriber *subscriber);

/* Accepts NULL in *heartbeat and nulls it. */
void heartbeat_free(struct heartbeat **heartbeat);

/* The publisher or the subscriber came up.  Beats at once when both are. */
void heartbeat_connected(struct heartbeat *heartbeat);

/* The subscriber heard the signal; other workers' are passed over. */
void heartbeat_heard(struct heartbeat *heartbeat, struct bytes payload);

/* Whether both are up and one was heard since, and in the last ten seconds (pauses not counted). */
bool heartbeat_is_fresh(const struct heartbeat *heartbeat);

/* How long ago one was heard last; 0 before the first one. */
int64_t heartbeat_heard_ms_ago(const struct heartbeat *heartbeat);

#endif
